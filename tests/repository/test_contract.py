"""The contract that every repository keeps, whatever is behind it (src/atpub/repository/interface.py)."""

import io
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from hashlib import sha256

import pytest
from tests.repository.conftest import NewRepository
from tests.repository.samples import NOTE, OTHER, InMemory, at, content, note, notes, read, swap, tar_of

from atpub.atproto.data import Blob, JsonObject, cid_of
from atpub.atproto.repo.car import read_car, snapshot_of
from atpub.atproto.syntax import RAW, Cid, Nsid, RecordPath
from atpub.engine.inventory import COLLECTION, Inventory, Owned, read_inventories
from atpub.engine.owned_records import read_owned
from atpub.errors import (
    AtpubError,
    BlobNotFound,
    BlobRejected,
    HeadMoved,
    InvalidInput,
    InvalidRecord,
    RecordConflict,
    RepositoryError,
    RequestTooLarge,
)
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Create, Delete, Head, Page, Record, Update, Write
from atpub.repository.snapshot import head_of, records_of

INVALID = (InvalidInput, RepositoryError)  # which one depends on who notices first
Errors = type[AtpubError] | tuple[type[AtpubError], ...]


def upload(repository: Repository, data: bytes, mime_type: str = "application/octet-stream") -> Blob:
    return repository.upload_blob(InMemory(data), mime_type)


def apply(repository: Repository, *writes: Write) -> None:
    repository.apply_writes(writes, swap(repository))


def assert_refused(repository: Repository, errors: Errors, *writes: Write, on: Cid | None = None) -> None:
    """The writes raise one of the errors, and the repository is as it was."""
    before = repository.head(), notes(repository)
    with pytest.raises(errors):
        repository.apply_writes(writes, on or swap(repository))
    assert (repository.head(), notes(repository)) == before


def test_a_new_repository_is_empty(repository: Repository) -> None:
    assert not notes(repository)
    assert repository.did.startswith("did:")


def test_what_is_created_is_read_back(repository: Repository) -> None:
    value = note("ü × 🦊")
    commit = repository.apply_writes([Create(at("one"), value)], swap(repository))
    assert commit.cids == (cid_of(value),)
    assert repository.head() == commit.head
    assert notes(repository) == {at("one"): Record(at("one"), cid_of(value), value)}


def test_every_kind_of_value_keeps_its_cid(repository: Repository) -> None:
    link = cid_of({})
    value: JsonObject = {
        "$type": NOTE,
        "null": None,
        "bools": [True, False],
        "numbers": [0, -1, 2**53 - 1, -(2**53 - 1)],
        "texts": ["", "ü", "日本", "🦊", '\n\t"\\'],
        "link": {"$link": link},
        "bytes": {"$bytes": "AAECAw"},
        "deep": {"b": {"a": [[], {}, [{"aa": 1, "b": 2}]]}},
    }
    commit = repository.apply_writes([Create(at("values"), value)], swap(repository))
    assert commit.cids == (cid_of(value),)
    assert notes(repository)[at("values")].value == value


def test_one_commit_creates_updates_and_deletes(repository: Repository) -> None:
    apply(repository, Create(at("changed"), note("old")), Create(at("gone"), note()), Create(at("kept"), note()))
    writes: list[Write] = [Update(at("changed"), note("new")), Delete(at("gone")), Create(at("new"), note("1"))]
    commit = repository.apply_writes(writes, swap(repository))
    assert commit.cids == (cid_of(note("new")), None, cid_of(note("1")))
    texts = {path.rkey: record.value["text"] for path, record in notes(repository).items()}
    assert texts == {"changed": "new", "kept": "hello", "new": "1"}


def test_an_update_to_the_same_value_is_a_commit(repository: Repository) -> None:
    apply(repository, Create(at("same"), note()))
    before = swap(repository)
    commit = repository.apply_writes([Update(at("same"), note())], before)
    assert commit.cids == (cid_of(note()),)
    assert repository.head() == commit.head
    assert commit.head.cid != before


def test_no_writes_are_a_commit(repository: Repository) -> None:
    first = repository.apply_writes([], swap(repository))
    second = repository.apply_writes([], first.head.cid)
    assert second.cids == ()
    assert repository.head() == second.head
    assert first.head.rev < second.head.rev


