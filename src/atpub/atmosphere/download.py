"""Bytes at a URL, exactly as they are stored there."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from atpub.errors import Unavailable

if TYPE_CHECKING:
    import httpx

CHUNK: Final = 1 << 20
AS_STORED: Final = {"Accept-Encoding": "identity"}


def new_client() -> httpx.Client:
    """A client that obeys the environment's proxies."""
    from atpub.repository.pds.transport import new_client  # brings httpx, which much else needs not

    return new_client()


@contextmanager
def download(client: httpx.Client, url: str) -> Generator[tuple[Iterator[bytes], int | None]]:
    """The bytes at a URL in chunks, and how many there are, where the server says so; raises Unavailable."""
    import httpx

    try:
        with client.stream("GET", url, headers=AS_STORED, follow_redirects=True) as reply:
            if reply.status_code != 200:
                raise Unavailable(f"{url} answers {reply.status_code}", hint="is it there, and public?")
            length = reply.headers.get("Content-Length", "")
            yield reply.iter_raw(CHUNK), int(length) if length.isdecimal() else None
    except (httpx.RequestError, httpx.InvalidURL) as error:
        raise Unavailable(f"{url} cannot be read: {error}", hint="try again") from None
