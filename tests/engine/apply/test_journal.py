"""What an apply remembers of its uploads for the next one, and what it does where the server has lost some."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from tests.engine.apply.publishing import Prepared, owned, prepare, write_manifest, write_tar
from tests.engine.apply.samples import holders
from tests.engine.apply.wrappers import Around, Counting, Crash, Failing

from atpub.atproto.data import Blob
from atpub.atproto.syntax import Cid
from atpub.engine.apply import apply_plan
from atpub.errors import BlobNotFound, BlobRejected, Unavailable
from atpub.progress import Completed, Progress
from atpub.repository.interface import BlobSource, MemoryJournal, Repository
from atpub.repository.local import LocalRepository
from atpub.repository.model import Commit, Write

DIGITS = "0123456789"


def interrupted(prepared: Prepared, repository: Repository) -> MemoryJournal:
    """The journal of an apply that has died before its commit."""
    journal = MemoryJournal()
    with pytest.raises(Crash):
        apply_plan(prepared.plan, Failing(repository, {0}, Crash), prepared.sources, journal=journal)
    return journal


class Forgetful(Around):
    """Has lost some blobs, and says of the first of them that a commit refers to that it is not there."""

    def __init__(self, inner: Repository, lost: Collection[Cid], *, named: bool = True) -> None:
        super().__init__(inner)
        self._lost = list(lost)
        self._named = named
        self.refusals = 0

    def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
        blob = super().upload_blob(source, mime_type, cid=cid)
        if blob.cid in self._lost:
            self._lost.remove(blob.cid)
        return blob

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        if self._lost:
            self.refusals += 1
            error = BlobNotFound("gone")
            error.cids = frozenset(self._lost[:1] if self._named else ())
            raise error
        return super().apply_writes(writes, swap_commit)


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    """One for each digit."""
    for digit in DIGITS:
        write_tar(folder / f"data/{digit}.tar", f"shard {digit}")


@pytest.fixture
def prepared(folder: Path, repository: LocalRepository) -> Prepared:
    return prepare(write_manifest(folder, holders({"a": DIGITS})), repository)


def test_what_is_up_is_not_sent_again(prepared: Prepared, repository: LocalRepository) -> None:
    journal = interrupted(prepared, repository)
    assert [upload for upload in prepared.plan.uploads if journal.find(upload.cid) is None] == []
    counting, told = Counting(repository), list[Progress]()
    apply_plan(prepared.plan, counting, prepared.sources, journal=journal, on_progress=told.append)
    assert counting.uploads == []
    assert [event.is_known for event in told if isinstance(event, Completed)] == [True] * 10
    assert len(owned(repository)) == 1


def test_what_a_record_refers_to_is_forgotten(prepared: Prepared, repository: LocalRepository) -> None:
    journal = interrupted(prepared, repository)
    apply_plan(prepared.plan, repository, prepared.sources, journal=journal)
    assert [upload for upload in prepared.plan.uploads if journal.find(upload.cid)] == []


def test_what_was_up_before_an_upload_failed(prepared: Prepared, repository: LocalRepository) -> None:
    class Down(Counting):
        started = count()

        def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
            if next(self.started) >= 5:
                raise Unavailable("down")
            return super().upload_blob(source, mime_type, cid=cid)

    down, journal, counting = Down(repository), MemoryJournal(), Counting(repository)
    with pytest.raises(Unavailable):
        apply_plan(prepared.plan, down, prepared.sources, journal=journal)
    apply_plan(prepared.plan, counting, prepared.sources, journal=journal)
    sent = [blob.cid for blob in (*down.uploads, *counting.uploads)]
    assert sorted(sent) == sorted(upload.cid for upload in prepared.plan.uploads), "each once"


def test_only_what_is_lost_is_sent_again(prepared: Prepared, repository: LocalRepository) -> None:
    journal = interrupted(prepared, repository)
    counting = Counting(repository)
    lost = prepared.plan.uploads[3].cid
    apply_plan(prepared.plan, Forgetful(counting, [lost]), prepared.sources, journal=journal)
    assert [blob.cid for blob in counting.uploads] == [lost]


def test_of_many_that_are_lost_more_are_sent_with_each_round(prepared: Prepared, repository: LocalRepository) -> None:
    """The server names one at a time, and each refusal costs points of its rate limit."""
    journal = interrupted(prepared, repository)
    counting = Counting(repository)
    forgetful = Forgetful(counting, [upload.cid for upload in prepared.plan.uploads])
    apply_plan(prepared.plan, forgetful, prepared.sources, journal=journal)
    assert len(counting.uploads) == 10
    assert forgetful.refusals <= 4


def test_a_server_that_does_not_say_which(folder: Path, repository: LocalRepository) -> None:
    """Those that only the journal says are up are suspected first, and not what was uploaded just now."""
    first = prepare(write_manifest(folder, holders({"a": "0123"})), repository)
    journal = interrupted(first, repository)
    prepared = prepare(write_manifest(folder, holders({"a": DIGITS})), repository)
    counting = Counting(repository)
    forgetful = Forgetful(counting, [first.plan.uploads[2].cid], named=False)
    apply_plan(prepared.plan, forgetful, prepared.sources, journal=journal)
    assert forgetful.refusals == 1
    assert len(counting.uploads) == 10
    assert {blob.cid for blob in counting.uploads} == {upload.cid for upload in prepared.plan.uploads}


def test_a_server_that_loses_whatever_it_gets(prepared: Prepared, repository: LocalRepository) -> None:
    lost = [upload.cid for upload in prepared.plan.uploads[:1] * 100]
    counting = Counting(repository)
    with pytest.raises(BlobNotFound):
        apply_plan(prepared.plan, Forgetful(counting, lost), prepared.sources)
    assert len(counting.uploads) <= 10 + 2


def test_a_description_that_is_out_of_date(prepared: Prepared, repository: LocalRepository) -> None:
    """The server has described the blob otherwise, as another version of it did: it is asked again."""
    journal = interrupted(prepared, repository)
    blob = journal.find(prepared.plan.uploads[0].cid)
    assert blob is not None
    journal.add(replace(blob, mime_type="text/plain"))
    counting = Counting(repository)

    class Strict(Around):
        def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
            if not counting.uploads:
                raise BlobRejected("another type")
            return super().apply_writes(writes, swap_commit)

    apply_plan(prepared.plan, Strict(counting), prepared.sources, journal=journal)
    assert len(counting.uploads) == 10
    assert len(owned(repository)) == 1


def test_a_journal_that_states_another_size(prepared: Prepared, repository: LocalRepository) -> None:
    journal = MemoryJournal()
    for upload in prepared.plan.uploads:
        journal.add(Blob(upload.cid, upload.mime_type, upload.size + 1))
    counting = Counting(repository)
    apply_plan(prepared.plan, counting, prepared.sources, journal=journal)
    assert len(counting.uploads) == 10
