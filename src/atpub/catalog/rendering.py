"""Templates, and texts that are written in other forms than prose: code, JSON, CSV.

Whatever a template prints is escaped twice: control and invisible characters by `escape_terminal`, markup by Jinja.
Pages make no request of any kind, and their Content-Security-Policy forbids it.
"""

from __future__ import annotations

import csv
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from io import StringIO
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from atpub.atproto.data import Json
from atpub.catalog.facts import format_json
from atpub.published.model import DatasetView, ShardView
from atpub.report.escape import escape_html, escape_terminal

_MOST_ITEMS: Final = 5
_LONGEST_TEXT: Final = 300
_LONGEST_RECORD: Final = 20_000
_FORMULA: Final = ("=", "+", "-", "@")


def render(template: str, values: Mapping[str, object]) -> str:
    """Render a template; each value that is no Markup is escaped."""
    return _environment().get_template(template).render(_assets(), **values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("atpub.catalog"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )


@cache
def _assets() -> Mapping[str, str]:
    css, script = _asset("site.css"), _asset("search.js")
    return {"css": css, "script": script, "policy": _policy(css, script)}


def _asset(name: str) -> Markup:
    environment = _environment()
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])  # noqa: S704 - a file of ours


def _finalize(value: object) -> object:
    return value if isinstance(value, Markup) else escape_terminal(str(value))


def _policy(css: str, script: str) -> str:
    """Return the Content-Security-Policy: one style, one script, and images and sound that the page holds itself."""
    style_hash, script_hash = (b64encode(sha256(text.encode()).digest()).decode() for text in (css, script))
    return (
        f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; "
        "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
    )


def code_text(text: str) -> Markup:
    """Return several lines of code, each escaped."""
    return Markup("\n".join(map(escape_html, text.split("\n"))))  # noqa: S704 - escaped here


def shorten(text: str, most: int = _LONGEST_TEXT) -> str:
    """Return the beginning of a text."""
    return f"{text[:most].rstrip()}…" if len(text) > most else text


def record_text(dataset: DatasetView) -> str:
    """Return the record of a dataset as JSON in ASCII, as com.atproto.repo.getRecord gives it."""
    return format_json({"uri": str(dataset.uri), "cid": dataset.cid, "value": dataset.record})


def record_extract(record: Mapping[str, Json]) -> str:
    """Return a record as JSON with long lists and texts cut."""
    return shorten(json.dumps(_extract(dict(record)), indent=2, ensure_ascii=False), _LONGEST_RECORD)


def _extract(value: Json) -> Json:
    match value:
        case dict():
            return {name: _extract(item) for name, item in value.items()}
        case list() if len(value) > _MOST_ITEMS:
            return [*map(_extract, value[:_MOST_ITEMS]), f"… and {len(value) - _MOST_ITEMS:,} more"]
        case list():
            return [*map(_extract, value)]
        case str():
            return shorten(value)
        case _:
            return value


def shards_csv(shards: Sequence[ShardView]) -> str:
    """Return a table of shards: number, name, size, SHA-256, and URL or CID."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("number", "name", "bytes", "sha256", "url_or_cid"))
    for number, shard in enumerate(shards):
        texts = (shard.sha256 or "", shard.url or str(shard.blob))
        writer.writerow((number, _cell(shard.name), shard.size, *map(_cell, texts)))
    return out.getvalue()


def _cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    text = escape_terminal(text)
    return f"'{text}" if text.startswith(_FORMULA) else text
