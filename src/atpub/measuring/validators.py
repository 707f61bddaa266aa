"""What the headers of a store's answer state: the object's size and validators, and whether it has changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from atpub.measuring.model import KnownShard
from atpub.shards.lock import StoreFacts, is_field_value

_TOTAL: Final = re.compile(r"bytes \d{1,18}-\d{1,18}/(\d{1,15})", re.ASCII | re.IGNORECASE)
_LENGTH: Final = re.compile(r"\d{1,15}", re.ASCII)


def facts_in(headers: Mapping[str, str]) -> StoreFacts:
    """Return the size and the validators of the object that an answer describes."""
    return StoreFacts(size_in(headers), None, _field(headers.get("etag")), _field(headers.get("last-modified")))


def size_in(headers: Mapping[str, str]) -> int | None:
    """Return the bytes of the whole object: of a part, Content-Range states them, else Content-Length."""
    if part := _TOTAL.fullmatch(headers.get("content-range", "")):
        return int(part[1])
    length = headers.get("content-length", "")
    return int(length) if _LENGTH.fullmatch(length) and "content-range" not in headers else None


def is_unchanged(known: KnownShard, now: StoreFacts) -> bool:
    """Return whether a store states the validators that were known before.

    A strong ETag is enough. A weak one (RFC 9110, section 8.8.1) counts only together with Last-Modified; that, and the
    run that broke off a moment ago, only together with the size.
    """
    before = known.facts
    if before.etag and now.etag:
        if before.etag != now.etag:
            return False
        if not before.etag.startswith("W/"):
            return True
    has_size = before.size is not None and before.size == now.size
    if before.modified and now.modified:
        return before.modified == now.modified and has_size
    return known.is_recent and has_size


def conditions(known: KnownShard | None) -> Mapping[str, str]:
    """Return the headers that ask for an object only if it has changed since."""
    if known is None:
        return {}
    if known.facts.etag and not known.facts.etag.startswith("W/"):
        return {"If-None-Match": known.facts.etag}
    return {"If-Modified-Since": known.facts.modified} if known.facts.modified else {}


def _field(text: str | None) -> str | None:
    return text if text and is_field_value(text) else None
