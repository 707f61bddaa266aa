"""`announce:` of a dataset: a pointer for other catalogs that is planned, renamed, removed and imported with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.engine.apply.publishing import ENTRY, write, write_manifest
from tests.engine.apply.test_parts import big
from tests.importing.test_parts import apply, change, connect, imported
from tests.repository.samples import read

import atpub
from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri, Nsid, RecordPath
from atpub.engine.desired.announcements import announcement_path
from atpub.errors import InvalidInput
from atpub.generated import LEXICONS
from atpub.generated.cx.vmx import matadisco
from atpub.importing.base import ImportOptions, find_base
from atpub.importing.run import import_records
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID, Record, Update

pytestmark = pytest.mark.filterwarnings("ignore::atpub.AtpubWarning")

POINTERS = Nsid(matadisco.NSID)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def announced(shards: int = 2, parts: int | None = None, **more: Json) -> JsonObject:
    return big(shards, parts, announce=["matadisco"], **more)


def live(collection: Nsid) -> Mapping[RecordPath, Record]:
    repository = LocalRepository(Path(".atpub/local"), LOCAL_DID)
    try:
        return read(repository, collection)
    finally:
        repository.close()


def changes(content: JsonObject) -> dict[str, str]:
    plan = atpub.plan(write_manifest(Path(), content))
    return {str(item.path.collection): item.action for item in plan.changes if item.action != "unchanged"}


def test_the_pointer_leads_to_the_entry() -> None:
    apply(announced(tags=["a", "b"]))
    ((path, pointer),) = live(POINTERS).items()
    ((target, dataset),) = live(ENTRY).items()
    assert path == announcement_path("matadisco", "big")
    found = matadisco.Matadisco.from_json({**pointer.value})
    assert found.resource == str(AtUri.of(LOCAL_DID, target))
    assert found.tags == ["a", "b"]
    assert found.published_at == dataset.value["createdAt"]
    assert changes(announced(tags=["a", "b"])) == {}
    assert LEXICONS.lexicons.record(POINTERS) is not None


def test_a_pointer_to_parts_leads_to_the_first() -> None:
    apply(announced(7, 3))
    ((_, pointer),) = live(POINTERS).items()
    assert len(live(ENTRY)) == 3
    assert AtUri.parse(str(pointer.value["resource"])).path in live(ENTRY)


def test_tags_that_the_pointer_cannot_hold_are_left_out() -> None:
    tags: list[Json] = ["x" * 100, *(str(number) for number in range(29))]
    apply(announced(tags=tags))
    ((_, pointer),) = live(POINTERS).items()
    assert pointer.value["tags"] == tags[:20]


def test_it_follows_a_rename_an_edit_and_a_removal() -> None:
    apply(announced(name="Big"))
    before = live(POINTERS)
    (entry,) = announced(name="Big", id="big")["datasets"].values()  # type: ignore[union-attr]
    assert changes({"datasets": {"new": entry}}) == {}
    assert changes(announced(tags=["new"])) == {str(ENTRY): "update", str(POINTERS): "update"}
    apply(announced(tags=["new"]))
    assert live(POINTERS).keys() == before.keys()
    assert changes(big(2, None, tags=["new"])) == {str(POINTERS): "delete"}
    apply({"datasets": {}})
    assert live(POINTERS) == live(ENTRY) == {}


def test_it_is_chosen_and_committed_with_its_dataset() -> None:
    content = announced()
    plan = atpub.plan(write_manifest(Path(), content), only=["datasets/big"])
    assert {item.path.collection for item in plan.changes if item.pending} == {ENTRY, POINTERS}


@pytest.mark.parametrize("more", [{}, {"tags": ["a"]}, {"createdAt": "2024-05-01T12:00:00.000Z"}, {"id": "other"}])
@pytest.mark.parametrize("parts", [None, 1])
def test_import_writes_it_back(more: JsonObject, parts: int | None) -> None:
    apply(announced(2, parts, **more))
    outcome, datasets = imported()
    assert [item.code for item in outcome.result.warnings] == []
    (entry,) = datasets.values()
    assert isinstance(entry, dict)
    assert entry["announce"] == ["matadisco"]
    assert not atpub.plan("atpub.yaml").pending
    asked = ImportOptions((), everything=True, out=Path("more.yaml"))
    base = find_base(("atpub.yaml",), None, None, None, asked, ("local", None), {})
    assert import_records(base, asked, connect).result.entries == ()


def test_a_pointer_that_was_edited_is_a_record_of_its_own() -> None:
    apply(announced())
    ((path, pointer),) = live(POINTERS).items()
    edited: JsonObject = {**pointer.value, "preview": {"mimeType": "image/png"}}
    change(lambda repository: write(repository, Update(path, edited)))
    outcome, datasets = imported()
    assert all(isinstance(item, dict) and "announce" not in item for item in datasets.values())
    assert {str(item.uri.collection) for item in outcome.result.entries} == {str(ENTRY), str(POINTERS)}
    assert changes(announced()) == {str(POINTERS): "update"}


def test_an_entry_in_its_place_is_reported() -> None:
    path = announcement_path("matadisco", "big")
    value: JsonObject = {"resource": "https://a.test/", "publishedAt": "2024-05-01T12:00:00.000Z"}
    record: JsonObject = {"collection": POINTERS, "rkey": path.rkey, "value": value}
    with pytest.raises(InvalidInput) as caught:
        atpub.plan(write_manifest(Path(), {**announced(), "records": {"mine": record}}))
    assert [problem.code for problem in caught.value.problems] == ["duplicate-rkey"]
