"""What a generated class does with a value: loading, writing, comparing, showing, refusing."""

import copy
import json
import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from tests.codegen.packages import GeneratedPackage

from atpub.atproto import data
from atpub.atproto.data import DEEPEST, DEEPEST_UNKNOWN
from atpub.atproto.lexicon.model import Name
from atpub.atproto.lexicon.validate import validate, validate_record
from atpub.atproto.runtime import ABSENT, Blob, CidLink, LegacyBlob, UnknownMember
from atpub.atproto.syntax import Cid, Did, Nsid
from atpub.errors import InvalidRecord

SAMPLE = Path(__file__).parent / "everything.json"


@pytest.fixture
def sample() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SAMPLE.read_text("utf-8"))
    return found


@pytest.fixture(scope="session")
def main(everything: GeneratedPackage) -> Any:
    return everything.module("com.example.everything")


@pytest.fixture(scope="session")
def defs(everything: GeneratedPackage) -> Any:
    return everything.module("com.example.defs")


def problems(load: Any, value: object) -> list[str]:
    with pytest.raises(InvalidRecord) as caught:
        load(value)
    return [problem.message for problem in caught.value.problems]


def test_the_sample_has_every_field(main: Any, sample: dict[str, Any]) -> None:
    assert set(main.Everything.WIRE.values()) <= sample.keys()


def test_what_is_loaded_and_written_again_is_the_same_record(main: Any, sample: dict[str, Any]) -> None:
    original = copy.deepcopy(sample)
    loaded = main.Everything.from_json(sample)
    assert loaded.to_json() == original == sample
    assert data.cid_of(loaded.to_json()) == data.cid_of(original)


def test_fields_have_the_types_of_python(main: Any, defs: Any, sample: dict[str, Any]) -> None:
    value = main.Everything.from_json(sample)
    assert value.raw == b"\0\1\2"
    assert value.empty_only == b""
    assert value.link == CidLink("bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a")
    assert isinstance(value.links[0], CidLink)
    assert isinstance(value.pointer, CidLink)
    assert isinstance(value.picture, Blob)
    assert value.picture.size == 1000
    assert value.must_point == main.Point(x=1, y=-1)
    assert value.nested == [[main.Point(x=1, y=2)], []]
    assert isinstance(value.inline, main.EverythingInline)
    assert value.pieces[0].inner == main.EverythingPiecesItemInner(deep=0)
    assert value.choices == [defs.Pair(left="l"), main.Point(x=0, y=0)]
    assert value.tree.leaves == [[], [[]]]
    assert isinstance(value.tree.parent.trees[0][0], type(value.tree))
    assert value.part.loop.back.name == "again"


def test_padding_of_bytes_is_not_kept_and_changes_no_cid(main: Any, sample: dict[str, Any]) -> None:
    padded: dict[str, Any] = {**sample, "digest": {"$bytes": "AAE="}}
    loaded = main.Everything.from_json(padded)
    assert loaded.to_json()["digest"] == {"$bytes": "AAE"}
    assert data.cid_of(loaded.to_json()) == data.cid_of(padded)


def test_unexpected_fields_are_kept(main: Any, sample: dict[str, Any]) -> None:
    value = main.Everything.from_json(sample)
    assert value.extra == {"unheardOf": {"a": [1, {"b": None}]}, "$unknown": "kept"}
    assert value.pieces[1].extra == {"more": True}
    assert value.bare.extra == {"whatever": [1]}
    assert value.origin.extra == {"$type": "com.example.everything#point"}
    assert value.origin.next.extra == {"z": 1}
    assert main.Point(x=0, y=0).extra == {}
    with pytest.raises(TypeError):
        value.origin.extra["z"] = 1


def test_unknown_members_of_open_unions_are_kept(main: Any, sample: dict[str, Any]) -> None:
    value = main.Everything.from_json(sample)
    assert value.open_union == UnknownMember(sample["openUnion"])
    assert value.open_union.type == "com.example.unheard#of"
    assert value.unions == [main.Point(x=0, y=0), UnknownMember({"$type": "com.example.unheard"})]
    assert value.empty_union.raw["anything"] == "goes"


