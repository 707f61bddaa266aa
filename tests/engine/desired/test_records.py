"""Every kind of record has the shape that its lexicon and the ecosystem's readers want."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.apply.publishing import ENTRY, LABEL, LENS, NOTE, SCHEMA
from tests.engine.desired.manifests import ALICE, build, value

from atpub.atproto.data import JsonObject, blobs_in, put
from atpub.atproto.lexicon.model import String
from atpub.atproto.lexicon.validate import validate_record
from atpub.atproto.syntax import RAW, Cid, Nsid, deterministic_tid
from atpub.engine.desired.build import CREATED_AT, DATED, build_desired
from atpub.engine.desired.model import CreatedAt, Desired
from atpub.errors import InvalidInput
from atpub.generated import LEXICONS
from atpub.manifest.kinds import KINDS, EntryKind
from atpub.manifest.load import load_manifest
from atpub.manifest.model import key_type
from atpub.shards.facts import gather
from atpub.shards.file_facts import FileFacts
from atpub.shards.measure import measure_files

NDARRAY = "https://alt.science/schemas/atdata-ndarray-bytes/1.0.0#/$defs/ndarray"
DRAFT = "http://json-schema.org/draft-07/schema#"
DIGEST = "464bc94744fb2b0a3c7d4f2dd04f4db3a3e37bf57430938c5172aa7f821084b0"
IMAGE_URI = f"at://{ALICE}/science.alt.dataset.schema/org.test.image:1.0.0"

ALL = f"""
schemas:
  image: {{nsid: org.test.image, version: 1.0.0, fields: {{image: ndarray, label: integer}}}}
  text: {{nsid: org.test.text, version: 1.0.0, fields: {{text: string}}}}
