"""The record that an apply keeps of what it replaces: written before its first write, completed after the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from atpub.cli.output import tell_warnings
from atpub.cli.prepare import PreparedPlan
from atpub.engine.plan.model import Outcome
from atpub.errors import Problem
from atpub.history.document import HistoryError
from atpub.history.folder import History, relative_file
from atpub.history.model import PastApply, complete, past_apply


@dataclass(frozen=True, slots=True)
class ApplyRecord:
    """The record of an apply that is under way."""

    history: History
    past: PastApply


def begin_record(prepared: PreparedPlan, undoes: str | None = None) -> ApplyRecord:
    """Write what a plan replaces to the history, durably; raises HistoryError."""
    history, now = History(prepared.base), datetime.now(UTC)
    files = {str(cid): relative_file(source.path, prepared.base) for cid, source in prepared.sources.items()}
    past = past_apply(prepared.plan, history.new_name(now), now.replace(microsecond=0), undoes, files)
    history.write(past)
    return ApplyRecord(history, past)


def end_record(record: ApplyRecord | None, outcomes: Sequence[Outcome]) -> None:
    """Add the CIDs that were not known before the apply; warns where that fails, since the apply is done."""
    if record is None:
        return
    past = complete(record.past, outcomes)
    if past != record.past:
        try:
            record.history.write(past)
        except HistoryError as error:
            tell_warnings((Problem(error.code, error.message, None, error.hint, "warning"),))
