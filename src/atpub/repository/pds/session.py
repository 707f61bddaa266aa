"""A login that any number of threads share (AT Protocol specification: HTTP API, "Authentication")."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from atpub.errors import AuthenticationFailed
from atpub.generated.com.atproto.server import create_session, refresh_session
from atpub.lexicon.runtime import Nothing
from atpub.repository.pds.xrpc import Xrpc
from atpub.syntax import Did

T = TypeVar("T")
Password: TypeAlias = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a session stands on: a token for requests, and one for the next pair of tokens."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


class Session:
    """Logs in when a token is first needed, and renews it when the server refuses it."""

    def __init__(self, xrpc: Xrpc, did: Did, password: Password) -> None:
        self._xrpc = xrpc
        self._did = did
        self._password = password
        self._tokens: Tokens | None = None
        self._refusal: AuthenticationFailed | None = None
        self._lock = threading.Lock()

    def authorized(self, send: Callable[[str], T]) -> T:
        """What `send` returns for an access token; it is called once more if the server refuses the first one.

        Raises AuthenticationFailed where there is no password, or the server does not take it.
        """
        tokens = self._renewed(None)
        try:
            return send(tokens.access)
        except AuthenticationFailed:
            pass
        return send(self._renewed(tokens).access)

    def tokens(self) -> Tokens:
        """The tokens of the session, which is opened for that if need be; raises AuthenticationFailed."""
        return self._renewed(None)

    def resume(self, tokens: Tokens) -> None:
        """Go on with a session that was opened elsewhere."""
        self._tokens = tokens

    def _renewed(self, refused: Tokens | None) -> Tokens:
        """Tokens other than those that were refused: one thread renews them, and the others find them here."""
        with self._lock:
            if self._refusal is not None:  # the same password again would only count against the rate limit
                raise AuthenticationFailed(self._refusal.message, hint=self._refusal.hint)
            try:
                if self._tokens is None:
                    self._tokens = self._login()
                elif refused is self._tokens:
                    self._tokens = self._refreshed(self._tokens)
            except AuthenticationFailed as error:
                self._refusal = error
                raise
            return self._tokens

    def _login(self) -> Tokens:
        """New tokens for the password (com.atproto.server.createSession)."""
        self._xrpc.require_privacy()
        password = self._password()
        if not password:
            raise AuthenticationFailed(
                f"a password is needed to write to {self._did}",
                hint="set ATPUB_PASSWORD, best to an app password made for this",
            )
        login = create_session.CreateSessionInput(identifier=self._did, password=password)
        session = self._xrpc.procedure(create_session.METHOD, login)
        self._check(session.did)
        return Tokens(session.access_jwt, session.refresh_jwt)

    def _refreshed(self, tokens: Tokens) -> Tokens:
        """New tokens for the old ones (com.atproto.server.refreshSession), else for the password."""
        try:
            session = self._xrpc.procedure(refresh_session.METHOD, Nothing(), tokens.refresh)
        except AuthenticationFailed:
            return self._login()
        self._check(session.did)
        return Tokens(session.access_jwt, session.refresh_jwt)

    def _check(self, did: str) -> None:
        if did != self._did:
            raise AuthenticationFailed(f"the server opened a session for {did}, not for {self._did}")
