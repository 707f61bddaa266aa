"""What the commands share: their options, and the way from a manifest on disk to a plan."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from atpub.cli.output import style_for, tell
from atpub.desired.build import build_desired, collection_of
from atpub.desired.model import Desired
from atpub.errors import Problem, Usage
from atpub.manifest.load import load_manifest
from atpub.manifest.model import Manifest
from atpub.plan.make import make_plan
from atpub.plan.model import Options, Plan
from atpub.report.problems import problems_text
from atpub.repository.interface import Repository
from atpub.repository.live import read_live
from atpub.shards.facts import Facts, gather
from atpub.syntax import Did

F = TypeVar("F", bound=Callable[..., Any])

LOCAL_DID: Final = Did("did:web:local.invalid")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to publish, as the flags say it; the environment and the manifest fill in the rest."""

    account: str | None
    pds: str | None
    environment: str | None


def manifest_options(command: F) -> F:
    """Give a command `-m` and `--env`."""
    for option in (
        click.option("--env", "environment", metavar="NAME", help="One of the manifest's environments."),
        click.option(
            "-m",
            "--manifest",
            "manifests",
            metavar="PATH",
            multiple=True,
            help="A manifest, or a folder of files that make one. [default: ./atpub.yaml, else ./manifests/]",
        ),
    ):
        command = option(command)
    return command


def target_options(command: F) -> F:
    """Give a command `--account` and `--pds`."""
    for option in (
        click.option("--pds", metavar="URL", help="The account's PDS, where it is not to be looked up. [ATPUB_PDS]"),
        click.option(
            "--account", metavar="ACCOUNT", help="A handle, a DID, local, or local:PATH. [ATPUB_ACCOUNT, the manifest]"
        ),
    ):
        command = option(command)
    return command


def plan_options(command: F) -> F:
    """Give a command the flags that allow a plan more than usual."""
    for option in (
        click.option("--reproducible", is_flag=True, help="Take the time from SOURCE_DATE_EPOCH."),
        click.option("--forget", metavar="ADDRESS", multiple=True, help="Stop owning a record, and leave it there."),
        click.option("--allow-replace-all", is_flag=True, help="Allow a plan that deletes all and creates others."),
        click.option("--prune-versions", is_flag=True, help="Delete schema and label versions that are gone."),
        click.option("--delete-drifted", is_flag=True, help="Delete records that somebody else has changed."),
    ):
        command = option(command)
    return command


def options_of(flags: dict[str, Any]) -> Options:
    """The flags of `plan_options`, taken out of a command's arguments."""
    return Options(
        delete_drifted=flags["delete_drifted"],
        prune_versions=flags["prune_versions"],
        allow_replace_all=flags["allow_replace_all"],
        forget=frozenset(flags["forget"]),
    )


def read_manifest(paths: tuple[str, ...], environment: str | None) -> Manifest:
    """The manifest that a command is about; raises InvalidInput or Usage."""
    return load_manifest(list(paths or _default_paths()), environ=os.environ, environment=environment)


def _default_paths() -> tuple[str, ...]:
    for name in ("atpub.yaml", "manifests"):
        if Path(name).exists():
            return (name,)
    raise Usage("there is no atpub.yaml and no manifests/ here", hint="name the manifest: -m PATH")


def read_facts(manifest: Manifest) -> Facts:
    """What is known of the manifest's data; files that have not changed are not read again."""
    return gather(manifest, cache=_cache_folder())


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(base) / "atpub"


def open_repository(manifest: Manifest, target: Target) -> tuple[str, Repository]:
    """The account's name and its repository; raises Usage where there is no account."""
    account = target.account or os.environ.get("ATPUB_ACCOUNT") or manifest.account
    if not account:
        raise Usage("no account is given", hint="try it first with --account local")
    if account == "local" or account.startswith("local:"):
        from atpub.repository.local import LocalRepository

        where = account.partition(":")[2]
        folder = Path(where) if where else manifest.folder / ".atpub" / "local"
        return account, LocalRepository(folder, manifest.did or LOCAL_DID)
    from atpub.repository.pds import PLC, connect

    pds = target.pds or os.environ.get("ATPUB_PDS") or manifest.pds
    repository = connect(account, pds=pds, plc=os.environ.get("ATPUB_PLC") or PLC, password=_password)
    if manifest.did and repository.did != manifest.did:
        raise Usage(f"{account} is {repository.did}, and the manifest's `did` is {manifest.did}")
    return account, repository


def _password() -> str | None:
    given = os.environ.get("ATPUB_PASSWORD")
    if given or not sys.stdin.isatty():
        return given
    asked = click.prompt("Password (an app password will do)", hide_input=True, err=True)
    return str(asked)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, the repository that it is for, and the facts that have its blobs' bytes."""

    plan: Plan
    repository: Repository
    facts: Facts


def prepare(manifest: Manifest, target: Target, options: Options, *, reproducible: bool = False) -> Prepared:
    """The plan of a manifest for its account; tells warnings on the way."""
    facts = read_facts(manifest)
    account, repository = open_repository(manifest, target)
    desired, warnings = build_desired(manifest, facts, repository.did)
    tell_warnings(warnings)
    live = read_live(repository, {collection_of(entry) for entry in manifest.entries.values()})
    plan = make_plan(
        desired,
        live,
        project=manifest.project,
        account=account,
        now=_now(reproducible=reproducible),
        policy=manifest.policy,
        options=options,
        warnings=warnings,
    )
    return Prepared(plan, repository, facts)


def judge(manifest: Manifest) -> tuple[tuple[Desired, ...], tuple[Problem, ...]]:
    """The manifest's records and warnings, without a repository; raises InvalidInput."""
    return build_desired(manifest, read_facts(manifest), manifest.did or LOCAL_DID)


def tell_warnings(warnings: tuple[Problem, ...]) -> None:
    """Show what is doubtful, though not wrong."""
    if warnings:
        tell(problems_text(warnings, style_for(sys.stderr)))


def _now(*, reproducible: bool) -> datetime:
    if not reproducible:
        return datetime.now(UTC)
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch.isdigit():
        raise Usage("--reproducible needs SOURCE_DATE_EPOCH: the time in seconds since 1970")
    return datetime.fromtimestamp(int(epoch), UTC)
