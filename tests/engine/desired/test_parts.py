"""A dataset of more shards than one record may have: each part is a whole entry, and all lead to each other."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from tests.engine.desired.manifests import ALICE, HEAD, problems

from atpub.atproto.data import JsonObject
from atpub.atproto.lexicon.validate import validate_record
from atpub.atproto.syntax import AtUri
from atpub.engine.desired.build import build_desired
from atpub.engine.desired.model import Desired
from atpub.generated.dev.atpub import parts as links
from atpub.generated.science.alt.dataset import entry
from atpub.manifest.load import load_manifest
from atpub.shards.braces import readable_pattern
from atpub.shards.facts import gather
from atpub.storage.http import HttpStorage
from atpub.storage.parts import KEY, Part, part_path

SCHEMA = "at://did:plc:a/science.alt.dataset.schema/org.lab.image:1.0.0"


def build(folder: Path, count: int, more: str = "parts: 3", head: str = "") -> tuple[Desired, ...]:
    """The records of a dataset of so many URLs, with a label for it."""
    shards = "".join(f"{sha256(bytes([number])).hexdigest()}  x-{number:02}.tar\n" for number in range(count))
    (folder / "x.sha256").write_text(shards)
    file = folder / "atpub.yaml"
    file.write_text(
        f"{HEAD}{head}datasets:\n  big:\n    schema: {SCHEMA}\n    name: Big data\n    checksums: x.sha256\n"
        f"    urls: 'https://a.test/x-{{00..{count - 1:02}}}.tar'\n    {more}\n"
        "labels: {best: {dataset: big, version: 1.0.0}}\n"
    )
    manifest = load_manifest([file], environ={})
    return build_desired(manifest, gather(manifest), ALICE)[0]


def parts_of(records: tuple[Desired, ...]) -> list[Desired]:
    return [item for item in records if item.address.section == "datasets"]


def shards_of(record: Desired) -> list[str]:
    storage = entry.Entry.from_json({**record.value, "createdAt": "2024-01-01T00:00:00.000Z"}).storage
    return [location.url for location in HttpStorage().read(storage)]


def links_of(record: Desired) -> JsonObject:
    metadata = record.value["contentMetadata"]
    assert isinstance(metadata, dict)
    found = metadata[KEY]
    assert isinstance(found, dict)
    return found


def test_parts(folder: Path) -> None:
    """In order, at the one address; the first has the record key that the dataset would have."""
    whole = parts_of(build(folder, 7, ""))[0]
    first, second, third = parts_of(build(folder, 7))
    assert first.path == whole.path
    assert [item.path for item in (second, third)] == [part_path(whole.path, number) for number in (2, 3)]
    assert {(item.address, item.id) for item in (first, second, third)} == {(whole.address, "big")}
    assert [item.part for item in (first, second, third)] == [Part(1, 3), Part(2, 3), Part(3, 3)]
    assert [url for item in (first, second, third) for url in shards_of(item)] == shards_of(whole)
    assert [item.value["size"] for item in (first, second, third)] == [{"shards": 3}, {"shards": 3}, {"shards": 1}]
    assert [item.value["name"] for item in (first, second, third)] == [
        "Big data", "Big data (part 2)", "Big data (part 3)",
    ]  # fmt: skip


def test_links(folder: Path) -> None:
    """The first part lists the others, which name it; by the lexicon."""
    records = build(folder, 7)
    first, *others = parts_of(records)
    uri = str(AtUri.of(ALICE, first.path))
    listed = [str(AtUri.of(ALICE, item.path)) for item in others]
    assert links_of(first) == {"$type": links.NSID, "parts": listed}
    assert [links_of(item) for item in others] == [
        {"$type": f"{links.NSID}#part", "first": uri, "number": number} for number in (2, 3)
    ]
    assert first.refers_to >= {item.path for item in others}  # so that they are published before it
    label = next(item for item in records if item.address.section == "labels")
    assert label.value["datasetUri"] == uri


def test_each_part_is_an_entry_that_readers_can_read(folder: Path) -> None:
    """Valid by the lexicon, with its own schema, storage and size, and URLs that atdata finds again."""
    manifest = load_manifest([folder / "atpub.yaml"], environ={}) if build(folder, 7) else None
    assert manifest
    for item in parts_of(build(folder, 7, "parts: 3\n    metadata: {gain: 2}\n    tags: [a]")):
        value = {**item.value, "createdAt": "2024-01-01T00:00:00.000Z"}
        assert validate_record(manifest.lexicons, value) == ()
        assert readable_pattern(shards_of(item)) is None
        assert (value["schemaRef"], value["tags"]) == (SCHEMA, ["a"])
        metadata = value["contentMetadata"]
        assert isinstance(metadata, dict)
        assert metadata["gain"] == 2


def test_a_small_dataset_is_one_record(folder: Path) -> None:
    """`parts:` changes nothing until it is exceeded."""
    assert build(folder, 3, "parts: 3") == build(folder, 3, "")


@pytest.mark.parametrize(("before", "after", "changed"), [(7, 8, [3]), (6, 7, [1, 3]), (3, 4, [1, 2])])
def test_a_shard_at_the_end_changes_the_last_part(folder: Path, before: int, after: int, changed: list[int]) -> None:
    """And a new part the first one, which lists it."""
    old = {item.path: item.value for item in parts_of(build(folder, before))}
    new = parts_of(build(folder, after))
    assert [item.part.number for item in new if old.get(item.path) != item.value] == changed


def test_the_size_that_a_manifest_states_is_that_of_all(folder: Path) -> None:
    first, second, _ = parts_of(build(folder, 7, "parts: 3\n    size: {samples: 70, shards: 7}"))
    assert links_of(first)["size"] == {"samples": 70, "shards": 7}
    assert first.value["size"] == {"shards": 3}
    assert "size" not in links_of(second)


def test_local_files(folder: Path) -> None:
    """Each part has its own blobs, and is measured for itself."""
    file = folder / "atpub.yaml"
    file.write_text(f"{HEAD}datasets: {{x: {{schema: '{SCHEMA}', blobs: 'data/?.tar', parts: 1}}}}\n")
    manifest = load_manifest([file], environ={})
    first, second = build_desired(manifest, gather(manifest), ALICE)[0]
    assert [item.file.name for item in (*first.blobs, *second.blobs)] == ["0.tar", "1.tar"]
    assert [item.steps for item in second.blobs] == [("storage", "blobs", 0, "blob")]
    sizes = [item.value["size"] for item in (first, second)]
    assert [size["samples"] for size in sizes if isinstance(size, dict)] == [2, 1]


def test_defaults_apply(folder: Path) -> None:
    assert len(parts_of(build(folder, 7, "tags: [a]", "defaults: {datasets: {parts: 2}}\n"))) == 4


URLS = f"datasets: {{x: {{schema: '{SCHEMA}', checksums: none, urls: 'https://a.test/{{0..11}}.tar'"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("parts: 0", ["wrong-value"]),
        ("parts: -1", ["wrong-value"]),
        ("parts: many", ["wrong-type"]),
        ("parts: 2.5", ["wrong-type"]),
        ("parts: 10", []),
        ("parts: 5, size: {shards: 11}", ["size-differs"]),
        (f"parts: 10, metadata: {{{KEY}: {{}}}}", ["reserved"]),
        (f"metadata: {{{KEY}: {{}}}}", ["reserved"]),
        ("parts: 2, tags: [1]", ["wrong-type"]),
        ("parts: 5, metadata: {gain: 0.5}", ["invalid-record"]),
    ],
)
def test_problems(folder: Path, text: str, codes: list[str]) -> None:
    """Each is told once, however many parts there are."""
    assert [item.code for item in problems(folder, f"{URLS}, {text}}}}}\n") if item.severity == "error"] == codes


def test_readers_get_the_urls_of_one_part_only(folder: Path) -> None:
    """Together they are readable; `1` and `11` alone have nothing where they differ."""
    text = f"datasets: {{x: {{schema: '{SCHEMA}', checksums: none, urls: 'https://a.test/{{1,11,2,22}}.tar'"
    assert problems(folder, f"{text}}}}}\n") == ()
    assert [item.code for item in problems(folder, f"{text}, parts: 2}}}}\n")] == ["unreadable-urls"]


@pytest.mark.slow
def test_a_record_that_is_too_large_names_the_remedy(folder: Path) -> None:
    urls = f"datasets: {{x: {{schema: '{SCHEMA}', checksums: none, urls: 'https://a.test/{{00000..49999}}.tar'"
    alone = problems(folder, f"{urls}}}}}\n")
    assert [(item.code, "`parts: 10000`" in item.hint) for item in alone] == [("record-too-large", True)]
    split = problems(folder, f"{urls}, parts: 20000}}}}\n")
    assert [(item.code, "part 1 " in item.message) for item in split] == [("record-too-large", True)]
    assert [item.code for item in problems(folder, f"{urls}, parts: 10000}}}}\n")] == ["record-large"]
