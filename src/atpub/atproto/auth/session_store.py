"""Sessions stored between runs: a file for each account, which only its owner may read.

The file is replaced as a whole. A process that renews a session holds its lock, so that a token is renewed once,
however many processes find it expired. The secrets of a sealed session are encrypted: its key is stored elsewhere.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from atpub.atomic_files import write_text
from atpub.atproto.auth.access import is_token
from atpub.atproto.auth.oauth.scopes import OAuthScope
from atpub.atproto.auth.seal import SealKey, seal, unseal
from atpub.atproto.data import Json, JsonObject
from atpub.atproto.identity.resolve import parse_account
from atpub.atproto.syntax import Did
from atpub.atproto.xrpc.transport import base_url
from atpub.errors import AuthenticationFailed, Busy, SessionStoreError, Usage

LOCK_SECONDS: Final = 120.0
_LONGEST: Final = 64 * 1024
_READ: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Grant:
    """What an OAuth session has besides: its client, its key (PEM), its scope, and the end of its access token.

    The end is in seconds since 1970.
    """

    client: str
    key: str = field(repr=False)
    scope: str
    expires: float


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """A session: whose, the URL that was logged in at and that of the account's own server, and its two tokens.

    An OAuth session has a `grant`, and was logged in at its authorization server. With a `seal`, its file is encrypted.
    """

    did: Did
    handle: str
    login: str
    server: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    grant: Grant | None = field(default=None, repr=False)
    seal: SealKey | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What a session's file says without its secrets: an OAuth session has a scope, a sealed one its key's name."""

    did: Did
    handle: str
    login: str
    server: str
    scope: str | None
    seal: str | None

    def is_for(self, server: str | None) -> bool:
        """Tell whether a server, if one is named, may get the session."""
        return server is None or server in (self.login, self.server)


class SessionStore:
    """The sessions in a folder, which need not be there.

    `find_secret` returns the secret of a seal's name, or None; it raises KeyringUnavailable if it cannot tell.
    """

    def __init__(self, folder: Path, find_secret: Callable[[str], bytes | None] = lambda _: None) -> None:
        self._folder = folder
        self._find_secret = find_secret
        self._key: SealKey | None = None

    def path(self, did: Did) -> Path:
        """Where the session of an account is kept."""
        return self._folder / f"{quote(did, safe='')}.json"

    def read(self, did: Did, server: str | None = None, *, exposed: bool = False) -> SessionTokens | None:
        """Return the session of an account; None where there is none that can be used, or it is not for this server.

        Raises AuthenticationFailed where others may read the file, unless it is wanted `exposed`, and
        KeyringUnavailable.
        """
        value = _load(self.path(did), exposed=exposed)
        found = _describe(value)
        if found is None or found.did != did or not found.is_for(server):
            return None
        return _parse(value, None) if found.seal is None else self._unsealed(value, found.seal)

    def find(self, did: Did, server: str | None = None, *, exposed: bool = False) -> StoredSession | None:
        """Return what is known of the session of an account without its secrets; no keyring is asked.

        Raises AuthenticationFailed as `read` does.
        """
        found = _describe(_load(self.path(did), exposed=exposed))
        return found if found and found.did == did and found.is_for(server) else None

    def find_named(self, account: str, *, exposed: bool = False) -> StoredSession | None:
        """Return the same of an account as users name it; raises AuthenticationFailed as `read` does, and Usage."""
        name = parse_account(account)
        if isinstance(name, Did):
            return self.find(name, exposed=exposed)
        for path in sorted(self._folder.glob("*.json")):
            found = _describe(_load(path, exposed=exposed))
            if found and found.handle == name and self.path(found.did) == path:
                return found
        return None

    def _unsealed(self, value: JsonObject, name: str) -> SessionTokens | None:
        """Return a sealed session: a run asks for its key once, and goes on though the keyring be locked meanwhile."""
        if self._key is None or self._key.name != name:
            secret = self._find_secret(name)
            self._key = SealKey(name, secret) if secret else None
        return _parse(unseal(value, self._key) or {}, self._key) if self._key else None

    def write(self, session: SessionTokens) -> None:
        """Keep a session in place of the account's last one: from its first byte on, the file is its owner's alone.

        Raises SessionStoreError.
        """
        text = json.dumps(_to_json(session), indent=1)
        with self._keeping():
            self._make_folder()
            write_text(self.path(session.did), f"{text}\n", private=True)

    def remove(self, did: Did) -> None:
        """Forget the session of an account, if there is one."""
        self.path(did).unlink(missing_ok=True)

    @contextmanager
    def locked(self, did: Did) -> Generator[None]:
        """Keep other processes from renewing or removing the account's session; raises Busy or SessionStoreError."""
        from filelock import FileLock, Timeout  # most commands need no session

        path = self.path(did).with_suffix(".lock")
        lock = FileLock(path, timeout=LOCK_SECONDS, mode=0o600)
        with self._keeping():
            self._make_folder()
            try:
                lock.acquire()
            except Timeout:
                message = f"another process has held {path} for {LOCK_SECONDS:.0f} seconds"
                raise Busy(message, hint="try again") from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _keeping(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            message = f"no session can be kept in {self._folder}: {error.strerror or error}"
            raise SessionStoreError(message, hint="check the folder, its permissions and the disk") from None

    def _make_folder(self) -> None:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)


