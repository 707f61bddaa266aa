"""A catalog → its files: an index, and for each dataset a page, its record, and a table of its shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import urlencode

from markupsafe import Markup

from atpub.atproto.syntax import AtUri
from atpub.catalog import facts
from atpub.catalog.bibtex import bibtex
from atpub.catalog.charts import sample_charts, shard_chart
from atpub.catalog.croissant import render_croissant
from atpub.catalog.jsonld import render_jsonld
from atpub.catalog.links import TextLink, license_links, link, page_stems
from atpub.catalog.model import Catalog, CatalogEntry
from atpub.catalog.rendering import code_text, record_extract, record_text, render, shards_csv, shorten
from atpub.published.model import DatasetView, LensView, ShardView
from atpub.report.published import loading_code, size_text
from atpub.suggest import pluralize, size

INDEX: Final = "index.html"

_FOLDER: Final = "datasets"
_KINDS: Final = ("json", "csv", "croissant.json", "html")
_MOST_SHARDS: Final = 20
_MOST_OPTIONS: Final = 200
_SIZES: Final = ((10**6, "under 1 MB"), (10**9, "1 MB to 1 GB"), (10**12, "1 GB to 1 TB"))


def render_catalog(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file; the index comes last, so that it links to nothing that is missing."""
    stems = page_stems([entry.dataset.uri for entry in catalog.entries])
    for entry, stem in zip(catalog.entries, stems, strict=True):
        dataset = entry.dataset
        yield f"{_FOLDER}/{stem}.json", record_text(dataset)
        yield f"{_FOLDER}/{stem}.csv", shards_csv(dataset.shards)
        yield f"{_FOLDER}/{stem}.croissant.json", render_croissant(dataset)
        yield f"{_FOLDER}/{stem}.html", render("dataset.html", _page(entry, stem))
    yield INDEX, render(INDEX, _index(catalog, stems))


def file_paths(catalog: Catalog) -> list[str]:
    """Return the path of each file."""
    stems = page_stems([entry.dataset.uri for entry in catalog.entries])
    return [*(f"{_FOLDER}/{stem}.{kind}" for stem in stems for kind in _KINDS), INDEX]


def page_paths(catalog: Catalog) -> list[tuple[AtUri, str]]:
    """Return the URI of each dataset with the path of its page."""
    uris = [entry.dataset.uri for entry in catalog.entries]
    return [(uri, f"{_FOLDER}/{stem}.html") for uri, stem in zip(uris, page_stems(uris), strict=True)]


def _index(catalog: Catalog, stems: Sequence[str]) -> dict[str, object]:
    datasets = [entry.dataset for entry in catalog.entries]
    known = [dataset.size.bytes for dataset in datasets if dataset.size.bytes is not None]
    at_least = "at least " if len(known) < len(datasets) else ""
    summary = pluralize(len(datasets), "dataset") + (f", {at_least}{size(sum(known))}" if known else "")
    tags = Counter(tag for dataset in datasets for tag in dict.fromkeys(dataset.tags))
    facets = (
        ("tag", "Tag", sorted(tag for tag, _ in tags.most_common(_MOST_OPTIONS))),
        ("license", "License", _distinct(dataset.license for dataset in datasets)),
        ("storage", "Storage", _distinct(dataset.storage for dataset in datasets)),
        ("size", "Size", _distinct(map(_size_class, datasets))),
    )
    return {
        "title": catalog.title,
        "summary": summary,
        "facets": [{"name": name, "label": label, "options": options} for name, label, options in facets],
        "cards": [_card(entry, stem) for entry, stem in zip(catalog.entries, stems, strict=True)],
    }


def _distinct(texts: Iterable[str]) -> list[str]:
    return sorted({text for text in texts if text})[:_MOST_OPTIONS]


def _card(entry: CatalogEntry, stem: str) -> dict[str, object]:
    dataset = entry.dataset
    stated = [dataset.license or "no license stated", size_text(dataset), dataset.storage]
    return {
        "title": facts.title(dataset),
        "href": f"{_FOLDER}/{stem}.html",
        "publisher": str(dataset.publisher),
        "address": entry.address,
        "description": shorten(" ".join(dataset.description.split())),
        "tags": _tags(dataset, ""),
        "license": dataset.license,
        "storage": dataset.storage,
        "size_class": _size_class(dataset),
        "facts": " · ".join(stated),
    }


