"""Login and logout: open a session and store it, end it and remove it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from atpub.atproto.auth.session import log_in as create_session
from atpub.atproto.auth.session import log_out as delete_session
from atpub.atproto.auth.session_store import SessionStore, SessionTokens, StoredSession
from atpub.atproto.xrpc.errors import CodeNeeded
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.errors import AtpubError, AuthenticationFailed, KeyringUnavailable, RepositoryError, Unavailable
from atpub.login import keyring
from atpub.login.account import RemoteAccount, confirm_server, look_up
from atpub.login.credentials import Credentials
from atpub.login.model import EndedSession, LogoutResult, OpenedSession
from atpub.target import Target


def log_in(target: Target, credentials: Credentials, *, use_keyring: bool = False) -> OpenedSession:
    """Open a session of an account and store it; `use_keyring` stores the password in the system's keyring, too.

    Raises Usage if there is no place for the session or the password, AuthenticationFailed without a password or with a
    wrong one, and whatever looking up the account raises.
    """
    sessions = credentials.require_sessions()
    if use_keyring:
        keyring.require_keyring()
    with look_up(target, credentials.environ) as account:
        confirm_server(target, account.identity.did, credentials.environ)
        password = _require_password(account, credentials)
        tokens = _open_session(account, password, credentials)
        store_session(tokens, sessions, account.http)
        if use_keyring:
            keyring.write_password(tokens.did, {tokens.login, tokens.server}, password)
    return OpenedSession(tokens.did, tokens.handle, tokens.server, sessions.path(tokens.did))


def _require_password(account: RemoteAccount, credentials: Credentials) -> str:
    account.xrpc.require_privacy()  # before the user types anything
    password = credentials.from_environment() or credentials.from_question(account.label, account.identity.pds)
    if not password:
        hint = "log in at a terminal, or set ATPUB_PASSWORD, preferably to an app password created for this"
        raise AuthenticationFailed(f"a password is needed to log in as {account.label}", hint=hint)
    return password


def _open_session(account: RemoteAccount, password: str, credentials: Credentials) -> SessionTokens:
    """Open a session; ask for the code that the server sends by mail, if the server requires one."""
    try:
        return create_session(account.xrpc, account.identity.did, password)
    except CodeNeeded:
        code = credentials.ask_code()
        if not code:
            raise
    return create_session(account.xrpc, account.identity.did, password, code)


def store_session(tokens: SessionTokens, sessions: SessionStore, http: HttpClient) -> None:
    """Store a session in place of an older one, and end the older one."""
    with sessions.locked(tokens.did):
        found, older = sessions.find(tokens.did, exposed=True), None
        with suppress(KeyringUnavailable):  # what cannot be read cannot be ended
            older = sessions.read(tokens.did, exposed=True)
        sessions.write(tokens)
    with suppress(AtpubError):  # an unused session expires
        if found and found.seal:
            keyring.remove_seal(found.seal)
    with suppress(AtpubError):
        if older is not None:
            delete_session(http, older)


def log_out(target: Target, credentials: Credentials) -> LogoutResult:
    """End the stored session of an account, at its server and here, and remove its secrets from the keyring.

    Without a session, only the password is removed. Raises Unavailable if the server did not end the session, and
    KeyringUnavailable, without removing anything, if its tokens cannot be read.
    """
    sessions = credentials.require_sessions()
    stored = sessions.find_named(target.account, exposed=True)
    if stored is None:
        return LogoutResult(forgotten=_forget_password(target, credentials.environ))
    forgotten = keyring.remove_passwords(stored.did, {stored.login, stored.server})
    _end_session(stored, sessions)
    ended = EndedSession(stored.did, stored.handle, stored.server)
    return LogoutResult(ended, stored.handle if forgotten else None)


def _end_session(stored: StoredSession, sessions: SessionStore) -> None:
    """End a session; its file and its key are removed even if the server fails."""
    with sessions.locked(stored.did):
        newest = sessions.find(stored.did, exposed=True) or stored
        tokens = sessions.read(stored.did, exposed=True)
        sessions.remove(stored.did)
        try:
            _revoke(tokens, newest)
        finally:
            if newest.seal:
                keyring.remove_seal(newest.seal)


def _revoke(tokens: SessionTokens | None, stored: StoredSession) -> None:
    """End a session at its server; raises Unavailable if the server does not, or the tokens are damaged."""
    try:
        if tokens is None:
            raise AuthenticationFailed("its tokens cannot be read")
        with new_client() as client:
            delete_session(HttpClient(client), tokens)
    except (RepositoryError, AuthenticationFailed) as error:
        hint = "it expires in a few months; deleting its app password ends it at once"
        if stored.scope is not None:
            hint = f"it expires within weeks; the settings of your account at {stored.login} can end it at once"
        message = f"the session was removed here, but the server did not end it: {error.message}"
        raise Unavailable(message, hint=hint) from None


def _forget_password(target: Target, environ: Mapping[str, str]) -> str | None:
    """Remove an account's password from the keyring; return the account if there was a password."""
    if not keyring.has_keyring():
        return None
    with look_up(target, environ) as account:
        removed = keyring.remove_passwords(account.identity.did, {account.identity.pds})
        return account.label if removed else None
