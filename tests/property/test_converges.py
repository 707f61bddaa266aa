"""Applying a plan reaches the desired state, whatever was there before, and the next plan is empty."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from tests.engine.apply.publishing import (
    COLLECTIONS,
    NOTE,
    Prepared,
    carry_out,
    edit,
    everything,
    kept,
    owned,
    prepare,
    publish,
    put,
    remove,
    scratch,
    sha256_of,
    write_lexicons,
    write_manifest,
    write_tar,
)
from tests.engine.apply.wrappers import Counting, Crash, Failing, Narrow, When
from tests.property.manifests import (
    SHARDS,
    SLOTS,
    TAKEN,
    TEXTS,
    VERSIONED,
    Slot,
    Specs,
    adopted,
    changed,
    complete,
    manifest,
    specs,
)
from tests.repository.samples import read

from atpub.atproto.data import Json, JsonObject, blobs_in, encode
from atpub.atproto.syntax import RAW, AtUri, Cid, Nsid, RecordPath, Rkey
from atpub.engine.inventory import COLLECTION
from atpub.engine.plan.model import ACTIONS, Action, Options
from atpub.repository.interface import Repository
from atpub.repository.local import LocalRepository
from atpub.repository.model import Record

POST = Nsid("com.example.post")
TAKEN_PATHS = {RecordPath(NOTE, Rkey(key)): text for key, text in TAKEN.items()}
THEIRS: JsonObject = {
    "project": "theirs",
    "schemas": {"thing": {"nsid": "org.other.thing", "version": "1.0.0", "fields": {"x": "integer"}}},
    "datasets": {"theirs": {"schema": "thing", "blobs": [SHARDS[0], SHARDS[1]]}},
    "labels": {"x": {"dataset": "theirs", "version": "0.9.0"}},
    "records": {"theirs": {"collection": NOTE, "value": {"text": "theirs", "file": {"$blob": TEXTS[0]}}}},
}
Edit = Literal["change", "delete"]
_FATES: st.SearchStrategy[Edit | None] = st.sampled_from([None, None, None, "change", "delete"])
seen: Counter[Action] = Counter()


@dataclass(frozen=True)
class Scenario:
    """Two manifests of one project, and what happens between and while they are applied."""

    first: Specs
    second: Specs
    renamed: bool
    backwards: bool
    edits: Mapping[Slot, Edit]  # by another client, after the first was applied
    forgotten: frozenset[Slot]
    prune: bool
    writes: int  # that the repository takes at once
    crash: int | None  # at which commit of the second manifest's plan
    when: When
    replan: bool  # after the crash; else the same plan is carried out again
    saved: bool  # the plan is written to a document, and read again each time that it is carried out

    @cached_property
    def gone(self) -> frozenset[Slot]:
        return frozenset(self.first) - frozenset(self.second)

    @cached_property
    def unowned(self) -> frozenset[Slot]:
        """Entries that are there as wanted, of unknown origin."""
        return frozenset(
            slot
            for slot, item in self.second.items()
            if slot.id in TAKEN and not adopted(slot, item) and not adopted(slot, self.first.get(slot))
        )

    @cached_property
    def options(self) -> Options:
        addresses = frozenset(f"{slot.section}/{slot.id}" for slot in self.forgotten)
        return Options(delete_drifted=True, prune_versions=self.prune, allow_replace_all=True, forget=addresses)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    first = complete(draw(specs()))
    second = complete(draw(changed(first)))
    own = [slot for slot in SLOTS if slot in first and slot.id not in TAKEN]
    gone = [slot for slot in SLOTS if slot in first and slot not in second]
    fates: dict[Slot, Edit | None] = {slot: draw(_FATES) for slot in own}
    return Scenario(
        first=first,
        second=second,
        renamed=draw(st.booleans()),
        backwards=draw(st.booleans()),
        edits={slot: fate for slot, fate in fates.items() if fate},
        forgotten=frozenset(slot for slot in gone if draw(st.integers(0, 5)) == 0),
        prune=draw(st.booleans()),
        writes=draw(st.sampled_from([200, 200, 6, 2])),
        crash=draw(st.sampled_from([None, None, 0, 1, 2])),
        when=draw(st.sampled_from(["before", "after"])),
        replan=draw(st.booleans()),
        saved=draw(st.booleans()),
    )


@dataclass(frozen=True)
class Base:
    """A repository in which others have records already, and the files that manifests name."""

    folder: Path
    numbers: Iterator[int]

    @contextmanager
    def repository(self) -> Generator[Repository]:
        """A fresh copy."""
        folder = self.folder / f"repository-{next(self.numbers)}"
        shutil.copytree(self.folder / "base", folder)
        with closing(LocalRepository(folder)) as repository:
            yield repository
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def base() -> Iterator[Base]:
    with scratch() as folder:
        write_lexicons(folder)
        for number, file in enumerate(SHARDS):
            write_tar(folder / file, f"shard {number}")
        for file in TEXTS:
            (folder / file).write_text(f"the text of {file}", "utf-8")
        sums = "".join(f"{sha256_of(str(n))}  s-{n}.tar\n" for n in range(4))
        (folder / "data/sums.sha256").write_text(sums, "utf-8")
        with closing(LocalRepository(folder / "base")) as repository:
            publish(write_manifest(folder, THEIRS), repository)
            put(repository, {path: {"text": text} for path, text in TAKEN_PATHS.items()})
            put(repository, {RecordPath(POST, Rkey("self")): {"text": "hello"}})
        yield Base(folder, count())


@pytest.mark.slow
def test_converges(base: Base) -> None:
    """Whatever is drawn converges, and everything that a plan can do is drawn."""
    seen.clear()

    @settings(
        max_examples=120,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(scenarios())
    def converges(scenario: Scenario) -> None:
        with base.repository() as repository:
            _Run(base.folder, repository, scenario).check()

    converges()
    assert set(seen) == set(ACTIONS), seen


class _Run:
    """One scenario, carried out."""

    def __init__(self, folder: Path, repository: Repository, scenario: Scenario) -> None:
        self.scenario = scenario
        self.repository = repository
        self.first = write_manifest(folder, manifest(scenario.first), "first.yaml")
        content = manifest(scenario.second, renamed=scenario.renamed, backwards=scenario.backwards)
        self.second = write_manifest(folder, content, "second.yaml")
        self.others = _others(repository)
        self.paths: dict[Slot, RecordPath] = {}

    def check(self) -> None:
        self.apply_first()
        owned_first = owned(self.repository)
        self.edit()
        left = self.left()
        versions = self.versions(owned_first)
        self.apply_second()
        self.is_empty(prepare(self.second, self.repository))
        self.holds_what_is_wanted(versions)
        self.spares_others(left)
        self.holds_every_blob()

    def apply_first(self) -> None:
        prepared = self.plan(self.first, Options())
        carry_out(prepared, Narrow(self.repository, self.scenario.writes))
        slots = {f"{slot.section}/{slot.id}": slot for slot in self.scenario.first}
        self.paths = {slots[change.address]: change.path for change in prepared.plan.changes}
        self.is_empty(prepare(self.first, self.repository))

    def edit(self) -> None:
        for slot, kind in self.scenario.edits.items():
            event(f"another client: {kind}")
            if kind == "delete":
                remove(self.repository, self.paths[slot])
            else:
                edit(self.repository, self.paths[slot], mood="edited")

    def apply_second(self) -> None:
        scenario = self.scenario
        prepared = self.plan(self.second, scenario.options)
        narrow = Narrow(self.repository, scenario.writes)
        if scenario.crash is not None:
            with suppress(Crash):
                carry_out(self.reread(prepared), Failing(narrow, {scenario.crash}, Crash, scenario.when))
            if scenario.replan:
                prepared = prepare(self.second, self.repository, options=scenario.options)
        carry_out(self.reread(prepared), narrow)
        again = Counting(self.repository)
        carry_out(self.reread(prepared), again)
        assert not again.uploads
        assert not again.batches

    def reread(self, prepared: Prepared) -> Prepared:
        return kept(prepared, self.repository) if self.scenario.saved else prepared

    def plan(self, file: Path, options: Options) -> Prepared:
        prepared = prepare(file, self.repository, options=options)
        assert prepared.plan.refusals == ()
        seen.update(change.action for change in prepared.plan.changes)
        for change in prepared.plan.changes:
            event(f"action: {change.action}")
        return prepared

    # What must be so afterwards

    def is_empty(self, prepared: Prepared) -> None:
        plan = prepared.plan
        assert {change.action for change in plan.changes} <= {"unchanged", "keep"}
        assert not plan.pending
        assert (plan.uploads, plan.refusals, plan.cost.writes) == ((), (), 0)

    def left(self) -> dict[RecordPath, bytes]:
        """What the project stops owning, and leaves where it is."""
        records = everything(self.repository)
        paths = [self.paths[slot] for slot in self.scenario.forgotten if slot in self.paths]
        return {path: encode(records[path].value) for path in paths if path in records}

    def versions(self, owned_first: Mapping[RecordPath, Cid]) -> dict[RecordPath, Cid]:
        """The versions that the second manifest does not name and that stay, as they were applied."""
        scenario, live = self.scenario, everything(self.repository)
        slots = (scenario.gone & VERSIONED) - scenario.forgotten
        paths = {self.paths[slot] for slot in slots if self.paths[slot] in live}
        return {path: owned_first[path] for path in paths}

    def holds_what_is_wanted(self, versions: Mapping[RecordPath, Cid]) -> None:
        """What is owned is exactly what the second manifest wants, and the versions that are kept."""
        live = everything(self.repository)
        prepared = prepare(self.second, self.repository)
        wanted = {change.path: change for change in prepared.plan.changes if change.action != "keep"}
        unowned = {self.path_of_taken(slot) for slot in self.scenario.unowned}
        if self.scenario.prune:
            named = {text for path in wanted for text in _texts(live[path].value)}
            versions = {
                path: cid for path, cid in versions.items() if str(AtUri.of(self.repository.did, path)) in named
            }
        expected = {path: live[path].cid for path in wanted if path not in unowned}
        assert len(wanted) == len(self.scenario.second)
        assert owned(self.repository) == {**expected, **versions}

    @staticmethod
    def path_of_taken(slot: Slot) -> RecordPath:
        return RecordPath(NOTE, Rkey(slot.id))

    def spares_others(self, left: Mapping[RecordPath, bytes]) -> None:
        """What is not the project's is there as it was, byte for byte, and there is nothing else."""
        scenario = self.scenario
        taken = {
            self.path_of_taken(slot)
            for slot in SLOTS
            if adopted(slot, scenario.first.get(slot)) or adopted(slot, scenario.second.get(slot))
        }
        others = {path: block for path, block in self.others.items() if path not in taken}
        ours = owned(self.repository)
        assert _others(self.repository, without=ours) == {**others, **left}

    def holds_every_blob(self) -> None:
        """No record refers to a blob that is lost."""
        blobs = {blob for record in everything(self.repository).values() for blob in blobs_in(record.value)}
        for blob in blobs:
            content = b"".join(self.repository.get_blob(blob.cid))
            assert (Cid.of_digest(sha256(content).digest(), RAW), len(content)) == (blob.cid, blob.size)


def _others(repository: Repository, without: Mapping[RecordPath, Cid] | None = None) -> dict[RecordPath, bytes]:
    """Each record as its bytes, but for those of the project."""
    found = read(repository, *COLLECTIONS, POST)
    ours = without or {}
    return {
        path: encode(record.value)
        for path, record in found.items()
        if path not in ours and not _is_our_inventory(record)
    }


def _is_our_inventory(record: Record) -> bool:
    return record.path.collection == COLLECTION and record.value["project"] == "ours"


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
