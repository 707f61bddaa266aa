"""Problems, sizes and numbers in words."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.cells import cell_len

from atpub.atproto.syntax import Cid
from atpub.engine.plan.build import plan_manifest
from atpub.engine.plan.model import Upload
from atpub.errors import AtpubError, Declined, InvalidInput, StaleFiles
from atpub.problems import Place, Problem
from atpub.report.html import plan_html
from atpub.report.outcomes import halted_text
from atpub.report.problems import error_json, error_text, problem_json, problems_text
from atpub.report.style import BOLD, PLAIN, RED, Style
from atpub.repository.model import LOCAL_DID, Live
from atpub.suggest import pluralize, size

HERE = Place("atpub.yaml", 12, 8, "  tags: 5")


def test_a_problem_points_at_its_column() -> None:
    text = problems_text([Problem("wrong-type", "expected a list", HERE, "write [5]")])
    assert text.splitlines() == [
        "atpub.yaml:12:8: error: expected a list [wrong-type]",
        "  12 |   tags: 5",
        "     |        ^",
        "  hint: write [5]",
    ]
    assert text.splitlines()[1].index("5", 5) - 1 == text.splitlines()[2].index("^")


def test_a_problem_without_a_line_and_one_without_a_place() -> None:
    text = problems_text([Problem("b", "nowhere"), Problem("a", "somewhere", Place("x.tar"), severity="warning")])
    assert text.splitlines() == ["error: nowhere [b]", "x.tar: warning: somewhere [a]"]


def test_problems_come_by_file_line_and_column() -> None:
    places = [Place("b", 1, 1), Place("a", 10, 1), Place("a", 9, 5), Place("a", 9, 4), Place("a")]
    text = problems_text([Problem("x", "wrong", place) for place in places])
    assert [line.split(": ")[0] for line in text.splitlines()] == ["a", "a:9:4", "a:9:5", "a:10:1", "b:1:1"]


def test_equal_problems_are_grouped() -> None:
    alike = [
        Problem("no-schema", f"no schema {number}", Place("a", number, 1), "name one") for number in range(1, 1001)
    ]
    other = Problem("no-schema", "no schema at all", Place("b", 1, 1), "add a schema")
    lines = problems_text([*alike, other]).splitlines()
    assert len(lines) == 23
    assert lines[-3] == "b:1:1: error: no schema at all [no-schema]"
    assert lines[-1] == "error: … and 990 more like this [no-schema]; -v shows all"
    assert problems_text([*alike, other], Style(is_long=True)).count("no schema") == 1001


@pytest.mark.parametrize("column", [1, 15, 60, 119])
def test_a_long_line_is_shown_around_its_column(column: int) -> None:
    text = "".join(chr(ord("a") + number % 26) for number in range(119))
    problem = Problem("x", "wrong", Place("a.yaml", 7, column, text))
    _, excerpt, mark = problems_text([problem], Style(width=60)).splitlines()
    assert len(excerpt) <= 60
    assert excerpt[mark.index("^")] == text[column - 1]
    assert ("…" in excerpt[:7], "…" in excerpt[-1:]) == (column > 40, column < 80)


@pytest.mark.parametrize("width", [None, 40, 80])
@pytest.mark.parametrize("before", ["手書き数字, ", "手書き数字, " * 10, "e\u0301tudes, ", "études: "])
def test_the_caret_is_below_a_character_after_wide_ones(before: str, width: int | None) -> None:
    place = Place("a.yaml", 7, len(before) + 1, f"{before}!: 1")
    *_, line, caret = problems_text([Problem("x", "wrong", place)], Style(width=width)).splitlines()
    assert cell_len(line[: line.index("!")]) == caret.index("^")
    assert width is None or cell_len(line) <= width


def test_totals_count_errors_and_warnings() -> None:
    one = Problem("x", "wrong")
    doubt = Problem("y", "doubtful", severity="warning")
    assert error_text(InvalidInput((one,))).splitlines()[-1] == "1 error"
    assert error_text(InvalidInput((one, one, doubt))).splitlines()[-1] == "2 errors, 1 warning"
    assert error_json(InvalidInput((one, doubt, doubt)))["error"] == {
        "code": "invalid-input",
        "message": "1 error, 2 warnings",
        "hint": "",
        "problems": [problem_json(one), problem_json(doubt), problem_json(doubt)],
    }


def test_names_of_generated_files_stand_on_lines_of_their_own() -> None:
    error = StaleFiles("two files are wrong:\n  a\n  b", hint="mend them")
    assert error_text(error) == "error: two files are wrong: [stale]\n  a\n  b\n  hint: mend them"


def test_the_message_of_another_error_is_one_line() -> None:
    assert error_text(AtpubError("no file a\n::error::b")) == "error: no file a\\n::error::b [error]"


def test_no_is_an_answer_and_not_an_error() -> None:
    assert error_text(Declined("nothing was applied")) == "Nothing was applied."


def test_json_of_a_problem() -> None:
    assert problem_json(Problem("wrong-type", "expected a list", HERE, "write [5]")) == {
        "severity": "error",
        "code": "wrong-type",
        "message": "expected a list",
        "hint": "write [5]",
        "file": "atpub.yaml",
        "line": 12,
        "column": 8,
    }
    assert problem_json(Problem("x", "y", Place("a"))).items() >= {"file": "a", "line": None, "column": None}.items()
    assert problem_json(Problem("x", "y"))["file"] is None


def test_nothing_that_is_not_done() -> None:
    """An error after the last commit leaves nothing to list."""
    assert halted_text(()) == "not done:"


def test_style() -> None:
    assert PLAIN("text", BOLD, RED) == "text"
    assert Style(colour=True)("text", BOLD, RED) == "\033[1;31mtext\033[0m"
    assert Style(colour=True)("text") == "text"
    coloured = problems_text([Problem("x", "wrong", HERE, "mend it")], Style(colour=True))
    assert "\033[1;31merror\033[0m: wrong" in coloured


def test_a_message_is_wrapped_between_words_unless_the_style_is_long() -> None:
    problem = Problem("x", "one two three four five six", Place("a.yaml", 7, 1), "seven eight nine ten eleven twelve")
    assert problems_text([problem], Style(width=30)).splitlines() == [
        "a.yaml:7:1: error: one two",
        "  three four five six [x]",
        "  hint: seven eight nine ten",
        "    eleven twelve",
    ]
    assert problems_text([problem], Style(width=30, is_long=True)) == problems_text([problem])


def test_a_word_longer_than_the_line_stays_whole() -> None:
    url = "https://cdn.example.org/" + "a" * 50
    assert url in problems_text([Problem("x", f"{url} is not there")], Style(width=40))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (20_480, "20.5 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_894_400, "1.9 MB"),
        (52_428_800, "52.4 MB"),
        (3_000_000_000, "3.0 GB"),
        (10**15, "1,000.0 TB"),
    ],
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text


def test_counted() -> None:
    assert [pluralize(number, "blob") for number in (0, 1, 2, 1234)] == ["0 blobs", "1 blob", "2 blobs", "1,234 blobs"]


def test_html_lists_the_uploads() -> None:
    uploads = tuple(Upload(Cid(f"bafk{n}"), 5, "application/x-tar", Path(f"data/<{n}>.tar")) for n in range(201))
    plan = plan_manifest((), Live(LOCAL_DID, None, {}), project="lab", account="local", now=datetime.now(UTC))
    assert "<summary>" not in plan_html(plan)
    shown = plan_html(replace(plan, uploads=uploads))
    assert "<summary>201 uploads</summary>data/&lt;0&gt;.tar (5 B)<br>" in shown
    assert shown.endswith("… and 1 more upload</details></div>")
