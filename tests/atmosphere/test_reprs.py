"""What a REPL and a notebook show: one line, and HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.atmosphere.samples import DIGESTS, SCHEMA, URL, MySample, shard
from tests.atmosphere.test_ready import html

import atpub
from atpub import AtmosphereClient, Dataset, DatasetPublisher, SchemaPublisher
from atpub.problems import Place, Problem

MANIFEST = """
atpub: 1
project: lab
schemas: {image: {nsid: org.lab.image, version: 1.0.0, fields: {text: string, label: integer}}}
datasets:
"""


def write(folder: Path, count: int, description: str) -> Path:
    entries = "".join(
        f'  d{number:02}: {{schema: image, urls: "{URL}", checksums: none, description: "{description}"}}\n'
        for number in range(count)
    )
    (folder / "atpub.yaml").write_text(MANIFEST + entries, "utf-8")
    return folder / "atpub.yaml"


def test_clients(local: AtmosphereClient, tmp_path: Path) -> None:
    assert repr(local) == f"AtmosphereClient('local', '{tmp_path / 'repository'}')"
    assert str(tmp_path / "repository") in html(local)
    assert "did:web:local.invalid" in html(local)
    assert repr(AtmosphereClient()) == "AtmosphereClient(not logged in)"
    nowhere = AtmosphereClient("https://me:secret@pds.example.org")
    assert "pds.example.org" in repr(nowhere)
    assert "secret" not in repr(nowhere) + html(nowhere)
    assert "not logged in" in html(nowhere)
    assert repr(DatasetPublisher(local, project="lab")) == f"DatasetPublisher({local!r}, project='lab')"
    assert repr(atpub.LabelLoader(local)) == f"LabelLoader({local!r})"


@pytest.mark.pds
def test_a_client_of_a_server(client: AtmosphereClient) -> None:
    assert repr(client) == f"AtmosphereClient({client.account.name!r}, {client.account.server!r})"


def test_plans_and_outcomes(local: AtmosphereClient, tmp_path: Path) -> None:
    plan = atpub.plan(write(tmp_path, 60, "old"), client=local)
    assert repr(plan) == "ReadyPlan('lab' → 'local', 61 create)"
    assert repr(plan.plan) == "Plan('lab' → 'local', 61 create)"
    assert repr(plan.changes[0]) == f"Change(create {plan.changes[0].address!r}, '{plan.changes[0].uri}')"
    shown = html(plan)
    assert shown.count(">create</b>") == 50
    assert "… and 11 more changes" in shown
    assert re.search(r"Cost: \d+ commits?, \d+ writes, \d+ points\.<br>Digest: <code>[0-9a-f]{64}", shown)
    warned = replace(plan.plan, warnings=(Problem("odd", "<odd>", Place("atpub.yaml", 3, 1), "a hint"),))
    assert ">warning</b>: atpub.yaml:3:1: &lt;odd&gt;<br>a hint</p><table>" in html(replace(plan, plan=warned))
    outcomes = plan.apply()
    assert repr(outcomes[0]) == f"Outcome(applied: create {outcomes[0].change.address!r}, '{outcomes[0].change.uri}')"
    assert html(outcomes).startswith("<div><p>61 applied</p><table>")
    assert "… and 11 more outcomes" in html(outcomes)
    again = atpub.plan(write(tmp_path, 60, "old"), client=local)
    assert repr(again) == "ReadyPlan('lab' → 'local', 61 unchanged)"
    assert "nothing to do, 61 unchanged" in html(again)
    assert html(again.apply()) == "<div><p>61 unchanged</p></div>"


def test_drift_and_refusals_come_first(local: AtmosphereClient, tmp_path: Path) -> None:
    atpub.plan(write(tmp_path, 5, "old"), client=local).apply()
    uri = next(item.uri for item in local.list_datasets() if item["name"] == "d03")
    repository, record = local.account.repository, local.get_record(uri)
    head = repository.head()
    assert uri.path is not None
    assert head is not None
    from atpub.repository.model import Update

    repository.apply_writes([Update(uri.path, {**record, "description": "theirs"})], head.cid)
    plan = atpub.plan(write(tmp_path, 4, "new"), client=local)
    rows = html(plan).split("<tr>")
    assert "datasets/d03" in rows[2]
    assert ">drift</b>: modified by another client; applied as " in rows[2]
    refused = html(atpub.plan(write(tmp_path, 3, "new"), client=local))
    assert refused.index(">refused</b>: ") < refused.index("<table>")
    assert ">refused</b></td><td><details><summary>datasets/d03" in refused.split("<tr>")[2]


def test_datasets(local: AtmosphereClient) -> None:
    assert repr(Dataset[MySample](URL)) == f"Dataset[MySample]({URL!r})"
    untyped: Dataset[Any] = Dataset(["a.tar", "b.tar", "c.tar"])
    assert repr(untyped) == "Dataset('a.tar', … 2 more)"
    schema = SchemaPublisher(local).publish(MySample)
    uri = DatasetPublisher(local).publish_with_blobs([shard("a"), shard("b")], schema, name="Cats", license="MIT")
    loaded: Dataset[Any] = atpub.load(uri, client=local)
    assert repr(loaded) == f"Dataset[MySample]({str(uri)!r}, 2 shards)"
    for shown in (html(loaded), html(atpub.load(uri, MySample, client=local))):
        for text in ("<b>Cats</b>", "<td>MIT</td>", "<code>weight</code>", "(optional)", "2 shards</summary>file:"):
            assert text in shown
    assert "<td>number (optional)</td>" in html(loaded)
    bad = html(Dataset[MySample]("https://a.test/{0..3.tar"))
    assert "1 shard</summary>https://a.test/{0..3.tar" in bad
    odd = Dataset[Any]("https://a.test/0.tar")
    odd.record = {"name": ["<script>"], "size": {"samples": 3, "bytes": "many"}, "tags": "none", "license": {"a": 1}}
    assert "3 samples" in html(odd)
    assert "<script>" not in html(odd)


def test_batches(local: AtmosphereClient) -> None:
    with local.batch() as batch:
        DatasetPublisher(local).publish_with_urls([URL], SCHEMA, name="cats", checksums=DIGESTS)
        assert repr(batch) == "Batch(1 record, not published)"
    assert repr(batch) == "Batch(1 record, published)"
    assert "1 applied" in html(batch.outcomes)
