"""What is published, as text and as JSON: the list of an account's datasets, and single records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Final, cast

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri
from atpub.published.listing import ListedDataset, State
from atpub.published.model import (
    CodeReference,
    DatasetView,
    LabelView,
    LensView,
    SchemaView,
    ShardView,
    Unreadable,
    View,
)
from atpub.report.problems import FORMAT_VERSION
from atpub.report.style import BOLD, FAINT, PLAIN, RED, YELLOW, Style
from atpub.report.table import paragraph, table
from atpub.repository.model import Record
from atpub.suggest import pluralize, size

_MOST_SHARDS: Final = 5
_LABEL: Final = 11
_COLOURS: Final[dict[State, int]] = {
    "changed": YELLOW,
    "not published": YELLOW,
    "not owned": YELLOW,
    "to be removed": RED,
}


def list_text(listed: Sequence[ListedDataset], *, width: int, long: bool = False, style: Style = PLAIN) -> str:
    """Return a table with a line for each dataset; `long` shows URIs in place of record keys."""
    if not listed:
        return "No datasets."
    rows = [
        (
            str(item.uri) if long else item.address or item.uri.rkey or "",
            item.title,
            "" if item.samples is None else f"{item.samples:,}",
            "" if item.bytes is None else size(item.bytes),
            "" if item.shards is None else f"{item.shards:,}",
            ", ".join(item.labels),
            item.state or "",
        )
        for item in listed
    ]
    head = ("DATASET", "TITLE", "SAMPLES", "SIZE", "SHARDS", "LABELS", "STATE")
    first, *lines = table(head, rows, width, ("SHARDS", "LABELS", "SAMPLES"), whole=("DATASET", "STATE"))
    colours = [_COLOURS.get(item.state) if item.state else None for item in listed]
    shown = (style(line, colour) if colour else line for line, colour in zip(lines, colours, strict=True))
    return "\n".join([style(first, FAINT), *shown])


def list_json(account: str, did: str, listed: Sequence[ListedDataset]) -> JsonObject:
    """Return the datasets as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "account": account,
        "did": did,
        "datasets": [
            {
                "uri": str(item.uri),
                "address": item.address,
                "title": item.title,
                "samples": item.samples,
                "bytes": item.bytes,
                "shards": item.shards,
                "labels": [*item.labels],
                "state": item.state,
            }
            for item in listed
        ],
    }


def view_text(item: View, *, width: int, style: Style = PLAIN) -> str:
    """Return a record as people read it; a dataset with its schema as a table, its shards, and how to load it."""
    match item:
        case DatasetView():
            lines = _dataset_lines(item, width, style)
        case SchemaView():
            lines = _schema(item, width, style)
        case LabelView():
            lines = _label(item, width, style)
        case LensView():
            lines = _lens(item, width, style)
    return "\n".join(lines)


def _dataset_lines(item: DatasetView, width: int, style: Style) -> Iterator[str]:
    yield from _title(item.title, item.description, width, style)
    yield from _pairs(_facts(item), style)
    yield from _section("schema", _schema_lines(item.schema, width) if item.schema else [item.schema_uri], style)
    if item.lenses:
        yield from _section("lenses", [f"{lens.name}: {lens.source} → {lens.target}" for lens in item.lenses], style)
    yield from _section("shards", _shard_lines(item.shards, width), style)
    yield from _section("load it", [f"{name:<{_LABEL}}{code}" for name, code in loading_code(item)], style)


def _facts(item: DatasetView) -> Iterator[tuple[str, str]]:
    yield "uri", str(item.uri)
    yield "cid", str(item.cid)
    yield "publisher", str(item.publisher)
    yield "license", item.license or "none stated"
    yield "tags", ", ".join(item.tags)
    yield "size", size_text(item)
    yield "created", item.created_at
    yield "labels", ", ".join(map(str, item.labels))


def size_text(item: DatasetView) -> str:
    """Return how much data a dataset states: `1,797 samples, 1.2 MB, 6 shards`."""
    return ", ".join(extent(item))


def extent(item: DatasetView) -> list[str]:
    """Return the numbers of samples, bytes and shards of a dataset in words, as far as they are known."""
    known = [] if item.size.samples is None else [pluralize(item.size.samples, "sample")]
    known += [] if item.size.bytes is None else [size(item.size.bytes)]
    return [*known, pluralize(item.size.shards, "shard")]


