"""Carrying out a plan: what is written, in how many commits, in which order, and what is told of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from threading import Barrier, Condition, Lock

import pytest
from tests.engine.apply.publishing import (
    ENTRY,
    Prepared,
    carry_out,
    edit,
    everything,
    inventory,
    owned,
    prepare,
    publish,
    write_manifest,
    write_tar,
)
from tests.engine.apply.samples import EVERYTHING, LATER, at, holders, note, notes, numbered
from tests.engine.apply.wrappers import Around, Counting, Narrow

from atpub.atproto.data import Blob, JsonObject, blobs_in, cid_of
from atpub.atproto.syntax import Cid
from atpub.engine.apply import Committed, apply_plan, uploads
from atpub.engine.inventory import COLLECTION
from atpub.engine.plan.order import commit_order
from atpub.errors import BlobRejected, PartlyApplied, Refused, RepositoryError, RequestTooLarge
from atpub.progress import Advanced, Completed, Ended, Progress, Started
from atpub.repository.interface import BlobSource, Repository
from atpub.repository.local import LocalRepository
from atpub.repository.model import Commit, Create, Delete, Update, Write


def kinds(batch: Sequence[Write]) -> list[type[Write]]:
    """The kinds of a batch's writes, less those of the inventory."""
    return [type(write) for write in batch if write.path.collection != COLLECTION]


def holds_what_it_owns(repository: Repository) -> None:
    """The inventory lists the records that are there, each with its CID, and no others."""
    records = {path: record.cid for path, record in everything(repository).items() if path.collection != COLLECTION}
    assert owned(repository) == records


# What is written


@pytest.mark.parametrize("content", [EVERYTHING, LATER], ids=["everything", "later"])
def test_everything_in_one_commit(folder: Path, repository: LocalRepository, content: JsonObject) -> None:
    counting = Counting(repository)
    prepared = publish(write_manifest(folder, content), counting)
    (batch,) = counting.batches
    assert len(batch) == prepared.plan.cost.writes
    assert len(counting.uploads) == len(prepared.plan.uploads)
    holds_what_it_owns(repository)


def test_from_one_manifest_to_another_in_one_commit(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, EVERYTHING), repository)
    counting = Counting(repository)
    prepared = publish(write_manifest(folder, LATER), counting)
    (batch,) = counting.batches
    assert len(batch) == prepared.plan.cost.writes
    order = kinds(batch)
    assert {*order} == {Create, Update, Delete}
    assert order == sorted(order, key=lambda kind: kind is Delete)
    holds_what_it_owns(repository)


def test_outcomes(folder: Path, repository: LocalRepository) -> None:
    """The CID of each record, also where only the server could tell; nothing where there is no record any more."""
    publish(write_manifest(folder, notes({"same": "x", "old": "x"})), repository)
    file = note("x", file={"$blob": "data/a.txt"})
    pin = note("x", pins=[{"$strongRef": "records/file"}])
    prepared = prepare(write_manifest(folder, {"records": {"same": note("x"), "file": file, "pin": pin}}), repository)
    outcomes = {outcome.change.address: outcome for outcome in carry_out(prepared, repository)}
    live = everything(repository)
    assert {address: outcome.status for address, outcome in outcomes.items()} == {
        "records/same": "unchanged",
        "records/file": "applied",
        "records/pin": "applied",
        "records/old": "applied",
    }
    for outcome in outcomes.values():
        path = outcome.change.path
        assert outcome.cid == (live[path].cid if path in live else None)
    assert live[at("pin")].value["pins"] == [
        {"uri": f"at://{repository.did}/org.test.note/file", "cid": live[at("file")].cid}
    ]


def test_protection_alone(folder: Path, repository: LocalRepository) -> None:
    """Only the inventory is written."""
    publish(write_manifest(folder, notes({"a": "x"})), repository)
    counting = Counting(repository)
    publish(write_manifest(folder, {"records": {"a": {**note("x"), "protect": True}}}), counting)
    (batch,) = counting.batches
    assert kinds(batch) == []
    assert inventory(repository).owned[at("a")].protect


def test_nothing_to_do_writes_nothing(folder: Path, repository: LocalRepository) -> None:
    first = publish(write_manifest(folder, EVERYTHING), repository)
    counting = Counting(repository)
    again = publish(write_manifest(folder, EVERYTHING), counting)
    for prepared in (first, again):
        outcomes = carry_out(prepared, counting)
        assert {outcome.status for outcome in outcomes} == {"unchanged"}
        live = everything(repository)
        assert all(outcome.cid == live[outcome.change.path].cid for outcome in outcomes)
    assert (counting.uploads, counting.batches) == ([], [])


