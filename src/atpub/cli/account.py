"""What the commands about accounts share: which account it is, and the way to its server."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from atpub.atproto.auth.session_store import SessionStore
from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.resolve import Identity, resolve
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.cli.credentials import kept_sessions
from atpub.cli.options import TargetOptions
from atpub.cli.targets import find, named
from atpub.errors import Usage
from atpub.pipeline import read_manifest
from atpub.target import Target


@dataclass(frozen=True, slots=True)
class Account:
    """An account that was just looked up, and the way to servers."""

    identity: Identity
    http: HttpClient

    @property
    def shown(self) -> str:
        """The account as people read it."""
        handle = self.identity.handle
        return f"{handle} ({self.identity.did})" if handle else self.identity.did


def find_account(manifests: tuple[str, ...], target: TargetOptions) -> Target:
    """The account that a flag or the environment names, or the manifest's; raises Usage where there is neither."""
    said = named(target)
    if said and not (manifests or target.environment):
        return said
    try:
        return find(read_manifest(manifests, target.environment), target)
    except Usage as error:
        raise Usage(error.message, hint="name the account, --account HANDLE, or the manifest, -m PATH") from None


def find_remote(manifests: tuple[str, ...], target: TargetOptions) -> Target:
    """The same, for an account on a server; raises Usage for a repository in a folder."""
    where = find_account(manifests, target)
    if where.folder is not None:
        raise Usage(f"{where.account} is a repository in a folder: there is nothing to log in to")
    return where


@contextmanager
def looked_up(where: Target) -> Generator[Account]:
    """The account on its server; raises RepositoryNotFound or Unavailable, and Refused where the DID is another's."""
    with new_client() as client:
        http = HttpClient(client)
        identity = resolve(where.account, http, pds=where.pds, config=ResolverConfig.of(os.environ))
        where.check(identity.did)
        yield Account(identity, http)


def require_sessions() -> SessionStore:
    """Target sessions are kept; raises Usage where there is no such place."""
    found = kept_sessions()
    if found is None:
        raise Usage("there is no home folder to keep a session in", hint="set XDG_STATE_HOME to a folder of your own")
    return found
