"""Measuring shards at URLs: what the store states, or else what reading them once shows. Tasks are picklable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Final

from atpub.measuring.model import (
    UNREAD,
    FailedShard,
    KnownShard,
    MeasuredShard,
    Outcome,
    ShardFailure,
    ShardTask,
    dump_outcomes,
)
from atpub.measuring.store_access import is_object
from atpub.measuring.stores import TRIES, BrokenOff, HttpStore, ShardStore, Stated, all_chunks
from atpub.measuring.validators import is_unchanged
from atpub.problems import Problem
from atpub.progress import Advanced, OnProgress, ignore
from atpub.pulling.download import new_client
from atpub.repository.backoff import back_off
from atpub.shards.digest_stream import CannotGoBack, DigestStream, ForwardFile
from atpub.shards.lock import StoreFacts
from atpub.shards.tar import TarFacts, read_tar

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import TransportClient

_STAND_INS: Final = frozenset({"html-page", "git-lfs-pointer"})


def measure(batch: Sequence[ShardTask], on_progress: OnProgress = ignore) -> bytes:
    """Measure shards, and return their outcomes as one block; no failure of a shard is raised.

    `load_outcomes` parses the block. Other processes call it without `on_progress`. It starts no threads: beside Dask's
    profiler, that can stop a worker for good (CPython 3.11: sys._current_frames and a new thread wait for each other).
    """
    return dump_outcomes([measure_shard(task, on_progress) for task in batch])


def measure_shard(task: ShardTask, on_progress: OnProgress = ignore) -> Outcome:
    """Measure one shard."""
    try:
        return _measure(find_store(task), task, on_progress)
    except ShardFailure as failure:
        return FailedShard(task.url, failure.problem)


def find_store(task: ShardTask) -> ShardStore:
    """Return the store of a shard; raises ShardFailure where there is none, or a package for it is missing."""
    from atpub.measuring.object_stores import ObjectStore, has_package  # not needed for HTTP

    if task.url.startswith("s3:") and (has_package("boto3") or has_package("obstore") or not task.address):
        return ObjectStore()
    if task.address:
        return HttpStore(_connections())
    if is_object(task.url):
        return ObjectStore()
    hint = "atpub reads http(s), S3, Google Cloud Storage and Azure: give a file of checksums, or `missing: none`"
    raise ShardFailure("unknown-store", f"{task.url} is in no store that atpub can read", hint)


_making: Final = Lock()


def _connections() -> TransportClient:
    """Return the connections of this process: `cache` alone would make one set for each thread that comes at once."""
    with _making:
        return _client()


@cache
def _client() -> TransportClient:
    return new_client()


def close_connections() -> None:
    """Close the connections of this process; they are opened again when they are needed."""
    if _client.cache_info().currsize:
        _client().close()
        _client.cache_clear()


def _measure(store: ShardStore, task: ShardTask, on_progress: OnProgress) -> Outcome:
    stated = store.ask(task)
    known = task.known
    if known and (stated.is_same or (is_unchanged(known, stated.facts) and stated.sha256 in (None, known.sha256))):
        return MeasuredShard(task.url, known.sha256, _refresh(known, stated), "known")
    if stated.sha256:
        return MeasuredShard(task.url, stated.sha256, stated.facts, "stated")
    if task.missing == "store":
        hint = "let atpub read the shards once: `missing: fetch`; or publish without: `missing: none`"
        raise ShardFailure("no-stated-checksum", f"the store of {task.url} states no SHA-256 of it", hint)
    if task.is_check:
        raise ShardFailure(UNREAD, f"{task.url} would have to be read", "run `atpub lock`")
    return _read_again(store, task, stated, on_progress)


def _refresh(known: KnownShard, stated: Stated) -> StoreFacts:
    """Return the facts of an unchanged shard, with the validators that the store states now."""
    if stated.is_same:
        return known.facts
    now = stated.facts
    return replace(known.facts, etag=now.etag or known.facts.etag, modified=now.modified or known.facts.modified)


def _read_again(store: ShardStore, task: ShardTask, stated: Stated, on_progress: OnProgress) -> Outcome:
    """Read a shard, from its start again where it breaks off and cannot be continued."""
    failures = 1
    while True:
        try:
            return _read(task, stated, all_chunks(store, task, stated), on_progress)
        except BrokenOff as error:
            if failures == TRIES:
                hint = "run it again: it continues with what is missing"
                raise ShardFailure("shard-truncated", f"{task.url} breaks off: {error}", hint) from None
        back_off(failures)
        failures += 1


def _read(task: ShardTask, stated: Stated, chunks: Iterator[bytes], on_progress: OnProgress) -> MeasuredShard:
    size = stated.facts.size
    body = ForwardFile(lambda: next(chunks, b""))
    stream = DigestStream(body, size, lambda done: on_progress(Advanced("lock", task.url, done, size)))
    try:
        held = read_tar(stream, task.url)
    except CannotGoBack:
        held = None  # only tars of rare kinds are read so
    digest = stream.hexdigest()
    samples = held.samples if isinstance(held, TarFacts) else None
    facts = replace(stated.facts, size=body.done, samples=samples)
    return MeasuredShard(task.url, digest, facts, "read", _warning(held, body.done))


def _warning(held: TarFacts | Problem | None, size: int) -> Problem | None:
    """Return what is wrong with a tar that was read; raises ShardFailure where something stands in for the shard."""
    if not isinstance(held, Problem):
        return None
    if held.code in _STAND_INS or not size:
        raise ShardFailure(held.code, held.message, "open the URL to see what it answers")
    return replace(held, severity="warning")