def test_an_empty_plan_does_not_make_a_repository(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, {}), repository)
    assert repository.head() is None


def test_a_refused_plan_writes_nothing(folder: Path, repository: LocalRepository) -> None:
    """And tells every refusal."""
    publish(write_manifest(folder, notes({"a": "x", "b": "x"})), repository)
    edit(repository, at("a"), text="theirs")
    edit(repository, at("b"), text="theirs")
    prepared = prepare(write_manifest(folder, notes({"c": "x"})), repository)
    counting = Counting(repository)
    with pytest.raises(Refused, match=r"(?s)records/[ab] .*\n.*records/[ab] ") as caught:
        carry_out(prepared, counting)
    assert caught.value.hint
    assert (counting.uploads, counting.batches) == ([], [])


# Several commits


@pytest.mark.slow
def test_more_records_than_a_commit_takes(folder: Path, repository: LocalRepository) -> None:
    """As few commits as will do, and the inventory exact after each of them."""
    prepared = prepare(write_manifest(folder, numbered(450)), repository)
    sizes: list[int] = []

    def on_commit(event: Committed) -> None:
        assert repository.head() == event.head
        sizes.append(len(event.changes))
        holds_what_it_owns(repository)
        assert len(owned(repository)) == sum(sizes)

    apply_plan(prepared.plan, repository, prepared.sources, on_commit=on_commit)
    assert len(sizes) == prepared.plan.cost.commits == 3
    assert sum(sizes) == 450


def test_deletes_come_last_in_several_commits(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, numbered(30)), repository)
    content = notes({**{f"n{number}": "y" for number in range(10)}, **{f"m{number}": "x" for number in range(10)}})
    counting = Counting(Narrow(repository, 7))
    publish(write_manifest(folder, content), counting)
    order = [kind for batch in counting.batches for kind in kinds(batch)]
    assert {kind: order.count(kind) for kind in (Create, Update, Delete)} == {Create: 10, Update: 10, Delete: 20}
    assert order[20:] == [Delete] * 20
    holds_what_it_owns(repository)


@pytest.mark.slow
@pytest.mark.parametrize("told", [True, False], ids=["told", "found out"])
@pytest.mark.parametrize("writes", [2, 3, 5, 100])
def test_a_server_with_narrower_limits(folder: Path, repository: LocalRepository, writes: int, told: bool) -> None:
    """What it says is kept to; what it does not say is found out by halving."""
    narrow = Narrow(repository, writes, told=told)
    publish(write_manifest(folder, EVERYTHING), narrow)
    publish(write_manifest(folder, LATER), narrow)
    assert (narrow.refused == 0) == (told or writes == 100)
    assert not prepare(write_manifest(folder, LATER), repository).plan.pending


def test_a_limit_is_found_out_by_halving(folder: Path, repository: LocalRepository) -> None:
    counting = Counting(Narrow(repository, 12, told=False))
    publish(write_manifest(folder, numbered(40)), counting)
    assert [len(kinds(batch)) for batch in counting.batches] == [10, 7, 11, 6, 6]


@pytest.mark.slow
def test_a_body_too_large_is_divided_beforehand(folder: Path, repository: LocalRepository) -> None:
    """The embedded repository takes a million bytes at once."""
    counting = Counting(repository)
    publish(write_manifest(folder, notes({f"n{number}": "x" * 300_000 for number in range(7)})), counting)
    assert [len(kinds(batch)) for batch in counting.batches] == [2, 2, 2, 1]
    holds_what_it_owns(repository)


@pytest.mark.parametrize(("others", "error"), [(0, RequestTooLarge), (3, PartlyApplied)])
def test_a_record_too_large_for_any_commit(
    folder: Path, repository: LocalRepository, others: int, error: type[Exception]
) -> None:
    """What comes before it stays, and a later run goes on from there."""
    small: JsonObject = {f"n{number}": note("x") for number in range(others)}
    huge = note("x", pins=[{"$strongRef": f"records/{key}"} for key in small])
    with pytest.raises(error, match="too heavy"):
        publish(write_manifest(folder, {"records": {**small, "huge": huge}}), Heavy(repository))
    assert len(owned(repository)) == others
    assert not prepare(write_manifest(folder, {"records": small}), repository).plan.pending


class Heavy(Around):
    """Refuses the record `huge`, whatever is sent with it."""

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        if any(write.path == at("huge") for write in writes):
            raise RequestTooLarge("too heavy")
        return self.inner.apply_writes(writes, swap_commit)


