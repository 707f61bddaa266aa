"""A draft → the text of a manifest, with comments that say what to change."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from textwrap import indent
from typing import Final
from urllib.parse import quote

from atpub.atproto.data import Json
from atpub.inspection.draft import LARGEST_BLOB, DatasetDraft, Draft, SchemaDraft
from atpub.shards.braces import escape
from atpub.suggest import pluralize, short_list
from atpub.text.yaml_writer import double_quote, with_dollars_kept, yaml_text

_PLAIN: Final = re.compile(r"[A-Za-z_][\w./+-]*")
_URL: Final = "https://example.org"

FindPattern = Callable[[DatasetDraft], Json]


def manifest_text(draft: Draft, patterns: FindPattern, checksums: Sequence[str]) -> str:
    """Write the manifest; `patterns` returns the `blobs:` of a dataset, `checksums` are the files of them beside."""
    return "".join(f"{line}\n" for line in _lines(draft, patterns, checksums))


def file_pattern(dataset: DatasetDraft) -> str:
    """Return a pattern for the shards of a dataset, which may match others, too; of a single shard, its path."""
    if len(dataset.shards) == 1:
        return escape(dataset.shards[0])
    folder = "" if dataset.stem.folder == "." else f"{escape(dataset.stem.folder)}/"
    return f"{folder}{escape(dataset.stem.start)}*.{dataset.shards[0].rpartition('.')[2]}"


def _lines(draft: Draft, patterns: FindPattern, checksums: Sequence[str]) -> Iterator[str]:
    yield "# Written by `atpub init`. Every key: docs/manifest.md of atpub."
    yield "atpub: 1"
    yield _entry("project", draft.project)
    yield "account: local   # a repository in .atpub/local; later your handle: lab.example.org"
    yield ""
    yield "schemas:"
    for schema in draft.schemas:
        yield from _schema(schema)
    yield ""
    large = [dataset for dataset in draft.datasets if dataset.is_too_large]
    small = [dataset for dataset in draft.datasets if not dataset.is_too_large]
    if small:
        yield "datasets:"
        for dataset in small:
            yield from _dataset(dataset, patterns(dataset))
    for dataset in large:
        yield from _large_dataset(dataset, within=bool(small))
    if checksums:
        yield "  # Checksums beside the data, for `checksums:` of datasets with `urls:`:"
        yield f"  #   {_comment(checksums, 2)}"


def _schema(schema: SchemaDraft) -> Iterator[str]:
    declaration = schema.declaration
    yield f"  {_flow_text(schema.key)}:"
    hint = "   # change it: a domain of yours, reversed, and a name" if schema.nsid.startswith("org.example.") else ""
    yield f"    nsid: {schema.nsid}{hint}"
    yield "    version: 1.0.0"
    yield f"    {declaration.key}:   # as in {pluralize(schema.looked_at, 'sample')} looked at"
    for name, kind in declaration.value.items():
        yield _type(name, with_dollars_kept(kind))
    if declaration.left_out:
        yield f"      # left out: {_comment(declaration.left_out)}: no schema can declare members of these names"
    if declaration.weakened:
        yield "      # Each sample has these, too, but readers want optional fields last, by length and alphabet:"
        yield f"      # {_comment(declaration.weakened)}"


def _dataset(dataset: DatasetDraft, blobs: Json) -> Iterator[str]:
    samples = "" if dataset.samples is None else f"   # {pluralize(dataset.samples, 'sample')}, {dataset.size:,} bytes"
    yield f"  {_flow_text(dataset.key)}:{samples}"
    yield f"    schema: {_flow_text(dataset.schema)}"
    yield _block(with_dollars_kept({"name": dataset.key, "blobs": blobs}), 4)
    yield "    # description: What the data is, and how it was made."
    yield "    # license: CC-BY-4.0"


def _large_dataset(dataset: DatasetDraft, *, within: bool) -> Iterator[str]:
    """Comment on a dataset whose shards cannot be blobs, and whose URLs are not known."""
    name = dataset.shards[0].rpartition("/")[2]
    key = _flow_text(dataset.key)
    yield f"# {dataset.key}: a shard is larger than {LARGEST_BLOB:,} bytes, the most that a PDS stores as a blob."
    yield "# Upload the shards to a web server or a bucket, list their URLs, and write the checksums beside this file:"
    yield f"#   sha256sum {_one_line(_shell_pattern(dataset))} > {dataset.key}.sha256"
    if not within:
        yield "# datasets:"
    yield f"#  {key}:"
    yield f"#    schema: {_flow_text(dataset.schema)}"
    yield f"#    urls: [{double_quote(f'{_URL}/{quote(name)}')}]   # and the others: {{000000..000009}} stands for ten"
    yield f"#    checksums: {dataset.key}.sha256"


def _shell_pattern(dataset: DatasetDraft) -> str:
    if len(dataset.shards) == 1:
        return shlex.quote(dataset.shards[0])
    folder, slash, name = dataset.shards[0].rpartition("/")
    return f"{shlex.quote(f'{folder}{slash}{dataset.stem.start}')}*.{name.rpartition('.')[2]}"


def _one_line(text: str) -> str:
    """Return text for a comment, which a line break would end."""
    return text if text.isprintable() else double_quote(text)


def _comment(names: Sequence[str], most: int = 5) -> str:
    """Return the first names on one line: without characters that end it."""
    return short_list([name if _PLAIN.fullmatch(name) else double_quote(name) for name in names], most)


def _type(name: str, kind: Json) -> str:
    """Write a member or field: on one line, if it fits."""
    flow = f"      {_flow_text(name)}: {_flow(kind)}"
    return flow if isinstance(kind, dict) and len(flow) <= 100 else _block({name: kind}, 6)


def _flow(value: Json) -> str:
    match value:
        case dict():
            return f"{{{', '.join(f'{_flow(key)}: {_flow(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case str():
            return _flow_text(value)
        case _:
            return yaml_text(value).strip()


def _flow_text(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and yaml_text(text).strip() == text else double_quote(text)


def _entry(key: str, value: Json) -> str:
    return yaml_text({key: value}).rstrip("\n")


def _block(value: Json, width: int) -> str:
    return indent(yaml_text(value), " " * width).rstrip("\n")
