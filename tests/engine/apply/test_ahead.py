"""The next commit is prepared while a request is under way, and made as prepared only where nothing has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import current_thread, main_thread

import pytest
from tests.engine.apply.publishing import owned, prepare, write_manifest
from tests.engine.apply.samples import numbered
from tests.engine.apply.wrappers import Around, Metered

from atpub.atproto.syntax import Cid
from atpub.engine.apply import apply_plan
from atpub.engine.apply.drafts import CommitDraft, Drafts
from atpub.engine.inventory import Inventory
from atpub.engine.plan.model import Change
from atpub.errors import AtpubError, HeadMoved, OutcomeUnknown, RequestTooLarge
from atpub.repository.interface import Limits, Repository
from atpub.repository.local import LocalRepository
from atpub.repository.model import Commit, Write

COUNT, WRITES = 100, 26


class Preparations:
    """Where batches were prepared: `late` by the thread that sends them, after the first request was sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has_begun = False
        self.late = 0
        batch = Drafts.batch

        def prepare_batch(drafts: Drafts, changes: Iterable[Change], inventory: Inventory) -> CommitDraft:
            made = batch(drafts, changes, inventory)
            self.late += self.has_begun and current_thread() is main_thread()
            return made

        monkeypatch.setattr(Drafts, "batch", prepare_batch)


class Small(Around):
    """Takes small commits, and fails at some of them."""

    def __init__(self, inner: Repository, preparations: Preparations) -> None:
        super().__init__(inner)
        self._preparations = preparations
        self.calls = 0
        self.errors: dict[int, Callable[[], AtpubError]] = {}

    @property
    def limits(self) -> Limits:
        return Limits(WRITES, 1_000_000)

    def apply_writes(self, writes: Sequence[Write], swap_commit: Cid | None) -> Commit:
        self._preparations.has_begun = True
        call, self.calls = self.calls, self.calls + 1
        if call in self.errors:
            raise self.errors[call]()
        return super().apply_writes(writes, swap_commit)


def test_the_next_commit_is_prepared_during_a_request(
    folder: Path, repository: LocalRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(write_manifest(folder, numbered(COUNT)), repository)
    preparations = Preparations(monkeypatch)
    small = Small(repository, preparations)
    apply_plan(prepared.plan, small, prepared.sources)
    assert (small.calls >= COUNT // WRITES, preparations.late) == (True, 0)
    assert len(owned(repository)) == COUNT


@pytest.mark.parametrize("error", [HeadMoved, OutcomeUnknown, RequestTooLarge])
def test_after_a_fault_nothing_prepared_before_is_used(
    folder: Path, repository: LocalRepository, monkeypatch: pytest.MonkeyPatch, error: Callable[[str], AtpubError]
) -> None:
    prepared = prepare(write_manifest(folder, numbered(COUNT)), repository)
    small = Small(repository, Preparations(monkeypatch))
    small.errors = {1: lambda: error("so it is")}
    apply_plan(prepared.plan, small, prepared.sources)
    assert len(owned(repository)) == COUNT
    assert not prepare(write_manifest(folder, numbered(COUNT)), repository).plan.pending


def test_what_cannot_be_paid_is_not_sent_as_prepared(
    folder: Path, repository: LocalRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(write_manifest(folder, numbered(COUNT)), repository)
    metered = Metered(Small(repository, Preparations(monkeypatch)), 200)
    apply_plan(prepared.plan, metered, prepared.sources, wait=metered.wait)
    assert (len(owned(repository)), metered.refused) == (COUNT, 0)
