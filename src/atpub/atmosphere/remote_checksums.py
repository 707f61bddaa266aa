"""The SHA-256 of shards at URLs: as a lock or the store itself states it, or by reading every byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from atpub.atproto.xrpc.exchange import HttpRequest, Timeouts, TransportError
from atpub.errors import AtpubError
from atpub.pulling.download import ASK_FOR_DIGEST, download, new_client, stated_digest

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import TransportClient

AT_ONCE: Final = 8
_ASK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """Progress: some more bytes of a shard were read to find its checksum; `total` is None where the store hides it."""

    url: str
    bytes: int
    total: int | None


def stated_digests(addresses: Iterable[str]) -> Mapping[str, str]:
    """Return the SHA-256 of these URLs, as far as their stores tell it (HEAD).

    A store that does not answer, or states none for the first of its shards, is not asked about the others.
    """
    by_host: dict[str, list[str]] = {}
    for address in addresses:
        by_host.setdefault(urlsplit(address).netloc, []).append(address)
    found: dict[str, str] = {}
    with new_client() as client, ThreadPoolExecutor(AT_ONCE, thread_name_prefix="atpub-ask") as pool:
        ask = partial(_ask, client)
        firsts = [addresses[0] for addresses in by_host.values()]
        for first, digest in zip(firsts, pool.map(ask, firsts), strict=True):
            if digest is not None:
                rest = by_host[urlsplit(first).netloc][1:]
                digests = [digest, *pool.map(ask, rest)]
                found.update((url, item) for url, item in zip([first, *rest], digests, strict=True) if item)
    return found


def fetched_digests(addresses: Iterable[str], on_event: Callable[[Fetched], None]) -> Mapping[str, str]:
    """Read each URL, several at once, and return its SHA-256; raises Unavailable at the first failure."""
    listed = list(addresses)
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="atpub-fetch")
    with new_client() as client:
        try:
            digests = pool.map(partial(_fetch, client, on_event), listed)
            return dict(zip(listed, digests, strict=True))
        finally:
            pool.shutdown(cancel_futures=True)


def _fetch(client: TransportClient, on_event: Callable[[Fetched], None], address: str) -> str:
    """Read a URL in constant memory, and return its SHA-256; raises Unavailable."""
    digest, done = sha256(), 0
    with download(client, address) as found:
        for chunk in found.chunks:
            digest.update(chunk)
            done += len(chunk)
            on_event(Fetched(address, done, found.total))
    return digest.hexdigest()


def _ask(client: TransportClient, address: str) -> str | None:
    """Ask a store for the SHA-256 of a shard; None where it gives none, or does not answer."""
    request = HttpRequest("HEAD", address, ASK_FOR_DIGEST, timeouts=Timeouts.of(_ASK_SECONDS))
    try:
        reply = client.send(request, follow_redirects=True)
    except (TransportError, AtpubError):
        return None
    reply.close()
    if reply.status != 200:
        return None
    return stated_digest(reply)
