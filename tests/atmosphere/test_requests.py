"""How many requests a call makes of a PDS: one record is got, and no repository fetched for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.atmosphere.samples import SCHEMA, MySample, shard
from tests.pds.counting import Counting, counting
from tests.pds.reference import VERSIONS, Account
from tests.repository.pds_servers import Servers, new_account

from atpub.atmosphere import AtmosphereClient, DatasetLoader, DatasetPublisher, LabelPublisher, SchemaPublisher, load

pytestmark = pytest.mark.pds
NOTE = "org.test.note"


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Counting]:
    with counting(servers(request.param).url) as found:
        yield found


@pytest.fixture
def account(request: pytest.FixtureRequest, servers: Servers) -> Account:
    return new_account(servers(request.node.callspec.params["server"]))


@pytest.fixture
def client(server: Counting, account: Account) -> Iterator[AtmosphereClient]:
    """A client of an empty account, with nothing read yet."""
    with AtmosphereClient(server.url) as made:
        made.login(account.did, account.password)
        server.methods()
        yield made


def test_records(client: AtmosphereClient, server: Counting) -> None:
    uri = client.put_record(NOTE, "self", {"text": "one"})
    write = ["getLatestCommit", "getRecord", "listRecords", "applyWrites"]
    assert server.methods() == write
    client.put_record(NOTE, "self", {"text": "two"})
    assert server.methods() == write
    client.put_record(NOTE, "self", {"text": "two"})
    assert server.methods() == ["getLatestCommit", "getRecord"]
    assert client.get_record(uri)["text"] == "two"
    assert server.methods() == ["getRecord"]
    client.delete_record(uri)
    assert server.methods() == write


def test_of_a_collection_no_more_is_read_than_asked_for(client: AtmosphereClient, server: Counting) -> None:
    with client.batch():
        for number in range(3):
            SchemaPublisher(client).publish(MySample, version=f"{number}.0.0")
    server.methods()
    first, cursor = client.list_records(NOTE.replace("note", "none"), limit=1)
    assert (first, cursor) == ([], None)
    assert server.methods() == ["listRecords"]
    assert len(client.list_schemas(limit=2)) == 2
    assert server.methods() == ["listRecords"]
    assert len(client.list_schemas()) == 3
    assert "listRecords" not in server.methods()


def test_loaders(client: AtmosphereClient, server: Counting) -> None:
    schema = SchemaPublisher(client).publish(MySample)
    uri = DatasetPublisher(client).publish_with_blobs([shard("a")], schema, name="x")
    label = LabelPublisher(client).publish("x", uri)
    with AtmosphereClient(server.url) as reader:
        server.methods()
        assert DatasetLoader(reader).get(uri)["name"] == "x"
        assert server.methods() == ["getLatestCommit", "getRecord"]  # is the account on this server?
        assert len(list(load(label, MySample, client=reader))) == 1
        assert server.methods() == ["getRecord", "getRecord", "getBlob"]
        assert load(uri, client=reader).sample_type.__name__ == "MySample"
        assert server.methods() == ["getRecord", "getRecord"]


def test_datasets_one_at_a_time(client: AtmosphereClient, server: Counting) -> None:
    """The commit itself shows whether the repository still stands as this client left it."""
    publisher = DatasetPublisher(client)
    for name, requests in (("x", ["getRepo", "applyWrites"]), ("y", ["applyWrites"]), ("z", ["applyWrites"])):
        publisher.publish_with_urls(["https://a.test/0.tar"], SCHEMA, name=name, checksums="none")
        assert server.methods() == requests
    publisher.publish_with_urls(["https://a.test/0.tar"], SCHEMA, name="z", checksums="none")
    assert server.methods() == ["getLatestCommit"]


def test_what_another_client_has_written_meanwhile_is_seen(
    client: AtmosphereClient, server: Counting, account: Account
) -> None:
    publisher = DatasetPublisher(client)
    for name in ("x", "y"):
        publisher.publish_with_urls(["https://a.test/0.tar"], SCHEMA, name=name, checksums="none")
    with AtmosphereClient(server.url) as other:
        other.login(account.did, account.password)
        uri = DatasetPublisher(other).publish_with_urls(["https://b.test/0.tar"], SCHEMA, name="x", checksums="none")
        server.methods()
        publisher.publish_with_urls(["https://a.test/0.tar"], SCHEMA, name="z", checksums="none")
        assert server.methods().count("applyWrites") == 2  # the first one fails
        assert "b.test" in str(client.get_record(uri))
        DatasetPublisher(other).publish_with_urls(["https://c.test/0.tar"], SCHEMA, name="x", checksums="none")
        publisher.publish_with_urls(["https://b.test/0.tar"], SCHEMA, name="x", checksums="none")
    assert "b.test" in str(client.get_record(uri))


def test_records_of_a_batch_that_need_no_writing_are_looked_at_anew(
    client: AtmosphereClient, server: Counting, account: Account
) -> None:
    """Another client has deleted one of them: the commit of the other would not show that."""
    publisher = SchemaPublisher(client)
    publisher.publish(MySample, version="1.0.0")
    uri = publisher.publish(MySample, version="2.0.0")
    with AtmosphereClient(server.url) as other:
        other.login(account.did, account.password)
        other.delete_record(uri)
    with client.batch():
        publisher.publish(MySample, version="2.0.0")
        publisher.publish(MySample, version="3.0.0")
    assert client.get_record(uri).uri == uri


def test_the_handle_is_asked_for_once(client: AtmosphereClient, server: Counting) -> None:
    assert client.handle == client.handle
    assert server.methods() == ["describeRepo"]
    assert client.export_session().startswith(f"{client.handle}:::")
    assert server.methods() == []


def test_of_blobs_nothing_is_asked_where_there_are_none(client: AtmosphereClient, server: Counting) -> None:
    publisher = DatasetPublisher(client)
    publisher.publish_with_urls(["https://a.test/0.tar"], SCHEMA, name="x", checksums="none")
    assert "describeServer" not in server.methods()
    for name in ("y", "z"):
        publisher.publish_with_blobs([shard(name)], SCHEMA, name=name)
    assert server.methods().count("describeServer") == 1
