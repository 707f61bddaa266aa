"""The repository that a command is about, opened with the credentials and caches of this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from atpub.atproto.syntax import AtUri
from atpub.cli.options import environ
from atpub.cli.output import is_terminal
from atpub.cli.streams import undisturbed
from atpub.desired import read_manifest, usual_paths
from atpub.errors import Refused, Usage
from atpub.manifest.model import Manifest
from atpub.report.escape import escape_terminal
from atpub.repository.interface import BlobJournal, MemoryJournal, Repository
from atpub.repository.model import LOCAL_DID
from atpub.target import Target, require_target
from atpub.user_folders import cache_folder, state_folder

if TYPE_CHECKING:  # it imports httpx, which a repository in a folder does not need
    from atpub.login.credentials import Credentials
    from atpub.repository.applied import AppliedRecords


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """The account, PDS and environment that options name; the environment and the manifest fill in the rest."""

    account: str | None
    pds: str | None
    environment: str | None

    def repeat(self, manifests: Sequence[str]) -> list[str]:
        """Return the options that name the same manifests and account to another command."""
        given = {"--env": self.environment, "--account": self.account, "--pds": self.pds}
        named = [(name, value) for name, value in given.items() if value]
        return [word for option in (*(("-m", path) for path in manifests), *named) for word in option]


def find_target(manifest: Manifest | None, options: TargetOptions) -> Target:
    """Return the repository that options, environment and manifest name; raises Usage if they name none."""
    return require_target(manifest, options.account, options.pds, os.environ)


def named_target(options: TargetOptions) -> Target | None:
    """Return the repository that options and environment name, if they name an account."""
    return Target.resolve(None, options.account, options.pds, os.environ)


def find_manifest(manifests: tuple[str, ...], options: TargetOptions) -> Manifest | None:
    """Read the manifest that options name, or that is here; None where an account alone is named, or none is here."""
    if manifests or options.environment or (options.account is None and usual_paths()):
        return read_manifest(manifests, options.environment, environ())
    return None


def find_account(manifests: tuple[str, ...], options: TargetOptions) -> Target:
    """Return the account that options and environment name, else the manifest's; raises Usage if there is none."""
    named = named_target(options)
    if named and not (manifests or options.environment):
        return named
    try:
        return find_target(read_manifest(manifests, options.environment, environ()), options)
    except Usage as error:
        raise Usage(error.message, hint="name the account, --account HANDLE, or the manifest, -m PATH") from None


def find_remote(manifests: tuple[str, ...], options: TargetOptions) -> Target:
    """Return such an account on a server; raises Usage for a repository in a folder."""
    target = find_account(manifests, options)
    if target.folder is not None:
        hint = "to log in to another account, name it: --account HANDLE"
        raise Usage(f"{target.account} is a repository in a folder, which needs no login", hint=hint)
    return target


def open_repository(target: Target, *, remember: bool = False) -> Repository:
    """Open a repository, without reading from it; raises Refused if it has another DID than the target must have.

    Commands that only read may `remember` the account's identity and server; commands that write look them up.
    """
    if target.folder is not None:
        from atpub.repository.local import LocalRepository  # SQLite

        return LocalRepository(target.folder, target.did or LOCAL_DID)
    from atpub.atproto.identity.handles import ResolverConfig
    from atpub.login.account import confirm_server
    from atpub.repository.pds import connect  # httpx

    credentials, cache = this_machine(), cache_folder()

    def find_password() -> str | None:
        confirm_server(target, repository.did, os.environ)
        return credentials.find_password(repository.did, repository.url)

    repository = connect(
        target.account,
        pds=target.pds,
        config=ResolverConfig.of(os.environ),
        password=find_password,
        sessions=credentials.usable_sessions(),
        identity_cache=cache if remember else None,
        cache=cache and cache / "live",
    )
    try:
        target.check(repository.did)
    except Refused:
        repository.close()
        if not remember:
            raise
        return open_repository(target)  # the handle may have moved since it was remembered
    return repository


def open_journal(target: Target, repository: Repository) -> BlobJournal:
    """Return the journal of uploads to a target's repository; a folder needs none that outlives the run."""
    if target.folder is not None:
        return MemoryJournal()
    from atpub.repository.pds import PdsRepository, open_journal  # httpx

    assert isinstance(repository, PdsRepository)
    return open_journal(repository, cache_folder())


def applied_records() -> AppliedRecords:
    """Return the store of applied records in the folder of caches."""
    from atpub.repository.applied import AppliedRecords  # SQLite

    return AppliedRecords(cache_folder())


def this_machine() -> Credentials:
    """Return the credentials of this machine and its terminal."""
    from atpub.login.credentials import Credentials

    return Credentials(os.environ, state_folder(), _ask_password, _ask_code, is_terminal(sys.stdin))


def _ask_password(account: str, server: str) -> str | None:
    """Ask for a password on the terminal and name its destination; return None without a terminal."""
    if not is_terminal(sys.stdin):
        return None
    question = f"Password of {account} at {server} (an app password is enough)"
    with undisturbed():
        return str(click.prompt(escape_terminal(question), hide_input=True, err=True))


def _ask_code() -> str | None:
    """Ask for the code that the server has sent by mail; return None without a terminal."""
    if not is_terminal(sys.stdin):
        return None
    with undisturbed():
        return str(click.prompt("The code sent to you by mail", err=True)).strip()


@contextmanager
def opening(
    folder: Path | None, pds: str | None, environ: Mapping[str, str] = os.environ
) -> Generator[Callable[[AtUri], Repository]]:
    """Give a function that opens the repository of a URI, to be read: all are closed at the end.

    `folder` is that of the local repository, and `pds` the server of all others, if they are named.
    """

    def opened(at: AtUri) -> Repository:
        target = Target.of_authority(at.authority, pds, folder, environ)
        found = stack.enter_context(closing(open_repository(target, remember=True)))
        target.check_exists(found)
        return found

    with ExitStack() as stack:
        yield opened