def _lens_title(lens: LensView) -> str:
    """Return the name of a lens; the URI where it is empty, for headings need a text."""
    return lens.name.strip() or str(lens.uri)


def _size_class(dataset: DatasetView) -> str:
    known = dataset.size.bytes
    if known is None:
        return "not stated"
    return next((name for most, name in _SIZES if known < most), "1 TB and more")


def _tags(dataset: DatasetView, page: str) -> list[TextLink]:
    return [TextLink(tag, f"{page}#{urlencode({'tag': tag}, errors='replace')}") for tag in dataset.tags if tag.strip()]


def _page(entry: CatalogEntry, stem: str) -> dict[str, object]:
    dataset = entry.dataset
    sizes = [shard.size for shard in dataset.shards if shard.size is not None]
    return {
        "title": facts.title(dataset),
        "summary": shorten(" ".join(dataset.description.split())) or size_text(dataset),
        "publisher": str(dataset.publisher),
        "handle": dataset.publisher.handle,
        "did": dataset.publisher.did,
        "address": entry.address,
        "tags": _tags(dataset, f"../{INDEX}"),
        "description": [block.split("\n") for block in _paragraphs(dataset.description)],
        "license": [*license_links(dataset.license)] if dataset.license else [],
        "size": size_text(dataset),
        "storage": dataset.storage,
        "created": facts.date(dataset),
        "labels": dataset.labels,
        "uri": link(str(dataset.uri)),
        "cid": dataset.cid,
        "citation": facts.citation_text(dataset),
        "bibtex": code_text(bibtex(dataset)),
        "loading": [*loading_code(dataset)],
        "schema": dataset.schema,
        "schema_link": link(dataset.schema_uri),
        "shards": [_shard(shard) for shard in dataset.shards[:_MOST_SHARDS]],
        "shards_left": f"{len(dataset.shards) - _MOST_SHARDS:,}" if len(dataset.shards) > _MOST_SHARDS else "",
        "shard_chart": shard_chart(sizes) if len(sizes) == len(dataset.shards) else None,
        "has_sizes": bool(sizes),
        "has_digests": any(shard.sha256 for shard in dataset.shards[:_MOST_SHARDS]),
        "has_descriptions": dataset.schema is not None and any(field.description for field in dataset.schema.fields),
        "shards_href": f"{stem}.csv",
        "lenses": [_lens(lens) for lens in dataset.lenses],
        "samples": entry.samples,
        "looked_at": pluralize(entry.samples.looked_at, "sample") if entry.samples else "",
        "charts": sample_charts(entry.samples.columns) if entry.samples else [],
        "record": code_text(record_extract(dataset.record)),
        "record_href": f"{stem}.json",
        "croissant_href": f"{stem}.croissant.json",
        "json_ld": Markup(render_jsonld(dataset)),  # noqa: S704 - it is made for a script element,
    }


def _paragraphs(text: str) -> list[str]:
    blocks = text.replace("\r\n", "\n").split("\n\n")
    return [block.strip("\n") for block in blocks if block.strip()]


def _shard(shard: ShardView) -> dict[str, object]:
    url = link(shard.url).url if shard.url else None
    return {
        "link": TextLink(shard.name.strip() or shard.url or "", url) if url or not shard.url else TextLink(shard.url),
        "cid": shard.blob,
        "size": "" if shard.size is None else size(shard.size),
        "sha256": shard.sha256,
    }


def _lens(lens: LensView) -> dict[str, object]:
    codes = (("Getter", lens.getter), ("Putter", lens.putter))
    return {
        "name": _lens_title(lens),
        "description": lens.description,
        "source": link(lens.source),
        "target": link(lens.target),
        "functions": [
            (name, {"path": code.path, "commit": code.commit, "repository": link(code.repository)})
            for name, code in codes
        ],
    }