datasets:
  blobs:
    schema: image
    name: In blobs
    description: Some.
    tags: [a, b]
    license: CC-BY-4.0
    blobs: data/*.tar
    metadata: {{gain: 2, notes: [x]}}
    metadata_schema: text
  web: {{schema: image, urls: "https://a.test/x-{{0..1}}.tar", checksums: {{x-0.tar: "{DIGEST}", x-1.tar: "{DIGEST}"}}}}
  unchecked: {{schema: image, urls: "https://a.test/x-{{0..1}}.tar", checksums: none}}
  bucket:
    schema: "at://did:plc:other/science.alt.dataset.schema/x"
    urls: "s3://bucket/path/x-{{0..1}}.tar"
    s3: {{region: eu-west-1, endpoint: "https://s3.test"}}
    checksums: none
  elsewhere: {{schema: image, urls: "gs://bucket/x-{{0..1}}.tar", checksums: none}}
labels:
  digits-1: {{name: digits, dataset: blobs, version: 1.0.0, description: The first.}}
  plain: {{dataset: web}}
lenses:
  lens:
    source: image
    target: text
    getter: {{repository: "https://git.test/x", commit: abc, path: "l.py:get", language: python}}
    putter: {{repository: "https://git.test/x", commit: abc, path: "l.py:put", language: python}}
    sourceSchemaVersion: ">=1.0.0"
records:
  about:
    collection: org.test.self
    value: {{text: x, about: {{$ref: datasets/blobs}}, pins: [{{$strongRef: schemas/image}}]}}
  note:
    collection: org.test.note
    value: {{text: x, file: {{$blob: data/a.json}}, extra: {{deep: [{{$ref: records/about}}]}}}}
  event: {{collection: org.test.event, value: {{name: x}}}}
  named: {{collection: org.test.named, id: org.test.thing, value: {{}}}}
"""


@pytest.fixture(scope="module")
def records(folder: Path) -> dict[str, Desired]:
    return dict(build(folder, ALL)[0])


def complete(found: Desired) -> JsonObject:
    """The record as it may be once it is planned."""
    value = found.value
    if found.created_at:
        value = {**value, found.created_at.field: "2024-05-01T12:00:00.000Z"}
    for reference in found.strong_refs:
        value = put(value, (*reference.steps, "cid"), Cid.of_digest(bytes(32), RAW))
    return value


def test_each_kind_has_its_key(records: dict[str, Desired]) -> None:
    assert {address: item.path.rkey for address, item in records.items()} == {
        "schemas/image": "org.test.image:1.0.0",
        "schemas/text": "org.test.text:1.0.0",
        **{
            f"datasets/{key}": deterministic_tid(ENTRY, key)
            for key in ("blobs", "web", "unchecked", "bucket", "elsewhere")
        },
        "labels/digits-1": deterministic_tid(LABEL, "digits:1.0.0"),
        "labels/plain": deterministic_tid(LABEL, "plain"),
        "lenses/lens": deterministic_tid(LENS, "lens"),
        "records/about": "self",
        "records/note": "note",
        "records/event": deterministic_tid(Nsid("org.test.event"), "event"),
        "records/named": "org.test.thing",
    }


def test_each_of_the_ecosystem_s_is_valid(records: dict[str, Desired]) -> None:
    own = {SCHEMA, ENTRY, LABEL, LENS}
    found = [item for item in records.values() if item.path.collection in own]
    assert len(found) == 10
    for item in found:
        assert item.value["$type"] == item.path.collection
        assert validate_record(LEXICONS.lexicons, complete(item)) == ()


def test_createdat_is_open_where_it_is_required_and_not_given(records: dict[str, Desired]) -> None:
    opened = {address: item.created_at for address, item in records.items() if item.created_at}
    assert {address: item.series for address, item in opened.items()} == {
        "schemas/image": "org.test.image",
        "schemas/text": "org.test.text",
        **{f"datasets/{key}": None for key in ("blobs", "web", "unchecked", "bucket", "elsewhere")},
        "labels/digits-1": "digits",
        "labels/plain": "plain",
        "lenses/lens": None,
        "records/event": None,
    }
    assert all(item == CreatedAt("createdAt", item.series) for item in opened.values())
    assert all("createdAt" not in records[address].value for address in opened)


def test_a_schema_has_both_shapes(records: dict[str, Desired]) -> None:
    """The flat one that readers of today know, and the canonical one of draft and content."""
    content: JsonObject = {
        "$schema": DRAFT,
        "type": "object",
        "properties": {"image": {"$ref": NDARRAY}, "label": {"type": "integer"}},
        "required": ["image", "label"],
    }
    assert records["schemas/image"].value == {
        "$type": "science.alt.dataset.schema",
        "name": "Image",
        "version": "1.0.0",
        "schemaType": "jsonSchema",
        "atdataSchemaVersion": 1,
        "schema": {
            "$type": "science.alt.dataset.schema#jsonSchemaFormat",
            "draft": "draft-07",
            "content": content,
            "arrayFormatVersions": {"ndarrayBytes": "1.0.0"},
            **content,
        },
    }
    inner = records["schemas/text"].value["schema"]
    assert isinstance(inner, dict)
    assert "arrayFormatVersions" not in inner


def test_a_dataset_of_blobs(folder: Path, records: dict[str, Desired]) -> None:
    files = measure_files([folder / "data/0.tar", folder / "data/1.tar"])
    facts = [found for found in files.values() if isinstance(found, FileFacts)]
    blobs: list[JsonObject] = [
        {"$type": "blob", "ref": {"$link": found.cid}, "mimeType": "application/x-tar", "size": found.size}
        for found in facts
    ]
    found = records["datasets/blobs"]
    assert found.value == {
        "$type": "science.alt.dataset.entry",
        "name": "In blobs",
        "description": "Some.",
        "tags": ["a", "b"],
        "license": "CC-BY-4.0",
        "schemaRef": IMAGE_URI,
        "storage": {"$type": "science.alt.dataset.storageBlobs", "blobs": [{"blob": blob} for blob in blobs]},
        "size": {"samples": 3, "bytes": sum(item.size for item in facts), "shards": 2},
        "contentMetadata": {"gain": 2, "notes": ["x"]},
        "metadataSchemaRef": f"at://{ALICE}/science.alt.dataset.schema/org.test.text:1.0.0",
    }
    assert [(item.steps, item.file.name, item.sniffed) for item in found.blobs] == [
        (("storage", "blobs", 0, "blob"), "0.tar", False),
        (("storage", "blobs", 1, "blob"), "1.tar", False),
    ]


@pytest.mark.parametrize(
    ("key", "storage"),
    [
        ("web", {
            "$type": "science.alt.dataset.storageHttp",
            "shards": [
                {"url": f"https://a.test/x-{n}.tar", "checksum": {"algorithm": "sha256", "digest": DIGEST}}
                for n in range(2)
            ],
        }),
        ("unchecked", {
            "$type": "science.alt.dataset.storageHttp",
            "shards": [
                {"url": f"https://a.test/x-{n}.tar", "checksum": {"algorithm": "none", "digest": ""}} for n in range(2)
            ],
        }),
        ("bucket", {
            "$type": "science.alt.dataset.storageS3",
            "bucket": "bucket",
            "region": "eu-west-1",
            "endpoint": "https://s3.test",
            "shards": [
                {"key": f"path/x-{n}.tar", "checksum": {"algorithm": "none", "digest": ""}} for n in range(2)
            ],
        }),
        ("elsewhere", {
            "$type": "science.alt.dataset.storageExternal",
            "urls": ["gs://bucket/x-0.tar", "gs://bucket/x-1.tar"],
        }),
    ],
)  # fmt: skip
def test_storage_and_size_of_what_is_elsewhere(records: dict[str, Desired], key: str, storage: JsonObject) -> None:
    assert records[f"datasets/{key}"].value["storage"] == storage
    assert records[f"datasets/{key}"].value["size"] == {"shards": 2}


def test_a_dataset_s_name_is_its_key(records: dict[str, Desired]) -> None:
    assert records["datasets/web"].value["name"] == "web"


def test_a_dataset_of_a_published_schema(records: dict[str, Desired]) -> None:
    assert records["datasets/bucket"].value["schemaRef"] == "at://did:plc:other/science.alt.dataset.schema/x"
    assert records["datasets/bucket"].refers_to == frozenset()
    assert records["datasets/web"].refers_to == {records["schemas/image"].path}


def test_labels(records: dict[str, Desired]) -> None:
    def uri(key: str) -> str:
        return f"at://{ALICE}/{ENTRY}/{deterministic_tid(ENTRY, key)}"

    assert records["labels/digits-1"].value == {
        "$type": "science.alt.dataset.label",
        "name": "digits",
        "version": "1.0.0",
        "description": "The first.",
        "datasetUri": uri("blobs"),
    }
    assert records["labels/plain"].value == {
        "$type": "science.alt.dataset.label",
        "name": "plain",
        "datasetUri": uri("web"),
    }


def test_a_lens(records: dict[str, Desired]) -> None:
    code = {"repository": "https://git.test/x", "commit": "abc", "language": "python"}
    assert records["lenses/lens"].value == {
        "$type": "science.alt.dataset.lens",
        "name": "lens",
        "sourceSchema": IMAGE_URI,
        "targetSchema": f"at://{ALICE}/science.alt.dataset.schema/org.test.text:1.0.0",
        "getterCode": {**code, "path": "l.py:get"},
        "putterCode": {**code, "path": "l.py:put"},
        "sourceSchemaVersion": ">=1.0.0",
    }
    assert records["lenses/lens"].refers_to == {records["schemas/image"].path, records["schemas/text"].path}


def test_references(records: dict[str, Desired]) -> None:
    found = records["records/about"]
    assert found.value == {
        "$type": "org.test.self",
        "text": "x",
        "about": f"at://{ALICE}/{ENTRY}/{deterministic_tid(ENTRY, 'blobs')}",
        "pins": [{"uri": IMAGE_URI, "cid": ""}],
    }
    (pin,) = found.strong_refs
    assert (pin.steps, pin.target) == (("pins", 0), records["schemas/image"].path)
    assert found.refers_to == {records["datasets/blobs"].path, records["schemas/image"].path}


def test_placeholders_at_any_depth(records: dict[str, Desired]) -> None:
    found = records["records/note"]
    assert found.value["extra"] == {"deep": [f"at://{ALICE}/org.test.self/self"]}
    (blob,) = found.blobs
    assert (blob.steps, blob.blob.mime_type, blob.blob.size, blob.sniffed) == (("file",), "application/json", 2, True)
    assert found.value["file"] == blob.blob.to_json()


def test_placeholders_in_metadata(folder: Path) -> None:
    text = (
        "schemas: {s: {nsid: org.test.s, version: 1.0.0, fields: {x: integer}}}\n"
        'datasets: {d: {schema: s, urls: "https://a.test/x.tar", checksums: none, '
        "metadata: {paper: {$blob: data/a.json}, from: [{$ref: schemas/s}]}}}"
    )
    found = build(folder, text)[0]["datasets/d"]
    (blob,) = found.blobs
    assert blob.steps == ("contentMetadata", "paper")
    assert found.value["contentMetadata"] == {
        "paper": blob.blob.to_json(),
        "from": [f"at://{ALICE}/science.alt.dataset.schema/org.test.s:1.0.0"],
    }


GUESSES = [
    ("data/a.json", "application/json"),
    ("data/b.unknown", "application/octet-stream"),
    ("data/0.tar", "application/x-tar"),
]


@pytest.mark.parametrize(("file", "mime_type"), GUESSES)
def test_the_mime_type_of_a_blob_is_guessed_by_its_name(folder: Path, file: str, mime_type: str) -> None:
    text = f"records: {{n: {{collection: {NOTE}, value: {{text: x, file: {{$blob: {file}}}}}}}}}"
    (blob,) = build(folder, text)[0]["records/n"].blobs
    assert (blob.blob.mime_type, blob.sniffed) == (mime_type, True)


def test_only_what_has_just_one_such_key_is_a_placeholder(folder: Path) -> None:
    text = f"records: {{n: {{collection: {NOTE}, value: {{text: x, extra: {{$ref: datasets/x, more: 1}}}}}}}}"
    assert value(folder, text, "records/n")["extra"] == {"$ref": "datasets/x", "more": 1}


def test_what_looks_like_a_placeholder_and_is_none(folder: Path) -> None:
    literal = "{$literal: {$ref: nowhere, $literal: 1}}, b: [{$literal: {$blob: none}}], c: {$literal: {$literal: x}}"
    text = f"records: {{n: {{collection: {NOTE}, value: {{text: x, a: {literal}}}}}}}"
    found = value(folder, text, "records/n")
    assert found["a"] == {"$ref": "nowhere", "$literal": 1}
    assert (found["b"], found["c"]) == ([{"$blob": "none"}], {"$literal": "x"})


def test_a_json_schema_is_published_as_it_is(folder: Path) -> None:
    """With `$ref` and all: it is no placeholder there."""
    text = (
        "schemas: {s: {nsid: org.test.s, version: 1.0.0, name: Sample, description: One., metadata: {tags: [x]}, "
        'json_schema: {title: T, type: object, properties: {a: {$ref: "#/definitions/a"}}, definitions: {a: {}}}}}'
    )
    found = value(folder, text, "schemas/s")
    inner = found["schema"]
    assert isinstance(inner, dict)
    content: JsonObject = {
        "$schema": DRAFT,
        "title": "T",
        "type": "object",
        "properties": {"a": {"$ref": "#/definitions/a"}},
        "definitions": {"a": {}},
    }
    assert inner["content"] == content
    assert {key: item for key, item in inner.items() if key not in ("$type", "draft", "content")} == content
    assert (found["name"], found["description"], found["metadata"]) == ("Sample", "One.", {"tags": ["x"]})


def test_lexicons_are_records_too(folder: Path) -> None:
    file = folder / "published.yaml"
    file.write_text("atpub: 1\nproject: ours\nlexicons: {path: lexicons/, publish: true}\n", "utf-8")
    manifest = load_manifest([file], environ={})
    found, _ = build_desired(manifest, gather(manifest), ALICE)
    note = next(item for item in found if item.id == NOTE)
    assert str(note.path) == f"com.atproto.lexicon.schema/{NOTE}"
    assert (note.value["$type"], note.value["id"], note.value["lexicon"]) == ("com.atproto.lexicon.schema", NOTE, 1)


def test_treatment_comes_along(folder: Path) -> None:
    text = (
        f"records: {{n: {{collection: {NOTE}, id: other, rkey: key, protect: true, adopt: true, value: {{text: x}}}}}}"
    )
    found = build(folder, text)[0]["records/n"]
    assert (found.id, found.path.rkey, found.protect, found.adopt) == ("other", "key", True, True)


def test_what_may_not_change(folder: Path) -> None:
    found = build(folder, ALL)[0]
    assert found["schemas/image"].immutable == {"name", "version", "schemaType", "schema"}
    assert found["datasets/web"].immutable == frozenset()


def test_fields_of_a_dataset_under_the_names_of_the_lexicon(folder: Path) -> None:
    found = value(
        folder,
        "schemas: {s: {nsid: org.test.s, version: 1.0.0, fields: {a: string}}}\n"
        'datasets: {d: {schema: s, urls: "https://a.test/0.tar", checksums: none, size: {samples: 9, bytes: 10}, '
        "contentMetadata: {paper: {$blob: data/a.json}}, metadataSchemaRef: s}}",
        "datasets/d",
    )
    assert found["size"] == {"samples": 9, "bytes": 10, "shards": 1}
    assert found["metadataSchemaRef"] == f"at://{ALICE}/science.alt.dataset.schema/org.test.s:1.0.0"
    content = found["contentMetadata"]
    assert isinstance(content, dict)
    assert list(blobs_in(content))


def test_one_field_under_two_names(folder: Path) -> None:
    both = "metadata: {a: 1}, contentMetadata: {a: 1}"
    text = f'datasets: {{d: {{schema: "at://did:plc:a/b.c.d/e", urls: "https://a.test/0", checksums: none, {both}}}}}'
    with pytest.raises(InvalidInput) as raised:
        build(folder, text)
    (problem,) = raised.value.problems
    assert (problem.code, problem.hint) == ("one-of", "give one of them")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.section)
def test_the_lexicons_of_dated_entries_require_a_time(kind: EntryKind) -> None:
    record = LEXICONS.lexicons.record(kind.collection) if kind.collection else None
    created_at = record.record.properties.get(CREATED_AT) if record and CREATED_AT in record.record.required else None
    assert (kind.entry in DATED) == (isinstance(created_at, String) and created_at.format == "datetime")


@pytest.mark.parametrize("nsid", LEXICONS.lexicons.by_nsid)
def test_the_type_of_a_record_key_is_that_of_its_lexicon(nsid: Nsid) -> None:
    record = LEXICONS.lexicons.record(nsid)
    assert key_type(nsid, None) == (record.key if record else None)
