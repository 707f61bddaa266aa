"""CAR files, version 1: a repository as a stream of blocks (AT Protocol specification: Repository, "CAR File Format").

What is read is checked: every block against its CID, the tree for being whole, every record for being there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import libipld

from atpub.errors import RepositoryError
from atpub.lexicon.data import NotInDataModel, decode
from atpub.repository.format import mst
from atpub.repository.format.block import CID_LENGTH, Native, cid_text, decoded, is_cid, matches
from atpub.repository.format.commit import parse_commit
from atpub.state import Head, Live, Record
from atpub.syntax import Did, Nsid, RecordPath, SyntaxViolation


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
    size, start = _read_varint(content, 0)
    roots = _roots(decoded(content[start : start + size], "the header of the CAR file"))
    blocks: dict[bytes, bytes] = {}
    position = start + size
    while position < len(content):
        size, start = _read_varint(content, position)
        position = start + size
        cid = content[start : start + CID_LENGTH]
        block = content[start + CID_LENGTH : position]
        if position > len(content) or not matches(cid, block):
            raise _damaged(f"the block at byte {start} is not what its CID says")
        blocks[cid] = block
    return Car(roots, blocks)


def records_of(car: Car, did: Did, collections: Collection[Nsid] | None = None) -> Live:
    """The head of the repository in a CAR file, and its records of these collections (None: all of them).

    Raises RepositoryError unless the file holds one whole repository: a commit of version 3 by that DID, every node of
    its tree in its one canonical shape, and every record. The commit's signature is not checked.
    """
    if len(car.roots) != 1 or car.roots[0] not in car.blocks:
        raise _damaged("it does not hold the commit that it names")
    root = car.roots[0]
    commit = parse_commit(car.blocks[root])
    if commit.did != did:
        raise RepositoryError(f"the repository is that of {commit.did}, not of {did}")
    wanted = None if collections is None else {collection.encode() for collection in collections}
    records: dict[RecordPath, Record] = {}
    for key, cid in mst.walk(commit.data, car.blocks.get):
        block = car.blocks.get(cid)
        if block is None:
            raise _damaged(f"the record {key.decode(errors='replace')} is missing")
        if wanted is None or key.partition(b"/")[0] in wanted:
            record = record_of(key, cid, block)
            records[record.path] = record
    return Live(did, Head(cid_text(root), commit.rev), records)


def record_of(key: bytes, cid: bytes, block: bytes) -> Record:
    """The record with that key in its repository's tree; raises RepositoryError."""
    try:
        return Record(RecordPath.parse(key.decode()), cid_text(cid), decode(block))
    except (SyntaxViolation, UnicodeDecodeError, NotInDataModel) as error:
        raise RepositoryError(f"the record {key.decode(errors='replace')} is ill-formed: {error}") from None


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
    """The number at that position, and the position after it."""
    number = shift = 0
    while position < len(content) and shift < 63:
        digit = content[position]
        number |= (digit & 127) << shift
        position += 1
        if digit < 128:
            return number, position
        shift += 7
    raise _damaged("it ends in the middle of a block")


def _damaged(what: str) -> RepositoryError:
    return RepositoryError(f"the CAR file is not a whole repository: {what}")
