from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpub.problems import Place
from atpub.text.document import parse
from atpub.text.scalars import NumberTooLong, Scalar, plain_scalar, resolve
from atpub.text.source import UNREADABLE, as_written

STRINGS = """
no NO No on off yes Yes y n Y N nUll tRUE nuLL none None True1 0o8 0o 0x 0xG -0x1F +0o7 0b101 1_000 1:30 190:20:30
2024-01-01 2024-01-01T00:00:00Z 1.2.3 1.0.0 .inF .INFinity +.nan -.nan inf nan Infinity . .. - -- + .e1 e1 1e 1e+ 1.e
1,5 = << 1- 0x1F. ٣ １ 1.٣ v1 ~~ ~a $ref #x
""".split()  # noqa: SIM905 (a table)

VALUES: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "0": 0, "010": 10, "-010": -10, "+7": 7, "-0": 0, "00": 0, "0o10": 8, "0o17": 15, "0x1F": 31, "0xff": 255,
    "123456789012345678901234567890": 123456789012345678901234567890,
    "1.5": 1.5, "1.": 1.0, ".5": 0.5, "-.5": -0.5, "+1.5": 1.5, "1e3": 1000.0, "1E3": 1000.0, "12e03": 12000.0,
    "-2E+05": -200000.0, "1.5e-3": 0.0015, "010.5": 10.5, ".5e1": 5.0,
    ".inf": math.inf, ".Inf": math.inf, ".INF": math.inf, "+.inf": math.inf, "-.INF": -math.inf, "1e999": math.inf,
}  # fmt: skip


@pytest.mark.parametrize("text", STRINGS)
def test_what_is_no_number_or_word_of_the_core_schema_is_a_string(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_core_schema(text: str, value: Scalar) -> None:
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number(text: str) -> None:
    found = resolve(text)
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize("text", ["9" * 1001, "-" + "9" * 1001, "0x" + "f" * 1001, "0o" + "7" * 1001])
def test_a_number_of_more_digits_than_python_prints(text: str) -> None:
    with pytest.raises(NumberTooLong):
        resolve(text)
    assert isinstance(resolve("9" * 1000), int)


# The table of section 10.3.2, word for word.
TABLE = {
    "null": r"null|Null|NULL|~|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN",
}


@given(st.one_of(st.text("0123456789xoabcdefEF+-._:~", max_size=12), st.text(max_size=6)))
def test_the_kind_is_the_specification_s(text: str) -> None:
    kinds = [kind for kind, pattern in TABLE.items() if re.fullmatch(pattern, text)]
    value = resolve(text)
    kind = "null" if value is None else type(value).__name__
    assert kind == (kinds[0] if kinds else "str")


@pytest.mark.parametrize("text", ["1.10", "007", "0x10", "1e3", "True", "2.20", "-0", ".5", "0o17", "TRUE", "1_0"])
@pytest.mark.parametrize("form", ["a: {}", "a: &x {}", "{{a: {}}}", "a: {} # why", "a: {}\nb: 1", "a:\n- {}"])
def test_a_scalar_is_quoted_as_it_was_written(text: str, form: str) -> None:
    document = parse(form.format(text), "a.yaml")
    steps = ("a", 0) if "-" in form else ("a",)
    value = resolve(text)
    if isinstance(value, bool | int | float):
        assert as_written(value, document.place(steps)) == text


def test_a_scalar_that_stands_elsewhere_is_written_as_its_value() -> None:
    document = parse("a: &x 1.10\nb: *x", "a.yaml")
    assert as_written(1.1, document.place(("b",))) == "1.1"
    assert as_written(True, Place("a.yaml")) == "true"


@given(st.text(max_size=8) | st.from_regex(r"[-+.0-9a-zA-Z_:@~]{1,8}", fullmatch=True))
def test_text_as_a_scalar_reads_back(text: str) -> None:
    if text.isprintable() and not UNREADABLE.search(text):
        assert parse(f"key: {plain_scalar(text)}", "a.yaml").value == {"key": text}
        assert parse(f"{{key: {plain_scalar(text)}, b: 1}}", "a.yaml").value == {"key": text, "b": 1}
