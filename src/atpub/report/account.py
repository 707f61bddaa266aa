"""An account and how a run would log in to it, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from atpub.atproto.data import JsonObject
from atpub.report.problems import FORMAT_VERSION
from atpub.report.style import BOLD, GREEN, PLAIN, RED, Style

Way: TypeAlias = Literal["nothing", "environment", "session", "keyring", "question", "none"]

_SAID: Final[dict[Way, str]] = {
    "nothing": "none is needed",
    "environment": "the password in ATPUB_PASSWORD",
    "session": "the session in {path}",
    "keyring": "the password in the system's keyring",
    "question": "a password that is asked for; atpub login would keep a session",
    "none": "none: run atpub login, or set ATPUB_PASSWORD",
}


@dataclass(frozen=True, slots=True)
class Login:
    """How a run would log in, whether that is good as far as is known, what is against it, and a session's file."""

    way: Way
    is_good: bool
    trouble: str = ""
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """An account as it was named, its DID and handle, its server's URL or its folder, and its login."""

    account: str
    did: str
    handle: str | None
    server: str
    login: Login


def account_text(shown: Shown, style: Style = PLAIN) -> str:
    """The account, its server and the login, a line each."""
    login = _SAID[shown.login.way].format(path=shown.login.path)
    if shown.login.way == "session":
        login += f": {shown.login.trouble or 'good'}"
    return "\n".join(
        (
            f"account  {style(shown.account, BOLD)}",
            f"did      {shown.did}",
            f"server   {shown.server}",
            f"login    {style(login, GREEN if shown.login.is_good else RED)}",
        )
    )


def account_json(shown: Shown) -> JsonObject:
    """The same as JSON."""
    login = shown.login
    return {
        "format_version": FORMAT_VERSION,
        "account": shown.account,
        "did": shown.did,
        "handle": shown.handle,
        "server": shown.server,
        "login": {"way": login.way, "good": login.is_good, "trouble": login.trouble or None, "path": login.path},
    }
