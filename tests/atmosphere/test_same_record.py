"""A call and a manifest's entry of the same identity and content are one record, whichever comes first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.atmosphere.samples import DIGESTS, URL, MySample, head, shard

from atpub.atmosphere import (
    AtmosphereClient,
    AtUri,
    Dataset,
    DatasetPublisher,
    LabelPublisher,
    LensPublisher,
    SchemaPublisher,
)
from atpub.atmosphere import plan as plan_manifest
from atpub.atproto.data import Json, JsonObject

FIELDS: JsonObject = {"description": "what it is", "tags": ["a", "b"], "license": "MIT"}
METADATA: JsonObject = {"camera": {"iso": 400}, "lenses": ["50 mm"]}
CODE: JsonObject = {"repository": "https://git.test/x", "commit": "c" * 40}


def apply_manifest(client: AtmosphereClient, folder: Path, **sections: Json) -> bool:
    """Apply a manifest; says whether there was anything to do."""
    schemas: JsonObject = {
        "image": {
            "nsid": "org.lab.image",
            "version": "1.0.0",
            "name": "MySample",
            "fields": {"text": "string", "label": "integer", "weight": "number?"},
        }
    }
    manifest: JsonObject = {"atpub": 1, "project": "lab", "schemas": schemas, **sections}
    file = folder / "atpub.yaml"
    file.write_text(yaml.safe_dump(manifest), "utf-8")
    ready = plan_manifest(file, client=client)
    assert not ready.refusals
    records = [change for change in ready.changes if change.action not in ("unchanged",)]
    ready.apply()
    return any(change.address != "schemas/image" for change in records)


def publish_schema(client: AtmosphereClient) -> AtUri:
    return SchemaPublisher(client).publish(MySample, nsid="org.lab.image")


def blobs(client: AtmosphereClient, folder: Path) -> AtUri:
    return DatasetPublisher(client).publish_with_blobs(
        [(folder / "data/0.tar").read_bytes(), folder / "data/1.tar"],
        publish_schema(client),
        name="Cats and dogs",
        description="what it is",
        tags=["a", "b"],
        license="MIT",
        metadata=METADATA,
    )


def urls(client: AtmosphereClient, folder: Path) -> AtUri:
    return DatasetPublisher(client).publish_with_urls(
        [URL],
        str(publish_schema(client)),
        name="Title",
        id="Cats and dogs",
        metadata=METADATA,
        metadata_schema_uri=publish_schema(client),
        checksums=DIGESTS,
    )


def dataset(client: AtmosphereClient, folder: Path) -> AtUri:
    made = Dataset[MySample]("s3://lab/{1..3}.tar", metadata=METADATA)
    return DatasetPublisher(client).publish(
        made,
        schema_uri=publish_schema(client),
        name="Cats and dogs",
        rkey="3jzfcijpj2z2a",
        endpoint="https://s3.test",
        checksums="none",
    )


def label(client: AtmosphereClient, folder: Path) -> AtUri:
    return LabelPublisher(client).publish("mnist", schema_of(client), version="1.0.0", description="d")


def lens(client: AtmosphereClient, folder: Path) -> AtUri:
    return LensPublisher(client).publish(
        name="a to b",
        source_schema_uri=schema_of(client),
        target_schema_uri=schema_of(client),
        code_repository="https://git.test/x",
        code_commit="c" * 40,
        getter_path="a:get",
        putter_path="a:put",
        metadata={"author": "me"},
    )


def schema_of(client: AtmosphereClient) -> str:
    return f"at://{client.did}/science.alt.dataset.schema/org.lab.image:1.0.0"


Call = Callable[[AtmosphereClient, Path], AtUri]
Entries = Callable[[AtmosphereClient], JsonObject]
PAIRS: dict[str, tuple[Call, Entries]] = {
    "blobs": (
        blobs,
        lambda _: {
            "datasets": {
                "cats": {
                    "id": "Cats and dogs",
                    "name": "Cats and dogs",
                    "schema": "image",
                    "blobs": "data/*.tar",
                    "metadata": METADATA,
                    **FIELDS,
                }
            }
        },
    ),
    "urls": (
        urls,
        lambda _: {
            "datasets": {
                "cats": {
                    "id": "Cats and dogs",
                    "name": "Title",
                    "schema": "image",
                    "urls": URL,
                    "checksums": dict(DIGESTS),
                    "metadata": METADATA,
                    "metadata_schema": "image",
                }
            }
        },
    ),
    "rkey": (
        dataset,
        lambda _: {
            "datasets": {
                "cats": {
                    "rkey": "3jzfcijpj2z2a",
                    "name": "Cats and dogs",
                    "schema": "image",
                    "urls": "s3://lab/{1..3}.tar",
                    "s3": {"endpoint": "https://s3.test"},
                    "checksums": "none",
                    "metadata": METADATA,
                }
            }
        },
    ),
    "label": (
        label,
        lambda client: {
            "labels": {
                "m": {"name": "mnist", "version": "1.0.0", "dataset": schema_of(client), "description": "d"}
            }
        },
    ),
    "lens": (
        lens,
        lambda client: {
            "lenses": {
                "there": {
                    "id": "a to b",
                    "name": "a to b",
                    "source": "image",
                    "target": "image",
                    "getter": {**CODE, "path": "a:get"},
                    "putter": {**CODE, "path": "a:put"},
                    "metadata": {"author": "me"},
                }
            }
        },
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for number in range(2):
        (tmp_path / f"data/{number}.tar").write_bytes(shard(f"shard {number}", "x"))
    return tmp_path


@pytest.mark.parametrize("name", PAIRS)
def test_the_call_comes_second(name: str, client: AtmosphereClient, folder: Path) -> None:
    call, entries = PAIRS[name]
    assert apply_manifest(client, folder, **entries(client))
    before = head(client)
    uri = call(client, folder)
    assert head(client) == before
    assert client.get_record(uri)


@pytest.mark.parametrize("name", PAIRS)
def test_the_manifest_comes_second(name: str, client: AtmosphereClient, folder: Path) -> None:
    call, entries = PAIRS[name]
    publish_schema(client)
    uri = call(client, folder)
    before = head(client)
    cid = client.get_record(uri).cid
    assert not apply_manifest(client, folder, **entries(client))
    assert (client.get_record(uri).cid, head(client)) == (cid, before)
