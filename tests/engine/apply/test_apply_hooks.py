"""Rate limits, and users who have changed their minds: an apply stops between two requests and says where it stands."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from threading import Condition

import pytest
from tests.engine.apply.publishing import Prepared, owned, prepare, write_manifest
from tests.engine.apply.samples import holders, numbered
from tests.engine.apply.wrappers import Around, Counting, Failing, Metered, Narrow

from atpub.atproto.data import Blob
from atpub.atproto.syntax import Cid
from atpub.engine.apply import (
    FIRST,
    Committed,
    PartialApplyError,
    apply_plan,
)
from atpub.engine.apply.concurrency import START
from atpub.engine.plan.model import Outcome
from atpub.errors import Interrupted, RateLimited, Unavailable
from atpub.progress import Completed, Progress
from atpub.repository.interface import BlobSource, Repository
from atpub.repository.local import LocalRepository


def statuses(outcomes: tuple[Outcome, ...]) -> list[tuple[str, str]]:
    return sorted((outcome.change.address, outcome.status) for outcome in outcomes)


class Stop:
    """Is pressed once so many commits were made."""

    def __init__(self, after: int) -> None:
        self.left = after

    def on_commit(self, event: Committed) -> None:
        self.left -= 1

    def __call__(self) -> bool:
        return self.left <= 0


def stopped(prepared: Prepared, repository: Repository, after: int) -> tuple[Outcome, ...]:
    stop = Stop(after)
    return apply_plan(prepared.plan, repository, prepared.sources, on_commit=stop.on_commit, stop=stop)


# Stopping


def test_stopped_before_anything_is_done(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, numbered(4)), repository)
    with pytest.raises(Interrupted) as caught:
        stopped(prepared, repository, 0)
    assert caught.value.exit_code == 130
    assert repository.head() is None


@pytest.mark.parametrize("after", [1, 2, 3])
def test_stopped_between_commits(folder: Path, repository: LocalRepository, after: int) -> None:
    prepared = prepare(write_manifest(folder, numbered(8)), repository)
    with pytest.raises(PartialApplyError) as caught:
        stopped(prepared, Narrow(repository, 3), after)  # two notes and the inventory at a time
    assert (caught.value.exit_code, caught.value.code) == (130, "interrupted")
    found = [status for _, status in statuses(caught.value.outcomes)]
    assert (found.count("applied"), found.count("pending"), len(found)) == (2 * after, 8 - 2 * after, 8)
    assert len(owned(repository)) == 2 * after
    apply_plan(prepared.plan, repository, prepared.sources)
    assert len(owned(repository)) == 8


def test_stopped_while_uploading(folder: Path, repository: LocalRepository) -> None:
    """What is in flight arrives, nothing else is begun, and nothing is committed."""
    prepared = prepare(write_manifest(folder, holders({"a": "012345"})), repository)
    counting = Counting(repository)
    with pytest.raises(Interrupted):
        apply_plan(prepared.plan, counting, prepared.sources, stop=lambda: bool(counting.uploads))
    assert 1 <= len(counting.uploads) <= START
    assert repository.head() is None
    apply_plan(prepared.plan, repository, prepared.sources)
    assert len(owned(repository)) == 1


class Meeting(Around):
    """Holds uploads until so many have begun; `most` is how many were under way at once."""

    def __init__(self, inner: Repository, number: int) -> None:
        super().__init__(inner)
        self.most = self._now = 0
        self._number = number
        self._condition = Condition()

    def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
        with self._condition:
            self._now += 1
            self.most = max(self.most, self._now)
            self._condition.notify_all()
            assert self._condition.wait_for(lambda: self.most >= self._number, timeout=30)
        blob = super().upload_blob(source, mime_type, cid=cid)
        with self._condition:
            self._now -= 1
        return blob


def test_several_blobs_are_uploaded_at_once(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, holders({"a": "012345"})), repository)
    meeting = Meeting(repository, START)
    apply_plan(prepared.plan, meeting, prepared.sources)
    assert meeting.most >= START


def test_stopped_too_late(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, numbered(4)), repository)
    assert {status for _, status in statuses(stopped(prepared, repository, 1))} == {"applied"}


def test_what_failed_and_what_was_not_tried(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, numbered(6)), repository)
    with pytest.raises(PartialApplyError, match="2 of 6 changes were applied, then: down") as caught:
        apply_plan(prepared.plan, Failing(Narrow(repository, 3), {1}, lambda: Unavailable("down")), prepared.sources)
    found = [(outcome.status, outcome.error) for outcome in caught.value.outcomes]
    assert sorted(found, key=str) == sorted(
        [("applied", None)] * 2 + [("failed", "down")] * 2 + [("pending", None)] * 2, key=str
    )
    live = {outcome.change.path for outcome in caught.value.outcomes if outcome.cid}
    assert live == {*owned(repository)}


# Rate limits


def test_without_knowledge_the_first_of_several_commits_is_small(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, numbered(300)), repository)
    metered = Metered(repository, 100_000)
    apply_plan(prepared.plan, metered, prepared.sources)
    assert metered.sizes[0] == FIRST + 1
    assert len(metered.sizes) == 3


def test_what_fits_in_one_commit_goes_in_one_all_the_same(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, numbered(150)), repository)
    metered = Metered(repository, 100_000)
    apply_plan(prepared.plan, metered, prepared.sources)
    assert metered.sizes == [151]


def test_no_batch_is_sent_that_is_known_not_to_fit(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, numbered(300)), repository)
    metered = Metered(repository, 400)
    with pytest.raises(PartialApplyError) as caught:
        apply_plan(prepared.plan, metered, prepared.sources)
    assert (caught.value.exit_code, caught.value.code, metered.refused) == (8, "rate-limited", 0)
    assert "13:00:00 UTC" in caught.value.hint
    assert len(owned(repository)) * 3 > 400 - 20, "what fits is sent"
    assert {status for _, status in statuses(caught.value.outcomes)} == {"applied", "pending"}


def test_waiting_for_the_next_hour(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, numbered(300)), repository)
    metered = Metered(repository, 400)
    outcomes = apply_plan(prepared.plan, metered, prepared.sources, wait=metered.wait)
    assert {status for _, status in statuses(outcomes)} == {"applied"}
    assert (len(owned(repository)), metered.refused) == (300, 0)
    assert metered.now == 1_714_564_800 + 2 * 3600


def test_a_server_that_says_nothing_until_it_refuses(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, numbered(100)), repository)
    metered = Metered(repository, 350, told=False)
    metered.spend(100)  # another client has
    outcomes = apply_plan(prepared.plan, metered, prepared.sources, wait=metered.wait)
    assert {status for _, status in statuses(outcomes)} == {"applied"}
    assert (len(owned(repository)), metered.refused) == (100, 1)


def test_a_limit_that_no_waiting_helps(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, numbered(10)), repository)
    metered = Metered(repository, 5, told=False)
    with pytest.raises(RateLimited):
        apply_plan(prepared.plan, metered, prepared.sources, wait=metered.wait)
    assert metered.refused == 4


def test_an_upload_that_has_to_wait(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, holders({"a": "012345"})), repository)
    uploaded: list[Progress] = []
    apply_plan(
        prepared.plan,
        TiredOfUploads(repository),
        prepared.sources,
        wait=lambda until: None,
        on_progress=lambda event: uploaded.append(event) if isinstance(event, Completed) else None,
    )
    assert len(owned(repository)) == 1
    assert len(uploaded) == 6


class TiredOfUploads(Around):
    """Takes three blobs, then wants a pause."""

    def __init__(self, inner: Repository) -> None:
        super().__init__(inner)
        self._numbers = count()

    def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
        if next(self._numbers) == 3:
            raise RateLimited("too many", reset=1_714_564_800)
        return self.inner.upload_blob(source, mime_type, cid=cid)
