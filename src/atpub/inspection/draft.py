"""Surveys of shards → the schemas and datasets of a first manifest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from atpub.atproto.data import Json, JsonObject
from atpub.importing.keys import slug
from atpub.inspection.declare import Declaration, declare_fields, declare_members
from atpub.shards.field_summary import FieldSummary
from atpub.shards.survey import ShardSurvey, total_surveys

LARGEST_BLOB: Final = 52_428_800
"""Bytes: the lexicon's limit for a shard that is a blob."""

_NUMBERING: Final = re.compile(r"(\d+)(?:[-_.]?of[-_.]?\d+)?$", re.ASCII)


class Stem(NamedTuple):
    """The folder of shards (`.` for the manifest's own), and what their names start with before the number."""

    folder: str
    start: str


@dataclass(frozen=True, slots=True)
class DatasetDraft:
    """A dataset of shards, relative to the manifest: those in one folder whose names differ in their numbers."""

    key: str
    schema: str
    stem: Stem
    shards: tuple[str, ...]
    size: int
    samples: int | None
    is_too_large: bool


@dataclass(frozen=True, slots=True)
class SchemaDraft:
    """A schema, described from the values of `looked_at` samples."""

    key: str
    nsid: str
    declaration: Declaration
    looked_at: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A first manifest."""

    project: str
    schemas: tuple[SchemaDraft, ...]
    datasets: tuple[DatasetDraft, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    stem: Stem
    shards: tuple[ShardSurvey, ...]

    @property
    def layout(self) -> JsonObject:
        """What two groups must share to have one schema: the format, and the fields with their kinds."""
        fields = {name: _kind(summary) for name, summary in self.fields.items()}
        return {"format": self.shards[0].format, "fields": dict(sorted(fields.items()))}

    @property
    def fields(self) -> Mapping[str, FieldSummary]:
        return total_surveys(self.shards).fields


def draft_manifest(folder: str, surveys: Sequence[ShardSurvey], nsid: str | None = None) -> Draft:
    """Draft the manifest of a folder of this name; the surveys are named by paths relative to it.

    All shards must be readable, and have samples of one format each.
    """
    project = project_name(folder)
    groups = _group(surveys)
    keys = dict(zip(groups, _dataset_keys([group.stem for group in groups.values()], project), strict=True))
    layouts: list[JsonObject] = []
    members: list[list[Stem]] = []
    for name, group in groups.items():
        layout = group.layout
        if layout in layouts:
            members[layouts.index(layout)].append(name)
        else:
            layouts.append(layout)
            members.append([name])
    schema_keys = [keys[names[0]] for names in members] if len(members) > 1 else ["sample"]
    nsids = _nsids(schema_keys, nsid or f"org.example.{_camel_case(project)}")
    schemas = [
        _schema(key, [groups[name] for name in names], each)
        for key, names, each in zip(schema_keys, members, nsids, strict=True)
    ]
    schema_of = {name: schema.key for schema, names in zip(schemas, members, strict=True) for name in names}
    datasets = tuple(_dataset(keys[name], schema_of[name], group) for name, group in groups.items())
    return Draft(project, tuple(schemas), datasets)


def project_name(folder: str) -> str:
    """Return the name of a folder as that of a project; `data` where nothing of it is left."""
    return slug(folder)[:64].rstrip("-._") or "data"


def _group(surveys: Iterable[ShardSurvey]) -> dict[Stem, _Group]:
    """Group shards by folder and by name without its number."""
    groups: dict[Stem, list[ShardSurvey]] = {}
    for survey in surveys:
        groups.setdefault(_stem(survey.name), []).append(survey)
    found = {stem: _Group(stem, tuple(shards)) for stem, shards in groups.items()}
    return {each.stem: each for group in found.values() for each in _split(group)}


def _split(group: _Group) -> list[_Group]:
    """Take a group apart whose numbers are part of names: cifar10.tar and cifar100.tar."""
    if not group.stem.start[-1:].isalpha():
        return [group]
    stems = [PurePosixPath(shard.name).stem for shard in group.shards]
    numbers = sorted(int(number[1]) for stem in stems if (number := _NUMBERING.search(stem)))
    if len(numbers) > 1 and numbers == [*range(numbers[0], numbers[0] + len(numbers))]:
        return [group]
    pairs = zip(stems, group.shards, strict=True)
    return [_Group(Stem(group.stem.folder, stem), (shard,)) for stem, shard in pairs]


def _stem(name: str) -> Stem:
    path = PurePosixPath(name)
    return Stem(str(path.parent), _NUMBERING.sub("", path.name.removesuffix(path.suffix)))


def _dataset_keys(stems: Sequence[Stem], project: str) -> list[str]:
    """Return a key for each stem: its last part that says something, with folders before it where two are alike."""
    parts = [[part for part in map(slug, (*PurePosixPath(stem.folder).parts, stem.start)) if part] for stem in stems]
    keys: list[str] = []
    for own in (each or [project] for each in parts):
        length = 1
        while length < len(own) and sum(other[-length:] == own[-length:] for other in parts) > 1:
            length += 1
        key = "-".join(own[-length:])
        keys.append(key if key not in keys else f"{key}-{len(keys) + 1}")
    return keys


def _kind(summary: FieldSummary) -> Json:
    """Return the types of a field without what two datasets of one schema may differ in."""
    kinds = {kind if isinstance(kind, str) else "ndarray" if "ndarray" in kind else "list" for kind in _types(summary)}
    return [*sorted(kinds)]


def _types(summary: FieldSummary) -> list[str | list[Json] | JsonObject]:
    return [kind for kind in summary.types if isinstance(kind, str | list | dict)]


def _schema(key: str, groups: Sequence[_Group], nsid: str) -> SchemaDraft:
    shards = [shard for group in groups for shard in group.shards]
    total = total_surveys(shards)
    declare = declare_fields if shards[0].format == "msgpack" else declare_members
    return SchemaDraft(key, nsid, declare(total.fields, total.looked_at), total.looked_at)


def _nsids(keys: Sequence[str], first: str) -> list[str]:
    """Return the NSID of each schema; if there are several, with its key."""
    nsids: list[str] = []
    for key in keys:
        name = first if len(keys) == 1 else first + _pascal_case(_camel_case(key))
        nsids.append(name if name not in nsids else f"{name}{len(nsids) + 1}")
    return nsids


def _pascal_case(name: str) -> str:
    return name[:1].upper() + name[1:]


def _camel_case(text: str) -> str:
    """Return text as the last segment of an NSID: ASCII letters and digits, a letter first, at most 40."""
    first, *rest = [part for part in re.split(r"[^A-Za-z0-9]+", text) if part] or ["sample"]
    joined = first + "".join(part[:1].upper() + part[1:] for part in rest)
    if not joined[0].isalpha() or iskeyword(_pascal_case(joined)):  # readers make a class of it
        joined = f"set{_pascal_case(joined)}"
    return joined[:40]


def _dataset(key: str, schema: str, group: _Group) -> DatasetDraft:
    counts = [shard.samples for shard in group.shards if shard.samples is not None]
    return DatasetDraft(
        key,
        schema,
        group.stem,
        tuple(shard.name for shard in group.shards),
        sum(shard.size for shard in group.shards),
        sum(counts) if len(counts) == len(group.shards) else None,
        any(shard.size > LARGEST_BLOB for shard in group.shards),
    )
