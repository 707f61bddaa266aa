"""The outcomes of applying a plan, as text and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path, PurePath

from atpub.atproto.data import JsonObject
from atpub.engine.plan.model import Change, Outcome, Plan
from atpub.generated.science.alt.dataset import entry
from atpub.progress import Completed
from atpub.report.problems import FORMAT_VERSION
from atpub.report.style import BOLD, GREEN, PLAIN, YELLOW, Style
from atpub.repository.model import Head
from atpub.suggest import pluralize, short_list, size

_MOST = 20
_MOST_READ = 3


def outcomes_text(plan: Plan, outcomes: Sequence[Outcome], style: Style = PLAIN) -> str:
    """Return a line about the applied changes, and the URI of each dataset."""
    done = [f"applied {pluralize(count, 'change')}"] if (count := count_applied(outcomes)) else []
    if not done and any(outcome.status == "applied" for outcome in outcomes):
        done = ["updated the inventory"]
    done += [f"uploaded {pluralize(len(plan.repairs), 'lost blob')} again"] if plan.repairs else []
    what = " and ".join(done).capitalize() or "Nothing to do"
    is_empty = all(outcome.cid is None for outcome in outcomes)
    now = f"no records of {plan.project} are left" if is_empty else f"{plan.project} is up to date"
    if plan.left_out:
        now = f"{pluralize(len(plan.left_out), 'change')} left out"
    if moved := list(dict.fromkeys(outcome.change.address for outcome in outcomes if outcome.error)):
        now = f"modified outside this run since it was planned: {short_list(moved)}; plan again"
    lines = [style(f"{what}; {now}.", BOLD, YELLOW if moved else GREEN)]
    lines += [style(outcome.change.uri) for outcome in outcomes if _is_dataset(outcome)]
    return "\n".join(lines)


def count_applied(outcomes: Sequence[Outcome]) -> int:
    """Return how many changes were made; a record that the inventory alone lists anew is none."""
    return sum(outcome.status == "applied" and outcome.change.pending for outcome in outcomes)


def reading_text(outcomes: Sequence[Outcome], options: Sequence[str], folder: Path | None) -> str:
    """Return the commands and the code that show the first datasets that were applied; empty where there are none.

    `options` are those that name the manifest and the account again; `folder` is that of a local repository, where
    readers do not find it by themselves.
    """
    datasets = [outcome.change for outcome in outcomes if _is_dataset(outcome) and outcome.status == "applied"]
    repository = "" if folder is None else f", repository={str(folder)!r}"
    lines: list[str] = []
    for change in datasets[:_MOST_READ]:
        name = shlex.join([change.address, *options])
        lines.append(f'Read it: atpub show {name} or atpub.load("{change.uri}"{repository})')
        lines.append(f"See it:  atpub open {name}")
    return "\n".join(map(PLAIN, lines))


def halted_text(outcomes: Sequence[Outcome], style: Style = PLAIN) -> str:
    """Return the changes that were not applied, one per line."""
    left = [item for item in outcomes if item.status in ("failed", "pending")]
    width = max((len(item.change.address) for item in left), default=0)
    lines = [style(f"  {item.change.address:<{width}}  {item.change.word}, {item.status}") for item in left[:_MOST]]
    lines += [f"  … and {len(left) - _MOST:,} more"] if len(left) > _MOST else []
    return "\n".join([style("not done:", BOLD), *lines])


def outcomes_json(plan: Plan, outcomes: Sequence[Outcome]) -> JsonObject:
    """Return the outcomes as JSON, sorted by URI."""
    return {
        "format_version": FORMAT_VERSION,
        "digest": plan.digest,
        "project": plan.project,
        "account": plan.account,
        "did": plan.did,
        "outcomes": [
            {
                "address": outcome.change.address,
                "action": outcome.change.action,
                "uri": str(outcome.change.uri),
                "cid": outcome.cid,
                "status": outcome.status,
                "error": outcome.error,
            }
            for outcome in sorted(outcomes, key=lambda item: str(item.change.uri))
        ],
    }


def uploaded_text(upload: Completed, number: int, uploads: int) -> str:
    """Return a line about an uploaded blob."""
    width, done = len(str(uploads)), "already uploaded" if upload.is_known else "uploaded"
    return PLAIN(f"{done} {number:>{width}}/{uploads}: {PurePath(upload.file).name} ({size(upload.size)})")


def committed_text(head: Head, changes: Sequence[Change]) -> str:
    """Return a line about a commit."""
    count = sum(change.pending for change in changes)
    return PLAIN(f"committed {pluralize(count, 'change') if count else 'the inventory'} as {head.rev}")


def _is_dataset(outcome: Outcome) -> bool:
    change = outcome.change
    return change.path.collection == entry.NSID and change.part.number == 1 and outcome.cid is not None
