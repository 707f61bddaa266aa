"""An account and the login that a run would use, as text and as JSON."""

from __future__ import annotations

from typing import Final

from atpub.atproto.data import JsonObject
from atpub.login.model import AccountStatus, LoginSource
from atpub.report.problems import FORMAT_VERSION
from atpub.report.style import BOLD, GREEN, PLAIN, RED, Style

_LOGINS: Final[dict[LoginSource, str]] = {
    "nothing": "not needed",
    "environment": "the password in ATPUB_PASSWORD",
    "session": "the session in {path}",
    "keyring": "the password in the system's keyring",
    "question": "a password prompt; run atpub login to store a session",
    "none": "none: run atpub login, or set ATPUB_PASSWORD",
}


def account_text(status: AccountStatus, style: Style = PLAIN) -> str:
    """Return the account, its server and the login, one per line."""
    login = _LOGINS[status.login.way].format(path=status.login.path)
    if status.login.is_sealed:
        login += ", with its key in the system's keyring"
    if status.login.way == "session":
        login += f": {status.login.trouble or 'good'}"
    scope = [] if status.login.scope is None else [f"scope    {style(status.login.scope)}"]
    return "\n".join(
        (
            f"account  {style(status.account, BOLD)}",
            f"did      {style(status.did)}",
            f"server   {style(status.server)}",
            f"login    {style(login, GREEN if status.login.is_good else RED)}",
            *scope,
        )
    )


def account_json(status: AccountStatus) -> JsonObject:
    """Return the account and the login as JSON."""
    login = status.login
    details: JsonObject = {
        "way": login.way,
        "good": login.is_good,
        "trouble": login.trouble or None,
        "path": login.path,
    }
    if login.scope is not None:
        details["scope"] = login.scope
        details["sealed"] = login.is_sealed
    return {
        "format_version": FORMAT_VERSION,
        "account": status.account,
        "did": status.did,
        "handle": status.handle,
        "server": status.server,
        "login": details,
    }
