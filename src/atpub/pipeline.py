"""From a manifest to published records. Read this file first.

1. `read_manifest`: YAML files → Manifest
2. `measure_data`: Manifest → Facts, the sizes and checksums of its data
3. `desired_records`: Manifest, Facts → the records that the repository is to hold
4. `plan_records`: steps 2 and 3, compared with the live and the owned records of a Repository → Plan; writes nothing
5. `apply_plan`: Plan, Repository → the outcome of each change

The command line (`atpub.cli`) and the Python API (`atpub.atmosphere`) both call these functions. The others are
variations: `validate` stops before the plan, `plan_requests` plans single records without a manifest, `plan_removal`
deletes what a project owns, and `resume_plan` continues a saved plan.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from atpub.atproto.syntax import Did, RecordPath
from atpub.engine.apply import apply_plan as apply_plan
from atpub.engine.desired.build import build_desired, root_causes
from atpub.engine.desired.model import Desired
from atpub.engine.desired.named_records import find_named_records, missing_records
from atpub.engine.owned_records import read_owned, records_around
from atpub.engine.plan.build import plan_manifest
from atpub.engine.plan.model import Options, Plan
from atpub.engine.plan.publication import PublishRequest, plan_publication
from atpub.engine.plan.rebase import rebase
from atpub.errors import InvalidInput, Problem, Usage
from atpub.manifest.files import holds_manifests
from atpub.manifest.load import Loaded, load_valid_subset
from atpub.manifest.model import Manifest, Policy
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import LOCAL_DID, Live
from atpub.shards.facts import Facts, gather
from atpub.shards.lock import read_lock
from atpub.user_folders import cache_folder

Warnings: TypeAlias = tuple[Problem, ...]


def read_manifest(
    paths: Sequence[str | os.PathLike[str]], environment: str | None, environ: Mapping[str, str] | None = None
) -> Manifest:
    """Read the manifest in these files and folders, or in the default ones.

    `environ` holds and declares variables, as `declare_variables` returns it (None: the process's environment).
    Raises InvalidInput with every problem, or Usage where there is no manifest.
    """
    named = list(paths) or usual_paths()
    if not named:
        raise Usage("there is no atpub.yaml here, and no manifest in manifests/", hint="name the manifest: -m PATH")
    loaded = load_valid_subset(named, environ=os.environ if environ is None else environ, environment=environment)
    if loaded.problems:
        raise InvalidInput((*loaded.problems, *_further_problems(loaded)))
    return loaded.manifest


def usual_paths() -> list[str]:
    """Return the default manifest: ./atpub.yaml, else ./manifests/ if it holds a manifest, else nothing."""
    if Path("atpub.yaml").exists():
        return ["atpub.yaml"]
    return ["manifests"] if holds_manifests(Path("manifests")) else []


def _further_problems(loaded: Loaded) -> list[Problem]:
    """Check the data and records of the valid part of a manifest; leave out places that have a problem already."""
    places = {problem.place for problem in loaded.problems if problem.place}
    try:
        _, found = validate(loaded.manifest)
    except InvalidInput as error:
        found = error.problems
    return [problem for problem in found if problem.place not in places]


def measure_data(manifest: Manifest, *, locked: bool = False) -> Facts:
    """Measure the manifest's data files; add what atpub.lock knows of others. Unchanged files are not read again.

    With `locked`, the lock is the only source.
    """
    return gather(manifest, lock=read_lock(manifest.folder), locked=locked, cache=cache_folder())


def desired_records(manifest: Manifest, facts: Facts, did: Did) -> tuple[tuple[Desired, ...], Warnings]:
    """Return the records that the manifest describes, and warnings; raises InvalidInput with every error."""
    try:
        desired, warnings = build_desired(manifest, facts, did)
    except InvalidInput as error:
        raise InvalidInput((*manifest.warnings, *root_causes(error.problems, manifest, facts))) from None
    return desired, (*manifest.warnings, *warnings)


def validate(manifest: Manifest, *, locked: bool = False) -> tuple[tuple[Desired, ...], Warnings]:
    """Return the manifest's records and warnings without a repository; raises InvalidInput."""
    return desired_records(manifest, measure_data(manifest, locked=locked), manifest.did or LOCAL_DID)


def plan_records(
    manifest: Manifest,
    facts: Facts,
    repository: Repository,
    *,
    account: str,
    now: datetime,
    options: Options,
    on_warnings: Callable[[Warnings], None] = lambda _: None,
) -> Plan:
    """Plan what makes the repository hold the manifest's records.

    `on_warnings` gets the warnings of the manifest before the repository is read, then those of what is there.
    """
    manifest = replace(manifest, account=account)
    desired, warnings = desired_records(manifest, facts, repository.did)
    on_warnings(warnings)
    paths, named = [item.path for item in desired], tuple(find_named_records(manifest, repository.did))
    live = _read_around(repository, (*paths, *(item.path for item in named)))
    plan = plan_manifest(
        desired,
        live,
        project=manifest.project,
        account=account,
        now=now,
        policy=manifest.policy,
        options=options,
        warnings=(*warnings, *missing_records(named, {*live.records, *paths})),
    )
    on_warnings(plan.warnings[len(warnings) :])
    return plan


def plan_requests(
    requests: Sequence[PublishRequest], repository: Repository, *, project: str, account: str, now: datetime
) -> Plan:
    """Plan to publish single records; deletes nothing."""
    live = _read_around(repository, (request.desired.path for request in requests))
    return plan_publication(requests, live, project=project, account=account, now=now)


def plan_removal(
    manifest: Manifest, repository: Repository, *, account: str, now: datetime, delete_drifted: bool
) -> Plan:
    """Plan to delete every record that the manifest's project owns, published versions included."""
    options = Options(delete_drifted=delete_drifted, prune_versions=True)
    live, policy = read_owned(repository, RecordFilter()), Policy(max_delete=1.0)
    return plan_manifest((), live, project=manifest.project, account=account, now=now, policy=policy, options=options)


def resume_plan(plan: Plan, repository: Repository, *, account: str) -> Plan:
    """Return what a saved plan still has to do; raises StalePlan where one of its records has changed."""
    live = _read_around(repository, (change.path for change in plan.changes))
    return rebase(replace(plan, account=account), live)


def _read_around(repository: Repository, paths: Iterable[RecordPath]) -> Live:
    """Read the records at these paths, the inventories, and the records that these list."""
    return read_owned(repository, records_around(paths))
