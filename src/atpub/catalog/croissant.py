"""Croissant 1.1 with its RAI vocabulary, which NeurIPS requires of datasets, and which ML frameworks stream from.

A sample of a WebDataset shard is several files, so that each member becomes a RecordSet of its own: the content of its
files, by the sample's key. Croissant cannot describe samples of msgpack, nor the values within a JSON member.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.catalog import facts
from atpub.catalog.jsonld import describe_publisher
from atpub.catalog.links import license_url
from atpub.published.model import DatasetView, FieldView, ShardView

MOST_SHARDS: Final = 1000
"""The shards that are described one by one: 25,000 would make 7 MB. Above, the record stands for all of them."""

CONFORMS_TO: Final = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_CONTEXT: Final[JsonObject] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{
        name: f"cr:{name}"
        for name in (
            *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field"),
            *("fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath"),
            *("key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace"),
            *("samplingRate", "separator", "source", "subField", "transform"),
        )
    },
}
_RAI: Final = {
    "rai:dataLimitations": "limitations",
    "rai:dataBiases": "biases",
    "rai:personalSensitiveInformation": "personal_sensitive_information",
    "rai:dataUseCases": "use_cases",
    "rai:dataSocialImpact": "social_impact",
    "rai:hasSyntheticData": "has_synthetic_data",
}
_DATA_TYPES: Final = {"image": "sc:ImageObject", "audio": "sc:AudioObject", "video": "sc:VideoObject"}
_READABLE: Final = frozenset({"image/jpeg", "image/png"})
"""Types that mlcroissant decodes into the value of a field. It reads the bytes of others as those of a text."""
_PARSED: Final = frozenset(
    {
        *("application/json", "application/jsonlines", "application/x-parquet", "application/x-tar"),
        *("application/zip", "audio/mpeg", "image/dicom", "image/tiff", "text/csv", "text/tab-separated-values"),
    }
)
"""Types that it turns into tables, or cannot read without further packages."""
_PLAIN_MEMBER: Final = re.compile(r"[\w.+-]+", re.ASCII)
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?", re.ASCII)
_KEY: Final = r"^((?:.*/)?[^/.]+)\..*$"


@dataclass(frozen=True, slots=True)
class _Distribution:
    """The files of a dataset, the `@id`s of those that hold samples, and whether each has a checksum."""

    files: list[Json]
    ids: Sequence[str]
    is_fixed: bool


def build_croissant(dataset: DatasetView) -> JsonObject:
    """Build the Croissant description of a dataset."""
    distribution = _shards(dataset) if len(dataset.shards) <= MOST_SHARDS else _whole_record(dataset)
    members = dict(_members(dataset)) if distribution.ids else {}
    files = [_file_set(member, field, distribution.ids) for member, field in members.items()]
    return facts.present(
        {
            "@context": _CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": [*CONFORMS_TO],
            "name": facts.title(dataset),
            "description": facts.description(dataset),
            "url": str(dataset.uri),
            "license": license_url(dataset.license) or dataset.license,
            "keywords": [*dataset.tags],
            "creator": describe_publisher(dataset.publisher),
            "publisher": describe_publisher(dataset.publisher),
            "datePublished": facts.date(dataset),
            "version": _semantic(facts.version(dataset)),
            "citeAs": facts.citation_text(dataset),
            "isLiveDataset": None if distribution.is_fixed else True,
            **_rai(dataset),
            "distribution": [*distribution.files, *files],
            "recordSet": [_record_set(member, field) for member, field in members.items()],
        }
    )


def render_croissant(dataset: DatasetView) -> str:
    """Render a dataset as Croissant."""
    return facts.format_json(build_croissant(dataset))


def _semantic(version: str | None) -> str | None:
    """Return a version that the format takes: semantic ones alone."""
    return version if version and _VERSION.fullmatch(version) else None


def _rai(dataset: DatasetView) -> Mapping[str, Json]:
    rai, provenance = dataset.rai, dataset.rai.provenance
    made: dict[str, Json] = {name: getattr(rai, attribute) for name, attribute in _RAI.items()}
    if provenance is not None:
        made["prov:wasDerivedFrom"] = [{"@id": url} for url in provenance.derived_from or ()]
        made["prov:wasGeneratedBy"] = provenance.generated_by
    return made


def _shards(dataset: DatasetView) -> _Distribution:
    ids = [f"shard-{number}" for number in range(len(dataset.shards))]
    files = [_file_object(*item) for item in zip(ids, dataset.shards, strict=True)]
    return _Distribution(files, ids, is_fixed=all(shard.sha256 for shard in dataset.shards))


def _file_object(id: str, shard: ShardView) -> Json:
    url = shard.url or shard.blob_source or f"urn:cid:{shard.blob}"
    return facts.present(
        {
            "@type": "cr:FileObject",
            "@id": id,
            "name": shard.name,
            "contentUrl": url,
            "contentSize": f"{shard.size} B" if shard.size is not None else None,
            "encodingFormat": "application/x-tar",
            "sha256": shard.sha256,
        }
    )


def _whole_record(dataset: DatasetView) -> _Distribution:
    """Return the record as the one file: it lists the shards, with their checksums, and its CID is its own."""
    file: JsonObject = {
        "@type": "cr:FileObject",
        "@id": "record",
        "name": "record.json",
        "description": f"The published record, which lists {len(dataset.shards):,} shards. Its CID is {dataset.cid}.",
        "contentUrl": str(dataset.uri),
        "encodingFormat": "application/json",
    }
    shards: JsonObject = {
        "@type": "cr:FileSet",
        "@id": "shards",
        "name": "shards",
        "containedIn": {"@id": "record"},
        "encodingFormat": "application/x-tar",
        "includes": "*.tar",
    }
    return _Distribution([file, shards], (), is_fixed=False)


def _members(dataset: DatasetView) -> Iterator[tuple[str, FieldView]]:
    """Yield the fields that are members of their own, each with an `@id`."""
    if dataset.schema is None or dataset.schema.format != "members":
        return
    for field in dataset.schema.fields:
        member = field.member or field.name
        if _PLAIN_MEMBER.fullmatch(member):
            yield member, field


def _file_set(id: str, field: FieldView, shards: Sequence[str]) -> Json:
    return {
        "@type": "cr:FileSet",
        "@id": f"{id}-files",
        "name": f"{id}-files",
        "containedIn": [{"@id": shard} for shard in shards],
        "encodingFormat": _encoding_format(field),
        "includes": f"*.{id}",
    }


def _encoding_format(field: FieldView) -> Json:
    if field.type in _READABLE:
        return field.type
    if "/" in field.type and field.type not in _PARSED:
        return [field.type, "text/plain"]
    return "text/plain"


def _record_set(id: str, field: FieldView) -> Json:
    content = facts.present(
        {
            **_field(id, "content", _data_type(field), "content"),
            "description": field.description or f"{field.name}: {field.type}",
        }
    )
    key = {**_field(id, "key", "sc:Text", "fullpath"), "description": "The key of the sample."}
    source = key["source"]
    assert isinstance(source, dict)
    source["transform"] = {"regex": _KEY}
    return {
        "@type": "cr:RecordSet",
        "@id": id,
        "name": id,
        "key": {"@id": f"{id}/key"},
        "field": [key, content],
    }


def _field(id: str, name: str, data_type: str, file_property: str) -> JsonObject:
    source: JsonObject = {"fileSet": {"@id": f"{id}-files"}, "extract": {"fileProperty": file_property}}
    return {"@type": "cr:Field", "@id": f"{id}/{name}", "name": name, "dataType": data_type, "source": source}


def _data_type(field: FieldView) -> str:
    return "sc:Integer" if field.type == "integer" else _DATA_TYPES.get(field.type.partition("/")[0], "sc:Text")
