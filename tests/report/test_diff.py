"""The difference between two records, as people are shown it."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpub.atproto.data import Json
from atpub.atproto.syntax import AtUri, Cid, Did, Nsid, RecordPath, Rkey
from atpub.engine.plan.model import Change
from atpub.report.diff import Difference, changed_fields, differences, format_value
from atpub.repository.model import Record


def listed(old: Json, new: Json) -> list[tuple[str, str | None, str | None]]:
    return [(item.path, item.old, item.new) for item in differences(old, new)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({"a": 1}, {"a": 1}, [], id="the same"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, [], id="the same in another order"),
        pytest.param({"a": 1}, {"a": 2}, [("a", "1", "2")], id="a field"),
        pytest.param(
            {"a": 1}, {"a": True}, [("a", "1", "true")], id="of another type, though Python takes them for equal"
        ),
        pytest.param({"a": [1, "org.lab.run"]}, {"a": [1, Nsid("org.lab.run")]}, [], id="a string by its content"),
        pytest.param({}, {"a": None}, [("a", None, "null")], id="null is not absent"),
        pytest.param({"a": "x"}, {}, [("a", '"x"', None)], id="a field that goes"),
        pytest.param({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, [("a.b[1].c", "2", "3")], id="deep"),
        pytest.param(
            {"a b": 1, "c.d": 1}, {"a b": 2, "c.d": 1}, [('["a b"]', "1", "2")], id="a key that is no plain name"
        ),
        pytest.param([1, 2], [1, 2, 3], [("[2]", None, "3")], id="an item more"),
        pytest.param([2, 3], [1, 2, 3], [("[0]", None, "1")], id="an item more at the start"),
        pytest.param([1, 2, 3, 4], [1, 4], [("[1]", "2", None), ("[2]", "3", None)], id="items fewer in the middle"),
        pytest.param([1, 1], [1, 1, 1], [("[2]", None, "1")], id="one more of the same"),
        pytest.param([1, 2], [3, 2], [("[0]", "1", "3")], id="an item changed"),
        pytest.param([], [1], [("[0]", None, "1")], id="from nothing"),
        pytest.param({"a": [1]}, {"a": {"0": 1}}, [("a", "[1]", '{"0": 1}')], id="a list becomes an object"),
        pytest.param({"a": "ü 😀"}, {"a": "ü"}, [("a", '"ü 😀"', '"ü"')], id="what can be read is shown as it is"),
    ],
)
def test_differences(old: Json, new: Json, expected: list[tuple[str, str | None, str | None]]) -> None:
    assert listed(old, new) == expected


def test_long_values_show_where_they_differ() -> None:
    ((_, old, new),) = listed({"a": "x" * 200 + "old" + "y" * 200}, {"a": "x" * 200 + "new" + "y" * 200})
    assert old is not None
    assert new is not None
    assert "old" in old
    assert "new" in new
    assert max(len(old), len(new)) <= 72
    assert old.startswith("…x")
    assert old.endswith("y…")


def test_nothing_in_a_record_acts_on_a_terminal() -> None:
    for character in ("\x1b", "\x9b", "\u202e", "\u200b", "\x7f", "\n"):
        assert format_value({"a": f"x{character}y"}).isprintable()
        assert json.loads(format_value(f"x{character}y")) == f"x{character}y"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


def same(old: object, new: object) -> bool:
    """Equal, with true and 1 told apart."""
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


@pytest.mark.slow
@given(VALUES, VALUES)
def test_no_difference_is_left_out_and_none_made_up(old: Json, new: Json) -> None:
    found = list(differences(old, new))
    assert bool(found) == (not same(old, new))
    assert all(isinstance(item, Difference) and item.old != item.new for item in found)
    assert list(differences(new, copy.deepcopy(new))) == []


def test_what_differs_far_down_is_found_at_once() -> None:
    """In lists within lists, as deep as a record may be."""
    old: Json = 1
    new: Json = True
    for _ in range(64):
        old, new = [old], [new]
    assert listed(old, new) == [("[0]" * 64, "1", "true")]


@pytest.mark.parametrize(
    ("collection", "paths"),
    [
        ("science.alt.dataset.schema", ["schema.type", "schema.content.more"]),
        ("org.lab.note", ["schema.type", "schema.content.type", "schema.content.more"]),
    ],
)
def test_a_schema_that_its_record_holds_twice_is_compared_once(collection: str, paths: list[str]) -> None:
    path = RecordPath(Nsid(collection), Rkey("x"))
    before = Record(path, Cid("bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm"), {})
    before.value["schema"] = {"type": "a", "content": {"type": "a", "more": 1}}
    after: Json = {"schema": {"type": "b", "content": {"type": "b", "more": 2}}}
    assert isinstance(after, dict)
    change = Change("x", "update", "x", path, AtUri.of(Did("did:web:lab.example"), path), before, after)
    assert [item.path for item in changed_fields(change)] == paths
