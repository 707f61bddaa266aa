"""Saved plans that were edited and sealed again, applied to a repository: what each edit can change at most."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.apply.publishing import (
    everything,
    inventory,
    prepare,
    publish,
    scratch,
    write_lexicons,
    write_manifest,
    write_tar,
)
from tests.engine.apply.samples import EVERYTHING, LATER

from atpub.atproto.data import Json, JsonObject, cid_of
from atpub.engine.apply import apply_plan
from atpub.engine.owned_records import read_owned, records_around
from atpub.engine.plan.model import Options, Plan
from atpub.engine.plan.rebase import rebase
from atpub.engine.plan.serialize import read_plan, saved_document, seal
from atpub.errors import AtpubError, InvalidInput, StalePlan
from atpub.repository.interface import BlobSource
from atpub.repository.local import LocalRepository
from atpub.repository.model import Head

Steps = tuple[str | int, ...]
Effect = tuple[object, object]
ABSENT: Final = object()
OTHERS: Final[tuple[object, ...]] = (ABSENT, None, True, False, 0, 5, 0.5, "", "x", [], {}, ["x"], {"x": "x"})
BOUND: Final = frozenset(
    ("action", "address", "id", "uri", "protect", "before_cid", "after_cid", "digest_cid", "cid", "size", "project")
) | {"did", "max_delete", "delete_drifted", "allow_replace_all", "created_at", "target", "open"}
OPEN: Final = "2020-02-02T02:02:02.000Z"


@dataclass(frozen=True)
class Saved:
    """A saved plan as a document, the folder of the repository that it was made for, and the bytes of its blobs."""

    document: JsonObject
    folder: Path
    sources: Mapping[str, BlobSource]

    def read(self, document: JsonObject) -> Plan:
        return read_plan(json.dumps(document), "plan.json")[0]

    @contextmanager
    def copy(self) -> Generator[LocalRepository]:
        with scratch() as base:
            if self.folder.exists():
                shutil.copytree(self.folder, base / "repository")
            with closing(LocalRepository(base / "repository")) as repository:
                yield repository


@pytest.fixture(scope="module", params=["new", "later"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """A plan of everything on an empty repository, or of what becomes of it, deletes included."""
    folder = tmp_path_factory.mktemp("saved")
    write_lexicons(folder)
    for number in range(6):
        write_tar(folder / f"data/{number}.tar", f"shard {number}")
    (folder / "data/a.txt").write_text("some text", "utf-8")
    with closing(LocalRepository(folder / "repository")) as repository:
        if request.param == "later":
            publish(write_manifest(folder, EVERYTHING), repository)
        content = EVERYTHING if request.param == "new" else LATER
        prepared = prepare(write_manifest(folder, content), repository, options=Options(prune_versions=True))
        assert not prepared.plan.refusals
    return Saved(saved_document(prepared.plan, Path("lab")), folder / "repository", prepared.sources)


def settle(plan: Plan, repository: LocalRepository) -> Plan:
    return rebase(plan, read_owned(repository, records_around(change.path for change in plan.changes)))


def state(repository: LocalRepository) -> Effect:
    """All records, and what the project owns."""
    return {path: record.value for path, record in everything(repository).items()}, inventory(repository).owned


def carry_out(saved: Saved, plan: Plan, show: Callable[[LocalRepository], Effect] = state) -> Effect | None:
    """What is there after a plan was applied; None where it was refused, and nothing was written."""
    with saved.copy() as repository:
        head: Head | None = repository.head()
        try:
            apply_plan(settle(plan, repository), repository, saved.sources)
        except AtpubError:
            assert repository.head() == head
            return None
        return show(repository)


def places(value: Json, steps: Steps = ()) -> Iterator[tuple[Steps, Json]]:
    """Every value in a document, with its place."""
    yield steps, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*steps, key))


def edited(document: JsonObject, steps: Steps, other: object) -> JsonObject:
    """The document with another value, or none, in one place."""
    copy: Any = json.loads(json.dumps(document))
    part = copy
    for step in steps[:-1]:
        part = part[step]
    if other is ABSENT:
        del part[steps[-1]]
    else:
        part[steps[-1]] = json.loads(json.dumps(other))
    return seal(copy)


@pytest.mark.slow
def test_an_edit_is_refused_or_has_no_effect_or_another_digest(saved: Saved) -> None:
    found = [(steps, value) for steps, value in places(saved.document) if steps]
    values: list[object] = [*OTHERS, *(value for _, value in found)]
    original = saved.read(saved.document)
    effect = carry_out(saved, original)
    assert effect
    reached = set[str]()

    @settings(max_examples=200, deadline=None)
    @given(st.sampled_from(found), st.sampled_from(values) | st.none())
    def check(place: tuple[Steps, Json], other: object) -> None:
        steps = place[0]
        try:
            plan = saved.read(edited(saved.document, steps, other))
        except AtpubError:
            return
        if plan == original or plan.digest != original.digest:
            return
        after = carry_out(saved, plan)
        reached.add("refused" if after is None else "applied")
        assert after in (None, effect), (steps, other)

    check()
    assert reached


@pytest.mark.slow
def test_an_action_an_owner_and_a_rule_are_bound(saved: Saved) -> None:
    """Each place that decides what is written, with every value of its kind in the document."""
    found = [(steps, value) for steps, value in places(saved.document) if steps and steps[-1] in BOUND]
    original = saved.read(saved.document)
    effect = carry_out(saved, original)
    for steps, value in found:
        alike = {json.dumps(item): item for other, item in found if other[-1] == steps[-1]} | {"null": None}
        for other in [*alike.values(), *((not value,) if isinstance(value, bool) else ())][:6]:
            try:
                plan = saved.read(edited(saved.document, steps, other))
            except AtpubError:
                continue
            if plan != original and plan.digest == original.digest:
                assert carry_out(saved, plan) in (None, effect), (steps, other)


def event_of(saved: Saved) -> tuple[int, JsonObject]:
    changes = saved.document["changes"]
    assert isinstance(changes, list)
    number, change = next(
        (n, item)
        for n, item in enumerate(changes)
        if isinstance(item, dict) and item["created_at"] and item["action"] in ("create", "update")
    )
    return number, change


def test_another_time_is_bound_by_the_checksum_and_the_cid(saved: Saved) -> None:
    """Not by the digest, which is the same whenever it is planned; only a time of a new record can be another."""
    number, change = event_of(saved)
    value, field = change["value"], change["created_at"]
    assert isinstance(value, dict)
    assert isinstance(field, str)
    steps: Steps = ("changes", number, "value", field)
    unsealed = {**edited(saved.document, steps, OPEN), "checksum": saved.document["checksum"]}
    with pytest.raises(AtpubError, match="is not as it was saved"):
        saved.read(unsealed)
    sealed = edited(saved.document, steps, OPEN)
    with pytest.raises(InvalidInput, match="is not the record"):
        saved.read(sealed)
    plan = saved.read(edited(sealed, ("changes", number, "after_cid"), cid_of({**value, field: OPEN})))
    assert plan.digest == saved.document["digest"]
    with saved.copy() as repository:
        if change["before_cid"]:
            with pytest.raises(StalePlan, match=f"has another {field} than was planned"):
                settle(plan, repository)
        else:
            assert settle(plan, repository).pending
