"""No decision hangs on the text of a message: with every message and hint replaced, all else stays the same.

Every message of ours becomes its code, and every hint becomes `x`, before anything else sees it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from yaml.error import MarkedYAMLError, YAMLError

from atpub.atproto.data import Json, NotInDataModel
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.lexicon.validate import validate
from atpub.atproto.lexicon.violation import Violation
from atpub.atproto.syntax import SyntaxViolation
from atpub.cli.main import run
from atpub.engine.audit.verify import InventoryFinding, verify
from atpub.engine.plan.model import Refusal
from atpub.engine.plan.serialize import plan_document
from atpub.errors import AtpubError, InvalidInput
from atpub.generated import LEXICONS
from atpub.manifest.lexicon_files import read_folders
from atpub.problems import Problem
from atpub.text import yaml_errors
from atpub.text.document import parse_source
from atpub.text.source import Source
from atpub.text.yaml_errors import syntax_problem
from tests.atproto.lexicon.tables import MAIN, lexicon, linked, table
from tests.cli.test_bad_input import Case, prepare
from tests.cli.test_bad_input import cases as bad_input
from tests.engine.audit.inventories import live
from tests.engine.audit.test_verify import WRONG
from tests.engine.plan.test_plan_table import World
from tests.engine.plan.test_plan_table import cases as plans
from tests.engine.plan.worlds import write_data

pytestmark = pytest.mark.slow

VALUES = [
    pytest.param(group["defs"], case["value"], id=f"{title}: {json.dumps(case['value'])[:80]}")
    for title, group in table("validate.yaml").items()
    for case in group["cases"]
    if case.get("breaks")
]
LEXICON_FILES = [
    pytest.param(case["lexicon"] if "lexicon" in case else lexicon(case["defs"]), id=f"{title} {number}")
    for title, cases in table("parse.yaml").items()
    for number, case in enumerate(cases)
]
WORDS = ("message", "hint", "effect")


# The replacement


def _replace_words(patch: pytest.MonkeyPatch, kind: type, code: str) -> None:
    """Let a class with fields for words hold its code, and `x` for a hint, from the beginning."""
    build: Any = vars(kind)["__init__"]
    names: tuple[str, ...] = tuple(kind.__dataclass_fields__)  # type: ignore[attr-defined]

    def reworded(self: object, *values: object, **named: object) -> None:
        given = {**dict(zip(names, values, strict=False)), **named}
        shorter = {name: "x" for name in ("hint", "effect") if given.get(name)}
        build(self, **{**given, **shorter, "message": given[code]})

    patch.setattr(kind, "__init__", reworded)


def _say_code(self: ValueError, *_: object) -> None:
    ValueError.__init__(self, "code")


@contextmanager
def no_words() -> Generator[None]:
    """Replace the words of problems, violations, refusals, findings and exceptions."""
    with pytest.MonkeyPatch.context() as patch:
        for kind, code in ((Problem, "code"), (Violation, "rule"), (Refusal, "code"), (InventoryFinding, "code")):
            _replace_words(patch, kind, code)
        build = AtpubError.__init__

        def reworded(self: AtpubError, message: str, *, hint: str = "") -> None:
            del message
            build(self, self.code, hint="x" if hint else "")

        patch.setattr(AtpubError, "__init__", reworded)
        for exception in (NotInDataModel, SyntaxViolation):
            patch.setattr(exception, "__init__", _say_code)
        yield


@contextmanager
def words() -> Generator[None]:
    """Leave everything as it is."""
    yield


def without_words(value: Json) -> Json:
    """Return JSON without messages and hints; only whether there is one stays."""
    match value:
        case dict():
            return {key: bool(item) if key in WORDS else without_words(item) for key, item in value.items()}
        case list():
            return [without_words(item) for item in value]
        case _:
            return value


def test_the_words_are_gone() -> None:
    with no_words():
        assert (Problem("a", "text", hint="text").message, Problem("a", "text", hint="text").hint) == ("a", "x")
        assert Problem("a", "text").hint == ""
        assert str(Violation(("b",), "rule", "text", "lab.a")) == "$.b: rule (rule; lab.a)"
        assert (AtpubError("text", hint="text").message, AtpubError("text").hint) == ("error", "")
    assert Problem("a", "text").message == "text"


# The tables


@pytest.mark.parametrize("case", list(bad_input()))
def test_bad_input(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code and JSON of a run: codes, places, severities and their order."""
    monkeypatch.chdir(tmp_path)
    args = [*prepare(case, tmp_path, monkeypatch), "--json"]

    def found(wording: Callable[[], AbstractContextManager[None]]) -> tuple[int, Any]:
        capsys.readouterr()
        with wording():
            code = run(args)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, without_words(json.loads(printed.out))

    assert found(no_words) == found(words)


