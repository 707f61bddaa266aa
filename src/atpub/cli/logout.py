"""`atpub logout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from atpub.cli.options import TargetOptions, manifest_options, target_options

if TYPE_CHECKING:
    from atpub.atproto.auth.session_store import SessionStore, SessionTokens
    from atpub.target import Target


@click.command("logout")
@manifest_options
@target_options
def command(manifests: tuple[str, ...], environment: str | None, account: str | None, pds: str | None) -> int:
    """End the session that login has opened, at the server and here.

    A password that the system's keyring keeps for the account is removed, too. To log out twice does no harm.
    """
    # Help does not wait for these.
    from atpub.cli.account import find_remote, require_sessions
    from atpub.cli.output import print_data

    where = find_remote(manifests, TargetOptions(account, pds, environment))
    sessions = require_sessions()
    opened = sessions.of(where.account, exposed=True)
    done = _forget_password(where) if opened is None else _end(opened, sessions)
    print_data(done or f"There is no session of {where.account}.")
    return 0


def _end(opened: SessionTokens, sessions: SessionStore) -> str:
    """End a session; it is forgotten whatever the server says."""
    from atpub.atproto.auth.session import log_out
    from atpub.atproto.xrpc.http import HttpClient
    from atpub.atproto.xrpc.transport import new_client
    from atpub.cli.credentials import remove_from_keyring
    from atpub.errors import RepositoryError, Unavailable

    forgotten = remove_from_keyring(opened.did, {opened.login, opened.server})
    with sessions.locked(opened.did), new_client() as client:
        newest = sessions.read(opened.did, exposed=True) or opened
        sessions.remove(opened.did)
        try:
            log_out(HttpClient(client), newest)
        except RepositoryError as error:
            hint = "it ends by itself in a few months; an app password that is deleted ends its sessions at once"
            raise Unavailable(f"the session is forgotten here, but not ended: {error.message}", hint=hint) from None
    password = " The keyring has forgotten the password." if forgotten else ""
    return f"Logged out of {opened.server}: the session of {opened.handle} ({opened.did}) is ended.{password}"


def _forget_password(where: Target) -> str | None:
    """What is done where no session is kept, but perhaps a password in the keyring."""
    from atpub.cli.account import looked_up
    from atpub.cli.credentials import has_keyring, remove_from_keyring

    if not has_keyring():
        return None
    with looked_up(where) as account:
        if not remove_from_keyring(account.identity.did, {account.identity.pds}):
            return None
        return f"The keyring has forgotten the password of {account.shown}."
