"""Datasets to make pages of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from atpub.atproto.syntax import AtUri, Cid, Did, Nsid, RecordPath, Rkey
from atpub.catalog.model import CatalogEntry, SampleSet, SampleValue, SampleView, Scalar
from atpub.published.model import (
    CodeReference,
    DatasetView,
    FieldView,
    LabelView,
    LensView,
    PublisherView,
    SchemaView,
    ShardView,
    Size,
)

CID = Cid("bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm")
DID = Did("did:web:lab.example")
TIME = "2026-01-02T03:04:05.000Z"
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def uri(rkey: str = "one", collection: str = "entry", did: Did = DID) -> AtUri:
    return AtUri.of(did, RecordPath(Nsid(f"science.alt.dataset.{collection}"), Rkey(rkey)))


def dataset(text: str = "A text", *, rkey: str = "one", **changes: Any) -> DatasetView:
    """A dataset with everything that a page shows; each text that its record or others' hold is `text`."""
    schema = SchemaView(
        uri("org.lab.image:1.0.0", "schema"),
        text,
        text,
        text,
        "members",
        [FieldView(text, text, is_optional=True, description=text, member=text)],
        TIME,
        {},
    )
    code = CodeReference(text, text, text)
    found = DatasetView(
        publisher=PublisherView(DID, text),
        uri=uri(rkey),
        cid=CID,
        title=text,
        description=text,
        license=text,
        tags=(text, "vision"),
        created_at=text,
        storage="http",
        shards=(ShardView(text, text, None, text, 10), ShardView(text, "https://x.example/a.tar", None, None, 20)),
        size=Size(3, 2_000_000, 2),
        schema_uri=text,
        schema=schema,
        labels=(LabelView(uri("l", "label"), text, text, text, text, TIME),),
        lenses=(LensView(uri("z", "lens"), text, text, text, text, code, code),),
        metadata={},
        record={"name": text, text: [*(text for _ in range(9))]},
    )
    return replace(found, **changes)


def samples(text: str = "A text") -> SampleSet:
    values = (
        SampleValue(text, "text", text),
        SampleValue(text, "image", text, PIXEL, is_small=True),
        SampleValue("sound", "audio", text, "data:audio/wav;base64,AAAA"),
        SampleValue(text, "array", text),
    )
    columns: dict[str, list[Scalar]] = {
        text: [text, text, "other"],
        "number": [*map(float, range(20))],
        "class": [1, 1, 2],
    }
    return SampleSet([SampleView(text, values)], 20, columns, text)


def entry(text: str = "A text", **changes: Any) -> CatalogEntry:
    return CatalogEntry(dataset(text, **changes), text, samples(text))