@pytest.mark.parametrize(("defs", "value"), VALUES)
def test_values_that_break_a_lexicon(defs: Json, value: Json) -> None:
    def found() -> list[tuple[object, ...]]:
        return [(item.path, item.rule, item.schema, item.detail) for item in validate(linked(defs), MAIN, value)]

    with no_words():
        reworded = found()
    assert reworded == found()


@pytest.mark.parametrize("document", LEXICON_FILES)
def test_lexicons_with_mistakes(document: Json) -> None:
    def found() -> list[tuple[object, ...]]:
        try:
            problems = parse(document, "a.json").warnings
        except InvalidInput as error:
            problems = error.problems
        return [(item.code, item.place, item.severity, item.path) for item in problems]

    with no_words():
        reworded = found()
    assert reworded == found()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan")
    write_data(folder)
    return folder


@pytest.mark.parametrize("case", list(plans()))
def test_plans(case: Any, data: Path) -> None:
    """The plan as JSON: its digest, every change, upload and refusal, the cost."""
    with no_words():
        reworded = plan_document(World(case, data).plan)
    assert without_words(reworded) == without_words(plan_document(World(case, data).plan))


@pytest.mark.parametrize("name", WRONG)
def test_inventories_that_are_wrong(name: str) -> None:
    def found() -> list[tuple[object, ...]]:
        findings = verify(live(*WRONG[name][0]), "ours").findings
        return [(item.code, item.uri, bool(item.message), bool(item.hint)) for item in findings]

    with no_words():
        reworded = found()
    assert reworded == found()


# Beyond the tables

NO_YAML = [
    *(
        "\ta: 1",
        "a: @b",
        "a: *",
        "a: &",
        "a: b: c",
        'a: "b',
        "a: 'b\n---\n",
        "a: [b\nc: d",
        "a: [b",
        "a: {b",
        "a: {b: [}",
    ),
    *(
        'a: "\\q"',
        'a: "\\x1"',
        'a: "b" c',
        "a: b\n  c: d",
        "- a\nb",
        "a: ]",
        "a\nb: c",
        '"a"\nb: c',
        "[a]\nb: c",
        "a: b\nc",
    ),
    *(
        "a: !e!x b",
        "a: &b !e!x c",
        "a: !",
        "{}!",
        "a: !!",
        "%YAML 3.0\n---\na",
        "%YAML",
        "%a b\n",
        "%x{",
        "a: |x",
        "a: |\n\tb",
    ),
]


@pytest.mark.parametrize("text", NO_YAML)
def test_what_libyaml_says_costs_a_friendlier_message_alone(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> list[tuple[object, ...]]:
        try:
            read = parse_source(Source("a.yaml", text))
        except InvalidInput as error:
            return [(item.code, item.place, bool(item.message), bool(item.hint)) for item in error.problems]
        return [(item.code, item.place) for item in read.problems]

    def reworded(error: YAMLError, source: Source) -> Problem:
        assert isinstance(error, MarkedYAMLError)
        error.problem, error.context = "other words", "other words" if error.context else None
        return syntax_problem(error, source)

    known = found()
    monkeypatch.setattr(yaml_errors, "syntax_problem", reworded)
    assert found() == known
    assert known


@pytest.mark.parametrize("wording", [words, no_words])
def test_a_reference_to_a_broken_lexicon_is_no_second_error(
    wording: Callable[[], AbstractContextManager[None]], tmp_path: Path
) -> None:
    refers = {"type": "object", "properties": {"x": {"type": "ref", "ref": "org.lab.b"}}}
    (tmp_path / "a.json").write_text(json.dumps({"lexicon": 1, "id": "org.lab.a", "defs": {"main": refers}}))
    (tmp_path / "b.json").write_text(json.dumps({"lexicon": 1, "id": "org.lab.b", "defs": {}}))
    with wording(), pytest.raises(InvalidInput) as caught:
        read_folders([tmp_path], LEXICONS.lexicons)
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert problem.place.file == str(tmp_path / "b.json")
