"""The digest of an object as its store states it, in the headers of an answer."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from atpub.storage.interface import parse_sha256

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import HttpResponse

ASKING: Final = {"x-amz-checksum-mode": "ENABLED", "Want-Repr-Digest": "sha-256=9"}
"""Headers of a request for digests."""
_MEMBER: Final = re.compile(r"\bsha-256\s*=\s*:?([A-Za-z0-9+/]{43}=)", re.IGNORECASE)
_AMAZON: Final = re.compile(r"[A-Za-z0-9+/]{43}=")
_PARTS: Final = re.compile(r"^\"?[0-9a-f]{32}-[0-9]{1,5}\"?$", re.ASCII)


def stated_digest(reply: HttpResponse) -> str | None:
    """Return the SHA-256 of the whole object, in any of the headers that stores use; None where none states it."""
    return next((digest for item in [reply, *reply.history] if (digest := digest_in(item.headers))), None)


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
