"""The quickstart and the other examples on the reference PDS, read back with plain XRPC."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.pds.reference import HERE, Account, ReferencePds, install, node

from atpub.cli.main import run

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.pds


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "manifests", tmp_path / "manifests", ignore=shutil.ignore_patterns(".atpub")))


class Cli:
    """Runs the command line for one account, and keeps what it prints."""

    def __init__(self, pds: ReferencePds, account: Account, capsys: pytest.CaptureFixture[str]) -> None:
        self._target = ["--account", account.handle, "--pds", pds.url]
        self._capsys = capsys

    def __call__(self, command: str, manifest: Path, *more: str, expect: int = 0) -> Any:
        code = run([command, "-m", str(manifest), *self._target, "--json", *more])
        out, err = self._capsys.readouterr()
        assert code == expect, err
        return json.loads(out)


@pytest.fixture
def cli(
    reference_pds: ReferencePds,
    pds_account: Account,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    monkeypatch.setenv("ATPUB_PASSWORD", pds_account.password)
    return Cli(reference_pds, pds_account, capsys)


def published(pds: ReferencePds, uri: str) -> Any:
    did, collection, rkey = uri.removeprefix("at://").split("/")
    return pds.xrpc("com.atproto.repo.getRecord", params={"repo": did, "collection": collection, "rkey": rkey})


def blobs(value: Any) -> list[dict[str, Any]]:
    """Every blob that a record refers to."""
    match value:
        case {"$type": "blob"}:
            return [value]
        case dict() | list():
            parts: list[Any] = [*(value.values() if isinstance(value, dict) else value)]
            return [blob for part in parts for blob in blobs(part)]
        case _:
            return []


def verdicts(pds: ReferencePds, records: list[Any], *folders: Path) -> list[str | None]:
    """What the reference implementation of lexicons says of records."""
    lexicons = [json.loads(file.read_bytes()) for folder in folders for file in sorted(folder.rglob("*.json"))]
    modules = install(".".join(pds.version.split(".")[:2]))
    asked = json.dumps({"lexicons": lexicons, "records": records})
    command = [node(), HERE / "judge.mjs", modules]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    found: list[str | None] = json.loads(done.stdout)
    return found


def test_quickstart(cli: Cli, reference_pds: ReferencePds, pds_account: Account, manifests: Path) -> None:
    manifest = manifests / "quickstart" / "atpub.yaml"
    plan = cli("plan", manifest, "--detailed-exitcode", expect=2)
    assert plan["did"] == pds_account.did
    assert plan["summary"]["create"] == len(plan["changes"]) == 3
    outcomes = cli("apply", manifest, "--yes")["outcomes"]

    # A plan that is made again later fills in a later createdAt: those CIDs are compared with the outcome's.
    again = cli("plan", manifest, "--detailed-exitcode")
    assert {change["action"] for change in again["changes"]} == {"unchanged"}
    assert again["uploads"] == []
    records = {change["uri"]: published(reference_pds, change["uri"]) for change in again["changes"]}
    assert {uri: record["cid"] for uri, record in records.items()} == {
        c["uri"]: c["after_cid"] for c in again["changes"]
    }
    assert {uri: record["cid"] for uri, record in records.items()} == {o["uri"]: o["cid"] for o in outcomes}
    values = [record["value"] for record in records.values()]
    assert verdicts(reference_pds, values, ROOT / "lexicons") == [None, None, None]

    shards = sorted((manifests / "quickstart" / "data").glob("*.tar"))
    held = [blob for value in values for blob in blobs(value)]
    assert len(held) == len(shards)
    for shard, blob in zip(shards, held, strict=True):
        params = {"did": pds_account.did, "cid": blob["ref"]["$link"]}
        content = reference_pds.xrpc("com.atproto.sync.getBlob", params=params)
        assert hashlib.sha256(content).digest() == hashlib.sha256(shard.read_bytes()).digest()


def test_cids_are_those_of_the_plan(
    cli: Cli, reference_pds: ReferencePds, manifests: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    manifest = manifests / "quickstart" / "atpub.yaml"
    plan = cli("plan", manifest, "--reproducible")
    cli("apply", manifest, "--yes", "--digest", plan["digest"], "--reproducible")
    for change in plan["changes"]:
        assert published(reference_pds, change["uri"])["cid"] == change["after_cid"]


@pytest.mark.parametrize("example", ["urls", "s3", "lenses", "schemas", "records"])
def test_examples(cli: Cli, reference_pds: ReferencePds, manifests: Path, example: str) -> None:
    manifest = manifests / example / "atpub.yaml"
    outcomes = cli("apply", manifest, "--yes")["outcomes"]
    assert {outcome["status"] for outcome in outcomes} == {"applied"}
    assert not cli("plan", manifest)["pending"]
    values = [published(reference_pds, outcome["uri"])["value"] for outcome in outcomes]
    found = verdicts(reference_pds, values, ROOT / "lexicons", manifests / example / "lexicons")
    assert found == [None] * len(values)


def test_applying_twice_makes_no_commit(
    cli: Cli, reference_pds: ReferencePds, pds_account: Account, manifests: Path
) -> None:
    manifest = manifests / "quickstart" / "atpub.yaml"
    cli("apply", manifest, "--yes")
    head = reference_pds.xrpc("com.atproto.sync.getLatestCommit", params={"did": pds_account.did})
    cli("apply", manifest, "--yes")
    assert reference_pds.xrpc("com.atproto.sync.getLatestCommit", params={"did": pds_account.did}) == head


def test_wrong_password(cli: Cli, manifests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATPUB_PASSWORD", "not-the-password")
    failed = cli("apply", manifests / "quickstart", "--yes", expect=4)
    assert failed["error"]["code"] == "authentication-failed"
    assert "not-the-password" not in json.dumps(failed)
