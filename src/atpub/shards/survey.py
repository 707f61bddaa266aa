"""What a shard holds: its samples, and the types and values of their fields. Nothing is unpickled or unpacked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from io import BytesIO
from itertools import chain
from os import SEEK_END
from tarfile import TarError
from typing import Final, Literal, TypeAlias

from atpub.atproto.data import Json
from atpub.problems import Problem
from atpub.shards.field_summary import FieldSummary, merge_fields, read_scalar, summarize, with_fields
from atpub.shards.headers import BLOCK, Member, Stream
from atpub.shards.msgpack_types import NotASample, TooManyValues, read_fields
from atpub.shards.notes import note_problem
from atpub.shards.sample_groups import split_name
from atpub.shards.sample_types import MSGPACK, read_member_type
from atpub.shards.tar import FIRST_SAMPLE, SampleCounter, TarFacts, check_start, read_tar
from atpub.shards.tar_stream import read_members
from atpub.suggest import pluralize, short_list

SurveyFormat: TypeAlias = Literal["members", "msgpack", "mixed", "none"]

_SCALARS: Final = ("integer", "number", "boolean", "string")
_LONGEST_VALUE: Final = 1 << 20
_MOST_MEMBERS: Final = 100
_WARNINGS: Final = frozenset({"tar-empty", "tar-duplicate"})
"""Codes of tars that can be shown, although they cannot be published."""


@dataclass(frozen=True, slots=True)
class ShardSurvey:
    """A shard of `size` bytes: how many samples it has (None: not known), and the fields of the first `looked_at`.

    `fields` are the members by extension, or the fields of msgpack maps; `problems` say what readers meet in it.
    """

    name: str
    size: int
    samples: int | None
    format: SurveyFormat
    looked_at: int
    fields: Mapping[str, FieldSummary]
    problems: tuple[Problem, ...] = ()

    @property
    def is_readable(self) -> bool:
        """Whether no problem is an error."""
        return all(problem.severity == "warning" for problem in self.problems)

    @property
    def is_publishable(self) -> bool:
        """Whether it has samples, and readers can read them."""
        return self.is_readable and bool(self.samples)


def survey_shard(stream: Stream, name: str, most: int | None = None) -> ShardSurvey:
    """Survey the shard in a stream that moves both ways; look at the values of at most `most` samples.

    Only headers are read of the other samples. Raises OSError where the stream cannot be read.
    """
    size = stream.seek(0, SEEK_END)
    stream.seek(0)
    looker = _Looker(stream, most)
    held = read_tar(stream, name, looker.add)
    fields, looked_at, kind = looker.result()
    if isinstance(held, Problem):
        problem = replace(held, severity="warning") if held.code in _WARNINGS else held
        return ShardSurvey(name, size, 0 if held.code == "tar-empty" else None, kind, looked_at, fields, (problem,))
    problems = (*(note_problem(name, note) for note in held.notes), *_differences(name, fields, looked_at, kind))
    return ShardSurvey(name, size, held.samples, kind, looked_at, fields, problems)


def survey_stream(chunks: Iterator[bytes], name: str, size: int | None = None, most: int | None = None) -> ShardSurvey:
    """Survey the shard that comes in chunks; stop after `most` samples, and then the samples are not counted.

    It holds one member at a time. `size` is that of the shard, if it is known.
    """
    start, read = _first_block(chunks), _Counter()
    if problem := check_start(start[:BLOCK], name):
        return ShardSurvey(name, size or len(start), None, "none", 0, {}, (problem,))
    stream, problems = BytesIO(), list[Problem]()
    looker, counter, is_whole = _Looker(stream, most), SampleCounter(stream, FIRST_SAMPLE), True
    try:
        for file in read_members(chain([start], chunks), read.add):
            data = file.data or b""
            stream.seek(0)
            stream.truncate()
            stream.write(data)
            member = Member(file.name, file.is_link, 0, len(data))
            is_whole = not looker.has_enough(file.name)
            if not is_whole:
                break
            if file.is_link or file.data is not None:
                looker.add(member)
                counter.add(member)
    except TarError as error:
        message = f"{name} is cut off or damaged after {pluralize(counter.files, 'file')}: {error}"
        problems.append(Problem("tar-damaged", message, hint="write the shard again"))
    fields, looked_at, kind = looker.result()
    held = counter.result(name)
    if isinstance(held, Problem):
        problems.append(replace(held, severity="warning"))
    else:
        problems += [note_problem(name, note) for note in held.notes]
        problems += _differences(name, fields, looked_at, kind)
    samples = held.samples if isinstance(held, TarFacts) and is_whole else None
    return ShardSurvey(name, size or read.count, samples, kind, looked_at, fields, tuple(problems))


def _first_block(chunks: Iterator[bytes]) -> bytes:
    start = b""
    while len(start) < BLOCK and (chunk := next(chunks, b"")):
        start += chunk
    return start


@dataclass(slots=True)
class _Counter:
    count: int = 0

    def add(self, chunk: bytes) -> None:
        """Count the bytes of a chunk."""
        self.count += len(chunk)


@dataclass(frozen=True, slots=True)
class SurveyTotal:
    """What several shards hold together; `samples` counts those of the shards that have been counted."""

    shards: int = 0
    samples: int = 0
    size: int = 0
    looked_at: int = 0
    fields: Mapping[str, FieldSummary] = field(default_factory=dict[str, FieldSummary])
    is_readable: bool = True

    def add(self, survey: ShardSurvey) -> SurveyTotal:
        """Return the total with one more shard."""
        return SurveyTotal(
            self.shards + 1,
            self.samples + (survey.samples or 0),
            self.size + survey.size,
            self.looked_at + survey.looked_at,
            merge_fields(self.fields, survey.fields),
            self.is_readable and survey.is_readable,
        )


def total_surveys(surveys: Iterable[ShardSurvey]) -> SurveyTotal:
    """Return what shards hold together."""
    return reduce(SurveyTotal.add, surveys, SurveyTotal())


def _differences(
    name: str, fields: Mapping[str, FieldSummary], looked_at: int, kind: SurveyFormat
) -> tuple[Problem, ...]:
    if kind == "mixed":
        message = f"{name}: msgpack and other members are mixed, and readers of msgpack ignore the others"
        return (Problem("mixed-formats", message, hint="write one format", severity="warning"),)
    partial = [f"{item} (in {summary.count:,})" for item, summary in fields.items() if summary.count < looked_at]
    if not partial:
        return ()
    message = f"{name}: not each of the {looked_at:,} samples looked at has {short_list(partial)}"
    return (Problem("differing-fields", message, hint="a schema marks these with `?`", severity="warning"),)


class _Looker:
    """Looks at the values of samples, member by member, as they come in the tar."""

    def __init__(self, stream: Stream, most: int | None) -> None:
        self._stream = stream
        self._most = most
        self._key: str | None = None
        self._looked_at = 0
        self._sample: dict[str, FieldSummary] = {}
        self._fields: dict[str, FieldSummary] = {}
        self._has_msgpack = False
        self._has_members = False

    def add(self, member: Member) -> None:
        """Look at one more member."""
        split = None if member.is_link or member.is_special else split_name(member.name)
        if split is None:
            return
        key, extension = split
        if key != self._key:
            self._end()
            self._key = key
            self._looked_at += self._is_within
        if self._is_within and len(self._sample) < _MOST_MEMBERS:
            self._look(extension, member.start, member.size)

    def has_enough(self, name: str) -> bool:
        """Return whether a file begins a sample that is not looked at."""
        split = split_name(name)
        return split is not None and split[0] != self._key and self._looked_at == self._most

    @property
    def _is_within(self) -> bool:
        return self._most is None or self._looked_at <= self._most

    def _end(self) -> None:
        self._fields = merge_fields(self._fields, self._sample)
        self._sample = {}

    def _look(self, extension: str, start: int | None, size: int) -> None:
        if start is None:
            self._has_members = True
            self._sample[extension] = summarize("unknown", None, size)
            return
        if extension == MSGPACK and (fields := _read_map(self._stream, start, size)) is not None:
            self._has_msgpack = True
            self._sample.update(fields)
            return
        self._has_members = True
        self._stream.seek(start)
        kind = read_member_type(self._stream, size)
        self._stream.seek(start)
        self._sample[extension] = _read_member(self._stream, kind, size)

    def result(self) -> tuple[Mapping[str, FieldSummary], int, SurveyFormat]:
        """Return the fields, the number of samples that were looked at, and their format."""
        self._end()
        looked_at = self._looked_at if self._most is None else min(self._looked_at, self._most)
        if self._has_msgpack:
            return self._fields, looked_at, "mixed" if self._has_members else "msgpack"
        return self._fields, looked_at, "members" if self._has_members else "none"


def _read_map(stream: Stream, start: int, size: int) -> dict[str, FieldSummary] | None:
    """Return the fields of a msgpack map as far as they are looked at; None for other bytes."""
    found: dict[str, FieldSummary] = {}
    try:
        for place in read_fields(stream, start, size):
            value = _read_value(stream, place.start, place.end) if place.type in _SCALARS else None
            found[place.name] = summarize(place.type, value, place.end - place.start)
    except NotASample:
        return None
    except TooManyValues:
        return found
    return found


def _read_value(stream: Stream, start: int, end: int) -> Json:
    if end - start > _LONGEST_VALUE:
        return None
    stream.seek(start)
    return read_scalar(stream.read(end - start))


def _read_member(stream: Stream, kind: Json, size: int) -> FieldSummary:
    if size > _LONGEST_VALUE or not _is_text(kind):
        return summarize(kind, None, size)
    text = stream.read(size).decode()
    if kind == "text":
        return summarize(kind, text, size)
    if kind == "integer":
        return summarize(kind, int(text), size)
    value: Json = json.loads(text)
    if isinstance(kind, dict) and isinstance(value, dict):
        fields = {name: summarize(inner, _scalar(value[name])) for name, inner in kind.items()}
        return with_fields(summarize(kind, text, size), fields)
    return summarize(kind, text if isinstance(value, list) else value, size)


def _scalar(value: Json) -> Json:
    return None if isinstance(value, dict | list) else value


def _is_text(kind: Json) -> bool:
    if isinstance(kind, dict):
        return not isinstance(kind.get("ndarray"), dict)
    return isinstance(kind, list) or kind in _SCALARS or kind in ("text", "null")
