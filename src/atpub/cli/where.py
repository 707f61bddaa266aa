"""Which repository a command is about: named by flags, the environment and the manifest, in this order."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from atpub.cli.options import Target
from atpub.cli.output import is_terminal
from atpub.errors import Usage
from atpub.manifest.model import Manifest
from atpub.repository.interface import Repository
from atpub.state import LOCAL_DID
from atpub.syntax import Did


@dataclass(frozen=True, slots=True)
class Where:
    """A repository: its account, the DID that it must have, and its folder or its PDS, where they are known."""

    account: str
    did: Did | None = None
    pds: str | None = None
    folder: Path | None = None


def find(manifest: Manifest, target: Target) -> Where:
    """Where a manifest's records go; raises Usage where there is no account."""
    account = target.account or os.environ.get("ATPUB_ACCOUNT") or manifest.account
    if not account:
        hint = "try it first with --account local; then with your handle, or `account:` in the manifest"
        raise Usage("no account is given", hint=hint)
    if is_local(account):
        named = account.partition(":")[2]
        return Where(account, manifest.did, folder=Path(named) if named else manifest.folder / ".atpub" / "local")
    return Where(account, manifest.did, target.pds or os.environ.get("ATPUB_PDS") or manifest.pds)


def is_local(account: str) -> bool:
    """Whether an account is a repository in a folder."""
    return account == "local" or account.startswith("local:")


def open_repository(where: Where) -> Repository:
    """The repository, nothing of it read yet; raises Usage where it is another identity's."""
    if where.folder is not None:
        from atpub.repository.local import LocalRepository  # brings SQLite, which a PDS needs not

        return LocalRepository(where.folder, where.did or LOCAL_DID)
    from atpub.repository.pds import PLC, connect  # brings httpx, which a local repository needs not

    cache, plc = cache_folder(), os.environ.get("ATPUB_PLC") or PLC
    repository = connect(where.account, pds=where.pds, plc=plc, password=_password, cache=cache and cache / "live")
    if where.did and repository.did != where.did:
        hint = "correct one of them: the `did` is there to keep a manifest from going to another account"
        raise Usage(f"{where.account} is {repository.did}, and the manifest's `did` is {where.did}", hint=hint)
    return repository


def cache_folder() -> Path | None:
    """Where measured files and what was read of repositories are remembered between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "atpub"
    except RuntimeError:  # no home: nothing is remembered
        return None


def _password() -> str | None:
    given = os.environ.get("ATPUB_PASSWORD")
    if given or not is_terminal(sys.stdin):
        return given
    asked = click.prompt("Password (an app password will do)", hide_input=True, err=True)
    return str(asked)
