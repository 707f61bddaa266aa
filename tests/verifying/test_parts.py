"""`atpub verify` of datasets in parts: each part is verified, at the dataset's address, whichever part is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.cli.playground import Ran
from tests.shards.tars import samples_tar
from tests.verifying.servers import FaultyServer, running

import atpub
from atpub.atproto.syntax import AtUri, RecordPath
from atpub.cli.main import run
from atpub.repository.local import LocalRepository
from atpub.repository.model import Delete, Update, Write

COUNT = 5
MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {{image: {{nsid: org.lab.image, version: 1.0.0, fields: {{label: integer}}}}}}
datasets:
  digits:
    schema: image
    urls: "{url}/d-{{0..4}}.tar"
    checksums: d.sha256
    size: {{shards: 5, samples: {samples}}}
    parts: 2
"""
Verify = Callable[..., list[tuple[str, str, str | None]]]


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    files = {f"/d-{number}.tar": samples_tar(number + 1, size=1) for number in range(COUNT)}
    with running(FaultyServer(files)) as made:
        yield made


@pytest.fixture
def uris(server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URIs of the three parts in their order; the dataset is published."""
    monkeypatch.chdir(tmp_path)
    lines = [f"{sha256(content).hexdigest()}  {name[1:]}\n" for name, content in server.files.items()]
    Path("d.sha256").write_text("".join(lines))
    Path("atpub.yaml").write_text(MANIFEST.format(url=server.url, samples=sum(range(COUNT + 1))))
    plan = atpub.plan("atpub.yaml")
    atpub.apply(plan)
    parts = sorted((c for c in plan.changes if c.address == "datasets/digits"), key=lambda change: change.part)
    return [str(change.uri) for change in parts]


@pytest.fixture
def verify(uris: list[str], capsys: pytest.CaptureFixture[str]) -> Verify:
    """Runs `atpub verify --deep`; returns code, path and address of each finding."""

    def verify(*args: str) -> list[tuple[str, str, str | None]]:
        capsys.readouterr()
        code = run(["verify", "--deep", "--json", *args])
        ran = Ran(code, capsys.readouterr().out, "")
        assert (code, ran.json["shards"]) == (2 if ran.json["findings"] else 0, verify.shards)  # type: ignore[attr-defined]
        findings: list[Any] = ran.json["findings"]
        return [(item["code"], "/".join(map(str, item["path"])), item["address"]) for item in findings]

    verify.shards = COUNT  # type: ignore[attr-defined]
    return verify


def path_of(uri: str) -> RecordPath:
    path = AtUri.parse(uri).path
    assert path is not None
    return path


def write(make: Callable[[LocalRepository], Write]) -> None:
    repository = LocalRepository(Path(".atpub/local"))
    head = repository.head()
    assert head is not None
    repository.apply_writes([make(repository)], head.cid)
    repository.close()


def change(uri: str, edit: Callable[[Any], object]) -> None:
    def make(repository: LocalRepository) -> Write:
        record = repository.get_record(path_of(uri))
        assert record is not None
        value: Any = record.value
        edit(value)
        return Update(path_of(uri), value)

    write(make)


@pytest.mark.parametrize("number", [None, 0, 1, 2])
def test_all_parts_are_verified(uris: list[str], verify: Verify, server: FaultyServer, number: int | None) -> None:
    args = [] if number is None else [uris[number]]
    assert verify(*args) == []
    server.files["/d-3.tar"] = samples_tar(1, size=9)
    del server.files["/d-4.tar"]
    address = None if number is not None else "datasets/digits"
    found = {("shard-checksum", "storage/shards/1", address), ("shard-missing", "storage/shards/0", address)}
    assert {item for item in verify(*args) if item[0].startswith("shard")} == found


def test_a_collection_has_each_part_once(uris: list[str], verify: Verify, server: FaultyServer) -> None:
    collection = uris[0].rpartition("/")[0]
    server.requests.clear()
    assert verify(collection, *uris) == []
    assert sum(method == "GET" for method, *_ in server.requests) == COUNT


def test_the_size_of_the_whole(uris: list[str], verify: Verify) -> None:
    change(uris[0], lambda value: value["contentMetadata"]["dev.atpub.parts"]["size"].update(samples=7, shards=4))
    prefix = "contentMetadata/dev.atpub.parts/size"
    assert [item for item in verify() if item[0] == "size-mismatch"] == [
        ("size-mismatch", f"{prefix}/shards", "datasets/digits"),
        ("size-mismatch", f"{prefix}/samples", "datasets/digits"),
    ]


def test_a_missing_part(uris: list[str], verify: Any) -> None:
    write(lambda _: Delete(path_of(uris[1])))
    verify.shards = 3
    assert ("reference-missing", "contentMetadata/dev.atpub.parts/parts/0", "datasets/digits") in verify()
    assert "size-mismatch" not in {code for code, *_ in verify()}


def test_a_part_that_was_changed(uris: list[str], verify: Verify) -> None:
    change(uris[2], lambda value: value.update(description="Other."))
    assert verify("datasets/digits") == [("record-changed", "", "datasets/digits")]


def test_links_that_do_not_fit_together(uris: list[str], verify: Any) -> None:
    change(uris[1], lambda value: value["contentMetadata"]["dev.atpub.parts"].update(number=3))
    assert ("broken-parts", "contentMetadata/dev.atpub.parts", "datasets/digits") in verify()
    # A part that the first one does not list any more.
    change(uris[0], lambda value: value["contentMetadata"]["dev.atpub.parts"].update(parts=[uris[1]]))
    assert [item for item in verify(uris[2]) if item[0] == "broken-parts"] != []
    # Links that are none.
    change(uris[0], lambda value: value["contentMetadata"].update({"dev.atpub.parts": {"parts": 7}}))
    verify.shards = 2
    assert "broken-parts" in {code for code, *_ in verify("datasets/digits")}
