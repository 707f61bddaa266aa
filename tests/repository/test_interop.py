"""A local repository moves to the reference PDS: its CAR file is taken, and from there on both make the same tree."""

from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from tests.pds.reference import Account, ReferencePds
from tests.repository.samples import NOTE, InMemory, at, note, notes, swap, tar_of

from atpub.atproto.repo.car import Car, read_car, snapshot_of
from atpub.atproto.repo.commit import parse_commit
from atpub.atproto.syntax import Did
from atpub.repository.local import LocalRepository
from atpub.repository.model import Create, Delete, Update, Write
from atpub.repository.snapshot import records_of

pytestmark = pytest.mark.pds
pytest_plugins = ["tests.pds.plugin"]


def exported(repository: LocalRepository) -> bytes:
    stream = BytesIO()
    repository.export_car(stream)
    return stream.getvalue()


def fetched(pds: ReferencePds, did: Did) -> Car:
    return read_car(pds.xrpc("com.atproto.sync.getRepo", params={"did": did}))


def tree_of(car: Car) -> bytes:
    return parse_commit(car.blocks[car.roots[0]]).data


def as_json(write: Write) -> dict[str, object]:
    kind = type(write).__name__.lower()
    value = {} if isinstance(write, Delete) else {"value": write.value}
    return {"$type": f"com.atproto.repo.applyWrites#{kind}", "collection": NOTE, "rkey": write.path.rkey, **value}


def test_the_reference_pds_takes_the_car_and_makes_the_same_tree(
    tmp_path: Path, reference_pds: ReferencePds, pds_account: Account
) -> None:
    did, token = Did.parse(pds_account.did), pds_account.access_jwt
    with closing(LocalRepository(tmp_path / "repository", did)) as local:
        blob = local.upload_blob(InMemory(tar_of(b"x")), "application/octet-stream")
        local.apply_writes([Create(at(f"n{n}"), note(f"{n}", blob)) for n in range(200)], None)
        sent = exported(local)
        reference_pds.xrpc("com.atproto.repo.importRepo", sent, content_type="application/vnd.ipld.car", token=token)
        assert tree_of(fetched(reference_pds, did)) == tree_of(read_car(sent))

        writes: list[Write] = [Create(at(f"m{n}"), note(f"{n}")) for n in range(100)]
        writes += [Update(at(f"n{n}"), note("changed")) for n in range(50)]
        writes += [Delete(at(f"n{n}")) for n in range(150, 200)]
        body = {"repo": did, "writes": [as_json(write) for write in writes]}
        reference_pds.xrpc("com.atproto.repo.applyWrites", body, token=token)
        local.apply_writes(writes, swap(local))
        there, here = fetched(reference_pds, did), read_car(exported(local))
        assert tree_of(there) == tree_of(here)
        assert records_of(snapshot_of(there, did)) == notes(local)
