"""The run of `atpub catalog`: what accounts have published → a folder of pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Final

from atpub.atproto.syntax import AtUri, Cid
from atpub.catalog.model import Catalog, CatalogEntry, SampleSet
from atpub.catalog.pages import INDEX, file_paths, page_paths, render_catalog
from atpub.cataloging.files import WrittenFiles, read_list, write_pages
from atpub.cataloging.samples import read_samples
from atpub.progress import Completed, Ended, OnProgress, Started, ignore
from atpub.published.model import DatasetView, Published, SchemaView
from atpub.pulling.download import new_client
from atpub.repository.interface import Repository

if TYPE_CHECKING:
    from atpub.atproto.xrpc.transport import TransportClient

FindSchema = Callable[[str], SchemaView | None]
"""A function that reads the schema of another account; None where there is none."""

_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class CatalogSource:
    """What an account has published, its repository, and the addresses of a manifest by URI."""

    published: Published
    repository: Repository
    addresses: Mapping[AtUri, str] = field(default_factory=dict[AtUri, str])


@dataclass(frozen=True, slots=True)
class WrittenCatalog:
    """A catalog in a folder: its index, and the page of each dataset."""

    index: Path
    pages: Mapping[AtUri, Path]
    files: WrittenFiles


def write_catalog(
    sources: Sequence[CatalogSource],
    folder: Path,
    *,
    samples: int,
    find_schema: FindSchema,
    on_progress: OnProgress = ignore,
) -> WrittenCatalog:
    """Write the pages of what accounts have published to a folder, with the first `samples` of each dataset.

    Raises FileConflict where the folder holds anything but an earlier catalog.
    """
    read_list(folder)  # before much is read for nothing
    entries = [*_read_entries(sources, samples, cache(find_schema), on_progress)]
    catalog = Catalog(_title(sources), entries)
    files = write_pages(folder, render_catalog(catalog), file_paths(catalog))
    return WrittenCatalog(folder / INDEX, {uri: folder / path for uri, path in page_paths(catalog)}, files)


def _title(sources: Sequence[CatalogSource]) -> str:
    return f"Datasets of {sources[0].published.publisher}" if len(sources) == 1 else "Datasets"


def _read_entries(
    sources: Iterable[CatalogSource], samples: int, find_schema: FindSchema, on_progress: OnProgress
) -> Iterator[CatalogEntry]:
    by_uri = {dataset.uri: (source, dataset) for source in sources for dataset in source.published.datasets}
    pairs = [*by_uri.values()]  # an account may be named twice, by its handle and its DID
    found = _read_all(pairs, samples, on_progress) if samples else [None] * len(pairs)
    for (source, dataset), read in zip(pairs, found, strict=True):
        schema = dataset.schema or find_schema(dataset.schema_uri)
        view = replace(dataset, schema=schema).with_blob_sources(partial(_blob_url, source.repository))
        yield CatalogEntry(view, source.addresses.get(dataset.uri), read)


def _blob_url(repository: Repository, cid: Cid) -> str | None:
    """Return the URL of a blob; None in a folder, for a path of this machine belongs on no page."""
    found = repository.blob_source(cid)
    return found if isinstance(found, str) else None


def _read_all(
    pairs: Sequence[tuple[CatalogSource, DatasetView]], samples: int, on_progress: OnProgress
) -> list[SampleSet]:
    """Read the samples of several datasets at once."""
    stop = Event()
    on_progress(Started("read", len(pairs)))

    def read(client: TransportClient, pair: tuple[CatalogSource, DatasetView]) -> SampleSet:
        source, dataset = pair
        found = read_samples(dataset, source.repository, client, samples, stop.is_set)
        on_progress(Completed("read", dataset.title, 0))
        return found

    try:
        with new_client() as client, ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="atpub-catalog") as pool:
            try:
                return [*pool.map(partial(read, client), pairs)]
            finally:
                stop.set()  # after Ctrl-C, no thread reads on
    finally:
        on_progress(Ended("read"))
