"""Judging records and references: values in, findings out; and the limits of what references may cost."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from atpub.atproto.data import Json, JsonObject, cid_of
from atpub.atproto.syntax import AtUri, RecordPath
from atpub.errors import RepositoryNotFound, Unavailable
from atpub.generated import LEXICONS
from atpub.repository.interface import Repository
from atpub.repository.local.repository import LocalRepository
from atpub.repository.model import LOCAL_DID, Record
from atpub.verifying.model import PublishedRecord
from atpub.verifying.records import MOST_VIOLATIONS, Unread, judge_record, judge_reference, references_in
from atpub.verifying.repositories import MOST_REPOSITORIES, MOST_SECONDS, Repositories

LABEL = "science.alt.dataset.label/3jzfcijpj2z2a"
TARGET = "at://did:web:lab.example/org.lab.note/one"
CID = str(cid_of({}))


def published(path: str, value: JsonObject) -> PublishedRecord:
    record = Record(RecordPath.parse(path), cid_of(value), value)
    return PublishedRecord(AtUri.of(LOCAL_DID, record.path), record)


def codes(path: str, value: JsonObject) -> list[str]:
    return [item.code for item in judge_record(published(path, value), LEXICONS.lexicons)]


def test_references_are_found_wherever_they_stand() -> None:
    value: JsonObject = {
        "a": TARGET,
        "b": [{"uri": TARGET, "cid": CID, "more": [TARGET]}],
        "c": ["at://did:web:lab.example", "at://did:web:lab.example/org.lab.note", f"see {TARGET}", 1, None, "at://"],
    }
    found = {(item.path, item.cid) for item in references_in(value)}
    assert found == {(("a",), None), (("b", 0, "uri"), CID), (("b", 0, "more", 0), None)}


def test_what_nests_deeply_is_walked() -> None:
    value: Json = TARGET
    for _ in range(5000):
        value = [value]
    assert len(list(references_in({"a": value}))) == 1


def test_a_record_is_judged_by_its_lexicon() -> None:
    value: JsonObject = {"$type": "science.alt.dataset.label"}
    assert set(codes(LABEL, value)) == {"invalid-record"}
    assert codes(LABEL, {"$type": "org.lab.note"}) == ["invalid-record"]
    assert codes("org.lab.note/one", {"$type": "org.lab.note"}) == ["no-lexicon"]
    assert codes("science.alt.dataset.label/not-a-tid", value)[0] == "invalid-record"
    many: JsonObject = {"$type": "science.alt.dataset.entry", "tags": list(range(1000))}
    assert len(codes("science.alt.dataset.entry/3jzfcijpj2z2a", many)) <= MOST_VIOLATIONS


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, ["reference-missing"]),
        ("no-repository", ["reference-missing"]),
        ("unreadable", ["reference-unchecked"]),
        ("too-many", ["reference-unchecked"]),
        (Record(RecordPath.parse("org.lab.note/one"), cid_of({"a": 1}), {"a": 1}), ["reference-changed"]),
        (Record(RecordPath.parse("org.lab.note/one"), cid_of({}), {}), []),
    ],
)
def test_references_are_judged(target: Record | Unread | None, expected: list[str]) -> None:
    item = published("org.lab.note/two", {"uri": TARGET, "cid": CID})
    (reference,) = references_in(item.record.value)
    assert [finding.code for finding in judge_reference(item, reference, target)] == expected


def test_a_label_refers_to_a_dataset() -> None:
    item = published(LABEL, {"datasetUri": TARGET})
    (reference,) = references_in(item.record.value)
    assert [finding.code for finding in judge_reference(item, reference, None)] == [
        "reference-kind",
        "reference-missing",
    ]


def uris(count: int) -> list[AtUri]:
    return [AtUri.parse(f"at://did:web:a{index}.example/org.lab.note/one") for index in range(count)]


def test_few_repositories_are_opened_for_references() -> None:
    opened: list[str] = []

    def refuse(uri: AtUri) -> Repository:
        opened.append(uri.authority)
        raise RepositoryNotFound("gone") if len(opened) % 2 else Unavailable("down")

    repositories = Repositories(refuse)
    wanted = uris(2 * MOST_REPOSITORIES)
    repositories.fetch([*wanted, *wanted])
    assert len(opened) == MOST_REPOSITORIES
    assert [repositories.find(uri) for uri in wanted[:2]] == ["no-repository", "unreadable"]
    assert repositories.find(wanted[-1]) == "too-many"


def test_slow_repositories_end_the_search() -> None:
    passed = [0.0]

    def drip(uri: AtUri) -> Repository:
        passed[0] += MOST_SECONDS / 4
        raise Unavailable("slow")

    repositories = Repositories(drip, lambda: passed[0])
    wanted = uris(10)
    repositories.fetch(wanted)
    assert [repositories.find(uri) for uri in wanted] == ["unreadable"] * 4 + ["too-many"] * 6


def test_a_repository_that_fails_later_leaves_what_was_read(tmp_path: Path) -> None:
    """Its own records, which were read before the server went down, are still judged as they are."""

    class Down(LocalRepository):
        def get_record(self, path: RecordPath) -> Record | None:
            raise Unavailable("down")

    with closing(Down(tmp_path)) as repository:
        known = Record(RecordPath.parse("org.lab.note/one"), cid_of({}), {})
        repositories = Repositories(lambda _: repository)
        repositories.add(repository)
        repositories.learn(repository.did, {known.path: known})
        other = RecordPath.parse("org.lab.note/two")
        wanted = [AtUri.of(repository.did, path) for path in (known.path, other)]
        repositories.fetch(wanted)
        assert [repositories.find(uri) for uri in wanted] == [known, "unreadable"]
