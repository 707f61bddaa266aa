"""The metadata formats of a dataset. The next one is a module beside these, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from atpub.catalog.citation import render_citation
from atpub.catalog.croissant import render_croissant
from atpub.catalog.datacite import render_datacite
from atpub.catalog.hf_card import render_hf_card
from atpub.catalog.jsonld import render_jsonld
from atpub.published.model import DatasetView


@dataclass(frozen=True, slots=True)
class MetadataFormat:
    """A metadata format: the usual name of its file, its media type, and the function that renders it."""

    file_name: str
    media_type: str
    render: Callable[[DatasetView], str]


FORMATS: Final[Mapping[str, MetadataFormat]] = {
    "croissant": MetadataFormat("croissant.json", "application/ld+json", render_croissant),
    "jsonld": MetadataFormat("dataset.jsonld", "application/ld+json", render_jsonld),
    "datacite": MetadataFormat("datacite.json", "application/json", render_datacite),
    "citation": MetadataFormat("CITATION.cff", "application/yaml", render_citation),
    "hf-card": MetadataFormat("README.md", "text/markdown", render_hf_card),
}


def render(name: str, dataset: DatasetView) -> str:
    """Render a dataset in the format of a name."""
    return FORMATS[name].render(dataset)
