"""`atpub.verify`: what the command finds, as values."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.atmosphere.samples import shard

import atpub
from atpub.atmosphere import AtmosphereClient
from atpub.cli.main import run
from atpub.errors import InvalidArgument, InvalidInput, RepositoryNotFound
from atpub.progress import Progress

MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {text: {nsid: org.lab.text, version: 1.0.0, fields: {text: string, label: integer}}}
datasets:
  digits: {schema: text, name: Digits, blobs: "data/*.tar", parts: 2}
labels: {best: {dataset: digits, version: 1.0.0}}
"""


@pytest.fixture
def uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The URIs of what is published, by address, in the folder of which the test runs; those of parts have one each."""
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    for number in range(3):
        Path(f"data/{number}.tar").write_bytes(shard(f"a{number}"))
    Path("atpub.yaml").write_text(MANIFEST)
    plan = atpub.plan("atpub.yaml")
    atpub.apply(plan)
    return {item.address: str(item.uri) for item in sorted(plan.changes, key=lambda c: -c.part.number)}


def test_what_the_command_finds(uris: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    blob = min(Path(".atpub/local/blobs").iterdir())
    blob.write_bytes(blob.read_bytes().replace(b"a", b"b"))
    everything = "at://did:web:local.invalid"
    for args, what in (([], ()), ([uris["datasets/digits"]], uris["datasets/digits"]), ([everything], [everything])):
        capsys.readouterr()
        run(["verify", "--deep", "--json", *args])
        listed: Any = json.loads(capsys.readouterr().out)
        found = atpub.verify(what, deep=True)
        assert [(item.code, item.uri, item.address) for item in found.findings] == [
            (item["code"], item["uri"], item["address"]) for item in listed["findings"]
        ]
        assert (found.shards, found.count("error") > 0) == (3, True)


def test_ways_to_name_records(uris: dict[str, str]) -> None:
    loaded = atpub.load_manifest("atpub.yaml")
    whole = [atpub.verify(item) for item in ((), "atpub.yaml", Path("atpub.yaml"), loaded, ["atpub.yaml"])]
    assert [(item.records, item.findings) for item in whole] == [(4, [])] * 5
    uri = uris["datasets/digits"]
    named = (uri, atpub.AtUri.parse(uri), [uri, uris["labels/best"]])
    assert [atpub.verify(item).records for item in named] == [2, 2, 3]
    assert atpub.verify(only=["labels/*"]).records == 1
    assert atpub.verify(["atpub.yaml", uri], only=["labels/*"]).records == 3
    with AtmosphereClient.local() as client:
        assert atpub.verify(client=client).records == 4
        assert atpub.verify(uri, client=client, deep=True).size > 0


def test_executor_and_progress(uris: dict[str, str]) -> None:
    seen: list[Progress] = []
    with ThreadPoolExecutor(1) as executor:
        found = atpub.verify(deep=True, executor=executor, on_progress=seen.append)
    assert (found.findings, bool(seen)) == ([], True)


def test_wrong_arguments(uris: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument, match=r"verify\(max_bytes=…\)"):
        atpub.verify(max_bytes=0)
    with pytest.raises(InvalidArgument, match="is not an at:// URI"):
        atpub.verify("at://x y")
    with pytest.raises(InvalidArgument, match="expected a list of addresses"):
        atpub.verify(only="labels/*")
    with pytest.raises(InvalidInput):
        atpub.verify("nowhere.yaml")
    Path(".atpub").rename("elsewhere")
    with pytest.raises(RepositoryNotFound):
        atpub.verify(uris["labels/best"])