# Blobs


@pytest.mark.parametrize(("writes", "first"), [(2, uploads.FIRST_BYTES), (200, 1)], ids=["few writes", "large blobs"])
def test_each_commit_comes_as_soon_as_its_blobs_are_up(
    folder: Path, repository: LocalRepository, monkeypatch: pytest.MonkeyPatch, writes: int, first: int
) -> None:
    """A blob that no record refers to may expire: none waits for those of later commits, which go on meanwhile."""
    monkeypatch.setattr(uploads, "FIRST_BYTES", first)
    prepared = prepare(write_manifest(folder, holders({"a": "0", "b": "1", "c": "2"})), repository)
    order = [blob.cid for (change,) in commit_order(prepared.plan) for blob in blobs_in(change.after)]
    committed: list[Committed] = []
    changed = Condition()

    class Patient(Narrow):
        """Takes the n-th blob once n commits were made."""

        def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
            blob = super().upload_blob(source, mime_type, cid=cid)
            number = order.index(blob.cid)
            with changed:
                assert changed.wait_for(lambda: len(committed) >= number, timeout=30)
            return blob

    def on_commit(event: Committed) -> None:
        with changed:
            committed.append(event)
            changed.notify_all()

    outcomes = apply_plan(prepared.plan, Patient(repository, writes), prepared.sources, on_commit=on_commit)
    assert {outcome.status for outcome in outcomes} == {"applied"}


def test_small_blobs_share_a_commit(folder: Path, repository: LocalRepository) -> None:
    counting = Counting(repository)
    publish(write_manifest(folder, holders({"a": "0", "b": "1", "c": "2"})), counting)
    assert len(counting.batches) == 1


def test_a_blob_in_two_records_is_brought_once(folder: Path, repository: LocalRepository) -> None:
    counting = Counting(Narrow(repository, 2))
    publish(write_manifest(folder, holders({"a": "01", "b": "12"})), counting)
    assert len(counting.uploads) == 3


def test_four_blobs_are_brought_at_once(folder: Path, repository: LocalRepository) -> None:
    parallel = Parallel(repository)
    publish(write_manifest(folder, holders({"a": "0123"})), parallel)
    assert parallel.most == 4


class Parallel(Around):
    """Waits until four uploads are under way."""

    def __init__(self, inner: Repository) -> None:
        super().__init__(inner)
        self.most = 0
        self._now = 0
        self._lock = Lock()
        self._barrier = Barrier(4, timeout=30)

    def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self._barrier.wait()
        blob = self.inner.upload_blob(source, mime_type, cid=cid)
        with self._lock:
            self._now -= 1
        return blob


def shards(repository: LocalRepository, key: str) -> list[str]:
    """What is in the shards of a dataset, read back from the repository."""
    (record,) = [r for r in everything(repository).values() if r.value.get("name") == key]
    storage = record.value["storage"]
    contents = [b"".join(repository.get_blob(blob.cid)) for blob in blobs_in(storage)]
    return [found for content in contents for found in re.findall(r"shard (\d)", content.decode("latin-1"))]


MOVES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "to a new record, the old one gone": ({"a": "01", "z": "5"}, {"b": "01", "z": "5"}),
    "to a new record, the old one changed": ({"a": "01"}, {"a": "0", "b": "1"}),
    "from one to another": ({"a": "01", "b": "2"}, {"a": "0", "b": "21"}),
    "and back the other way": ({"a": "0", "b": "12"}, {"a": "01", "b": "2"}),
    "exchanged": ({"a": "0", "b": "1"}, {"a": "1", "b": "0"}),
    "round and round": ({"a": "0", "b": "1", "c": "2", "d": "3"}, {"a": "1", "b": "2", "c": "3", "d": "0"}),
    "along a chain": ({"a": "0", "b": "1", "c": "2", "d": "3"}, {"a": "3", "b": "0", "c": "1", "d": "2", "e": "3"}),
    "shared and parted": ({"a": "012", "b": "01"}, {"a": "2", "b": "0", "c": "1"}),
}


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), MOVES.values(), ids=MOVES)
@pytest.mark.parametrize("writes", [200, 5])
def test_a_blob_that_moves_is_kept(
    folder: Path, repository: LocalRepository, before: dict[str, str], after: dict[str, str], writes: int
) -> None:
    """Without the bytes, which need not be here any more: holders go in one commit, or gain before others lose."""
    publish(write_manifest(folder, holders(before)), repository)
    prepared = prepare(write_manifest(folder, holders(after)), repository)
    assert prepared.plan.uploads == ()
    shutil.rmtree(folder / "data")
    carry_out(Prepared(prepared.plan, {}), Narrow(repository, writes))
    assert {key: "".join(shards(repository, key)) for key in after} == after
    holds_what_it_owns(repository)


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), MOVES.values(), ids=MOVES)
@pytest.mark.parametrize("told", [True, False], ids=["told", "found out"])
def test_a_blob_that_cannot_be_kept_is_brought_again(
    folder: Path, repository: LocalRepository, before: dict[str, str], after: dict[str, str], told: bool
) -> None:
    """Where not even two records fit in one commit."""
    publish(write_manifest(folder, holders(before)), repository)
    publish(write_manifest(folder, holders(after)), Narrow(repository, 2, told=told))
    assert {key: "".join(shards(repository, key)) for key in after} == after
    holds_what_it_owns(repository)


