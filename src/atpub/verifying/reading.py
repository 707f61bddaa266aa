"""Looking at the bytes of blobs and shards, in files and at URLs: their sizes, their first samples, or all of them.

`read_batch` is a pure function of what is there: it can be pickled, and run by any executor.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast
from urllib.parse import urlsplit

from atpub.atproto.xrpc.exchange import HttpRequest, Timeouts, TransportError
from atpub.errors import Usage
from atpub.measuring.model import ShardFailure
from atpub.measuring.store_access import is_object
from atpub.measuring.stores import BrokenOff
from atpub.problems import Problem
from atpub.pulling.digests import ASKING, stated_digest
from atpub.pulling.download import (
    AS_STORED,
    CHUNK,
    CONTENT_RANGE,
    PASSING,
    Url,
    new_client,
)
from atpub.pulling.sources import object_task, require_readable
from atpub.shards.digest_stream import CannotGoBack, DigestStream, ForwardFile
from atpub.shards.tar import read_tar
from atpub.verifying.first_sample import HEAD_BYTES, read_first_sample
from atpub.verifying.model import DataLocation, Fault, Reading

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import HttpResponse, TransportClient

Watch: TypeAlias = Callable[[DataLocation, int], object]
"""A callback for the number of bytes of a location that were read; it may raise, to stop."""

_ASK: Final = Timeouts.of(20.0)
_PAUSE: Final = 0.5  # seconds before the second try at a server that is busy
_MOST_FAILURES: Final = 3
"""After so many failures in a row, a server is not asked for the rest of a batch."""
_OBJECT_FAULTS: Final[Mapping[str, Fault]] = {"shard-missing": "missing", "shard-private": "refused"}
"""The faults of objects, by the codes of failures."""
_GONE: Final = frozenset((404, 410))


def ignore_bytes(_location: DataLocation, _count: int) -> None:
    """Do nothing."""


def read_batch(batch: Sequence[DataLocation], watch: Watch = ignore_bytes) -> bytes:
    """Look at each location, and return what was found as JSON, in the order of the batch; `read_found` reads it."""
    failures: Counter[str] = Counter()
    found: list[Reading] = []
    with new_client() as client:
        for location in batch:
            host = "" if isinstance(location.source, Path) else _host(location.source)
            if failures[host] >= _MOST_FAILURES:
                found.append(Reading("skipped", f"not tried: {host} has not answered {_MOST_FAILURES} times"))
                continue
            item = _read_file(location, watch) if isinstance(location.source, Path) else _read(client, location, watch)
            failures[host] = failures[host] + 1 if host and item.fault == "unreachable" else 0
            found.append(item)
    return json.dumps([item.to_json() for item in found]).encode()


def read_found(result: bytes) -> list[Reading]:
    """Return what `read_batch` found."""
    values: list[dict[str, Any]] = json.loads(result)
    return [Reading.of_json(value) for value in values]


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return url


# Files


def _read_file(location: DataLocation, watch: Watch) -> Reading:
    path = location.source
    assert isinstance(path, Path)
    try:
        held = path.stat()
        if not S_ISREG(held.st_mode):
            return Reading("missing", f"{path} is no file")
        if location.depth == "head" or _is_wrong_size(location, held.st_size):
            return Reading(size=held.st_size)
        with path.open("rb") as stream:
            chunks = iter(lambda: stream.read(CHUNK), b"")
            return _look(location, chunks, Reading(size=held.st_size), watch)
    except FileNotFoundError:
        return Reading("missing", "its file is missing")
    except OSError as error:
        return Reading("unreachable", f"it cannot be read: {error.strerror}")


# URLs


def _read(client: TransportClient, location: DataLocation, watch: Watch) -> Reading:
    url = location.source
    assert not isinstance(url, Path)
    try:
        require_readable(url)
        if is_object(url):
            return _read_object(location, url, watch)
        return _ask(client, location, url) if location.depth == "head" else _get(client, location, url, watch)
    except TransportError as error:
        fault: Fault = "redirect-loop" if error.code == "redirect-loop" else "unreachable"
        return Reading(fault, f"no answer: {error.reason}")
    except Usage as error:
        return Reading("unreadable", _reason(error.message, url), hint=error.hint)


def _read_object(location: DataLocation, url: Url, watch: Watch) -> Reading:
    """Look at an object of S3, Google Cloud Storage or Azure, with the credentials of the environment."""
    from atpub.measuring.object_stores import ObjectStore  # few shards are in object stores

    store, task = ObjectStore(), object_task(url)
    try:
        stated = store.ask(task)
        found = Reading(size=stated.facts.size, sha256=stated.sha256)
        if location.depth == "head" or _is_wrong_size(location, found.size):
            return found
        with closing(store.open(task, stated, 0)) as chunks:
            whole = location.depth == "whole"
            return _look(location, chunks if whole else _limit(chunks, location.most), found, watch)
    except ShardFailure as failure:
        fault: Fault = _OBJECT_FAULTS.get(failure.problem.code, "unreachable")
        return Reading(fault, _reason(failure.problem.message, url), hint=failure.problem.hint)
    except BrokenOff as error:
        return Reading("unreachable", f"the answer breaks off: {error}")


def _limit(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Yield the first bytes."""
    for chunk in chunks:
        yield chunk[:most]
        most -= len(chunk)
        if most <= 0:
            return


