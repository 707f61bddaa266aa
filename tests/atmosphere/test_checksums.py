"""Where the checksums of shards at URLs come from: the call, the lock, the store, or every byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.atmosphere.samples import SCHEMA, Events, shard
from tests.atmosphere.stores import MUTE, STATES, Store, running

from atpub.atmosphere import AtmosphereClient, AtUri, DatasetPublisher
from atpub.errors import AtpubWarning, InvalidArgument, Unavailable
from atpub.progress import Advanced, Completed

SHARDS = [shard(f"{number}", "x") for number in range(3)]
HEX = [sha256(content).hexdigest() for content in SHARDS]


@pytest.fixture
def store() -> Iterator[Store]:
    with running(Store({f"/d-{number}.tar": content for number, content in enumerate(SHARDS)})) as made:
        yield made


def digests(client: AtmosphereClient, uri: AtUri) -> list[str]:
    found = [shard["checksum"] for shard in client.get_record(uri)["storage"]["shards"]]
    return [item["digest"] if item["algorithm"] == "sha256" else item["algorithm"] for item in found]


@pytest.mark.parametrize("name", STATES)
def test_as_the_store_states(name: str, store: Store, local: AtmosphereClient) -> None:
    store.states = STATES[name]
    uri = DatasetPublisher(local).publish_with_urls([f"{store.url}/d-{{0..2}}.tar"], SCHEMA, name="x")
    assert digests(local, uri) == HEX
    assert {request.split()[0] for request in store.requests} == {"HEAD"}


@pytest.mark.parametrize("name", MUTE)
def test_a_store_that_states_none_is_asked_once(name: str, store: Store, local: AtmosphereClient) -> None:
    store.states = MUTE[name]
    with pytest.warns(AtpubWarning, match='3 of 3 shards have no checksum.*checksums="fetch"') as warned:
        uri = DatasetPublisher(local).publish_with_urls([f"{store.url}/d-{{0..2}}.tar"], SCHEMA, name="x")
    assert digests(local, uri) == ["none"] * 3
    assert store.requests == ["HEAD /d-0.tar"]
    assert warned[0].filename == __file__


def test_a_store_that_does_not_answer(local: AtmosphereClient) -> None:
    with pytest.warns(AtpubWarning, match="2 of 2 shards have no checksum"):
        DatasetPublisher(local).publish_with_urls(["http://127.0.0.1:1/d-{0..1}.tar"], SCHEMA, name="x")


def test_said_to_have_none(store: Store, local: AtmosphereClient) -> None:
    uri = DatasetPublisher(local).publish_with_urls([f"{store.url}/d-0.tar"], SCHEMA, name="x", checksums="none")
    assert digests(local, uri) == ["none"]
    assert store.requests == []


def test_every_byte(store: Store, local: AtmosphereClient) -> None:
    events = Events()
    uri = DatasetPublisher(local, on_event=events).publish_with_urls(
        [f"{store.url}/d-{{0..2}}.tar"], SCHEMA, name="x", checksums="fetch"
    )
    assert digests(local, uri) == HEX
    sizes = {f"{store.url}/d-{number}.tar": len(content) for number, content in enumerate(SHARDS)}
    assert {event.file: event.done for event in events.seen if isinstance(event, Advanced)} == sizes
    assert {event.file: event.size for event in events.seen if isinstance(event, Completed)} == sizes
    assert {event.step for event in events.seen if isinstance(event, Advanced | Completed)} == {"hash"}


def test_a_shard_that_is_not_there(store: Store, local: AtmosphereClient) -> None:
    with pytest.raises(Unavailable, match=r"d-9\.tar answers 404"):
        DatasetPublisher(local).publish_with_urls([f"{store.url}/d-9.tar"], SCHEMA, name="x", checksums="fetch")
    with pytest.raises(Unavailable, match="cannot be read"):
        DatasetPublisher(local).publish_with_urls(["http://127.0.0.1:1/x"], SCHEMA, name="x", checksums="fetch")


def test_s3_over_its_endpoint(store: Store, local: AtmosphereClient) -> None:
    store.files = {"/lab/a%20b.tar": SHARDS[0]}
    store.states = STATES["amazon"]
    publisher = DatasetPublisher(local)
    uri = publisher.publish_with_urls(
        ["s3://lab/a b.tar".replace(" ", "%20")], SCHEMA, name="x", checksums="none", endpoint=store.url
    )
    assert digests(local, uri) == ["none"]
    store.files = {"/lab/a.tar": SHARDS[0]}
    uri = publisher.publish_with_urls(["s3://lab/a.tar"], SCHEMA, name="y", endpoint=store.url)
    assert digests(local, uri) == HEX[:1]
    with pytest.raises(InvalidArgument, match=r"checksums=….*cannot be fetched over HTTP"):
        publisher.publish_with_urls(["gs://lab/a.tar"], SCHEMA, name="z", checksums="fetch")


def test_the_lock_goes_before_the_store(store: Store, local: AtmosphereClient) -> None:
    lines = ['{"atpub.lock": 1}', *(f'{{"url": "{store.url}/d-{n}.tar", "sha256": "{n:064x}"}}' for n in range(3))]
    Path("atpub.lock").write_text("".join(f"{line}\n" for line in lines))
    uri = DatasetPublisher(local).publish_with_urls([f"{store.url}/d-{{0..2}}.tar"], SCHEMA, name="x")
    assert digests(local, uri) == [f"{number:064x}" for number in range(3)]
    assert store.requests == []


def test_a_file_of_checksums(store: Store, local: AtmosphereClient, tmp_path: Path) -> None:
    file = tmp_path / "sums.sha256"
    file.write_text("".join(f"{digest}  d-{number}.tar\n" for number, digest in enumerate(HEX)))
    uri = DatasetPublisher(local).publish_with_urls([f"{store.url}/d-{{0..2}}.tar"], SCHEMA, name="x", checksums=file)
    assert digests(local, uri) == HEX
    assert store.requests == []


@pytest.mark.parametrize(
    ("checksums", "message"),
    [
        ({"d-0.tar": "f" * 64}, "2 of 3 shards have no checksum"),
        ({"d-0.tar": "md5"}, "not a SHA-256"),
        ("sha256", "none of the forms"),
        (Path("nowhere.sha256"), "nowhere.sha256 cannot be read"),
    ],
)
def test_wrong_checksums(checksums: Any, message: str, store: Store, local: AtmosphereClient) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)) as wrong:
        DatasetPublisher(local).publish_with_urls(
            [f"{store.url}/d-{{0..2}}.tar"],
            SCHEMA,
            name="x",
            checksums=checksums,
        )
    assert "checksums=…" in str(wrong.value)
    assert store.requests == []