def test_revisions_rise(repository: Repository) -> None:
    writes = [Create(at(f"r{number}"), note()) for number in range(10)]
    revisions = [repository.apply_writes([write], swap(repository)).head.rev for write in writes]
    assert revisions == sorted(set(revisions))


def test_collections_are_read_apart(repository: Repository) -> None:
    value: JsonObject = {"$type": OTHER, "text": "other"}
    apply(repository, Create(at("one"), note()), Create(at("one", OTHER), value))
    assert {*notes(repository)} == {at("one")}
    assert {*read(repository, NOTE, OTHER)} == {at("one"), at("one", OTHER)}
    assert not read(repository, Nsid(NOTE[:-1]))


def test_one_record_and_one_collection_without_what_comes_with_them(repository: Repository) -> None:
    assert repository.get_record(at("one")) is None
    assert repository.list_records(NOTE) == Page([], None)
    other: JsonObject = {"$type": OTHER, "text": "other"}
    owned = {at("one", OTHER): Owned("one", at("one", OTHER), cid_of(other))}
    writes = [Create(at("one"), note("1")), Create(at("two"), note("2")), Create(at("one", OTHER), other)]
    apply(repository, *writes, *Inventory("ours").writes({**owned}))
    assert repository.get_record(at("one")) == Record(at("one"), cid_of(note("1")), note("1"))
    assert repository.get_record(at("none")) is None
    assert {record.path: record for record in repository.list_records(NOTE).records} == notes(repository)
    assert [record.path for record in repository.list_records(COLLECTION).records] == [at("ours", COLLECTION)]


def test_a_collection_is_listed_page_by_page(repository: Repository) -> None:
    value: JsonObject = {"$type": OTHER, "text": "other"}
    apply(repository, Create(at("z", OTHER), value), *(Create(at(f"r{number:03}"), note()) for number in range(130)))
    newest_first = [at(f"r{number:03}") for number in reversed(range(130))]
    first = repository.list_records(NOTE, 7)
    second = repository.list_records(NOTE, 120, first.cursor)
    third = repository.list_records(NOTE, 7, second.cursor)
    assert [len(page.records) for page in (first, second, third)] == [7, 120, 3]
    found = [record.path for page in (first, second, third) for record in page.records]
    assert found == newest_first
    assert third.cursor is None
    rest = repository.list_records(NOTE, cursor=first.cursor)
    assert ([record.path for record in rest.records], rest.cursor) == (newest_first[7:], None)


def test_only_what_a_filter_selects_is_read(repository: Repository) -> None:
    inventory = Inventory("ours").writes({at("mine"): Owned("mine", at("mine"), cid_of(note("mine")))})
    apply(repository, *(Create(at(rkey), note(rkey)) for rkey in ("mine", "single")), *inventory)
    assert not repository.read(RecordFilter()).records
    assert {*repository.read(RecordFilter(paths=frozenset([at("single"), at("none")]))).records} == {at("single")}


def test_a_follow_up_sees_the_collections_of_the_filter(repository: Repository) -> None:
    apply(repository, *(Create(at(rkey), note(rkey)) for rkey in ("one", "two", "three")))
    apply(repository, Create(at("a", OTHER), {"$type": OTHER}), Create(at("b", OTHER), {"$type": OTHER}))
    seen: list[set[RecordPath]] = []

    def follow_up(found: Mapping[RecordPath, Record]) -> RecordFilter:
        seen.append({*found})
        return RecordFilter(paths=frozenset([at("two"), at("none"), at("a", OTHER)]))

    wanted = RecordFilter(frozenset([OTHER]), frozenset([at("one")]))
    live = repository.read(wanted, follow_up)
    assert {*live.records} == {at("one"), at("two"), at("a", OTHER), at("b", OTHER)}
    assert seen
    assert all(paths == {at("a", OTHER), at("b", OTHER)} for paths in seen)


