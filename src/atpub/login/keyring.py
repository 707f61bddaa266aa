"""Secrets in the system's keyring: passwords, and the keys of sealed sessions.

The library `keyring` is an optional extra, imported when it is used. Without it, or without a keyring on this system,
there are no passwords to read.
"""

from __future__ import annotations

from collections.abc import Generator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from typing import Final

from atpub.atproto.auth.seal import SealKey
from atpub.atproto.syntax import Did
from atpub.errors import AtpubError, KeyringUnavailable, Usage
from atpub.redact import hide

_SESSIONS: Final = "atpub session"
_INSTALL: Final = "pip install 'atpub[keyring]'"


def read_password(did: Did, server: str) -> str | None:
    """Read the password of an account at a server; no other server gets it."""
    password = None
    with suppress(Exception):  # without a keyring, another source of passwords comes next
        import keyring

        password = keyring.get_password(_service(server), did)
    hide(password or "")
    return password


def write_password(did: Did, servers: AbstractSet[str], password: str) -> None:
    """Store a password for these servers; raises Usage if the keyring does not store it."""
    hint = "the session is stored nevertheless, in a file; leave out --keyring"
    for server in servers:
        _write(_service(server), did, password, Usage("the keyring does not store the password", hint=hint))


def remove_passwords(did: Did, servers: AbstractSet[str]) -> bool:
    """Remove an account's passwords for these servers; return whether there were any."""
    held = [server for server in sorted(servers) if read_password(did, server)]
    for server in held:
        _remove(_service(server), did, "password")
    return bool(held)


@contextmanager
def new_seal(did: Did) -> Generator[SealKey]:
    """Give a new key that the keyring stores, and removes again if what it is for fails; raises Usage."""
    require_keyring()
    key = SealKey.new(did)
    hint = "leave out --keyring: the session is stored in a file that only you can read"
    try:
        _write(_SESSIONS, key.name, key.secret.hex(), Usage("the keyring does not store the session's key", hint=hint))
        yield key
    except BaseException:
        with suppress(AtpubError):
            remove_seal(key.name)
        raise


def read_seal(name: str) -> bytes | None:
    """Read the key of a sealed session; None if the keyring does not have it. Raises KeyringUnavailable."""
    try:
        import keyring
    except ImportError:
        message = "the key of the stored session is in the system's keyring, and the library keyring is missing"
        raise KeyringUnavailable(message, hint=_INSTALL) from None
    hint = "unlock the keyring, or log in again without --keyring: atpub login --oauth"
    with _refusing(
        KeyringUnavailable("the keyring, which has the key of the stored session, cannot be read", hint=hint)
    ):
        text = keyring.get_password(_SESSIONS, name)
    try:
        return bytes.fromhex(text or "") or None
    except ValueError:
        return None


def remove_seal(name: str) -> None:
    """Remove the key of a sealed session, if the keyring has it; raises Usage if it does not remove it."""
    if read_seal(name):
        _remove(_SESSIONS, name, "session's key")


def has_keyring() -> bool:
    """Tell whether this system has a keyring."""
    try:
        require_keyring()
    except Usage:
        return False
    return True


def require_keyring() -> None:
    """Raise Usage if there is no keyring to store a secret in."""
    try:
        from keyring import get_keyring
        from keyring.backends.fail import Keyring
    except ImportError:
        raise Usage("--keyring needs the library keyring", hint=_INSTALL) from None
    if isinstance(get_keyring(), Keyring):
        raise Usage("there is no keyring on this system", hint="leave out --keyring: the session is stored in a file")


def _write(service: str, name: str, secret: str, refusal: Usage) -> None:
    """Store a secret; raise the refusal if the keyring does not, although it may say that it does."""
    import keyring

    with _refusing(refusal):
        keyring.set_password(service, name, secret)
        stored = keyring.get_password(service, name)
    if stored != secret:
        raise refusal


def _remove(service: str, name: str, what: str) -> None:
    import keyring

    with _refusing(Usage(f"the keyring does not remove the {what}")):
        keyring.delete_password(service, name)


@contextmanager
def _refusing(refusal: AtpubError) -> Generator[None]:
    """Raise the refusal where a keyring fails: a backend raises what its own library does, of D-Bus or Win32."""
    try:
        yield
    except Exception as error:
        raise type(refusal)(f"{refusal.message}: {type(error).__name__}", hint=refusal.hint) from None


def _service(server: str) -> str:
    return f"atpub {server}"
