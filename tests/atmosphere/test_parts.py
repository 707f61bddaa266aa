"""A dataset that is published in parts is one dataset for its readers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.atmosphere.samples import SCHEMA, MySample, shard

import atpub
from atpub.atmosphere import AtmosphereClient, DatasetLoader, DatasetPublisher, SchemaPublisher
from atpub.cli.main import run
from atpub.errors import InvalidArgument, InvalidRecord, RecordConflict, RecordNotFound
from atpub.repository.local import LocalRepository
from atpub.repository.model import Delete

MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {text: {nsid: org.lab.text, version: 1.0.0, fields: {text: string, label: integer}}}
datasets:
  digits: {schema: text, name: Digits, blobs: "data/*.tar", parts: 2, metadata: {gain: 2}}
  remote: {schema: text, urls: "https://cdn.example.org/x-{0..4}.tar", checksums: none, parts: 2}
  bucket:
    schema: text
    urls: "s3://bucket/x-{0..4}.tar"
    s3: {endpoint: "https://s3.example.org"}
    checksums: none
    parts: 2
labels: {best: {dataset: digits, version: 1.0.0}}
"""


@pytest.fixture
def uris() -> dict[str, list[str]]:
    """The URIs of the parts of each dataset in their order, and of the label, in the folder of which the test runs."""
    Path("data").mkdir()
    for number in range(5):
        Path(f"data/{number}.tar").write_bytes(shard(f"a{number}", f"b{number}"))
    Path("atpub.yaml").write_text(MANIFEST)
    plan = atpub.plan("atpub.yaml")
    atpub.apply(plan)
    ordered = sorted(plan.changes, key=lambda change: change.part)
    return {
        address: [str(item.uri) for item in ordered if item.address == address]
        for address in {c.address for c in ordered}
    }


@pytest.mark.parametrize("number", [0, 1, 2, "label"])
def test_all_samples_in_their_order(uris: dict[str, list[str]], number: int | str) -> None:
    """From the URI of any part, and of a label."""
    uri = uris["labels/best"][0] if isinstance(number, str) else uris["datasets/digits"][number]
    dataset: Any = atpub.load(uri)
    assert [sample.text for sample in dataset] == [f"{letter}{n}" for n in range(5) for letter in "ab"]
    assert str(dataset.uri) == uris["datasets/digits"][0]
    assert dataset.record["name"] == "Digits"
    assert dataset.metadata == {"gain": 2}