@pytest.mark.parametrize("field", ["openUnion", "emptyUnion", "mustUnion"])
@pytest.mark.parametrize(
    "member",
    [
        {},
        {"$type": ""},
        {"$type": 1},
        {"$type": "com.example.unheard#main"},
        {"$type": "com.example.unheard", "x": 1.5},
        {"$type": "blob"},
        "com.example.unheard",
        None,
    ],
)
def test_what_no_union_has_as_a_member(main: Any, sample: dict[str, Any], field: str, member: object) -> None:
    assert problems(main.Everything.from_json, {**sample, field: member})[0].startswith(f"$.{field}")


def test_a_member_of_a_union_is_written_with_its_type(main: Any, defs: Any) -> None:
    value = defs.Pair(left="l").with_extra({"$type": "com.example.other", "more": 1})
    record = main.Everything(**necessary(main), closed_union=value)
    assert record.to_json()["closedUnion"] == {"$type": "com.example.defs#pair", "left": "l", "more": 1}


def necessary(main: Any) -> dict[str, Any]:
    """The required fields."""
    point = main.Point(x=0, y=0)
    return {
        "must_text": "",
        "must_null": None,
        "must_null_point": None,
        "must_point": point,
        "must_union": point,
        "must_tags": [],
        "must_anything": {},
    }


def test_absent_is_not_null(main: Any, sample: dict[str, Any]) -> None:
    loaded = main.Everything.from_json(sample)
    assert loaded.null_text is None
    assert loaded.null_point is None
    made = main.Everything(**necessary(main))
    assert made.null_text is ABSENT
    assert not made.null_text
    assert "nullText" not in made.to_json()
    assert made.to_json()["mustNull"] is None
    made.null_text = None
    made.null_tags = None
    assert made.check().to_json()["nullText"] is None
    assert made.to_json()["nullTags"] is None
    assert main.Everything.from_json(made.to_json()) == made


def test_null_is_no_value_of_other_fields(main: Any, sample: dict[str, Any]) -> None:
    fields = ["text", "count", "truth", "raw", "link", "file", "tags", "origin", "openUnion", "anything", "mustText"]
    for name in fields:
        assert problems(main.Everything.from_json, {**sample, name: None})[0].startswith(f"$.{name}: expected")


def test_a_required_field_that_may_be_null_must_be_there(main: Any, sample: dict[str, Any]) -> None:
    del sample["mustNull"], sample["mustNullPoint"]
    assert problems(main.Everything.from_json, sample) == [
        "$.mustNull: is required and missing (required; com.example.everything)",
        "$.mustNullPoint: is required and missing (required; com.example.everything)",
    ]


def test_defaults_are_not_written(main: Any) -> None:
    made = main.Everything(**necessary(main)).check()
    assert made.lang is None
    assert made.limited is None
    assert made.to_json().keys() == {"$type", *(main.Everything.WIRE[name] for name in necessary(main))}


def test_all_problems_are_named_at_once(main: Any, sample: dict[str, Any]) -> None:
    del sample["mustTags"]
    sample["limited"] = 6
    sample["bounded"] = "👩‍💻👩‍💻👩‍💻👩‍💻"
    sample["colour"] = "blue"
    sample["picture"]["mimeType"] = "video/mp4"
    sample["pieces"][1] = {"name": "too long", "inner": {"deep": -1}}
    sample["choices"][0]["left"] = 5
    sample["single"]["$type"] = "com.example.tree"
    assert set(problems(main.Everything.from_json, sample)) == {
        "$.mustTags: is required and missing (required; com.example.everything)",
        "$.limited: 6 is outside -5..5 (range; com.example.everything)",
        "$.bounded: 44 bytes, at most 12 (maxLength; com.example.everything)",
        "$.bounded: 4 graphemes, at most 3 (maxGraphemes; com.example.everything)",
        "$.colour: 'blue' is not one of 'red', 'green' (enum; com.example.everything)",
        "$.picture.mimeType: 'video/mp4' is not accepted; image/*, text/plain is (accept; com.example.everything)",
        "$.pieces[1].name: 8 bytes, at most 5 (maxLength; com.example.everything)",
        "$.pieces[1].inner.deep: -1, at least 0 (range; com.example.everything)",
        "$.choices[0].left: expected a string, found an integer (type; com.example.defs#pair)",
        "$.single.$type: 'com.example.tree' is not one of com.example.strict (union; com.example.everything)",
    }


