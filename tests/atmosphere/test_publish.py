"""Publishing, on the embedded repository and the reference PDS: the record, its blobs, and nothing twice."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from tests.atmosphere.samples import DIGESTS, SCHEMA, URL, Events, MySample, head, shard

from atpub.atmosphere import (
    AtmosphereClient,
    AtUri,
    Dataset,
    DatasetPublisher,
    LabelPublisher,
    LensPublisher,
    SchemaPublisher,
)
from atpub.atproto.syntax import Cid, Tid
from atpub.errors import InvalidArgument, RecordConflict, Refused


def stored(client: AtmosphereClient, uri: AtUri) -> dict[str, Any]:
    """A record but for its time."""
    return {name: value for name, value in client.get_record(uri).items() if name != "createdAt"}


def test_blobs_of_every_form(client: AtmosphereClient, tmp_path: Path) -> None:
    shards = [shard(str(number)) for number in range(4)]
    (tmp_path / "1.tar").write_bytes(shards[1])
    events = Events()
    publisher = DatasetPublisher(client, on_event=events)
    with io.BytesIO(b"before" + shards[2]) as opened, (tmp_path / "1.tar").open("rb") as file:
        opened.seek(6)
        uri = publisher.publish_with_blobs(
            [shards[0], file, opened, Pipe(shards[3])],
            SCHEMA,
            name="Cats",
            description="four of them",
            tags=["cats"],
            license="MIT",
            metadata={"camera": "old"},
        )
        assert not opened.closed
        assert not file.closed
    assert events.uploads == 4
    record = stored(client, uri)
    blobs = [item["blob"] for item in record.pop("storage")["blobs"]]
    assert [blob["mimeType"] for blob in blobs] == ["application/x-tar"] * 4
    assert [client.get_blob(client.did, blob["ref"]["$link"]) for blob in blobs] == shards
    assert record == {
        "$type": "science.alt.dataset.entry",
        "name": "Cats",
        "schemaRef": SCHEMA,
        "description": "four of them",
        "tags": ["cats"],
        "license": "MIT",
        "contentMetadata": {"camera": "old"},
        "size": {"samples": 4, "bytes": sum(map(len, shards)), "shards": 4},
    }


class Pipe(io.RawIOBase):
    """Can be read once."""

    def __init__(self, content: bytes) -> None:
        self._inner = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._inner.read(size)


@pytest.mark.parametrize("mime_type", ["application/x-tar", "application/octet-stream"])
def test_the_same_again_changes_nothing(client: AtmosphereClient, mime_type: str) -> None:
    events = Events()
    publisher = DatasetPublisher(client, on_event=events)
    first = publisher.publish_with_blobs([shard("a")], SCHEMA, name="Cats")
    before = head(client)
    assert events.commits == [1]
    assert publisher.publish_with_blobs([io.BytesIO(shard("a"))], SCHEMA, name="Cats", mime_type=mime_type) == first
    assert (head(client), events.seen) == (before, [])


def test_the_content_type_is_what_was_asked_for(client: AtmosphereClient) -> None:
    publisher = DatasetPublisher(client)
    plan = publisher.plan(
        publisher.publish_with_blobs, [shard("a")], SCHEMA, name="Cats", mime_type="application/octet-stream"
    )
    assert [upload.mime_type for upload in plan.uploads] == ["application/octet-stream"]
    plan.apply()
    (record,) = client.list_datasets()
    assert "'application/x-tar'" in str(record)


def test_another_content_updates_and_keeps_its_time(client: AtmosphereClient) -> None:
    publisher = DatasetPublisher(client)
    first = publisher.publish_with_blobs([shard("a"), shard("b")], SCHEMA, name="Cats")
    created = client.get_record(first)["createdAt"]
    events = Events()
    second = DatasetPublisher(client, on_event=events).publish_with_blobs([shard("b"), shard("c")], SCHEMA, name="Cats")
    assert second == first
    assert events.uploads == 1  # the repository has the other one
    assert client.get_record(first)["createdAt"] == created
    assert len(client.list_datasets()) == 1


def test_schemes_and_their_storages(client: AtmosphereClient) -> None:
    publisher = DatasetPublisher(client)
    http = publisher.publish_with_urls([URL], SCHEMA, name="http", checksums=DIGESTS)
    assert stored(client, http)["storage"] == {
        "$type": "science.alt.dataset.storageHttp",
        "shards": [
            {
                "url": f"https://cdn.example.org/cats-{number:03}.tar",
                "checksum": {"algorithm": "sha256", "digest": f"{number:064x}"},
            }
            for number in range(3)
        ],
    }
    place: dict[str, Any] = {"region": "eu-west-1", "endpoint": "https://s3.eu-west-1.amazonaws.com"}
    s3 = publisher.publish_with_urls(["s3://lab/cats-{1..2}.tar"], SCHEMA, name="s3", checksums="none", **place)
    none = {"algorithm": "none", "digest": ""}
    assert stored(client, s3)["storage"] == {
        "$type": "science.alt.dataset.storageS3",
        "bucket": "lab",
        **place,
        "shards": [{"key": "cats-1.tar", "checksum": none}, {"key": "cats-2.tar", "checksum": none}],
    }
    other = publisher.publish_with_urls(["gs://lab/cats.tar"], SCHEMA, name="gs")  # which has no place for any
    assert stored(client, other)["storage"] == {
        "$type": "science.alt.dataset.storageExternal",
        "urls": ["gs://lab/cats.tar"],
    }


class AtdataDataset:
    """What atdata's Dataset has of what publishing needs."""

    sample_type = MySample

    def __init__(self, *urls: str) -> None:
        self._urls = urls
        self.metadata = {"old": 1, "both": 1}
        self.content_metadata = {"new": 2, "both": 2}

    def list_shards(self) -> list[str]:
        return list(self._urls)


