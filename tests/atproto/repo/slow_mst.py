"""A slow and obvious Merkle Search Tree: keys go in one by one, nodes split where they must. The oracle of test_mst."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import libipld


@dataclass
class Slow:
    """A node: `children` has one more than `keys` and `values`."""

    height: int
    keys: list[bytes]
    values: list[bytes]
    children: list[Slow | None]


def root_cid(items: dict[bytes, bytes]) -> bytes:
    """The CID of the tree that holds these keys with these record CIDs."""
    root: Slow | None = None
    for key, value in items.items():
        root = insert(root, key, value)
    return cid_of(root or Slow(0, [], [], [None]))


def height_of(key: bytes) -> int:
    """The spec's words: count the leading zero bits of the hash, divide by two, round down."""
    bits = "".join(f"{byte:08b}" for byte in sha256(key).digest())
    return (len(bits) - len(bits.lstrip("0"))) // 2


def insert(node: Slow | None, key: bytes, value: bytes) -> Slow:
    height = height_of(key)
    if node is None:
        return Slow(height, [key], [value], [None, None])
    if height > node.height:
        left, right = split(node, key)
        return Slow(height, [key], [value], [lift(left, height - 1), lift(right, height - 1)])
    place = sum(other < key for other in node.keys)
    if height < node.height:
        node.children[place] = lift(insert(node.children[place], key, value), node.height - 1)
        return node
    left, right = split(node.children[place], key)
    node.keys.insert(place, key)
    node.values.insert(place, value)
    node.children[place : place + 1] = [lift(left, height - 1), lift(right, height - 1)]
    return node


def split(node: Slow | None, key: bytes) -> tuple[Slow | None, Slow | None]:
    """What is before the key, and what is after it."""
    if node is None:
        return None, None
    place = sum(other < key for other in node.keys)
    left, right = (lift(part, node.height - 1) for part in split(node.children[place], key))
    before = Slow(node.height, node.keys[:place], node.values[:place], [*node.children[:place], left])
    after = Slow(node.height, node.keys[place:], node.values[place:], [right, *node.children[place + 1 :]])
    return trim(before), trim(after)


def trim(node: Slow | None) -> Slow | None:
    """The node without the empty nodes at its top."""
    return node if node is None or node.keys else trim(node.children[0])


def lift(node: Slow | None, height: int) -> Slow | None:
    """The node with empty nodes above it, up to that height."""
    if node is None or node.height == height:
        return node
    return lift(Slow(node.height + 1, [], [], [node]), height)


def cid_of(node: Slow) -> bytes:
    left, *rights = (child and cid_of(child) for child in node.children)
    entries: list[dict[str, object]] = []
    previous = b""
    for key, value, right in zip(node.keys, node.values, rights, strict=True):
        shared = next((at for at in range(len(key)) if previous[at : at + 1] != key[at : at + 1]), len(key))
        entries.append({"p": shared, "k": key[shared:], "v": value, "t": right})
        previous = key
    return b"\x01\x71\x12\x20" + sha256(libipld.encode_dag_cbor({"l": left, "e": entries})).digest()
