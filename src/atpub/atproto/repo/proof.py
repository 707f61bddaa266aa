"""Proofs of single records (AT Protocol specification: Repository; com.atproto.sync.getRecord).

A proof is a CAR file with a signed commit, the nodes of its tree on the way to the record's key, and the record.
"""

from __future__ import annotations

from dataclasses import dataclass

from atpub.atproto.data import JsonObject, NotInDataModel, decode
from atpub.atproto.repo import mst
from atpub.atproto.repo.car import read_car
from atpub.atproto.repo.commit import parse_commit
from atpub.atproto.syntax import Cid, Did, RecordPath
from atpub.errors import RecordNotFound, RepositoryError


@dataclass(frozen=True, slots=True)
class ProvenRecord:
    """A record that a signed commit of its repository holds."""

    cid: Cid
    value: JsonObject


def verify_proof(content: bytes, did: Did, did_key: str, path: RecordPath) -> ProvenRecord:
    """Return the record that a CAR file proves to be in a repository, whose commits are signed with a key.

    Raises RecordNotFound where it proves that there is none, RepositoryError where it proves nothing, and ValueError
    where `did_key` is no did:key.
    """
    car = read_car(content)
    if len(car.roots) != 1 or car.roots[0] not in car.blocks:
        raise RepositoryError("the proof does not hold the commit that it names")
    commit = parse_commit(car.blocks[car.roots[0]])
    if commit.did != did:
        raise RepositoryError(f"the proof is of the repository of {commit.did}, not of {did}")
    if not commit.signed_by(did_key):
        raise RepositoryError(f"the commit is not signed with the key of {did}")
    cid = mst.find(commit.data, str(path).encode(), car.blocks.get)
    if cid is None:
        raise RecordNotFound(f"there is no record {path} in the repository of {did}")
    if cid not in car.blocks:
        raise RepositoryError(f"the proof is incomplete: the record {path} is missing")
    try:
        return ProvenRecord(Cid.of_bytes(cid), decode(car.blocks[cid]))
    except NotInDataModel as error:
        raise RepositoryError(f"the record {path} is malformed: {error}") from None
