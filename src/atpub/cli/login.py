"""`atpub login`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from atpub.cli.options import TargetOptions, manifest_options, target_options

if TYPE_CHECKING:
    from atpub.atproto.auth.session_store import SessionStore, SessionTokens
    from atpub.cli.account import Account


@click.command("login")
@manifest_options
@target_options
@click.option("--keyring", is_flag=True, help="Let the system's keyring keep the password, too.")
def command(
    manifests: tuple[str, ...], environment: str | None, account: str | None, pds: str | None, *, keyring: bool
) -> int:
    """Log in to an account's server, and keep the session for later runs.

    Asks for the password, or takes it from ATPUB_PASSWORD; an app password is enough. What is kept is the session, in a
    file that only you can read, and not the password. It renews itself; one that is not used for months ends.

    A manifest is not needed where the account is named.
    """
    # Help does not wait for these.
    from atpub.cli.account import find_remote, looked_up, require_sessions
    from atpub.cli.credentials import keep_in_keyring, require_keyring
    from atpub.cli.output import print_data

    where = find_remote(manifests, TargetOptions(account, pds, environment))
    sessions = require_sessions()
    if keyring:
        require_keyring()
    with looked_up(where) as found:
        password = _password(found)
        opened = _log_in(found, password)
        _keep(opened, sessions, found)
        if keyring:
            keep_in_keyring(opened.did, {opened.login, opened.server}, password)
    print_data(f"Logged in to {opened.server} as {opened.handle} ({opened.did}).")
    kept = "the system's keyring keeps the password" if keyring else "the password is not kept"
    print_data(f"The session is in {sessions.path(opened.did)}; {kept}.")
    return 0


def _password(account: Account) -> str:
    from atpub.atproto.xrpc.client import XrpcClient
    from atpub.cli.credentials import ask_password, from_environment
    from atpub.errors import AuthenticationFailed

    XrpcClient(account.identity.pds, account.http).require_privacy()  # before anything is typed
    password = from_environment() or ask_password(account.shown, account.identity.pds)
    if not password:
        hint = "log in at a terminal, or set ATPUB_PASSWORD, best to an app password made for this"
        raise AuthenticationFailed(f"a password is needed to log in as {account.shown}", hint=hint)
    return password


def _log_in(account: Account, password: str) -> SessionTokens:
    """A new session; asks for the code that the server sends by mail, where it does and there is a terminal."""
    from atpub.atproto.auth.session import log_in
    from atpub.atproto.xrpc.client import XrpcClient
    from atpub.atproto.xrpc.errors import CodeNeeded
    from atpub.cli.credentials import ask_code

    xrpc = XrpcClient(account.identity.pds, account.http)
    try:
        return log_in(xrpc, account.identity.did, password)
    except CodeNeeded:
        code = ask_code()
        if not code:
            raise
    return log_in(xrpc, account.identity.did, password, code)


def _keep(opened: SessionTokens, sessions: SessionStore, account: Account) -> None:
    """Keep a session in place of an older one, which ends."""
    from atpub.atproto.auth.session import log_out
    from atpub.errors import AtpubError

    with sessions.locked(opened.did):
        older = sessions.read(opened.did, exposed=True)
        sessions.write(opened)
    if older is not None:
        with suppress(AtpubError):  # it ends by itself
            log_out(account.http, older)
