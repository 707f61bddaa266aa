"""The record that an apply keeps of what it replaces: written before its first write, completed after the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from atpub.engine.apply import PartialApplyError
from atpub.engine.plan.model import Outcome, Plan
from atpub.errors import AtpubError, OSFailure, OutcomeUnknown
from atpub.history.folder import History, OnWarnings, history_warning, relative_file
from atpub.history.model import PastApply, complete, past_apply
from atpub.repository.interface import BlobSource
from atpub.shards.file_facts import FileSource


class _Apply(Protocol):
    """`apply_plan` with all arguments but one."""

    def __call__(self, *, before_write: Callable[[], object]) -> Sequence[Outcome]: ...


class ApplyRecord:
    """The record of one apply, kept in a manifest's folder; `undoes` names the apply that it undoes."""

    def __init__(
        self,
        plan: Plan,
        sources: Mapping[str, BlobSource],
        folder: Path,
        on_warnings: OnWarnings,
        undoes: str | None = None,
    ) -> None:
        self._plan = plan
        self._sources = sources
        self._folder = folder
        self._warn = on_warnings
        self._undoes = undoes
        self._history = History(folder)
        self._past: PastApply | None = None

    def keep(self, apply: _Apply) -> Sequence[Outcome]:
        """Apply, and return the outcomes; what the apply replaces is kept before its first write.

        Raises OSFailure if the history cannot be written: before hours of uploads, not after them.
        """
        if self._plan.pending:
            self._history.try_writing()
        try:
            outcomes = apply(before_write=self._begin)
        except PartialApplyError as error:
            self._end(error.outcomes)
            raise
        except OutcomeUnknown:  # it may have been written
            raise
        except AtpubError:
            self._cancel()
            raise
        self._end(outcomes)
        return outcomes

    def _begin(self) -> None:
        """Write what the plan replaces to the history, durably; raises OSFailure."""
        now = datetime.now(UTC)
        files = {
            str(cid): relative_file(source.path, self._folder)
            for cid, source in self._sources.items()
            if isinstance(source, FileSource)
        }
        name = self._history.new_name(now)
        past = past_apply(self._plan, name, now.replace(microsecond=0), self._undoes, files)
        self._history.write(past)
        self._past = past

    def _end(self, outcomes: Sequence[Outcome]) -> None:
        """Add the CIDs that were not known before; warns where that fails, since the apply is done."""
        past = self._past and complete(self._past, outcomes)
        if past is None or past == self._past:
            return
        try:
            self._history.write(past)
        except OSFailure as error:
            self._warn((history_warning(error),))

    def _cancel(self) -> None:
        """Remove the record again: nothing was written."""
        if self._past is not None:
            self._history.remove(self._past.heading.name)
