"""Lexicon files: what each kind of mistake is called, and that no file whatever does more than be refused."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from tests.atproto.lexicon.strategies import JSON, LEXICON
from tests.atproto.lexicon.tables import THING, lexicon, table

from atpub.atproto import data
from atpub.atproto.data import Json
from atpub.atproto.lexicon.model import (
    Array,
    BlobType,
    BodyType,
    Boolean,
    Bytes,
    CidLinkType,
    Integer,
    Lexicon,
    Name,
    Object,
    ProcedureType,
    QueryType,
    RecordType,
    Ref,
    String,
    SubscriptionType,
    Token,
    Type,
    Union,
    Unknown,
    Unsupported,
)
from atpub.atproto.lexicon.parse import DEEPEST, parse
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidInput
from atpub.problems import Place, Problem

CASES = [
    pytest.param(
        case["lexicon"] if "lexicon" in case else lexicon(case["defs"]),
        case["says"],
        id=f"{title}: {json.dumps(case.get('lexicon', case.get('defs')))[:100]}",
    )
    for title, cases in table("parse.yaml").items()
    for case in cases
]
OURS = sorted((Path(__file__).parents[3] / "lexicons").rglob("*.json"))


def problems(document: Json) -> tuple[Problem, ...]:
    """Everything that is wrong or doubtful with a lexicon; nothing but InvalidInput may come of one."""
    try:
        return parse(document, "thing.json").warnings
    except InvalidInput as error:
        return error.problems


def said(document: Json) -> list[str]:
    found = problems(document)
    assert all(problem.place == Place("thing.json") for problem in found)
    return [problem.message for problem in found]


@pytest.mark.parametrize(("document", "says"), CASES)
def test_each_mistake_is_named_with_its_path(document: Json, says: list[str]) -> None:
    assert said(document) == says


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_the_lexicons_of_this_project_can_be_read(path: Path) -> None:
    found = parse(data.loads(path.read_bytes()), path.name)
    assert found.id.endswith(path.stem)
    assert found.definitions


def test_every_type_becomes_its_class() -> None:
    document = lexicon(
        {
            "main": {
                "type": "record",
                "key": "literal:self",
                "description": "m",
                "record": {
                    "type": "object",
                    "description": "r",
                    "required": ["a", "b"],
                    "nullable": ["b"],
                    "properties": {
                        "a": {"type": "boolean", "const": False, "description": "a"},
                        "b": {"type": "integer", "minimum": 0, "maximum": 9, "enum": [1, 2], "default": 1},
                        "c": {"type": "bytes", "minLength": 0, "maxLength": 9},
                        "d": {"type": "cid-link", "description": "d"},
                        "e": {"type": "blob", "accept": ["image/*"], "maxSize": 9},
                        "f": {"type": "array", "items": {"type": "unknown"}, "minLength": 1, "maxLength": 9},
                        "g": {"type": "ref", "ref": "#g"},
                        "h": {"type": "ref", "ref": "com.example.other"},
                        "i": {"type": "union", "refs": ["#g", "com.example.other#x", "#main"], "closed": True},
                        "j": {"type": "string", "default": "", "knownValues": ["k"]},
                    },
                },
            },
            "g": {
                "type": "string",
                "format": "uri",
                "minLength": 1,
                "maxLength": 9,
                "minGraphemes": 2,
                "maxGraphemes": 8,
                "enum": ["a:b"],
                "const": "a:b",
                "description": "g",
            },
            "t": {"type": "token", "description": "t"},
        }
    )
    other, here = Nsid("com.example.other"), Name(THING, "g")
    properties: dict[str, Type] = {
        "a": Boolean(const=False, description="a"),
        "b": Integer(0, 9, (1, 2), default=1),
        "c": Bytes(0, 9),
        "d": CidLinkType("d"),
        "e": BlobType(("image/*",), 9),
        "f": Array(Unknown(), 1, 9),
        "g": Ref(here),
        "h": Ref(Name(other)),
        "i": Union((here, Name(other, "x"), Name(THING)), closed=True),
        "j": String(default="", known_values=("k",)),
    }
    assert parse(document, "thing.json") == Lexicon(
        THING,
        {
            "main": RecordType("literal:self", Object(properties, frozenset("ab"), frozenset("b"), "r"), "m"),
            "g": String("uri", 1, 9, 2, 8, ("a:b",), (), "a:b", None, "g"),
            "t": Token("t"),
        },
    )


def test_methods_become_their_classes() -> None:
    params: Json = {"type": "params", "required": ["a"], "properties": {"a": {"type": "string"}}}
    taken: Json = {"encoding": "application/json", "schema": {"type": "ref", "ref": "#in"}, "description": "i"}
    given: Json = {"encoding": "*/*"}
    errors: Json = [{"name": "Bad", "description": "x"}, {"name": "Worse"}]
    method: dict[str, Json] = {"parameters": params, "output": given, "errors": errors, "description": "d"}
    parameters = Object({"a": String()}, frozenset("a"))
    assert parse(lexicon({"main": {"type": "query", **method}}), "").main == QueryType(
        parameters, BodyType("*/*"), {"Bad": "x", "Worse": ""}, "d"
    )
    assert parse(lexicon({"main": {"type": "procedure", **method, "input": taken}}), "").main == ProcedureType(
        parameters,
        BodyType("application/json", Ref(Name(THING, "in")), "i"),
        BodyType("*/*"),
        {"Bad": "x", "Worse": ""},
        "d",
    )
    assert parse(lexicon({"main": {"type": "query"}}), "").main == QueryType(Object())


def test_definitions_and_properties_keep_their_order() -> None:
    properties: Json = {name: {"type": "string"} for name in "zebra"}
    found = parse(lexicon({"z": {"type": "object", "properties": properties}, "a": {"type": "token"}}), "")
    assert list(found.definitions) == ["z", "a"]
    z = found.definitions["z"]
    assert isinstance(z, Object)
    assert list(z.properties) == list("zebra")


def test_what_is_only_checked_is_not_kept() -> None:
    bundle: Json = {"type": "permission-set", "permissions": []}
    assert parse(lexicon({"main": bundle, "a": {"type": "token"}}), "").definitions == {"a": Token()}


def test_a_subscription_keeps_its_messages() -> None:
    message: Json = {"schema": {"type": "union", "refs": ["#a"]}}
    stream: Json = {"type": "subscription", "message": message, "errors": [{"name": "Late"}], "description": "d"}
    found = parse(lexicon({"main": stream, "a": {"type": "object"}}), "")
    assert found.main == SubscriptionType(Object(), Union((Name(THING, "a"),)), {"Late": ""}, "d")


def test_what_atpub_does_not_know_is_passed_over_with_a_warning() -> None:
    space: Json = {"type": "space", "key": "literal:self"}
    part: Json = {"type": "object", "properties": {"where": {"type": "space-ref", "description": "d"}}}
    found = parse(lexicon({"main": space, "part": part}), "thing.json")
    assert found.main == Unsupported("space")
    assert found.definitions["part"] == Object({"where": Unsupported("space-ref", "d")})
    assert [(warning.severity, warning.code, warning.message) for warning in found.warnings] == [
        ("warning", "unknown-type", "$.defs.main.type: 'space' is a type that atpub does not know: passed over"),
        (
            *("warning", "unknown-type"),
            "$.defs.part.properties.where.type: 'space-ref' is a type that atpub does not know: passed over",
        ),
    ]


def test_all_mistakes_are_found_at_once() -> None:
    document: Json = {
        "lexicon": 2,
        "id": "a.b.c",
        "defs": {"a": {"type": "array"}, "b c": {"type": "string", "format": "x"}},
    }
    assert len(said(document)) == 4


# Text


def test_whole_floats_in_json_are_integers() -> None:
    text = '{"lexicon": 1.0, "id": "a.b.c", "defs": {"a": {"type": "integer", "maximum": 1e2}}}'
    assert parse(data.loads(text), "").definitions == {"a": Integer(maximum=100)}
    with pytest.raises(InvalidInput, match="expected an integer, found a float"):
        parse(data.loads(text.replace("1e2", "1.5")), "")


# Hostile files


@pytest.mark.parametrize(
    "nsid", ["com.example.thing/../../../etc/passwd", "..", "com.example...", "/com/example/thing", "a\0.b.c"]
)
def test_a_name_cannot_leave_its_folder(nsid: str) -> None:
    assert said({"lexicon": 1, "id": nsid, "defs": {"a": {"type": "token"}}}) == [f"$.id: {nsid!r} is not a valid NSID"]


def test_a_message_shows_no_control_characters_and_not_all_of_a_long_text() -> None:
    name = "\x1b[31m" + "x" * 10_000 + "\ud800"
    document = lexicon({name: {"type": name, "properties": {name: 1}}, "b": {"type": "ref", "ref": name}})
    for message in said(document):
        assert message.isprintable()
        assert len(message) < 400


@pytest.mark.slow
def test_ten_thousand_properties_are_read_in_a_moment() -> None:
    names = [f"p{number}" for number in range(10_000)]
    properties: Json = {name: {"type": "string"} for name in names}
    found = parse(lexicon({"a": {"type": "object", "properties": properties, "required": list(names)}}), "")
    assert found.definitions["a"] == Object({name: String() for name in names}, frozenset(names))
    assert len(said(lexicon({"a": {"type": "object", "required": list(names)}}))) == 10_000


@pytest.mark.parametrize("levels", [DEEPEST, 1_000, 100_000])
@pytest.mark.parametrize("kind", ["array", "object"])
def test_a_type_that_nests_without_end_is_refused(levels: int, kind: str) -> None:
    inner: Json = {"type": "string"}
    for _ in range(levels):
        inner = {"type": "array", "items": inner} if kind == "array" else {"type": "object", "properties": {"a": inner}}
    (message,) = said(lexicon({"a": inner}))
    assert message.endswith(f": nested deeper than {DEEPEST} levels")


def test_a_type_may_nest_as_deep_as_is_sensible() -> None:
    inner: Json = {"type": "string"}
    for _ in range(30):
        inner = {"type": "object", "properties": {"a": inner}}
    assert said(lexicon({"a": inner})) == []


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(LEXICON | JSON)
@example({"lexicon": 1, "id": "a.b.c", "defs": {"main": None}})
def test_any_value_is_a_lexicon_or_invalid_input(part: Json) -> None:
    for document in (
        part,
        lexicon(part),
        lexicon({"main": part}),
        lexicon({"a": part, "b": {"type": "array", "items": part}}),
    ):
        assert all(message.startswith("$") for message in said(document))


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(LEXICON, LEXICON)
def test_any_part_of_a_primary_definition_may_be_nonsense(part: Json, other: Json) -> None:
    kinds = ("record", "query", "procedure", "subscription", "permission-set")
    keys = (
        "key",
        "record",
        "parameters",
        "input",
        "output",
        "message",
        "errors",
        "permissions",
        "title:lang",
        "detail",
    )
    for kind in kinds:
        said(lexicon({"main": {"type": kind, **dict.fromkeys(keys, part)}}))
        said(
            lexicon(
                {
                    "main": {
                        "type": kind,
                        **{key: {"type": "object", "schema": part, "properties": other} for key in keys},
                    }
                }
            )
        )


@settings(deadline=None)
@given(JSON)
def test_any_json_is_a_lexicon_or_invalid_input(value: Json) -> None:
    with pytest.raises(InvalidInput):
        parse(value, "x.json")


@pytest.mark.parametrize("key", ["const", "default", "enum", "knownValues"])
def test_half_of_a_surrogate_pair_is_no_value(key: str) -> None:
    value: Json = ["a", "\ud800"] if key in ("enum", "knownValues") else "\ud800"
    document: Json = {"lexicon": 1, "id": "a.b.c", "defs": {"main": {"type": "string", key: value}}}
    with pytest.raises(InvalidInput) as caught:
        parse(document, "a.json")
    (problem,) = caught.value.problems
    assert problem.message == (
        f"$.defs.main.{key}: '\\ud800' holds half of a surrogate pair, which is not Unicode text"
    )


def test_half_of_a_surrogate_pair_is_no_name_of_a_field() -> None:
    properties: Json = {"\ud800": {"type": "string"}}
    document: Json = {"lexicon": 1, "id": "a.b.c", "defs": {"main": {"type": "object", "properties": properties}}}
    with pytest.raises(InvalidInput, match=r"\$.defs.main.properties: '\\ud800' holds half of a surrogate pair"):
        parse(document, "a.json")


@pytest.mark.parametrize(
    ("definition", "severity", "hint"),
    [
        ({"type": "string", "format": "date-time"}, "warning", "did you mean 'datetime'?"),
        ({"type": "string", "format": "space-ref"}, "warning", ""),
        ({"type": "number"}, "error", "did you mean 'integer'?"),
        ({"type": "float"}, "error", "did you mean 'integer'?"),
        ({"type": "int"}, "warning", "did you mean 'integer'?"),
        (
            {"type": "object", "properties": {}, "additionalProperties": False},
            "warning",
            "every object may have fields that its lexicon does not name",
        ),
        ({"type": "string", "pattern": "a+"}, "warning", "use a format, an enum, or lengths"),
    ],
)
def test_words_of_other_languages_have_hints(definition: Json, severity: str, hint: str) -> None:
    (problem,) = problems(lexicon({"a": definition}))
    assert (problem.severity, problem.hint) == (severity, hint)


def test_the_authority_of_a_lexicon_has_at_most_253_characters() -> None:
    longest = f"{'.'.join(['a' * 50] * 4)}.{'b' * 49}"
    assert not problems({"lexicon": 1, "id": f"{longest}.c", "defs": {"a": {"type": "token"}}})
    found = said({"lexicon": 1, "id": f"{longest}b.c", "defs": {"a": {"type": "token"}}})
    assert found == ["$.id: the authority of an NSID, all but its name, has at most 253 characters"]
