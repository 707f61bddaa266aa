"""Whatever fails while a plan is carried out, and is written meanwhile: nothing is lost, nothing is done twice."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.engine.apply.conftest import Clock
from tests.engine.apply.publishing import (
    Prepared,
    carry_out,
    edit,
    everything,
    owned,
    prepare,
    publish,
    put,
    remove,
    write_manifest,
)
from tests.engine.apply.samples import EVERYTHING, LATER, at, holders, note, notes, numbered
from tests.engine.apply.wrappers import Around, Counting, Crash, Failing, Interrupted, Narrow, When

from atpub.atproto.data import Blob, JsonObject, blobs_in
from atpub.atproto.syntax import Cid, Nsid, RecordPath, Rkey
from atpub.engine.apply import PartialApplyError
from atpub.engine.inventory import COLLECTION
from atpub.engine.plan.order import commit_order
from atpub.errors import (
    AtpubError,
    BlobNotFound,
    HeadMoved,
    OutcomeUnknown,
    PartlyApplied,
    RateLimited,
    StalePlan,
    Unavailable,
)
from atpub.report.outcomes import outcomes_text
from atpub.repository.backoff import TRIES
from atpub.repository.filter import FollowUp, RecordFilter
from atpub.repository.interface import BlobSource, Repository
from atpub.repository.local import LocalRepository
from atpub.repository.model import Commit, Live, Write

pytestmark = pytest.mark.slow

POST = RecordPath(Nsid("com.example.post"), Rkey("hello"))


def converged(folder: Path, repository: Repository, content: JsonObject) -> None:
    """The manifest is what the repository holds, and nothing of the project's is left over."""
    plan = prepare(write_manifest(folder, content), repository).plan
    assert not plan.pending
    live = everything(repository)
    for path, cid in owned(repository).items():
        assert live[path].cid == cid


# Another client writes meanwhile


def unrelated_post(folder: Path, repository: LocalRepository) -> None:
    put(repository, {POST: {"text": "hello"}})


def unrelated_note(folder: Path, repository: LocalRepository) -> None:
    put(repository, {at("theirs"): {"text": "hello"}})


def another_project(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, {"project": "theirs", **notes({"other": "x"})}, "theirs.yaml"), repository)


def another_run(folder: Path, repository: LocalRepository) -> None:
    """Of the same project, with an older manifest: what it adds is none of this plan's business."""
    content = notes({**{f"n{number}": "old" for number in range(3)}, "more": "x"})
    publish(write_manifest(folder, content, "older.yaml"), repository)


Meanwhile = Callable[[Path, LocalRepository], None]


UNRELATED = [unrelated_post, unrelated_note, another_project]


@pytest.mark.parametrize(
    ("meanwhile", "batch"), [*((kind, batch) for kind in UNRELATED for batch in (0, 1, 3)), (another_run, 0)]
)
def test_an_unrelated_commit_does_not_matter(
    folder: Path, repository: LocalRepository, meanwhile: Meanwhile, batch: int
) -> None:
    publish(write_manifest(folder, notes({f"n{number}": "old" for number in range(3)})), repository)
    prepared = prepare(write_manifest(folder, numbered(6, "new")), repository)
    interrupted = Interrupted(Narrow(repository, 2), batch, lambda: meanwhile(folder, repository))
    carry_out(prepared, interrupted)
    assert interrupted.calls > batch
    extra = {at("more")} if meanwhile is another_run else set[RecordPath]()
    assert {*owned(repository)} == {at(f"n{number}") for number in range(6)} | extra
    assert [everything(repository)[at(f"n{number}")].value["text"] for number in range(6)] == ["new"] * 6


def test_an_unrelated_commit_before_the_first(folder: Path, repository: LocalRepository) -> None:
    """Also where the repository was not there when the plan was made."""
    prepared = prepare(write_manifest(folder, EVERYTHING), repository)
    unrelated_post(folder, repository)
    carry_out(prepared, repository)
    converged(folder, repository, EVERYTHING)


