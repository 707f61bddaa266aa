"""`atpub.plan` and `atpub.apply`: the commands of these names, for notebooks and scripts."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeAlias

from atpub.atmosphere.accounts import Account, open_target
from atpub.atmosphere.arguments import Call
from atpub.atmosphere.client import AtmosphereClient
from atpub.atmosphere.ready_plan import OnEvent, Outcomes, ReadyPlan, ignore
from atpub.engine.plan.model import Options
from atpub.errors import Usage
from atpub.login.credentials import password_in
from atpub.manifest.model import Manifest
from atpub.pipeline import measure_data, plan_records, read_manifest
from atpub.progress import OnProgress
from atpub.target import Target
from atpub.text.interpolate import declare_variables

ManifestPath: TypeAlias = str | os.PathLike[str]

_NO_VARIABLES: Final[Mapping[str, str]] = {}


def load_manifest(
    *paths: ManifestPath, environment: str | None = None, variables: Mapping[str, str] = _NO_VARIABLES
) -> Manifest:
    """Load the manifest in files and folders, else ./atpub.yaml or ./manifests/; raises InvalidInput.

    `environment` names one of the manifest's `environments`. `${X}` is filled in from `variables`, and from the
    process's environment where `ATPUB_VARS` lists X or X begins with `ATPUB_VAR_`.
    """
    declared = (f"{name}={value}" for name, value in variables.items())
    return read_manifest(paths, environment, declare_variables(os.environ, declared))


def plan(
    manifest: Manifest | ManifestPath | Sequence[ManifestPath] = (),
    *,
    client: AtmosphereClient | None = None,
    account: str | None = None,
    pds: str | None = None,
    environment: str | None = None,
    variables: Mapping[str, str] = _NO_VARIABLES,
    locked: bool = False,
    delete_drifted: bool = False,
    prune_versions: bool = False,
    allow_replace_all: bool = False,
    forget: Iterable[str] = (),
    only: Iterable[str] = (),
    exclude: Iterable[str] = (),
    now: datetime | None = None,
    on_progress: OnProgress = ignore,
) -> ReadyPlan:
    """Plan what applying a manifest would change; reads the repository, and writes nothing.

    Precedence of the account: the client's, `account`, `ATPUB_ACCOUNT`, then the manifest's; planning needs no
    credentials, and applying takes `ATPUB_PASSWORD` unless the client is logged in. `now` is the time of records that
    need one; `on_progress` is told what is hashed. The other options are the flags of `atpub plan`; `forget`, `only`
    and `exclude` list addresses. Raises InvalidInput with every problem, or Usage.
    """
    read = _read(manifest, environment, variables)
    facts = measure_data(read, locked=locked, on_progress=on_progress)
    options = Options(
        delete_drifted=delete_drifted,
        prune_versions=prune_versions,
        allow_replace_all=allow_replace_all,
        forget=_addresses("forget", forget),
        only=_addresses("only", only),
        exclude=_addresses("exclude", exclude),
    )
    with _open(read, client, account, pds) as (found, target):
        made = plan_records(
            read, facts, found.repository, account=found.name, now=now or datetime.now(UTC), options=options
        )
    again = partial(_reopen, found, target) if client is None else partial(client.still, found)
    return ReadyPlan(made, facts.sources, again)


def apply(plan: ReadyPlan, *, on_event: OnEvent = ignore) -> Outcomes:
    """Apply a plan of a manifest or of a publish; return the outcome of each change.

    Raises Refused where a safety rule forbids it, StalePlan where one of its records has changed meanwhile,
    PartlyApplied where some commits were made before another error: plan and apply again then.
    """
    return plan.apply(on_event=on_event)


def _read(
    manifest: Manifest | ManifestPath | Sequence[ManifestPath], environment: str | None, variables: Mapping[str, str]
) -> Manifest:
    match manifest:
        case Manifest():
            return manifest
        case str() | os.PathLike():
            return load_manifest(manifest, environment=environment, variables=variables)
        case _:
            return load_manifest(*manifest, environment=environment, variables=variables)


def _addresses(argument: str, given: Iterable[str]) -> frozenset[str]:
    if isinstance(given, str):
        raise Call("plan").refuse(argument, "expected a list of addresses, found a str", f"give [{given!r}]")
    return frozenset(given)


@contextmanager
def _open(
    manifest: Manifest, client: AtmosphereClient | None, account: str | None, pds: str | None
) -> Generator[tuple[Account, Target]]:
    """Open the manifest's account; raises Refused where its DID is not the one that the manifest names."""
    if client is not None:
        if account or pds:
            raise Usage("a client has an account of its own", hint="give either client, or account and pds")
        target = Target(client.account.name, manifest.did)
        target.check(client.did)
        yield client.account, target
        return
    named = Target.resolve(manifest, account, pds, os.environ)
    if named is None:
        raise Usage("no account is given", hint='try it first with account="local"; then with your handle')
    found = open_target(named)
    with closing(found.repository):
        named.check(found.repository.did)
        yield found, named


@contextmanager
def _reopen(account: Account, target: Target) -> Generator[Account]:
    """Open the planned account again to write to it, with `ATPUB_PASSWORD`; raises UnconfirmedServer."""
    if target.folder is None:
        from atpub.login.account import confirm_server

        confirm_server(target, account.repository.did, os.environ)
    again = account.reopen(password_in(os.environ))
    with closing(again.repository):
        yield again
