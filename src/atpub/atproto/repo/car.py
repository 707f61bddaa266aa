"""CAR files, version 1: a repository as a stream of blocks (AT Protocol specification: Repository, "CAR File Format").

Reading verifies every block against its CID, the shape of the tree, and that no record is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

import libipld

from atpub.atproto.repo import mst
from atpub.atproto.repo.block import CID_LENGTH, Native, decode, is_cid, matches
from atpub.atproto.repo.commit import parse_commit
from atpub.atproto.syntax import Did, Tid
from atpub.errors import OversizedResponse, RepositoryError

MOST_BLOCKS: Final = 1_000_000
"""The most blocks of a repository: a block takes 250 bytes of memory, however short it is."""
MOST_BYTES: Final = 256 * 1024 * 1024
"""The most bytes of all records: many keys may name one block."""
LARGEST_BLOCK: Final = 2 * 1024 * 1024
"""The most bytes of a block of a repository: the reference PDS takes no larger commit."""
LARGEST_FILE: Final = 512 * 1024 * 1024
"""The most bytes of a CAR file that is read whole: its records, and the tree above them."""
_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Car:
    """The content of a CAR file: the binary CIDs of its roots, and each block by its binary CID."""

    roots: tuple[bytes, ...]
    blocks: Mapping[bytes, bytes]


def write_car(root: bytes, blocks: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Yield the bytes of a CAR file with that root, in pieces; a block that comes twice is written once."""
    header = libipld.encode_dag_cbor({"version": 1, "roots": [root]})
    yield _varint(len(header)) + header
    written = set[bytes]()
    for cid, block in blocks:
        if cid not in written:
            written.add(cid)
            yield _varint(len(cid) + len(block)) + cid + block


def read_car(content: bytes) -> Car:
    """Return the roots and blocks of a CAR file, each block checked against its CID; raises RepositoryError."""
    reader = CarReader()
    reader.feed(content)
    return reader.car()


def read_car_file(stream: BinaryIO, largest: int = LARGEST_FILE) -> Car:
    """Return the content of a CAR file, read in pieces; raises RepositoryError at the first that is damaged."""
    reader, size = CarReader(), 0
    while piece := stream.read(_PIECE):
        size += len(piece)
        if size > largest:
            raise OversizedResponse(f"the CAR file has more than {largest:,} bytes")
        reader.feed(piece)
    return reader.car()


class CarReader:
    """A reader of a CAR file in pieces, which checks each block as soon as it is complete.

    `blocks` has those read so far.
    """

    def __init__(self) -> None:
        self.blocks: dict[bytes, bytes] = {}
        self._roots: tuple[bytes, ...] | None = None
        self._rest = bytearray()
        self._needed = 1  # bytes that the rest must have before there is anything to read in it

    def feed(self, piece: bytes) -> None:
        """Take the next piece; raises RepositoryError."""
        self._rest += piece
        if len(self._rest) < self._needed:
            return
        content = bytes(self._rest)
        position = 0
        while True:
            size, start = _read_varint(content, position)
            end = start + size
            if size > LARGEST_BLOCK + CID_LENGTH:  # decoded, a block may take seventy times the memory
                raise OversizedResponse(f"the CAR file has a block of {size:,} bytes; {LARGEST_BLOCK:,} are read")
            if start == 0 or end > len(content):
                break
            self._take(content[start:end])
            position = end
        del self._rest[:position]
        self._needed = end - position if start else len(self._rest) + 1

    def car(self) -> Car:
        """Return the file, once all of it was read; raises RepositoryError."""
        if self._rest or self._roots is None:
            raise _damaged("it ends in the middle of a block")
        return Car(self._roots, self.blocks)

    def _take(self, section: bytes) -> None:
        if self._roots is None:
            self._roots = _roots(decode(section, "the header of the CAR file"))
            return
        cid, block = section[:CID_LENGTH], section[CID_LENGTH:]
        if not matches(cid, block):
            raise _damaged(f"the block {cid.hex()} does not match its CID")
        self.blocks[cid] = block
        if len(self.blocks) > MOST_BLOCKS:
            raise OversizedResponse(f"the CAR file has more than {MOST_BLOCKS:,} blocks")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole repository at one commit.

    Has the binary CID and the revision of that commit, the binary CID of each record by its key, and every block by its
    binary CID.
    """

    did: Did
    root: bytes
    rev: Tid
    entries: Mapping[bytes, bytes]
    blocks: Mapping[bytes, bytes]


def snapshot_of(car: Car, did: Did) -> Snapshot:
    """Return the repository in a CAR file, without any block that is not of it.

    Raises RepositoryError unless the file holds one whole repository: a commit of version 3 by that DID, every node of
    its tree in its one canonical shape, and every record. The commit's signature is not checked.
    """
    if len(car.roots) != 1 or car.roots[0] not in car.blocks:
        raise _damaged("it does not hold the commit that it names")
    root = car.roots[0]
    blocks = {root: car.blocks[root]}
    commit = parse_commit(blocks[root])
    if commit.did != did:
        raise RepositoryError(f"the repository is that of {commit.did}, not of {did}")

    def node(cid: bytes) -> bytes | None:
        block = car.blocks.get(cid)
        if block is not None:
            blocks[cid] = block
        return block

    entries = dict(mst.walk(commit.data, node))
    size = 0
    for key, cid in entries.items():
        block = car.blocks.get(cid)
        if block is None:
            raise _damaged(f"the record {key.decode(errors='replace')} is missing")
        blocks[cid] = block
        size += len(block)
        if size > MOST_BYTES:
            raise OversizedResponse(f"the repository has more than {MOST_BYTES:,} bytes of records")
    return Snapshot(did, root, commit.rev, entries, blocks)


def _roots(header: Native) -> tuple[bytes, ...]:
    match header:
        case {"version": 1, "roots": list(roots)}:
            cids = tuple(root for root in roots if isinstance(root, bytes) and is_cid(root))
            if len(cids) == len(roots):
                return cids
        case _:
            pass
    raise _damaged("its header is not that of a CAR file, version 1")


def _varint(number: int) -> bytes:
    """Return the number in base 128, lowest digits first (multiformats: unsigned varint)."""
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def _read_varint(content: bytes, position: int) -> tuple[int, int]:
    """Return the number at that position, and the position after it (0: the content ends before that)."""
    number = shift = 0
    for at in range(position, min(len(content), position + 9)):
        digit = content[at]
        number |= (digit & 127) << shift
        if digit < 128:
            return number, at + 1
        shift += 7
    if shift < 63:
        return 0, 0
    raise _damaged("the length of a block is out of range")


def _damaged(what: str) -> RepositoryError:
    return RepositoryError(f"the CAR file is not a whole repository: {what}")