class WebDataset:
    """What webdataset's pipelines have."""

    def __init__(self, urls: list[str]) -> None:
        self.pipeline = [ShardList(urls), object()]


class ShardList:
    def __init__(self, urls: list[str]) -> None:
        self.urls = urls


def test_datasets_of_other_libraries(client: AtmosphereClient) -> None:
    publisher, urls = DatasetPublisher(client), ["https://a.test/1.tar", "https://a.test/2.tar"]
    own = publisher.publish(Dataset[MySample](urls), name="own", checksums="none")
    atdata = publisher.publish(AtdataDataset(*urls), name="own", id="atdata", checksums="none")
    piped = publisher.publish(WebDataset(urls), name="own", id="piped", schema_uri=SCHEMA, checksums="none")
    records = [stored(client, uri) for uri in (own, atdata, piped)]
    assert [str(record["schemaRef"]) for record in records[:2]] == [
        f"at://{client.did}/science.alt.dataset.schema/MySample:1.0.0"
    ] * 2
    assert records[2]["schemaRef"] == SCHEMA
    assert records[0]["storage"] == records[1]["storage"] == records[2]["storage"]
    assert records[1]["contentMetadata"] == {"old": 1, "new": 2, "both": 2}
    assert len(client.list_schemas()) == 1


def test_a_dataset_and_its_schema_are_one_commit(client: AtmosphereClient) -> None:
    events = Events()
    DatasetPublisher(client, on_event=events).publish(
        Dataset[MySample]("https://a.test/1.tar"), name="x", schema_version="2.1.0", checksums="none"
    )
    assert events.commits == [2]
    (schema,) = client.list_schemas()
    assert schema["version"] == "2.1.0"
    assert schema["name"] == "MySample"
    content = schema["schema"]["content"]
    assert content["properties"] == {
        "text": {"type": "string"},
        "label": {"type": "integer"},
        "weight": {"type": "number"},
    }
    assert content["required"] == ["label", "text"]


def test_without_schema_and_leave_to_publish_one(client: AtmosphereClient) -> None:
    with pytest.raises(ValueError, match=r"publish\(schema_uri=…\)"):
        DatasetPublisher(client).publish(Dataset[MySample](URL), name="x", auto_publish_schema=False)


