"""Entries under another key: a delete and a create of the same content."""

from pathlib import Path
from typing import Any

import pytest
from tests.engine.plan.worlds import Wanted, live, owning, plan, read, records

from atpub.engine.plan.renames import Rename, find_renames, rename_warnings
from atpub.problems import Place

SCHEMA = "at://did:plc:a/b.c.d/e"
URLS: dict[str, Any] = {"schema": SCHEMA, "urls": "https://a.test/{0..3}.tar", "checksums": "none"}
BLOBS: dict[str, Any] = {"schema": SCHEMA, "blobs": ["data/0.tar"]}


def renames(folder: Path, before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str, str | None]]:
    return [(item.old, item.new, item.id, item.rkey) for item in found(folder, before, after)]


def found(folder: Path, before: dict[str, Any], after: dict[str, Any]) -> tuple[Rename, ...]:
    old = read(folder, before)
    wanted: Wanted = read(folder, after)
    return find_renames(plan(wanted, live(records(old.desired), owning("ours", old.desired))).changes)


def datasets(**entries: dict[str, Any]) -> dict[str, Any]:
    return {"datasets": entries}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (datasets(y=URLS), datasets(yy=URLS)),
        (datasets(y=BLOBS), datasets(yy=BLOBS)),
        (datasets(y=URLS | {"name": "Why"}), datasets(yy=URLS | {"name": "Why"})),
        (datasets(y=URLS | {"parts": 2}), datasets(yy=URLS | {"parts": 2})),
        (datasets(y=URLS, z=BLOBS), datasets(yy=URLS, z=BLOBS)),
        (datasets(y=URLS | {"announce": ["matadisco"]}), datasets(yy=URLS | {"announce": ["matadisco"]})),
    ],
    ids=["name by key", "blobs", "name", "parts", "others stay", "announced"],
)
def test_a_renamed_dataset(folder: Path, before: dict[str, Any], after: dict[str, Any]) -> None:
    assert renames(folder, before, after) == [("datasets/y", "datasets/yy", "y", None)]


def test_renamed_records_that_refer_to_each_other(folder: Path) -> None:
    before = {"a": {"text": "x", "about": {"$ref": "records/b"}}, "b": {"text": "y"}}
    after = {"aa": {"text": "x", "about": {"$ref": "records/bb"}}, "bb": {"text": "y"}}
    pairs = {(old, new) for old, new, *_ in renames(folder, before, after)}
    assert pairs == {("records/a", "records/aa"), ("records/b", "records/bb")}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (datasets(y=URLS), datasets(yy=URLS | {"description": "other"})),
        (datasets(y=URLS, z=URLS), datasets(yy=URLS)),
        (datasets(y=URLS), datasets(yy=URLS, zz=URLS)),
        (datasets(y=URLS | {"name": "Why"}), datasets(yy=URLS)),
        (datasets(y=URLS), datasets(y=URLS, yy=URLS)),
        ({"a": {"text": "x"}}, datasets(yy=URLS)),
    ],
    ids=["other content", "two deleted", "two created", "other name", "nothing deleted", "other kinds"],
)
def test_no_rename(folder: Path, before: dict[str, Any], after: dict[str, Any]) -> None:
    assert renames(folder, before, after) == []


@pytest.mark.parametrize(
    ("before", "after", "settings"),
    [
        ({}, {}, "`id: y`"),
        ({"rkey": "3k2akyd2z6c2s"}, {}, "`id: y` and `rkey: 3k2akyd2z6c2s`"),
        ({}, {"rkey": "3k2akyd2z6c2s"}, "`id: y` and `rkey: 3gbgfhc2jspzm`"),
        ({"id": "a: b", "name": "N"}, {"name": "N"}, '`id: "a: b"`'),
    ],
    ids=["derived", "old key given", "new key given", "quoted"],
)
def test_the_warning_says_what_keeps_the_record(
    folder: Path, before: dict[str, Any], after: dict[str, Any], settings: str
) -> None:
    old, new = read(folder, datasets(y=URLS | before)), read(folder, datasets(yy=URLS | after))
    changes = plan(new, live(records(old.desired), owning("ours", old.desired))).changes
    (warning,) = rename_warnings(changes, lambda steps: Place("/".join(steps)))
    (item,) = find_renames(changes)
    assert warning.place == Place("datasets/yy")
    assert (warning.code, warning.severity) == ("looks-renamed", "warning")
    assert warning.hint.startswith("add ")
    kept = settings.replace("3gbgfhc2jspzm", item.uri.path.rkey if item.uri.path else "")
    assert warning.hint == f"add {kept} to keep its URI"
    keeps = datasets(yy=URLS | {"id": item.id, **({"rkey": str(item.rkey)} if item.rkey else {})})
    again = read(folder, keeps)
    assert {record.path for record in again.desired} == {record.path for record in old.desired}
