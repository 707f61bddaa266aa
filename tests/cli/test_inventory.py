"""`atpub inventory`: what it shows of each state, as snapshots, and what rebuild makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from tests.cli.lab import CATS, DIGITS, ENTRY, LABEL, Lab, edited, path
from tests.cli.playground import Ran

from atpub.atproto.data import Json, JsonObject
from atpub.repository.model import Create, Delete, Update

INVENTORY = "dev.atpub.inventory"
OURS = path(INVENTORY, "lab")


def masked(text: str) -> str:
    """The text without what a random key or the clock decides: commits."""
    text = re.sub(r'"cid": "bafy[a-z2-7]+",\n(\s+)"rev": "[a-z2-7]+"', r'"cid": "(commit)",\n\1"rev": "(rev)"', text)
    return re.sub(r"0x[0-9a-f]+", "(address)", text)


def shown(ran: Ran) -> str:
    return masked(f"{ran.out}--- stderr\n{ran.err}--- exit {ran.code}\n")


def listing(lab: Lab) -> JsonObject:
    return lab.live(INVENTORY)[OURS]


def entries(lab: Lab) -> list[Any]:
    found = listing(lab)["entries"]
    assert isinstance(found, list)
    return found


# What happens to the project after it was applied.


def right(lab: Lab) -> None:
    lab.write_elsewhere(Create(path("com.example.post", "a"), {"text": "x"}))


def drifted(lab: Lab) -> None:
    lab.write_elsewhere(edited(lab, DIGITS), Delete(CATS))


def deleted(lab: Lab) -> None:
    lab.write_elsewhere(Delete(OURS), edited(lab, DIGITS))


def damaged(lab: Lab) -> None:
    first, second, *rest = entries(lab)
    broken: list[Json] = [first, {"id": "x"}, {**second, "cid": "none"}, *rest]
    lab.write_elsewhere(Update(OURS, {**listing(lab), "entries": broken}))


def twice(lab: Lab) -> None:
    lab.write_elsewhere(Create(path(INVENTORY, "lab:0"), {**listing(lab), "entries": entries(lab)[:1]}))


def two_owners(lab: Lab) -> None:
    theirs: JsonObject = {**listing(lab), "project": "theirs", "entries": entries(lab)[:2]}
    lab.write_elsewhere(Create(path(INVENTORY, "theirs"), theirs))


STATES = [right, drifted, deleted, damaged, twice, two_owners]


@pytest.fixture(params=STATES, ids=lambda state: state.__name__)
def state(request: pytest.FixtureRequest, lab: Lab) -> Callable[[Lab], None]:
    assert lab.apply().code == 0
    request.param(lab)
    found: Callable[[Lab], None] = request.param
    return found


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
def test_verify(lab: Lab, state: Callable[[Lab], None], flags: list[str], snapshot: SnapshotAssertion) -> None:
    ran = lab.run("inventory", "verify", *flags)
    assert ran.code == (0 if state in (right, deleted) else 2)
    assert shown(ran) == snapshot


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
def test_rebuild(lab: Lab, state: Callable[[Lab], None], flags: list[str], snapshot: SnapshotAssertion) -> None:
    before = {collection: lab.live(collection) for collection in (ENTRY, LABEL)}
    ran = lab.run("inventory", "rebuild", "--yes", *flags)
    assert ran.code == 0
    assert shown(ran) == snapshot
    assert {collection: lab.live(collection) for collection in (ENTRY, LABEL)} == before
    again = lab.run("inventory", "rebuild", "--yes", "--json").json
    assert again["commits"] == again["damaged"] == []


@pytest.mark.parametrize("what", [right, damaged, twice], ids=lambda what: what.__name__)
def test_a_plan_after_it_is_empty(lab: Lab, what: Callable[[Lab], None]) -> None:
    assert lab.apply().code == 0
    what(lab)
    assert lab.run("inventory", "rebuild", "--yes").code == 0
    assert lab.plan("--detailed-exitcode").code == 0


def test_a_damaged_inventory_blocks_plans_until_it_is_rebuilt(lab: Lab) -> None:
    lab.apply()
    damaged(lab)
    stopped = lab.plan()
    assert stopped.code == 3
    assert "atpub inventory rebuild" in stopped.err
    lab.run("inventory", "rebuild", "--yes")
    assert lab.plan("--detailed-exitcode").code == 0


def test_rebuild_asks_first(lab: Lab) -> None:
    lab.apply()
    deleted(lab)
    ran = lab.run("inventory", "rebuild", "--json")
    assert ran.code == 64
    assert "--yes" in ran.json["error"]["hint"]
    assert lab.live(INVENTORY) == {}


def test_verify_needs_no_manifest(lab: Lab) -> None:
    lab.apply()
    (lab.folder / "atpub.yaml").rename(lab.folder / "elsewhere.yaml")
    ran = lab.run("inventory", "verify", "--project", "lab", "--account", "local", "--json")
    assert (ran.code, ran.json["owned"]) == (0, 4)
    missing = lab.run("inventory", "verify", "--json")
    assert missing.code == 64
    assert missing.json["error"]["code"] == "usage"


def test_a_folder_of_manifests_that_holds_none_is_no_manifest(lab: Lab) -> None:
    lab.apply()
    (lab.folder / "atpub.yaml").unlink()
    (lab.folder / "manifests").mkdir()
    (lab.folder / "manifests" / "README.md").touch()
    assert lab.run("inventory", "verify", "--project", "lab", "--account", "local").code == 0
    assert lab.run("import", "--all", "--project", "new", "--account", "local").code == 0
    assert "no manifest in manifests/" in lab.run("plan").err


def test_verify_of_another_project(lab: Lab) -> None:
    lab.apply()
    found = lab.run("inventory", "verify", "--project", "theirs", "--json").json
    assert found["project"] == "theirs"
    assert found["others"] == [{"project": "lab", "records": 4}]


def test_a_repository_that_is_not_there(lab: Lab) -> None:
    for name in ("verify", "rebuild"):
        ran = lab.run("inventory", name, *(["--yes"] if name == "rebuild" else []), "--json")
        assert ran.code == 1
        assert ran.json["error"]["code"] == "repository-not-found"


@pytest.mark.parametrize("args", [["verify", "--help"], ["rebuild", "--help"]], ids=" ".join)
def test_help(atpub: Callable[..., Ran], args: list[str], snapshot: SnapshotAssertion) -> None:
    assert atpub("inventory", *args).out == snapshot
