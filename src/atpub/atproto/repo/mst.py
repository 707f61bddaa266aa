"""The Merkle Search Tree of a repository (AT Protocol specification: Repository, "MST Structure").

A tree maps record keys (`collection/rkey` in bytes) to the binary CIDs of records. Its shape follows from its content
alone, so that a change can be made by keeping every subtree that it does not touch and building the rest anew.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias, TypeGuard

import libipld

from atpub.atproto.repo.block import Native, cid_of, decode, is_cid
from atpub.errors import OversizedResponse, RepositoryError


@dataclass(frozen=True, slots=True)
class Node:
    """A node and all below it; `children` stand before, between and after the keys, None where there is none."""

    height: int
    keys: tuple[bytes, ...]
    values: tuple[bytes, ...]
    children: tuple[Node | None, ...]
    first: bytes  # the smallest key in the node or below it
    cid: bytes
    block: bytes


class _Leaf(NamedTuple):
    height: int
    first: bytes
    value: bytes


_Part: TypeAlias = "_Leaf | Node"


def height_of(key: bytes) -> int:
    """How high a key stands: the leading zero bits of its SHA-256, counted in pairs."""
    return (256 - int.from_bytes(sha256(key).digest(), "big").bit_length()) // 2


def update(tree: Node, changes: Mapping[bytes, bytes | None]) -> Node:
    """Return the tree after the changes: each key's new record CID, or None where the key goes."""
    parts = _parts_beside(tree, b"", None, sorted(changes))
    parts = [part for part in parts if part.first not in changes]
    parts += [_Leaf(height_of(key), key, value) for key, value in changes.items() if value is not None]
    parts.sort(key=_first)
    return _assemble(parts, max(part.height for part in parts)) if parts else EMPTY


def entries(tree: Node) -> Iterator[tuple[bytes, bytes]]:
    """Every key with its record's CID, in order."""
    for index, child in enumerate(tree.children):
        if child is not None:
            yield from entries(child)
        if index < len(tree.keys):
            yield tree.keys[index], tree.values[index]


def blocks(tree: Node) -> Iterator[tuple[bytes, bytes]]:
    """Every node's CID and block, each before those below it."""
    yield tree.cid, tree.block
    for child in tree.children:
        if child is not None:
            yield from blocks(child)


