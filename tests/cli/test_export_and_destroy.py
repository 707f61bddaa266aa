"""`atpub export` and `atpub destroy`."""

import json
from contextlib import closing

from tests.cli.lab import Lab

from atpub.atproto.repo.car import read_car, snapshot_of
from atpub.repository.filter import RecordFilter
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID
from atpub.repository.snapshot import head_of, records_of


def test_export(lab: Lab) -> None:
    lab.apply()
    ran = lab.run("export", "--car", "lab.car")
    assert ran.code == 0
    assert ran.out.startswith("lab.car: ")
    found = snapshot_of(read_car((lab.folder / "lab.car").read_bytes()), LOCAL_DID)
    with closing(LocalRepository(lab.folder / ".atpub" / "local")) as repository:
        live = repository.read(RecordFilter(frozenset(path.collection for path in records_of(found))))
    assert head_of(found) == live.head
    assert records_of(found) == live.records
    assert len(records_of(found)) == 5  # a schema, two entries, a label and the inventory


def test_export_replaces_an_export_and_nothing_else(lab: Lab) -> None:
    lab.apply()
    assert lab.run("export", "--car", "lab.car").code == 0
    assert lab.run("export", "--car", "lab.car").code == 0
    refused = lab.run("export", "--car", "atpub.yaml")
    assert refused.code == 1
    assert "atpub.yaml exists and is not a CAR file [in-the-way]" in refused.err
    assert (lab.folder / "atpub.yaml").read_text() == lab.manifest


def test_export_of_what_is_not_there_leaves_no_file(lab: Lab) -> None:
    ran = lab.run("export", "--car", "lab.car")
    assert ran.code == 1
    assert "[repository-not-found]" in ran.err
    assert not list(lab.folder.glob("*.car"))
    assert not (lab.folder / ".atpub").exists()


def test_destroy_leaves_nothing_of_the_project_and_all_of_others(lab: Lab) -> None:
    lab.apply()
    other = lab.folder / "other.yaml"
    other.write_text(
        lab.manifest.replace("project: lab", "project: other")
        .replace("org.lab.image", "org.other.image")
        .replace("  digits:", "  numbers:")
        .replace("dataset: digits", "dataset: numbers")
        .replace("  cats:", "  dogs:")
        .replace("name: digits,", "name: numbers,")
    )
    assert lab.run("apply", "-m", "other.yaml", "--yes").code == 0
    ran = lab.run("destroy", "--yes", "--json")
    assert ran.code == 0, ran.err
    assert {(item["action"], item["cid"]) for item in json.loads(ran.out)["outcomes"]} == {("delete", None)}
    assert json.loads(lab.run("plan", "-m", "other.yaml", "--json").out)["pending"] is False
    assert json.loads(lab.plan("--json").out)["summary"]["create"] == 4
    assert lab.run("destroy", "--yes").out.startswith("Nothing to do")


def test_destroy_says_what_is_left(lab: Lab) -> None:
    lab.apply()
    assert lab.run("destroy", "--yes").out == "Applied 4 changes; no records of lab are left.\n"


def test_destroy_refuses_what_is_protected(lab: Lab) -> None:
    lab.change(("    name: Digits\n", "    name: Digits\n    protect: true\n"))
    lab.apply()
    ran = lab.run("destroy", "--yes")
    assert ran.code == 7
    assert lab.plan("--detailed-exitcode").code == 0


def test_destroy_asks(lab: Lab) -> None:
    assert lab.run("destroy").code == 64