def changes_it(repository: LocalRepository) -> None:
    edit(repository, at("a"), text="theirs")


def deletes_it(repository: LocalRepository) -> None:
    remove(repository, at("a"))


def changes_what_is_to_go(repository: LocalRepository) -> None:
    edit(repository, at("gone"), text="theirs")


def deletes_what_is_to_go(repository: LocalRepository) -> None:
    remove(repository, at("gone"))


def makes_the_new_one(repository: LocalRepository) -> None:
    put(repository, {at("new"): {"text": "theirs"}})


def takes_it_over(repository: LocalRepository) -> None:
    """Another project lists the record, and leaves it as it is."""
    cid = everything(repository)[at("a")].cid
    entry: JsonObject = {"id": "a", "collection": at("a").collection, "rkey": "a", "cid": cid}
    put(repository, {RecordPath(COLLECTION, Rkey("theirs")): {"project": "theirs", "entries": [entry]}})


def forgets_it(repository: LocalRepository) -> None:
    """Another run has written an inventory without the record."""
    remove(repository, RecordPath(COLLECTION, Rkey("ours")))


RELATED = [
    changes_it, deletes_it, changes_what_is_to_go, deletes_what_is_to_go, makes_the_new_one, takes_it_over, forgets_it
]  # fmt: skip


@pytest.mark.parametrize("late", [False, True], ids=["before it starts", "just before the commit"])
@pytest.mark.parametrize("text", ["theirs", None], ids=["edited", "deleted"])
def test_an_unchanged_record_that_others_modify_is_told(
    folder: Path, repository: LocalRepository, late: bool, text: str | None
) -> None:
    """It does not make the plan stale: the result is as if the plan had been applied first."""
    publish(write_manifest(folder, notes({"a": "old", "same": "x", "still": "x"})), repository)
    prepared = prepare(write_manifest(folder, notes({"a": "new", "same": "x", "still": "x"})), repository)

    def meanwhile() -> None:
        edit(repository, at("same"), text=text) if text else remove(repository, at("same"))

    if not late:
        meanwhile()
    outcomes = carry_out(prepared, Interrupted(repository, 0 if late else -1, meanwhile))
    found = {item.change.path.rkey: (item.status, bool(item.error)) for item in outcomes}
    assert found == {"a": ("applied", False), "same": ("unchanged", True), "still": ("unchanged", False)}
    live = everything(repository)
    assert {item.change.path: item.cid for item in outcomes if item.cid} == {
        path: live[path].cid for path in map(at, ("a", "same", "still")) if path in live
    }
    told = outcomes_text(prepared.plan, outcomes)
    assert told == "Applied 1 change; modified outside this run since it was planned: records/same; plan again."
    assert prepare(write_manifest(folder, notes({"a": "new", "same": "x", "still": "x"})), repository).plan.drifted


def test_an_unchanged_record_that_a_change_pins_makes_the_plan_stale(folder: Path, repository: LocalRepository) -> None:
    def content(text: str) -> JsonObject:
        return {"records": {"same": note("x"), "pin": note(text, pins=[{"$strongRef": "records/same"}])}}

    publish(write_manifest(folder, content("old")), repository)
    prepared = prepare(write_manifest(folder, content("new")), repository)
    counting = Counting(repository)
    with pytest.raises(StalePlan, match="records/same has been changed since records/pin was planned"):
        carry_out(prepared, Interrupted(counting, 0, lambda: edit(repository, at("same"), text="theirs")))
    assert counting.batches == []


@pytest.mark.parametrize("meanwhile", RELATED)
@pytest.mark.parametrize("late", [False, True], ids=["before it starts", "just before the commit"])
def test_a_related_commit_makes_the_plan_stale(
    folder: Path, repository: LocalRepository, meanwhile: Callable[[LocalRepository], None], late: bool
) -> None:
    publish(write_manifest(folder, notes({"a": "old", "gone": "x"})), repository)
    prepared = prepare(write_manifest(folder, notes({"a": "new", "new": "x"})), repository)
    if not late:
        meanwhile(repository)
    counting = Counting(repository)
    interrupted = Interrupted(counting, 0 if late else -1, lambda: meanwhile(repository))
    with pytest.raises(StalePlan, match="records/"):
        carry_out(prepared, interrupted)
    assert counting.batches == []
    assert (interrupted.calls > 0) == late


