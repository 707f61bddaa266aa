"""The repository that a command is about, and the way to it: with the credentials and caches of this machine."""

from __future__ import annotations

import os

from atpub.cli.options import TargetOptions
from atpub.errors import Refused, Usage
from atpub.manifest.model import Manifest
from atpub.repository.interface import Repository
from atpub.repository.model import LOCAL_DID
from atpub.target import Target
from atpub.user_folders import cache_folder


def find(manifest: Manifest | None, target: TargetOptions) -> Target:
    """Target a manifest's records go, or without one, what flags and the environment name; raises Usage."""
    found = Target.resolve(manifest, target.account, target.pds, os.environ)
    if found is None:
        hint = "try it first with --account local; then with your handle, or `account:` in the manifest"
        raise Usage("no account is given", hint=hint)
    return found


def named(target: TargetOptions) -> Target | None:
    """What flags and the environment name, if they name an account."""
    return Target.resolve(None, target.account, target.pds, os.environ)


def open_repository(where: Target, *, remember: bool = False) -> Repository:
    """The repository, nothing of it read yet; raises Refused where it is another identity's.

    What only looks at it may `remember` who and where the account is; what writes looks that up each time.
    """
    if where.folder is not None:
        from atpub.repository.local import LocalRepository  # brings SQLite, which a PDS needs not

        return LocalRepository(where.folder, where.did or LOCAL_DID)
    from atpub.atproto.identity.handles import ResolverConfig
    from atpub.cli.credentials import find_password, usable_sessions
    from atpub.repository.pds import connect  # brings httpx, which a local repository needs not

    folder = cache_folder()
    repository = connect(
        where.account,
        pds=where.pds,
        config=ResolverConfig.of(os.environ),
        password=lambda: find_password(repository.did, repository.url),
        sessions=usable_sessions(),
        identity_cache=folder if remember else None,
        cache=folder and folder / "live",
    )
    try:
        where.check(repository.did)
    except Refused:
        repository.close()
        if not remember:
            raise
        return open_repository(where)  # the handle may have moved within the hour
    return repository
