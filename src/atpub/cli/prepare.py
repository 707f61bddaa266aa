"""Plans prepared from options, environment and manifest, to be shown and applied."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import RecordPath
from atpub.cli.connect import TargetOptions, applied_records, find_target, open_repository
from atpub.cli.output import tell_warnings
from atpub.cli.progress import show_progress
from atpub.engine.plan.build import unmatched_forgets
from atpub.engine.plan.created_at import PastTimes
from atpub.engine.plan.model import Options, Plan, Refusal
from atpub.errors import Usage
from atpub.history.names import may_have_names
from atpub.manifest.model import Manifest
from atpub.pipeline import measure_data, plan_records, plan_removal
from atpub.problems import Problem
from atpub.repository.interface import Repository
from atpub.shards.file_facts import FileSource
from atpub.suggest import short_list
from atpub.target import Target

_LATEST: Final = 253_402_300_799  # 9999-12-31T23:59:59Z


def options_of(flags: dict[str, Any]) -> Options:
    """Build plan options from the flags of `plan_options` and the changes that pyproject.toml approves."""
    if both := sorted({*flags["only"]} & {*flags["exclude"]}):
        raise Usage(f"{short_list(both)}: --only and --exclude name the same entry", hint="leave out one of them")
    return Options(
        delete_drifted=flags["delete_drifted"],
        prune_versions=flags["prune_versions"],
        allow_replace_all=flags["allow_replace_all"],
        allow_breaking=flags["allow_breaking"],
        approved=_read_approved(),
        forget=frozenset(flags["forget"]),
        only=frozenset(flags["only"]),
        exclude=frozenset(flags["exclude"]),
    )


def project_options() -> Options:
    """Build the plan options of a run that has none of those flags: the changes that pyproject.toml approves."""
    return Options(approved=_read_approved())


def _read_approved() -> frozenset[str]:
    if not Path("pyproject.toml").exists():
        return frozenset()
    from atpub.generation.pyproject import read_approved  # the reader of settings, where there are any

    return read_approved()


@dataclass(frozen=True, slots=True)
class PreparedPlan:
    """A plan, its target, the opened repository, and the bytes of its blobs by their CIDs."""

    plan: Plan
    target: Target
    repository: Repository
    sources: Mapping[str, FileSource]
    base: Path
    """The manifest's folder, beside which the history is kept."""
    replan: Callable[[], Plan] | None = None
    """Plans the same manifest again, on what is live then."""


@contextmanager
def prepare_plan(
    manifest: Manifest,
    target_options: TargetOptions,
    options: Options,
    *,
    reproducible: bool = False,
    locked: bool = False,
    samples: int | None = 1,
    remember: bool = False,
) -> Generator[PreparedPlan]:
    """Plan a manifest for its account and show warnings; only runs that write nothing may `remember` identities."""
    target = find_target(manifest, target_options)  # before reading much data
    now = _now(reproducible=reproducible)
    with show_progress() as on_progress:
        facts = measure_data(manifest, locked=locked, samples=samples, on_progress=on_progress)
    with closing(open_repository(target, remember=remember)) as repository:
        past_times = _past_times(manifest, target, repository)
        make_plan = partial(
            plan_records, manifest, facts, repository, account=target.account, options=options, past_times=past_times
        )
        plan = make_plan(now=now, on_warnings=tell_warnings, applied=applied_records())
        tell_warnings(_unmatched_warnings(plan, options))
        plan = replace(plan, refusals=tuple(_with_trial_hint(item, target) for item in plan.refusals))

        def replan() -> Plan:
            return make_plan(now=datetime.now(UTC), applied=applied_records())

        yield PreparedPlan(plan, target, repository, facts.sources, manifest.folder, replan)


def with_publishers(prepared: PreparedPlan) -> PreparedPlan:
    """Return a plan with what the DNS says of the lexicons that it writes, and show warnings; see `check_publishers`.

    Nothing is asked for a repository in a folder, nor where no lexicon is written.
    """
    if prepared.target.folder is not None:
        return prepared
    from atpub.atproto.identity.handles import ResolverConfig  # httpx, which a repository in a folder does not need
    from atpub.atproto.identity.lexicons import PublisherLookup
    from atpub.lexicon_resolution.publishers import check_publishers

    plan = check_publishers(prepared.plan, PublisherLookup(ResolverConfig.of(os.environ).dns))
    tell_warnings(plan.warnings[len(prepared.plan.warnings) :])
    return replace(prepared, plan=plan)


@contextmanager
def prepare_destruction(
    manifest: Manifest, target_options: TargetOptions, *, delete_drifted: bool
) -> Generator[PreparedPlan]:
    """Plan the deletion of everything that a project owns."""
    target = find_target(manifest, target_options)
    with closing(open_repository(target)) as repository:
        now = datetime.now(UTC)
        plan = plan_removal(manifest, repository, account=target.account, now=now, delete_drifted=delete_drifted)
        yield PreparedPlan(plan, target, repository, {}, manifest.folder)


def _past_times(manifest: Manifest, target: Target, repository: Repository) -> PastTimes:
    """Return the source of the times of records that the project had published before: its history."""

    def find(paths: Collection[RecordPath]) -> Mapping[RecordPath, JsonObject]:
        if not may_have_names(manifest.folder):
            return {}
        from atpub.history.folder import find_times  # compressed files, where there are any

        return find_times(manifest.folder, manifest.project, target.account, repository.did, paths, tell_warnings)

    return find


def _with_trial_hint(refusal: Refusal, target: Target) -> Refusal:
    """Add that a version published to a repository in a folder, which a trial can throw away, need not stay."""
    if target.folder is None or refusal.code != "immutable-version":
        return refusal
    return replace(refusal, hint=f"{refusal.hint}; to start a trial again, rm -r {shlex.quote(str(target.folder))}")


def _unmatched_warnings(plan: Plan, options: Options) -> tuple[Problem, ...]:
    hint = "give an address as `plan` shows it, of an entry that is no longer in the manifest"
    return tuple(
        Problem("nothing-to-forget", f"--forget {name}: the project owns no such record", None, hint, "warning")
        for name in sorted(unmatched_forgets(options, plan.changes))
    )


def _now(*, reproducible: bool) -> datetime:
    if not reproducible:
        return datetime.now(UTC)
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not (epoch.isascii() and epoch.isdigit()) or int(epoch) > _LATEST:
        hint = "set it to the time in seconds since 1970, for example $(git log -1 --format=%ct)"
        raise Usage("--reproducible needs SOURCE_DATE_EPOCH", hint=hint)
    return datetime.fromtimestamp(int(epoch), UTC)
