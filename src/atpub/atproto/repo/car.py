"""CAR files, version 1: a repository as a stream of blocks (AT Protocol specification: Repository, "CAR File Format").

What is read is checked: every block against its CID, the tree for being whole, every record for being there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import libipld

from atpub.atproto.repo import mst
from atpub.atproto.repo.block import CID_LENGTH, Native, decoded, is_cid, matches
from atpub.atproto.repo.commit import parse_commit
from atpub.atproto.syntax import Did, Tid
from atpub.errors import RepositoryError


@dataclass(frozen=True, slots=True)
class Car:
    """What a CAR file holds: the binary CIDs of its roots, and each block by its binary CID."""

    roots: tuple[bytes, ...]
    blocks: Mapping[bytes, bytes]


def write_car(root: bytes, blocks: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """The bytes of a CAR file with that root, in pieces; a block that comes twice is written once."""
    header = libipld.encode_dag_cbor({"version": 1, "roots": [root]})
    yield _varint(len(header)) + header
    written = set[bytes]()
    for cid, block in blocks:
        if cid not in written:
            written.add(cid)
            yield _varint(len(cid) + len(block)) + cid + block


def read_car(content: bytes) -> Car:
    """The roots and blocks of a CAR file, each block checked against its CID; raises RepositoryError."""
    reader = CarReader()
    reader.feed(content)
    return reader.car()


class CarReader:
    """Takes a CAR file in pieces, and checks each block as soon as it is there; `blocks` has those read so far."""

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
            if start == 0 or end > len(content):
                break
            self._take(content[start:end])
            position = end
        del self._rest[:position]
        self._needed = end - position if start else len(self._rest) + 1

    def car(self) -> Car:
        """What was read, if that is the whole file; raises RepositoryError."""
        if self._rest or self._roots is None:
            raise _damaged("it ends in the middle of a block")
        return Car(self._roots, self.blocks)

    def _take(self, section: bytes) -> None:
        if self._roots is None:
            self._roots = _roots(decoded(section, "the header of the CAR file"))
            return
        cid, block = section[:CID_LENGTH], section[CID_LENGTH:]
        if not matches(cid, block):
            raise _damaged(f"the block {cid.hex()} is not what its CID says")
        self.blocks[cid] = block


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
    """The repository in a CAR file, without any block that is not of it.

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
    for key, cid in entries.items():
        block = car.blocks.get(cid)
        if block is None:
            raise _damaged(f"the record {key.decode(errors='replace')} is missing")
        blocks[cid] = block
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
    """The number in base 128, lowest digits first (multiformats: unsigned varint)."""
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def _read_varint(content: bytes, position: int) -> tuple[int, int]:
    """The number at that position, and the position after it (0: the content ends before that)."""
    number = shift = 0
    for at in range(position, min(len(content), position + 9)):
        digit = content[at]
        number |= (digit & 127) << shift
        if digit < 128:
            return number, at + 1
        shift += 7
    if shift < 63:
        return 0, 0
    raise _damaged("a block has a length beyond all measure")


def _damaged(what: str) -> RepositoryError:
    return RepositoryError(f"the CAR file is not a whole repository: {what}")
