"""A local repository made with an account's DID becomes that account's repository on the reference PDS."""

import io
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from tests.pds.reference import Account, ReferencePds

from atpub.atproto.repo import car
from atpub.atproto.repo.commit import SignedCommit, parse_commit
from atpub.atproto.syntax import Did, RecordPath
from atpub.cli.main import run
from atpub.repository.local import LocalRepository
from atpub.repository.snapshot import head_of, records_of

ROOT = Path(__file__).parent.parent.parent
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

pytestmark = pytest.mark.pds


def commit_of(content: bytes) -> SignedCommit:
    found = car.read_car(content)
    return parse_commit(found.blocks[found.roots[0]])


def test_import(reference_pds: ReferencePds, pds_account: Account, tmp_path: Path) -> None:
    did = Did(pds_account.did)
    text = (
        (ROOT / "manifests" / "schemas" / "atpub.yaml")
        .read_text()
        .replace("account: local", f"account: local\ndid: {did}")
    )
    (tmp_path / "atpub.yaml").write_text(text)
    shutil.copytree(ROOT / "manifests" / "schemas" / "schemas", tmp_path / "schemas")
    assert run(["apply", "-m", str(tmp_path / "atpub.yaml"), "--yes"]) == 0

    exported = io.BytesIO()
    with closing(LocalRepository(tmp_path / ".atpub" / "local", did)) as repository:
        repository.export_car(exported)
        key, head = repository.public_key, repository.head()
    ours = commit_of(exported.getvalue())
    assert ours.did == did
    assert ours.signed_by(key)
    assert int.from_bytes(ours.signature[32:], "big") <= CURVE_ORDER // 2
    local = car.snapshot_of(car.read_car(exported.getvalue()), did)
    assert head_of(local) == head

    token = pds_account.access_jwt
    kind = "application/vnd.ipld.car"
    reference_pds.xrpc("com.atproto.repo.importRepo", exported.getvalue(), token=token, content_type=kind)
    theirs = reference_pds.xrpc("com.atproto.sync.getRepo", params={"did": did})
    assert commit_of(theirs).did == did
    assert commit_of(theirs).data == ours.data
    assert records_of(car.snapshot_of(car.read_car(theirs), did)) == records_of(local)

    record = {"$type": "org.example.note", "text": "one more"}
    made = reference_pds.xrpc(
        "com.atproto.repo.createRecord", {"repo": did, "collection": "org.example.note", "record": record}, token=token
    )
    after = reference_pds.xrpc("com.atproto.sync.getRepo", params={"did": did})
    assert commit_of(after).did == did
    records = records_of(car.snapshot_of(car.read_car(after), did))
    assert records.keys() - records_of(local).keys() == {RecordPath.parse(made["uri"].split("/", 3)[3])}
