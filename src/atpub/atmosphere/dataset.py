"""Dataset: shards, and typed samples out of them."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import MISSING, dataclass, fields, is_dataclass
from hashlib import sha256
from typing import Any, Generic, TypeVar, get_args

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri
from atpub.errors import InvalidArgument, Unavailable, Usage
from atpub.problems import Problem
from atpub.published.model import FieldView
from atpub.pulling.download import Source, Url, url_of, users_source
from atpub.pulling.sources import chunks_of
from atpub.report.html import dataset_html
from atpub.shards.braces import expand_braces
from atpub.shards.member_samples import member_reader
from atpub.shards.sample_groups import NotASampleError, Sample, group_samples
from atpub.shards.sample_types import MSGPACK
from atpub.shards.samples import sample_reader
from atpub.shards.tar_stream import File, read_members
from atpub.suggest import pluralize, size

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard: where its bytes are, their SHA-256 where it is known, and where else they are."""

    source: Source
    sha256: str | None = None
    mirrors: tuple[Url, ...] = ()


class Dataset(Generic[S]):
    """A dataset of samples of one class: `Dataset[MySample]("s3://bucket/data-{000000..000009}.tar")`.

    It is what publishers take. Iterating reads the samples of shards that are at http(s) URLs or, unless the dataset
    was loaded from a record, local files.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        metadata: Mapping[str, Any] | None = None,
        sample_type: type[S] | None = None,
        decode: bool = False,
    ) -> None:
        """Take where the shards are, in brace notation or listed; `metadata` is about the dataset as a whole.

        `decode` makes images of members that hold one, in place of bytes.
        """
        self.urls: tuple[str, ...] = (url,) if isinstance(url, str) else tuple(url)
        self.metadata = None if metadata is None else dict(metadata)
        self.uri: AtUri | None = None
        """Where the record is that it was loaded from."""
        self.record: JsonObject | None = None
        """That record."""
        self._sample_type = sample_type
        self._fields: Sequence[FieldView] | None = None
        self._decode = decode
        self._shards: tuple[Shard, ...] | None = None

    @classmethod
    def of_record(
        cls,
        uri: AtUri,
        record: JsonObject,
        shards: Sequence[Shard],
        metadata: JsonObject | None,
        sample_type: type[S],
        *,
        fields: Sequence[FieldView] | None = None,
        decode: bool = False,
    ) -> Dataset[S]:
        """Return the dataset of a published record; `fields` are those of its schema, where that was read."""
        urls = [url_of(shard.source) for shard in shards]
        made = cls(urls, metadata=metadata, sample_type=sample_type, decode=decode)
        made.uri, made.record, made._shards, made._fields = uri, record, tuple(shards), fields
        return made

    @property
    def url(self) -> str:
        """Where the shards are, as webdataset writes several: with `::` between them."""
        return "::".join(self.urls)

    @property
    def sample_type(self) -> type[S]:
        """The class of the samples; raises Usage where it is not known."""
        found: type[S] | None = self._sample_type
        if found is None:
            given = get_args(getattr(self, "__orig_class__", None))
            found = given[0] if given and isinstance(given[0], type) else None
        if found is None:
            raise Usage("the class of the samples is not known", hint="make it as Dataset[MySample](url)")
        return found

    def list_shards(self) -> list[str]:
        """Return the URL of each shard; raises InvalidArgument where the brace notation is wrong."""
        found: list[str] = []
        for pattern in self.urls:
            expanded = expand_braces(pattern) if self._shards is None else (pattern,)
            if isinstance(expanded, Problem):
                raise InvalidArgument((expanded,))
            found.extend(expanded)
        return found

    def __iter__(self) -> Iterator[S]:
        """Yield the samples, shard by shard; raises Unavailable at the end of a shard with a wrong checksum."""
        sample_type = self._known_type()
        shards = map(Shard, map(users_source, self.list_shards())) if self._shards is None else self._shards
        read, read_members = sample_reader(sample_type), member_reader(sample_type, decode=self._decode)
        for shard in shards:
            yield from _samples_of(shard, read, read_members)

    def _known_type(self) -> type[S] | None:
        try:
            return self.sample_type
        except Usage:
            return None

    def __repr__(self) -> str:
        kind = self._known_type()
        more = f", … {len(self.urls) - 1:,} more" if len(self.urls) > 1 else ""
        where = (
            f"{str(self.uri)!r}, {pluralize(len(self.urls), 'shard')}" if self.uri else f"{self.urls[:1]}"[1:-2] + more
        )
        return f"Dataset{f'[{kind.__name__}]' if kind else ''}({where})"

    def _repr_html_(self) -> str:
        record = self.record or {}
        try:
            shards = self.list_shards()
        except InvalidArgument:  # what is shown is what was given
            shards = [*self.urls]
        return dataset_html(str(record.get("name", "Dataset")), self._facts(), self._shown_fields(), shards)

    def _facts(self) -> dict[str, str]:
        record, kind, tags = self.record or {}, self._known_type(), (self.record or {}).get("tags")
        facts = {
            "uri": str(self.uri or ""),
            **{name: str(record.get(name, "")) for name in ("description", "license")},
            "tags": ", ".join(map(str, tags)) if isinstance(tags, list) else "",
            "size": _size_text(record.get("size")),
            "samples": kind.__name__ if kind else "",
            **{name: str(value) for name, value in (self.metadata or {}).items()},
        }
        return {name: text for name, text in facts.items() if text}

    def _shown_fields(self) -> Sequence[FieldView]:
        kind: Any = self._known_type()
        if self._fields is not None or not is_dataclass(kind):
            return self._fields or ()
        return [FieldView(item.name, _type_text(item.type), item.default is not MISSING) for item in fields(kind)]


def _size_text(stated: Json) -> str:
    """Return the size of a dataset that its record states, as far as it can be read."""
    known = stated if isinstance(stated, dict) else {}
    samples, total, shards = (known.get(name) for name in ("samples", "bytes", "shards"))
    parts = [pluralize(samples, "sample")] if isinstance(samples, int) else []
    parts += [size(total)] if isinstance(total, int) else []
    parts += [pluralize(shards, "shard")] if isinstance(shards, int) else []
    return ", ".join(parts)


def _type_text(annotation: object) -> str:
    return annotation.__name__ if type(annotation) is type else str(annotation)


def _samples_of(
    shard: Shard, read: Callable[[str, bytes], S], read_members: Callable[[str, Mapping[str, bytes]], S | None]
) -> Iterator[S]:
    """Yield the samples of a shard in either format; raises Usage where it holds files, but no sample that fits."""
    count, is_msgpack, seen = 0, False, _Names()
    for key, files in _groups(shard, seen):
        name = f"{shard.source}: {key}"
        if MSGPACK in files:
            is_msgpack = True
            found: S | None = read(f"{name}.{MSGPACK}", files[MSGPACK])
        else:
            found = None if is_msgpack else read_members(name, files)
        if found is None:
            seen.extensions = seen.extensions or ", ".join(files)
            continue
        count += 1
        yield found
    if count:
        return
    if seen.extensions:
        hint = "load it as dict, or with a class whose fields are these"
        raise Usage(f"{shard.source} holds samples of {seen.extensions}, and the class takes none of them", hint=hint)
    if seen.first:
        hint = "a sample's file is a regular one with an extension, such as 0001.jpg; ask the publisher of the shard"
        raise Usage(f"{shard.source} holds no samples: its first member is {seen.first}", hint=hint)


def _groups(shard: Shard, seen: _Names) -> Iterator[Sample]:
    try:
        yield from group_samples(seen.note(_files(shard)))
    except NotASampleError as error:
        raise Unavailable(f"{shard.source}: {error}", hint="ask the publisher of the shard") from None


@dataclass(slots=True)
class _Names:
    """What a shard holds, for the message about a shard without samples."""

    first: str = ""
    extensions: str = ""

    def note(self, files: Iterable[File]) -> Iterator[tuple[str, bytes]]:
        """Yield the regular files; keep the name of the first member of any kind."""
        for name, data, _ in files:
            self.first = self.first or name
            if data is not None:
                yield name, data


def _files(shard: Shard) -> Iterator[File]:
    """Yield the members of a shard, one at a time."""
    digest = sha256()
    with closing(chunks_of(shard.source, shard.mirrors)) as chunks:
        try:
            yield from read_members(chunks, (lambda _: None) if shard.sha256 is None else digest.update)
        except tarfile.TarError as error:
            raise Unavailable(f"{shard.source} is no whole tar archive: {error}") from None
    if shard.sha256 is not None and digest.hexdigest() != shard.sha256:
        hint = "it was changed after it was published, or damaged on its way: do not trust its samples"
        raise Unavailable(f"{shard.source} is not what its checksum says", hint=hint)
