"""What the headers of a store's answer state: the object's digest, size and validators, and whether it has changed."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Final

from atpub.measuring.model import KnownShard
from atpub.shards.lock import StoreFacts, is_field_value
from atpub.storage.interface import parse_sha256

ASKING: Final = {"x-amz-checksum-mode": "ENABLED", "Want-Repr-Digest": "sha-256=9"}
"""Headers of a request for digests."""
_MEMBER: Final = re.compile(r"\bsha-256\s*=\s*:?([A-Za-z0-9+/]{43}=)", re.IGNORECASE)
_AMAZON: Final = re.compile(r"[A-Za-z0-9+/]{43}=")
_PARTS: Final = re.compile(r"^\"?[0-9a-f]{32}-[0-9]{1,5}\"?$", re.ASCII)
_TOTAL: Final = re.compile(r"bytes \d{1,18}-\d{1,18}/(\d{1,15})", re.ASCII | re.IGNORECASE)
_LENGTH: Final = re.compile(r"\d{1,15}", re.ASCII)


def digest_in(headers: Mapping[str, str]) -> str | None:
    """Return the SHA-256 of the whole object, in any of the headers that stores use.

    Repr-Digest (RFC 9530) and Digest (RFC 3230), Amazon's x-amz-checksum-sha256, and the ETag of Hugging Face's LFS.
    """
    for name in ("repr-digest", "digest"):
        if found := _MEMBER.search(headers.get(name, "")):
            return b64decode(found[1]).hex()
    amazon = amazon_digest(headers.get("x-amz-checksum-sha256", ""), headers.get("etag", ""))
    return amazon or parse_sha256(headers.get("x-linked-etag", "").strip('"'))


def amazon_digest(text: str, etag: str) -> str | None:
    """Return the SHA-256 that S3 states in base64; None for one of the digests of parts that were uploaded one by one.

    Not every service of that interface marks such a digest, as Amazon does with `…=-3`; the ETag shows it everywhere.
    """
    is_whole = _AMAZON.fullmatch(text) and not _PARTS.search(etag)
    return b64decode(text).hex() if is_whole else None


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
