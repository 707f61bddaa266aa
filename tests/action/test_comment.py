"""The comment on a pull request: made once, then replaced, and only where it is the bot's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.action.forge import TOKEN, Forge

SCRIPT = Path(__file__).parents[2] / "action/comment.py"
MARKER = "<!-- atpub-plan: lab -->"
PLAN = f"{MARKER}\n### atpub plan\n\n**1 to create.**\n\n<details><summary>1 to create</summary>\n</details>\n"


def comment(environment: dict[str, str], text: str = PLAN, **variables: str) -> subprocess.CompletedProcess[str]:
    file = Path(environment["RUNNER_TEMP"], "plan.md")
    file.write_text(text, "utf-8")
    given = {**environment, "MARKDOWN": str(file), **variables}
    ran = subprocess.run(
        [sys.executable, str(SCRIPT)], env=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert TOKEN not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran


@pytest.mark.slow
def test_a_comment_is_made_and_then_replaced(forge: Forge, environment: dict[str, str]) -> None:
    forge.add(f"{MARKER}\na person's copy", "person", "User")
    forge.add("<!-- atpub-plan: lab/prod -->\nof another environment")
    for number in range(120):  # on the second page
        forge.add(f"comment {number}", "person", "User")
    assert comment(environment).returncode == 0
    assert (len(forge.comments), forge.comments[-1]["body"]) == (123, PLAN)
    assert comment(environment, PLAN.replace("1 to", "2 to")).returncode == 0
    assert (len(forge.comments), "**2 to create" in forge.comments[-1]["body"]) == (123, True)
    assert forge.comments[0]["body"].endswith("a person's copy")


@pytest.mark.slow
def test_nothing_to_do_is_told_only_where_a_comment_is(forge: Forge, environment: dict[str, str]) -> None:
    assert comment(environment, PENDING="false").returncode == 0
    assert forge.comments == []
    comment(environment)
    assert comment(environment, f"{MARKER}\nNothing to do.\n", PENDING="false").returncode == 0
    assert [item["body"] for item in forge.comments] == [f"{MARKER}\nNothing to do.\n"]


@pytest.mark.slow
def test_another_author_can_be_named(forge: Forge, environment: dict[str, str]) -> None:
    forge.add(PLAN, "forgejo-actions", "")
    comment(environment, f"{MARKER}\nnew", COMMENT_AUTHOR="forgejo-actions")
    assert [item["body"] for item in forge.comments] == [f"{MARKER}\nnew"]


@pytest.mark.slow
def test_a_plan_that_is_too_long_points_to_the_summary(forge: Forge, environment: dict[str, str]) -> None:
    assert comment(environment, f"{PLAN}{'x' * 70_000}").returncode == 0
    (found,) = forge.comments
    assert found["body"].startswith(f"{MARKER}\n### atpub plan\n\n**1 to create.**\n")
    assert found["body"].endswith("it is in the job's summary.\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "code", "words", "comments"),
    [
        ([403], 0, "::notice::no comment: the token may not comment here (403)", 0),
        ([502], 0, "comment: ", 1),
        ([500, 500], 1, "::error::no comment: the server answers with 500", 0),
        ([302], 1, "::error::no comment: the server answers with 302", 0),
    ],
    ids=["fork", "one failure", "failures", "redirect"],
)
def test_answers(
    forge: Forge, environment: dict[str, str], faults: list[int], code: int, words: str, comments: int
) -> None:
    forge.faults = faults
    ran = comment(environment)
    assert (ran.returncode, len(forge.comments)) == (code, comments), ran.stdout
    assert words in ran.stdout
    assert "GET /elsewhere" not in forge.requests


@pytest.mark.slow
def test_a_token_that_may_only_read_is_no_failure(forge: Forge, environment: dict[str, str]) -> None:
    forge.refuses_writes = True
    ran = comment(environment)
    assert (ran.returncode, forge.comments) == (0, [])
    assert "::notice::no comment: the token may not comment here (403)" in ran.stdout


@pytest.mark.slow
def test_without_a_pull_request_or_a_server(forge: Forge, environment: dict[str, str]) -> None:
    assert comment(environment, GITHUB_API_URL="http://127.0.0.1:9").returncode == 1
    Path(environment["GITHUB_EVENT_PATH"]).write_text(json.dumps({"ref": "refs/heads/main"}))
    assert comment(environment).stdout == "no pull request: no comment\n"
    assert forge.requests == []
