"""Sources of credentials: ATPUB_PASSWORD, the stored session, the system's keyring, a question; in this order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from atpub.atproto.auth.session_store import SessionStore
from atpub.atproto.syntax import Did
from atpub.errors import Usage
from atpub.login import keyring
from atpub.login.model import VARIABLE
from atpub.redact import hide


@dataclass(frozen=True, slots=True)
class Credentials:
    """The sources of passwords and sessions of one run.

    `state` is the folder that holds sessions, if there is one. `ask_password` gets an account and the server that gets
    the password; `ask_code` asks for the code that a server has sent by mail. Both return None if they cannot ask, as
    without a terminal; `can_ask` says so beforehand.
    """

    environ: Mapping[str, str]
    state: Path | None
    ask_password: Callable[[str, str], str | None]
    ask_code: Callable[[], str | None]
    can_ask: bool

    def from_environment(self) -> str | None:
        """Return the password in the environment."""
        return password_in(self.environ)

    def from_question(self, account: str, server: str) -> str | None:
        """Return the password that the user types."""
        password = self.ask_password(account, server)
        hide(password or "")
        return password

    def find_password(self, did: Did, server: str) -> str | None:
        """Return the password of an account at a server; ask for it as the last resort."""
        return self.from_environment() or keyring.read_password(did, server) or self.from_question(did, server)

    def stored_sessions(self) -> SessionStore | None:
        """Return the sessions that `atpub login` has stored."""
        return SessionStore(self.state / "sessions", keyring.read_seal) if self.state else None

    def usable_sessions(self) -> SessionStore | None:
        """Return the sessions that a run may use: none if the environment has a password, which takes precedence."""
        return None if self.from_environment() else self.stored_sessions()

    def require_sessions(self) -> SessionStore:
        """Return the stored sessions; raises Usage if there is no folder for them."""
        sessions = self.stored_sessions()
        if sessions is None:
            raise Usage("there is no home folder to store a session in", hint="set XDG_STATE_HOME to a folder of yours")
        return sessions


def password_in(environ: Mapping[str, str]) -> str | None:
    """Return the password in the environment, without the line break that a file or a command ends with."""
    password = environ.get(VARIABLE, "").rstrip("\r\n") or None
    hide(password or "")
    return password