def _pairs(pairs: Iterable[tuple[str, str]], style: Style) -> Iterator[str]:
    yield from (f"{style(f'{name:<{_LABEL}}', FAINT)}{style(value)}" for name, value in pairs if value)


def _section(name: str, lines: Iterable[str], style: Style) -> Iterator[str]:
    yield ""
    yield style(name, BOLD)
    yield from (f"  {style(line)}" for line in lines)


def _schema_lines(schema: SchemaView, width: int) -> list[str]:
    rows = [
        (field.name, f"{field.type}{'?' if field.is_optional else ''}", field.member or "", field.description)
        for field in schema.fields
    ]
    head = f"{schema.name} {schema.version} ({schema.format})"
    return [head, *table(("FIELD", "TYPE", "MEMBER", "DESCRIPTION"), rows, width - 2)]


def _shard_lines(shards: Sequence[ShardView], width: int) -> list[str]:
    rows = [
        (shard.name, "" if shard.size is None else size(shard.size), shard.url or str(shard.blob), shard.sha256 or "")
        for shard in shards[:_MOST_SHARDS]
    ]
    lines = table(("NAME", "SIZE", "URL OR CID", "SHA-256"), rows, width - 2, ("SHA-256",))
    more = len(shards) - len(rows)
    return [*lines, *([f"… and {more:,} more"] if more else [])]


def loading_code(item: DatasetView) -> Iterator[tuple[str, str]]:
    """Yield the name of each package that loads the dataset, and the Python expression that does."""
    yield "atpub", f'atpub.load("{item.uri}")'
    urls = [shard.url for shard in item.shards if shard.url]
    if urls:
        more = ", …" if len(urls) > 1 else ""
        yield "webdataset", f"webdataset.WebDataset([{json.dumps(urls[0])}{more}])"
    else:
        yield "shell", f"atpub pull {item.uri} --out data"
        yield "webdataset", 'webdataset.WebDataset(sorted(glob("data/*.tar")))'
    if item.schema is None or item.schema.format == "msgpack":
        yield "atdata", f'atdata.atmosphere.DatasetLoader(client).to_dataset("{item.uri}", Sample)'


def _schema(item: SchemaView, width: int, style: Style) -> Iterator[str]:
    head, *fields = _schema_lines(item, width + 2)
    yield from _title(head, item.description, width, style)
    yield from _pairs([("uri", str(item.uri)), ("created", item.created_at)], style)
    yield ""
    yield from map(style, fields)


def _label(item: LabelView, width: int, style: Style) -> Iterator[str]:
    yield from _title(str(item), item.description, width, style)
    yield from _pairs([("dataset", item.dataset), ("uri", str(item.uri)), ("created", item.created_at)], style)


def _lens(item: LensView, width: int, style: Style) -> Iterator[str]:
    yield from _title(item.name, item.description, width, style)
    code = [("getter", _code_text(item.getter)), ("putter", _code_text(item.putter))]
    yield from _pairs([("source", item.source), ("target", item.target), *code, ("uri", str(item.uri))], style)


def _title(title: str, description: str, width: int, style: Style) -> Iterator[str]:
    yield style(title, BOLD)
    yield from paragraph(description, width)
    yield ""


def _code_text(code: CodeReference) -> str:
    return f"{code.path} in {code.repository} at {code.commit}"


def record_json(uri: AtUri, record: Record) -> JsonObject:
    """Return a record of any collection as JSON."""
    return {"format_version": FORMAT_VERSION, "uri": str(uri), "cid": record.cid, "record": record.value}


def unreadable_text(item: Unreadable, style: Style = PLAIN) -> str:
    """Return a line about a record that cannot be shown."""
    return f"{style('warning', YELLOW)}: {style(f'{item.uri} is left out: {item.reason}')}"


def view_json(item: View) -> JsonObject:
    """Return a view of a record as JSON, the record included."""
    return {"format_version": FORMAT_VERSION, **{name: _plain(value) for name, value in _fields(item)}}


def _fields(item: object) -> Iterator[tuple[str, object]]:
    assert is_dataclass(item)
    yield from ((field.name, getattr(item, field.name)) for field in fields(item))


def _plain(value: object) -> Json:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str | AtUri):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Sequence):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    return {name: _plain(item) for name, item in _fields(value)}
