"""CITATION.cff (Citation File Format 1.2.0), which GitHub, Zenodo and reference managers read."""

from __future__ import annotations

from typing import Final

import yaml

from atpub.atproto.data import Json, JsonObject
from atpub.catalog import facts
from atpub.catalog.links import license_url, spdx_id
from atpub.published.model import DatasetView
from atpub.report.escape import escape_lines

_NEWER: Final = frozenset({"CDLA-Permissive-2.0", "DL-DE-BY-2.0"})
"""Licenses of datasets that SPDX has listed since version 1.2.0 of the format, which has a fixed list."""


def build_citation(dataset: DatasetView) -> JsonObject:
    """Build the fields of a CITATION.cff."""
    identifiers: list[Json] = [
        {"type": "other", "value": str(dataset.uri), "description": "AT URI"},
        {"type": "other", "value": str(dataset.cid), "description": "CID of the record"},
    ]
    return facts.present(
        {
            "cff-version": "1.2.0",
            "message": "If you use this dataset, please cite it as below.",
            "type": "dataset",
            "title": facts.title(dataset),
            "abstract": dataset.description.strip(),
            "authors": [{"name": str(dataset.publisher)}],
            "version": facts.version(dataset),
            "date-released": facts.date(dataset),
            "keywords": [tag for tag in dict.fromkeys(dataset.tags) if tag],
            **_license(dataset.license),
            "identifiers": identifiers,
        }
    )


def render_citation(dataset: DatasetView) -> str:
    """Render a dataset as CITATION.cff."""
    return format_yaml(build_citation(dataset))


def format_yaml(value: JsonObject) -> str:
    """Return YAML in which each character of others' texts that acts on a terminal is escaped."""
    return yaml.safe_dump(_escape(value), sort_keys=False, allow_unicode=True, width=100)


def _escape(value: Json) -> Json:
    match value:
        case str():
            return escape_lines(value)
        case list():
            return [_escape(item) for item in value]
        case dict():
            return {name: _escape(item) for name, item in value.items()}
        case _:
            return value


def _license(license: str) -> JsonObject:
    identifier, url = spdx_id(license), license_url(license)
    return {"license": identifier} if identifier and identifier not in _NEWER else {"license-url": url}
