"""A dataset's entry → its shards, with the names of their files: whatever the record says, names that are safe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

from atpub.atproto.data import Blob
from atpub.atproto.syntax import AtUri, Cid, RecordPath, SyntaxViolation
from atpub.errors import Usage
from atpub.generated.dev.atpub import parts as lexicon
from atpub.generated.science.alt.dataset import entry, label
from atpub.pulling.download import Source, Url
from atpub.pulling.sources import require_readable
from atpub.repository.interface import Repository, record_not_found
from atpub.storage.interface import FileStorage, StoredShard
from atpub.storage.mirrors import mirror_url, read_mirrors
from atpub.storage.parts import read_links, read_parts
from atpub.storage.registry import EXTERNAL, find_kind

OpenRepository: TypeAlias = Callable[[AtUri], Repository]
"""A function that opens the repository of a URI's authority; its maker closes it."""

_EXAMPLE: Final = "such as at://lab.example.org/science.alt.dataset.entry/3jzfcijpj2z2a, as `atpub apply` prints it"
_NAME: Final = re.compile(r"\w(?:[\w.+=@,~ -]{0,198}[\w+=@,~-])?")
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)  # no file's name on Windows
_NOT_IN_KEY: Final = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class PublishedShard:
    """A shard of a published dataset, and the name of its file; `size` is stated by the record.

    `mirrors` have the shard as well.
    """

    name: str
    source: Url | Blob
    sha256: str | None
    size: int | None = None
    mirrors: tuple[Url, ...] = ()

    def places(self) -> Iterator[PublishedShard]:
        """Yield it at its own source, and at each mirror."""
        sources = (self.source, *self.mirrors)
        for index, source in enumerate(sources, 1):
            yield replace(self, source=source, mirrors=self.mirrors[index - 1 :])


@dataclass(frozen=True, slots=True)
class PublishedDataset:
    """A published dataset: its URI, the repository that holds it, its shards, and their bytes if it states them."""

    uri: AtUri
    repository: Repository
    shards: Sequence[PublishedShard]
    size: int | None = None


def parse_dataset_uri(text: str) -> AtUri:
    """Parse the URI of a dataset or a label; raises Usage."""
    try:
        uri = AtUri.parse(text)
    except SyntaxViolation:
        raise Usage(f"{text[:200]!r} is not the at:// URI of a record", hint=_EXAMPLE) from None
    return uri


def find_dataset(uri: AtUri, open_repository: OpenRepository) -> PublishedDataset:
    """Read the dataset at the URI of its entry, of one of its parts, or of a label for it.

    Raises Usage for other URIs and for shards that atpub cannot read, InvalidRecord, and RecordNotFound.
    """
    if uri.collection not in (entry.NSID, label.NSID) or uri.path is None:
        raise Usage(f"{uri} is not the URI of a dataset or of a label", hint=_EXAMPLE)
    repository = open_repository(uri)
    value = _read(repository, uri.path)
    if uri.collection == label.NSID:
        return find_dataset(_dataset_of(label.Label.from_json(dict(value)), uri), open_repository)
    parts = read_parts(AtUri.of(repository.did, uri.path), value, partial(_read, repository))
    entries = [read_entry(part) for _, part in parts]
    if len(parts) > 1:
        uri = parts[0][0]
    assert uri.rkey is not None
    return PublishedDataset(uri, repository, published_shards(entries, uri.rkey), _stated_bytes(parts, entries))


def _dataset_of(found: label.Label, uri: AtUri) -> AtUri:
    dataset = parse_dataset_uri(found.dataset_uri)
    if dataset.collection != entry.NSID:
        raise Usage(f"the label {uri} names {dataset}, which is no dataset", hint="ask the publisher of the label")
    return dataset


def _read(repository: Repository, path: RecordPath) -> Mapping[str, Any]:
    record = repository.get_record(path)
    if record is None:
        raise record_not_found(repository, path)
    return record.value


def _stated_bytes(parts: Sequence[tuple[AtUri, Mapping[str, Any]]], entries: Sequence[entry.Entry]) -> int | None:
    """Return how many bytes a dataset states to have: each part for itself, or the first for all."""
    links = read_links(parts[0][1])
    if isinstance(links, lexicon.Parts) and links.size and links.size.bytes is not None:
        return links.size.bytes
    stated = [found.size.bytes for found in entries if found.size and found.size.bytes is not None]
    return sum(stated) if len(stated) == len(entries) else None


def read_entry(value: Mapping[str, Any]) -> entry.Entry:
    """Return the entry without its `metadata`, which atdata 0.7 writes in another form; raises InvalidRecord."""
    return entry.Entry.from_json({name: item for name, item in value.items() if name != "metadata"})


def blob_source(repository: Repository, cid: Cid) -> Source:
    """Return where the bytes of a blob are: a URL, or an absolute path, since another process has another folder."""
    found = repository.blob_source(cid)
    return found.absolute() if isinstance(found, Path) else Url(found)


def url_shards(found: entry.Entry) -> Sequence[StoredShard] | None:
    """Return the shards at URLs, those of an unknown kind of storage included; None where the shards are blobs."""
    kind = find_kind(found.storage) or EXTERNAL
    return None if isinstance(kind, FileStorage) else kind.read(found.storage)


def published_shards(parts: Sequence[entry.Entry], key: str) -> Sequence[PublishedShard]:
    """Return the shards of a dataset, each with a name for its file; raises Usage where atpub cannot read one.

    The names are the last segments of the URLs, if these are plain and differ, else `KEY-000000.tar` and so on.
    """
    shards = [shard for found in parts for shard in _shards_of(found)]
    urls = [shard.source for shard in shards if not isinstance(shard.source, Blob)]
    names = _names_of(urls) if len(urls) == len(shards) else None
    return [replace(shard, name=name) for name, shard in zip(names or _number(key, len(shards)), shards, strict=True)]


def _shards_of(found: entry.Entry) -> Iterator[PublishedShard]:
    """Yield the shards of one record, without names."""
    kind = find_kind(found.storage)
    if isinstance(kind, FileStorage):
        for item in kind.read(found.storage):
            yield PublishedShard("", item.blob, item.blob.cid.sha256, item.blob.size)
        return
    folders = read_mirrors(found.content_metadata)
    for shard in url_shards(found) or ():
        url = require_readable(Url(shard.http_url or shard.url))
        yield PublishedShard("", url, shard.sha256, mirrors=tuple(Url(mirror_url(item, url)) for item in folders))


def _names_of(urls: Sequence[str]) -> list[str] | None:
    """Return the last segments of URLs; None unless each is a plain name, and no two are one file."""
    names = [unquote(_path_of(url).rpartition("/")[2]) for url in urls]
    if not all(_NAME.fullmatch(name) and not _DEVICE.fullmatch(name) and len(name.encode()) <= 200 for name in names):
        return None
    files = {normalize("NFKC", name).casefold() for name in names}  # as file systems compare them
    return names if len(files) == len(names) else None


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _number(key: str, count: int) -> list[str]:
    stem = _NOT_IN_KEY.sub("_", key)[:100].lstrip("-")
    return [f"{stem}-{number:06}.tar" for number in range(count)]
