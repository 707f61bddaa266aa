"""A kind of storage is one file (`hub.py`) and one line of the registry; everything else works with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.storage import hub

import atpub
from atpub import pipeline
from atpub.atmosphere import AtmosphereClient, DatasetLoader
from atpub.errors import InvalidInput
from atpub.importing.base import ImportOptions, find_base
from atpub.importing.run import import_records
from atpub.repository.interface import Repository
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID
from atpub.storage import registry
from atpub.target import Target

DIGEST = "ab" * 32
MANIFEST = """\
atpub: 1
project: lab
account: local:repository
schemas: {image: {nsid: org.lab.image, version: 1.0.0, fields: {label: integer}}}
datasets:
  digits: {schema: image, urls: "hub://lab/digits/d-{0..1}.tar", checksums: all.sha256}
"""
FILES = ["lab/digits/d-0.tar", "lab/digits/d-1.tar"]
STORAGE = {
    "$type": "org.test.storageHub",
    "files": [{"file": name, "checksum": {"algorithm": "sha256", "digest": DIGEST}} for name in FILES],
}


@pytest.fixture(autouse=True)
def _registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "KINDS", (hub.HubStorage(), *registry.KINDS))
    monkeypatch.chdir(tmp_path)
    Path("atpub.yaml").write_text(MANIFEST)
    Path("all.sha256").write_text("".join(f"{DIGEST}  {name}\n" for name in FILES))


def published() -> str:
    plan = atpub.plan("atpub.yaml")
    change = next(change for change in plan.changes if change.after and "storage" in change.after)
    assert change.after is not None
    assert change.after["storage"] == STORAGE
    atpub.apply(plan)
    assert not [change for change in atpub.plan("atpub.yaml").changes if change.action != "unchanged"]
    return f"at://{LOCAL_DID}/{change.path}"


def connect(target: Target) -> Repository:
    assert target.folder is not None
    return LocalRepository(target.folder, target.did or LOCAL_DID)


def test_its_file_is_short() -> None:
    assert Path(hub.__file__).read_text("utf-8").count("\n") < 60


def test_validate() -> None:
    records, warnings = pipeline.validate(pipeline.read_manifest(["atpub.yaml"], None))
    assert [record.value["storage"] for record in records if "storage" in record.value] == [STORAGE]
    assert warnings == ()


@pytest.mark.parametrize(("url", "code"), [("hub://lab", "url-host"), ("https://x.example/d.tar", "mixed-storage")])
def test_validate_finds_bad_urls(url: str, code: str) -> None:
    urls = f'["hub://lab/digits/d-0.tar", "{url}"], checksums: none}}'
    head = MANIFEST.partition("urls: ")[0]
    Path("atpub.yaml").write_text(f"{head}urls: {urls}\n")
    with pytest.raises(InvalidInput) as raised:
        pipeline.validate(pipeline.read_manifest(["atpub.yaml"], None))
    assert raised.value.problems[0].code == code


def test_read_what_was_published() -> None:
    uri = published()
    with AtmosphereClient.local(Path("repository")) as client:
        loader = DatasetLoader(client)
        assert loader.get_storage_type(uri) == "hub"
        assert loader.get_urls(uri) == [f"https://hub.example/{name}" for name in FILES]
        assert loader.to_dataset(uri).list_shards() == loader.get_urls(uri)


def test_import_what_was_published() -> None:
    published()
    Path("atpub.yaml").rename("old.yaml")
    options = ImportOptions((), everything=True, out=Path("new.yaml"))
    outcome = import_records(
        find_base((), None, "lab", None, options, ("local:repository", None), {}), options, connect
    )
    assert outcome.result.warnings == ()
    assert "urls: hub://lab/digits/d-{0..1}.tar" in Path("new.yaml").read_text()
    assert {change.action for change in atpub.plan("new.yaml").changes} == {"unchanged"}