def way(tree: Node, key: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the CID and block of each node from the top to the key, or to where it would be."""
    node: Node | None = tree
    while node is not None:
        yield node.cid, node.block
        index = bisect_left(node.keys, key)
        node = None if index < len(node.keys) and node.keys[index] == key else node.children[index]


def _first(part: _Part) -> bytes:
    return part.first


def _parts_beside(node: Node, low: bytes, high: bytes | None, changed: list[bytes]) -> list[_Part]:
    """Return the node taken apart, but for those subtrees that no changed key lies in or right beside.

    Which keys a subtree holds follows from its two neighbours in the nodes above: where both stay and nothing comes
    between them, it stays as it is.
    """
    parts: list[_Part] = []
    bounds = zip((low, *node.keys), (*node.keys, high), node.children, strict=True)
    for index, (before, after, child) in enumerate(bounds):
        if child is not None:
            parts += _parts_beside(child, before, after, changed) if _between(before, after, changed) else [child]
        if index < len(node.keys):
            parts.append(_Leaf(node.height, node.keys[index], node.values[index]))
    return parts


def _between(low: bytes, high: bytes | None, changed: list[bytes]) -> bool:
    index = bisect_left(changed, low)
    return index < len(changed) and (high is None or changed[index] <= high)


def _assemble(parts: list[_Part], height: int) -> Node:
    """Return the node of that height over parts in order, the highest of which are its own keys."""
    keys: list[bytes] = []
    values: list[bytes] = []
    children: list[Node | None] = []
    start = 0
    for at, part in enumerate(parts):
        if part.height == height and isinstance(part, _Leaf):
            children.append(_subtree(parts[start:at], height - 1) if start < at else None)
            keys.append(part.first)
            values.append(part.value)
            start = at + 1
    children.append(_subtree(parts[start:], height - 1) if start < len(parts) else None)
    return _node(height, tuple(keys), tuple(values), tuple(children))


def _subtree(parts: list[_Part], height: int) -> Node:
    """Return the node of that height over parts that may all be lower, or be that very node."""
    only = parts[0]
    return only if len(parts) == 1 and isinstance(only, Node) and only.height == height else _assemble(parts, height)


def _node(height: int, keys: tuple[bytes, ...], values: tuple[bytes, ...], children: tuple[Node | None, ...]) -> Node:
    left, *rights = (None if child is None else child.cid for child in children)
    items: list[Native] = []
    previous = b""
    for key, value, right in zip(keys, values, rights, strict=True):
        shared = _share(previous, key)
        items.append({"k": key[shared:], "p": shared, "t": right, "v": value})
        previous = key
    block = libipld.encode_dag_cbor({"e": items, "l": left})
    first = children[0].first if children[0] else b"".join(keys[:1])
    return Node(height, keys, values, children, first, cid_of(block), block)


def _share(one: bytes, other: bytes) -> int:
    """How many bytes the two have in common at their start."""
    size = min(len(one), len(other))
    differing = int.from_bytes(one[:size], "big") ^ int.from_bytes(other[:size], "big")
    return size - (differing.bit_length() + 7) // 8


EMPTY = _node(0, (), (), (None,))


# Reading: nothing about a tree from elsewhere is taken for granted.


MOST_ENTRIES: Final = 1_000_000
"""The most records of a repository: where many keys name one block, its blocks do not limit them."""
MOST_KEY_BYTES: Final = 128 * 1024 * 1024
"""The most bytes of all keys: an entry of 60 bytes may name a key of 800."""
_LONGEST_KEY = 317 + 1 + 512  # an NSID, a slash, a record key: entries that share prefixes may each name a longer one

_MOST_LEVELS: Final = 130  # a hash of 256 bits has no more pairs of zeros
_Entry: TypeAlias = tuple[bytes, bytes, bytes | None]
"""A key, its record's CID, and the node after it."""

GetBlock: TypeAlias = Callable[[bytes], bytes | None]


class _Found:
    """The entries found so far, within the limits of their number and of their keys' bytes."""

    def __init__(self) -> None:
        self.entries: list[tuple[bytes, bytes]] = []
        self._count = 0
        self._size = 0

    def expect(self, items: list[_Entry]) -> None:
        """Count the entries of another node; raises OversizedResponse."""
        self._count += len(items)
        self._size += sum(len(key) for key, _, _ in items)
        if self._count > MOST_ENTRIES:
            raise OversizedResponse(f"the repository has more than {MOST_ENTRIES:,} records")
        if self._size > MOST_KEY_BYTES:
            raise OversizedResponse(f"the keys of the repository's records have more than {MOST_KEY_BYTES:,} bytes")


def walk(root: bytes, get_block: GetBlock) -> list[tuple[bytes, bytes]]:
    """Every key with its record's CID, in order; raises RepositoryError at a node that is missing or malformed.

    What comes back is a whole tree in its one canonical shape, provided that `get_block` gives only blocks that hash
    to the CID asked for.
    """
    found = _Found()
    _walk(root, None, get_block, found)
    return found.entries


def find(root: bytes, key: bytes, get_block: GetBlock) -> bytes | None:
    """Return the CID of the record at a key, None if there is none; raises RepositoryError at a node that is missing.

    Only the nodes on the way to the key are read: a proof holds no others.
    """
    cid: bytes | None = root
    for _ in range(_MOST_LEVELS):
        if cid is None:
            return None
        block = get_block(cid)
        if block is None:
            raise RepositoryError("the proof is incomplete: a node of the repository's tree is missing")
        cid, items = _parse(block)
        for entry, value, right in items:
            if entry == key:
                return value
            if entry > key:
                break
            cid = right
    raise _ill_formed(f"it has more than {_MOST_LEVELS} levels")


def keys_of_changes(root: bytes, blocks: Mapping[bytes, bytes]) -> Iterator[bytes]:
    """Yield the keys whose records are among the blocks, as are only some nodes; raises RepositoryError."""
    waiting, seen, found = [root], set[bytes](), _Found()
    while waiting:
        cid = waiting.pop()
        if cid in seen or cid not in blocks:
            continue
        seen.add(cid)
        left, items = _parse(blocks[cid])
        found.expect(items)
        waiting += [child for child in (left, *(right for _, _, right in items)) if child is not None]
        yield from (key for key, value, _ in items if value in blocks)


def _walk(cid: bytes, height: int | None, get_block: GetBlock, found: _Found) -> None:
    """Add the entries of the subtree of that height (None: of a whole tree) to those that were found already."""
    block = get_block(cid)
    if block is None:
        raise RepositoryError("the repository is incomplete: a node of its tree is missing")
    left, items = _parse(block)
    found.expect(items)
    if not items and (height is None) is not (left is None):
        raise _ill_formed("a node without keys is at the top, or has nothing below it")
    if height is None:
        height = height_of(items[0][0]) if items else 0
    if left is not None:
        _walk(left, _below(height), get_block, found)
    entries = found.entries
    for key, value, right in items:
        if height_of(key) != height:
            raise _ill_formed(f"{key!r} is at the wrong height")
        if key <= (entries[-1][0] if entries else b""):  # at once: a tree that repeats itself may have no end
            raise _ill_formed(f"{key!r} is out of order")
        entries.append((key, value))
        if right is not None:
            _walk(right, _below(height), get_block, found)


def _below(height: int) -> int:
    if height == 0:
        raise _ill_formed("a node at the bottom has another below it")
    return height - 1


# These two see every node and entry of a repository: a match statement takes twice as long.


def _parse(block: bytes) -> tuple[bytes | None, list[_Entry]]:
    node = decode(block, "a node of the repository's tree")
    if isinstance(node, dict) and len(node) == 2:
        items, left = node.get("e"), node.get("l", "")
        if isinstance(items, list) and _is_link(left):
            return left, _parse_entries(items)
    raise _ill_formed("a node has other fields than the specification's")


def _parse_entries(items: list[Native]) -> list[_Entry]:
    parsed: list[_Entry] = []
    previous = b""
    for item in items:
        if not isinstance(item, dict) or len(item) != 4:
            raise _ill_formed("an entry has other fields than the specification's")
        rest, shared, right, value = item.get("k"), item.get("p"), item.get("t", ""), item.get("v")
        if not isinstance(rest, bytes) or not isinstance(shared, int) or not isinstance(value, bytes):
            raise _ill_formed("an entry has other fields than the specification's")
        if not 0 <= shared <= len(previous) or (rest[:1] and rest[:1] == previous[shared : shared + 1]):
            raise _ill_formed(f"{rest!r} shares another prefix with the key before it than is said")
        key = previous[:shared] + rest
        if len(key) > _LONGEST_KEY:
            raise _ill_formed(f"{key[:80]!r}… is longer than a record's key can be")
        if not _is_link(right) or not is_cid(value):
            raise _ill_formed(f"{key!r} has something else than a CID")
        parsed.append((key, value, right))
        previous = key
    return parsed


def _is_link(value: Native) -> TypeGuard[bytes | None]:
    return value is None or is_cid(value)


def _ill_formed(what: str) -> RepositoryError:
    return RepositoryError(f"the repository's tree is malformed: {what}")
