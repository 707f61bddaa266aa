"""Batches: many calls, one commit, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.atmosphere.samples import DIGESTS, SCHEMA, URL, Events, MySample, head, shard

from atpub.atmosphere import AtmosphereClient, Dataset, DatasetPublisher, LabelPublisher
from atpub.engine.inventory import Inventory, read_inventories
from atpub.engine.owned_records import read_owned
from atpub.errors import InvalidArgument, Usage
from atpub.repository.filter import RecordFilter


def test_one_commit(client: AtmosphereClient) -> None:
    events = Events()
    publisher, labels = DatasetPublisher(client, on_event=events), LabelPublisher(client)
    with publisher.batch() as batch:
        for number in range(50):
            uri = publisher.publish_with_urls(
                [f"https://a.test/{number}.tar"], SCHEMA, name=f"{number}", checksums="none"
            )
            labels.publish(f"label {number}", uri)
        publisher.publish_with_blobs([shard("a")], SCHEMA, name="blobs")
        publisher.publish(Dataset[MySample](URL), name="a", checksums=DIGESTS)
        publisher.publish(Dataset[MySample](URL), name="b", checksums=DIGESTS)
        assert head(client) is None or client.list_datasets() == []
        assert batch.plan().summary["create"] == 104
    assert events.commits == [104]
    assert len(batch.outcomes) == 104
    assert len(client.list_datasets()) == 53
    assert len(client.list_schemas()) == 1


def test_as_few_commits_as_the_limits_allow(client: AtmosphereClient) -> None:
    events = Events()
    publisher = DatasetPublisher(client)
    with publisher.batch(on_event=events):
        for number in range(230):
            publisher.publish_with_urls([f"https://a.test/{number}.tar"], SCHEMA, name=f"{number}", checksums="none")
    commits = events.commits
    assert len(commits) in (2, 3), "the first on a server is small: it tells what the next may cost"
    assert sum(commits) == 230
    assert len(client.list_datasets()) == 230


def test_nothing_is_published_where_the_block_fails(client: AtmosphereClient) -> None:
    publisher = DatasetPublisher(client)
    before = head(client)
    with pytest.raises(InvalidArgument):
        publish_together(publisher, {"name": "a"}, {"name": "b", "tags": ["x"] * 31})
    assert head(client) == before
    publisher.publish_with_urls([URL], SCHEMA, name="a", checksums=DIGESTS)  # the batch is over
    assert len(client.list_datasets()) == 1


def publish_together(publisher: DatasetPublisher, *calls: dict[str, Any]) -> None:
    with publisher.batch():
        for given in calls:
            publisher.publish_with_urls([URL], SCHEMA, checksums=DIGESTS, **given)


def test_an_empty_batch_writes_nothing(client: AtmosphereClient) -> None:
    before = head(client)
    with client.batch() as batch:
        pass
    assert (head(client), batch.outcomes) == (before, ())


def test_what_goes_against_an_earlier_call(local: AtmosphereClient) -> None:
    publisher = DatasetPublisher(local)
    with pytest.raises(Usage, match="published twice in one batch"):
        publish_together(publisher, {"name": "a"}, {"name": "a"}, {"name": "a", "tags": ["x"]})
    assert head(local) is None
    publish_together(publisher, {"name": "a"}, {"name": "a"})  # the same is the same


def test_a_batch_is_of_one_project(local: AtmosphereClient) -> None:
    def publish() -> None:
        with local.batch():
            publish_nested(DatasetPublisher(local))
            publish_nested(DatasetPublisher(local, project="lab"))

    def publish_nested(publisher: DatasetPublisher) -> None:
        publisher.publish_with_urls([URL], SCHEMA, name="a", checksums=DIGESTS)

    with pytest.raises(Usage, match="a batch is of one project"):
        publish()
    assert head(local) is None


def test_of_a_call_that_a_batch_refuses_nothing_is_taken_in(local: AtmosphereClient) -> None:
    def publish(publisher: DatasetPublisher, name: str, *tags: str) -> None:
        publisher.publish(Dataset[MySample](URL), name=name, tags=tags, checksums=DIGESTS)

    ours, others = DatasetPublisher(local, project="two"), DatasetPublisher(local, project="one")
    with local.batch() as batch:
        publish(ours, "a")
        with pytest.raises(Usage, match="a batch is of one project"):
            publish(others, "b")
        with pytest.raises(Usage, match="published twice in one batch"):
            publish(ours, "a", "other")
        publish(ours, "c")
        assert batch.plan().plan.project == "two"
    owned = {name: len(found.owned) for name, found in inventories(local).items()}
    assert owned == {"two": 3}  # a, c, and their schema
    assert [record["name"] for record in local.list_datasets()].count("b") == 0


def test_a_call_that_goes_against_an_earlier_one_brings_no_schema(local: AtmosphereClient) -> None:
    publisher = DatasetPublisher(local)
    with local.batch():
        publisher.publish_with_urls([URL], SCHEMA, name="a", checksums=DIGESTS)
        with pytest.raises(Usage, match="published twice in one batch"):
            publisher.publish(Dataset[MySample](URL), name="a", checksums=DIGESTS)
    assert local.list_schemas() == []


def inventories(client: AtmosphereClient) -> Mapping[str, Inventory]:
    """What each project owns."""
    return read_inventories(read_owned(client.account.repository, RecordFilter()).records.values())


def test_batches_do_not_go_into_each_other(local: AtmosphereClient) -> None:
    with local.batch(), pytest.raises(Usage, match="a batch is open already"):
        publish_together(DatasetPublisher(local), {"name": "a"})
    assert head(local) is None
