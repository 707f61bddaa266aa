"""A plan that is ready to be shown and carried out, of what flags, environment and manifest say; its warnings told."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from atpub.cli.options import TargetOptions
from atpub.cli.output import style_for, tell
from atpub.cli.targets import find, open_repository
from atpub.engine.plan.build import unmatched_forgets
from atpub.engine.plan.model import Options, Plan
from atpub.errors import Problem, Usage
from atpub.manifest.model import Manifest
from atpub.pipeline import measure_data, plan_records, plan_removal
from atpub.report.problems import problems_text
from atpub.repository.interface import Repository
from atpub.shards.measure import FileSource
from atpub.target import Target

_LATEST: Final = 253_402_300_799  # 9999-12-31T23:59:59Z


def options_of(flags: dict[str, Any]) -> Options:
    """The flags of `plan_options`, taken out of a command's arguments."""
    return Options(
        delete_drifted=flags["delete_drifted"],
        prune_versions=flags["prune_versions"],
        allow_replace_all=flags["allow_replace_all"],
        forget=frozenset(flags["forget"]),
        only=frozenset(flags["only"]),
        exclude=frozenset(flags["exclude"]),
    )


@dataclass(frozen=True, slots=True)
class Ready:
    """A plan, where its repository is, the repository, and the bytes of its blobs by their CIDs."""

    plan: Plan
    where: Target
    repository: Repository
    sources: Mapping[str, FileSource]


@contextmanager
def ready_plan(
    manifest: Manifest,
    target: TargetOptions,
    options: Options,
    *,
    reproducible: bool = False,
    locked: bool = False,
    remember: bool = False,
) -> Generator[Ready]:
    """The plan of a manifest for its account; tells warnings on the way. To `remember` identities is for plan alone."""
    where = find(manifest, target)  # before much data is read for nothing
    now = _now(reproducible=reproducible)
    facts = measure_data(manifest, locked=locked)
    with closing(open_repository(where, remember=remember)) as repository:
        plan = plan_records(
            manifest,
            facts,
            repository,
            account=where.account,
            now=now,
            options=options,
            on_warnings=tell_warnings,
        )
        tell_warnings(_not_forgotten(plan, options))
        yield Ready(plan, where, repository, facts.sources)


@contextmanager
def ready_destruction(manifest: Manifest, target: TargetOptions, *, delete_drifted: bool) -> Generator[Ready]:
    """The plan that leaves nothing of a project."""
    where = find(manifest, target)
    with closing(open_repository(where)) as repository:
        now = datetime.now(UTC)
        plan = plan_removal(manifest, repository, account=where.account, now=now, delete_drifted=delete_drifted)
        yield Ready(plan, where, repository, {})


def _not_forgotten(plan: Plan, options: Options) -> tuple[Problem, ...]:
    hint = "an address as `plan` shows it, of an entry that is not in the manifest any more"
    return tuple(
        Problem("nothing-to-forget", f"--forget {name}: the project owns no such record", None, hint, "warning")
        for name in sorted(unmatched_forgets(options, plan.changes))
    )


def tell_warnings(warnings: tuple[Problem, ...]) -> None:
    """Show what is doubtful, though not wrong."""
    if warnings:
        tell(problems_text(warnings, style_for(sys.stderr)))


def _now(*, reproducible: bool) -> datetime:
    if not reproducible:
        return datetime.now(UTC)
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not (epoch.isascii() and epoch.isdigit()) or int(epoch) > _LATEST:
        hint = "set it to the time in seconds since 1970, for example $(git log -1 --format=%ct)"
        raise Usage("--reproducible needs SOURCE_DATE_EPOCH", hint=hint)
    return datetime.fromtimestamp(int(epoch), UTC)
