"""What is published on the reference PDS comes back as manifests with nothing to do, and inventories are rebuilt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.pds.reference import Account, ReferencePds

from atpub.cli.main import run

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.pds
EXAMPLES = ("lenses", "quickstart", "records", "s3", "schemas", "urls")


NOTE = {
    "lexicon": 1,
    "id": "org.test.note",
    "defs": {
        "main": {
            "type": "record",
            "key": "any",
            "record": {"type": "object", "properties": {"text": {"type": "string"}}},
        }
    },
}
Run = Callable[..., Any]


def inventory_of(account: Account) -> dict[str, str | int]:
    return {"repo": account.did, "collection": "dev.atpub.inventory"}


@pytest.fixture
def manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the examples; commands run in an empty folder beside them."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    ignored = shutil.ignore_patterns(".atpub")
    return Path(shutil.copytree(ROOT / "manifests", tmp_path / "manifests", ignore=ignored))


@pytest.fixture
def atpub(
    reference_pds: ReferencePds,
    pds_account: Account,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Runs the command line for the account; only apply and rebuild have its password."""

    def atpub(*args: str, account: str = pds_account.handle) -> Any:
        monkeypatch.delenv("ATPUB_PASSWORD", raising=False)
        if "--yes" in args:
            monkeypatch.setenv("ATPUB_PASSWORD", pds_account.password)
        code = run([*args, "--account", account, "--pds", reference_pds.url, "--json"])
        out, err = capsys.readouterr()
        assert code == 0, err
        return json.loads(out)

    return atpub


@pytest.mark.parametrize("download", [False, True], ids=["by reference", "with blobs"])
def test_every_example_is_imported_again(atpub: Run, manifests: Path, download: bool) -> None:
    for name in EXAMPLES:
        atpub("apply", "-m", str(manifests / name), "--yes")
    for name in EXAMPLES:
        new = Path(name)
        new.mkdir()
        flags = ["--download"] if download else []
        if (manifests / name / "lexicons").exists():
            shutil.copytree(manifests / name / "lexicons", new / "lexicons")
            flags += ["--lexicons", f"{name}/lexicons"]
        made = atpub("import", "--all", "--project", name, "--out", f"{name}/a.yaml", *flags)
        assert {problem["code"] for problem in made["warnings"]} == {"foreign-owner"}
        plan = atpub("plan", "-m", name, "--detailed-exitcode")
        assert {change["action"] for change in plan["changes"]} == {"unchanged"}
        assert {change["uri"] for change in plan["changes"]} == {entry["uri"] for entry in made["entries"]}
    if download:
        saved = sorted(Path("quickstart", "data").rglob("*.tar"))
        shards = sorted((ROOT / "manifests" / "quickstart" / "data").glob("*.tar"))
        assert [file.read_bytes() for file in saved] == [file.read_bytes() for file in shards]


def test_records_are_named_by_did_or_handle(atpub: Run, pds_account: Account, manifests: Path) -> None:
    atpub("apply", "-m", str(manifests / "urls"), "--yes")
    names = [f"at://{account}/science.alt.dataset.entry" for account in (pds_account.did, pds_account.handle)]
    by_did, by_handle = (atpub("import", name, "--project", "urls") for name in names)
    crossed = atpub("import", names[1], "--project", "urls", account=pds_account.did)
    assert len(by_did["entries"]) == 2
    assert by_did == by_handle
    assert crossed["entries"] == by_did["entries"]
    (one,) = atpub("import", by_did["entries"][0]["uri"], "--project", "urls")["entries"]
    assert one == by_did["entries"][0]


def test_a_lost_inventory_is_rebuilt(
    atpub: Run, reference_pds: ReferencePds, pds_account: Account, manifests: Path
) -> None:
    manifest = ["-m", str(manifests / "quickstart")]
    atpub("apply", *manifest, "--yes")
    inventory = {**inventory_of(pds_account), "rkey": "quickstart"}
    before = reference_pds.xrpc("com.atproto.repo.getRecord", params=inventory)["value"]
    reference_pds.xrpc("com.atproto.repo.deleteRecord", inventory, token=pds_account.access_jwt)
    assert atpub("inventory", "verify", *manifest)["owned"] == 0
    found = atpub("inventory", "rebuild", *manifest, "--yes")
    assert (found["owned"], len(found["commits"])) == (3, 1)
    assert reference_pds.xrpc("com.atproto.repo.getRecord", params=inventory)["value"] == before
    assert atpub("plan", *manifest, "--detailed-exitcode")["pending"] is False


def test_a_large_inventory_is_rebuilt_within_the_limits(
    atpub: Run, reference_pds: ReferencePds, pds_account: Account, tmp_path: Path
) -> None:
    (tmp_path / "lexicons").mkdir()
    (tmp_path / "lexicons" / "note.json").write_text(json.dumps(NOTE))
    entries = {f"note-{number:04}": {"collection": "org.test.note", "value": {"text": "x"}} for number in range(1200)}
    manifest = {"atpub": 1, "project": "ours", "lexicons": {"path": "lexicons"}, "records": entries}
    (tmp_path / "atpub.yaml").write_text(json.dumps(manifest))
    target = ["-m", str(tmp_path / "atpub.yaml")]
    atpub("apply", *target, "--yes")
    listed = reference_pds.xrpc("com.atproto.repo.listRecords", params={**inventory_of(pds_account), "limit": 100})
    for record in listed["records"]:
        rkey = record["uri"].rpartition("/")[2]
        body = {**inventory_of(pds_account), "rkey": rkey}
        reference_pds.xrpc("com.atproto.repo.deleteRecord", body, token=pds_account.access_jwt)
    found = atpub("inventory", "rebuild", *target, "--yes")
    assert found["owned"] == 1200
    assert found["written"] > 5
    assert atpub("inventory", "verify", *target)["exact"]
    assert not atpub("plan", *target, "--detailed-exitcode")["pending"]
