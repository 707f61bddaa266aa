"""Sessions stored between runs: a file for each account, which only its owner may read.

The file is replaced as a whole. A process that renews a session holds its lock, so that a token is renewed once,
however many processes find it expired.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from atpub.atomic_files import write_text
from atpub.atproto.auth.access import is_token
from atpub.atproto.auth.oauth.scopes import OAuthScope
from atpub.atproto.data import JsonObject
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

    An OAuth session has a `grant`, and was logged in at its authorization server.
    """

    did: Did
    handle: str
    login: str
    server: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    grant: Grant | None = field(default=None, repr=False)


class SessionStore:
    """The sessions in a folder, which need not be there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, did: Did) -> Path:
        """Where the session of an account is kept."""
        return self._folder / f"{quote(did, safe='')}.json"

    def read(self, did: Did, server: str | None = None, *, exposed: bool = False) -> SessionTokens | None:
        """Return the session of an account; None where there is none that can be used, or it is not for this server.

        Raises AuthenticationFailed where others may read the file, unless it is wanted `exposed`.
        """
        found = _parse(_private_text(self.path(did), exposed=exposed))
        if found is None or found.did != did:
            return None
        return found if server is None or server in (found.login, found.server) else None

    def of(self, account: str, *, exposed: bool = False) -> SessionTokens | None:
        """Return the session of an account as users name it; raises AuthenticationFailed as `read` does, and Usage."""
        name = parse_account(account)
        if isinstance(name, Did):
            return self.read(name, exposed=exposed)
        for path in sorted(self._folder.glob("*.json")):
            found = _parse(_private_text(path, exposed=exposed))
            if found and found.handle == name and self.path(found.did) == path:
                return found
        return None

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


def _parse(text: str) -> SessionTokens | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match value:
        case {
            "did": str(did),
            "handle": str(handle),
            "login": str(login),
            "server": str(server),
            "access": str(access),
            "refresh": str(refresh),
        } if (
            Did.accepts(did)
            and handle.isprintable()
            and is_token(access)
            and is_token(refresh)
            and _is_server(login)
            and _is_server(server)
        ):
            tokens = SessionTokens(Did(did), handle, login, server, access, refresh)
        case _:
            return None
    return _with_grant(tokens, value)


def _to_json(session: SessionTokens) -> JsonObject:
    values = {item.name: getattr(session, item.name) for item in fields(session)}
    return {
        name: asdict(value) if isinstance(value, Grant) else value
        for name, value in values.items()
        if value is not None
    }


def _with_grant(tokens: SessionTokens, value: JsonObject) -> SessionTokens | None:
    """Return an OAuth session with its grant, and another one as it is; None where the grant is damaged."""
    match value.get("grant"):
        case None:
            return tokens
        case {"client": str(client), "key": str(key), "scope": str(scope), "expires": int() | float() as expires} if (
            OAuthScope.accepts(scope)
        ):
            return replace(tokens, grant=Grant(client, key, scope, float(expires)))
        case _:
            return None


def _is_server(text: str) -> bool:
    try:
        return base_url(text) == text
    except Usage:
        return False
