"""`atpub lex lint`: every rule by an example that breaks it and one that does not, places, settings and formats."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lexrpc  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # only its lexicons are used
import pytest
from tests.cli.playground import Ran, write_files

from atpub.atproto.lexicon.link import NONE
from atpub.lexicon_tools.files import find_files
from atpub.lexicon_tools.lint import Ignored, lint
from atpub.lexicon_tools.rules import CODES, RULES
from atpub.problems import Problem

Atpub = Callable[..., Ran]
PUBLISHED = Path(lexrpc.__file__).parent / "lexicons"


def lexicon(nsid: str = "org.lab.note", **defs: Any) -> dict[str, Any]:
    return {"lexicon": 1, "id": nsid, "defs": defs}


def record(**properties: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "description": "A note.",
        "key": "tid",
        "record": {"type": "object", "properties": properties},
    }


def note(**properties: Any) -> dict[str, Any]:
    return lexicon(main=record(**properties))


def shared(**defs: Any) -> dict[str, Any]:
    return lexicon("org.lab.defs", **defs)


def string(**constraints: Any) -> dict[str, Any]:
    return {"type": "string", **constraints}


def method(kind: str, **more: Any) -> dict[str, Any]:
    name = "org.lab.getNote" if kind == "query" else "org.lab.putNote"
    output = {"encoding": "application/json"}
    return lexicon(name, main={"type": kind, "description": "Does it.", "output": output, **more})


def stream(nsid: str = "org.lab.subscribeNotes", refs: tuple[str, ...] = ("#part",)) -> dict[str, Any]:
    schema = {"type": "union", "refs": [*refs]}
    defs = {"part": OBJECT} if refs else {}
    main = {"type": "subscription", "description": "Notes.", "message": {"schema": schema}}
    return lexicon(nsid, main=main, **defs)


def permissions(*collections: str, **more: Any) -> dict[str, Any]:
    permission = {"type": "permission", "resource": "repo", "collection": [*collections]}
    return lexicon("org.lab.authBasic", main={"type": "permission-set", "permissions": [permission], **more})


def cursor(*given: str, returned: str) -> dict[str, Any]:
    parameters = {"type": "params", "properties": {name: {"type": "integer"} for name in given}}
    schema = {"type": "object", "properties": {returned: {"type": "integer"}}}
    return method("query", parameters=parameters, output={"encoding": "application/json", "schema": schema})


STRING = string(maxLength=100)
OBJECT = {"type": "object"}
ARRAY = {"type": "array", "items": STRING}
BYTES = {"type": "bytes"}
FIELD = {"type": "object", "properties": {"a": STRING}}
USED = {"type": "ref", "ref": "#part"}
QUERY = {"type": "query"}
ERRORS = [{"name": "not_found"}]

# By rule: lexicons that break it, and the like that do not.
CASES: Mapping[str, tuple[list[Any], list[Any]]] = {
    "json-syntax": (['{"lexicon": 1,}'], [note()]),
    "duplicate-key": (['{"lexicon": 1, "lexicon": 1}'], [note()]),
    "lexicon": ([lexicon()], [note()]),
    "unknown-type": ([note(a={"type": "colour"})], [note(a=STRING)]),
    "unknown-format": ([note(a=string(format="date-time"))], [note(a={**STRING})]),
    "unknown-word": (
        [note(a={**ARRAY, "minItems": 1})],
        [note(a=ARRAY)],
    ),
    "unexpected-field": ([note(a={**STRING, "example": "x"})], [note(a={**STRING, "$example": "x"})]),
    "missing-ref": ([note(a=USED)], [lexicon(main=record(a=USED), part=OBJECT)]),
    "token-ref": (
        [lexicon(main=record(a=USED), part={"type": "token", "description": "It."})],
        [lexicon(main=record(a=USED), part=OBJECT)],
    ),
    "duplicate-lexicon": ([note(), note(a=STRING)], [note(), lexicon("org.lab.other", main=record())]),
    "group-conflict": (
        [note(), lexicon("org.lab.note.part", main=record())],
        [note(), lexicon("org.lab.other", main=record())],
    ),
    "unused-definition": (
        [lexicon(main=record(), part=OBJECT)],
        [shared(part=OBJECT), lexicon(main=record(a=USED), part=OBJECT)],
    ),
    "def-name-syntax": (
        [shared(**{"my-part": OBJECT})],
        [shared(myPart=OBJECT)],
    ),
    "field-name-syntax": ([note(created_at=STRING)], [note(createdAt=STRING)]),
    "generic-name": ([lexicon("org.lab.default", main=record())], [note()]),
    "error-name-case": ([method("query", errors=ERRORS)], [method("query", errors=[{"name": "NotFound"}])]),
    "known-value-case": (
        [note(a={**STRING, "knownValues": ["inReview"]})],
        [note(a={**STRING, "knownValues": ["in-review", "org.lab.defs#inReview"]})],
    ),
    "plural-record": ([lexicon("org.lab.notes", main=record())], [lexicon("org.lab.status", main=record())]),
    "method-name": (
        [lexicon("org.lab.notes", main=method("query")["defs"]["main"])],
        [method("query"), method("procedure")],
    ),
    "subscription-name": ([stream("org.lab.noteStream")], [stream()]),
    "defs-main-definition": (
        [shared(main=OBJECT)],
        [shared(part=OBJECT)],
    ),
    "python-field-collision": ([note(banType=STRING, ban_type=STRING)], [note(banType=STRING, banTypes=STRING)]),
    "python-class-collision": (
        [shared(myPart=OBJECT, my_part=OBJECT)],
        [shared(myPart=OBJECT, myParts=OBJECT)],
    ),
    "missing-description": ([lexicon(main={**record(), "description": ""})], [note()]),
    "undescribed-token": (
        [shared(open={"type": "token"})],
        [shared(open={"type": "token", "description": "Open."})],
    ),
    "endpoint-output-undefined": (
        [lexicon("org.lab.putNote", main={"type": "procedure", "description": "Puts it."})],
        [method("procedure")],
    ),
    "subscription-no-messages": ([stream(refs=())], [stream()]),
    "pages": (
        [cursor("cursor", returned="cursor"), cursor("cursor", "limit", returned="x")],
        [cursor("cursor", "limit", returned="cursor")],
    ),
    "permissionset-no-title": ([permissions("org.lab.note")], [permissions("org.lab.note", title="Notes")]),
    "permissionset-no-permissions": ([permissions(permissions=[])], [permissions("org.lab.note")]),
    "outside-namespace": ([permissions("org.other.note")], [permissions("org.lab.note")]),
    "unlimited-string": ([note(a={"type": "string"})], [note(a=STRING, b=string(format="did"))]),
    "large-string": (
        [note(a=string(maxLength=20481))],
        [note(a=string(maxLength=20480))],
    ),
    "unlimited-bytes": ([note(a=BYTES)], [note(a={**BYTES, "maxLength": 9})]),
    "large-bytes": ([note(a={**BYTES, "maxLength": 20481})], [note(a={**BYTES, "maxLength": 20480})]),
    "grapheme-limit": (
        [
            note(a=string(maxGraphemes=64)),
            note(a=string(maxGraphemes=64, maxLength=63)),
        ],
        [note(a=string(maxGraphemes=64, maxLength=640))],
    ),
    "redundant-length": (
        [note(a=string(format="did", maxLength=9))],
        [note(a=string(format="uri", maxLength=9))],
    ),
    "closed-enum": ([note(a=string(enum=["a"]))], [note(a={**STRING, "knownValues": ["a"]})]),
    "closed-union": (
        [lexicon(main=record(a={"type": "union", "refs": ["#part"], "closed": True}), part=OBJECT)],
        [lexicon(main=record(a={"type": "union", "refs": ["#part"]}), part=OBJECT)],
    ),
    "default-true": ([note(a={"type": "boolean", "default": True})], [note(a={"type": "boolean", "default": False})]),
    "nullable-and-optional": (
        [shared(part={"type": "object", "properties": {"a": STRING}, "nullable": ["a"]})],
        [
            lexicon(
                "org.lab.defs",
                part={"type": "object", "properties": {"a": STRING}, "nullable": ["a"], "required": ["a"]},
            )
        ],
    ),
    "handle-in-record": (
        [note(a=string(format="handle"))],
        [shared(part={"type": "object", "properties": {"a": string(format="handle")}})],
    ),
    "known-string-local-ref": (
        [note(a={**STRING, "knownValues": ["#open"]})],
        [note(a={**STRING, "knownValues": ["open"]})],
    ),
}


def found(folder: Path, *documents: Any) -> list[Problem]:
    folder.mkdir(exist_ok=True)
    for index, document in enumerate(documents):
        text = document if isinstance(document, str) else json.dumps(document, indent=2)
        (folder / f"{index}.json").write_text(text)
    return list(lint(find_files([folder]), {}, NONE, Ignored()).problems)


def test_every_rule_has_its_cases() -> None:
    assert CASES.keys() == {*CODES}
    assert len(CODES) == len({*CODES})


@pytest.mark.parametrize("code", CODES)
def test_what_breaks_a_rule_is_found_and_nothing_else(code: str, tmp_path: Path) -> None:
    (rule,) = (rule for rule in RULES if rule.code == code)
    wrong, right = CASES[code]
    together = code in ("duplicate-lexicon", "group-conflict")
    for index, documents in enumerate([wrong] if together else [[document] for document in wrong]):
        problems = [problem for problem in found(tmp_path / f"wrong{index}", *documents) if problem.code == code]
        assert problems, documents
        assert {problem.severity for problem in problems} <= {rule.severity, "warning"}
        assert all(problem.place and problem.place.line for problem in problems)
    assert [problem for problem in found(tmp_path / "right", *right) if problem.code == code] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_each_rule_explains_itself(rule: Any) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.code)
    assert rule.summary.endswith(".")
    assert rule.example


@pytest.mark.slow
def test_the_published_lexicons_have_no_error() -> None:
    result = lint(find_files([PUBLISHED]), {}, NONE, Ignored())
    assert (result.files, result.errors) == (576, 0)
    counts = Counter(problem.code for problem in result.problems)
    counts.pop("unlimited-string")  # most of them: strings of requests and answers
    assert counts.total() < result.files / 2


def test_a_file_is_linted_beside_the_others(folder: Path, atpub: Atpub) -> None:
    write_files(
        folder,
        {
            "lexicons/note.json": json.dumps(note(a={"type": "ref", "ref": "org.lab.defs#part"})),
            "lexicons/defs.json": json.dumps(shared(part=OBJECT)),
        },
    )
    ran = atpub("lex", "lint", "lexicons/note.json")
    assert (ran.code, ran.out) == (0, "1 lexicon: nothing found.\n")
    assert atpub("lex", "lint").out == "2 lexicons: nothing found.\n"
    (folder / "lexicons/defs.json").unlink()
    ran = atpub("lex", "lint", "lexicons/note.json")
    assert (ran.code, "[missing-ref]" in ran.out) == (1, True)


def test_places_lines_and_hints(folder: Path, atpub: Atpub) -> None:
    write_files(folder, {"lexicons/note.json": json.dumps(note(text={"type": "string"}), indent=2)})
    ran = atpub("lex", "lint")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "lexicons/note.json:12:11: warning: $.defs.main.record.properties.text: a string of any length "
        "[unlimited-string]\n"
        '  12 |           "text": {\n'
        "     |           ^\n"
        "  hint: add maxLength, or a format\n"
        "1 lexicon: 1 warning.\n"
    )
    assert atpub("lex", "lint", "--strict").code == 1
    assert atpub("lex", "lint", "--strict", "--ignore", "unlimited-string").code == 0


SETTINGS = '[tool.atpub.lint]\nignore = ["unlimited-string"]\n'


def test_rules_are_ignored_by_the_settings_of_the_project(folder: Path, atpub: Atpub) -> None:
    text = json.dumps(note(a={"type": "string"}, created_at=STRING))
    other = json.dumps(lexicon("org.vendor.note", main=record(created_at=STRING)))
    write_files(folder, {"lexicons/note.json": text, "lexicons/vendor/note.json": other, "pyproject.toml": SETTINGS})
    assert Counter(problem["code"] for problem in atpub("lex", "lint", "--json").json["problems"]) == {
        "field-name-syntax": 2
    }
    write_files(folder, {"pyproject.toml": f'{SETTINGS}per-path = {{"lexicons/vendor" = ["field-name-syntax"]}}\n'})
    assert [problem["file"] for problem in atpub("lex", "lint", "--json").json["problems"]] == ["lexicons/note.json"]
    for pattern in ("lexicons/note.json:field-name-syntax", "lexicons/*.json:*", "lexicons:*", "./lexicons/:*"):
        assert atpub("lex", "lint", "--strict", "--ignore", pattern).code == 0
    write_files(folder, {"pyproject.toml": '[tool.atpub.lint]\nper-path = {"lexicons" = ["*"]}\n'})
    assert atpub("lex", "lint", "--strict").out == "2 lexicons: nothing found.\n"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('ignore = ["no-rule"]', "tool.atpub.lint.ignore: there is no rule 'no-rule'"),
        ('ignore = "unlimited-string"', "tool.atpub.lint.ignore: expected a list of strings"),
        ("ignored = []", "tool.atpub.lint.ignored: there is no such setting"),
        ("per-path = []", "tool.atpub.lint.per-path: expected a table"),
        ('per-path = {"a" = ["no-rule"]}', "tool.atpub.lint.per-path.a: there is no rule 'no-rule'"),
    ],
)
def test_wrong_settings(settings: str, message: str, folder: Path, atpub: Atpub) -> None:
    write_files(
        folder, {"lexicons/note.json": json.dumps(note()), "pyproject.toml": f"[tool.atpub.lint]\n{settings}\n"}
    )
    ran = atpub("lex", "lint")
    assert (ran.code, message in ran.err) == (3, True), ran.err
    assert "pyproject.toml" in ran.err


def test_wrong_usage(folder: Path, atpub: Atpub) -> None:
    assert "lexicons does not exist" in atpub("lex", "lint").err
    write_files(folder, {"lexicons/note.json": json.dumps(note())})
    ran = atpub("lex", "lint", "--ignore", "unlimited-strings")
    assert (ran.code, "did you mean" in ran.err) == (64, True)
    assert atpub("lex", "lint", "--ignore", "*").code == 64
    assert atpub("lex", "lint", "nowhere").code == 64


def test_hostile_files(folder: Path, atpub: Atpub) -> None:
    """Every file gets a verdict of its own, and none is read that leads out of its folder."""
    deep = "[" * 5000 + "]" * 5000
    write_files(folder, {"lexicons/deep.json": deep, "lexicons/empty.json": "", "secret.json": "{}"})
    (folder / "lexicons/binary.json").write_bytes(bytes(range(256)))
    with (folder / "lexicons/huge.json").open("wb") as stream:
        stream.truncate(33 * 1024 * 1024)
    (folder / "lexicons/out.json").symlink_to(folder / "secret.json")
    (folder / "lexicons/esc.json").write_text(json.dumps(note(**{"\x1b[31m": STRING})))
    ran = atpub("lex", "lint", "--json")
    assert ran.code == 1
    assert {problem["code"] for problem in ran.json["problems"]} == {
        *("json-syntax", "not-utf8", "too-large", "outside-folder", "field-name-syntax"),
    }
    for form in ("text", "github"):
        assert "\x1b" not in atpub("lex", "lint", "--format", form).out


def test_annotations_of_github_are_escaped(folder: Path, atpub: Atpub) -> None:
    write_files(folder, {"lexicons/a,b.json": json.dumps(note(**{"a::b\n::error::x%": STRING}), indent=2)})
    ran = atpub("lex", "lint", "--format", "github")
    assert ran.out.startswith("::warning file=lexicons/a%2Cb.json,line=12,col=11,title=field-name-syntax::")
    (line,) = ran.out.splitlines()
    assert line.split("::", 2)[2].startswith('$.defs.main.record.properties["a::b')


def test_sarif(folder: Path, atpub: Atpub) -> None:
    write_files(folder, {"lexicons/a b.json": json.dumps(note(a={"type": "string"}), indent=2)})
    (run,) = atpub("lex", "lint", "--format", "sarif").json["runs"]
    (result,) = run["results"]
    assert result["ruleId"] == "unlimited-string"
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "lexicons/a%20b.json"},
        "region": {"startLine": 12, "startColumn": 11},
    }
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [*CODES]


def test_the_rules_are_listed(atpub: Atpub) -> None:
    assert [rule["code"] for rule in atpub("lex", "lint", "--rules", "--json").json["rules"]] == [*CODES]
    ran = atpub("lex", "lint", "--rules")
    assert (ran.code, ran.err) == (0, "")
    assert all(f"{rule.code} ({rule.severity}): {rule.summary}" in ran.out for rule in RULES)


def test_an_extension_too_deep_for_places_hides_no_other_file(folder: Path, atpub: Atpub) -> None:
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    write_files(folder, {"lexicons/a.json": json.dumps({**note(a=string()), "$x": deep}), "lexicons/b.json": "{}"})
    ran = atpub("lex", "lint")
    assert ran.code == 1
    assert "lexicons/a.json: warning: $.defs.main.record.properties.a: " in ran.out
    assert "lexicons/b.json:1:1: error: $: expected a lexicon" in ran.out
