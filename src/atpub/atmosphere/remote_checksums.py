"""The SHA-256 of shards at URLs: as a lock or the store itself states it, or by reading every byte."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from atpub.atproto.xrpc.exchange import HttpRequest, Timeouts, TransportError
from atpub.errors import AtpubError
from atpub.progress import Advanced, Completed, Ended, OnProgress, Started
from atpub.pulling.download import AS_STORED, download, new_client
from atpub.storage.interface import parse_sha256

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import TransportClient

AT_ONCE: Final = 8
_ASK_SECONDS: Final = 5.0
_MEMBER: Final = re.compile(r"\bsha-256\s*=\s*:?([A-Za-z0-9+/]{43}=)", re.IGNORECASE)
_AMAZON: Final = re.compile(r"[A-Za-z0-9+/]{43}=")  # of parts that were uploaded one by one there is `…=-3`
_HEADERS: Final = {**AS_STORED, "x-amz-checksum-mode": "ENABLED", "Want-Repr-Digest": "sha-256=9"}


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


def fetched_digests(addresses: Iterable[str], on_progress: OnProgress) -> Mapping[str, str]:
    """Read each URL, several at once, and return its SHA-256; raises Unavailable at the first failure."""
    listed = list(addresses)
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="atpub-fetch")
    on_progress(Started("hash", len(listed)))
    with new_client() as client:
        try:
            digests = pool.map(partial(_fetch, client, on_progress), listed)
            return dict(zip(listed, digests, strict=True))
        finally:
            pool.shutdown(cancel_futures=True)
            on_progress(Ended("hash"))


def _fetch(client: TransportClient, on_progress: OnProgress, address: str) -> str:
    """Read a URL in constant memory, and return its SHA-256; raises Unavailable."""
    digest, done = sha256(), 0
    with download(client, address) as found:
        for chunk in found.chunks:
            digest.update(chunk)
            done += len(chunk)
            on_progress(Advanced("hash", address, done, found.total))
    on_progress(Completed("hash", address, done))
    return digest.hexdigest()


def _ask(client: TransportClient, address: str) -> str | None:
    """Ask a store for the SHA-256 of a shard; None where it gives none, or does not answer."""
    request = HttpRequest("HEAD", address, _HEADERS, timeouts=Timeouts.of(_ASK_SECONDS))
    try:
        reply = client.send(request, follow_redirects=True)
    except (TransportError, AtpubError):
        return None
    reply.close()
    if reply.status != 200:
        return None
    return next((digest for item in [reply, *reply.history] if (digest := _digest_in(item.headers))), None)


def _digest_in(headers: Mapping[str, str]) -> str | None:
    """Return the digest of the whole object, in any of the headers that stores use.

    Repr-Digest (RFC 9530) and Digest (RFC 3230), Amazon's x-amz-checksum-sha256, and the ETag of Hugging Face's LFS.
    """
    for name in ("repr-digest", "digest"):
        found = _MEMBER.search(headers.get(name, ""))
        if found:
            return b64decode(found[1]).hex()
    amazon = headers.get("x-amz-checksum-sha256", "")
    if _AMAZON.fullmatch(amazon):
        return b64decode(amazon).hex()
    return parse_sha256(headers.get("x-linked-etag", "").strip('"'))