def test_if_exists(client: AtmosphereClient) -> None:
    publisher = DatasetPublisher(client)
    uri = publisher.publish_with_urls([URL], SCHEMA, name="x", checksums=DIGESTS, if_exists="error")
    before = head(client)
    with pytest.raises(RecordConflict, match="there is a record already"):
        publisher.publish_with_urls([URL], SCHEMA, name="x", checksums=DIGESTS, if_exists="error")
    again = publisher.publish_with_urls([URL], SCHEMA, name="x", tags=["new"], checksums=DIGESTS, if_exists="skip")
    assert (again, head(client)) == (uri, before)
    publisher.publish_with_urls([URL], SCHEMA, name="x", tags=["new"], checksums=DIGESTS, if_exists="update")
    assert client.get_record(uri)["tags"] == ["new"]
    with pytest.raises(InvalidArgument, match="if_exists"):
        publisher.publish_with_urls([URL], SCHEMA, name="x", if_exists="replace")  # type: ignore[arg-type]  # the point


def test_keys(client: AtmosphereClient) -> None:
    publisher = DatasetPublisher(client)

    def publish(name: str, rkey: str | None = None, id: str | None = None) -> AtUri:
        return publisher.publish_with_urls([URL], SCHEMA, name=name, rkey=rkey, id=id, checksums=DIGESTS)

    assert publish("x").rkey == publish("another title", id="x").rkey
    assert publish("x").rkey != publish("y").rkey
    key = Tid.of(1_700_000_000_000_000)
    assert str(publish("z", rkey=key)) == f"at://{client.did}/science.alt.dataset.entry/{key}"


def test_a_schema_version_never_changes(client: AtmosphereClient) -> None:
    publisher = SchemaPublisher(client)
    first = publisher.publish(MySample, description="what it is", metadata={"license": "MIT"})
    assert publisher.publish(MySample, description="what it really is", metadata={"license": "MIT"}) == first

    class Other:
        text: str

    with pytest.raises(Refused, match="never changes"):
        publisher.publish(Other, name="MySample")
    assert publisher.publish(Other, name="MySample", version="2.0.0").rkey == "MySample:2.0.0"
    assert publisher.publish(Other, nsid="org.lab.other").rkey == "org.lab.other:1.0.0"
    with pytest.raises(Refused, match="never changes"):  # nor may a dataset claim to be of that version
        DatasetPublisher(client).publish(
            Dataset("https://a.test/1.tar", sample_type=type("MySample", (Other,), {})), name="x", checksums="none"
        )


def test_labels_and_lenses(client: AtmosphereClient) -> None:
    dataset = DatasetPublisher(client).publish_with_urls([URL], SCHEMA, name="x", checksums=DIGESTS)
    label = LabelPublisher(client).publish("mnist", str(dataset), version="1.0.0", description="first")
    assert stored(client, label) == {
        "$type": "science.alt.dataset.label",
        "name": "mnist",
        "datasetUri": str(dataset),
        "version": "1.0.0",
        "description": "first",
    }
    assert LabelPublisher(client).publish("mnist", dataset, version="1.0.0", description="first") == label
    code: dict[str, Any] = {"code_repository": "https://git.test/x", "code_commit": "c" * 40}
    lens = LensPublisher(client).publish_from_lens(
        Lens(), name="a to b", source_schema_uri=SCHEMA, target_schema_uri=SCHEMA, **code
    )
    assert stored(client, lens)["getterCode"] == {
        "repository": "https://git.test/x",
        "commit": "c" * 40,
        "path": f"{__name__}:get",
    }
    with pytest.raises(InvalidArgument, match=r"LensPublisher.publish\(putter_path=…\)"):
        LensPublisher(client).publish(
            name="x", source_schema_uri=SCHEMA, target_schema_uri=SCHEMA, getter_path="a:b", **code
        )


def get(sample: object) -> object:
    return sample


class Lens:
    """What atdata's Lens has."""

    _getter = staticmethod(get)
    _putter = staticmethod(get)


def test_uris(client: AtmosphereClient) -> None:
    uri = DatasetPublisher(client).publish_with_urls([URL], SCHEMA, name="x", checksums=DIGESTS)
    assert uri.authority == client.did
    assert uri.collection == "science.alt.dataset.entry"
    assert AtUri.parse(str(uri)) == uri
    assert Cid.accepts(client.get_record(str(uri)).cid)
