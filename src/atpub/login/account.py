"""Remote accounts: an account that was looked up, and the HTTP client for its server."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.resolve import Identity, resolve
from atpub.atproto.syntax import Did
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import base_url, new_client
from atpub.errors import RepositoryError, UnconfirmedServer
from atpub.target import Target


@dataclass(frozen=True, slots=True)
class RemoteAccount:
    """An account that was looked up, and the way to servers."""

    identity: Identity
    http: HttpClient

    @property
    def label(self) -> str:
        """The handle and DID, for messages."""
        handle = self.identity.handle
        return f"{handle} ({self.identity.did})" if handle else self.identity.did

    @property
    def xrpc(self) -> XrpcClient:
        """A client of the account's own server."""
        return XrpcClient(self.identity.pds, self.http)


@contextmanager
def look_up(target: Target, environ: Mapping[str, str]) -> Generator[RemoteAccount]:
    """Look an account up on the network.

    Raises RepositoryNotFound or Unavailable, and Refused if its DID differs from the one that the target must have.
    """
    with new_client() as client:
        http = HttpClient(client)
        identity = resolve(target.account, http, pds=target.pds, config=ResolverConfig.of(environ))
        target.check(identity.did)
        yield RemoteAccount(identity, http)


def confirm_server(target: Target, did: Did, environ: Mapping[str, str]) -> None:
    """Raise UnconfirmedServer if only the manifest says that this account is on the target's server.

    A password goes to the server of the account's identity, or to one that the user names.
    """
    if target.pds is None or not target.is_pds_suggested:
        return
    server, hint = base_url(target.pds), f"remove `pds:` from the manifest, or confirm it: --pds {target.pds}"
    with new_client() as client:
        try:
            identity = resolve(target.account, HttpClient(client), config=ResolverConfig.of(environ))
        except RepositoryError as error:
            message = f"no password is sent to {server}, which only the manifest names: {error.message}"
            raise UnconfirmedServer(message, hint=hint) from None
    if (identity.did, identity.pds) != (did, server):
        message = f"the manifest names the server {server}, and {target.account} is {identity.did} at {identity.pds}"
        raise UnconfirmedServer(f"{message}: no password is sent", hint=hint)
