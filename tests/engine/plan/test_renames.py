"""Entries under another key: a delete and a create of the same content."""

from pathlib import Path
from typing import Any

import pytest
from tests.engine.apply.publishing import NOTE
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
        (datasets(y=URLS | {"id": "a"}), datasets(y=URLS | {"id": "b", "description": "other"})),
    ],
    ids=[
        "other content",
        "two deleted",
        "two created",
        "other name",
        "nothing deleted",
        "other kinds",
        "id and content",
    ],
)
def test_no_rename(folder: Path, before: dict[str, Any], after: dict[str, Any]) -> None:
    assert renames(folder, before, after) == []


def notes(**entries: dict[str, Any]) -> dict[str, Any]:
    return {"records": {key: {"collection": NOTE, "value": {"text": "x"}, **given} for key, given in entries.items()}}


def labels(**entries: dict[str, Any]) -> dict[str, Any]:
    given = {"dataset": "y", "version": "1.0.0"}
    return {"datasets": {"y": URLS}, "labels": {key: given | entry for key, entry in entries.items()}}


def schemas(**entries: dict[str, Any]) -> dict[str, Any]:
    given = {"nsid": "org.a.b", "version": "1.0.0", "members": {"x": {"type": "string"}}}
    return {"schemas": {key: given | entry for key, entry in entries.items()}}


OLD, NEW = {"rkey": "3k2akyd2z6c2s"}, {"rkey": "3k2akyd2z6c2t"}


@pytest.mark.parametrize(
    ("before", "after", "settings"),
    [
        (datasets(y=URLS), datasets(yy=URLS), "`id: y`"),
        (datasets(y=URLS | OLD), datasets(yy=URLS), "`id: y` and `rkey: 3k2akyd2z6c2s`"),
        (datasets(y=URLS | {"id": "a: b", "name": "N"}), datasets(yy=URLS | {"name": "N"}), '`id: "a: b"`'),
        (datasets(y=URLS | {"id": "a"}), datasets(y=URLS | {"id": "b"}), "`id: a`"),
        (datasets(y=URLS), datasets(y=URLS | {"id": "b"}), "`id: y`"),
        (datasets(y=URLS | {"id": "b"}), datasets(y=URLS), "`id: b`"),
        (datasets(y=URLS), datasets(yy=URLS | {"id": "b"}), "`id: y`"),
        (datasets(y=URLS | OLD), datasets(y=URLS | NEW), "`rkey: 3k2akyd2z6c2s`"),
        (datasets(y=URLS | OLD), datasets(y=URLS), "`rkey: 3k2akyd2z6c2s`"),
        (notes(a={"id": "p"}), notes(a={"id": "q"}), "`id: p`"),
        (notes(a={"rkey": "p"}), notes(a={"rkey": "q"}), "`rkey: p`"),
        (notes(a={}), notes(a={"rkey": "q"}), "`rkey: a`"),
        (labels(a={}), labels(aa={}), "`name: a`"),
        (labels(a={"name": "n"}), labels(a={"name": "m"}), "`name: n`"),
        (labels(a={"id": "n"}), labels(a={"id": "m"}), "`id: n`"),
        (labels(a=OLD), labels(aa=NEW), "`name: a` and `rkey: 3k2akyd2z6c2s`"),
        (schemas(a={}), schemas(a={"nsid": "org.c.b"}), "`nsid: org.a.b`"),
        (schemas(a={"id": "n"}), schemas(a={"id": "m"}), "`id: n`"),
    ],
    ids=str,
)
def test_the_hint_keeps_the_record(folder: Path, before: dict[str, Any], after: dict[str, Any], settings: str) -> None:
    old, new = read(folder, before), read(folder, after)
    state = live(records(old.desired), owning("ours", old.desired))
    changes = plan(new, state).changes
    (warning,) = rename_warnings(changes, lambda steps: Place("/".join(steps)))
    (item,) = find_renames(changes)
    assert warning.place == Place(item.new)
    assert (warning.code, warning.severity) == ("looks-renamed", "warning")
    assert warning.hint == f"set {settings} to keep its URI"
    section, _, key = item.new.partition("/")
    followed = after | {section: after[section] | {key: after[section][key] | item.fields}}
    again = plan(read(folder, followed), state)
    assert {change.action for change in again.changes} <= {"update", "unchanged"}
    assert not again.refusals


def test_a_stated_record_key_is_replaced(folder: Path) -> None:
    (item,) = found(folder, datasets(y=URLS), datasets(yy=URLS | NEW))
    assert item.uri.path is not None
    assert item.fields == {"id": "y", "rkey": item.uri.path.rkey}
