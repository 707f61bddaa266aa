"""`atpub.plan`, `atpub.apply` and `atpub.verify`: the commands of these names, for notebooks and scripts."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeAlias

from atpub.atmosphere.accounts import Account, applied_records, open_target
from atpub.atmosphere.arguments import Call
from atpub.atmosphere.client import AtmosphereClient
from atpub.atmosphere.ready_plan import OnEvent, Outcomes, ReadyPlan, ignore, warn
from atpub.atproto.evolution.model import parse_approvals
from atpub.atproto.syntax import AtUri
from atpub.engine.plan.model import Options, Plan
from atpub.errors import Usage
from atpub.generated import LEXICONS
from atpub.history.folder import find_times
from atpub.login.credentials import password_in
from atpub.manifest.model import Manifest
from atpub.pipeline import measure_data, plan_records, read_manifest
from atpub.progress import OnProgress
from atpub.repository.interface import Repository
from atpub.repository.model import is_local
from atpub.target import Target
from atpub.text.interpolate import declare_variables
from atpub.verifying.batches import MOST_BYTES, BatchReader
from atpub.verifying.model import Verification
from atpub.verifying.repositories import Repositories
from atpub.verifying.run import Selection, select_entries, select_uris, verify_records

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
    samples: int | None = 1,
    delete_drifted: bool = False,
    prune_versions: bool = False,
    allow_replace_all: bool = False,
    allow_breaking: bool = False,
    approved: Iterable[str] = (),
    forget: Iterable[str] = (),
    only: Iterable[str] = (),
    exclude: Iterable[str] = (),
    now: datetime | None = None,
    on_progress: OnProgress = ignore,
) -> ReadyPlan:
    """Plan what applying a manifest would change; reads the repository, and writes nothing.

    Precedence of the account: the client's, `account`, `ATPUB_ACCOUNT`, then the manifest's; planning needs no
    credentials, and applying takes `ATPUB_PASSWORD` unless the client is logged in. `now` is the time of records that
    need one; `samples` is how many samples of each local shard are compared with its schema (None: all);
    `on_progress` is told what is hashed. `approved` has the lines of `atpub lex breaking` that approve changes of
    published lexicons; pyproject.toml is not read. The other options are the flags of `atpub plan`; `forget`, `only`
    and `exclude` list addresses. Raises InvalidInput with every problem, or Usage.
    """
    if samples is not None and samples < 1:
        raise Call("plan").refuse("samples", f"{samples} is no number of samples", "give 1 or more, or None for all")
    read = _read(manifest, environment, variables)
    facts = measure_data(read, locked=locked, samples=samples, on_progress=on_progress)
    options = Options(
        delete_drifted=delete_drifted,
        prune_versions=prune_versions,
        allow_replace_all=allow_replace_all,
        allow_breaking=allow_breaking,
        approved=parse_approvals(_listed("plan", "approved", approved, "lines")),
        forget=_listed("plan", "forget", forget),
        only=_listed("plan", "only", only),
        exclude=_listed("plan", "exclude", exclude),
    )
    with _open(read, client, account, pds) as (found, target):
        made = plan_records(
            read,
            facts,
            found.repository,
            account=found.name,
            now=now or datetime.now(UTC),
            options=options,
            applied=applied_records(),
            past_times=lambda paths: find_times(
                read.folder, read.project, found.name, found.repository.did, paths, warn
            ),
        )
        made = _with_publishers(made, found)
    again = partial(_reopen, found, target) if client is None else partial(client.still, found)
    return ReadyPlan(made, facts.sources, again, read.folder)


def apply(plan: ReadyPlan, *, on_event: OnEvent = ignore, history: bool = True) -> Outcomes:
    """Apply a plan of a manifest or of a publish; return the outcome of each change.

    What the plan of a manifest replaces is kept in `.atpub/history` beside it, for `atpub undo`, unless `history` is
    False. A publish has no such folder, and cannot be undone.

    Raises Refused where a safety rule forbids it, StalePlan where one of its records has changed meanwhile,
    PartlyApplied where some commits were made before another error: plan and apply again then.
    """
    return plan.apply(on_event=on_event, history=history)


def verify(
    what: Manifest | ManifestPath | AtUri | Sequence[ManifestPath | AtUri] = (),
    *,
    only: Iterable[str] = (),
    client: AtmosphereClient | None = None,
    account: str | None = None,
    pds: str | None = None,
    environment: str | None = None,
    variables: Mapping[str, str] = _NO_VARIABLES,
    deep: bool = False,
    max_bytes: int | None = None,
    executor: Executor | None = None,
    on_progress: OnProgress = ignore,
) -> Verification:
    """Verify what is published: the records of a manifest's entries, or those at at:// URIs; changes nothing.

    `what` is a manifest, as for `plan`, or one or more URIs of records, collections or repositories; `only` lists
    addresses of the manifest. `deep` reads every byte, at most `max_bytes` in all, in threads or by an `executor`. The
    findings of the result say what is wrong. Raises InvalidArgument for wrong arguments, InvalidInput for a manifest.
    """
    uris, paths = _split_uris(what)
    if max_bytes is not None and max_bytes < 1:
        raise Call("verify").refuse("max_bytes", f"{max_bytes} is no number of bytes", "give 1 or more")
    read = None if uris and not paths else _read(paths, environment, variables)
    with ExitStack() as stack:
        repositories = Repositories(lambda uri: _open_authority(stack, client, uri, pds), time.monotonic)
        selection = Selection(())
        if read is not None:
            found, _ = stack.enter_context(_open(read, client, account, pds))
            selection += select_entries(read, _listed("verify", "only", only), found.repository, repositories)
        selection += select_uris(uris, repositories)
        lexicons = LEXICONS.lexicons if read is None else read.lexicons
        reader = BatchReader(max_bytes or MOST_BYTES, executor, on_progress)
        return verify_records(selection, lexicons, repositories, reader, deep=deep)


def _split_uris(
    what: Manifest | ManifestPath | AtUri | Sequence[ManifestPath | AtUri],
) -> tuple[Sequence[AtUri], Manifest | Sequence[ManifestPath]]:
    """Return the URIs among the arguments, and the manifest."""
    if isinstance(what, Manifest):
        return (), what
    items = [what] if isinstance(what, str | os.PathLike | AtUri) else what
    uris: list[AtUri] = []
    paths: list[ManifestPath] = []
    for item in items:
        if isinstance(item, AtUri) or (isinstance(item, str) and item.startswith("at://")):
            uris.append(Call("verify").any_uri("what", item))
        else:
            paths.append(item)
    return uris, paths


def _open_authority(stack: ExitStack, client: AtmosphereClient | None, uri: AtUri, pds: str | None) -> Repository:
    """Open the repository of a URI's authority: through the client, or until the end of the stack."""
    if client is not None:
        return client.account_of(uri.authority).repository
    target = Target.of_authority(uri.authority, pds, environ=os.environ)
    found = stack.enter_context(closing(open_target(target).repository))
    target.check_exists(found)
    return found


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


def _listed(call: str, argument: str, given: Iterable[str], what: str = "addresses") -> frozenset[str]:
    if isinstance(given, str):
        raise Call(call).refuse(argument, f"expected a list of {what}, found a str", f"give [{given!r}]")
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


def _with_publishers(plan: Plan, account: Account) -> Plan:
    """Return a plan with what the DNS says of the lexicons that it writes, unless it is for a folder."""
    if is_local(account.name):
        return plan
    from atpub.atproto.identity.handles import ResolverConfig  # httpx, which a repository in a folder does not need
    from atpub.atproto.identity.lexicons import PublisherLookup
    from atpub.lexicon_resolution.publishers import check_publishers

    return check_publishers(plan, PublisherLookup(ResolverConfig.of(os.environ).dns))


@contextmanager
def _reopen(account: Account, target: Target) -> Generator[Account]:
    """Open the planned account again to write to it, with `ATPUB_PASSWORD`; raises UnconfirmedServer."""
    if target.folder is None:
        from atpub.login.account import confirm_server

        confirm_server(target, account.repository.did, os.environ)
    again = account.reopen(password_in(os.environ))
    with closing(again.repository):
        yield again