def test_a_part_that_stands_alone_is_judged_by_its_own_rules(main: Any, defs: Any) -> None:
    assert problems(main.EverythingPiecesItemInner.from_json, {"deep": -1}) == [
        "$.deep: -1, at least 0 (range; com.example.everything)"
    ]
    assert problems(main.Point.from_json, {"x": "1"}) == [
        "$.x: expected an integer, found a string (type; com.example.everything#point)",
        "$.y: is required and missing (required; com.example.everything#point)",
    ]
    assert problems(defs.BoxesItem2.from_json, {"level": 3}) == [
        "$.level: 3 is not one of 1, 2 (enum; com.example.defs#level)"
    ]


@pytest.mark.parametrize("value", [None, 1, "text", [], {}, {"$type": "com.example.strict"}, {"$type": None}])
def test_a_record_of_another_type_is_refused(main: Any, value: object) -> None:
    assert problems(main.Everything.from_json, value)


def test_a_value_that_was_made_is_judged_on_request(main: Any) -> None:
    made = main.Everything(**{**necessary(main), "must_text": 5}, bounded="x" * 13)
    found = problems(main.Everything.check, made)
    assert [problem.split(" ")[0] for problem in found] == ["$.bounded:", "$.bounded:", "$.mustText:"]


def test_values_are_equal_where_their_fields_and_extras_are(main: Any, sample: dict[str, Any]) -> None:
    one, other = main.Everything.from_json(sample), main.Everything.from_json(copy.deepcopy(sample))
    assert one == other
    other.raw = b"other"
    assert one != other
    assert main.Point(x=0, y=0) != main.Point(x=0, y=0).with_extra({"z": 0})
    assert main.Point(x=0, y=0) == main.Point.from_json({"$type": "com.example.everything#point", "x": 0, "y": 0})
    assert main.EverythingBare() != main.EverythingInline(where=main.Point(x=0, y=0))
    assert main.Point(x=0, y=0) != {"x": 0, "y": 0}
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_a_value_shows_the_fields_that_are_there(main: Any) -> None:
    assert repr(main.Point(x=0, y=1)) == "Point(x=0, y=1)"
    point = main.Point.from_json({"$type": "com.example.everything#point", "x": 0, "y": 1, "z": 2})
    assert repr(point) == "Point(x=0, y=1).with_extra({'z': 2})"
    made = main.Everything(**necessary(main))
    made.null_tags = None
    assert repr(made) == (
        "Everything(must_anything={}, must_null=None, must_null_point=None, must_point=Point(x=0, y=0), must_tags=[], "
        "must_text='', must_union=Point(x=0, y=0), null_tags=None)"
    )


def test_a_value_can_be_matched(main: Any) -> None:
    point: Any = main.Point(x=1, y=2)
    match point:
        case main.Point(1, 3):
            pytest.fail("the wrong one")
        case main.Point(1, 2):
            pass
        case _:
            pytest.fail("no match")


def test_a_value_has_no_other_attributes(main: Any) -> None:
    with pytest.raises(AttributeError):
        main.Point(x=0, y=0).z = 0
    with pytest.raises(TypeError, match="positional"):
        main.Point(0, 0)
    with pytest.raises(TypeError, match="missing"):
        main.Point(x=0)


