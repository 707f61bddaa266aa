"""The status of an account: its identity, its server, and the way in which a run would log in."""

from __future__ import annotations

from atpub.atproto.auth.session import Session, account_of
from atpub.atproto.auth.session_store import SessionStore
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.errors import printable
from atpub.errors import AuthenticationFailed, AuthorizationMismatch, InsufficientScope, KeyringUnavailable
from atpub.login import keyring
from atpub.login.account import RemoteAccount, look_up
from atpub.login.credentials import Credentials
from atpub.login.model import AccountStatus, LoginStatus
from atpub.target import Target


def read_status(target: Target, credentials: Credentials) -> AccountStatus:
    """Look up an account and find its first usable credentials; no password is tried.

    A stored session is tried, and renewed if it is due. Raises what looking up the account raises.
    """
    with look_up(target, credentials.environ) as account:
        identity, sessions = account.identity, credentials.usable_sessions()
        stored = sessions.find(identity.did, identity.pds) if sessions else None
        if sessions and stored:
            again = "atpub login" if stored.scope is None else "atpub login --oauth"
            trouble, path = _try_session(account, sessions, again), str(sessions.path(identity.did))
            login = LoginStatus("session", not trouble, trouble, path, stored.scope, stored.seal is not None)
        else:
            login = _find_login(account, credentials)
        return AccountStatus(
            target.account, identity.did, identity.handle, stored.server if stored else identity.pds, login
        )


def _find_login(account: RemoteAccount, credentials: Credentials) -> LoginStatus:
    """Find the first source of a password."""
    if credentials.from_environment():
        return LoginStatus("environment", True)
    if keyring.read_password(account.identity.did, account.identity.pds):
        return LoginStatus("keyring", True)
    return LoginStatus("question", True) if credentials.can_ask else LoginStatus("none", False)


def _try_session(account: RemoteAccount, sessions: SessionStore, again: str) -> str:
    """Return the server's objection to the stored session, if there is one; `again` is the command to log in again."""
    session = Session(account.xrpc, account.identity.did, lambda: None, sessions)
    try:
        found = session.authorized(lambda access: account_of(XrpcClient(access.server, account.http), access))
    except (AuthorizationMismatch, KeyringUnavailable) as error:
        return error.message
    except InsufficientScope:  # the session is good: it permits less than to read about the account
        return ""
    except AuthenticationFailed:
        return f"it has expired: run {again}"
    return "" if found.active in (None, True) else f"the account is {printable(found.status or 'not active')}"
