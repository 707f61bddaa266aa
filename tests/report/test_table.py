"""Tables and paragraphs: widths, wide characters, and texts of others."""

import pytest

from atpub.report.table import paragraph, table


@pytest.mark.parametrize("width", [20, 40, 60, 200])
def test_columns_are_cut_where_they_must_be(width: int) -> None:
    rows = [("a" * 50, "12", "x" * 30), ("b", "3", "y")]
    lines = table(("NAME", "N", "NOTE"), rows, width, optional=("NOTE",))
    assert all(len(line) <= width for line in lines)
    assert [line.split()[1] for line in lines] == ["N", "12", "3"]


def test_optional_columns_are_left_out_first() -> None:
    rows = [("name", "1,797", "digits 1.0.0")]
    assert table(("NAME", "SAMPLES", "LABELS"), rows, 14, ("LABELS", "SAMPLES")) == ["NAME  SAMPLES", "name  1,797"]
    assert table(("NAME", "SAMPLES", "LABELS"), rows, 40) == ["NAME  SAMPLES  LABELS", "name  1,797    digits 1.0.0"]


def test_a_column_without_a_value_is_left_out() -> None:
    assert table(("A", "B"), [("1", ""), ("2", "")], 80) == ["A", "1", "2"]


def test_wide_characters_take_two_columns() -> None:
    assert table(("A", "B"), [("手書き数字", "1"), ("x", "2")], 80) == [
        "A           B",
        "手書き数字  1",
        "x           2",
    ]


def test_texts_of_others_are_escaped() -> None:
    assert table(("A",), [("\x1b[2J\n",)], 80)[1] == r"\u001b[2J\n"
    assert paragraph("one\n\x1b[31mtwo  three", 8) == ["one", r"\u001b[3", "1mtwo", "three"]


def test_codes_are_not_broken_at_their_hyphens() -> None:
    assert paragraph("see unlimited-string", 16) == ["see", "unlimited-string"]


def test_columns_that_people_copy_from_are_never_cut() -> None:
    rows = [("datasets/a-long-name-of-a-dataset", "A long title of a dataset")]
    assert table(("DATASET", "TITLE"), rows, 50, whole=("DATASET",)) == [
        "DATASET                            TITLE",
        "datasets/a-long-name-of-a-dataset  A long title o…",
    ]
