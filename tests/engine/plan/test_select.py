"""What --only and --exclude must name, and blobs that move while part of a plan is left out."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.engine.plan.worlds import by_address, live, owning, plan, read, records

from atpub.atproto.data import JsonObject
from atpub.engine.plan.model import Options, Plan
from atpub.engine.plan.serialize import read_plan, saved_document
from atpub.errors import Usage


def reread(made: Plan) -> Plan:
    return read_plan(json.dumps(saved_document(made, None)), "plan.json")[0]


@pytest.mark.parametrize(
    "options",
    [Options(only=frozenset({"records/aa"})), Options(exclude=frozenset({"datasets/*"}))],
    ids=["only", "not"],
)
def test_an_unknown_address(folder: Path, options: Options) -> None:
    with pytest.raises(Usage, match="there is no such entry") as caught:
        plan(read(folder, {"a": "x"}), live({}), options=options)
    assert caught.value.hint


def test_a_near_miss_is_named(folder: Path) -> None:
    with pytest.raises(Usage) as caught:
        plan(read(folder, {"alpha": "x"}), live({}), options=Options(only=frozenset({"records/alpa"})))
    assert "records/alpha" in caught.value.hint


def test_the_digest_is_that_of_the_part(folder: Path) -> None:
    whole = plan(read(folder, {"a": "x", "b": "x"}), live({}))
    part = plan(read(folder, {"a": "x", "b": "x"}), live({}), options=Options(only=frozenset({"records/a"})))
    alone = plan(read(folder, {"a": "x"}), live({}))
    assert part.digest == alone.digest != whole.digest


def test_an_entry_of_the_part_may_be_anything_live(folder: Path) -> None:
    present = records(read(folder, {"a": "x", "b": "x"}).desired)
    made = plan(read(folder, {"a": "x", "b": "y"}), live(present), options=Options(only=frozenset({"records/a"})))
    assert [change.action for change in made.changes] == ["unchanged"]
    assert not made.refusals


@pytest.mark.parametrize("pinned", [{"text": "x"}, {"text": "x", "rkey": "own"}])
def test_an_entry_of_the_part_may_pin_an_unchanged_record(folder: Path, pinned: JsonObject) -> None:
    before = read(folder, {"a": pinned, "b": "y"})
    present = records(before.desired)
    pins: JsonObject = {"text": "z", "pins": [{"$strongRef": "records/a"}]}
    after = read(folder, {"a": pinned, "b": "y", "c": pins})
    made = plan(after, live(present, owning("ours", before.desired)), options=Options(only=frozenset({"records/c"})))
    found = by_address(made)
    assert {address: change.action for address, change in found.items()} == {
        "records/a": "unchanged",
        "records/c": "create",
    }
    assert found["records/c"].after_cid
    assert reread(made).changes == tuple(
        replace(change, before=change.before and replace(change.before, value={})) for change in made.changes
    )