def test_a_plan_that_gets_stale_halfway(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, notes({"a": "old", "z": "old"})), repository)
    content = notes({"a": "new", "z": "new"})
    prepared = prepare(write_manifest(folder, content), repository)
    done: list[str] = []

    def meanwhile() -> None:
        done.extend(key for key in "az" if everything(repository)[at(key)].value["text"] == "new")
        (other,) = {"a", "z"} - {*done}
        edit(repository, at(other), text="theirs")

    with pytest.raises(
        PartlyApplied, match=r"1 of 2 changes were applied, then: .*modified outside this run"
    ) as caught:
        carry_out(prepared, Interrupted(Narrow(repository, 2), 1, meanwhile))
    assert isinstance(caught.value.__cause__, StalePlan)
    publish(write_manifest(folder, content), repository)
    converged(folder, repository, content)


@pytest.mark.slow
def test_a_repository_that_never_stands_still(folder: Path, repository: LocalRepository) -> None:
    """It is not tried for ever."""
    prepared = prepare(write_manifest(folder, notes({"a": "x"})), repository)
    failing = Failing(repository, range(100), lambda: HeadMoved("again"))
    with pytest.raises(HeadMoved):
        carry_out(prepared, failing)
    assert failing.calls == TRIES


# A reply that is lost


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at_calls", [{0}, {1}, {0, 2}, {0, 1, 2}], ids=str)
@pytest.mark.parametrize("writes", [200, 3])
def test_a_lost_reply(folder: Path, repository: LocalRepository, at_calls: set[int], when: When, writes: int) -> None:
    """Whether the commit was made or not, everything is there afterwards, and nothing was done twice."""
    publish(write_manifest(folder, EVERYTHING), repository)
    prepared = prepare(write_manifest(folder, LATER), repository)
    counting = Counting(repository)
    lost = Failing(Narrow(counting, writes), at_calls, lambda: OutcomeUnknown("lost"), when)
    outcomes = carry_out(prepared, lost)
    converged(folder, repository, LATER)
    written = [write.path for batch in counting.batches for write in batch if write.path.collection != COLLECTION]
    assert len(written) == len({*written})
    live = everything(repository)
    for outcome in outcomes:
        path = outcome.change.path
        assert outcome.cid == (live[path].cid if path in live and outcome.change.action != "forget" else None)
        assert outcome.status == ("applied" if outcome.change.action not in ("unchanged", "keep") else "unchanged")


def test_a_lost_reply_and_a_foreign_change(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, notes({"a": "x"})), repository)

    def lost() -> AtpubError:
        put(repository, {at("a"): {"text": "theirs"}})
        return OutcomeUnknown("lost")

    with pytest.raises(StalePlan):
        carry_out(prepared, Failing(repository, {0}, lost))


def test_replies_that_are_lost_for_ever(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, notes({"a": "x"})), repository)
    failing = Failing(repository, range(100), lambda: OutcomeUnknown("lost"))
    with pytest.raises(OutcomeUnknown):
        carry_out(prepared, failing)
    assert failing.calls < 10


class Blind(Around):
    """The reply to each commit is lost and its writes are found standing; after the last, nothing can be read."""

    def __init__(self, inner: Repository, last: int) -> None:
        super().__init__(inner)
        self._left = last

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        self._left -= 1
        return replace(self.inner.apply_writes(writes, swap_commit), alone=False)

    def read(self, wanted: RecordFilter, follow_up: FollowUp | None = None, *, recall: bool = False) -> Live:
        if not self._left:
            raise Unavailable("down")
        return self.inner.read(wanted, follow_up, recall=recall)