def test_what_inventories_list_is_read_with_them(repository: Repository) -> None:
    owned = {at(rkey): Owned(rkey, at(rkey), cid_of(note(rkey))) for rkey in ("mine", "gone")}
    inventory = Inventory("ours").writes({**owned})
    value: JsonObject = {"$type": OTHER, "text": "other"}
    records = [Create(at(rkey), note(rkey)) for rkey in ("mine", "single", "unread")]
    commit = repository.apply_writes([*records, Create(at("one", OTHER), value), *inventory], swap(repository))
    live = read_owned(repository, RecordFilter(frozenset([OTHER]), frozenset([at("single"), at("none")])))
    assert live.did == repository.did
    assert live.head == commit.head
    assert {*live.records} == {at("mine"), at("single"), at("one", OTHER), at("ours", COLLECTION)}
    assert {*read_owned(repository, RecordFilter()).records} == {at("mine"), at("ours", COLLECTION)}


def test_of_a_damaged_inventory_what_it_lists_is_read_all_the_same(repository: Repository) -> None:
    listed: JsonObject = {"id": "mine", "collection": NOTE, "rkey": "mine", "cid": cid_of(note())}
    damaged: JsonObject = {"$type": COLLECTION, "entries": [listed, {"id": "lost"}]}
    writes = [Create(at("mine"), note()), Create(at("ours", COLLECTION), damaged)]
    repository.apply_writes(writes, swap(repository))
    found = read_owned(repository, RecordFilter()).records
    assert {*found} == {at("mine"), at("ours", COLLECTION)}
    with pytest.raises(InvalidRecord, match="is damaged"):
        read_inventories(found.values())


def test_every_rkey_of_the_specification_is_taken(repository: Repository) -> None:
    rkeys = ["3jui7kd54zh2y", "self", "example.com", "~1.2-3_", "dHJ1ZQ", "pre:fix", "_", "a" * 512]
    apply(repository, *(Create(at(rkey), note(rkey)) for rkey in rkeys))
    assert {path.rkey for path in notes(repository)} == set(rkeys)


def test_a_record_without_a_type_gets_its_collection(repository: Repository) -> None:
    commit = repository.apply_writes([Create(at("bare"), {"text": "bare"})], swap(repository))
    typed: JsonObject = {"$type": NOTE, "text": "bare"}
    assert commit.cids == (cid_of(typed),)
    assert notes(repository)[at("bare")].value == typed


def test_a_record_of_another_type_is_refused(repository: Repository) -> None:
    apply(repository, Create(at("one"), note()))
    assert_refused(repository, INVALID, Create(at("two"), {"$type": OTHER}))


@pytest.mark.parametrize("text", ["2.5", "9223372036854775808", '{"$link": "nonsense"}'])
def test_a_value_outside_the_data_model_is_refused(repository: Repository, text: str) -> None:
    apply(repository, Create(at("one"), note()))
    assert_refused(repository, INVALID, Create(at("two"), {"$type": NOTE, "value": json.loads(text)}))


def test_an_old_head_is_refused(repository: Repository) -> None:
    first = repository.apply_writes([Create(at("one"), note())], swap(repository)).head.cid
    apply(repository, Create(at("two"), note()))
    assert_refused(repository, HeadMoved, Create(at("three"), note()), on=first)
    assert_refused(repository, HeadMoved, on=first)


def test_a_head_that_never_was_is_refused(repository: Repository) -> None:
    with pytest.raises(HeadMoved):
        repository.apply_writes([Create(at("one"), note())], cid_of(note()))
    assert not notes(repository)


def test_no_head_is_refused_once_there_is_one(repository: Repository) -> None:
    apply(repository, Create(at("one"), note()))
    before = repository.head()
    with pytest.raises(HeadMoved):
        repository.apply_writes([Create(at("two"), note())], None)
    assert repository.head() == before


@pytest.mark.parametrize(
    "conflict", [Create(at("there"), note("new")), Update(at("missing"), note()), Delete(at("missing"))], ids=repr
)
def test_a_conflict_undoes_the_whole_batch(repository: Repository, conflict: Write) -> None:
    apply(repository, Create(at("there"), note()), Create(at("also"), note()))
    before, after = Create(at("before"), note()), Create(at("after"), note())
    assert_refused(repository, RecordConflict, before, Update(at("also"), note("new")), conflict, after)


