"""The places that lexicons are pulled from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from atpub.atproto import data
from atpub.atproto.data import JsonObject
from atpub.atproto.lexicon.model import Lexicon
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.syntax import Cid, Nsid
from atpub.errors import RepositoryError
from atpub.manifest.lexicon_lock import COLLECTION, Resolution


@dataclass(frozen=True, slots=True)
class FoundLexicon:
    """A lexicon at its source: its JSON, the same parsed, and what the lock says of it."""

    value: JsonObject
    lexicon: Lexicon
    resolution: Resolution

    @property
    def nsid(self) -> Nsid:
        """Its name."""
        return self.lexicon.id


class LexiconSource(Protocol):
    """A place that lexicons are pulled from."""

    def fetch(self, nsid: Nsid, known: Resolution | None) -> FoundLexicon:
        """Return a lexicon, from where it is known to be if it is; raises RepositoryError, and InvalidInput."""
        ...


def record_cid(value: JsonObject) -> Cid:
    """Return the CID that a lexicon has as a record; raises NotInDataModel."""
    return data.cid_of({"$type": COLLECTION, **value})


def parse_named(value: JsonObject, nsid: Nsid, where: str) -> Lexicon:
    """Return the lexicon in a record or file; raises InvalidInput, and RepositoryError if it is another one."""
    kind = value.get("$type", COLLECTION)
    if kind != COLLECTION or value.get("id") != nsid:
        found = value.get("id") if kind == COLLECTION else kind
        raise RepositoryError(f"{where} is not the lexicon {nsid}: it says {str(found)[:80]!r}")
    return parse(value, where)
