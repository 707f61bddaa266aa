"""The digests of shards for a call of the Python API: as stores state them, or found by reading each shard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from atpub.errors import Unavailable
from atpub.measuring.model import FailedShard, MeasuredShard, Outcome, ShardFailure, ShardTask
from atpub.measuring.run import AT_ONCE, measure_all
from atpub.measuring.stores import HttpStore
from atpub.progress import OnProgress, Progress
from atpub.pulling.download import new_client

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import TransportClient

_SECONDS: Final = 5.0


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
    """Return the SHA-256 of each URL: its store's, or found by reading; raises Unavailable at the first failure.

    `on_progress` gets the step `hash`: no lock is written.
    """
    found: dict[str, str] = {}

    def add(outcome: Outcome) -> None:
        if isinstance(outcome, FailedShard):
            raise Unavailable(outcome.problem.message, hint=outcome.problem.hint)
        assert isinstance(outcome, MeasuredShard)
        found[outcome.url] = outcome.sha256

    def report(progress: Progress) -> None:
        on_progress(replace(progress, step="hash"))

    measure_all([ShardTask(address, address) for address in dict.fromkeys(addresses)], add, on_progress=report)
    return found


def _ask(client: TransportClient, address: str) -> str | None:
    """Ask a store for the SHA-256 of a shard; None where it gives none, or does not answer."""
    try:
        return HttpStore(client, tries=1).ask(ShardTask(address, address, seconds=_SECONDS)).sha256
    except ShardFailure:
        return None
