"""What a project owns is its own: calls leave it alone, unless they speak for the project."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.atmosphere.samples import DIGESTS, SCHEMA, URL, head
from tests.atmosphere.test_same_record import apply_manifest

from atpub.atmosphere import AtmosphereClient, DatasetPublisher
from atpub.atproto.data import JsonObject
from atpub.engine.inventory import COLLECTION, Inventory, read_inventories
from atpub.engine.owned_records import read_owned
from atpub.errors import Refused
from atpub.generated.science.alt.dataset.entry import Entry
from atpub.repository.filter import RecordFilter

CATS: JsonObject = {
    "datasets": {"cats": {"name": "cats", "schema": SCHEMA, "urls": URL, "checksums": dict(DIGESTS), "protect": True}}
}


def inventory(client: AtmosphereClient, project: str = "lab") -> Inventory | None:
    live = read_owned(client.account.repository, RecordFilter())
    return read_inventories(live.records.values()).get(project)


def test_a_record_has_no_owner(client: AtmosphereClient) -> None:
    uri = DatasetPublisher(client).publish_with_urls([URL], SCHEMA, name="cats", checksums=DIGESTS)
    assert client.list_records(COLLECTION) == ([], None)
    assert client.get_record(uri)


def test_what_a_project_owns_is_refused(client: AtmosphereClient, tmp_path: Path) -> None:
    apply_manifest(client, tmp_path, **CATS)
    before = head(client)
    with pytest.raises(Refused, match="a record of the project 'lab'") as refused:
        DatasetPublisher(client).publish_with_urls([URL], SCHEMA, name="cats", tags=["new"], checksums=DIGESTS)
    assert "project='lab'" in refused.value.hint
    with pytest.raises(Refused, match="a record of the project 'lab'"):
        DatasetPublisher(client, project="other").publish_with_urls(
            [URL], SCHEMA, name="cats", tags=["new"], checksums=DIGESTS
        )
    (record,) = client.list_datasets()
    with pytest.raises(Refused, match="a record of the project 'lab'"):
        client.put_record("science.alt.dataset.entry", str(record.uri.rkey), {**record, "tags": ["new"]})
    with pytest.raises(Refused, match="a record of the project 'lab'"):
        client.delete_record(record.uri)
    (typed,) = client.list(Entry)
    typed.value.tags = ["new"]
    with pytest.raises(Refused, match="a record of the project 'lab'"):
        client.put(typed.value, rkey=typed.rkey)
    with pytest.raises(Refused, match="a record of the project 'lab'"):
        client.delete(Entry, typed.rkey)
    assert head(client) == before


def test_in_the_projects_name(client: AtmosphereClient, tmp_path: Path) -> None:
    apply_manifest(client, tmp_path, **CATS)
    publisher = DatasetPublisher(client, project="lab")
    uri = publisher.publish_with_urls([URL], SCHEMA, name="cats", tags=["new"], checksums=DIGESTS)
    assert uri.path is not None
    record = client.get_record(uri)
    found = inventory(client)
    assert found is not None
    assert record["tags"] == ["new"]
    owned = found.owned[uri.path]
    assert (owned.cid, owned.id, owned.protect) == (record.cid, "cats", True)
    assert len(found.owned) == 2  # the schema is still its own, too


def test_a_new_record_of_a_project(client: AtmosphereClient) -> None:
    publisher = DatasetPublisher(client, project="lab")
    uri = publisher.publish_with_urls([URL], SCHEMA, name="cats", checksums=DIGESTS)
    found = inventory(client)
    assert found is not None
    assert [(item.id, item.path) for item in found.owned.values()] == [("cats", uri.path)]
    before = head(client)
    publisher.publish_with_urls([URL], SCHEMA, name="cats", checksums=DIGESTS)
    assert head(client) == before


def test_a_project_takes_over_unowned_records(client: AtmosphereClient) -> None:
    uri = DatasetPublisher(client).publish_with_urls([URL], SCHEMA, name="cats", checksums=DIGESTS)
    plan = DatasetPublisher(client, project="lab").plan(
        DatasetPublisher(client, project="lab").publish_with_urls, [URL], SCHEMA, name="cats", checksums=DIGESTS
    )
    assert [(change.action, change.writes) for change in plan.changes] == [("adopt", False)]
    cid = client.get_record(uri).cid
    plan.apply()
    found = inventory(client)
    assert found is not None
    assert [item.cid for item in found.owned.values()] == [cid]
