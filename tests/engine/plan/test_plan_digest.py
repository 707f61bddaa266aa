"""The digest says which plan it is: the same for the same changes, another for any other."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.engine.apply.publishing import NOTE, NOW, write_manifest
from tests.engine.plan.worlds import ALICE, Wanted, live, owning, plan, read, records

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import Did
from atpub.engine.desired.build import build_desired
from atpub.engine.plan.build import plan_manifest
from atpub.engine.plan.model import Options
from atpub.manifest.load import load_manifest
from atpub.repository.model import Live
from atpub.shards.facts import gather

SECTIONS: dict[str, Any] = {
    "schemas": {
        "one": {"nsid": "org.test.image", "version": "1.0.0", "fields": {"image": "ndarray", "label": "integer"}},
        "two": {"nsid": "org.test.image", "version": "1.1.0", "fields": {"image": "ndarray", "labels": ["integer"]}},
    },
    "datasets": {
        "digits": {"schema": "one", "blobs": "data/*.tar", "tags": ["a", "b"], "metadata": {"x": 1, "y": [2, 3]}},
        "letters": {"schema": "two", "urls": "https://a.test/{0..9}.tar", "checksums": "none"},
    },
    "labels": {
        "digits-1": {"name": "digits", "dataset": "digits", "version": "1.0.0"},
        "digits-2": {"name": "digits", "dataset": "letters", "version": "2.0.0"},
    },
    "records": {
        "a": {"collection": NOTE, "value": {"text": "x", "file": {"$blob": "data/a.json"}}},
        "b": {"collection": NOTE, "value": {"text": "x", "pins": [{"$strongRef": "records/a"}]}},
    },
}
ABSENT = Live(ALICE, None, {})


def digest(folder: Path, sections: Any, state: Live = ABSENT) -> str:
    return plan(read(folder, sections), state).digest


def shuffled(value: Json, source: random.Random) -> Json:
    """The value with the keys of its maps in another order."""
    if isinstance(value, dict):
        keys = [*value]
        source.shuffle(keys)
        return {key: shuffled(value[key], source) for key in keys}
    return [shuffled(item, source) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_keys_does_not_matter(folder: Path, seed: int) -> None:
    other = shuffled(SECTIONS, random.Random(seed))  # so do labels come in another order, and get other times
    assert digest(folder, other) == digest(folder, SECTIONS)


def test_the_order_of_files_does_not_matter(folder: Path) -> None:
    """Nor how a manifest is divided into files."""
    files = [write_manifest(folder, {}, "head.yaml")]
    for name in SECTIONS:
        files.append(folder / f"{name}.yaml")
        files[-1].write_text(json.dumps({name: SECTIONS[name]}), "utf-8")
    found: set[str] = set()
    for paths in (files, files[::-1]):
        manifest = load_manifest(paths, environ={})
        desired, _ = build_desired(manifest, gather(manifest), ALICE)
        found.add(plan(Wanted(desired, manifest.policy), ABSENT).digest)
    assert found == {digest(folder, SECTIONS)}


def test_the_time_does_not_matter(folder: Path) -> None:
    wanted = read(folder, SECTIONS)
    plans = [plan(wanted, ABSENT, now=NOW + timedelta(days=days)) for days in range(3)]
    assert len({made.digest for made in plans}) == 1
    assert len({change.after_cid for made in plans for change in made.changes if change.address == "schemas/one"}) == 3


def test_the_account_s_name_and_the_head_do_not_matter(folder: Path) -> None:
    wanted = read(folder, SECTIONS)
    made = plan_manifest(wanted.desired, live({}), project="ours", account="renamed.example", now=NOW)
    assert made.digest == plan(wanted, ABSENT).digest


def test_what_the_server_decides_does_not_matter(folder: Path) -> None:
    """The MIME type of a blob, known from another client's record or not known yet."""
    blob = read(folder, {"z": {"text": "z", "file": {"$blob": "data/a.json"}}}).desired[0].value["file"]
    assert isinstance(blob, dict)
    states = [live({})]
    for mime_type in ("application/json", "text/strange"):
        note: JsonObject = {"text": "z", "file": {**blob, "mimeType": mime_type}}
        states.append(live(records(read(folder, {"z": note}).desired)))
    plans = [plan(read(folder, SECTIONS), state) for state in states]
    assert [bool(change.after_cid) for made in plans for change in made.changes if change.address == "records/b"] == [
        False,
        True,
        True,
    ]
    assert len({made.digest for made in plans}) == 1


