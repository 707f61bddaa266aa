"""CAR files made to take time or memory; prints how reading one ends, and what it took.

python -m tests.atproto.repo.hostile CASE
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from time import process_time
from typing import Final

import libipld
from tests.memory import peak_memory

from atpub.atproto.repo import mst
from atpub.atproto.repo.block import Native, cid_of
from atpub.atproto.repo.car import CarReader, snapshot_of, write_car
from atpub.atproto.repo.commit import sign_commit
from atpub.atproto.repo.signing import SigningKey
from atpub.atproto.syntax import Did, Tid
from atpub.errors import RepositoryError

DID: Final = Did("did:plc:" + "a" * 24)
MEGABYTE: Final = 1024 * 1024
_SIZE: Final = 20 * MEGABYTE
_PIECE: Final = 64 * 1024

Pieces = Iterator[bytes]


def short_blocks(size: int = _SIZE) -> Pieces:
    """Blocks of 5 bytes, none of which the repository has."""
    blocks = (b"\x1a" + number.to_bytes(4, "big") for number in range(size // 42))
    return write_car(cid_of(b"\xf6"), ((cid_of(block), block) for block in blocks))


def endless() -> Pieces:
    """Blocks of 5 bytes, on and on."""
    return short_blocks(1 << 40)


def endless_block() -> Pieces:
    """A block that is announced as having 2^62 bytes."""
    yield from write_car(cid_of(b"\xf6"), ())
    yield b"\xff" * 8 + b"\x3f"
    for _ in range(1000):
        yield bytes(MEGABYTE)


def large_header() -> Pieces:
    """A header of 50 million empty lists."""
    size = 50_000_000
    yield b"\x80\xe1\xeb\x17" + b"\x9a" + (size - 5).to_bytes(4, "big") + b"\x80" * (size - 5)


def nested_commit() -> Pieces:
    """A commit of a million lists, each in the one before."""
    return _alone(b"\x81" * MEGABYTE + b"\x80")


def wide_commit() -> Pieces:
    """A commit of a million lists beside each other."""
    return _alone(b"\x9a" + MEGABYTE.to_bytes(4, "big") + b"\x80" * MEGABYTE)


def deep_tree() -> Pieces:
    """A tree of 2,000 nodes, each the only thing below the one before."""
    nodes = [_node([])]
    for _ in range(2000):
        nodes.append(_node([], cid_of(nodes[-1])))
    key = b"org.example.note/" + next(str(n).encode() for n in count() if mst.height_of(b"org.example.note/%d" % n) > 4)
    top = _node([_entry(key, 0, cid_of(nodes[-1]))])
    return _commit(top, nodes)


def branching_tree() -> Pieces:
    """A tree whose every node names the same node below it many times: all paths are 100 to the power of 6."""
    nodes = [_node([_entry(b"a/a", 0)])]
    for _ in range(6):
        below = cid_of(nodes[-1])
        keys = [b"a/%03d" % number for number in range(100)]
        nodes.append(_node([_entry(keys[0], 0, below), *(_entry(key[-3:], 2, below) for key in keys[1:])], below))
    return _commit(nodes[-1], nodes[:-1])


def long_keys() -> Pieces:
    """A node of keys that share all but their last bytes: 60 bytes name 800."""
    return _commit(_long_keys(count(), 20_000), [_RECORD])


def many_long_keys() -> Pieces:
    """Nodes of such keys, 400,000 in all: 24 MB name 324 MB."""
    numbers, items, nodes = count(), list[Native](), list[bytes]()
    previous = b""
    for _ in range(20):
        key = _long_key(numbers, height=1)
        nodes.append(_long_keys(numbers, 20_000))
        shared = _shared(previous, key)
        items.append(_entry(key[shared:], shared, cid_of(nodes[-1])))
        previous = key
    return _commit(_node(items), [*nodes, _RECORD])


def _long_keys(numbers: Iterator[int], size: int) -> bytes:
    items, previous = list[Native](), b""
    for _ in range(size):
        key = _long_key(numbers, height=0)
        shared = _shared(previous, key)
        items.append(_entry(key[shared:], shared))
        previous = key
    return _node(items)


def _long_key(numbers: Iterator[int], height: int) -> bytes:
    keys = (_PREFIX + b"%08d" % number for number in numbers)
    return next(key for key in keys if mst.height_of(key) == height)


def _shared(one: bytes, other: bytes) -> int:
    return next((at for at in range(len(_PREFIX), len(one)) if one[at] != other[at]), 0)


_RECORD: Final = b"\xa0"
_PREFIX: Final = b"a/" + b"a" * 800


def _entry(rest: bytes, shared: int, right: bytes | None = None) -> Native:
    return {"k": rest, "p": shared, "t": right, "v": cid_of(_RECORD)}


def _node(items: list[Native], left: bytes | None = None) -> bytes:
    return libipld.encode_dag_cbor({"e": items, "l": left})


def _alone(block: bytes) -> Pieces:
    return write_car(cid_of(block), [(cid_of(block), block)])


def _commit(top: bytes, blocks: list[bytes]) -> Pieces:
    commit = sign_commit(SigningKey.generate(), DID, cid_of(top), Tid.of(1_700_000_000_000_000))
    return write_car(cid_of(commit), ((cid_of(block), block) for block in (commit, top, *blocks)))


CASES: Final[Mapping[str, Callable[[], Pieces]]] = {
    case.__name__: case
    for case in (
        short_blocks,
        endless,
        endless_block,
        large_header,
        nested_commit,
        wide_commit,
        deep_tree,
        branching_tree,
        long_keys,
        many_long_keys,
    )
}


def read(pieces: Pieces) -> str:
    """Return the code of the error, or the number of records."""
    reader = CarReader()
    try:
        buffer = bytearray()
        for piece in pieces:
            buffer += piece
            if len(buffer) >= _PIECE:
                reader.feed(bytes(buffer))
                buffer.clear()
        reader.feed(bytes(buffer))
        return f"{len(snapshot_of(reader.car(), DID).entries)} records"
    except RepositoryError as error:
        return error.code


if __name__ == "__main__":
    said = read(CASES[sys.argv[1]]())
    megabytes = peak_memory() // MEGABYTE
    print(f"{said}; {process_time():.1f} {megabytes}")
