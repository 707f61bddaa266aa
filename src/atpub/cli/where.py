"""Which repository a command is about: named by flags, the environment and the manifest, in this order."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from atpub.cli.options import Target
from atpub.errors import Refused, Usage
from atpub.folders import cache_folder
from atpub.manifest.model import Manifest
from atpub.repository.interface import Repository
from atpub.state import LOCAL_DID, is_local
from atpub.syntax import Did


@dataclass(frozen=True, slots=True)
class Where:
    """A repository: its account, the DID that it must have, and its folder or its PDS, where they are known."""

    account: str
    did: Did | None = None
    pds: str | None = None
    folder: Path | None = None


def find(manifest: Manifest | None, target: Target) -> Where:
    """Where a manifest's records go, or without one, what flags and the environment name; raises Usage."""
    account = named_account(target) or (manifest and manifest.account)
    if not account:
        hint = "try it first with --account local; then with your handle, or `account:` in the manifest"
        raise Usage("no account is given", hint=hint)
    did = manifest.did if manifest else None
    if is_local(account):
        named = account.partition(":")[2]
        beside = manifest.folder if manifest else Path()
        return Where(account, did, folder=Path(named) if named else beside / ".atpub" / "local")
    return Where(account, did, named_server(target) or (manifest.pds if manifest else None))


def named_account(target: Target) -> str | None:
    """The account that a flag or the environment names."""
    return target.account or os.environ.get("ATPUB_ACCOUNT") or None


def named_server(target: Target) -> str | None:
    """The server that a flag or the environment names."""
    return target.pds or os.environ.get("ATPUB_PDS") or None


def open_repository(where: Where, *, remember: bool = False) -> Repository:
    """The repository, nothing of it read yet; raises Refused where it is another identity's.

    What only looks at it may `remember` who and where the account is; what writes looks that up each time.
    """
    if where.folder is not None:
        from atpub.repository.local import LocalRepository  # brings SQLite, which a PDS needs not

        return LocalRepository(where.folder, where.did or LOCAL_DID)
    from atpub.cli.credentials import find_password, usable_sessions
    from atpub.repository.pds import connect  # brings httpx, which a local repository needs not
    from atpub.repository.pds.handles import Directories

    places, folder = Directories.of(os.environ), cache_folder()
    repository = connect(
        where.account,
        pds=where.pds,
        plc=places.plc,
        resolver=places.resolver,
        dns=places.dns,
        password=lambda: find_password(repository.did, repository.url),
        sessions=usable_sessions(),
        remembered=folder if remember else None,
        cache=folder and folder / "live",
    )
    try:
        require_identity(where, repository.did)
    except Refused:
        repository.close()
        if not remember:
            raise
        return open_repository(where)  # the handle may have moved within the hour
    return repository


def require_identity(where: Where, did: Did) -> None:
    """Raise Refused where an account is another than the one that the manifest, or the saved plan, is for."""
    if where.did and did != where.did:
        hint = "correct one of them: the DID is there to keep records from going to another account"
        raise Refused(f"{where.account} is {did}, and not {where.did} as the manifest or the plan says", hint=hint)