@pytest.mark.parametrize("commits", [1, 2])
def test_what_is_complete_is_not_looked_back_at(folder: Path, repository: LocalRepository, commits: int) -> None:
    """Nothing is left that another client's commit could make a mixture of."""
    prepared = prepare(write_manifest(folder, numbered(4)), repository)
    outcomes = carry_out(prepared, Blind(Narrow(repository, 4 // commits + 1), commits))
    assert {outcome.status for outcome in outcomes} == {"applied"}
    converged(folder, repository, numbered(4))


def test_what_is_not_complete_is_looked_back_at(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, numbered(4)), repository)
    with pytest.raises(PartialApplyError, match="2 of 4 changes were applied, then: down"):
        carry_out(prepared, Blind(Narrow(repository, 3), 1))


# A blob that is lost


@pytest.mark.parametrize("writes", [200, 2])
def test_a_blob_that_has_expired_is_brought_again(
    folder: Path, repository: LocalRepository, clock: Clock, writes: int
) -> None:
    """Blobs that no record refers to are gone after an hour."""

    def wait() -> None:
        clock.now += 2 * 3_600_000_000
        repository.collect_garbage()

    content = holders({"a": "01", "b": "23"})
    counting = Counting(repository)
    publish(write_manifest(folder, content), Interrupted(Narrow(counting, writes), 0, wait))
    sent = Counter(blob.cid for blob in counting.uploads)
    assert (len(sent), max(sent.values())) == (4, 2)
    assert sent.total() == 8 or (writes == 2 and sent.total() in (6, 7)), "a later one may go up after the others"
    converged(folder, repository, content)


@pytest.mark.parametrize("here", [True, False])
def test_a_blob_whose_holder_goes_away(folder: Path, repository: LocalRepository, here: bool) -> None:
    """It was not to be brought, since another client's record held it."""
    publish(write_manifest(folder, {"project": "theirs", **holders({"theirs": "01"})}, "theirs.yaml"), repository)
    content = holders({"a": "02"})
    prepared = prepare(write_manifest(folder, content), repository)
    assert [upload.file.name for upload in prepared.plan.uploads] == ["2.tar"]
    sources: dict[str, BlobSource] = {upload.cid: prepared.sources[upload.cid] for upload in prepared.plan.uploads}
    prepared = prepared if here else Prepared(prepared.plan, sources)
    interrupted = Interrupted(repository, 0, lambda: remove(repository, *owned(repository, "theirs")))
    if here:
        carry_out(prepared, interrupted)
        converged(folder, repository, content)
    else:
        with pytest.raises(BlobNotFound):
            carry_out(prepared, interrupted)
        assert owned(repository) == {}


def test_a_server_that_keeps_no_blob(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, holders({"a": "0"})), repository)
    failing = Failing(repository, range(100), lambda: BlobNotFound("gone"))
    with pytest.raises(BlobNotFound):
        carry_out(prepared, failing)
    assert failing.calls < 10


# Any other fault


COMMITS = range(12)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", COMMITS)
@pytest.mark.parametrize("replan", [True, False], ids=["a new plan", "the same plan"])
def test_a_crash(folder: Path, repository: LocalRepository, call: int, when: When, replan: bool) -> None:
    """After any number of commits: running it again does the rest, with a new plan or the same."""
    publish(write_manifest(folder, EVERYTHING), repository)
    prepared = prepare(write_manifest(folder, LATER), repository)
    with pytest.raises(Crash):
        carry_out(prepared, Failing(Narrow(repository, 2), {call}, Crash, when))
    if replan:
        prepared = prepare(write_manifest(folder, LATER), repository)
    counting = Counting(repository)
    outcomes = carry_out(prepared, counting)
    converged(folder, repository, LATER)
    assert len(counting.batches) == (0 if call == COMMITS[-1] and when == "after" else 1)
    live = everything(repository)
    assert all(outcome.cid == (live[p].cid if (p := outcome.change.path) in live else None) for outcome in outcomes)


def test_blobs_that_are_there_are_not_brought_again(folder: Path, repository: LocalRepository) -> None:
    """Nor are their bytes asked for, when the same plan is carried out once more."""
    prepared = prepare(write_manifest(folder, holders({"a": "01", "b": "12"})), repository)
    with pytest.raises(Crash):
        carry_out(prepared, Failing(Narrow(repository, 2), {1}, Crash))
    there = {blob.cid for record in everything(repository).values() for blob in blobs_in(record.value)}
    sources = {cid: source for cid, source in prepared.sources.items() if cid not in there}
    counting = Counting(repository)
    carry_out(Prepared(prepared.plan, sources), counting)
    assert len(counting.uploads) == len(sources) == 1
    converged(folder, repository, holders({"a": "01", "b": "12"}))


def test_the_crashes_are_all_of_them(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, EVERYTHING), repository)
    counting = Counting(Narrow(repository, 2))
    publish(write_manifest(folder, LATER), counting)
    assert len(counting.batches) == len(COMMITS)


