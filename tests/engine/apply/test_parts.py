"""A dataset of several parts, published: few writes for a new shard, and one dataset in whatever is done to it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from tests.engine.apply.publishing import (
    ENTRY,
    Prepared,
    carry_out,
    edit,
    everything,
    inventory,
    kept,
    prepare,
    publish,
    remove,
    scratch,
    write_manifest,
)
from tests.engine.apply.wrappers import Counting, Crash, Failing, Narrow

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import RecordPath
from atpub.engine.desired.model import record_key
from atpub.engine.plan.model import Options
from atpub.repository.local import LocalRepository
from atpub.storage.parts import KEY, part_path

SCHEMA = "at://did:plc:a/science.alt.dataset.schema/org.lab.image:1.0.0"
RKEY = record_key("tid", ENTRY, "big")
assert RKEY is not None
FIRST = RecordPath(ENTRY, RKEY)


def big(count: int, parts: int | None = 3, **more: Json) -> JsonObject:
    """A manifest of one dataset of so many URLs."""
    digests: JsonObject = {f"x-{n:02}.tar": sha256(bytes([n])).hexdigest() for n in range(count)}
    own: JsonObject = {"schema": SCHEMA, "urls": [f"https://a.test/x-{n:02}.tar" for n in range(count)]}
    return {"datasets": {"big": {**own, "checksums": digests, **({"parts": parts} if parts else {}), **more}}}


def actions(prepared: Prepared) -> dict[str, str]:
    """What the plan does, by the part."""
    return {str(item.part): item.action for item in prepared.plan.changes if item.action != "unchanged"}


def live(repository: LocalRepository) -> list[RecordPath]:
    return sorted(path for path in everything(repository) if path.collection == ENTRY)


@pytest.mark.parametrize(("before", "after", "writes"), [(7, 8, 2), (8, 9, 2), (6, 7, 3), (3, 4, 3), (2, 3, 2)])
def test_one_more_shard(folder: Path, repository: LocalRepository, before: int, after: int, writes: int) -> None:
    """It changes the last part and the inventory; a new part also the first one, which lists it."""
    publish(write_manifest(folder, big(before)), repository)
    prepared = prepare(write_manifest(folder, big(after)), repository)
    counting = Counting(repository)
    carry_out(prepared, counting)
    assert [len(batch) for batch in counting.batches] == [writes]
    assert prepared.plan.cost.writes == writes
    assert not prepare(write_manifest(folder, big(after)), repository).plan.pending


@pytest.mark.slow
@pytest.mark.parametrize("before", [None, 1, 2, 3, 20])
@pytest.mark.parametrize("after", [None, 1, 2, 3, 20])
def test_another_number_of_shards_a_part(
    folder: Path, repository: LocalRepository, before: int | None, after: int | None
) -> None:
    """Parts that are too many are deleted, of a protected dataset as well: it stays."""
    publish(write_manifest(folder, big(7, before, protect=True)), repository)
    prepared = publish(write_manifest(folder, big(7, after, protect=True)), repository)
    assert not prepared.plan.refusals
    with scratch() as base:
        other = LocalRepository(base / "other")
        publish(write_manifest(folder, big(7, after, protect=True)), other)
        assert live(other) == live(repository)
        other.close()
    assert not prepare(write_manifest(folder, big(7, after, protect=True)), repository).plan.pending


def test_local_files_move_between_parts(folder: Path, repository: LocalRepository) -> None:
    """No blob is lost, or uploaded again."""
    for parts in (2, 4, 1, 3):
        content: JsonObject = {"datasets": {"big": {"schema": SCHEMA, "blobs": "data/?.tar", "parts": parts}}}
        prepared = publish(write_manifest(folder, content), repository)
        assert len(prepared.plan.uploads) == (6 if parts == 2 else 0)
        assert not prepare(write_manifest(folder, content), repository).plan.pending


def test_the_parts_come_before_the_first(folder: Path, repository: LocalRepository) -> None:
    """So that no reader meets links to records that are not there yet; and in their order."""
    prepared = prepare(write_manifest(folder, big(10)), repository)
    assert [str(item.part) for item in prepared.plan.changes] == [f"part {number} of 4" for number in (2, 3, 4, 1)]
    counting = Counting(Narrow(repository, 2))
    carry_out(prepared, counting)
    assert [write.path for batch in counting.batches for write in batch if write.path.collection == ENTRY][-1] == FIRST


def test_the_inventory_lists_all_parts_with_the_id(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, big(7)), repository)
    owned = inventory(repository).owned
    assert [(owned[part_path(FIRST, number)].id, owned[part_path(FIRST, number)].part) for number in (1, 2, 3)] == [
        ("big", 1), ("big", 2), ("big", 3),
    ]  # fmt: skip


def test_a_renamed_dataset_keeps_its_parts(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, big(7, name="Big")), repository)
    datasets = big(7, name="Big", id="big")["datasets"]
    assert isinstance(datasets, dict)
    renamed: JsonObject = {"datasets": {"large": datasets["big"]}}
    assert not prepare(write_manifest(folder, renamed), repository).plan.pending


def test_the_whole_dataset_is_deleted(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, big(7)), repository)
    prepared = prepare(write_manifest(folder, {}), repository)
    assert actions(prepared) == {"part 1 of 1": "delete", "part 2": "delete", "part 3": "delete"}
    assert {change.address for change in prepared.plan.changes} == {"datasets/big"}
    carry_out(prepared, repository)
    assert live(repository) == []


def test_the_limit_of_deletes_counts_datasets(folder: Path, repository: LocalRepository) -> None:
    """Not their parts: 11 records, of which one may go, and the dataset is one."""
    records: JsonObject = {f"n{n}": {"collection": "org.test.note", "value": {"text": "x"}} for n in range(10)}
    policy: JsonObject = {"policy": {"max_delete": "10%"}}
    publish(write_manifest(folder, {**big(30), "records": records, **policy}), repository)
    assert not prepare(write_manifest(folder, {"records": records, **policy}), repository).plan.refusals
    del records["n0"]
    refusals = prepare(write_manifest(folder, {"records": records, **policy}), repository).plan.refusals
    assert [item.code for item in refusals] == ["max-delete"]
    assert "2 of 11" in refusals[0].message


def test_a_protected_dataset_is_not_deleted(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, big(7, protect=True)), repository)
    refusals = prepare(write_manifest(folder, {}), repository).plan.refusals
    assert [(item.address, item.code) for item in refusals] == [("datasets/big", "protected")]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_edit_of_a_part_is_drift(folder: Path, repository: LocalRepository, number: int) -> None:
    """It is put right, and a part that was deleted is created again."""
    publish(write_manifest(folder, big(7)), repository)
    edit(repository, part_path(FIRST, number), description="another")
    drifted = prepare(write_manifest(folder, big(7)), repository)
    assert actions(drifted) == {f"part {number} of 3": "update"}
    assert [item.code for item in prepare(write_manifest(folder, {}), repository).plan.refusals] == ["drifted-delete"]
    remove(repository, part_path(FIRST, number))
    assert actions(prepare(write_manifest(folder, big(7)), repository)) == {f"part {number} of 3": "create"}


@pytest.mark.parametrize("name", ["datasets/big", f"at://did:web:local.invalid/{part_path(FIRST, 2)}"])
def test_all_parts_are_forgotten(folder: Path, repository: LocalRepository, name: str) -> None:
    publish(write_manifest(folder, big(7)), repository)
    prepared = publish(write_manifest(folder, {}), repository, options=Options(forget=frozenset({name})))
    assert {*actions(prepared).values()} == {"forget"}
    assert (len(live(repository)), inventory(repository).owned) == (3, {})


def test_all_parts_are_adopted(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, {"project": "theirs", **big(7)}), repository)
    refusals = prepare(write_manifest(folder, big(7)), repository).plan.refusals
    assert [item.code for item in refusals] == ["foreign-owner"] * 3
    publish(
        write_manifest(folder, {"project": "theirs"}), repository, options=Options(forget=frozenset({"datasets/big"}))
    )
    prepared = prepare(write_manifest(folder, big(7, adopt=True)), repository)
    assert {*actions(prepared).values()} == {"adopt"}


def test_only_and_exclude_name_the_whole_dataset(folder: Path, repository: LocalRepository) -> None:
    content: JsonObject = {**big(7), "records": {"a": {"collection": "org.test.note", "value": {"text": "x"}}}}
    only = prepare(write_manifest(folder, content), repository, options=Options(only=frozenset({"datasets/big"})))
    assert len(only.plan.changes) == 3
    without = prepare(write_manifest(folder, content), repository, options=Options(exclude=frozenset({"datasets/*"})))
    assert (len(without.plan.changes), without.plan.left_out) == (1, ("datasets/big",))


def test_a_saved_plan_is_continued(folder: Path, repository: LocalRepository) -> None:
    """After each commit of which the reply was lost."""
    prepared = prepare(write_manifest(folder, big(10)), repository)
    assert kept(prepared, repository).plan.changes[0].part == prepared.plan.changes[0].part
    with pytest.raises(Crash):
        carry_out(kept(prepared, repository), Failing(Narrow(repository, 2), {0}, Crash, "after"))
    carry_out(kept(prepared, repository), repository)
    assert not prepare(write_manifest(folder, big(10)), repository).plan.pending


def test_links_are_those_of_the_repository(folder: Path, repository: LocalRepository) -> None:
    publish(write_manifest(folder, big(7)), repository)
    metadata = everything(repository)[FIRST].value["contentMetadata"]
    assert isinstance(metadata, dict)
    assert metadata[KEY] == {
        "$type": KEY,
        "parts": [f"at://{repository.did}/{part_path(FIRST, number)}" for number in (2, 3)],
    }
