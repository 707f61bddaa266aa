"""`atpub.plan` and `atpub.apply`: what the commands of these names do, for notebooks and scripts."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

from atpub.atmosphere.accounts import Account, open_where
from atpub.atmosphere.arguments import Call
from atpub.atmosphere.client import AtmosphereClient
from atpub.atmosphere.ready_plan import OnEvent, ReadyPlan, ignore
from atpub.engine.plan.model import Options, Outcome
from atpub.errors import Usage
from atpub.manifest.model import Manifest
from atpub.pipeline import desired_records, plan_records, read_facts, read_manifest
from atpub.target import Target

ManifestPath: TypeAlias = str | os.PathLike[str]


def load_manifest(*paths: ManifestPath, environment: str | None = None) -> Manifest:
    """The manifest in files and folders, else ./atpub.yaml or ./manifests/; raises InvalidInput with every problem.

    `environment` names one of the manifest's `environments`; `${X}` is filled in from the process's environment.
    """
    return read_manifest(paths, environment)


def plan(
    manifest: Manifest | ManifestPath | Sequence[ManifestPath] = (),
    *,
    client: AtmosphereClient | None = None,
    account: str | None = None,
    pds: str | None = None,
    environment: str | None = None,
    locked: bool = False,
    delete_drifted: bool = False,
    prune_versions: bool = False,
    allow_replace_all: bool = False,
    forget: Iterable[str] = (),
    only: Iterable[str] = (),
    exclude: Iterable[str] = (),
    now: datetime | None = None,
) -> ReadyPlan:
    """What applying a manifest would change; reads the repository, and writes nothing.

    The account is the client's, or `account`, `ATPUB_ACCOUNT` or the manifest's own, in this order; planning needs no
    credentials, and applying takes `ATPUB_PASSWORD` unless the client is logged in. `now` is the time of records that
    need one. The other options are the flags of `atpub plan`; `forget`, `only` and `exclude` list addresses. Raises
    InvalidInput with every problem, or Usage.
    """
    read = _read(manifest, environment)
    facts = read_facts(read, locked=locked)
    options = Options(
        delete_drifted=delete_drifted,
        prune_versions=prune_versions,
        allow_replace_all=allow_replace_all,
        forget=_addresses("forget", forget),
        only=_addresses("only", only),
        exclude=_addresses("exclude", exclude),
    )
    with _opened(read, client, account, pds) as found:
        repository = found.repository
        desired, warnings = desired_records(read, facts, repository.did)
        made = plan_records(
            read,
            desired,
            repository,
            account=found.name,
            now=now or datetime.now(UTC),
            options=options,
            warnings=warnings,
        )
    again = partial(_reopened, found) if client is None else partial(client.still, found)
    return ReadyPlan(made, facts.sources, again)


def apply(plan: ReadyPlan, *, on_event: OnEvent = ignore) -> tuple[Outcome, ...]:
    """Carry out a plan, of a manifest or of a publish; gives what became of each record.

    Raises Refused where a safety rule forbids it, StalePlan where one of its records has changed meanwhile,
    PartlyApplied where some commits were made before another error: plan and apply again then.
    """
    return plan.apply(on_event=on_event)


def _read(manifest: Manifest | ManifestPath | Sequence[ManifestPath], environment: str | None) -> Manifest:
    match manifest:
        case Manifest():
            return manifest
        case str() | os.PathLike():
            return read_manifest([manifest], environment)
        case _:
            return read_manifest(manifest, environment)


def _addresses(argument: str, given: Iterable[str]) -> frozenset[str]:
    if isinstance(given, str):
        raise Call("plan").refuse(argument, "expected a list of addresses, found a str", f"give [{given!r}]")
    return frozenset(given)


@contextmanager
def _opened(
    manifest: Manifest, client: AtmosphereClient | None, account: str | None, pds: str | None
) -> Generator[Account]:
    """The account that the manifest goes to; raises Refused where it is another identity's than the manifest says."""
    if client is not None:
        if account or pds:
            raise Usage("a client has an account of its own", hint="give either client, or account and pds")
        Target(client.account.name, manifest.did).check(client.did)
        yield client.account
        return
    where = Target.resolve(manifest, account, pds, os.environ)
    if where is None:
        raise Usage("no account is given", hint='try it first with account="local"; then with your handle')
    found = open_where(where)
    with closing(found.repository):
        where.check(found.repository.did)
        yield found


@contextmanager
def _reopened(account: Account) -> Generator[Account]:
    """The repository that was planned for; `ATPUB_PASSWORD` is what writing takes."""
    again = account.reopened(os.environ.get("ATPUB_PASSWORD"))
    with closing(again.repository):
        yield again
