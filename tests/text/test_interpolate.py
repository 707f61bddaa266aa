from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpub.errors import Usage
from atpub.text.document import parse
from atpub.text.interpolate import declare_variables, interpolate
from atpub.text.spans import Steps, Value

ENVIRON = {"X": "value", "EMPTY": "", "_a1": "low", "N": "1", "TRICKY": "${X} $$ : # {"}
ENVIRON["ATPUB_VARS"] = ",".join([*ENVIRON, "NO, NO_SUCH"])

TEXTS = {
    "${X}": "value",
    "a ${X}-${X} b": "a value-value b",
    "${EMPTY}": "",
    "${_a1}": "low",
    "${N}": "1",
    "${TRICKY}": "${X} $$ : # {",
    "${X:-default}": "value",
    "${NO:-default}": "default",
    "${EMPTY:-default}": "default",
    "${NO:-}": "",
    "${NO:-a: b, $c $$d}": "a: b, $c $d",
    "${NO:-$$}": "$",
    "$$": "$",
    "$$$$": "$$",
    "$${X}": "${X}",
    "$$${X}": "$value",
    "$$X": "$X",
    "$": "$",
    "$X": "$X",
    "a$": "a$",
    "$ref": "$ref",
    "$strongRef": "$strongRef",
    "$(x) $1 $ {X}": "$(x) $1 $ {X}",
    "}{": "}{",
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.items())
def test_references(text: str, expected: str) -> None:
    document = interpolate(parse(f"a: '{text}'\nb: ['{text}']", "x.yaml"), ENVIRON)
    assert document.problems == ()
    assert document.value == {"a": expected, "b": [expected]}


def test_only_strings_that_are_values_change_and_they_stay_strings() -> None:
    document = parse("${X}: ${N}\n$ref: {$$: [1, true, null, 1.5, '${EMPTY}']}", "x.yaml")
    assert interpolate(document, ENVIRON).value == {"${X}": "1", "$ref": {"$$": [1, True, None, 1.5, ""]}}


def test_the_document_itself_is_left_as_it_was() -> None:
    document = parse("a: ${X}", "x.yaml")
    interpolated = interpolate(document, ENVIRON)
    assert document.value == {"a": "${X}"}
    assert interpolated.place(("a",)) == document.place(("a",))


def test_what_is_skipped_stays_with_everything_inside() -> None:
    def skip(steps: Steps) -> bool:
        return steps[-1:] == ("id",) or steps[-1:] == ("raw",)

    document = parse("d: {id: '${NO}', name: '${X}', raw: [{a: '${NO}'}]}", "x.yaml")
    interpolated = interpolate(document, ENVIRON, skip=skip)
    assert interpolated.problems == ()
    assert interpolated.value == {"d": {"id": "${NO}", "name": "value", "raw": [{"a": "${NO}"}]}}


def test_skip_is_asked_with_the_steps_of_each_value() -> None:
    asked: list[Steps] = []

    def skip(steps: Steps) -> bool:
        asked.append(steps)
        return False

    interpolate(parse("a: {b: ['$$', plain]}", "x.yaml"), ENVIRON, skip=skip)
    assert asked == [(), ("a",), ("a", "b"), ("a", "b", 0)]


@pytest.mark.parametrize("text", ["a: $ref", "a: [1, x, {$strongRef: b}]", "", "a: ü"])
def test_a_file_without_references_is_the_same_document(text: str) -> None:
    document = parse(text, "x.yaml")
    assert interpolate(document, ENVIRON) is document


def test_a_reference_that_the_text_shows_only_once_unescaped_counts() -> None:
    assert interpolate(parse('a: "\\x24{X}"', "x.yaml"), ENVIRON).value == {"a": "value"}


PROBLEMS: list[tuple[str, str, int, int]] = [
    ("a: ${NO}", "unset-variable", 1, 4),
    ("é: 'é😀 ${NO}'", "unset-variable", 1, 8),
    ("a: 1\nb:\n  - ${X}\n  - x ${X} ${NO}", "unset-variable", 4, 12),
    ("a: |\n  $${NO}\n  x\n  y ${NO} ${X}\n", "unset-variable", 4, 5),
    ("a: >-\n  x\n  y ${NO}\n", "unset-variable", 3, 5),
    ("a: x\n  y ${NO}\n", "unset-variable", 2, 5),
    ("a: '$${NO} ${NO}'", "unset-variable", 1, 12),
    ("b: # ${NO}\n  ${NO}", "unset-variable", 2, 3),
    ('a: "\\x24{NO}"', "unset-variable", 1, 4),
    ("a: &x !!str ${NO}", "unset-variable", 1, 13),
    ("a: ${X-b}", "bad-variable", 1, 4),
    ("a: x ${}", "bad-variable", 1, 6),
    ("a: ${1X}", "bad-variable", 1, 4),
    ("a: ${X:?no}", "bad-variable", 1, 4),
    ("a: ${ X }", "bad-variable", 1, 4),
    ("a: ${X", "bad-variable", 1, 4),
    ("a: x ${NO:-${X}}", "bad-variable", 1, 6),
]


@pytest.mark.parametrize(("text", "code", "line", "column"), PROBLEMS)
def test_problems_have_exact_places(text: str, code: str, line: int, column: int) -> None:
    document = interpolate(parse(text, "x.yaml"), ENVIRON)
    (problem,) = [problem for problem in document.problems if problem.code != "yaml-tag"]
    assert problem.place is not None
    assert (problem.code, problem.place.line, problem.place.column) == (code, line, column)


