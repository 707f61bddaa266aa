"""A plan that is kept as a document and carried out later: only what is not done yet, or nothing where it is stale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.apply.publishing import (
    Prepared,
    carry_out,
    edit,
    everything,
    kept,
    owned,
    prepare,
    publish,
    put,
    remove,
    scratch,
    write_lexicons,
    write_manifest,
)
from tests.engine.apply.samples import EVERYTHING, LATER, at, note, notes
from tests.engine.apply.wrappers import Counting, Crash, Failing, Narrow, When

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import RecordPath, Rkey
from atpub.engine.inventory import COLLECTION
from atpub.engine.plan.model import Cost, Options
from atpub.errors import StalePlan
from atpub.report.outcomes import outcomes_text
from atpub.repository.local import LocalRepository


def test_it_is_carried_out(folder: Path, repository: LocalRepository) -> None:
    """Once, however often it is run."""
    for content in (EVERYTHING, LATER):
        prepared = prepare(write_manifest(folder, content), repository)
        counting = Counting(repository)
        for _ in range(3):
            carry_out(kept(prepared, repository), counting)
        assert len(counting.batches) == 1
        assert len(counting.uploads) == len(prepared.plan.uploads)
        assert not prepare(write_manifest(folder, content), repository).plan.pending


def test_what_is_carried_out_has_nothing_to_do(folder: Path, repository: LocalRepository) -> None:
    """Whatever it did: what is deleted is not to be forgotten, and what is adopted not to be adopted."""
    publish(write_manifest(folder, notes({"same": "x", "changed": "old", "gone": "x", "left": "x"})), repository)
    put(repository, {at("found"): {"text": "x"}})
    content = notes({"same": "x", "changed": "new", "new": "x"})
    records = content["records"]
    assert isinstance(records, dict)
    records["found"] = {**note("x"), "adopt": True}
    options = Options(forget=frozenset({"records/left"}))
    prepared = prepare(write_manifest(folder, content), repository, options=options)
    actions = {change.address: change.action for change in prepared.plan.changes}
    assert {*actions.values()} == {"unchanged", "update", "create", "adopt", "delete", "forget"}
    with pytest.raises(Crash):
        carry_out(kept(prepared, repository), Failing(Narrow(repository, 3), {0}, Crash, "after"))
    assert 0 < kept(prepared, repository).plan.cost.writes < prepared.plan.cost.writes
    carry_out(kept(prepared, repository), repository)
    plan = kept(prepared, repository).plan
    assert not plan.pending
    assert {change.action for change in plan.changes} == {"unchanged"}
    assert plan.cost == Cost(points=0, writes=0, commits=0, bytes=0)


def test_an_unchanged_record_that_others_modify_is_told(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, notes({"a": "old", "same": "x", "still": "x"})), repository)
    prepared = prepare(write_manifest(folder, notes({"a": "new", "same": "x", "still": "x"})), repository)
    edit(repository, at("same"), text="theirs")
    for first in (True, False):
        rest = kept(prepared, repository)
        outcomes = carry_out(rest, repository)
        assert [item.change.path for item in outcomes if item.error] == [at("same")]
        what = "Applied 1 change" if first else "Nothing to do"
        told = f"{what}; modified outside this run since it was planned: records/same; plan again."
        assert outcomes_text(rest.plan, outcomes) == told


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(12))
def test_it_goes_on_after_a_crash(folder: Path, repository: LocalRepository, call: int, when: When) -> None:
    publish(write_manifest(folder, EVERYTHING), repository)
    prepared = prepare(write_manifest(folder, LATER), repository)
    with pytest.raises(Crash):
        carry_out(kept(prepared, repository), Failing(Narrow(repository, 2), {call}, Crash, when))
    carry_out(kept(prepared, repository), repository)
    assert not prepare(write_manifest(folder, LATER), repository).plan.pending


def test_what_pins_a_record_of_unknown_cid_is_not_taken_for_done(folder: Path, repository: LocalRepository) -> None:
    """It is the same but for the CID that it pins, which cannot be known before."""

    def content(text: str, file: str) -> JsonObject:
        pin = note("x", pins=[{"$strongRef": "records/file"}])
        return {"records": {"file": note(text, file={"$blob": file}), "pin": pin}}

    publish(write_manifest(folder, content("old", "data/0.tar")), repository)
    later = write_manifest(folder, content("new", "data/a.txt"))
    prepared = prepare(later, repository)
    carry_out(kept(prepared, repository), repository)
    assert not prepare(later, repository).plan.pending


def test_bytes_of_what_is_there_by_now_are_not_needed(folder: Path, repository: LocalRepository) -> None:
    prepared = prepare(write_manifest(folder, EVERYTHING), repository)
    carry_out(prepared, repository)
    carry_out(Prepared(kept(prepared, repository).plan, {}), repository)


def changes_it(repository: LocalRepository) -> None:
    edit(repository, at("a"), text="theirs")


def deletes_it(repository: LocalRepository) -> None:
    remove(repository, at("a"))


def changes_what_is_to_go(repository: LocalRepository) -> None:
    edit(repository, at("gone"), text="theirs")


def makes_the_new_one(repository: LocalRepository) -> None:
    put(repository, {at("new"): {"text": "theirs"}})


def changes_what_is_to_be_adopted(repository: LocalRepository) -> None:
    edit(repository, at("adopted"), text="theirs")


def deletes_what_is_to_be_adopted(repository: LocalRepository) -> None:
    remove(repository, at("adopted"))


def takes(*keys: str) -> Callable[[LocalRepository], None]:
    """Another project lists these records, and leaves them as they are."""

    def take(repository: LocalRepository) -> None:
        live = everything(repository)
        entries: list[Json] = [
            {"id": key, "collection": at(key).collection, "rkey": key, "cid": live[at(key)].cid} for key in keys
        ]
        put(repository, {RecordPath(COLLECTION, Rkey("theirs")): {"project": "theirs", "entries": entries}})

    return take


def forgets_everything(repository: LocalRepository) -> None:
    remove(repository, RecordPath(COLLECTION, Rkey("ours")))


STALE: dict[str, Callable[[LocalRepository], None]] = {
    "its record is changed": changes_it,
    "its record is deleted": deletes_it,
    "a record that is to go is changed": changes_what_is_to_go,
    "a record that is new is made": makes_the_new_one,
    "a record that is to be adopted is changed": changes_what_is_to_be_adopted,
    "a record that is to be adopted is deleted": deletes_what_is_to_be_adopted,
    "its record is another project's now": takes("a"),
    "a record that is to go is another project's now": takes("gone"),
    "a record that is to be adopted is another project's now": takes("adopted"),
    "its records are owned no more": forgets_everything,
}


def two_manifests(folder: Path) -> tuple[Path, Path]:
    first = write_manifest(folder, notes({"a": "old", "gone": "x", "same": "x"}), "first.yaml")
    records: JsonObject = {
        "a": note("new"),
        "new": note("x"),
        "same": note("x"),
        "adopted": {**note("x"), "adopt": True},
    }
    return first, write_manifest(folder, {"records": records}, "second.yaml")


@pytest.mark.parametrize("meanwhile", STALE.values(), ids=STALE)
def test_stale(folder: Path, repository: LocalRepository, meanwhile: Callable[[LocalRepository], None]) -> None:
    first, second = two_manifests(folder)
    put(repository, {at("adopted"): {"text": "x"}})
    publish(first, repository)
    prepared = prepare(second, repository)
    meanwhile(repository)
    with pytest.raises(StalePlan, match="records/") as caught:
        kept(prepared, repository)
    assert caught.value.hint


def deletes_what_is_to_go(repository: LocalRepository) -> None:
    remove(repository, at("gone"))


def changes_what_stays_as_it_is(repository: LocalRepository) -> None:
    edit(repository, at("same"), text="theirs")


def adds_one(repository: LocalRepository) -> None:
    put(repository, {at("theirs"): {"text": "theirs"}})


def updates_what_stays_as_it_is(repository: LocalRepository) -> None:
    """Another run of the same project does, and lists it so."""
    with scratch() as folder:
        write_lexicons(folder)
        publish(write_manifest(folder, notes({"a": "old", "gone": "x", "same": "newer"})), repository)


FRESH: dict[str, Callable[[LocalRepository], None]] = {
    "what is to go is gone": deletes_what_is_to_go,
    "what it does not touch is updated": updates_what_stays_as_it_is,
    "what it does not touch is changed": changes_what_stays_as_it_is,
    "another record is made": adds_one,
}


@pytest.mark.parametrize("meanwhile", FRESH.values(), ids=FRESH)
def test_not_stale(folder: Path, repository: LocalRepository, meanwhile: Callable[[LocalRepository], None]) -> None:
    first, second = two_manifests(folder)
    put(repository, {at("adopted"): {"text": "x"}})
    publish(first, repository)
    prepared = prepare(second, repository)
    meanwhile(repository)
    same = owned(repository)[at("same")]
    carry_out(kept(prepared, repository), repository)
    assert {*owned(repository)} == {at("a"), at("new"), at("same"), at("adopted")}
    assert owned(repository)[at("same")] == same
    assert at("gone") not in everything(repository)
    publish(second, repository)
    assert not prepare(second, repository).plan.pending


def test_a_record_that_another_run_has_let_go_is_not_deleted(folder: Path, repository: LocalRepository) -> None:
    first, second = two_manifests(folder)
    publish(first, repository)
    prepared = prepare(second, repository)
    less = write_manifest(folder, notes({"a": "old", "same": "x"}), "less.yaml")
    publish(less, repository, options=Options(forget=frozenset({"records/gone"})))
    with pytest.raises(StalePlan, match="records/gone does not belong to the project 'ours' any more"):
        kept(prepared, repository)
