"""Opening the repository of an account: who it is, where its server is, and how to log in there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from atpub.atproto.auth.session import Session
from atpub.atproto.auth.session_store import SessionStore
from atpub.atproto.identity.cache import IdentityCache, lookup
from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.resolve import Identity
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.repository.pds.records import newest_commit
from atpub.repository.pds.repository import PdsRepository


def connect(
    account: str,
    *,
    pds: str | None = None,
    config: ResolverConfig | None = None,
    password: str | Callable[[], str | None] | None = None,
    sessions: SessionStore | None = None,
    identity_cache: Path | None = None,
    cache: Path | None = None,
    http: HttpClient | None = None,
) -> PdsRepository:
    """Return the repository of an account, a handle or DID, on the server of its identity (or at the URL `pds`).

    A stored session takes precedence over the password; neither is used before the first write. `identity_cache` is a
    folder that keeps identities for an hour, `cache` one that keeps what was read. The repository owns `http`: it is
    closed with it, or at once where this fails. Raises Usage, RepositoryNotFound or Unavailable.
    """
    client = http or HttpClient(new_client())
    ask_password = password if callable(password) else lambda: password
    try:
        identity, head = lookup(
            account,
            client,
            pds=pds,
            config=config or ResolverConfig(),
            cache=IdentityCache(identity_cache, client.clock) if identity_cache else None,
            confirm=lambda known: newest_commit(XrpcClient(known.pds, client), known.did),
        )
        server = _own_server(identity, sessions) if pds else identity.pds
    except BaseException:
        client.close()
        raise
    xrpc = XrpcClient(server, client)
    session = Session(xrpc, identity.did, ask_password, sessions)
    return PdsRepository(identity.did, xrpc, session, cache, head if server == identity.pds else None)


def _own_server(identity: Identity, sessions: SessionStore | None) -> str:
    """Return the account's own server, where the one that the user names is known to be for logging in alone."""
    stored = sessions.find(identity.did) if sessions else None
    return stored.server if stored and stored.login == identity.pds else identity.pds
