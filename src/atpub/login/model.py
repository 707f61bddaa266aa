"""The results of login, logout and whoami, as values that a report can show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

VARIABLE: Final = "ATPUB_PASSWORD"
"""The environment variable that holds a password."""

LoginSource: TypeAlias = Literal["nothing", "environment", "session", "keyring", "question", "none"]
"""Where the credentials come from: `nothing` means that none are needed, `none` that there are none."""


@dataclass(frozen=True, slots=True)
class LoginStatus:
    """The login of a run: its source, whether it is usable as far as is known, the trouble, and a session's file.

    An OAuth session has a scope; one that `is_sealed` has its key in the system's keyring.
    """

    way: LoginSource
    is_good: bool
    trouble: str = ""
    path: str | None = None
    scope: str | None = None
    is_sealed: bool = False


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """An account by the name it was given, its DID and handle, its server's URL or its folder, and its login."""

    account: str
    did: str
    handle: str | None
    server: str
    login: LoginStatus


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session that was opened: its account and server, the file that it is stored in, and the scope with OAuth."""

    did: str
    handle: str
    server: str
    file: Path
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that was ended: its account and server."""

    did: str
    handle: str
    server: str


@dataclass(frozen=True, slots=True)
class LogoutResult:
    """The outcome of a logout: the ended session, and the account whose password left the keyring, if any."""

    ended: EndedSession | None = None
    forgotten: str | None = None
