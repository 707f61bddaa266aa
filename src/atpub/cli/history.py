"""The record that an apply keeps of what it replaces: written before its first write, completed after the last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from atpub.cli.output import tell_warnings
from atpub.cli.prepare import PreparedPlan
from atpub.engine.plan.model import Outcome
from atpub.errors import OSFailure
from atpub.history.folder import History, relative_file
from atpub.history.model import PastApply, complete, past_apply
from atpub.problems import Problem


class ApplyRecord:
    """The record of one apply; `undoes` names the apply that it undoes. It is not kept where it is not `wanted`."""

    def __init__(self, prepared: PreparedPlan, undoes: str | None = None, *, wanted: bool = True) -> None:
        self._prepared = prepared
        self._undoes = undoes
        self._is_wanted = wanted
        self._history = History(prepared.base)
        self._past: PastApply | None = None

    def prepare(self) -> None:
        """Raise OSFailure if the history cannot be written: before hours of uploads, not after them."""
        if self._is_wanted and self._prepared.plan.pending:
            self._history.try_writing()

    def begin(self) -> None:
        """Write what the plan replaces to the history, durably; raises OSFailure."""
        if not self._is_wanted:
            return
        base, now = self._prepared.base, datetime.now(UTC)
        files = {str(cid): relative_file(source.path, base) for cid, source in self._prepared.sources.items()}
        name = self._history.new_name(now)
        past = past_apply(self._prepared.plan, name, now.replace(microsecond=0), self._undoes, files)
        self._history.write(past)
        self._past = past

    def end(self, outcomes: Sequence[Outcome]) -> None:
        """Add the CIDs that were not known before; warns where that fails, since the apply is done."""
        past = self._past and complete(self._past, outcomes)
        if past is None or past == self._past:
            return
        try:
            self._history.write(past)
        except OSFailure as error:
            tell_warnings((Problem(error.code, error.message, None, error.hint, "warning"),))

    def cancel(self) -> None:
        """Remove the record again: nothing was written."""
        if self._past is not None:
            self._history.remove(self._past.heading.name)
