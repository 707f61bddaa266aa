"""The way from a manifest on disk to a plan, for commands and calls alike."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from atpub.atproto.syntax import Did
from atpub.engine.desired.build import build_desired
from atpub.engine.desired.model import Desired
from atpub.engine.owned_records import read_owned, records_around
from atpub.engine.plan.build import plan_manifest
from atpub.engine.plan.model import Options, Plan
from atpub.errors import InvalidInput, Problem, Usage
from atpub.manifest.files import holds_manifests
from atpub.manifest.load import Loaded, load_valid_subset
from atpub.manifest.model import Manifest
from atpub.repository.interface import Repository
from atpub.repository.model import LOCAL_DID
from atpub.shards.facts import Facts, LocalShards, RemoteShards, gather
from atpub.shards.lock import read_lock
from atpub.user_folders import cache_folder


def read_manifest(paths: Sequence[str | os.PathLike[str]], environment: str | None) -> Manifest:
    """The manifest in files and folders, else the usual one; raises InvalidInput with every problem, or Usage."""
    named = list(paths) or usual_paths()
    if not named:
        raise Usage("there is no atpub.yaml here, and no manifest in manifests/", hint="name the manifest: -m PATH")
    loaded = load_valid_subset(named, environ=os.environ, environment=environment)
    if loaded.problems:
        raise InvalidInput((*loaded.problems, *_further_problems(loaded)))
    return loaded.manifest


def _further_problems(loaded: Loaded) -> list[Problem]:
    """What is wrong with the data and records of the part of a manifest that can be used."""
    places = {problem.place for problem in loaded.problems if problem.place}
    try:
        _, found = validate(loaded.manifest)
    except InvalidInput as error:
        found = error.problems
    return [problem for problem in found if problem.place not in places]


def usual_paths() -> list[str]:
    """Where a manifest is that nobody names: ./atpub.yaml, else ./manifests/ with a manifest in it; else nothing."""
    if Path("atpub.yaml").exists():
        return ["atpub.yaml"]
    return ["manifests"] if holds_manifests(Path("manifests")) else []


def read_facts(manifest: Manifest, *, locked: bool = False) -> Facts:
    """What is known of the manifest's data, with what the lock beside it adds; unchanged files are not read again."""
    return gather(manifest, lock=read_lock(manifest.folder), locked=locked, cache=cache_folder())


def validate(manifest: Manifest, *, locked: bool = False) -> tuple[tuple[Desired, ...], tuple[Problem, ...]]:
    """The manifest's records and warnings, without a repository; raises InvalidInput."""
    return desired_records(manifest, read_facts(manifest, locked=locked), manifest.did or LOCAL_DID)


def desired_records(manifest: Manifest, facts: Facts, did: Did) -> tuple[tuple[Desired, ...], tuple[Problem, ...]]:
    """The records that a manifest wants and what is doubtful about them; raises InvalidInput with every cause."""
    try:
        desired, warnings = build_desired(manifest, facts, did)
    except InvalidInput as error:
        raise InvalidInput((*manifest.warnings, *_causes(error.problems, manifest, facts))) from None
    return desired, (*manifest.warnings, *warnings)


def plan_records(
    manifest: Manifest,
    desired: tuple[Desired, ...],
    repository: Repository,
    *,
    account: str,
    now: datetime,
    options: Options,
    warnings: tuple[Problem, ...] = (),
) -> Plan:
    """What it takes for a repository to hold the records that a manifest wants."""
    return plan_manifest(
        desired,
        read_owned(repository, records_around(item.path for item in desired)),
        project=manifest.project,
        account=account,
        now=now,
        policy=manifest.policy,
        options=options,
        warnings=warnings,
    )


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
