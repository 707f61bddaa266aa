"""A login that any number of threads share (AT Protocol specification: HTTP API, "Authentication")."""

from __future__ import annotations

import base64
import json
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeAlias, TypeVar

from atpub.atproto.auth.access import Access, is_token
from atpub.atproto.auth.oauth.scopes import OAuthScope
from atpub.atproto.auth.session_store import SessionStore, SessionTokens, StoredSession
from atpub.atproto.identity.resolve import server_named
from atpub.atproto.runtime import Nothing
from atpub.atproto.syntax import Did
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.errors import printable
from atpub.atproto.xrpc.http import HttpClient
from atpub.errors import (
    AtpubWarning,
    AuthenticationFailed,
    AuthorizationMismatch,
    InsufficientScope,
    RepositoryNotFound,
    SessionStoreError,
)
from atpub.generated.com.atproto.server import create_session, delete_session, get_session, refresh_session
from atpub.generated.com.atproto.server.create_session import CreateSessionOutput
from atpub.generated.com.atproto.server.refresh_session import RefreshSessionOutput
from atpub.redact import hide

T = TypeVar("T")
Password: TypeAlias = Callable[[], str | None]

_SKEW: Final = 10  # seconds


class Session:
    """A login that is made when a token is first needed, and renewed when the server refuses that token.

    A stored session takes precedence over the password, and is stored again when it is renewed.
    """

    def __init__(self, xrpc: XrpcClient, did: Did, password: Password, store: SessionStore | None = None) -> None:
        self._xrpc = xrpc
        self._did = did
        self._password = password
        self._store = store
        self._tokens: SessionTokens | None = None
        self._refusal: AuthenticationFailed | None = None
        self._lock = threading.Lock()

    def authorized(self, send: Callable[[Access], T]) -> T:
        """Return what `send` returns for an access token; call it once more if the server refuses the first one.

        Raises AuthenticationFailed where there is no password, or the server does not take it.
        """
        tokens = self._renew(None)
        try:
            return send(access_of(tokens))
        except InsufficientScope:  # a new token would permit no more
            raise
        except AuthenticationFailed:
            pass
        return send(access_of(self._renew(tokens)))

    def scope(self) -> OAuthScope | None:
        """Return what the session permits: of an OAuth session, its scope; else None, and all is permitted."""
        if self._tokens is not None:
            return OAuthScope.parse(self._tokens.grant.scope) if self._tokens.grant else None
        stored = self._find_stored()
        return OAuthScope.parse(stored.scope) if stored and stored.scope is not None else None

    def open(self) -> SessionTokens:
        """Return the session, and open one if there is none; raises AuthenticationFailed."""
        return self._renew(None)

    def resume(self, tokens: SessionTokens) -> None:
        """Go on with a session that was opened elsewhere."""
        self._tokens = tokens

    def _renew(self, refused: SessionTokens | None) -> SessionTokens:
        """Return a session other than the one that was refused: one thread renews it, and the others find it here."""
        with self._lock:
            if self._refusal is not None:  # the same password again would only count against the rate limit
                raise AuthenticationFailed(self._refusal.message, hint=self._refusal.hint)
            try:
                if self._tokens is None:
                    self._tokens = self._first()
                elif refused is self._tokens:
                    self._tokens = self._next(self._tokens)
            except AuthenticationFailed as error:
                self._refusal = error
                raise
            return self._tokens

    def _first(self) -> SessionTokens:
        stored = self._read_store()
        if stored is None:
            return self._login()
        return self._next(stored) if self._has_expired(stored) else stored

    def _next(self, refused: SessionTokens) -> SessionTokens:
        """Return a session in place of the one that was refused: another process's, or a new one."""
        if self._store is None or self._find_stored() is None:
            return self._refresh(refused) or self._login()
        try:
            with self._store.locked(self._did):
                newer = self._renew_stored(refused, self._store)
        except SessionStoreError as error:  # a session that cannot be locked could not be stored either
            self._go_alone(error)
            newer = self._refresh(refused)
        return newer or self._login()

    def _renew_stored(self, refused: SessionTokens, store: SessionStore) -> SessionTokens | None:
        """Return another process's newer session, else this one with new tokens, stored; None where it has ended."""
        stored = self._read_store() or refused
        if stored.access != refused.access and not self._has_expired(stored):
            return stored
        renewed = self._refresh(stored)
        if renewed is not None:
            try:
                store.write(renewed)
            except SessionStoreError as error:
                self._go_alone(error)
        return renewed

    def _go_alone(self, error: SessionStoreError) -> None:
        """Go on with a session that this run alone knows: what it is about to write matters more."""
        self._store = None
        message = f"{error.message}; this run goes on, and the next one may have to log in again"
        warnings.warn(message, AtpubWarning, stacklevel=2)

    def _read_store(self) -> SessionTokens | None:
        """Return the stored session for this account and its server: no other server gets to see it."""
        return self._store.read(self._did, self._xrpc.base) if self._store else None

    def _find_stored(self) -> StoredSession | None:
        return self._store.find(self._did, self._xrpc.base) if self._store else None

    def _login(self) -> SessionTokens:
        """Return a session for the password; raises AuthenticationFailed, also where an OAuth session has ended."""
        self._xrpc.require_privacy()
        stored = self._find_stored()
        if stored is not None and stored.scope is not None:  # its owner has chosen to give no password
            message = f"the OAuth login of {stored.handle} has ended"
            raise AuthenticationFailed(message, hint="log in again: atpub login --oauth")
        password = self._password()
        if not password:
            ended = "the stored session has ended, and " if stored else ""
            raise AuthenticationFailed(
                f"{ended}a password is needed to write to {self._did}",
                hint="run atpub login, or set ATPUB_PASSWORD, preferably to an app password made for this",
            )
        self._store = None  # from here on the run has a session of its own
        return log_in(self._xrpc, self._did, password)

    def _refresh(self, tokens: SessionTokens) -> SessionTokens | None:
        """Return the session with new tokens; None where the server ends it."""
        try:
            return refresh(self._xrpc.http, tokens)
        except AuthorizationMismatch:
            raise
        except AuthenticationFailed:
            return None

    def _has_expired(self, tokens: SessionTokens) -> bool:
        """Whether the access token is known to be too old, so that nothing need be sent to find out."""
        end = tokens.grant.expires if tokens.grant else _expiry(tokens.access)
        return end is not None and end < self._xrpc.http.clock() + _SKEW


