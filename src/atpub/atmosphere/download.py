"""Bytes at a URL or in a file, exactly as they are stored there."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NewType, TypeAlias
from urllib.parse import unquote, urlsplit

from atpub.errors import Unavailable, Usage

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import TransportClient

CHUNK: Final = 1 << 20
AS_STORED: Final = {"Accept-Encoding": "identity"}

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


def chunks_of(source: Source) -> Iterator[bytes]:
    """Yield the bytes of a source in chunks; raises Unavailable, or Usage for a source other than http(s)."""
    if isinstance(source, Path):
        return _file_chunks(source)
    if not source.lower().startswith(("http://", "https://")):
        hint = "publish S3 datasets with their endpoint; of other schemes, read the shards yourself"
        raise Usage(f"{source} cannot be read over HTTP", hint=hint)
    return _http_chunks(source)


def new_client() -> TransportClient:
    """Return a client that uses the environment's proxies."""
    from atpub.atproto.xrpc.transport import new_client  # brings httpx, which much else needs not

    return new_client()


@contextmanager
def download(client: TransportClient, url: str) -> Generator[tuple[Iterator[bytes], int | None]]:
    """Open a URL: its bytes in chunks, and their number if the server tells it; raises Unavailable."""
    from atpub.atproto.xrpc.transport import HttpRequest, TransportError

    try:
        with client.send(HttpRequest("GET", url, AS_STORED), follow_redirects=True) as reply:
            if reply.status != 200:
                raise Unavailable(f"{url} answers {reply.status}", hint="is it there, and public?")
            length = reply.headers.get("Content-Length", "")
            yield reply.stored_chunks(CHUNK), int(length) if length.isdecimal() else None
    except TransportError as error:
        raise Unavailable(f"{url} cannot be read: {error.reason}", hint="try again") from None


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            yield from iter(lambda: stream.read(CHUNK), b"")
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}", hint="is it there?") from None


def _http_chunks(url: Url) -> Iterator[bytes]:
    with new_client() as client, download(client, url) as (chunks, _):
        yield from chunks
