"""`rai:` of a dataset: in its contentMetadata, checked by its own lexicon."""

from pathlib import Path

import pytest
from tests.engine.desired.manifests import HEAD, build, problems
from tests.engine.desired.test_parts import build as build_parts
from tests.engine.desired.test_parts import parts_of

from atpub.atproto.data import JsonObject
from atpub.generated.dev.atpub import rai

SCHEMA = "at://did:plc:aliceaaaaaaaaaaaaaaaaaaa/science.alt.dataset.schema/org.test.x:1.0.0"
URLS = f"schema: '{SCHEMA}', checksums: none, urls: 'https://a.test/{{0..4}}.tar'"


def dataset(more: str) -> str:
    return f"datasets:\n  x: {{{URLS}, {more}}}\n"


@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        ("rai: {biases: None.}", {rai.NSID: {"biases": "None."}}),
        ("rai: {hasSyntheticData: false}, metadata: {a: 1}", {"a": 1, rai.NSID: {"hasSyntheticData": False}}),
        ("rai: {hasSyntheticData: false}, contentMetadata: {a: 1}", {"a": 1, rai.NSID: {"hasSyntheticData": False}}),
        (
            "rai: {provenance: {derivedFrom: ['https://a.test/']}}",
            {rai.NSID: {"provenance": {"derivedFrom": ["https://a.test/"]}}},
        ),
    ],
)
def test_it_is_in_the_content_metadata(folder: Path, text: str, metadata: JsonObject) -> None:
    records, _ = build(folder, dataset(text))
    assert records["datasets/x"].value["contentMetadata"] == metadata


@pytest.mark.parametrize("name", ["metadata", "contentMetadata"])
def test_the_parts_have_the_metadata_whatever_its_name(folder: Path, name: str) -> None:
    records = build_parts(folder, 4, f"parts: 2\n    {name}: {{a: 1}}\n    rai: {{biases: None.}}")
    for part in parts_of(records):
        metadata = part.value["contentMetadata"]
        assert isinstance(metadata, dict)
        assert metadata["a"] == 1
        assert metadata[rai.NSID] == {"biases": "None."}


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("rai: {limitation: x}", "unknown-key", "limitation"),
        ("rai: {provenance: {generatedby: x}}", "unknown-key", "generatedby"),
        ("rai: {biases: ''}", "too-short", "''"),
        ("rai: {hasSyntheticData: maybe}", "wrong-type", "maybe"),
        ("rai: {provenance: {derivedFrom: [no-url]}}", "invalid-record", "no-url"),
        (f"metadata: {{{rai.NSID}: {{}}}}", "reserved", "{}}"),
        (f"contentMetadata: {{{rai.NSID}: {{}}}}", "reserved", "{}}"),
        ("contentMetadata: {a: 0.5}", "invalid-record", "0.5"),
    ],
)
def test_problems_stand_at_the_value(folder: Path, text: str, code: str, at: str) -> None:
    (problem,) = [item for item in problems(folder, dataset(text)) if item.severity == "error"]
    assert problem.code == code
    assert problem.place is not None
    line = (HEAD + dataset(text)).splitlines()[problem.place.line - 1]
    assert line[problem.place.column - 1 :].startswith(at)