def test_an_unset_variable_names_the_default_as_the_remedy() -> None:
    (problem,) = interpolate(parse("a: ${NO_SUCH}", "x.yaml"), ENVIRON).problems
    assert str(problem) == "x.yaml:1:4: the environment variable NO_SUCH is not set [unset-variable]"
    assert problem.hint == "set it, or give a default: `${NO_SUCH:-default}`"


SECRETS = [
    *("ATPUB_PASSWORD", "ATPUB_VARS", "ATPUB_PDS", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "API_KEY"),
    *("my_credentials", "KEY", "HF_TOKEN", "ATPUB_VAR_TOKEN", "SSH_AUTH_SOCK", "apikey"),
]


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("form", ["${%s}", "x ${%s:-default}"])
def test_no_secret_is_filled_in_even_where_it_is_declared(name: str, form: str) -> None:
    document = parse(f"a: {form % name}", "x.yaml")
    found = interpolate(document, declare_variables({name: "hunter2"}, [name]))
    assert [problem.code for problem in found.problems] == ["variable-is-secret"]
    assert found.value == document.value
    assert "hunter2" not in str(found.problems)


@pytest.mark.parametrize("form", ["${HOME}", "${HOME:-default}"])
def test_only_declared_variables_are_filled_in(form: str) -> None:
    document = parse(f"a: {form}", "x.yaml")
    found = interpolate(document, {"HOME": "hunter2"})
    (problem,) = found.problems
    assert str(problem) == "x.yaml:1:4: the variable HOME is not declared [variable-not-declared]"
    assert problem.hint == "declare it: --var HOME, or ATPUB_VARS=HOME in the environment"
    assert found.value == {"a": form}


@pytest.mark.parametrize(
    ("environ", "declarations", "value"),
    [
        ({"BUCKET": "b", "ATPUB_VARS": "OTHER, BUCKET"}, [], "b"),
        ({"BUCKET": "b"}, ["BUCKET"], "b"),
        ({"BUCKET": "b"}, ["BUCKET=c=d"], "c=d"),
        ({}, ["OTHER", "BUCKET="], ""),
        ({"ATPUB_VARS": "OTHER"}, ["BUCKET=b"], "b"),
    ],
)
def test_variables_are_declared(environ: dict[str, str], declarations: list[str], value: str) -> None:
    found = interpolate(parse("a: ${BUCKET}", "x.yaml"), declare_variables(environ, declarations))
    assert (found.value, found.problems) == ({"a": value}, ())


def test_a_prefix_declares_a_variable() -> None:
    assert interpolate(parse("a: ${ATPUB_VAR_X}", "x.yaml"), {"ATPUB_VAR_X": "b"}).value == {"a": "b"}


def test_ordinary_names_are_no_secrets() -> None:
    names = ["KEYWORDS", "TOKENIZER", "MONKEY", "PWD", "AUTHOR", "PASSENGERS", "PATH"]
    document = parse("a: " + " ".join(f"${{{name}}}" for name in names), "x.yaml")
    assert not interpolate(document, declare_variables({}, [f"{name}=x" for name in names])).problems


@pytest.mark.parametrize("declaration", ["", "=x", "1X=x", "A B", "A,B"])
def test_a_declaration_has_a_name(declaration: str) -> None:
    with pytest.raises(Usage):
        declare_variables({}, [declaration])


@pytest.mark.parametrize("names", ["=", "A=x", "A B", "A,1X"])
def test_the_listed_variables_have_names(names: str) -> None:
    with pytest.raises(Usage, match="ATPUB_VARS: a variable's name has letters"):
        declare_variables({"ATPUB_VARS": names}, [])
    with pytest.raises(Usage, match="ATPUB_VARS: "):
        interpolate(parse("a: ${A}", "x.yaml"), {"ATPUB_VARS": names})


def test_a_variable_is_reported_once_for_each_string() -> None:
    document = interpolate(parse("a: ${NO} ${NO}\nb: ${NO}", "x.yaml"), {})
    assert [str(problem.place) for problem in document.problems] == ["x.yaml:1:4", "x.yaml:2:4"]


def test_every_unset_variable_is_found_after_the_document_s_own_problems() -> None:
    document = parse("a: ${A}\na: 1\nb: [x, '${B} ${C}']", "x.yaml")
    found = [(problem.code, str(problem.place)) for problem in interpolate(document, {"ATPUB_VARS": "A,B,C"}).problems]
    assert found == [
        ("duplicate-key", "x.yaml:2:1"),
        ("unset-variable", "x.yaml:1:4"),
        ("unset-variable", "x.yaml:3:9"),
        ("unset-variable", "x.yaml:3:14"),
    ]


@pytest.mark.parametrize("text", ["${X:-" + "$" * 50_001, "${X:-" * 20_000, "${" * 50_000, "${X:-" + "a" * 100_000])
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()
    document = interpolate(parse(f"a: '{text}'", "x.yaml"), {})
    assert document.problems
    assert time.process_time() - started < 3


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x85\u2028\u2029\ufeff'"), max_size=30)
)
def test_doubling_every_dollar_gives_the_text_back(text: str) -> None:
    document = parse("a: '" + text.replace("$", "$$") + "'", "x.yaml")
    expected: Value = {"a": text}
    assert interpolate(document, ENVIRON).value == expected