@pytest.mark.parametrize("number", [0, 1, 2, "label"])
def test_all_shards_are_pulled(
    uris: dict[str, list[str]], number: int | str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the names that one record of all shards would give them."""
    uri = uris["labels/best"][0] if isinstance(number, str) else uris["datasets/digits"][number]
    assert run(["pull", uri, "--out", "copy"]) == 0
    assert "5 shards: 5 saved" in capsys.readouterr().out
    key = uris["datasets/digits"][0].rpartition("/")[2]
    files = sorted(Path("copy").iterdir())
    assert [file.name for file in files] == [f"{key}-{n:06}.tar" for n in range(5)]
    assert [file.read_bytes() for file in files] == [Path(f"data/{n}.tar").read_bytes() for n in range(5)]


def test_loaders(uris: dict[str, list[str]]) -> None:
    with AtmosphereClient.local() as client:
        loader = DatasetLoader(client)
        for uri in uris["datasets/remote"]:
            assert loader.get_urls(uri) == [f"https://cdn.example.org/x-{n}.tar" for n in range(5)]
            assert loader.get_metadata(uri) is None
            assert [str(part.uri) for part in loader.get_parts(uri)] == uris["datasets/remote"]
        for uri in uris["datasets/bucket"]:
            info = loader.get_s3_info(uri)
            assert (info["bucket"], info["keys"]) == ("bucket", [f"x-{n}.tar" for n in range(5)])
        for uri in uris["datasets/digits"]:
            assert len(loader.get_blobs(uri)) == len(set(loader.get_blob_urls(uri))) == 5
            assert loader.get_metadata(uri) == {"gain": 2}
            with pytest.raises(InvalidArgument):
                loader.get_urls(uri)


def test_a_part_that_is_gone(uris: dict[str, list[str]]) -> None:
    """Is an error: what is left is not the dataset."""
    first, second, third = uris["datasets/digits"]
    path = atpub.AtUri.parse(second).path
    assert path is not None
    repository = LocalRepository(Path(".atpub/local"))
    head = repository.head()
    assert head is not None
    repository.apply_writes([Delete(path)], head.cid)
    repository.close()
    for uri in (first, third):
        with pytest.raises(RecordNotFound):
            atpub.load(uri)
    with pytest.raises((RecordNotFound, InvalidRecord)):
        atpub.load(second)


URLS = "https://cdn.example.org/x-{0..4}.tar"


def published(client: AtmosphereClient, urls: str = URLS, **named: Any) -> list[str]:
    """The URIs of the parts of a dataset at URLs that a call publishes."""
    publisher = DatasetPublisher(client, project="lab")
    uri = publisher.publish_with_urls([urls], SCHEMA, name="Remote", checksums="none", **named)
    return [str(part.uri) for part in DatasetLoader(client).get_parts(uri)]


def test_calls_publish_in_parts(client: AtmosphereClient, tmp_path: Path) -> None:
    uris = published(client, parts=2)
    assert len(uris) == 3
    assert DatasetLoader(client).get_urls(uris[0]) == [f"https://cdn.example.org/x-{n}.tar" for n in range(5)]
    assert published(client, parts=2) == uris
    assert published(client, URLS.replace("4", "6"), parts=2)[:3] == uris
    blobs = [shard(f"a{number}", f"b{number}") for number in range(5)]
    schema = SchemaPublisher(client).publish(MySample, version="1.0.0")
    publisher = DatasetPublisher(client)
    uri = publisher.publish_with_blobs(blobs, schema, name="Digits", parts=2)
    assert len(DatasetLoader(client).get_parts(uri)) == 3
    assert [sample.text for sample in atpub.load(uri, MySample, client=client)] == [
        f"{letter}{n}" for n in range(5) for letter in "ab"
    ]
    dataset = atpub.Dataset[MySample](URLS)
    uri = publisher.publish(dataset, name="Typed", checksums="none", parts=4)
    assert len(DatasetLoader(client).get_parts(uri)) == 2
    plan = publisher.plan(dataset, name="Typed", checksums="none", parts=4)
    assert {change.action for change in plan.changes} == {"unchanged"}
    assert len(published(client, parts=5)) == 1


def test_the_same_records_as_those_of_a_manifest(client: AtmosphereClient) -> None:
    uris = published(client, parts=2, id="remote")
    Path("atpub.yaml").write_text(
        f"""\
atpub: 1
project: lab
datasets:
  remote: {{schema: "{SCHEMA}", name: Remote, urls: "{URLS}", checksums: none, parts: 2}}
"""
    )
    plan = atpub.plan("atpub.yaml", client=client)
    assert {str(change.uri): change.action for change in plan.changes} == dict.fromkeys(uris, "unchanged")


def test_a_dataset_that_stays_gets_no_parts_that_it_does_not_list(client: AtmosphereClient) -> None:
    uris = published(client, parts=2)
    longer = URLS.replace("4", "8")
    assert published(client, longer, parts=2, if_exists="skip") == uris
    assert len(DatasetLoader(client).list_all()) == 3
    with pytest.raises(RecordConflict, match="there is a record already"):
        published(client, longer, parts=2, if_exists="error")


@pytest.mark.parametrize("parts", [0, -1, True, 1.5, "2"])
def test_wrong_numbers_of_shards(client: AtmosphereClient, parts: Any) -> None:
    with pytest.raises(InvalidArgument, match="expected an integer of at least 1"):
        published(client, parts=parts)
