"""From a manifest to published records. Read this file first.

1. `read_manifest`: YAML files → Manifest
2. `measure_data`: Manifest → Facts, the sizes and checksums of its data
3. `desired_records`: Manifest, Facts → the records that the repository is to hold
4. `plan_records`: step 3, compared with the live and the owned records of a Repository → Plan; writes nothing
5. `apply_plan`: Plan, Repository → the outcome of each change

Steps 1 to 3 are in `atpub.desired` and step 5 is in `atpub.engine.apply`, so that a command imports only the steps that
it takes. The command line (`atpub.cli`) and the Python API (`atpub.atmosphere`) call these functions. The others are
variations: `validate` stops before the plan, `plan_requests` plans single records without a manifest, `plan_removal`
deletes what a project owns, and `resume_plan` continues a saved plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from atpub.atproto.syntax import RecordPath
from atpub.desired import Warnings
from atpub.desired import desired_records as desired_records
from atpub.desired import measure_data as measure_data
from atpub.desired import read_manifest as read_manifest
from atpub.desired import validate as validate
from atpub.engine.desired.named_records import find_named_records, missing_records
from atpub.engine.owned_records import read_owned, records_around
from atpub.engine.plan.build import plan_manifest
from atpub.engine.plan.created_at import PastTimes, no_past_times
from atpub.engine.plan.model import Options, Plan
from atpub.engine.plan.publication import PublishRequest, plan_publication
from atpub.engine.plan.rebase import rebase
from atpub.engine.plan.renames import rename_warnings
from atpub.engine.plan.three_way import live_as_applied, with_applied_values
from atpub.manifest.model import Manifest, Policy
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Live
from atpub.shards.facts import Facts

if TYPE_CHECKING:  # it imports SQLite
    from atpub.repository.applied import AppliedRecords


def plan_records(
    manifest: Manifest,
    facts: Facts,
    repository: Repository,
    *,
    account: str,
    now: datetime,
    options: Options,
    on_warnings: Callable[[Warnings], None] = lambda _: None,
    applied: AppliedRecords | None = None,
    past_times: PastTimes = no_past_times,
) -> Plan:
    """Plan what makes the repository hold the manifest's records.

    `applied` knows the records of earlier applies, for a three-way comparison of those that were modified elsewhere; it
    is given those that are live as they were applied.

    `on_warnings` gets the warnings of the manifest before the repository is read, then those of what is there.
    `past_times` finds the times of records that were published before: they get the same createdAt again.
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
        warnings=(*warnings, *missing_records(named, {*live.records, *paths}, manifest.place)),
        past_times=past_times,
    )
    plan = replace(plan, warnings=(*plan.warnings, *rename_warnings(plan.changes, manifest.key_place)))
    on_warnings(plan.warnings[len(warnings) :])
    if applied is None:
        return plan
    applied.add(live_as_applied(plan))
    return with_applied_values(plan, applied.find)


def plan_requests(
    requests: Sequence[PublishRequest],
    repository: Repository,
    *,
    project: str,
    account: str,
    now: datetime,
    recall: bool = False,
) -> Plan:
    """Plan to publish single records; deletes nothing.

    With `recall`, on what this client has left: the commit shows whether it still holds.
    """
    live = _read_around(repository, (request.desired.path for request in requests), recall=recall)
    return plan_publication(requests, live, project=project, account=account, now=now)


def plan_removal(
    manifest: Manifest, repository: Repository, *, account: str, now: datetime, delete_drifted: bool
) -> Plan:
    """Plan to delete every record that the manifest's project owns, published versions included."""
    options = Options(delete_drifted=delete_drifted, prune_versions=True, allow_breaking=True)
    live, policy = read_owned(repository, RecordFilter()), Policy(max_delete=1.0)
    return plan_manifest((), live, project=manifest.project, account=account, now=now, policy=policy, options=options)


def resume_plan(plan: Plan, repository: Repository, *, account: str) -> Plan:
    """Return what a saved plan still has to do; raises StalePlan where one of its records has changed."""
    live = _read_around(repository, (change.path for change in plan.changes))
    return rebase(replace(plan, account=account), live)


def _read_around(repository: Repository, paths: Iterable[RecordPath], *, recall: bool = False) -> Live:
    """Read the records at these paths, the inventories, and the records that these list."""
    return read_owned(repository, records_around(paths), recall=recall)
