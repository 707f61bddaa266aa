"""Blob files that are lost: a plan notices, `apply` puts them back, and `inventory verify` reports them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.lab import Lab

Damage = Callable[[Path], object]

VISIBLE: dict[str, tuple[Damage, str]] = {
    "gone": (Path.unlink, "blob-missing"),
    "shorter": (lambda file: file.write_bytes(file.read_bytes()[:-1]), "blob-damaged"),
    "empty": (lambda file: file.write_bytes(b""), "blob-damaged"),
}


def blobs(lab: Lab) -> dict[str, bytes]:
    files = (lab.folder / ".atpub/local/blobs").iterdir()
    return {file.name: file.read_bytes() for file in files}


def first_blob(lab: Lab) -> Path:
    return min((lab.folder / ".atpub/local/blobs").iterdir())


@pytest.fixture(params=["gone", "shorter", "empty"])
def damage(request: pytest.FixtureRequest, lab: Lab) -> tuple[Path, dict[str, bytes], str]:
    """A blob file that was damaged, the blobs as they were, and the finding's code."""
    lab.apply()
    before = blobs(lab)
    damaged, code = VISIBLE[request.param]
    file = first_blob(lab)
    damaged(file)
    return file, before, code


def test_a_plan_uploads_it_again(lab: Lab, damage: tuple[Path, dict[str, bytes], str]) -> None:
    file = damage[0]
    planned = lab.plan("--detailed-exitcode")
    assert planned.code == 2, planned.err
    assert "No record changes; 1 lost blob to upload again" in planned.out
    assert "again: the blob is lost" in planned.out
    document = json.loads(lab.plan("--json").out)
    assert document["pending"] is True
    assert [(item["cid"], item["repair"]) for item in document["uploads"]] == [(file.name, True)]
    assert "again: the blob is lost" in lab.plan("--markdown").out


def test_apply_puts_it_back(lab: Lab, damage: tuple[Path, dict[str, bytes], str]) -> None:
    head = lab.repository().head()
    applied = lab.apply()
    assert applied.code == 0, applied.err
    assert "Uploaded 1 lost blob again; lab is up to date" in applied.out
    assert blobs(lab) == damage[1]
    assert lab.repository().head() == head
    assert lab.plan("--detailed-exitcode").code == 0
    assert lab.run("inventory", "verify").code == 0


def test_apply_puts_it_back_from_a_saved_plan(lab: Lab, damage: tuple[Path, dict[str, bytes], str]) -> None:
    lab.plan("--out", "plan.json")
    assert lab.run("apply", "plan.json").code == 0
    assert blobs(lab) == damage[1]
    again = lab.run("apply", "plan.json")
    assert (again.code, "Nothing to do" in again.out) == (0, True)


def test_a_digest_binds_the_repair(lab: Lab) -> None:
    lab.apply()
    digest = json.loads(lab.plan("--json").out)["digest"]
    first_blob(lab).unlink()
    assert lab.apply("--digest", digest).code == 5
    assert not first_blob(lab).is_dir()
    repair = json.loads(lab.plan("--json").out)["digest"]
    assert lab.apply("--digest", repair).code == 0
    assert json.loads(lab.plan("--json").out)["digest"] == digest


def test_it_is_put_back_with_other_changes(lab: Lab, damage: tuple[Path, dict[str, bytes], str]) -> None:
    lab.change(("name: Digits", "name: Numbers"))
    applied = lab.apply()
    assert "Applied 1 change and uploaded 1 lost blob again" in applied.out, applied.err
    assert blobs(lab) == damage[1]


def test_without_the_bytes_nothing_is_done(lab: Lab, damage: tuple[Path, dict[str, bytes], str]) -> None:
    lab.change(("name: Digits", "name: Numbers"))
    lab.plan("--out", "plan.json")
    for file in (lab.folder / "data").iterdir():
        file.unlink()
    head = lab.repository().head()
    failed = lab.run("apply", "plan.json")
    assert failed.code == 1
    assert "are needed and not here" in failed.err
    assert lab.repository().head() == head
    assert blobs(lab) != damage[1]


def test_verify_reports_it(lab: Lab, damage: tuple[Path, dict[str, bytes], str]) -> None:
    file, _, code = damage
    found = lab.run("inventory", "verify", "--json")
    assert found.code == 2, found.err
    (finding,) = json.loads(found.out)["findings"]
    assert finding["code"] == code
    assert file.name in finding["message"]
    assert "uploads it again" in finding["effect"]


def test_other_bytes_of_the_same_size_are_set_aside_by_whoever_reads_them(lab: Lab) -> None:
    lab.apply()
    before = blobs(lab)
    file = first_blob(lab)
    file.write_bytes(bytes(len(before[file.name])))
    assert lab.plan("--detailed-exitcode").code == 0
    for _ in range(2):
        found = lab.run("inventory", "verify")
        assert found.code == 2
        assert f"is damaged: {file.with_name(f'damaged-{file.name}')}" in found.out
        assert "the next apply uploads it again" in found.out
    assert lab.apply().code == 0
    assert blobs(lab) == before


def test_a_record_that_is_deleted_needs_no_bytes(lab: Lab) -> None:
    lab.apply()
    first_blob(lab).unlink()
    lab.without("labels", "datasets")
    assert json.loads(lab.plan("--json").out)["uploads"] == []
