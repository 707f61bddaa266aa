"""Each kind of change: its code, whom it breaks, the version it needs, and the values that prove it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.atproto.lexicon.tables import read_yaml

from atpub.atproto.data import Json
from atpub.atproto.evolution.compare import compare_versions
from atpub.atproto.evolution.model import EFFECTS, LexiconChange, LexiconVersion
from atpub.atproto.evolution.rules import RULES
from atpub.atproto.evolution.witness import Root
from atpub.atproto.lexicon.formats import valid_key
from atpub.atproto.lexicon.link import link
from atpub.atproto.lexicon.model import (
    Array,
    BodyType,
    Lexicon,
    Lexicons,
    Name,
    Object,
    ProcedureType,
    QueryType,
    RecordType,
    Ref,
    String,
    SubscriptionType,
    Union,
    Unsupported,
)
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.lexicon.validate import judge, validate
from atpub.atproto.syntax import Nsid

FOLDER = Path(__file__).parent / "breaking"
NSID = Nsid("org.example.thing")
OTHERS: dict[str, Json] = {
    "leaf": {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
    "twin": {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
    "wide": {"type": "object", "properties": {"a": {"type": "string"}}},
    "other": {"type": "object", "required": ["b"], "properties": {"b": {"type": "integer"}}},
}
Case = dict[str, Any]


def cases() -> Iterator[Any]:
    for file in sorted(FOLDER.glob("*.yaml")):
        for case in read_yaml(file):
            yield pytest.param(case, id=f"{file.stem}: {case['name']}")


CASES = [*cases()]


def defs_of(where: str, kind: Any) -> Any:
    """The definitions of a lexicon in which a type is at that place."""
    field = {"type": "object", "required": ["field"], "properties": {"field": kind}}
    whole = kind if where in ("object", "input-object", "output-object", "parameters-object") else field
    body = {"encoding": "application/json", "schema": whole}
    match where.removesuffix("-object"):
        case "defs":
            return kind
        case "field" | "object":
            return {"main": {"type": "record", "key": "tid", "record": whole}, **OTHERS}
        case "parameters":
            return {"main": {"type": "query", "parameters": {**whole, "type": "params"}}}
        case "input":
            return {"main": {"type": "procedure", "input": body}}
        case "output":
            return {"main": {"type": "query", "output": body}}
        case _:
            return {"main": {"type": "subscription", "message": {"schema": kind}}, **OTHERS}


def version_of(where: str, kind: Any) -> LexiconVersion:
    defs = defs_of(where, kind)
    if not defs:
        return LexiconVersion({}, Lexicons({}))
    document: Json = {"lexicon": 1, "id": str(NSID), "defs": defs}
    return LexiconVersion({NSID: document}, link([("thing.json", parse(document, "thing.json"))]))


def versions_of(case: Case) -> dict[str, LexiconVersion]:
    return {side: version_of(case.get("where", "field"), case[side]) for side in ("old", "new")}


def compare_case(case: Case) -> list[LexiconChange]:
    versions = versions_of(case)
    return [*compare_versions(versions["old"], versions["new"])]


@pytest.mark.parametrize("case", CASES)
def test_verdict_direction_version_and_proof(case: Case) -> None:
    found = [
        {
            "code": change.code,
            "bump": change.bump,
            "breaks": [*change.breaks],
            **({} if change.is_proven else {"proven": False}),
            **shown(change),
        }
        for change in compare_case(case)
    ]
    assert found == case["changes"]


def shown(change: LexiconChange) -> Case:
    if not change.examples:
        return {}
    return {
        "of": change.examples[0].of,
        "examples": {example.accepted_by: example.value for example in change.examples},
    }


@pytest.mark.parametrize("case", [case for case in CASES if "examples" in str(case.values[0]["changes"])])
def test_one_version_accepts_the_example_and_the_other_refuses_it(case: Case) -> None:
    versions = versions_of(case)
    for change in case["changes"]:
        for side, value in change.get("examples", {}).items():
            other = "new" if side == "old" else "old"
            assert is_valid(versions[side], change["of"], value)
            assert not is_valid(versions[other], change["of"], value)


def is_valid(version: LexiconVersion, of: str, value: Json) -> bool:
    """Judge a value by the definition, the part of a method, or the type of record key that it is of."""
    part, _, name = of.rpartition(" of ")
    main = version.lexicons.find(Name(NSID))
    if of == "record key":
        assert isinstance(main, RecordType)
        return valid_key(main.key, str(value))
    if not part:
        return not validate(version.lexicons, Name(NSID, name.partition("#")[2] or "main"), value)
    assert isinstance(main, QueryType | ProcedureType | SubscriptionType)
    found = getattr(main, part)
    kind = found.schema or Unsupported() if isinstance(found, BodyType) else found
    return not judge(version.lexicons, of, kind, value)


def test_every_change_has_a_case_and_every_effect_a_proof() -> None:
    changes = [change for case in CASES for change in case.values[0]["changes"]]
    assert {change["code"] for change in changes} == {rule.code for rule in RULES}
    proven = {(change["bump"], tuple(change["breaks"])) for change in changes if "examples" in change}
    assert proven >= {*EFFECTS.values()}


def test_a_change_at_the_same_place_has_another_id() -> None:
    limits = (3, 4)
    case: Case = {"old": {"type": "string", "maxLength": 5}}
    first, second = (compare_case({**case, "new": {"type": "string", "maxLength": limit}})[0] for limit in limits)
    assert (first.code, first.path) == (second.code, second.path)
    assert first.id != second.id


def test_what_a_value_is_judged_by_is_work() -> None:
    """Each field is looked for, also where it is absent, and in what the value refers to."""
    part = Name(Nsid("org.lab.part"))
    wide = Object({f"f{number}": String() for number in range(10_000)})
    known = Lexicons({part.nsid: Lexicon(part.nsid, {"main": wide})})
    by_ref, by_union = Object({"inner": Array(Ref(part))}), Object({"inner": Array(Union((part,)))})
    root = Root(Name(NSID), (), {"old": by_ref, "new": by_union}, {"old": known, "new": known}, "thing")
    assert root.count_lookups({}) == 2
    assert root.count_lookups({"inner": [{"f1": ""}]}) == 2 + 10_000 + 0  # no member of the union
    member: Json = {"$type": "org.lab.part"}
    assert root.count_lookups({"inner": [member, member, member]}) == 2 + 3 * 10_000 + 3 * (1 + 10_000)


@pytest.mark.slow
def test_many_changes_of_a_large_object_take_little_time() -> None:
    """The smallest value that all examples vary is made once, and the search ends when much was tried."""
    names = [f"f{number}" for number in range(3_000)]
    sides: dict[str, Json] = {
        side: {
            "type": "object",
            "required": [*names],
            "properties": {name: {"type": "string", "maxLength": limit} for name in names},
        }
        for side, limit in (("old", 9), ("new", 8))
    }
    started = time.process_time()
    changes = compare_case({"where": "object", **sides})
    assert time.process_time() - started < 4
    assert (len(changes), len(changes[0].examples)) == (3_000, 1)


def test_a_long_chain_of_references_has_no_example() -> None:
    """A value of it would be nested too deeply; what stands at its end has one."""

    def link(number: int, **fields: Json) -> Json:
        following: Json = {"type": "ref", "ref": f"#d{number + 1}"}
        return {"type": "object", "required": ["next"], "properties": {"next": following, **fields}}

    def chain(limit: int) -> Json:
        text: Json = {"type": "string", "maxLength": limit}
        end: Json = {"type": "object", "required": ["text"], "properties": {"text": text}}
        links = [link(0, text=text), *map(link, range(1, 2_000)), end]
        return {f"d{number}": item for number, item in enumerate(links)}

    first, last = compare_case({"where": "defs", "old": chain(9), "new": chain(8)})
    assert (first.bump, first.is_proven) == ("major", False)
    assert (last.bump, last.is_proven) == ("major", True)
