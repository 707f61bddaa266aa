"""Where a password comes from: ATPUB_PASSWORD, the system's keyring, a question on the terminal.

A session that is kept goes before the last two. The keyring is the library `keyring`, an extra: where it is not there,
or finds no keyring of the system, it is as if it held nothing.
"""

from __future__ import annotations

import os
import sys

import click

from atpub.atproto.auth.session_store import SessionStore
from atpub.atproto.syntax import Did
from atpub.atproto.xrpc.redact import hide
from atpub.cli.output import is_terminal
from atpub.errors import Usage
from atpub.user_folders import state_folder

VARIABLE = "ATPUB_PASSWORD"


def from_environment() -> str | None:
    """The password in the environment."""
    given = os.environ.get(VARIABLE) or None
    hide(given or "")
    return given


def find_password(did: Did, server: str) -> str | None:
    """The password of an account, if there is one and a server to give it to; asks for it as the last resort."""
    return from_environment() or from_keyring(did, server) or ask_password(did, server)


def ask_password(account: str, server: str) -> str | None:
    """What is typed at the terminal, by somebody who is told where it goes; None where there is none."""
    if not is_terminal(sys.stdin):
        return None
    asked = str(click.prompt(f"Password of {account} at {server} (an app password will do)", hide_input=True, err=True))
    hide(asked)
    return asked


def ask_code() -> str | None:
    """The code that the server has sent by mail; None where there is no terminal."""
    if not is_terminal(sys.stdin):
        return None
    return str(click.prompt("The code that was sent to you by mail", err=True)).strip()


def kept_sessions() -> SessionStore | None:
    """The sessions that `atpub login` keeps."""
    folder = state_folder()
    return SessionStore(folder / "sessions") if folder else None


def usable_sessions() -> SessionStore | None:
    """The sessions that a run may use: a password in the environment goes before them."""
    return None if from_environment() else kept_sessions()


# The system's keyring


def from_keyring(did: Did, server: str) -> str | None:
    """The password of an account at a server, for no other server gets to see it."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        found = keyring.get_password(_service(server), did)
    except (KeyringError, RuntimeError, OSError):
        return None
    hide(found or "")
    return found


def keep_in_keyring(did: Did, servers: set[str], password: str) -> None:
    """Let the system's keyring keep a password for these servers; raises Usage where it does not."""
    import keyring
    from keyring.errors import KeyringError

    hint = "the session is kept all the same, in a file; leave out --keyring"
    try:
        for server in servers:
            keyring.set_password(_service(server), did, password)
    except (KeyringError, RuntimeError, OSError) as error:
        raise Usage(f"the keyring does not keep the password: {type(error).__name__}", hint=hint) from None
    if any(from_keyring(did, server) != password for server in servers):
        raise Usage("the keyring does not keep the password", hint=hint)


def remove_from_keyring(did: Did, servers: set[str]) -> bool:
    """Take an account's passwords for these servers out of the system's keyring; gives whether there were any."""
    held = [server for server in sorted(servers) if from_keyring(did, server)]
    if held:
        import keyring
        from keyring.errors import KeyringError

        for server in held:
            try:
                keyring.delete_password(_service(server), did)
            except (KeyringError, RuntimeError, OSError) as error:
                raise Usage(f"the keyring does not let go of the password: {type(error).__name__}") from None
    return bool(held)


def has_keyring() -> bool:
    """Whether there is a keyring."""
    try:
        require_keyring()
    except Usage:
        return False
    return True


def require_keyring() -> None:
    """Raise Usage where there is no keyring to keep a password in."""
    try:
        from keyring import get_keyring
        from keyring.backends.fail import Keyring
    except ImportError:
        raise Usage("--keyring needs the library keyring", hint="pip install 'atpub[keyring]'") from None
    if isinstance(get_keyring(), Keyring):
        raise Usage("there is no keyring on this system", hint="leave out --keyring: the session is kept in a file")


def _service(server: str) -> str:
    return f"atpub {server}"
