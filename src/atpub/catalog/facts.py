"""What metadata formats have in common: the license's address, version, citation, and JSON of others' texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.engine.desired.licenses import COMMON, check_license
from atpub.published.model import DatasetView
from atpub.suggest import counted, size

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9.-]+")
_HTML: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_WEB: Final = re.compile(r"https?://[^\s\"'<>\\^`{|}@]+", re.ASCII)


def format_json(value: JsonObject) -> str:
    """Return ASCII JSON that is also safe within an HTML script element."""
    text = json.dumps(value, indent=2)
    return "".join(_HTML.get(character, character) for character in text) + "\n"


def is_web_url(text: str) -> bool:
    """Return whether a text is an http(s) URL without user info."""
    return _WEB.fullmatch(text) is not None


def spdx_id(license: str) -> str | None:
    """Return a license that is one identifier of SPDX's list; None for expressions, URLs and other texts."""
    is_one = _IDENTIFIER.fullmatch(license) and not license.startswith("LicenseRef-")
    return license if is_one and (license in COMMON or check_license(license) is None) else None


def license_url(license: str) -> str | None:
    """Return the web address of a license: itself, or that of its SPDX identifier."""
    if is_web_url(license):
        return license
    return f"https://spdx.org/licenses/{license}.html" if spdx_id(license) else None


def title(dataset: DatasetView) -> str:
    """Return the title; the URI where the record's is empty."""
    return dataset.title.strip() or str(dataset.uri)


def description(dataset: DatasetView) -> str:
    """Return the description, or else a sentence of title and size: most formats require one."""
    return dataset.description.strip() or f"{title(dataset)}: {', '.join(extent(dataset))}."


def extent(dataset: DatasetView) -> list[str]:
    """Return the numbers of samples, bytes and shards in words, as far as they are known."""
    known = [] if dataset.size.samples is None else [counted(dataset.size.samples, "sample")]
    known += [] if dataset.size.bytes is None else [size(dataset.size.bytes)]
    return [*known, counted(dataset.size.shards, "shard")]


def date(dataset: DatasetView) -> str:
    """Return the day of publication: YYYY-MM-DD."""
    return dataset.created_at[:10]


def version(dataset: DatasetView) -> str | None:
    """Return the version of the newest label that has one."""
    labels = sorted((label for label in dataset.labels if label.version), key=lambda label: label.created_at)
    return labels[-1].version if labels else None


def citation_text(dataset: DatasetView) -> str:
    """Return the sentence that cites a dataset: publisher, year, title, version and URI."""
    stated = f" (version {found})" if (found := version(dataset)) else ""
    return f"{dataset.publisher} ({date(dataset)[:4]}). {title(dataset)}{stated} [Data set]. {dataset.uri}"


def sources(dataset: DatasetView) -> list[str]:
    """Return the URLs of what the data was derived from."""
    provenance = dataset.rai.provenance
    return list(provenance.derived_from or ()) if provenance else []


def present(fields: Mapping[str, Json]) -> JsonObject:
    """Return the fields that have a value; empty texts, lists and objects are none."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
