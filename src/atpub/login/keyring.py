"""Passwords in the system's keyring.

The library `keyring` is an optional extra, imported when it is used. Without it, or without a keyring on this system,
there are no passwords to read.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from atpub.atproto.syntax import Did
from atpub.errors import Usage
from atpub.redact import hide


def read_password(did: Did, server: str) -> str | None:
    """Read the password of an account at a server; no other server gets it."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        password = keyring.get_password(_service(server), did)
    except (KeyringError, RuntimeError, OSError):
        return None
    hide(password or "")
    return password


def write_password(did: Did, servers: AbstractSet[str], password: str) -> None:
    """Store a password for these servers; raises Usage if the keyring does not store it."""
    import keyring
    from keyring.errors import KeyringError

    hint = "the session is stored nevertheless, in a file; leave out --keyring"
    try:
        for server in servers:
            keyring.set_password(_service(server), did, password)
    except (KeyringError, RuntimeError, OSError) as error:
        raise Usage(f"the keyring does not store the password: {type(error).__name__}", hint=hint) from None
    if any(read_password(did, server) != password for server in servers):
        raise Usage("the keyring does not store the password", hint=hint)


def remove_passwords(did: Did, servers: AbstractSet[str]) -> bool:
    """Remove an account's passwords for these servers; return whether there were any."""
    held = [server for server in sorted(servers) if read_password(did, server)]
    if held:
        import keyring
        from keyring.errors import KeyringError

        for server in held:
            try:
                keyring.delete_password(_service(server), did)
            except (KeyringError, RuntimeError, OSError) as error:
                raise Usage(f"the keyring does not remove the password: {type(error).__name__}") from None
    return bool(held)


def has_keyring() -> bool:
    """Tell whether this system has a keyring."""
    try:
        require_keyring()
    except Usage:
        return False
    return True


def require_keyring() -> None:
    """Raise Usage if there is no keyring to store a password in."""
    try:
        from keyring import get_keyring
        from keyring.backends.fail import Keyring
    except ImportError:
        raise Usage("--keyring needs the library keyring", hint="pip install 'atpub[keyring]'") from None
    if isinstance(get_keyring(), Keyring):
        raise Usage("there is no keyring on this system", hint="leave out --keyring: the session is stored in a file")


def _service(server: str) -> str:
    return f"atpub {server}"
