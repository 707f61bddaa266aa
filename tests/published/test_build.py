"""What an account has published, read back from the records of example manifests."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import atpub
from atpub.atproto.data import JsonObject
from atpub.published.build import PUBLISHED, build_published, type_words
from atpub.published.listing import list_datasets
from atpub.published.model import Published, PublisherView
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID, Record

MANIFESTS = Path(__file__).parents[2] / "manifests"
PUBLISHER = PublisherView(LOCAL_DID, "lab.example")


def records_of(example: str, folder: Path) -> list[Record]:
    shutil.copytree(MANIFESTS / example, folder / example, ignore=shutil.ignore_patterns(".atpub"))
    repository = folder / "repository"
    atpub.apply(atpub.plan(folder / example / "atpub.yaml", account=f"local:{repository}"))
    with closing(LocalRepository(repository)) as made:
        return list(made.read(PUBLISHED).records.values())


def published(example: str, folder: Path) -> Published:
    return build_published(PUBLISHER, records_of(example, folder))


def test_a_dataset_of_blobs(tmp_path: Path) -> None:
    found = published("quickstart", tmp_path)
    dataset = found.datasets[0]
    assert dataset.storage == "blobs"
    assert dataset.schema is not None
    assert dataset.schema in found.schemas
    assert {field.name: field.type for field in dataset.schema.fields} == {"image": "array", "label": "integer"}
    assert dataset.size.shards == len(dataset.shards) > 0
    assert dataset.size.bytes == sum(shard.size or 0 for shard in dataset.shards)
    assert all(shard.blob and shard.sha256 and shard.url is None for shard in dataset.shards)
    assert [label.dataset for item in found.datasets for label in item.labels]
    assert not found.unreadable


def test_a_dataset_at_urls(tmp_path: Path) -> None:
    dataset = published("urls", tmp_path).datasets[0]
    assert dataset.storage == "http"
    assert all(shard.url and shard.url.endswith(shard.name) for shard in dataset.shards)
    assert str(dataset.publisher) == "lab.example"


def test_lenses_are_with_the_datasets_of_their_schemas(tmp_path: Path) -> None:
    found = published("lenses", tmp_path)
    assert [lens.getter.path for lens in found.lenses]
    for dataset in found.datasets:
        assert all(dataset.schema_uri in (lens.source, lens.target) for lens in dataset.lenses)


def test_a_record_that_breaks_its_lexicon_spoils_no_other(tmp_path: Path) -> None:
    records = records_of("quickstart", tmp_path)
    entries = [record for record in records if record.path.collection == "science.alt.dataset.entry"]
    broken = replace(entries[0], value={**entries[0].value, "storage": {"$type": "science.alt.dataset.storageHttp"}})
    found = build_published(PUBLISHER, [broken if record is entries[0] else record for record in records])
    assert [item.uri.rkey for item in found.unreadable] == [entries[0].path.rkey]
    assert len(found.datasets) == len(entries) - 1
    assert found.schemas


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": "string", "format": "byte", "contentEncoding": "base64"}, "bytes"),
        ({"type": "string", "format": "byte", "contentMediaType": "image/jpeg"}, "image/jpeg"),
        ({"contentMediaType": "application/json"}, "application/json"),
        (
            {"contentMediaType": "application/json", "properties": {"id": {"type": "integer"}, "a": {}}},
            "JSON {id: integer, a: any}",
        ),
        ({"type": "array", "items": {"type": "string"}}, "list of string"),
        ({"$ref": "https://example.org/x/1.0.0#/$defs/ndarray"}, "array"),
        ({"$ref": "https://example.org/x#/$defs/ndarray", "dtype": "float32"}, "float32 array"),
        ({"$ref": "https://example.org/x#/$defs/ndarray", "dtype": "float32", "shape": [None, 8]}, "float32 [any, 8]"),
        ({}, "any"),
    ],
)
def test_types_in_words(kind: JsonObject, words: str) -> None:
    assert type_words(kind) == words


def test_the_parts_of_a_dataset_are_one(tmp_path: Path) -> None:
    manifest = tmp_path / "atpub.yaml"
    manifest.write_text("""\
atpub: 1
project: lab
schemas: {image: {nsid: org.lab.image, version: 1.0.0, fields: {text: string}}}
datasets: {big: {schema: image, urls: "https://cdn.lab.example/d-{0..6}.tar", checksums: d.sha256, parts: 3}}
""")
    (tmp_path / "d.sha256").write_text("".join(f"{number:064x}  d-{number}.tar\n" for number in range(7)))
    repository = tmp_path / "repository"
    plan = atpub.plan(manifest, account=f"local:{repository}")
    planned = list_datasets(build_published(PUBLISHER, ()), plan.plan.changes)
    assert [(item.title, item.state, item.shards) for item in planned] == [("big", "not published", 7)]
    atpub.apply(plan)
    with closing(LocalRepository(repository)) as made:
        found = build_published(PUBLISHER, made.read(PUBLISHED).records.values())
    assert [[shard.name for shard in item.shards] for item in found.datasets] == [[f"d-{n}.tar" for n in range(7)]]
    assert (found.datasets[0].size.shards, found.datasets[0].metadata, found.unreadable) == (7, {}, ())
    changes = atpub.plan(manifest, account=f"local:{repository}").plan.changes
    assert [(item.address, item.state) for item in list_datasets(found, changes)] == [("datasets/big", "up to date")]
