"""What the commands share: the way from a manifest on disk to a plan."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from atpub.cli.folders import cache_folder
from atpub.cli.options import Target
from atpub.cli.output import style_for, tell
from atpub.cli.where import Where, find, open_repository
from atpub.desired.build import build_desired
from atpub.desired.model import Desired
from atpub.errors import InvalidInput, Problem, Usage
from atpub.manifest.load import Loaded, load_sound_part
from atpub.manifest.model import Manifest, Policy
from atpub.planning.make import make_plan, not_forgotten
from atpub.planning.model import Options, Plan
from atpub.report.problems import problems_text
from atpub.repository.interface import Repository
from atpub.repository.live import Wanted
from atpub.shards.facts import Facts, LocalShards, RemoteShards, gather
from atpub.shards.lock import read_lock
from atpub.shards.measure import FileSource
from atpub.state import LOCAL_DID
from atpub.syntax import Did

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


def read_manifest(paths: tuple[str, ...], environment: str | None) -> Manifest:
    """The manifest that a command is about; raises InvalidInput with every problem that can be found, or Usage."""
    loaded = load_sound_part(list(paths or _default_paths()), environ=os.environ, environment=environment)
    if loaded.problems:
        raise InvalidInput((*loaded.problems, *_further_problems(loaded)))
    return loaded.manifest


def _further_problems(loaded: Loaded) -> list[Problem]:
    """What is wrong with the data and records of the part of a manifest that can be used."""
    places = {problem.place for problem in loaded.problems if problem.place}
    try:
        _, found = judge(loaded.manifest)
    except InvalidInput as error:
        found = error.problems
    return [problem for problem in found if problem.place not in places]


def _default_paths() -> tuple[str, ...]:
    for name in ("atpub.yaml", "manifests"):
        if Path(name).exists():
            return (name,)
    raise Usage("there is no atpub.yaml and no manifests/ here", hint="name the manifest: -m PATH")


def read_facts(manifest: Manifest, *, locked: bool = False) -> Facts:
    """What is known of the manifest's data, with what the lock beside it adds; unchanged files are not read again."""
    return gather(manifest, lock=read_lock(manifest.folder), locked=locked, cache=cache_folder())


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, where its repository is, the repository, and the bytes of its blobs by their CIDs."""

    plan: Plan
    where: Where
    repository: Repository
    sources: Mapping[str, FileSource]


@contextmanager
def prepare(
    manifest: Manifest,
    target: Target,
    options: Options,
    *,
    reproducible: bool = False,
    locked: bool = False,
    remember: bool = False,
) -> Generator[Prepared]:
    """The plan of a manifest for its account; tells warnings on the way. To `remember` identities is for plan alone."""
    where = find(manifest, target)  # before much data is read for nothing
    now = _now(reproducible=reproducible)
    facts = read_facts(manifest, locked=locked)
    with closing(open_repository(where, remember=remember)) as repository:
        desired, warnings = desired_of(manifest, facts, repository.did)
        tell_warnings(warnings)
        live = repository.read(Wanted.around(item.path for item in desired))
        plan = make_plan(
            desired,
            live,
            project=manifest.project,
            account=where.account,
            now=now,
            policy=manifest.policy,
            options=options,
            warnings=warnings,
        )
        tell_warnings(_not_forgotten(plan, options))
        yield Prepared(plan, where, repository, facts.sources)


@contextmanager
def prepare_destruction(manifest: Manifest, target: Target, *, delete_drifted: bool) -> Generator[Prepared]:
    """The plan that leaves nothing of a project."""
    where = find(manifest, target)
    with closing(open_repository(where)) as repository:
        plan = make_plan(
            (),
            repository.read(Wanted()),
            project=manifest.project,
            account=where.account,
            now=datetime.now(UTC),
            policy=Policy(max_delete=1.0),
            options=Options(delete_drifted=delete_drifted, prune_versions=True),
        )
        yield Prepared(plan, where, repository, {})


def _not_forgotten(plan: Plan, options: Options) -> tuple[Problem, ...]:
    hint = "an address as `plan` shows it, of an entry that is not in the manifest any more"
    return tuple(
        Problem("nothing-to-forget", f"--forget {name}: the project owns no such record", None, hint, "warning")
        for name in sorted(not_forgotten(options, plan.changes))
    )


def judge(manifest: Manifest, *, locked: bool = False) -> tuple[tuple[Desired, ...], tuple[Problem, ...]]:
    """The manifest's records and warnings, without a repository; raises InvalidInput."""
    return desired_of(manifest, read_facts(manifest, locked=locked), manifest.did or LOCAL_DID)


def desired_of(manifest: Manifest, facts: Facts, did: Did) -> tuple[tuple[Desired, ...], tuple[Problem, ...]]:
    """The records that a manifest wants and all warnings; raises InvalidInput with what is at the bottom of it."""
    try:
        desired, warnings = build_desired(manifest, facts, did)
    except InvalidInput as error:
        raise InvalidInput((*manifest.warnings, *_causes(error.problems, manifest, facts))) from None
    return desired, (*manifest.warnings, *warnings)


def _causes(problems: tuple[Problem, ...], manifest: Manifest, facts: Facts) -> list[Problem]:
    """The problems without those that only follow from shards and files that are not there."""
    places = {problem.place for problem in facts.problems if problem.place and problem.severity == "error"}
    for address, shards in facts.shards.items():
        ways = [(*address.steps, *way) for way in ((), ("blobs",), ("urls",))]
        here = {where(steps) for steps in ways for where in (manifest.place, manifest.key_place)}
        # Where some shards are right, what the lexicon says of them is news.
        places = places - here if _count(shards) else places | here
    found = set(facts.problems)
    return [
        problem
        for problem in problems
        if problem in found
        or problem.place not in places
        or (problem.severity == "error" and problem.code != "invalid-record")
    ]


def _count(found: LocalShards | RemoteShards) -> int:
    return len(found.files if isinstance(found, LocalShards) else found.shards)


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
