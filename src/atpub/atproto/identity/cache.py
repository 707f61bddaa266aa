"""A file of identities that were looked up within the last hour. A damaged file costs time only."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from atpub.atomic_files import write_text
from atpub.atproto.data import Json, JsonObject
from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.resolve import Identity, resolve
from atpub.atproto.syntax import Did, Handle
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import base_url
from atpub.errors import RepositoryError, Usage

SECONDS: Final = 3600.0
_FILE: Final = "identities.json"
_LONGEST: Final = 1024 * 1024
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class IdentityCache:
    """The identities in a folder; `clock` gives the seconds since 1970."""

    folder: Path
    clock: Callable[[], float]

    def read(self, question: str) -> Identity | None:
        """Return the answer to a question, if it is less than an hour old."""
        match self._answers().get(question):
            case [int() | float() as when, str(did), str(pds), (str() | None) as handle]:
                return _identity(did, pds, handle) if _is_recent(when, self.clock()) else None
            case _:
                return None

    def write(self, question: str, identity: Identity) -> None:
        """Store an answer, and drop those that are too old."""
        now = self.clock()
        fresh = {name: item for name, item in self._answers().items() if _is_fresh(item, now)}
        self._write({**fresh, question: [now, identity.did, identity.pds, identity.handle]})

    def _answers(self) -> JsonObject:
        try:
            with (self.folder / _FILE).open("rb") as file:
                value: Json = json.loads(file.read(_LONGEST))
        except (OSError, ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def _write(self, answers: JsonObject) -> None:
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_text(self.folder / _FILE, json.dumps(answers), private=True)


def lookup(
    account: str,
    http: HttpClient,
    *,
    pds: str | None,
    config: ResolverConfig,
    cache: IdentityCache | None,
    confirm: Callable[[Identity], _T],
) -> tuple[Identity, _T | None]:
    """Return the identity of an account, from the cache or as `resolve` finds it.

    A cached identity is used only where `confirm` raises no RepositoryError for it: it asks that server whether it
    still has the account. What it returns is returned, too.
    """
    needs_no_request = pds is not None and Did.accepts(account)
    if cache is None or needs_no_request:
        return resolve(account, http, pds=pds, config=config), None
    question = " ".join((account, pds or "", config.plc, config.resolver, config.dns or ""))
    known = cache.read(question)
    if known is not None:
        with suppress(RepositoryError):
            return known, confirm(known)
    found = resolve(account, http, pds=pds, config=config)
    cache.write(question, found)
    return found, None


def _identity(did: str, pds: str, handle: str | None) -> Identity | None:
    """Return the identity, if it is well-formed: the file may have been edited."""
    try:
        server = base_url(pds)
    except Usage:
        return None
    if not Did.accepts(did) or not (handle is None or Handle.accepts(handle)):
        return None
    return Identity(Did(did), server, None if handle is None else Handle(handle))


def _is_fresh(item: Json, now: float) -> bool:
    match item:
        case [int() | float() as when, *_]:
            return _is_recent(when, now)
        case _:
            return False


def _is_recent(when: float, now: float) -> bool:
    return now - SECONDS < when <= now  # no difference: of a damaged file it may be beyond any float
