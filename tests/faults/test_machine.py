"""Any sequence of edits, plans, applies with faults and other people's writes: nothing is lost, and it converges."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tests.engine.apply.publishing import (
    Prepared,
    carry_out,
    edit,
    everything,
    inventory,
    kept,
    owned,
    prepare,
    publish,
    put,
    remove,
    scratch,
    write_lexicons,
    write_manifest,
    write_tar,
)
from tests.engine.apply.samples import FOREIGN_SCHEMA, at, note
from tests.engine.apply.wrappers import Crash, Narrow
from tests.faults.local import Call, Calls
from tests.faults.proxy import Point

from atpub.atproto.data import Json, JsonObject, blobs_in
from atpub.atproto.syntax import RAW, Cid, RecordPath
from atpub.engine.inventory import COLLECTION
from atpub.engine.plan.model import Options
from atpub.errors import AtpubError, BlobNotFound, OutcomeUnknown, RequestTooLarge, StalePlan, Unavailable
from atpub.repository.local import LocalRepository

NOTES, DATASETS, SHARDS = ("n0", "n1", "n2", "n3"), ("d0", "d1", "d2"), "0123"
FOREIGN = tuple(at(f"theirs-{number}") for number in range(3))
OPTIONS = Options(delete_drifted=True, allow_replace_all=True)
TEXTS = st.sampled_from(["a", "b", "c"])
HELD = st.sampled_from(["0", "1", "01", "12", "23", "013"])
"""The shards of a dataset, each a digit."""
_TIME: JsonObject = {"createdAt": "2024-05-01T12:00:00.000Z"}

EDITS = st.dictionaries(st.sampled_from(NOTES), st.none() | TEXTS, min_size=2)

CALLS = st.integers(0, 7)
WRITES = st.sampled_from([200, 4, 2])

ERRORS: Mapping[str, tuple[Callable[[], Exception], bool]] = {
    "unavailable": (lambda: Unavailable("down"), False),
    "lost, and done": (lambda: OutcomeUnknown("lost"), True),
    "lost, and not done": (lambda: OutcomeUnknown("lost"), False),
    "too large": (lambda: RequestTooLarge("too much"), False),
    "blob lost": (lambda: BlobNotFound("gone"), False),
    "crash before": (Crash, False),
    "crash after": (Crash, True),
}
"""What a commit may raise, and whether it is carried out all the same."""
ANYWHERE = ("unavailable", "crash before", "crash after")
"""What any call may raise."""

seen: Counter[str] = Counter()


class World(RuleBasedStateMachine):
    """One project, another project, and people who write by hand."""

    folder: Path
    numbers: Iterator[int]

    def __init__(self) -> None:
        super().__init__()
        self.running = ExitStack()
        path = self.folder / f"repository-{next(self.numbers)}"
        self.running.callback(shutil.rmtree, path, ignore_errors=True)
        self.repository = self.running.enter_context(closing(LocalRepository(path)))
        self.entries: dict[str, str] = {}
        self.foreign: dict[RecordPath, Cid] = {}
        self.drift: dict[RecordPath, Cid | None] = {}

    # What the user does

    @initialize(
        notes=st.dictionaries(st.sampled_from(NOTES), TEXTS, min_size=2),
        datasets=st.dictionaries(st.sampled_from(DATASETS), HELD),
    )
    def begin(self, notes: dict[str, str], datasets: dict[str, str]) -> None:
        self.entries = {**notes, **datasets}
        self.apply()

    @rule(key=st.sampled_from(NOTES), text=st.none() | TEXTS)
    def edit_a_note(self, key: str, text: str | None) -> None:
        self._entry(key, text)

    @rule(key=st.sampled_from(DATASETS), shards=st.none() | HELD)
    def edit_a_dataset(self, key: str, shards: str | None) -> None:
        self._entry(key, shards)

    @rule(edits=EDITS, between=st.sampled_from([0, 1, 2, 4, 7, 10]), writes=WRITES)
    def apply_a_plan_that_was_saved(self, edits: dict[str, str | None], between: int, writes: int) -> None:
        """It is carried out as it was planned, or not at all; what others made of its records meanwhile stays."""
        self._edit(edits)
        saved, known = self._prepared(), dict(self.drift)
        if between % 3 == 1:
            self.other_client_edits(between // 6, deletes=bool(between // 3 % 2))
        elif between % 3 == 2:
            carry_out(saved, self.repository)
        since = {path: cid for path, cid in self.drift.items() if path not in known or known[path] != cid}
        try:
            carry_out(kept(saved, self.repository), Narrow(self.repository, writes))
            seen["saved plan: done"] += 1
        except AtpubError as error:
            seen[f"saved plan: {'stale' if _is_stale(error) else type(error).__name__}"] += 1
        self._drift_stays(since)
        self._forget_what_was_overwritten()

    @rule(after=st.booleans(), number=CALLS, writes=WRITES, edits=EDITS)
    def crash(self, after: bool, number: int, writes: int, edits: dict[str, str | None]) -> None:
        self._apply(f"crash {'after' if after else 'before'}", number, writes, edits)

    @rule(done=st.booleans(), number=CALLS, writes=WRITES, edits=EDITS)
    def lose_a_reply(self, done: bool, number: int, writes: int, edits: dict[str, str | None]) -> None:
        self._apply(f"lost, and {'' if done else 'not '}done", number, writes, edits)

    @rule(too_large=st.booleans(), number=CALLS, writes=WRITES, edits=EDITS)
    def refuse(self, too_large: bool, number: int, writes: int, edits: dict[str, str | None]) -> None:
        self._apply("too large" if too_large else "blob lost", number, writes, edits)

    @rule(number=CALLS, writes=WRITES, edits=EDITS)
    def be_down(self, number: int, writes: int, edits: dict[str, str | None]) -> None:
        self._apply("unavailable", number, writes, edits)

    def _apply(self, fault: str, number: int, writes: int, edits: dict[str, str | None]) -> None:
        """Apply, with a fault at any call, or at one of the first commits."""
        self._edit(edits)
        error, done = ERRORS[fault]

        def strikes(point: Point) -> bool:
            if fault in ANYWHERE:
                return len(calls.points) - 1 == number
            return point == Point("apply_writes", number // 4)

        def meddle(point: Point, call: Call) -> object:
            if not strikes(point):
                return call()
            seen[f"fault: {fault}"] += 1
            if done:
                call()
            raise error()

        calls = Calls(self.repository, meddle)
        with suppress(AtpubError, Crash):
            carry_out(self._prepared(), Narrow(calls, writes))
        self._forget_what_was_overwritten()

    @rule(
        number=st.integers(0, 9),
        index=st.integers(0, 6),
        deletes=st.booleans(),
        writes=WRITES,
        edits=EDITS,
    )
    def apply_while_another_client_writes(
        self, number: int, index: int, deletes: bool, writes: int, edits: dict[str, str | None]
    ) -> None:
        """What another client makes of a record after it was planned is not overwritten."""
        self._edit(edits)
        touched: list[RecordPath] = []

        def meddle(point: Point, call: Call) -> object:
            if len(calls.points) - 1 == number:
                paths = sorted(set(owned(self.repository)) & set(everything(self.repository)))
                if paths:
                    touched.append(paths[index % len(paths)])
                    self._meddle(touched[0], deletes=deletes)
            return call()

        prepared = self._prepared()
        calls = Calls(self.repository, meddle)
        try:
            carry_out(prepared, Narrow(calls, writes))
            seen["another client writes meanwhile: goes on"] += bool(touched)
        except AtpubError as error:
            seen["another client writes meanwhile: stale"] += _is_stale(error) and bool(touched)
        if touched:
            self._drift_stays({touched[0]: self.drift[touched[0]]})
        self._forget_what_was_overwritten()

    def apply(self) -> None:
        """A clean apply converges."""
        self._make_way()
        prepared = self._prepared()
        assert prepared.plan.refusals == ()
        carry_out(prepared, self.repository)
        assert not self._prepared().plan.pending
        self.drift.clear()
        assert {path.rkey for path in owned(self.repository) if path in map(at, NOTES)} == {
            key for key in self.entries if key in NOTES
        }
        assert len(owned(self.repository)) == len(self.entries)
        for key in {*self.entries} & {*NOTES}:
            assert everything(self.repository)[at(key)].value["text"] == self.entries[key]
        seen["apply"] += 1

    # What others do

    @rule(path=st.sampled_from(FOREIGN), text=TEXTS)
    def other_client_makes_a_record(self, path: RecordPath, text: str) -> None:
        if path not in self.foreign:
            put(self.repository, {path: {"text": text}})
            self.foreign[path] = everything(self.repository)[path].cid
            seen["other_client_makes_a_record"] += 1

    @rule(key=st.sampled_from(NOTES))
    def other_client_takes_a_key(self, key: str) -> None:
        """Of a record that the project does not have."""
        path = at(key)
        if path not in everything(self.repository) and path not in owned(self.repository):
            put(self.repository, {path: {"text": "theirs"}})
            self.foreign[path] = everything(self.repository)[path].cid
            seen["other_client_takes_a_key"] += 1

    @rule(index=st.integers(0, 6), deletes=st.booleans())
    def other_client_edits(self, index: int, deletes: bool) -> None:
        paths = sorted(set(owned(self.repository)) & set(everything(self.repository)))
        if paths:
            self._meddle(paths[index % len(paths)], deletes=deletes)
            seen[f"other_client_edits: {'deletes' if deletes else 'updates'}"] += 1

    @rule(texts=st.dictionaries(st.sampled_from(["x", "y"]), TEXTS), shards=st.sampled_from(["0", "01", "23"]))
    def another_project_applies(self, texts: dict[str, str], shards: str) -> None:
        notes: JsonObject = {f"other-{key}": note(text) for key, text in texts.items()}
        content: JsonObject = {"project": "theirs", "records": notes, "datasets": {"other": _dataset(shards)}}
        publish(self._write({**content}, "theirs.yaml"), self.repository, options=OPTIONS)
        seen["another_project_applies"] += 1

    # What holds at any time

    @invariant()
    def the_inventory_is_exact(self) -> None:
        """What is owned is there as it is listed, or as another client has left it; all else is another client's."""
        live = {
            path: record.cid for path, record in everything(self.repository).items() if path.collection != COLLECTION
        }
        ours, theirs = owned(self.repository), owned(self.repository, "theirs")
        assert sum(map(len, inventory(self.repository).shards.values())) == len(ours)
        for path, cid in ours.items():
            assert live.get(path) == cid or (path in self.drift and live.get(path) == self.drift[path]), path
        assert not ours.keys() & theirs.keys()
        rest = {path: cid for path, cid in live.items() if path not in ours and path not in theirs}
        left_behind = {
            path: cid for path, cid in self.drift.items() if cid and path in rest and path not in self.foreign
        }
        assert rest == {**self.foreign, **left_behind}
        assert {path: live.get(path) for path in theirs} == theirs

    @invariant()
    def every_blob_is_there(self) -> None:
        for blob in {blob for record in everything(self.repository).values() for blob in blobs_in(record.value)}:
            content = b"".join(self.repository.get_blob(blob.cid))
            assert Cid.of_digest(sha256(content).digest(), RAW) == blob.cid

    def teardown(self) -> None:
        try:
            self.apply()
        finally:
            self.running.close()

    # Helpers

    def _edit(self, edits: Mapping[str, str | None]) -> None:
        self._make_way()
        for key, value in edits.items():
            self._entry(key, value)

    def _entry(self, key: str, value: str | None) -> None:
        self.entries.pop(key, None)
        if value is not None:
            self.entries[key] = value
        seen["edit"] += 1

    def _prepared(self) -> Prepared:
        datasets: JsonObject = {key: _dataset(value) for key, value in self.entries.items() if key in DATASETS}
        notes: JsonObject = {key: note(value) for key, value in self.entries.items() if key in NOTES}
        return prepare(
            self._write({"datasets": datasets, "records": notes}, "ours.yaml"), self.repository, options=OPTIONS
        )

    def _write(self, content: JsonObject, name: str) -> Path:
        return write_manifest(self.folder, {"policy": {"max_delete": "100%"}, **content}, name)

    def _meddle(self, path: RecordPath, *, deletes: bool) -> None:
        if deletes:
            remove(self.repository, path)
        else:
            edit(self.repository, path, mood=f"edited {next(self.numbers)}")
        record = everything(self.repository).get(path)
        self.drift[path] = record.cid if record else None

    def _drift_stays(self, before: Mapping[RecordPath, Cid | None]) -> None:
        live = everything(self.repository)
        for path, cid in before.items():
            record = live.get(path)
            assert (record.cid if record else None) == cid, path

    def _forget_what_was_overwritten(self) -> None:
        """A drift that a plan has seen and overwritten is none any more."""
        live = everything(self.repository)
        for path, cid in [*self.drift.items()]:
            record = live.get(path)
            if (record.cid if record else None) != cid:
                del self.drift[path]

    def _make_way(self) -> None:
        """A client that has taken a key that the manifest wants gives it up."""
        for path in [path for path in self.foreign if path not in FOREIGN]:
            remove(self.repository, path)
            del self.foreign[path]


