"""A plan that is saved, read back and settled against what is live then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import Nsid, RecordPath, Rkey
from atpub.engine.apply import apply_plan
from atpub.engine.desired.build import build_desired
from atpub.engine.owned_records import read_owned, records_around
from atpub.engine.plan.build import plan_manifest
from atpub.engine.plan.model import Plan
from atpub.engine.plan.rebase import rebase
from atpub.engine.plan.serialize import plan_document, read_plan, saved_document, seal
from atpub.errors import AlteredPlan, AtpubError, InvalidInput, StalePlan
from atpub.manifest.load import load_manifest
from atpub.repository.local import LocalRepository
from atpub.repository.model import Create, Live, Update
from atpub.shards.facts import Facts, gather

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FOLDER = Path("lab")
NOTE = Nsid("org.example.note")


class World:
    """A manifest, its data and its repository."""

    def __init__(self, folder: Path, repository: LocalRepository) -> None:
        self.folder = folder
        self.repository = repository
        self.paths: set[RecordPath] = set()

    def plan(self) -> tuple[Plan, Facts]:
        manifest = load_manifest([self.folder / "atpub.yaml"], environ={})
        facts = gather(manifest)
        desired, _ = build_desired(manifest, facts, self.repository.did)
        self.paths |= {item.path for item in desired}
        return plan_manifest(desired, self.live(), project=manifest.project, account="local", now=NOW), facts

    def live(self) -> Live:
        return read_owned(self.repository, records_around(self.paths))

    def add_unrelated(self, rkey: str) -> None:
        head = self.repository.head()
        path = RecordPath(NOTE, Rkey(rkey))
        self.repository.apply_writes([Create(path, {"$type": NOTE, "text": rkey})], head.cid if head else None)


@pytest.fixture(params=["quickstart", "records"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "manifest"
    shutil.copytree(ROOT / "manifests" / request.param, folder, ignore=shutil.ignore_patterns(".atpub"))
    with closing(LocalRepository(tmp_path / "repository")) as repository:
        yield World(folder, repository)


def saved(plan: Plan) -> Plan:
    return reread(document(plan))


def document(plan: Plan) -> JsonObject:
    return saved_document(plan, FOLDER)


def reread(value: JsonObject) -> Plan:
    return read_plan(json.dumps(value), "plan.json")[0]


def test_saved_and_read_is_the_same_plan(world: World) -> None:
    plan, _ = world.plan()
    again = rebase(saved(plan), world.live())
    assert plan_document(again) == plan_document(plan)
    assert again.inventory_changes == plan.inventory_changes


def test_applied_from_a_file(world: World) -> None:
    plan, facts = world.plan()
    apply_plan(rebase(saved(plan), world.live()), world.repository, facts.sources)
    assert not world.plan()[0].pending


def test_unrelated_commits_do_not_matter(world: World) -> None:
    world.add_unrelated("first")
    plan, facts = world.plan()
    world.add_unrelated("second")
    apply_plan(rebase(saved(plan), world.live()), world.repository, facts.sources)
    assert not world.plan()[0].pending


def test_run_again_after_it_was_applied(world: World) -> None:
    plan, facts = world.plan()
    kept = document(plan)
    apply_plan(rebase(reread(kept), world.live()), world.repository, facts.sources)
    head = world.repository.head()
    again = rebase(reread(kept), world.live())
    assert not again.pending
    apply_plan(again, world.repository, {})
    assert world.repository.head() == head


def test_stale_where_a_record_of_the_plan_has_changed(world: World) -> None:
    plan, facts = world.plan()
    apply_plan(plan, world.repository, facts.sources)
    text = (world.folder / "atpub.yaml").read_text().replace("license: CC-BY-4.0", "license: CC0-1.0")
    (world.folder / "atpub.yaml").write_text(text)
    plan, _ = world.plan()
    changed = next(change for change in plan.changes if change.action == "update")
    assert changed.before is not None
    edited: JsonObject = {**changed.before.value, "description": "by another client"}
    head = world.repository.head()
    assert head is not None
    world.repository.apply_writes([Update(changed.path, edited)], head.cid)
    with pytest.raises(StalePlan, match=changed.address):
        rebase(saved(plan), world.live())


def test_of_another_account(world: World, tmp_path: Path) -> None:
    plan, _ = world.plan()
    with pytest.raises(StalePlan, match="did:web:other"):
        rebase(saved(plan), replace(world.live(), did=type(plan.did)("did:web:other.invalid")))


def test_newer_minor_formats_are_read(world: World) -> None:
    plan, _ = world.plan()
    newer: JsonObject = {**document(plan), "format_version": "2.7", "something_new": {"a": 1}}
    changes = newer["changes"]
    assert isinstance(changes, list)
    newer["changes"] = [{**change, "new_field": 1} for change in changes if isinstance(change, dict)]
    assert plan_document(reread(seal(newer)))["changes"] == plan_document(plan)["changes"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        ("[]", "it is not a JSON object"),
        ("{}", "it has no 'format_version'"),
        ('{"format_version": "1.0"}', "it is of format 1.0"),
        ('{"format_version": 2.0}', "2.0 is not of the type str"),
        ('{"format_version": "2.0"}', "it has no 'checksum'"),
    ],
)
def test_what_is_no_plan(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        read_plan(text, "plan.json")
    assert caught.value.problems[0].place is not None
    assert caught.value.problems[0].place.file == "plan.json"


def test_a_value_that_was_changed_by_hand(world: World) -> None:
    plan, _ = world.plan()
    text = json.dumps(document(plan)).replace("CC-BY-4.0", "CC-BY-5.0")
    with pytest.raises(AlteredPlan, match="is not as it was saved"):
        read_plan(text, "plan.json")
    with pytest.raises(InvalidInput, match="is not the record"):
        reread(seal(json.loads(text)))


def spoilt(value: Json) -> Iterator[Json]:
    """The value with something else, or nothing, in one of its places."""
    others: tuple[Json, ...] = (None, 5, True, "x", [], {}, ["x"], {"x": "x"})
    yield from (item for item in others if item != value)
    if isinstance(value, dict):
        for key, item in value.items():
            yield {name: other for name, other in value.items() if name != key}
            yield from ({**value, key: other} for other in spoilt(item))
    if isinstance(value, list):
        for index, item in enumerate(value[:2]):
            yield from ([*value[:index], other, *value[index + 1 :]] for other in spoilt(item))


@pytest.mark.slow
def test_a_plan_that_was_spoilt_anywhere_is_applied_or_said_to_be_so(world: World) -> None:
    plan, _ = world.plan()
    for value in spoilt(document(plan)):
        text = json.dumps(value)
        try:
            found, folder = read_plan(text, "plan.json")
            assert folder is None or folder.parts
            json.dumps(saved_document(rebase(found, world.live()), folder))
        except AtpubError:
            pass


@pytest.mark.slow
def test_an_edit_that_is_sealed_again_is_refused_or_has_the_same_effect(world: World) -> None:
    plan, _ = world.plan()
    before = rebase(saved(plan), world.live())
    effect = [(c.path, c.action in ("create", "update"), c.after, c.protect, c.id) for c in before.changes]
    for value in spoilt(document(plan)):
        if not isinstance(value, dict):
            continue
        with pytest.raises(AtpubError):
            read_plan(json.dumps(value), "plan.json")
        try:
            found = reread(seal(value))
            after = rebase(found, world.live())
        except AtpubError:
            continue
        if found.digest == plan.digest:
            assert [
                (c.path, c.action in ("create", "update"), c.after, c.protect, c.id) for c in after.changes
            ] == effect
            assert {item.cid for item in after.uploads} == {item.cid for item in before.uploads}
