"""What a reviewer of a plan sees, on the reference PDS: drift on each side, and entries that were renamed."""

import re
from typing import Any

import pytest
from tests.cli.lab import ENTRY, Lab
from tests.pds.reference import VERSIONS, Account, ReferencePds

pytestmark = [pytest.mark.pds, pytest.mark.parametrize("reference_pds", VERSIONS[:1], indirect=True)]


def edit(pds: ReferencePds, account: Account, name: str, **fields: str) -> None:
    """Another client edits a dataset, or deletes it where no field is given."""
    (record,) = (
        item for item in pds.content(account.did) if item["value"].get("name") == name and ENTRY in item["uri"]
    )
    body: dict[str, Any] = {"repo": account.did, "collection": ENTRY, "rkey": record["uri"].rpartition("/")[2]}
    if fields:
        body["record"] = {**record["value"], **fields}
    pds.xrpc(f"com.atproto.repo.{'putRecord' if fields else 'deleteRecord'}", body, token=account.access_jwt)


def test_a_plan_with_drift(pds_lab: Lab, reference_pds: ReferencePds, pds_account: Account) -> None:
    lab = pds_lab
    assert lab.run("apply", "--yes").code == 0
    edit(reference_pds, pds_account, "Digits", description="Twenty <b>of them</b>.")
    edit(reference_pds, pds_account, "cats")
    lab.change(("tags: [digits]", "tags: [digits, numbers]"))

    shown = lab.run("plan", "--markdown", "--html", "plan.html", "--github")
    assert shown.code == 0, shown.err
    assert "1 to restore, 1 to update" in shown.out
    assert "<summary>Drift: 1 record modified and 1 deleted outside this project</summary>" in shown.out
    assert "points" not in shown.out
    assert '| `description` | `"Ten of them."` | `"Twenty <b>of them</b>."` | `"Ten of them."` |' in shown.out
    page = (lab.folder / "plan.html").read_text()
    for text in (shown.out, page):
        assert "deleted by another client" in text
        assert "modified by another client" in text
    assert "Twenty &lt;b&gt;of them&lt;/b&gt;." in page
    assert "<b>of" not in page
    assert not re.search(r"(?:src|href)=\"http", page)
    assert shown.err.count("title=record-drifted") == 2
    planned = lab.run("plan", "--json").json
    assert {item["address"] for item in planned["changes"] if item["drift"]} == {"datasets/cats", "datasets/digits"}

    assert planned["summary"]["drift"] == 2
    description = ["      ≠ description:", '"Ten of them."', '"Twenty <b>of them</b>."', '"Ten of them."']
    lines = lab.run("plan").out.splitlines()
    at = lines.index(description[0])
    assert [line.split(maxsplit=1)[-1] for line in lines[at + 1 : at + 4]] == description[1:]

    drift = lab.run("drift", "--json", "--changes-only")
    assert drift.code == 2
    sides = {"applied": "Ten of them.", "live": "Twenty <b>of them</b>.", "wanted": "Ten of them."}
    assert {"path": "description", **sides} in drift.json[0]["fields"]
    assert [(item["address"], item["kind"]) for item in drift.json] == [
        ("datasets/digits", "modified"),
        ("datasets/cats", "deleted"),
    ]
    assert lab.run("import", "--take", "datasets/digits").code == 0
    assert "description: Twenty <b>of them</b>." in (lab.folder / "atpub.yaml").read_text()
    assert lab.run("apply", "--yes").code == 0
    assert lab.run("drift").code == 0
    assert len(reference_pds.records(pds_account.did)) == 5


@pytest.mark.parametrize(
    ("old", "new", "settings"),
    [
        ("  cats:\n", "  felines:\n", "`id: cats`"),
        ("  cats:\n", "  cats:\n    id: felines\n", "`id: cats`"),
        ("labels:\n  digits-1: {name: digits,", "labels:\n  digits-1: {name: numbers,", "`name: digits`"),
    ],
)
def test_a_renamed_entry_keeps_its_uri(
    pds_lab: Lab, reference_pds: ReferencePds, pds_account: Account, old: str, new: str, settings: str
) -> None:
    lab = pds_lab
    assert lab.run("apply", "--yes").code == 0
    published = reference_pds.cids(pds_account.did)
    lab.change((old, new))
    planned = lab.run("plan", "--json")
    (rename,) = planned.json["renames"]
    assert rename["uri"] in published
    assert f"hint: set {settings} to keep its URI" in planned.err


def test_rename(pds_lab: Lab, reference_pds: ReferencePds, pds_account: Account) -> None:
    lab = pds_lab
    assert lab.run("apply", "--yes").code == 0
    published = reference_pds.cids(pds_account.did)
    for address, key in (("schemas/image", "picture"), ("datasets/cats", "felines"), ("labels/digits-1", "first")):
        assert lab.run("rename", address, key).code == 0
    assert "id: cats" in (lab.folder / "atpub.yaml").read_text()
    assert lab.run("plan", "--detailed-exitcode").code == 0
    assert lab.run("apply", "--yes").code == 0
    assert reference_pds.cids(pds_account.did) == published
