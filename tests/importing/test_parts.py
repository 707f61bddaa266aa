"""The parts of a published dataset become one entry, whose plan is empty."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.engine.apply.publishing import edit, remove, write_manifest, write_tar
from tests.engine.apply.test_parts import FIRST, big

import atpub
from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import RecordPath, Rkey
from atpub.engine.inventory import COLLECTION
from atpub.importing.base import ImportOptions, find_base
from atpub.importing.run import ImportOutcome, import_records
from atpub.repository.interface import Repository
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID
from atpub.storage.parts import part_path
from atpub.target import Target

pytestmark = pytest.mark.filterwarnings("ignore::atpub.AtpubWarning")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def connect(target: Target) -> Repository:
    assert target.folder is not None
    return LocalRepository(target.folder, target.did or LOCAL_DID)


def apply(content: JsonObject) -> None:
    file = write_manifest(Path(), content)
    atpub.apply(atpub.plan(file))
    file.unlink()


def change(act: Callable[[LocalRepository], None]) -> None:
    repository = LocalRepository(Path(".atpub/local"), LOCAL_DID)
    act(repository)
    repository.close()


def imported(*uris: str, project: str = "ours", **options: bool) -> tuple[ImportOutcome, JsonObject]:
    """Import these records, or all, to `atpub.yaml`; return its datasets."""
    asked = ImportOptions(uris, everything=not uris, out=Path("atpub.yaml"), overwrite=True, **options)
    outcome = import_records(find_base((), None, project, None, asked, ("local", None), {}), asked, connect)
    datasets: Json = yaml.safe_load(Path("atpub.yaml").read_text()).get("datasets", {}) if outcome.out else {}
    assert isinstance(datasets, dict)
    return outcome, datasets


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"name": "Big data", "metadata": {"gain": 2}, "tags": ["a"]},
        {"size": {"samples": 70, "shards": 7}},
        {"id": "another", "protect": True},
        {"metadata": {"gain": 2}, "rai": {"biases": "None.", "provenance": {"derivedFrom": ["https://a.test/"]}}},
        {"rai": {"hasSyntheticData": False}},
        {"metadata": {"gain": 2}, "mirrors": ["https://a.test/x/", "gs://b/x"]},
        {"name": "x" * 200},
    ],
)
def test_one_entry(more: JsonObject) -> None:
    apply(big(7, 3, **more))
    outcome, datasets = imported()
    assert [item for item in outcome.result.warnings if item.code != "no-lexicon"] == []
    (entry,) = datasets.values()
    assert isinstance(entry, dict)
    assert entry["parts"] == 3
    assert {name: entry.get(name) for name in more if name != "id"} == {k: v for k, v in more.items() if k != "id"}
    assert not atpub.plan("atpub.yaml").pending


def test_the_uri_of_any_part_imports_all() -> None:
    apply(big(7))
    for number in (1, 2, 3):
        outcome, datasets = imported(f"at://{LOCAL_DID}/{part_path(FIRST, number)}")
        assert len(datasets) == 1
        assert [item.code for item in outcome.result.warnings] == []
        assert not atpub.plan("atpub.yaml").pending


def test_another_project_adopts_all_parts() -> None:
    """The entry has the record key, from which the others follow."""
    apply({"project": "theirs", **big(7)})
    change(lambda repository: remove(repository, RecordPath(COLLECTION, Rkey("theirs"))))
    _, datasets = imported(adopt=True)
    assert len(datasets) == 1
    assert {item.action for item in atpub.plan("atpub.yaml").changes} == {"adopt"}


def test_local_files_are_downloaded_as_one_dataset() -> None:
    for number in range(5):
        write_tar(Path(f"data/{number}.tar"), f"shard {number}")
    schema = "at://did:plc:a/science.alt.dataset.schema/org.lab.image:1.0.0"
    apply({"datasets": {"big": {"schema": schema, "blobs": "data/*.tar", "parts": 2}}})
    _, datasets = imported(download=True)
    (entry,) = datasets.values()
    assert isinstance(entry, dict)
    assert (entry["blobs"], entry["parts"]) == ("data/datasets/big/big-{000000..000004}.tar", 2)
    assert not atpub.plan("atpub.yaml").pending


def test_parts_that_differ_are_records_of_their_own() -> None:
    """One entry cannot describe them: nothing is lost, and the plan is empty all the same."""
    apply(big(7))
    change(lambda repository: edit(repository, part_path(FIRST, 2), description="another"))
    _, datasets = imported()
    found = yaml.safe_load(Path("atpub.yaml").read_text())
    assert (len(datasets), len(found["records"])) == (0, 3)
    assert {item.action for item in atpub.plan("atpub.yaml").changes} == {"unchanged"}


def test_a_part_that_is_gone() -> None:
    apply(big(7))
    change(lambda repository: remove(repository, part_path(FIRST, 2)))
    imported()
    assert len(yaml.safe_load(Path("atpub.yaml").read_text())["records"]) == 2


def test_parts_of_a_dataset_that_the_manifest_has_are_not_imported() -> None:
    apply(big(7))
    write_manifest(Path(), big(7))
    asked = ImportOptions((), everything=True)
    outcome = import_records(find_base((), None, None, None, asked, ("local", None), {}), asked, connect)
    assert outcome.result.entries == ()
