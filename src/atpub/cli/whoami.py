"""`atpub whoami`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from atpub.cli.options import TargetOptions, json_option, manifest_options, target_options

if TYPE_CHECKING:
    from atpub.atproto.auth.session_store import SessionStore
    from atpub.cli.account import Account
    from atpub.report.account import Shown
    from atpub.target import Target


@click.command("whoami")
@manifest_options
@target_options
@json_option
def command(
    manifests: tuple[str, ...], environment: str | None, account: str | None, pds: str | None, *, as_json: bool
) -> int:
    """Show the account, its server, and how a run would log in.

    Looks the account up, and asks the server whether a session that login has kept is still good; a password is not
    tried. Exits with 4 where a run could not log in.
    """
    # Help does not wait for these.
    from atpub.cli.account import find_account, looked_up
    from atpub.cli.output import print_data, print_json, style_for
    from atpub.errors import AuthenticationFailed
    from atpub.report.account import account_json, account_text

    where = find_account(manifests, TargetOptions(account, pds, environment))
    if where.folder is not None:
        shown = _local(where)
    else:
        with looked_up(where) as found:
            shown = _remote(where, found)
    if as_json:
        print_json(account_json(shown))
    else:
        print_data(account_text(shown, style_for(sys.stdout)))
    return 0 if shown.login.is_good else AuthenticationFailed.exit_code


def _local(where: Target) -> Shown:
    from contextlib import closing

    from atpub.cli.targets import open_repository
    from atpub.report.account import Login, Shown

    with closing(open_repository(where)) as repository:
        return Shown(where.account, repository.did, None, str(where.folder), Login("nothing", True))


def _remote(where: Target, account: Account) -> Shown:
    """The account, with the way to log in that a run would take: the first that there is."""
    from atpub.cli.credentials import from_environment, from_keyring, usable_sessions
    from atpub.cli.output import is_terminal
    from atpub.report.account import Login, Shown

    identity, sessions = account.identity, usable_sessions()
    kept = sessions.read(identity.did, identity.pds) if sessions else None
    if from_environment():
        login = Login("environment", True)
    elif sessions and kept:
        trouble = _trouble(account, sessions)
        login = Login("session", not trouble, trouble, str(sessions.path(identity.did)))
    elif from_keyring(identity.did, identity.pds):
        login = Login("keyring", True)
    else:
        login = Login("question", True) if is_terminal(sys.stdin) else Login("none", False)
    return Shown(where.account, identity.did, identity.handle, kept.server if kept else identity.pds, login)


def _trouble(account: Account, sessions: SessionStore) -> str:
    """What the server has against the session that is kept, if anything; it is renewed where that is due."""
    from atpub.atproto.auth.session import Session, account_of
    from atpub.atproto.xrpc.client import XrpcClient
    from atpub.atproto.xrpc.errors import printable
    from atpub.errors import AuthenticationFailed

    xrpc = XrpcClient(account.identity.pds, account.http)
    session = Session(xrpc, account.identity.did, lambda: None, sessions)
    try:
        found = session.authorized(lambda access: account_of(XrpcClient(access.server, account.http), access))
    except AuthenticationFailed:
        return "it is over: run atpub login"
    return "" if found.active in (None, True) else f"the account is {printable(found.status or 'not active')}"