def test_missing_bytes_are_named_before_anything_is_written(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, {**numbered(300), **holders({"a": "01"})}), repository)
    (first, second) = prepared.plan.uploads
    counting = Counting(repository)
    with pytest.raises(RepositoryError, match=r"1\.tar") as caught:
        carry_out(Prepared(prepared.plan, {first.cid: prepared.sources[first.cid]}), counting)
    assert first.file.name not in caught.value.message
    assert caught.value.hint
    assert second.file.name == "1.tar"
    assert (counting.uploads, counting.batches, repository.head()) == ([], [], None)


def test_bytes_are_needed_only_for_what_is_not_there(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, holders({"a": "0"})), repository)
    prepared = prepare(write_manifest(folder, holders({"a": "0", "b": "01"})), repository)
    (upload,) = prepared.plan.uploads
    carry_out(Prepared(prepared.plan, {upload.cid: prepared.sources[upload.cid]}), repository)
    assert shards(repository, "b") == ["0", "1"]


def test_a_blob_over_the_server_s_limit_is_named_before_anything_is_written(
    folder: Path, repository: LocalRepository
) -> None:
    counting = Counting(Narrow(repository, 200, blob=10_000))
    with pytest.raises(RequestTooLarge, match=r"0\.tar has 10,240 bytes.*10,000") as caught:
        publish(write_manifest(folder, {**numbered(300), **holders({"a": "0"})}), counting)
    assert caught.value.hint
    assert (counting.uploads, counting.batches) == ([], [])


@pytest.mark.parametrize(
    ("texts", "error", "words"),
    [(["shard X"], RepositoryError, "another blob than planned"), (["x"] * 30, BlobRejected, "has changed")],
    ids=["same size", "another size"],
)
def test_a_file_that_has_changed_since_it_was_planned(
    folder: Path, repository: LocalRepository, texts: list[str], error: type[Exception], words: str
) -> None:
    prepared = prepare(write_manifest(folder, holders({"a": "0"})), repository)
    write_tar(folder / "data/0.tar", *texts)
    with pytest.raises(error, match=words):
        carry_out(prepared, repository)
    assert repository.head() is None


def test_a_server_that_stores_something_else(folder: Path, repository: LocalRepository) -> None:
    with pytest.raises(
        RepositoryError, match=r"stored another record at at://did:web:local\.invalid/org\.test\.note/a"
    ):
        publish(write_manifest(folder, notes({"a": "x"})), Wilful(repository))


class Wilful(Around):
    """Answers with CIDs of its own."""

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        commit = self.inner.apply_writes(writes, swap_commit)
        return Commit(commit.head, tuple(cid_of("mine") for _ in commit.cids))


def test_what_is_told(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, holders({"a": "01"})), repository)
    told: list[Progress | Committed] = []
    apply_plan(prepared.plan, repository, prepared.sources, on_commit=told.append, on_progress=told.append)
    sizes = {str(upload.file): upload.size for upload in prepared.plan.uploads}
    assert told[0] == Started("upload", 2, sum(sizes.values()))
    for file, size in sizes.items():
        mine = [event for event in told if isinstance(event, Advanced | Completed) and event.file == file]
        assert mine[-2:] == [Advanced("upload", file, size, size), Completed("upload", file, size)]
    *_, committed, ended = told
    assert ended == Ended("upload")
    assert isinstance(committed, Committed)
    assert committed.head == repository.head()
    assert [change.address for change in committed.changes] == ["datasets/a"]
    assert {path.collection for path in owned(repository)} == {ENTRY}
