"""Lexicons put together: what is missing, what is there twice, and what a reference may not mean."""

import pytest

from atpub.atproto.data import Json
from atpub.atproto.lexicon.link import NONE, link, references
from atpub.atproto.lexicon.model import Lexicon, Name, Object, Ref, Union
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidInput
from atpub.problems import Place, Problem

A, B = Nsid("com.example.a"), Nsid("com.example.b")


def lexicon(nsid: str, **defs: Json) -> tuple[str, Lexicon]:
    file = f"{nsid.rpartition('.')[2]}.json"
    return file, parse({"lexicon": 1, "id": str(nsid), "defs": dict(defs)}, file)


def refers(*refs: str) -> Json:
    """An object with a property for each reference."""
    return {
        "type": "object",
        "properties": {f"p{index}": {"type": "ref", "ref": ref} for index, ref in enumerate(refs)},
    }


def unites(*refs: str) -> Json:
    return {"type": "object", "properties": {"one": {"type": "union", "refs": list(refs)}}}


def problems(*files: tuple[str, Lexicon]) -> list[Problem]:
    with pytest.raises(InvalidInput) as caught:
        link(files)
    return list(caught.value.problems)


def test_references_go_from_file_to_file_and_round_in_circles() -> None:
    one = lexicon(A, main=refers("#main", "com.example.a", "com.example.b", "com.example.b#x"), y=unites("#main"))
    two = lexicon(B, main=refers("com.example.a#y"), x={"type": "string"})
    linked = link([one, two])
    assert linked.by_nsid == {A: one[1], B: two[1]}
    assert linked.find(Name(B, "x")) == two[1].definitions["x"]
    assert linked.find(Name(B, "absent")) is None
    assert linked.find(Name(Nsid("com.example.absent"))) is None


def test_nothing_is_linked_with_nothing() -> None:
    assert link([]) == NONE


def test_a_missing_lexicon_is_named_and_so_is_the_one_that_needs_it() -> None:
    (problem,) = problems(lexicon(A, main=refers("com.example.b#x")))
    assert problem.code == "missing-ref"
    assert problem.place == Place("a.json")
    assert problem.message == (
        "$.defs.main.properties.p0.ref: com.example.a refers to com.example.b#x,"
        " which is not at hand: add the lexicon com.example.b"
    )


def test_a_missing_definition_is_named_and_so_is_the_lexicon_that_lacks_it() -> None:
    found = problems(lexicon(A, main=refers("#x", "com.example.b", "com.example.b#y")), lexicon(B, x={"type": "token"}))
    assert sorted(problem.message.partition(": ")[2] for problem in found) == [
        "com.example.a refers to com.example.a#x, which com.example.a does not define",
        "com.example.a refers to com.example.b#y, which com.example.b does not define",
        "com.example.a refers to com.example.b, which com.example.b does not define",
    ]


def test_every_place_of_a_reference_is_looked_at() -> None:
    deep: Json = {"type": "array", "items": {"type": "object", "properties": {"a b": {"type": "ref", "ref": "#x"}}}}
    body: Json = {"encoding": "application/json", "schema": {"type": "ref", "ref": "#x"}}
    files = [
        lexicon("com.example.a", main={"type": "record", "key": "any", "record": unites("#x", "#y")}, deep=deep),
        lexicon("com.example.b", main={"type": "query", "output": body}),
        lexicon("com.example.c", main={"type": "procedure", "input": body, "output": body}),
    ]
    assert sorted(f"{problem.place} {problem.message.split(': ')[0]}" for problem in problems(*files)) == [
        'a.json $.defs.deep.items.properties["a b"].ref',
        "a.json $.defs.main.record.properties.one.refs[0]",
        "a.json $.defs.main.record.properties.one.refs[1]",
        "b.json $.defs.main.output.schema.ref",
        "c.json $.defs.main.input.schema.ref",
        "c.json $.defs.main.output.schema.ref",
    ]


@pytest.mark.parametrize(
    ("kind", "in_ref", "in_union"),
    [
        ({"type": "object"}, True, True),
        ({"type": "record", "key": "any", "record": {"type": "object"}}, True, True),
        ({"type": "string"}, True, False),
        ({"type": "array", "items": {"type": "string"}}, True, False),
        ({"type": "blob"}, True, False),
        ({"type": "cid-link"}, True, False),
        ({"type": "token"}, True, False),
        ({"type": "space"}, True, True),
        ({"type": "subscription", "message": {"schema": {"type": "union", "refs": []}}}, False, False),
        ({"type": "query"}, False, False),
        ({"type": "procedure"}, False, False),
    ],
    ids=repr,
)
def test_a_reference_goes_to_a_type_of_value_and_a_union_holds_objects(
    kind: Json, in_ref: bool, in_union: bool
) -> None:
    target = lexicon(B, main=kind)
    for allowed, user in ((in_ref, refers("com.example.b")), (in_union, unites("com.example.b"))):
        if allowed:
            assert link([target, lexicon(A, main=user)])
        else:
            (problem,) = problems(target, lexicon(A, main=user))
            assert "com.example.a refers to com.example.b, which is not" in problem.message


def test_a_lexicon_that_is_there_twice_is_an_error_that_names_both_files() -> None:
    once, twice = lexicon(A, main=refers()), ("copy/a.json", lexicon(A, main=refers())[1])
    (problem,) = problems(once, twice)
    assert (problem.code, problem.place) == ("duplicate-lexicon", Place("copy/a.json"))
    assert problem.message == "$.id: com.example.a is also in a.json"
    assert len(problems(once, twice, twice)) == 2


def test_references_may_go_to_known_lexicons_which_are_not_linked_again() -> None:
    known = link([lexicon(B, main=refers())])
    linked = link([lexicon(A, main=refers("com.example.b"))], known)
    assert list(linked.by_nsid) == [A]


def test_a_lexicon_may_stand_instead_of_a_known_one() -> None:
    known = link([lexicon(B, x={"type": "string"})])
    newer = lexicon(B, y={"type": "string"})
    assert link([newer, lexicon(A, main=refers("com.example.b#y"))], known).by_nsid[B] == newer[1]
    with pytest.raises(InvalidInput, match=r"com\.example\.b does not define"):
        link([newer, lexicon(A, main=refers("com.example.b#x"))], known)


def test_references_come_with_their_path_and_the_type_that_holds_them() -> None:
    found = list(references(lexicon(A, a=refers("#b"), b=unites("#a", "com.example.b"))[1]))
    assert sorted((path, str(name), type(owner)) for path, name, owner in found) == [
        (("defs", "a", "properties", "p0", "ref"), "com.example.a#b", Ref),
        (("defs", "b", "properties", "one", "refs", 0), "com.example.a#a", Union),
        (("defs", "b", "properties", "one", "refs", 1), "com.example.b", Union),
    ]


def test_only_records_are_found_as_records() -> None:
    record = lexicon(A, main={"type": "record", "key": "tid", "record": {"type": "object"}})
    linked = link([record, lexicon(B, main=refers())])
    found = linked.record(A)
    assert found is not None
    assert (found.key, found.record) == ("tid", Object())
    assert linked.record(B) is None
    assert linked.record(Nsid("com.example.absent")) is None


def test_a_reference_with_a_dot_for_a_hash_sign_has_a_hint() -> None:
    found = problems(lexicon(A, main=refers("com.example.b.leaf")), lexicon(B, leaf={"type": "string"}))
    assert [problem.hint for problem in found] == ["did you mean 'com.example.b#leaf'?"]
