"""The fields of a drifted record, from its applied, live and wanted values: a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engine.plan.worlds import live, owning, plan, read, records, write_data

from atpub.atproto.data import Json, JsonObject, cid_of
from atpub.atproto.syntax import AtUri, RecordPath
from atpub.engine.plan.model import Change, Drift, Plan
from atpub.engine.plan.three_way import Side, Sides, compare, drift_fields, live_as_applied, with_applied_values
from atpub.repository.model import Record


def rows(sides: Sides) -> dict[str, dict[str, Json]]:
    return {item.path: {str(side): value for side, value in item.sides.items()} for item in compare(sides)}


@pytest.mark.parametrize(
    ("applied", "live", "wanted", "fields"),
    [
        pytest.param({"a": 1}, {"a": 1}, {"a": 1}, {}, id="the same"),
        pytest.param({"a": 1}, {"a": 2}, {"a": 1}, {"a": (1, 2, 1)}, id="their edit"),
        pytest.param({"a": 1}, {"a": 1}, {"a": 2}, {"a": (1, 1, 2)}, id="our edit"),
        pytest.param({"a": 1}, {"a": 2}, {"a": 3}, {"a": (1, 2, 3)}, id="both edits"),
        pytest.param({"a": 1}, {}, {"a": 1}, {"a": (1, ..., 1)}, id="a field removed"),
        pytest.param({}, {"a": None}, {}, {"a": (..., None, ...)}, id="a field added, null"),
        pytest.param({"a": 1}, {"a": True}, {"a": 1}, {"a": (1, True, 1)}, id="true is not 1"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, {"a": {"b": 1}}, {"a.b": (1, 2, 1)}, id="inside"),
        pytest.param({"a": {"b": 1}}, {"a": "x"}, {"a": {"b": 1}}, {"a": ({"b": 1}, "x", {"b": 1})}, id="another kind"),
        pytest.param({"a": [1, 2]}, {"a": [1, 3]}, {"a": [1, 2]}, {"a[1]": (2, 3, 2)}, id="an item"),
        pytest.param(
            {"a": [1, 2, 3]}, {"a": [2, 3]}, {"a": [1, 2, 3]}, {"a[0]": (1, ..., 1)}, id="an item removed at the start"
        ),
        pytest.param({"a": [1]}, {"a": [1, 2]}, {"a": [0, 1]}, {"a[0]": (1, 1, 0), "a[1]": (..., 2, 1)}, id="lists"),
        pytest.param({"a": []}, {"a": [[1]]}, {"a": []}, {"a[0]": (..., [1], ...)}, id="an item added"),
        pytest.param({"b c": 1}, {"b c": 2}, {"b c": 1}, {'["b c"]': (1, 2, 1)}, id="a name that needs quotes"),
        pytest.param(None, {"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": (..., 1, 2)}, id="two-way"),
    ],
)
def test_compare(
    applied: JsonObject | None, live: JsonObject, wanted: JsonObject, fields: dict[str, tuple[Any, Any, Any]]
) -> None:
    known: dict[Side, Json] = {} if applied is None else {"applied": applied}
    expected = {
        path: {
            side: value for side, value in zip(("applied", "live", "wanted"), values, strict=True) if value is not ...
        }
        for path, values in fields.items()
    }
    assert rows({**known, "live": live, "wanted": wanted}) == expected


def drifted(folder: Path, applied: str, now: str | None, wanted: str | None) -> tuple[Plan, Change]:
    """The plan of one note: its applied, live and wanted texts."""
    write_data(folder)
    own = read(folder, {"note": applied}).desired
    present = records(read(folder, {} if now is None else {"note": now}).desired)
    state = live(present, owning("ours", own))
    made = plan(read(folder, {} if wanted is None else {"note": wanted}), state)
    value = next(iter(records(own).values())).value
    made = with_applied_values(made, {cid_of(value): value}.get)
    return made, made.changes[0]


def test_a_record_that_was_modified(tmp_path: Path) -> None:
    made, change = drifted(tmp_path, "ours", "theirs", "wanted")
    assert made.drifted == (change,)
    assert [item.to_json() for item in drift_fields(change)] == [
        {"path": "text", "applied": "ours", "live": "theirs", "wanted": "wanted"}
    ]


def test_a_record_that_was_deleted_has_no_fields(tmp_path: Path) -> None:
    made, change = drifted(tmp_path, "ours", None, "ours")
    assert (change.action, change.drift and change.drift.live, drift_fields(change)) == ("create", None, ())
    assert made.drifted


def test_a_record_to_delete_has_no_wanted_side(tmp_path: Path) -> None:
    _, change = drifted(tmp_path, "ours", "theirs", None)
    assert [item.to_json() for item in drift_fields(change)] == [{"path": "text", "applied": "ours", "live": "theirs"}]


def test_without_the_applied_value_it_is_two_way(tmp_path: Path) -> None:
    made, _ = drifted(tmp_path, "ours", "theirs", "wanted")
    (change,) = with_applied_values(made, lambda _: None).changes
    assert [item.to_json() for item in drift_fields(change)] == [{"path": "text", "live": "theirs", "wanted": "wanted"}]


def test_what_is_live_as_it_was_applied_is_kept(tmp_path: Path) -> None:
    made, _ = drifted(tmp_path, "ours", "ours", "wanted")
    assert [value["text"] for _, value in live_as_applied(made)] == ["ours"]
    made, _ = drifted(tmp_path, "ours", "theirs", "wanted")
    assert [*live_as_applied(made)] == []
    made, _ = drifted(tmp_path, "ours", "theirs", "theirs")  # taken over: the next apply lists it
    assert [value["text"] for _, value in live_as_applied(made)] == ["theirs"]


def test_the_digest_does_not_depend_on_what_this_machine_knows(tmp_path: Path) -> None:
    made, change = drifted(tmp_path, "ours", "theirs", "wanted")
    assert change.drift is not None
    assert change == replace(change, drift=replace(change.drift, value=None))
    assert made.digest == with_applied_values(made, lambda _: None).digest


def test_a_schema_is_compared_once() -> None:
    path = RecordPath.parse("science.alt.dataset.schema/a:1.0.0")
    ours, theirs = schema("ours"), schema("theirs")
    uri = AtUri.parse(f"at://did:plc:aliceaaaaaaaaaaaaaaaaaaa/{path}")
    drift = Drift(cid_of(ours), cid_of(theirs), ours)
    before = Record(path, cid_of(theirs), theirs)
    change = Change("schemas/a:1.0.0", "update", "a:1.0.0", path, uri, before, ours, drift=drift)
    assert [item.path for item in drift_fields(change)] == ["schema.title"]


def schema(title: str) -> JsonObject:
    """A schema, which its record holds twice."""
    return {"schema": {"title": title, "content": {"title": title}}}
