"""What was published, read back: by others, without a login, without a cap, and checked."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.atmosphere.samples import DIGESTS, SCHEMA, URL, MySample, shard
from tests.atmosphere.stores import STATES, Store, running
from tests.pds.reference import VERSIONS
from tests.repository.pds_servers import Servers, new_account

import atpub.atmosphere as api
from atpub.atmosphere import (
    AtmosphereClient,
    Dataset,
    DatasetLoader,
    DatasetPublisher,
    LabelLoader,
    LabelPublisher,
    LensLoader,
    LensPublisher,
    SchemaLoader,
    SchemaPublisher,
)
from atpub.errors import AtpubWarning, InvalidArgument, RecordNotFound, RepositoryNotFound, Unavailable, Usage


@pytest.fixture
def store() -> Iterator[Store]:
    files = {"/lab/d-0.tar": shard("a", "b"), "/lab/d-1.tar": shard("c")}
    with running(Store(files, STATES["digest"])) as made:
        yield made


def test_lists_have_no_cap(client: AtmosphereClient) -> None:
    publisher = DatasetPublisher(client)
    with client.batch():
        for number in range(130):
            publisher.publish_with_urls([URL], SCHEMA, name=f"{number:03}", checksums=DIGESTS)
    loader = DatasetLoader(client)
    everything = loader.list_all()
    assert sorted(str(record["name"]) for record in everything) == [f"{number:03}" for number in range(130)]
    assert [record.uri for record in everything] == sorted((record.uri for record in everything), reverse=True)
    assert loader.list_all(limit=7) == everything[:7]
    first, cursor = client.list_records("science.alt.dataset.entry", limit=100)
    rest, end = client.list_records("science.alt.dataset.entry", limit=100, cursor=cursor)
    assert (first + rest, end) == (everything, None)
    assert client.get_record(everything[3].uri).cid == everything[3].cid


@pytest.mark.pds
@pytest.mark.parametrize("version", VERSIONS)
def test_others_read_it_without_a_login(version: str, servers: Servers) -> None:
    server = servers(version)
    account = new_account(server)
    with AtmosphereClient(server.url) as owner, AtmosphereClient(server.url) as other:
        owner.login(account.handle, account.password)
        uri = DatasetPublisher(owner).publish(Dataset[MySample](URL), name="x", checksums=DIGESTS)
        assert not other.is_authenticated
        assert DatasetLoader(other).get(uri) == owner.get_record(uri)
        assert [record.uri for record in DatasetLoader(other).list_all(repo=account.handle)] == [uri]
        assert len(SchemaLoader(other).list_all(repo=account.did)) == 1


@pytest.mark.pds
def test_an_account_on_another_server(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = servers(VERSIONS[0]), servers(VERSIONS[1])
    account = new_account(there)
    with AtmosphereClient(there.url) as owner:
        owner.login(account.handle, account.password)
        uri = SchemaPublisher(owner).publish(MySample)
    monkeypatch.setenv("ATPUB_PLC", there.plc_url)
    with AtmosphereClient(here.url) as client:
        assert SchemaLoader(client).get(uri)["name"] == "MySample"
        assert len(SchemaLoader(client).list_all(account.did)) == 1
        with pytest.raises(RepositoryNotFound):
            SchemaLoader(client).list_all("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")


def test_samples_in_blobs(client: AtmosphereClient) -> None:
    schema = SchemaPublisher(client).publish(MySample)
    uri = DatasetPublisher(client).publish_with_blobs(
        [shard("a", "b"), shard("c")], schema, name="x", metadata={"camera": 1}
    )
    loader = DatasetLoader(client)
    assert loader.get_storage_type(uri) == "blobs"
    assert len(loader.get_blobs(uri)) == len(loader.get_blob_urls(uri)) == 2
    assert loader.get_metadata(uri) == {"camera": 1}
    dataset = api.load(uri, MySample, client=client)
    assert list(dataset) == [MySample("a", 0), MySample("b", 1), MySample("c", 0)]
    assert dataset.metadata == {"camera": 1}
    assert dataset.sample_type is MySample
    made = list(api.load(str(uri), client=client))
    assert [(sample.text, sample.label, sample.weight) for sample in made][:2] == [("a", 0, None), ("b", 1, None)]
    assert type(made[0]).__name__ == "MySample"
    with pytest.raises(InvalidArgument, match="are blobs"):
        loader.get_urls(uri)
    with pytest.raises(InvalidArgument, match="not in S3"):
        loader.get_s3_info(uri)


def test_samples_at_urls(store: Store, local: AtmosphereClient) -> None:
    publisher, loader = DatasetPublisher(local), DatasetLoader(local)
    uri = publisher.publish(Dataset[MySample](f"{store.url}/lab/d-{{0..1}}.tar"), name="x")
    assert loader.get_storage_type(uri) == "http"
    assert loader.get_urls(uri) == [f"{store.url}/lab/d-{number}.tar" for number in range(2)]
    assert [sample.text for sample in loader.to_dataset(uri, MySample)] == ["a", "b", "c"]
    with pytest.raises(InvalidArgument, match="are not blobs"):
        loader.get_blobs(uri)
    store.files["/lab/d-1.tar"] = shard("another")
    with pytest.raises(Unavailable, match=r"d-1\.tar is not what its checksum says"):
        list(loader.to_dataset(uri, MySample))
    store.files["/lab/d-1.tar"] = b"x" * 2000
    with pytest.raises(Unavailable, match=r"d-1\.tar is no whole tar"):
        list(loader.to_dataset(uri, MySample))
    del store.files["/lab/d-1.tar"]
    with pytest.raises(Unavailable, match=r"d-1\.tar answers 404"):
        list(loader.to_dataset(uri, MySample))


def test_samples_in_s3(store: Store, local: AtmosphereClient) -> None:
    publisher, loader = DatasetPublisher(local), DatasetLoader(local)
    made = Dataset[MySample]("s3://lab/d-{0..1}.tar")
    uri = publisher.publish(made, name="x", endpoint=store.url, region="here")
    assert loader.get_storage_type(uri) == "s3"
    assert loader.get_urls(uri) == [f"{store.url}/lab/d-{number}.tar" for number in range(2)]
    keys = ["d-0.tar", "d-1.tar"]
    assert loader.get_s3_info(uri) == {"bucket": "lab", "keys": keys, "region": "here", "endpoint": store.url}
    assert len(list(loader.to_dataset(uri, MySample))) == 3
    with pytest.warns(AtpubWarning, match="atdata reads S3 shards only where the endpoint is given: give endpoint="):
        far = publisher.publish(made, name="far", region="eu-west-1", checksums="none")
    assert loader.get_urls(far)[0] == "s3://lab/d-0.tar"
    other = publisher.publish(Dataset[MySample]("hdfs://lab/x.tar"), name="other", checksums="none")
    assert (loader.get_storage_type(other), loader.get_urls(other)) == ("external", ["hdfs://lab/x.tar"])
    with pytest.raises(Usage, match="is in no store that atpub can read"):
        list(loader.to_dataset(other, MySample))


def test_samples_of_a_mirror(store: Store, local: AtmosphereClient) -> None:
    """The first place that begins to give bytes is read."""
    mirrors = {"urls": [f"{store.url}/none", f"{store.url}/lab"]}
    made = Dataset[MySample](f"{store.url}/gone/d-0.tar", metadata={"dev.atpub.mirrors": mirrors})
    uri = DatasetPublisher(local).publish(made, name="x", checksums="none")
    assert len(list(DatasetLoader(local).to_dataset(uri, MySample))) == 2


@pytest.mark.parametrize("form", ["http", "s3", "external", "external-at-a-path", "external-at-nothing"])
def test_no_record_names_a_file_of_this_machine(local: AtmosphereClient, tmp_path: Path, form: str) -> None:
    file = tmp_path / "secret.tar"
    file.write_bytes(shard("secret"))
    none = {"algorithm": "none", "digest": ""}
    storages: dict[str, dict[str, Any]] = {
        "http": {"shards": [{"url": file.as_uri(), "checksum": none}]},
        "s3": {
            "bucket": tmp_path.name,
            "endpoint": tmp_path.parent.as_uri(),
            "shards": [{"key": file.name, "checksum": none}],
        },
        "external": {"urls": [file.as_uri()]},
        "external-at-a-path": {"urls": [str(file)]},
        "external-at-nothing": {"urls": [f"file://[{file}"]},
    }
    kind = f"science.alt.dataset.storage{form.partition('-')[0].capitalize()}"
    value = {
        "name": "x",
        "schemaRef": SCHEMA,
        "createdAt": "2024-01-01T00:00:00.000Z",
        "storage": {"$type": kind, **storages[form]},
    }
    uri = local.put_record("science.alt.dataset.entry", "3jzfcijpj2z2a", value, validate=False)
    dataset = api.load(uri, MySample, client=local)
    assert len(dataset.list_shards()) == 1
    with pytest.raises(Usage, match=r"secret\.tar is in no store that atpub can read"):
        list(dataset)


def test_a_dataset_of_ones_own(tmp_path: Path, store: Store) -> None:
    (tmp_path / "1.tar").write_bytes(shard("here"))
    here = Dataset[MySample]([str(tmp_path / "1.tar"), f"{store.url}/lab/d-{{0..1}}.tar"])
    assert [sample.text for sample in here] == ["here", "a", "b", "c"]
    assert here.list_shards()[1:] == [f"{store.url}/lab/d-{number}.tar" for number in range(2)]
    untyped: Dataset[dict[str, object]] = Dataset((tmp_path / "1.tar").as_uri())
    assert next(iter(untyped)) == {"text": "here", "label": 0}
    with pytest.raises(Usage, match="class of the samples is not known"):
        _ = untyped.sample_type
    assert repr(here).startswith("Dataset[MySample](")
    with pytest.raises(InvalidArgument, match="never closed"):
        Dataset[MySample]("https://a.test/{0..3.tar").list_shards()
    with pytest.raises(Unavailable, match="cannot be read"):
        list(Dataset[MySample](str(tmp_path / "2.tar")))


def test_labels(client: AtmosphereClient) -> None:
    datasets, labels, loader = DatasetPublisher(client), LabelPublisher(client), LabelLoader(client)
    schema = SchemaPublisher(client).publish(MySample)
    uris = [datasets.publish_with_blobs([shard(name)], schema, name=name) for name in ("one", "two")]
    first = labels.publish("mnist", uris[0], version="1.0.0")
    labels.publish("mnist", uris[1], version="2.0.0")
    assert loader.resolve(client.did, "mnist") == str(uris[1])
    assert loader.resolve(client.did, "mnist", "1.0.0") == str(uris[0])
    assert loader.get_typed(first).dataset_uri == str(uris[0])
    assert [sample.text for sample in api.load(first, MySample, client=client)] == ["one"]
    with pytest.raises(KeyError, match="has no label 'cifar'"):
        loader.resolve(client.did, "cifar")
    with pytest.raises(RecordNotFound, match="version 3"):
        loader.resolve(client.did, "mnist", "3")


def test_a_label_that_names_no_dataset(local: AtmosphereClient) -> None:
    local.put_record("science.alt.dataset.label", "3jzfcijpj2z2a", {"name": "mnist"}, validate=False)
    with pytest.raises(RecordNotFound, match="has no label 'mnist'"):
        LabelLoader(local).resolve(local.did, "mnist")


def test_lenses_and_schemas(local: AtmosphereClient) -> None:
    other = SchemaPublisher(local).publish(MySample, version="2.0.0")
    uri = LensPublisher(local).publish(
        name="x", source_schema_uri=SCHEMA, target_schema_uri=other, code_repository="https://git.test/x",
        code_commit="c" * 40, getter_path="a:b", putter_path="a:c",
    )  # fmt: skip
    loader = LensLoader(local)
    assert [record.uri for record in loader.find_by_schemas(SCHEMA)] == [uri]
    assert loader.find_by_schemas(SCHEMA, SCHEMA) == loader.find_by_schemas(str(other)) == []
    assert loader.get_typed(uri).getter_code.path == "a:b"
    assert SchemaLoader(local).get_typed(other).version == "2.0.0"


def test_what_is_something_else(local: AtmosphereClient) -> None:
    schema = SchemaPublisher(local).publish(MySample)
    with pytest.raises(ValueError, match="not the URI of a dataset record"):
        DatasetLoader(local).get(schema)
    with pytest.raises(KeyError, match="there is no record at://"):
        SchemaLoader(local).get(f"{schema}.1")


def test_metadata_of_older_libraries(local: AtmosphereClient) -> None:
    uri = DatasetPublisher(local).publish(Dataset[MySample](URL), name="x", checksums=DIGESTS)
    record = dict(local.get_record(uri))
    packed = {"$bytes": "gaFhAQ"}  # msgpack of {"a": 1}
    assert uri.rkey is not None
    local.put_record("science.alt.dataset.entry", uri.rkey, {**record, "metadata": packed})
    loader = DatasetLoader(local)
    assert loader.get_metadata(uri) == {"a": 1}
    local.put_record("science.alt.dataset.entry", uri.rkey, {**record, "metadata": {"b": 2}}, validate=False)
    assert loader.get_metadata(uri) == {"b": 2}
    assert loader.to_dataset(uri, MySample).metadata == {"b": 2}


def test_bytes_of_a_blob_are_checked(local: AtmosphereClient) -> None:
    schema = SchemaPublisher(local).publish(MySample)
    uri = DatasetPublisher(local).publish_with_blobs([shard("a")], schema, name="x")
    dataset = api.load(uri, MySample, client=local)
    file = Path(dataset.list_shards()[0].removeprefix("file://"))
    assert sha256(file.read_bytes()).hexdigest() == sha256(shard("a")).hexdigest()
    file.write_bytes(shard("b"))
    with pytest.raises(Unavailable, match="not what its checksum says"):
        list(dataset)
