"""The links between the parts of a dataset: what others write into their records is checked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import AtUri, Did, RecordPath
from atpub.errors import InvalidRecord, RecordNotFound
from atpub.storage.parts import KEY, Part, part_links, part_name, part_path, read_links, read_parts, without_links

DID = Did("did:plc:aliceaaaaaaaaaaaaaaaaaaa")
FIRST = RecordPath.parse("science.alt.dataset.entry/3jzfcijpj2z2a")
PATHS = [part_path(FIRST, number) for number in (1, 2, 3)]
URI = AtUri.of(DID, FIRST)


def records() -> dict[RecordPath, JsonObject]:
    """The parts of a dataset, by path, without their other fields."""
    return {
        path: {"contentMetadata": {"gain": 2, KEY: part_links(DID, PATHS, number, {"samples": 9})}}
        for number, path in enumerate(PATHS, start=1)
    }


def read(there: dict[RecordPath, JsonObject], number: int) -> list[str]:
    """The URIs of all parts, found from the one of this number."""

    def record(path: RecordPath) -> JsonObject:
        if path not in there:
            raise RecordNotFound(str(path))
        return there[path]

    path = PATHS[number - 1]
    return [str(uri) for uri, _ in read_parts(AtUri.of(DID, path), there[path], record)]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_all_parts_are_found_from_any(number: int) -> None:
    assert read(records(), number) == [str(AtUri.of(DID, path)) for path in PATHS]


def test_a_record_without_links_is_the_whole_dataset() -> None:
    for value in ({}, {"contentMetadata": {"gain": 2}}, {"contentMetadata": "odd"}):
        assert read_links(value) is None
        assert read_parts(URI, value, lambda _: {}) == [(URI, value)]


def test_links_are_not_metadata() -> None:
    metadata = records()[FIRST]["contentMetadata"]
    assert isinstance(metadata, dict)
    assert without_links(metadata) == {"gain": 2}


def links(value: Json) -> Callable[[dict[RecordPath, JsonObject]], None]:
    return lambda there: there[FIRST].update(contentMetadata={KEY: value})


def empty(there: dict[RecordPath, JsonObject]) -> None:
    there[PATHS[1]].clear()


def other(position: int, **more: Json) -> Callable[[dict[RecordPath, JsonObject]], None]:
    def change(there: dict[RecordPath, JsonObject]) -> None:
        there[PATHS[position - 1]]["contentMetadata"] = {KEY: {"$type": f"{KEY}#part", **more}}

    return change


@pytest.mark.parametrize(
    "change",
    [
        links("text"),
        links({}),
        links({"parts": []}),
        links({"parts": [str(URI)]}),  # itself
        links({"parts": ["no URI"]}),
        links({"parts": [f"at://{DID}"]}),
        links({"parts": [f"at://{DID}/org.lab.note/3jzfcijpj2z2a"]}),
        links({"parts": [f"at://did:plc:mallory/{PATHS[1]}"]}),
        links({"parts": [f"at://{DID}/{PATHS[2]}", f"at://{DID}/{PATHS[1]}"]}),  # in another order
        links({"$type": f"{KEY}#part", "first": f"at://{DID}/{PATHS[1]}", "number": 2}),  # in a circle
        other(2, first=f"at://{DID}/{PATHS[2]}", number=2),
        other(2, first=str(URI), number=3),
        other(2, first=str(URI), number=0),
        empty,
    ],
)
def test_links_that_do_not_fit_together(change: Callable[[dict[RecordPath, JsonObject]], None]) -> None:
    there = records()
    change(there)
    with pytest.raises(InvalidRecord):
        read(there, 1)


def test_a_part_that_is_not_there() -> None:
    there = records()
    del there[PATHS[1]]
    with pytest.raises(RecordNotFound):
        read(there, 3)


def test_keys_follow_from_that_of_the_first_part() -> None:
    """They are the same on every account, and for good: published records have them."""
    assert part_path(FIRST, 1) == FIRST
    assert str(PATHS[1]) == "science.alt.dataset.entry/347lnbh5j46ls"


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("Digits", 1, "Digits"),
        ("Digits", 2, "Digits (part 2)"),
        ("x" * 200, 1, "x" * 200),
        ("x" * 200, 12, "x" * 190 + " (part 12)"),
        ("ö" * 100, 2, "ö" * 95 + " (part 2)"),
        ("x" + "ö" * 99, 2, "x" + "ö" * 95 + " (part 2)"),
    ],
)
def test_the_name_of_a_part(name: str, number: int, expected: str) -> None:
    """Within the lexicon's 200 bytes, and without half a letter."""
    assert part_name(name, number) == expected
    assert len(expected.encode()) <= 200


def test_a_part_is_told_in_words() -> None:
    assert (str(Part(3, 7)), str(Part(3, 0))) == ("part 3 of 7", "part 3")
    assert (Part().is_whole, Part(1, 2).is_whole) == (True, False)