@pytest.mark.parametrize(("name", "same"), [("copy.json", True), ("copy.txt", False)])
def test_the_name_of_a_file_does_not_matter_but_its_mime_type_does(folder: Path, name: str, same: bool) -> None:
    (folder / "data" / name).write_bytes((folder / "data/a.json").read_bytes())
    other = deepcopy(SECTIONS)
    other["records"]["a"]["value"]["file"] = {"$blob": f"data/{name}"}
    assert (digest(folder, other) == digest(folder, SECTIONS)) == same


def test_what_is_live_elsewhere_does_not_matter(folder: Path) -> None:
    state = live(
        records(read(folder, {"z": "theirs"}).desired), owning("theirs", read(folder, {"z": "theirs"}).desired)
    )
    assert digest(folder, SECTIONS, state) == digest(folder, SECTIONS)


CHANGES: dict[str, tuple[tuple[str, ...], Any]] = {
    "a description": (("schemas", "one", "description"), "new"),
    "a field's type": (("schemas", "one", "fields", "label"), "string"),
    "a tag": (("datasets", "digits", "tags"), ["a", "c"]),
    "the order of tags": (("datasets", "digits", "tags"), ["b", "a"]),
    "the order of shards": (("datasets", "digits", "blobs"), ["data/1.tar", "data/0.tar"]),
    "fewer shards": (("datasets", "digits", "blobs"), "data/0.tar"),
    "a URL": (("datasets", "letters", "urls"), "https://a.test/{0..8}.tar"),
    "metadata": (("datasets", "digits", "metadata", "x"), 2),
    "a protection": (("datasets", "digits", "protect"), True),
    "an identity": (("datasets", "digits", "id"), "renamed"),
    "a createdAt of its own": (("labels", "digits-1", "createdAt"), "2024-05-01T12:00:00.000Z"),
    "a blob": (("records", "a", "value", "file"), {"$blob": "data/b.unknown"}),
    "a text": (("records", "a", "value", "text"), "y"),
    "a reference instead of a blob": (("records", "b", "value", "about"), {"$ref": "records/a"}),
    "what is pinned": (("records", "b", "value", "pins"), [{"$strongRef": "schemas/one"}]),
    "one record more": (("records", "c"), {"collection": NOTE, "value": {"text": "z"}}),
}


@pytest.mark.parametrize(("steps", "value"), CHANGES.values(), ids=CHANGES)
def test_content_matters(folder: Path, steps: tuple[str, ...], value: Any) -> None:
    other = deepcopy(SECTIONS)
    place = other
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = value
    assert digest(folder, other) != digest(folder, SECTIONS)


def test_all_changes_differ_from_each_other(folder: Path) -> None:
    """What is live, and what is to happen, are part of it as well."""
    old, new = read(folder, {"a": "old"}), read(folder, {"a": "new"})
    adopt = read(folder, {"a": {"text": "new", "adopt": True}})
    nothing, other = read(folder, {}), read(folder, {"b": "new"})
    listed, taken, alone = live(records(old.desired), owning("ours", old.desired)), live(records(old.desired)), live({})
    forget = Options(forget=frozenset({"records/a"}))
    digests = [
        plan(new, listed).digest,
        plan(old, listed).digest,
        plan(nothing, listed).digest,
        plan(nothing, listed, options=forget).digest,
        plan(new, alone).digest,
        plan(other, alone).digest,
        plan(adopt, taken).digest,
        plan(new, live(records(new.desired), owning("ours", old.desired))).digest,
        plan(new, alone, project="theirs").digest,
        plan(new, Live(Did("did:plc:bob"), None, {})).digest,
    ]
    assert len(set(digests)) == len(digests)


def test_it_is_a_sha_256(folder: Path) -> None:
    found = digest(folder, SECTIONS)
    assert len(found) == 64
    assert int(found, 16)