def test_a_full_batch_is_taken(repository: Repository) -> None:
    most = repository.limits.writes
    values = [note(f"note {number}") for number in range(most)]
    writes = [Create(at(f"n{number}"), value) for number, value in enumerate(values)]
    commit = repository.apply_writes(writes, swap(repository))
    assert commit.cids == tuple(map(cid_of, values))
    assert {record.cid for record in notes(repository).values()} == set(commit.cids)


def test_a_batch_over_the_limit_is_refused(repository: Repository) -> None:
    apply(repository)
    writes = (Create(at(f"n{number}"), note()) for number in range(repository.limits.writes + 1))
    assert_refused(repository, RequestTooLarge, *writes)


def test_a_body_over_the_limit_is_refused(repository: Repository) -> None:
    apply(repository)
    half = "x" * (repository.limits.body // 2)
    assert_refused(repository, RequestTooLarge, *(Create(at(f"n{number}"), note(half)) for number in range(3)))


def test_a_blob_comes_back_byte_for_byte(repository: Repository) -> None:
    data = bytes(range(256)) * 12_000 + b"end"  # three MiB: several chunks
    blob = upload(repository, data, "application/x-test")
    assert blob == Blob(Cid.of_digest(sha256(data).digest(), RAW), "application/x-test", len(data))
    apply(repository, Create(at("one"), note("", blob)))
    assert content(repository, blob) == data


def test_a_tar_is_recognised(repository: Repository) -> None:
    blob = upload(repository, tar_of(b"hello"), "application/octet-stream")
    assert blob.mime_type == "application/x-tar"
    apply(repository, Create(at("one"), note("", blob)))
    assert notes(repository)[at("one")].value == note("", blob)


def test_a_text_keeps_its_type(repository: Repository) -> None:
    assert upload(repository, b"a,b\n1,2\n", "text/csv").mime_type == "text/csv"


def test_several_threads_upload_at_once(repository: Repository) -> None:
    contents = [tar_of(f"{number % 6}".encode() * 100_000) for number in range(12)]  # each one twice
    with ThreadPoolExecutor(4) as threads:
        blobs = list(threads.map(partial(upload, repository), contents))
    assert [blob.cid for blob in blobs] == [Cid.of_digest(sha256(data).digest(), RAW) for data in contents]
    apply(repository, Create(at("all"), note("", *blobs)))
    assert [content(repository, blob) for blob in blobs] == contents


def test_a_blob_that_nothing_refers_to_is_not_served(repository: Repository) -> None:
    blob = upload(repository, b"waiting")
    with pytest.raises(BlobNotFound):
        content(repository, blob)
    apply(repository, Create(at("one"), note("", blob)))
    assert content(repository, blob) == b"waiting"


def test_an_unknown_blob_is_not_served(repository: Repository) -> None:
    apply(repository, Create(at("one"), note()))
    with pytest.raises(BlobNotFound):
        content(repository, Blob(Cid.of_digest(bytes(32), RAW), "text/plain", 1))


def test_a_reference_to_an_unknown_blob_is_refused(repository: Repository) -> None:
    apply(repository, Create(at("one"), note()))
    unknown = Blob(Cid.of_digest(bytes(32), RAW), "text/plain", 1)
    assert_refused(repository, BlobNotFound, Create(at("two"), note("", unknown)))
    assert_refused(repository, BlobNotFound, Update(at("one"), note("", unknown)))
    with pytest.raises(BlobNotFound) as caught:
        apply(repository, Create(at("two"), note("", upload(repository, b"known"), unknown)))
    assert caught.value.cids == {unknown.cid}


def test_a_reference_that_differs_from_the_blob_is_refused(repository: Repository) -> None:
    apply(repository, Create(at("one"), note()))
    blob = upload(repository, b"text", "text/plain")
    wrong_type, wrong_size = Blob(blob.cid, "text/csv", blob.size), Blob(blob.cid, blob.mime_type, blob.size + 1)
    assert_refused(repository, BlobRejected, Create(at("two"), note("", wrong_type)))
    assert_refused(repository, BlobRejected, Create(at("two"), note("", wrong_size)))
    apply(repository, Create(at("two"), note("", blob)))


@pytest.mark.parametrize("last", [Delete(at("one")), Update(at("one"), note())], ids=["delete", "update"])
def test_a_blob_goes_with_its_last_reference(repository: Repository, last: Write) -> None:
    blob = upload(repository, b"short-lived")
    apply(repository, Create(at("one"), note("", blob)), Create(at("two"), note("", blob)))
    apply(repository, Delete(at("two")))
    assert content(repository, blob) == b"short-lived"
    apply(repository, last)
    with pytest.raises(BlobNotFound):
        content(repository, blob)
    assert_refused(repository, BlobNotFound, Create(at("three"), note("", blob)))


def test_a_blob_can_come_back(repository: Repository) -> None:
    for rkey in ("one", "two"):
        blob = upload(repository, b"back again")
        apply(repository, Create(at(rkey), note("", blob)))
        assert content(repository, blob) == b"back again"
        apply(repository, Delete(at(rkey)))


def test_an_update_keeps_its_blob(repository: Repository) -> None:
    blob = upload(repository, b"kept")
    apply(repository, Create(at("one"), note("old", blob)))
    apply(repository, Update(at("one"), note("new", blob)))
    assert content(repository, blob) == b"kept"


@pytest.mark.parametrize("swapped", [False, True], ids=["delete first", "create first"])
def test_a_blob_moves_within_one_commit(repository: Repository, swapped: bool) -> None:
    blob = upload(repository, b"moving")
    apply(repository, Create(at("old"), note("", blob)))
    writes: list[Write] = [Delete(at("old")), Create(at("new"), note("moved", blob))]
    apply(repository, *(reversed(writes) if swapped else writes))
    assert content(repository, blob) == b"moving"
    assert {*notes(repository)} == {at("new")}


def test_two_records_exchange_their_blobs(repository: Repository) -> None:
    one, two = upload(repository, b"one"), upload(repository, b"two")
    apply(repository, Create(at("one"), note("1", one)), Create(at("two"), note("2", two)))
    apply(repository, Update(at("one"), note("1", two)), Update(at("two"), note("2", one)))
    assert (content(repository, one), content(repository, two)) == (b"one", b"two")


@pytest.mark.parametrize("keys", ["ab", "ba", "old-new", "new-old"])
def test_a_record_that_moves_is_not_lost(repository: Repository, keys: str) -> None:
    """To another key, in one commit: the reference PDS would lose it, so that a repository may ask for two commits."""
    old, new = map(at, keys.split("-") if "-" in keys else keys)
    apply(repository, Create(old, note()))
    try:
        apply(repository, Delete(old), Create(new, note()))
    except RequestTooLarge:
        apply(repository, Create(new, note()))
        apply(repository, Delete(old))
    assert {*notes(repository)} == {new}


def test_two_records_that_change_places_are_not_lost(repository: Repository) -> None:
    apply(repository, Create(at("one"), note("1")), Create(at("two"), note("2")))
    with suppress(RequestTooLarge):  # as above
        apply(repository, Update(at("one"), note("2")), Update(at("two"), note("1")))
    assert {record.cid for record in notes(repository).values()} == {cid_of(note("1")), cid_of(note("2"))}


def test_a_refused_batch_keeps_the_blob_that_it_would_have_dropped(repository: Repository) -> None:
    blob = upload(repository, b"still here")
    apply(repository, Create(at("one"), note("", blob)))
    assert_refused(repository, RecordConflict, Delete(at("one")), Delete(at("missing")))
    assert content(repository, blob) == b"still here"


def test_repositories_are_apart(new_repository: NewRepository) -> None:
    one, two = new_repository(), new_repository()
    blob = upload(one, b"of one")
    apply(one, Create(at("one"), note("", blob)))
    assert not notes(two)
    assert_refused(two, BlobNotFound, Create(at("two"), note("", blob)))


def test_closing_twice_is_harmless(repository: Repository) -> None:
    apply(repository, Create(at("one"), note()))
    repository.close()
    repository.close()


def test_the_whole_repository_as_a_car_file(repository: Repository) -> None:
    apply(repository, Create(at("one"), note("one")), Create(at("two"), note("two")))
    stream = io.BytesIO()
    repository.export_car(stream)
    exported = snapshot_of(read_car(stream.getvalue()), repository.did)
    head = repository.head()
    assert head is not None
    assert head_of(exported) == Head(head.cid, exported.rev)
    assert records_of(exported) == notes(repository)
