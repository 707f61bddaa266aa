"""The record key of an entry: explicit, or following from its identity by the lexicon's key type."""

from __future__ import annotations

import re

from atpub.atproto.syntax import Nsid, Rkey, deterministic_tid

_ILLEGAL = re.compile(r"[^A-Za-z0-9._:~-]")


def record_key(key: str, collection: Nsid, id: str) -> Rkey | None:
    """Return an entry's record key for a key type (tid, nsid, any or literal:…); None where there is none.

    The same identity gets the same key on every account (specification: Record Key).
    """
    kind, _, literal = key.partition(":")
    match kind:
        case "literal":
            return Rkey(literal) if Rkey.accepts(literal) else None
        case "tid":
            return Rkey(deterministic_tid(collection, id))
        case "nsid":
            return Rkey(id) if Nsid.accepts(id) else None
        case _:
            readable = _ILLEGAL.sub("-", id)[:512]
            return Rkey(readable) if Rkey.accepts(readable) else None
