"""Sources opened to read: files, URLs of http(s), and objects in S3, Google Cloud Storage and Azure."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from atpub.errors import AtpubError, Unavailable, Usage
from atpub.measuring.model import ShardFailure, ShardTask
from atpub.measuring.store_access import environ_endpoint, is_object
from atpub.pulling.download import CHUNK, Download, NotOffered, Source, Url, download, new_client

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import TransportClient

_HTTP: Final = ("http:", "https:")


def require_readable(url: Url) -> Url:
    """Return a URL that can be read; raises Usage for another scheme, and where the package for it is missing."""
    if url.lower().startswith(_HTTP):
        return url
    if not is_object(url):
        hint = "atpub reads http(s), S3, Google Cloud Storage and Azure: read such shards yourself"
        raise Usage(f"{url} is in no store that atpub can read", hint=hint)
    from atpub.measuring.object_stores import has_package  # few datasets are in object stores

    if not has_package("obstore"):
        raise Usage(f"{url} cannot be read without the package obstore", hint="pip install 'atpub[stores]'")
    return url


@contextmanager
def open_url(client: TransportClient, url: Url, start: int = 0) -> Generator[Download]:
    """Open a URL from a position on, or from its start if the server ignores ranges.

    Raises Usage, Unavailable, and NotOffered where another try would change nothing.
    """
    opened = _open_object(url, start) if is_object(require_readable(url)) else download(client, url, start)
    with opened as found:
        yield found


@contextmanager
def _open_object(url: Url, start: int) -> Generator[Download]:
    """Open an object from a position on, or from its start if it ends before; the environment has the credentials."""
    from atpub.measuring.object_stores import ObjectStore
    from atpub.measuring.stores import BrokenOff

    store, task = ObjectStore(), object_task(url)
    try:
        stated = store.ask(task)
        size = stated.facts.size
        begin = start if size is None or start < size else 0
        with closing(store.open(task, stated, begin)) as chunks:
            yield Download(chunks, begin, size)
    except ShardFailure as failure:
        raise NotOffered(failure.problem.message, hint=failure.problem.hint) from None
    except BrokenOff as error:
        raise Unavailable(f"{url} breaks off: {error}", hint="try again") from None


def object_task(url: Url) -> ShardTask:
    """Return the question to an object store for a URL of a record."""
    return ShardTask(url, None, endpoint=environ_endpoint())


def chunks_of(source: Source, mirrors: Sequence[Url] = ()) -> Generator[bytes]:
    """Yield the bytes of a source in chunks, or those of its first mirror that begins to give them.

    Raises Unavailable, or Usage for a URL that cannot be read.
    """
    failures: list[AtpubError] = []
    for place in (source, *mirrors):
        try:
            chunks = _chunks_at(place)
            first = next(chunks, b"")
        except (Unavailable, Usage) as error:
            failures.append(error)
            continue
        with closing(chunks):
            yield first
            yield from chunks
        return
    raise failures[0]


def _chunks_at(source: Source) -> Generator[bytes]:
    return _file_chunks(source) if isinstance(source, Path) else _url_chunks(require_readable(source))


def _file_chunks(path: Path) -> Generator[bytes]:
    try:
        with path.open("rb") as stream:
            yield from iter(lambda: stream.read(CHUNK), b"")
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}", hint="is it there?") from None


def _url_chunks(url: Url) -> Generator[bytes]:
    with new_client() as client, open_url(client, url) as found:
        yield from found.chunks
