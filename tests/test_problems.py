"""The texts of problems: no longer than a reader can use, and without a secret where they are cut."""

from __future__ import annotations

import pytest

from atpub.problems import Problem
from atpub.redact import LONGEST, hide

LONG = ["x" * 90_000, "https://a.b/" + "y" * 200_000, "k" * 2001]


@pytest.mark.parametrize("text", LONG)
def test_a_problem_has_a_limit(text: str) -> None:
    problem = Problem("a", f"{text!r} is wrong", hint=f"instead of {text} write")
    assert max(len(problem.message), len(problem.hint)) <= LONGEST
    assert problem.message.endswith("' is wrong")
    assert "characters left out" in problem.message
    assert problem.hint.startswith("instead of ")


def test_no_part_of_a_secret_is_left_where_a_message_is_cut() -> None:
    secret = "hunter2-" * 40
    hide(secret)
    for before in range(LONGEST - 500, LONGEST, 50):
        assert "hunter2" not in Problem("a", "x" * before + secret + "x" * 3000).message
