"""Explanations as text: within the width of the terminal, and harmless."""

from typing import Any

import pytest
from rich.cells import cell_len

from atpub.explanations.table import Explanation, explanations
from atpub.report.explanations import codes_json, codes_text, explanation_text
from atpub.report.style import Style

ITEM = Explanation("not-so", "Theme", "It is not so.", "Because " * 20, "Do that.", "x: it is not so [not-so]")


@pytest.mark.parametrize("width", [40, 60, 80, 120, 400])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    texts = [codes_text(explanations().values(), Style(width=width))]
    texts += [explanation_text(item, Style(width=width)) for item in explanations().values()]
    assert max(map(cell_len, "\n".join(texts).splitlines())) <= width


def test_an_explanation_has_all_its_parts() -> None:
    text = explanation_text(ITEM)
    assert text.startswith("not-so\n\n  It is not so.\n\n  Because")
    assert text.endswith("What to do:\n  Do that.\n\nExample:\n  x: it is not so [not-so]")


def test_json_holds_every_field() -> None:
    found: Any = codes_json([ITEM])["codes"]
    assert [(item["remedy"], item["theme"]) for item in found] == [("Do that.", "Theme")]