def _reason(message: str, url: Url) -> str:
    """Return the message of a failure without the URL, which the finding begins with."""
    return message.removeprefix(f"{url}: ").replace(url, "it")


def _ask(client: TransportClient, location: DataLocation, url: Url) -> Reading:
    """Ask for size and digest: by HEAD, and of a server that does not answer that fully, by GET of the first byte."""
    try:
        request = HttpRequest("HEAD", url, {**AS_STORED, **ASKING}, timeouts=_ASK)
        with client.send(request, follow_redirects=True) as reply:
            found = _answer(reply)
    except TransportError as error:
        if not error.sent or error.code != "unavailable":
            raise
        found = Reading("unreachable")
    if found.fault in ("missing", "web-page") or (not found.fault and found.size is not None):
        return found
    return _get(client, replace(location, depth="head"), url, ignore_bytes)


def _get(client: TransportClient, location: DataLocation, url: Url, watch: Watch) -> Reading:
    """Read as much as is wanted, with a second try where the server is busy."""
    most = {"head": 1, "sample": HEAD_BYTES, "whole": None}[location.depth]
    part = {} if most is None else {"Range": f"bytes=0-{most - 1}"}
    timeouts = Timeouts() if most is None else _ASK
    request = HttpRequest("GET", url, {**AS_STORED, **({} if most is None else ASKING), **part}, timeouts=timeouts)
    reply = client.send(request, follow_redirects=True)
    if reply.status in PASSING:
        reply.close()
        time.sleep(_PAUSE)
        reply = client.send(request, follow_redirects=True)
    with reply:
        found = _answer(reply)
        if found.fault or location.depth == "head" or _is_wrong_size(location, found.size):
            return found
        with closing(cast("Any", reply.stored_chunks(CHUNK))) as chunks:
            return _look(location, chunks, found, watch)


def _answer(reply: HttpResponse) -> Reading:
    """Return what the head of an answer says of the bytes."""
    status, media = reply.status, reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    moved = f" at {_host(reply.url)}, to which it redirects" if reply.history else ""
    if status == 416:  # there is no first byte
        return Reading(size=0)
    if status not in (200, 206):
        is_missing = status in _GONE or (status == 400 and "/xrpc/com.atproto.sync.getBlob" in reply.url)
        fault: Fault = "missing" if is_missing else "unreachable" if status in PASSING else "refused"
        return Reading(fault, f"the answer is {status}{moved}")
    if media in ("text/html", "application/xhtml+xml"):
        return Reading("web-page", f"the answer is a web page{moved}")
    return Reading(size=_size(reply), sha256=stated_digest(reply))


def _size(reply: HttpResponse) -> int | None:
    if reply.status == 206:
        found = CONTENT_RANGE.fullmatch(reply.headers.get("content-range", ""))
        return int(found[2]) if found and found[2] != "*" else None
    length = reply.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 19 else None


def _is_wrong_size(location: DataLocation, size: int | None) -> bool:
    """Return whether the bytes need not be read, since their number is not that of the record."""
    return location.size is not None and size is not None and size != location.size


# Bytes


def _look(location: DataLocation, chunks: Iterator[bytes], head: Reading, watch: Watch) -> Reading:
    """Read the first sample, or hash and count everything in one pass."""
    source = _Chunks(location, chunks, watch)
    try:
        if location.depth == "sample":
            first, tar = read_first_sample(source.take, location.name, head.size)
            return replace(head, first=first, tar=tar, read=source.count)
        return replace(_digest(source, head), read=source.count)
    except _TooMany:
        if location.size is not None:  # more than the record states is no matter of the limit
            return replace(head, size=source.count, read=source.count)
        return Reading("oversized", f"more than {location.most:,} bytes", read=source.count)
    except TransportError as error:
        return Reading("unreachable", f"the answer breaks off: {error.reason}", read=source.count)


def _digest(source: _Chunks, head: Reading) -> Reading:
    """Hash all bytes; of a shard, count the samples, and read the first one."""
    if not source.location.is_tar:
        digest = sha256()
        while chunk := source.take():
            digest.update(chunk)
        return replace(head, size=source.count, sha256=digest.hexdigest())
    stream = DigestStream(ForwardFile(source.take), head.size, lambda _: None)
    try:
        held = read_tar(stream, source.location.name)
    except CannotGoBack:
        held = None  # only tars of rare kinds are read so
    found = replace(head, sha256=stream.hexdigest(), size=source.count)
    if held is None:
        return found
    if isinstance(held, Problem):
        return replace(found, tar=(held.code, held.message))
    return replace(found, samples=held.samples, first=held.first)


class _TooMany(Exception):
    """More bytes than may be read."""


class _Chunks:
    """The chunks of a location, counted and watched."""

    def __init__(self, location: DataLocation, chunks: Iterator[bytes], watch: Watch) -> None:
        self.location = location
        self.count = 0
        self._chunks = chunks
        self._watch = watch

    def take(self) -> bytes:
        """Return the next chunk, nothing at the end; raises _TooMany."""
        chunk = next(self._chunks, b"")
        self.count += len(chunk)
        if self.count > self.location.most:
            raise _TooMany
        self._watch(self.location, self.count)
        return chunk
