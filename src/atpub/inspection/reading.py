"""Surveys of shards, wherever these are: in files, at http(s) URLs, in object stores.

`survey_batch` can be pickled, and run by any executor.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from atpub.errors import AtpubError, OversizedResponse
from atpub.executors import result_of, submit_batches
from atpub.inspection.files import survey_file, unreadable
from atpub.measuring.measure import find_store
from atpub.measuring.model import ShardFailure, ShardTask
from atpub.measuring.stores import all_chunks
from atpub.problems import Problem
from atpub.pulling.download import Source, download, new_client
from atpub.pulling.sources import chunks_of
from atpub.shards.field_summary import FieldSummary
from atpub.shards.survey import ShardSurvey, survey_stream
from atpub.storage.interface import NO_ENDPOINT, Endpoint

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import TransportClient

_BATCH: Final = 4


@dataclass(frozen=True, slots=True)
class InspectedSource:
    """A shard to survey: where it is, and what reports call it; `blob_size` is what a record states of a blob.

    The values of `most` samples are looked at (None: all). `endpoint` is that of an object store.
    """

    source: Source
    name: str
    most: int | None
    blob_size: int | None = None
    endpoint: Endpoint = NO_ENDPOINT


def survey_sources(sources: Sequence[InspectedSource], executor: Executor | None = None) -> Iterator[ShardSurvey]:
    """Yield the survey of each shard, in order: read one after the other, or by an executor.

    A shard that cannot be read has a problem. An executor's workers find files at the same absolute paths.
    """
    if executor is None:
        yield from _survey(sources)
        return
    batches = [sources[start : start + _BATCH] for start in range(0, len(sources), _BATCH)]
    with submit_batches(executor, survey_batch, batches) as futures:
        for future in futures:
            yield from load_surveys(result_of(future))


def survey_batch(batch: Sequence[InspectedSource]) -> bytes:
    """Survey shards, and return what they hold as one block, which `load_surveys` parses."""
    return dump_surveys(_survey(batch))


def _survey(sources: Iterable[InspectedSource]) -> Iterator[ShardSurvey]:
    client: TransportClient | None = None
    with ExitStack() as stack:
        for item in sources:
            if isinstance(item.source, Path) and item.blob_size is None:
                yield survey_file(item.source, item.name, item.most)
                continue
            if client is None:
                client = stack.enter_context(new_client())
            yield _survey_stream(client, item)


def _survey_stream(client: TransportClient, item: InspectedSource) -> ShardSurvey:
    try:
        with _open(client, item) as (chunks, size):
            return survey_stream(_limit(item, chunks), item.name, size, item.most)
    except ShardFailure as failure:
        return unreadable(item.name, failure.problem)
    except AtpubError as error:
        return unreadable(item.name, Problem("shard-unreadable", error.message, hint=error.hint))


@contextmanager
def _open(client: TransportClient, item: InspectedSource) -> Generator[tuple[Iterator[bytes], int | None]]:
    """Open a shard: its chunks, and its bytes if they are known."""
    if isinstance(item.source, Path):
        with closing(chunks_of(item.source)) as chunks:
            yield chunks, item.blob_size
    elif item.source.lower().startswith(("http://", "https://")):
        with download(client, item.source) as found:
            yield found.chunks, item.blob_size or found.total
    else:
        task = ShardTask(item.source, None, endpoint=item.endpoint)
        store = find_store(task)
        stated = store.ask(task)
        with closing(all_chunks(store, task, stated)) as chunks:
            yield chunks, stated.facts.size


def _limit(item: InspectedSource, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield chunks; raises OversizedResponse for more bytes than the record of a blob states."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if item.blob_size is not None and size > item.blob_size:
            message = f"{item.name} has more than the {item.blob_size:,} bytes that its record states"
            raise OversizedResponse(message)
        yield chunk


# Blocks


def dump_surveys(surveys: Iterable[ShardSurvey]) -> bytes:
    """Return surveys as one block of JSON."""
    return json.dumps([asdict(survey) for survey in surveys]).encode()


def load_surveys(block: bytes) -> Iterator[ShardSurvey]:
    """Parse the block of `dump_surveys`."""
    values: list[dict[str, Any]] = json.loads(block)
    for value in values:
        value["fields"] = {name: _summary(inner) for name, inner in value["fields"].items()}
        value["problems"] = tuple(_problem(item) for item in value["problems"])
        yield ShardSurvey(**value)


def _summary(value: dict[str, Any]) -> FieldSummary:
    value |= {name: tuple(value[name]) if value[name] else None for name in ("sizes", "numbers")}
    value |= {name: tuple(value[name]) for name in ("types", "examples")}
    value["fields"] = {name: _summary(inner) for name, inner in value["fields"].items()}
    return FieldSummary(**value)


def _problem(value: dict[str, Any]) -> Problem:
    return Problem(value["code"], value["message"], None, value["hint"], value["severity"], tuple(value["path"]))
