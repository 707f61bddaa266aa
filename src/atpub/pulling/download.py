"""Bytes at a URL or in a file, exactly as they are stored there."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NewType, TypeAlias
from urllib.parse import unquote, urlsplit

from atpub.atproto.xrpc.exchange import HttpRequest, TransportError
from atpub.errors import Unavailable

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import HttpResponse, TransportClient

CHUNK: Final = 1 << 16
"""The bytes of a chunk; those of an unfinished one are lost where an answer breaks off."""
AS_STORED: Final[Mapping[str, str]] = {"Accept-Encoding": "identity"}
PASSING: Final = frozenset((408, 425, 429, 500, 502, 503, 504))
"""Statuses that another try may change."""
CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", re.ASCII | re.IGNORECASE)

Url = NewType("Url", str)
"""A URL from outside, such as a record names: no local file is read for it, whatever its scheme."""
Source: TypeAlias = Path | Url
"""Where bytes are; who makes it decides whether it may be a file."""


def users_source(text: str) -> Source:
    """Parse a URL or path that a user gave: a file, where it is `file:` or no URL at all."""
    if text.lower().startswith("file:"):
        return Path(unquote(urlsplit(text).path))
    return Url(text) if "://" in text else Path(text)


def url_of(source: Source) -> str:
    """Return a source as a URL; the path must be absolute."""
    return source.as_uri() if isinstance(source, Path) else source


def new_client() -> TransportClient:
    """Return a client that uses the environment's proxies."""
    from atpub.atproto.xrpc.transport import new_client  # brings httpx, which much else needs not

    return new_client()


class NotOffered(Unavailable):
    """An answer that another try would not change: a status such as 404."""


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes in chunks, from a position on; `total` is the number of all bytes, if the server states it."""

    chunks: Iterator[bytes]
    start: int = 0
    total: int | None = None


@contextmanager
def download(client: TransportClient, url: str, start: int = 0) -> Generator[Download]:
    """Open a URL from a position on, or from its start if the server ignores ranges (RFC 9110, section 14).

    Raises Unavailable, and NotOffered for a status that will stay.
    """
    headers = {**AS_STORED, "Range": f"bytes={start}-"} if start else AS_STORED
    try:
        with client.send(HttpRequest("GET", url, headers), follow_redirects=True) as reply:
            found = _download_of(reply, start)
            if found is not None:
                yield found
                return
            if not start or reply.status not in (200, 206, 416):
                kind = Unavailable if reply.status in PASSING else NotOffered
                raise kind(f"{url} answers {reply.status}", hint="is it there, and public?")
        with download(client, url) as whole:  # the range is none of this server's
            yield whole
    except TransportError as error:
        raise Unavailable(f"{url} cannot be read: {error.reason}", hint="try again") from None


def _download_of(reply: HttpResponse, start: int) -> Download | None:
    """Return the body of an answer; None if it is not the bytes that were asked for, or all of them."""
    if reply.status == 200:
        length = reply.headers.get("Content-Length", "")
        return Download(reply.stored_chunks(CHUNK), 0, int(length) if length.isdecimal() else None)
    found = CONTENT_RANGE.fullmatch(reply.headers.get("Content-Range", ""))
    if not start or reply.status != 206 or found is None or int(found[1]) != start:
        return None
    return Download(reply.stored_chunks(CHUNK), start, int(found[2]) if found[2] != "*" else None)