def _is_stale(error: AtpubError) -> bool:
    return isinstance(error, StalePlan) or isinstance(error.__cause__, StalePlan)


def _dataset(shards: str) -> JsonObject:
    files: list[Json] = [f"data/{digit}.tar" for digit in shards]
    return {"schema": FOREIGN_SCHEMA, "blobs": files, **_TIME}


@pytest.mark.slow
def test_anything_converges() -> None:
    """And every rule has run, with every fault."""
    seen.clear()
    with scratch() as folder:
        write_lexicons(folder)
        for digit in SHARDS:
            write_tar(folder / f"data/{digit}.tar", f"shard {digit}")
        World.folder, World.numbers = folder, count()
        run_state_machine_as_test(
            World,
            settings=settings(
                max_examples=40,
                stateful_step_count=30,
                derandomize=True,
                deadline=None,
                database=None,
                phases=[Phase.generate],  # to shrink a sequence that breaks something takes minutes
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
    expected = {
        *(f"fault: {name}" for name in ERRORS),
        *("edit", "apply", "saved plan: done", "saved plan: stale"),
        *(
            "another client writes meanwhile: goes on",
            "another client writes meanwhile: stale",
            "another_project_applies",
        ),
        *(
            "other_client_makes_a_record",
            "other_client_takes_a_key",
            "other_client_edits: updates",
            "other_client_edits: deletes",
        ),
    }
    assert {name for name in expected if not seen[name]} == set(), seen