def _private_text(path: Path, *, exposed: bool) -> str:
    """Return the text of a file of the user's own; nothing where it cannot be read."""
    try:
        number = os.open(path, _READ)
    except OSError:
        return ""
    with open(number, "rb") as file:  # noqa: PTH123 - it is open already
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            return ""
        if not exposed:
            _require_private(path, status)
        try:
            return file.read(_LONGEST).decode()
        except (OSError, ValueError):
            return ""


def _require_private(path: Path, status: os.stat_result) -> None:
    """Raise AuthenticationFailed where other users may read or write the file (POSIX: others have no bit)."""
    if os.name != "posix":
        return
    if status.st_uid != os.geteuid():
        raise AuthenticationFailed(f"the session in {path} is another user's", hint="remove the file, and log in again")
    if status.st_mode & 0o077:
        raise AuthenticationFailed(
            f"the session in {path} can be read by others (mode {stat.S_IMODE(status.st_mode):04o})",
            hint=f"end it with atpub logout if others may have seen it; else: chmod 600 {path}",
        )


def _load(path: Path, *, exposed: bool) -> JsonObject:
    """Return the JSON object in a file of the user's own; an empty one where there is none."""
    try:
        value: Json = json.loads(_private_text(path, exposed=exposed))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _describe(value: JsonObject) -> StoredSession | None:
    name = value.get("seal")
    match value:
        case {"did": str(did), "handle": str(handle), "login": str(login), "server": str(server)} if (
            Did.accepts(did) and handle.isprintable() and _is_server(login) and _is_server(server)
        ):
            found = StoredSession(Did(did), handle, login, server, None, name if isinstance(name, str) else None)
        case _:
            return None
    match value.get("grant"):
        case None:
            return found
        case {"scope": str(scope)} if OAuthScope.accepts(scope):
            return replace(found, scope=scope)
        case _:
            return None


def _parse(value: JsonObject, key: SealKey | None) -> SessionTokens | None:
    """Return the session in a file's JSON, which was sealed with a key, if one is given; None where it is damaged."""
    found = _describe(value)
    match value:
        case {"access": str(access), "refresh": str(refresh)} if found and is_token(access) and is_token(refresh):
            tokens = SessionTokens(found.did, found.handle, found.login, found.server, access, refresh, seal=key)
        case _:
            return None
    match value.get("grant"):
        case None:
            return tokens
        case {"client": str(client), "key": str(dpop), "scope": str(scope), "expires": int() | float() as expires}:
            return replace(tokens, grant=Grant(client, dpop, scope, float(expires)))
        case _:
            return None


def _to_json(session: SessionTokens) -> JsonObject:
    value = {item.name: getattr(session, item.name) for item in fields(session) if item.name not in ("grant", "seal")}
    if session.grant is not None:
        value["grant"] = asdict(session.grant)
    return seal(value, session.seal) if session.seal else value


def _is_server(text: str) -> bool:
    try:
        return base_url(text) == text
    except Usage:
        return False
