"""The client: logging in, whose it is, records and blobs of any kind."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.atmosphere.conftest import NewClient
from tests.atmosphere.samples import SCHEMA, URL, MySample, head, shard
from tests.pds.reference import VERSIONS
from tests.repository.pds_servers import Servers, new_account

from atpub import verify
from atpub.atmosphere import AtmosphereClient, AtUri, DatasetPublisher, SchemaPublisher
from atpub.atproto.syntax import Cid
from atpub.errors import (
    AuthenticationFailed,
    HeadMoved,
    InvalidArgument,
    InvalidRecord,
    NotLoggedIn,
    RecordConflict,
    RecordNotFound,
    RepositoryError,
    Usage,
)

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
NOTE = "org.test.note"


@pytest.mark.pds
@pytest.mark.parametrize("version", VERSIONS)
def test_sessions(version: str, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    server = servers(version)
    account = new_account(server)
    with AtmosphereClient(server.url) as client:
        assert not client.is_authenticated
        with pytest.raises(AuthenticationFailed):
            client.login(account.handle, "wrong")
        assert not client.is_authenticated
        for end in ("\r\n", "\n", ""):
            client.login(f"@{account.handle}", account.password + end)
        assert (client.is_authenticated, client.did, client.handle) == (True, account.did, account.handle)
        saved = client.export_session()
    with AtmosphereClient() as client:
        client.login_session(saved)
        assert (client.did, client.handle) == (account.did, account.handle)
        SchemaPublisher(client).publish(MySample)
        assert account.password not in saved
    monkeypatch.setenv("ATPUB_PDS", server.url)
    monkeypatch.setenv("ATPUB_ACCOUNT", account.did)
    with AtmosphereClient.from_env() as client:
        assert client.handle == account.handle
        assert len(client.list_schemas()) == 1
        assert SchemaPublisher(client).publish(MySample)  # it is there already: nothing to log in for
        with pytest.raises(AuthenticationFailed, match="a password is needed"):
            SchemaPublisher(client).publish(MySample, version="2.0.0")
    monkeypatch.setenv("ATPUB_PASSWORD", account.password)
    with AtmosphereClient.from_env() as client:
        SchemaPublisher(client).publish(MySample, version="2.0.0")


@pytest.mark.parametrize(
    "call",
    [
        lambda: AtmosphereClient().login("alice.example", "x"),
        lambda: AtmosphereClient().login_with_session(f"alice.example:::{DID}:::a:::b"),
        lambda: AtmosphereClient().list_datasets(DID),
        lambda: verify(f"at://{DID}"),
        AtmosphereClient.from_env,
    ],
)
def test_a_server_of_the_environment_is_named_by_its_variable(
    call: Callable[[], object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATPUB_ACCOUNT", DID)
    monkeypatch.setenv("ATPUB_PDS", "nonsense")
    with pytest.raises(Usage, match="ATPUB_PDS: 'nonsense' is not the address of a server"):
        call()
    AtmosphereClient().login("local", "")
    assert AtmosphereClient.local().is_authenticated, "which has no server"
    assert repr(AtmosphereClient()) == "AtmosphereClient(not logged in, 'nonsense')"


@pytest.mark.pds
@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_of_the_sdk(version: str, servers: Servers) -> None:
    server = servers(version)
    account = new_account(server)
    sdk: Any = import_module("atproto")
    theirs = sdk.Client(server.url)
    theirs.login(account.handle, account.password, fetch_bsky_profile=False)
    with AtmosphereClient(server.url) as client:
        client.login_with_session(theirs.export_session_string())
        uri = SchemaPublisher(client).publish(MySample)
        saved = client.export_session()
    again = sdk.Client(server.url)
    again.login(session_string=saved, fetch_bsky_profile=False)
    found = again.com.atproto.repo.get_record({"repo": account.did, "collection": uri.collection, "rkey": uri.rkey})
    assert found.uri == str(uri)
    for used in (theirs, again):
        used.request._client.close()


def test_without_a_login() -> None:
    with AtmosphereClient() as client:
        for use in (lambda: client.did, lambda: client.handle, client.export_session, client.list_datasets):
            with pytest.raises(NotLoggedIn, match="not logged in"):
                use()
        with pytest.raises(ValueError, match="not logged in"):
            DatasetPublisher(client).publish_with_urls([URL], SCHEMA, name="x", checksums="none")
    with pytest.raises(Usage, match="ATPUB_ACCOUNT is not set"):
        AtmosphereClient.from_env()


def test_a_session_that_is_none() -> None:
    with AtmosphereClient() as client, pytest.raises(InvalidArgument, match="no saved session") as wrong:
        client.login_with_session("secret:::not-a-did:::x:::y")
    assert "secret" not in str(wrong.value)


def test_the_embedded_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with AtmosphereClient.local(tmp_path / "a", did="did:web:lab.example") as client:
        assert client.did == "did:web:lab.example"
        SchemaPublisher(client).publish(MySample)
        with pytest.raises(NotLoggedIn, match="has no sessions"):
            client.export_session()
    monkeypatch.setenv("ATPUB_ACCOUNT", f"local:{tmp_path / 'a'}")
    with AtmosphereClient.from_env() as client, pytest.raises(RepositoryError, match=r"did:web:lab\.example"):
        client.list_schemas()
    with AtmosphereClient() as client:
        client.login("local", "")
        SchemaPublisher(client).publish(MySample)
    assert Path(".atpub/local/repo.sqlite").is_file()


def test_records(new_client: NewClient) -> None:
    client = new_client()
    made = client.create_record(NOTE, {"text": "hello", "createdAt": "2024-01-01T00:00:00.000Z"})
    assert made.collection == NOTE
    put = client.put_record(NOTE, "self", {"text": "one"})
    before = head(client)
    assert client.put_record(NOTE, "self", {"text": "one"}) == put
    assert head(client) == before
    client.put_record(NOTE, "self", {"text": "two"})
    with pytest.raises(RecordConflict, match="there is a record already"):
        client.create_record(NOTE, {"text": "three"}, rkey="self")
    found = new_client().get_record(put)
    assert (found, found.uri) == ({"$type": NOTE, "text": "two"}, put)
    assert Cid.accepts(found.cid)
    client.delete_record(put)
    client.delete_record(str(put))
    with pytest.raises(RecordNotFound):
        client.get_record(put)
    records, cursor = client.list_records(NOTE)
    assert ([record.uri for record in records], cursor) == ([made], None)


def test_swaps(client: AtmosphereClient) -> None:
    client.put_record(NOTE, "self", {"text": "one"})
    first = head(client)
    assert first is not None
    client.put_record(NOTE, "self", {"text": "two"}, swap_commit=first.cid)
    with pytest.raises(HeadMoved):
        client.put_record(NOTE, "self", {"text": "three"}, swap_commit=first.cid)
    assert client.get_record(f"at://{client.did}/{NOTE}/self")["text"] == "two"


def test_records_are_judged_where_their_lexicon_is_at_hand(local: AtmosphereClient) -> None:
    label = "science.alt.dataset.label"
    with pytest.raises(InvalidRecord, match="datasetUri"):
        local.put_record(label, "3jzfcijpj2z2a", {"name": "x"})
    local.put_record(label, "3jzfcijpj2z2a", {"name": "x"}, validate=False)
    with pytest.raises(InvalidRecord, match="no lexicon"):
        local.put_record(NOTE, "self", {"text": "x"}, validate=True)
    with pytest.raises(InvalidArgument, match=r"put_record\(record=…\)"):
        local.put_record(NOTE, "self", {"text": {1}})
    with pytest.raises(InvalidArgument, match="not a record of"):
        local.delete_record(AtUri.parse(f"at://did:plc:aliceaaaaaaaaaaaaaaaaaaa/{NOTE}/self"))


def test_blobs(client: AtmosphereClient) -> None:
    blob = client.upload_blob(io.BytesIO(b"some text"), "text/plain")
    assert (blob["mimeType"], blob["size"]) == ("text/plain", 9)
    client.put_record(NOTE, "self", {"text": "x", "file": blob})
    assert client.get_blob(client.did, blob["ref"]["$link"]) == b"some text"
    url = client.get_blob_url(client.did, blob["ref"]["$link"])
    assert blob["ref"]["$link"] in url
    with pytest.raises(InvalidArgument, match="cannot be read"):
        client.upload_blob("nowhere.txt")


def test_an_account_that_shares_its_head_with_others(new_client: NewClient) -> None:
    one, other = new_client(), new_client()
    for number in range(3):
        DatasetPublisher(one).publish_with_blobs([shard("a")], SCHEMA, name=f"{number}")
        other.put_record(NOTE, f"r{number}", {"text": "x"})
    assert len(other.list_datasets()) == 3
