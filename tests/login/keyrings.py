"""Keyrings of the library's own kind: in memory, and in a file that several processes read."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import keyring
from keyring.backend import KeyringBackend
from keyring.compat import properties
from keyring.errors import KeyringLocked, PasswordDeleteError

FILE = "ATPUB_TEST_KEYRING"
"""The environment variable that names the file of `InFile`."""


class Memory(KeyringBackend):
    """Keeps passwords by service and name; `locked`, it gives and takes none."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.locked = False

    @properties.classproperty
    def priority(self) -> float:
        return 1.0

    def get_password(self, service: str, username: str) -> str | None:
        self._require_access()
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._require_access()
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._require_access()
        if (service, username) not in self.held:
            raise PasswordDeleteError("there is none")
        del self.held[service, username]

    def _require_access(self) -> None:
        if self.locked:
            raise KeyringLocked("the user said no")


class Broken(Memory):
    """Fails as the library of a backend does, which keyring does not translate."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise LookupError("org.freedesktop.DBus.Error.ServiceUnknown")


class InFile(Memory):
    """Reads passwords from a file."""

    def __init__(self) -> None:
        super().__init__()
        for service, username, password in json.loads(Path(os.environ[FILE]).read_text()):
            self.held[service, username] = password


def write_file(path: Path, memory: Memory) -> None:
    """Write what a keyring holds for `InFile`."""
    path.write_text(json.dumps([[*names, password] for names, password in memory.held.items()]))


@contextmanager
def using(backend: KeyringBackend) -> Generator[None]:
    """Make a keyring that of the system."""
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        yield
    finally:
        keyring.set_keyring(before)
