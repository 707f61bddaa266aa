"""Several publishers that write to one account at once: all of it is there in the end, and nothing twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, tzinfo
from typing import Any

import pytest
from tests.atmosphere.conftest import NewClient
from tests.atmosphere.samples import DIGESTS, URL, MySample

from atpub.atmosphere import AtmosphereClient, AtUri, Dataset, DatasetPublisher
from atpub.engine.plan.model import Plan
from atpub.errors import HeadMoved
from atpub.pipeline import plan_requests
from atpub.repository.backoff import TRIES

NOTE = "org.test.note"


def publish(client: AtmosphereClient, name: str) -> AtUri:
    return DatasetPublisher(client).publish(Dataset[MySample](URL), name=name, checksums=DIGESTS)


def test_at_once(new_client: NewClient) -> None:
    clients = [new_client() for _ in range(4)]

    def work(number: int) -> None:
        for turn in range(3):
            publish(clients[number], f"{number}-{turn}")
            clients[number].put_record(NOTE, f"{number}-{turn}", {"text": "x"})

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(work, range(len(clients))))
    names = [f"{number}-{turn}" for number in range(4) for turn in range(3)]
    assert sorted(record["name"] for record in clients[0].list_datasets()) == names
    assert sorted(record.uri.rkey or "" for record in clients[0].list_records(NOTE)[0]) == names
    assert len(clients[0].list_schemas()) == 1


def test_the_same_at_another_time(new_client: NewClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two records that were made in different seconds are not the same; the first one stays."""
    first, second = new_client(), new_client()
    uris: list[AtUri] = []

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Later:
            return cls(2025 + len(uris), 1, 1, tzinfo=UTC)

    def plan(*args: Any, **settings: Any) -> Plan:
        made = plan_requests(*args, **settings)
        if not uris:
            uris.append(AtUri.parse("at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"))
            uris.append(publish(first, "x"))
        return made

    monkeypatch.setattr("atpub.atmosphere.outbox.datetime", Later)
    monkeypatch.setattr("atpub.atmosphere.outbox.plan_requests", plan)
    assert publish(second, "x") == uris[1]
    assert [record["createdAt"][:4] for record in first.list_datasets()] == ["2026"]
    assert len(first.list_schemas()) == 1


def test_not_for_ever(local: AtmosphereClient, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    def moved(*_: object) -> None:
        calls.append(_)
        raise HeadMoved("again")

    monkeypatch.setattr("atpub.repository.backoff._LONGEST", 0.0)
    monkeypatch.setattr(type(local.account.repository), "apply_writes", moved)
    with pytest.raises(HeadMoved):
        local.put_record(NOTE, "x", {})
    assert len(calls) == TRIES
    with pytest.raises(HeadMoved):
        publish(local, "x")
    assert len(calls) == 2 * TRIES
