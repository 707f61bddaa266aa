"""OAuth sessions: opened by a code that the browser brings back, renewed, and ended."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from atpub.atproto.auth.access import Access
from atpub.atproto.auth.oauth.metadata import AuthorizationServer, TokenResponse, client_id
from atpub.atproto.auth.oauth.proofs import DpopKey, DpopSigner, Pkce, load_key, random_token
from atpub.atproto.auth.oauth.scopes import OAuthScope
from atpub.atproto.auth.oauth.server import push_request, read_server, request_tokens, revoke_token
from atpub.atproto.auth.session_store import Grant, SessionTokens
from atpub.atproto.identity.resolve import Identity
from atpub.atproto.xrpc.http import HttpClient
from atpub.errors import AuthenticationFailed
from atpub.redact import hide


@dataclass(frozen=True, slots=True)
class Authorization:
    """An authorization that was asked for, and that its account's owner is to confirm at `url`."""

    identity: Identity
    server: AuthorizationServer
    client: str
    redirect: str
    url: str = field(repr=False)
    state: str = field(repr=False)
    pkce: Pkce = field(repr=False)
    key: DpopKey = field(repr=False)


def ask_authorization(
    identity: Identity, server: AuthorizationServer, scope: OAuthScope, redirect: str, hint: str, http: HttpClient
) -> Authorization:
    """Push a request for an authorization; `hint` is the account as its owner writes it.

    Raises UnknownScope, AuthorizationDenied, AuthorizationMismatch or Unavailable.
    """
    client, key, state, pkce = client_id(scope), DpopKey.new(), random_token(), Pkce(random_token())
    fields = {
        "client_id": client,
        "response_type": "code",
        "code_challenge": pkce.challenge,
        "code_challenge_method": "S256",
        "state": state,
        "redirect_uri": redirect,
        "scope": str(scope),
        "login_hint": hint,
    }
    uri = push_request(server, fields, key, http)
    return Authorization(identity, server, client, redirect, server.authorization_url(client, uri), state, pkce, key)


def open_session(asked: Authorization, answer: str, http: HttpClient) -> SessionTokens:
    """Return the session of an authorization, for the code that confirms it.

    Raises AuthorizationDenied, AuthorizationMismatch or Unavailable.
    """
    fields = {
        "grant_type": "authorization_code",
        "code": answer,
        "redirect_uri": asked.redirect,
        "client_id": asked.client,
        "code_verifier": asked.pkce.verifier,
    }
    did = asked.identity.did
    found = request_tokens(asked.server, did, fields, asked.key, http)
    grant = Grant(asked.client, asked.key.pem, str(found.scope), _end(found, http))
    handle = asked.identity.handle or did
    return SessionTokens(did, handle, asked.server.issuer, asked.identity.pds, found.access, found.refresh, grant)


def refresh(http: HttpClient, tokens: SessionTokens, grant: Grant) -> SessionTokens:
    """Return the session with new tokens; raises AuthenticationFailed where it is over."""
    hide(tokens.access, tokens.refresh)
    fields = {"grant_type": "refresh_token", "refresh_token": tokens.refresh, "client_id": grant.client}
    found = request_tokens(read_server(tokens.login, tokens.server, http), tokens.did, fields, _key_of(grant), http)
    renewed = replace(grant, scope=str(found.scope), expires=_end(found, http))
    return replace(tokens, access=found.access, refresh=found.refresh, grant=renewed)


def log_out(http: HttpClient, tokens: SessionTokens, grant: Grant) -> None:
    """End a session at its authorization server; raises Unavailable or AuthenticationFailed."""
    hide(tokens.access, tokens.refresh)
    revoke_token(read_server(tokens.login, tokens.server, http), grant.client, tokens.refresh, _key_of(grant), http)


def access_of(tokens: SessionTokens, grant: Grant) -> Access:
    """Return the access that a session gives: each request shows that it comes from the holder of the key."""
    hide(tokens.access, tokens.refresh)
    return Access(tokens.server, tokens.access, DpopSigner(_key_of(grant), tokens.access))


def _key_of(grant: Grant) -> DpopKey:
    try:
        return load_key(grant.key)
    except ValueError:
        message = "the key of the stored OAuth session is damaged"
        raise AuthenticationFailed(message, hint="log in again: atpub login --oauth") from None


def _end(found: TokenResponse, http: HttpClient) -> float:
    return http.clock() + found.seconds
