"""Dataset: shards, and typed samples out of them."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, get_args
from urllib.parse import unquote, urlsplit

from atpub.atmosphere.download import CHUNK, download, new_client
from atpub.atmosphere.samples import sample_reader
from atpub.errors import InvalidArgument, Problem, Unavailable, Usage
from atpub.lexicon.data import JsonObject
from atpub.report.html import facts_html
from atpub.shards.braces import expand_braces
from atpub.syntax import AtUri

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

S = TypeVar("S")

_SAMPLE: Final = ".msgpack"


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard: its URL or path, and the SHA-256 of its bytes where it is known."""

    url: str
    sha256: str | None = None


class Dataset(Generic[S]):
    """A dataset of samples of one class: `Dataset[MySample]("s3://bucket/data-{000000..000009}.tar")`.

    It is what publishers take. Iterating reads the samples of shards that are local files or at http(s) URLs.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        metadata: Mapping[str, Any] | None = None,
        sample_type: type[S] | None = None,
    ) -> None:
        """Take where the shards are, in brace notation or listed; `metadata` is about the dataset as a whole."""
        self.urls: tuple[str, ...] = (url,) if isinstance(url, str) else tuple(url)
        self.metadata = None if metadata is None else dict(metadata)
        self.uri: AtUri | None = None
        """Where the record is that it was loaded from."""
        self.record: JsonObject | None = None
        """That record."""
        self._sample_type = sample_type
        self._shards: tuple[Shard, ...] | None = None

    @classmethod
    def of_record(
        cls, uri: AtUri, record: JsonObject, shards: Sequence[Shard], metadata: JsonObject | None, sample_type: type[S]
    ) -> Dataset[S]:
        """A dataset that was published."""
        made = cls([shard.url for shard in shards], metadata=metadata, sample_type=sample_type)
        made.uri, made.record, made._shards = uri, record, tuple(shards)
        return made

    @property
    def url(self) -> str:
        """Where the shards are, as webdataset writes several: with `::` between them."""
        return "::".join(self.urls)

    @property
    def sample_type(self) -> type[S]:
        """The class of the samples; raises Usage where it was not said."""
        found: type[S] | None = self._sample_type
        if found is None:
            given = get_args(getattr(self, "__orig_class__", None))
            found = given[0] if given and isinstance(given[0], type) else None
        if found is None:
            raise Usage("the class of the samples is not known", hint="make it as Dataset[MySample](url)")
        return found

    def list_shards(self) -> list[str]:
        """The URL of each shard; raises InvalidArgument where the brace notation is wrong."""
        found: list[str] = []
        for pattern in self.urls:
            expanded = expand_braces(pattern) if self._shards is None else (pattern,)
            if isinstance(expanded, Problem):
                raise InvalidArgument((expanded,))
            found.extend(expanded)
        return found

    def __iter__(self) -> Iterator[S]:
        """The samples, shard by shard; raises Unavailable at the end of a shard that is not what its checksum says."""
        sample_type = self._known_type()
        read = sample_reader(sample_type)
        for shard in self._shards if self._shards is not None else map(Shard, self.list_shards()):
            for packed in _packed_samples(shard):
                yield read(packed)

    def _known_type(self) -> type[S] | None:
        try:
            return self.sample_type
        except Usage:
            return None

    def __repr__(self) -> str:
        kind = self._known_type()
        return f"Dataset{f'[{kind.__name__}]' if kind else ''}({self.url!r})"

    def _repr_html_(self) -> str:
        record, kind = self.record or {}, self._known_type()
        facts = {"samples": kind.__name__} if kind else {}
        facts |= {"uri": str(self.uri)} if self.uri else {}
        facts |= {name: str(record[name]) for name in ("description", "license", "tags", "size") if name in record}
        facts |= {name: str(value) for name, value in (self.metadata or {}).items()}
        return facts_html(str(record.get("name", "Dataset")), facts, self.list_shards())


def _chunks(url: str) -> Iterator[bytes]:
    """The bytes of a shard; raises Unavailable, and Usage where there is no way to them."""
    match urlsplit(url).scheme:
        case "http" | "https":
            return _http_chunks(url)
        case "file":
            return _file_chunks(Path(unquote(urlsplit(url).path)))
        case _ if "://" in url:
            hint = "publish S3 datasets with their endpoint; of other schemes, read the shards yourself"
            raise Usage(f"{url} cannot be read over HTTP", hint=hint)
        case _:
            return _file_chunks(Path(url))


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            yield from iter(lambda: stream.read(CHUNK), b"")
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}", hint="is it there?") from None


def _http_chunks(url: str) -> Iterator[bytes]:
    with new_client() as client, download(client, url) as (chunks, _):
        yield from chunks


def _packed_samples(shard: Shard) -> Iterator[bytes]:
    """The `.msgpack` files of a shard, in constant memory."""
    digest = sha256()
    with closing(_Reader(_chunks(shard.url), digest.update)) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    found = archive.extractfile(member) if member.isreg() else None
                    if found is not None and member.name.endswith(_SAMPLE):
                        yield found.read()
        except tarfile.TarError as error:
            raise Unavailable(f"{shard.url} is no whole tar archive: {error}") from None
        stream.drain()
    if shard.sha256 is not None and digest.hexdigest() != shard.sha256:
        hint = "it was changed after it was published, or damaged on its way: do not trust its samples"
        raise Unavailable(f"{shard.url} is not what its checksum says", hint=hint)


class _Reader(RawIOBase):
    """Chunks as a stream; each is told to `on_chunk` as it is read."""

    def __init__(self, chunks: Iterator[bytes], on_chunk: Callable[[bytes], object]) -> None:
        self._chunks = chunks
        self._on_chunk = on_chunk
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        if not self._left:
            self._left = next(self._chunks, b"")
            self._on_chunk(self._left)
        taken, self._left = self._left[: len(view)], self._left[len(view) :]
        view[: len(taken)] = taken
        return len(taken)

    def drain(self) -> None:
        """Read what is left."""
        for chunk in self._chunks:
            self._on_chunk(chunk)
