"""What pages and metadata formats have in common: title, dates, version, citation, and JSON of others' texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.published.model import DatasetView
from atpub.report.published import size_text

_YEAR: Final = re.compile(r"\d{4}(?=-)", re.ASCII)
_UNSAFE: Final = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\x7f"})
"""What json.dumps leaves: markup, which could end a script element, and DEL, which acts on a terminal."""


def format_json(value: JsonObject) -> str:
    """Return JSON in ASCII without control characters, which is also safe within an HTML script element."""
    return json.dumps(value, indent=2).translate(_UNSAFE) + "\n"


def title(dataset: DatasetView) -> str:
    """Return the title; the URI where the record's is empty."""
    return dataset.title.strip() or str(dataset.uri)


def description(dataset: DatasetView) -> str:
    """Return the description, or else a sentence of title and size: most formats require one."""
    return dataset.description.strip() or f"{title(dataset)}: {size_text(dataset)}."


def date(dataset: DatasetView) -> str:
    """Return the day of publication: YYYY-MM-DD."""
    return dataset.created_at[:10]


def year(dataset: DatasetView) -> str:
    """Return the year of publication; empty where the record states no date."""
    found = _YEAR.match(dataset.created_at)
    return found[0] if found else ""


def version(dataset: DatasetView) -> str | None:
    """Return the version of the newest label that has one."""
    labels = sorted((label for label in dataset.labels if label.version), key=lambda label: label.created_at)
    return labels[-1].version if labels else None


def citation_text(dataset: DatasetView) -> str:
    """Return the sentence that cites a dataset: publisher, year, title, version and URI."""
    published = f" ({found})" if (found := year(dataset)) else ""
    edition = f" (version {stated})" if (stated := version(dataset)) else ""
    return f"{dataset.publisher}{published}. {title(dataset)}{edition} [Data set]. {dataset.uri}"


def sources(dataset: DatasetView) -> list[str]:
    """Return the URLs of what the data was derived from."""
    provenance = dataset.rai.provenance
    return list(provenance.derived_from or ()) if provenance else []


def present(fields: Mapping[str, Json]) -> JsonObject:
    """Return the fields that have a value; empty texts, lists and objects are none."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