def log_in(xrpc: XrpcClient, did: Did, password: str, code: str | None = None) -> SessionTokens:
    """Return a session of an account (com.atproto.server.createSession); `code` is the one that came by mail.

    Raises AuthenticationFailed, its subclass CodeNeeded, RateLimited or Unavailable.
    """
    xrpc.require_privacy()
    hide(password)
    _require_text(password)
    login = create_session.CreateSessionInput(identifier=did, password=password, auth_factor_token=code)
    return _parse_tokens(did, xrpc.base, xrpc.procedure(create_session.METHOD, login))


def refresh(http: HttpClient, tokens: SessionTokens) -> SessionTokens:
    """Return the session with new tokens (com.atproto.server.refreshSession, or OAuth), from where it was opened.

    Raises AuthenticationFailed where it is over.
    """
    if tokens.grant is not None:
        from atpub.atproto.auth.oauth import session as oauth  # cryptography, which other sessions do not need

        return oauth.refresh(http, tokens, tokens.grant)
    hide(tokens.access, tokens.refresh)
    access = Access(tokens.login, tokens.refresh)
    output = XrpcClient(tokens.login, http).procedure(refresh_session.METHOD, Nothing(), access)
    return _parse_tokens(tokens.did, tokens.login, output)


def log_out(http: HttpClient, tokens: SessionTokens) -> None:
    """End a session (com.atproto.server.deleteSession, or OAuth); one that is over already will do.

    Raises Unavailable, and for an OAuth session AuthenticationFailed.
    """
    if tokens.grant is not None:
        from atpub.atproto.auth.oauth import session as oauth  # cryptography

        oauth.log_out(http, tokens, tokens.grant)
        return
    hide(tokens.access, tokens.refresh)
    access = Access(tokens.login, tokens.refresh)
    with suppress(AuthenticationFailed):
        XrpcClient(tokens.login, http).procedure(delete_session.METHOD, Nothing(), access)


def account_of(xrpc: XrpcClient, access: Access) -> get_session.GetSessionOutput:
    """Return what the server knows of a session's account (com.atproto.server.getSession)."""
    return xrpc.query(get_session.METHOD, Nothing(), access)


def access_of(tokens: SessionTokens) -> Access:
    """Return the access that a session gives."""
    if tokens.grant is not None:
        from atpub.atproto.auth.oauth import session as oauth  # cryptography

        return oauth.access_of(tokens, tokens.grant)
    hide(tokens.access, tokens.refresh)
    return Access(tokens.server, tokens.access)


def _parse_tokens(did: Did, login: str, output: CreateSessionOutput | RefreshSessionOutput) -> SessionTokens:
    """Return the session in an answer, with the server that the account's own document names: requests go there."""
    hide(output.access_jwt, output.refresh_jwt)
    if output.did != did:
        raise AuthenticationFailed(f"{login} opened a session for {printable(output.did)}, not for {did}")
    if not (is_token(output.access_jwt) and is_token(output.refresh_jwt)):
        raise AuthenticationFailed(f"{login} gave a token that no request can carry", hint=f"is {login} a PDS?")
    server = login
    if output.did_doc and output.did_doc.get("id") == did:
        with suppress(RepositoryNotFound):  # the document names none: the account is where it was logged in at
            server = server_named(did, output.did_doc)
    return SessionTokens(did, output.handle, login, server, output.access_jwt, output.refresh_jwt)


def _require_text(password: str) -> None:
    """Raise AuthenticationFailed where the environment gave bytes that are not UTF-8."""
    try:
        password.encode()
    except UnicodeEncodeError:
        raise AuthenticationFailed("the password is not valid text", hint="set ATPUB_PASSWORD in UTF-8") from None


def _expiry(token: str) -> float | None:
    """When a token ends, in seconds since 1970, where it is a JWT that says so (RFC 7519: exp)."""
    try:
        part = token.split(".")[1]
        match json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))):
            case {"exp": int() | float() as end}:
                return float(end)
            case _:
                return None
    except (ValueError, IndexError, RecursionError):
        return None
