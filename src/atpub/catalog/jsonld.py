"""schema.org/Dataset in JSON-LD, which search engines for datasets read from pages."""

from __future__ import annotations

from itertools import islice
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.catalog import facts
from atpub.catalog.links import license_url, web_url
from atpub.published.model import DatasetView, FieldView, PublisherView, ShardView
from atpub.report.published import size_text

MOST_SHARDS: Final = 100
"""The shards of a page's metadata: more would make the page large, and no search engine shows them."""


def build_jsonld(dataset: DatasetView) -> JsonObject:
    """Build a schema.org/Dataset."""
    fields = dataset.schema.fields if dataset.schema else ()
    shards = islice(filter(_url, dataset.shards), MOST_SHARDS)
    return facts.present(
        {
            "@context": "https://schema.org/",
            "@type": "Dataset",
            "@id": str(dataset.uri),
            "name": facts.title(dataset),
            "description": facts.description(dataset),
            "identifier": [str(dataset.uri), str(dataset.cid)],
            "license": license_url(dataset.license) or dataset.license,
            "keywords": [*dataset.tags],
            "creator": describe_publisher(dataset.publisher),
            "datePublished": facts.date(dataset),
            "version": facts.version(dataset),
            "isAccessibleForFree": True,
            "creditText": facts.citation_text(dataset),
            "size": size_text(dataset),
            "isBasedOn": [*facts.sources(dataset)],
            "variableMeasured": [_describe_field(field) for field in fields],
            "distribution": [_describe_shard(shard) for shard in shards],
        }
    )


def describe_publisher(publisher: PublisherView) -> JsonObject:
    """Return an account as a schema.org/Organization."""
    return {"@type": "Organization", "name": str(publisher), "identifier": str(publisher.did)}


def render_jsonld(dataset: DatasetView) -> str:
    """Render a dataset as JSON-LD."""
    return facts.format_json(build_jsonld(dataset))


def _url(shard: ShardView) -> str | None:
    url = shard.url or shard.blob_source
    return web_url(url) if url else None


def _describe_field(field: FieldView) -> Json:
    return facts.present({"@type": "PropertyValue", "name": field.name, "description": field.description or field.type})


def _describe_shard(shard: ShardView) -> Json:
    return facts.present(
        {
            "@type": "DataDownload",
            "name": shard.name,
            "contentUrl": _url(shard),
            "encodingFormat": "application/x-tar",
            "contentSize": f"{shard.size} B" if shard.size is not None else None,
            "sha256": shard.sha256,
        }
    )