@pytest.mark.parametrize("error", [Unavailable("down"), RateLimited("too fast", reset=1_700_000_000)], ids=repr)
def test_a_fault_halfway_says_how_far_it_came(folder: Path, repository: LocalRepository, error: AtpubError) -> None:
    prepared = prepare(write_manifest(folder, numbered(4)), repository)
    with pytest.raises(PartlyApplied, match=f"2 of 4 changes were applied, then: {error.message}") as caught:
        carry_out(prepared, Failing(Narrow(repository, 2), {2}, lambda: error))
    assert caught.value.__cause__ is error
    assert caught.value.hint
    assert len(owned(repository)) == 2


@pytest.mark.parametrize("error", [Unavailable("down"), RateLimited("too fast", reset=1_700_000_000)], ids=repr)
def test_a_fault_before_anything_is_done_is_told_as_it_is(
    folder: Path, repository: LocalRepository, error: AtpubError
) -> None:
    prepared = prepare(write_manifest(folder, numbered(4)), repository)
    with pytest.raises(type(error)) as caught:
        carry_out(prepared, Failing(repository, {0}, lambda: error))
    assert caught.value is error


def test_an_upload_that_fails(folder: Path, repository: LocalRepository) -> None:
    """Nothing is committed; those that wait are not begun."""
    prepared = prepare(write_manifest(folder, holders({"a": "012345"})), repository)
    with pytest.raises(Unavailable):
        carry_out(prepared, Offline(repository))
    assert repository.head() is None
    carry_out(prepared, repository)
    converged(folder, repository, holders({"a": "012345"}))


def test_a_stream_that_breaks_off_halfway(folder: Path, repository: LocalRepository) -> None:
    """What the system says of a closed stream does not lose what became of each record."""
    prepared = prepare(write_manifest(folder, holders({"a": "0", "b": "1"})), repository)
    _, (last,) = commit_order(prepared.plan)
    (blob,) = blobs_in(last.after)
    with pytest.raises(PartialApplyError, match=r"1 of 2 changes .*\.tar cannot be read: Input/output error") as caught:
        carry_out(prepared, Broken(Narrow(repository, 2), blob.cid))
    assert sorted(outcome.status for outcome in caught.value.outcomes) == ["applied", "failed"]
    carry_out(prepared, repository)
    converged(folder, repository, holders({"a": "0", "b": "1"}))


class Broken(Around):
    """Fails to read a blob, as a repository does that leaves that to the system."""

    def __init__(self, inner: Repository, cid: Cid) -> None:
        super().__init__(inner)
        self._cid = cid

    def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
        blob = self.inner.upload_blob(source, mime_type, cid=cid)
        if blob.cid == self._cid:
            raise OSError(errno.EIO, "Input/output error")
        return blob


class Offline(Around):
    """Takes no blobs."""

    def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
        raise Unavailable("offline")