def test_a_value_can_be_copied_and_pickled(main: Any, sample: dict[str, Any]) -> None:
    value = main.Everything.from_json(sample)
    assert copy.copy(value) == copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value


def test_subclasses_of_text_and_dictionaries_do_no_harm(main: Any, sample: dict[str, Any]) -> None:
    made = main.Everything(**necessary(main), did_format=Did.parse("did:web:lab.example"))
    assert made.check().to_json()["didFormat"] == "did:web:lab.example"
    ordered = json.loads(SAMPLE.read_text("utf-8"), object_pairs_hook=OrderedDict)
    assert main.Everything.from_json(ordered) == main.Everything.from_json(sample)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(("key", "most"), [("leaves", DEEPEST), ("unheardOf", DEEPEST_UNKNOWN)])
def test_what_is_nested_too_deeply_is_refused(everything: GeneratedPackage, key: str, most: int) -> None:
    load = everything.module("com.example.tree").Tree.from_json
    deepest = nested(most - 1 if key == "leaves" else most)
    assert load({key: deepest}).to_json() == {key: deepest}
    for depth in (most + 1, 200, 5000):
        assert re.search(r"nested deeper than (64|128) levels \(depth;", problems(load, {key: nested(depth)})[0])


def test_objects_that_hold_each_other_may_go_deep(everything: GeneratedPackage) -> None:
    value: dict[str, Any] = {"name": ""}
    for _ in range(DEEPEST // 2 - 1):
        value = {"name": "", "loop": {"back": value}}
    load = everything.module("com.example.everything.part").Part.from_json
    assert load(value).to_json() == value
    for _ in range(1000):
        value = {"name": "", "loop": {"back": value}}
    assert "nested deeper than 128 levels" in problems(load, value)[0]


def test_lists_that_hold_each_other_are_checked_at_every_level(everything: GeneratedPackage) -> None:
    load = everything.module("com.example.tree").Tree.from_json
    empty: list[Any] = []
    assert problems(load, {"leaves": [empty, [[empty, empty, empty]]]}) == [
        "$.leaves[1][0]: 3 items, at most 2 (maxLength; com.example.tree#leaves)"
    ]
    assert problems(load, {"shape": [[[[1]]]]}) == [
        "$.shape[0][0][0][0]: expected an array, found an integer (type; com.example.tree#shape)"
    ]
    assert problems(load, {"branches": [{"branches": [{"leaves": empty}] * 3}]}) == [
        "$.branches[0].branches: 3 items, at most 2 (maxLength; com.example.forest#trees)"
    ]


OLD_BLOB: dict[str, Any] = {
    "cid": "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
    "mimeType": "image/png",
}


def test_a_blob_of_the_old_form_is_read_and_its_record_keeps_its_cid(main: Any, sample: dict[str, Any]) -> None:
    old = {**sample, "picture": OLD_BLOB}
    value = main.Everything.from_json(old)
    assert value.picture == LegacyBlob(Cid(OLD_BLOB["cid"]), "image/png", 0)
    assert isinstance(value.picture, Blob)
    assert value.to_json() == old
    assert problems(main.Everything.from_json, {**sample, "picture": {**OLD_BLOB, "mimeType": "video/mp4"}}) == [
        "$.picture.mimeType: 'video/mp4' is not accepted; image/*, text/plain is (accept; com.example.everything)"
    ]


def test_a_record_with_a_blob_of_the_old_form_is_not_written(
    everything: GeneratedPackage, sample: dict[str, Any]
) -> None:
    old = {**sample, "picture": OLD_BLOB}
    assert validate(everything.lexicons, Name(Nsid("com.example.everything")), old) == ()
    assert [str(violation) for violation in validate_record(everything.lexicons, old)] == [
        "$.picture: a blob of the old form {cid, mimeType} cannot be written (data-model; com.example.everything)"
    ]
    assert validate_record(everything.lexicons, sample) == ()
