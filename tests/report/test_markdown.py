"""A plan as a comment: what a reviewer must see comes first, and is never left out."""

import re
from dataclasses import replace

import pytest
from tests.report.plans import CID, change, plan, update

from atpub.engine.plan.model import Drift, Refusal
from atpub.report.drift import drift_markdown
from atpub.report.folds import LIMIT
from atpub.report.markdown import marker, plan_markdown

DELETES = [change("delete", f"gone-{number}", before={}) for number in range(10)]
REFUSAL = Refusal("datasets/gone-1", DELETES[1].uri, "protected", "datasets/gone-1 is protected", "set protect: false")


def titles(text: str) -> list[str]:
    return re.findall("<summary>(.*?)</summary>", text)


def test_refusals_deletes_and_drift_come_first() -> None:
    drifted = update("edited", drift=Drift(CID, None))
    gone = replace(DELETES[2], drift=Drift(CID, CID))
    shown = plan(change("create", "new", after={}), update("other"), drifted, *DELETES[:2], gone, refusals=(REFUSAL,))
    text = plan_markdown(shown)
    assert titles(text) == [
        "1 refused: this plan cannot be applied",
        "3 to delete",
        "Drift: 1 record deleted outside this project",
        "1 to update",
        "1 to create",
    ]
    assert text.count("<details open>") == 3
    assert "- `datasets/gone-1` (refused)<br>" in text
    assert text.count("by another client") == 2, "a deleted record's drift is told with its delete"
    assert "**1 to create, 2 to update, 3 to delete, 1 refused.**" in text


def test_every_delete_is_listed() -> None:
    updates = [update(f"{'long-' * 20}{number}") for number in range(990)]
    text = plan_markdown(plan(change("create", "new", after={}), *updates, *DELETES))
    assert LIMIT * 0.9 < len(text) <= LIMIT
    for item in DELETES:
        assert f"- `{item.address}`<br>\n  `{item.uri}`" in text
    assert titles(text) == ["10 to delete", "990 to update", "1 to create"]
    listed = text.count("- `datasets/long-")
    assert f"… and {990 - listed} more that are not listed here" in text
    assert "`datasets/new`" not in text
    assert "… and 1 more that are not" in text


def test_deletes_lose_their_details_before_their_names() -> None:
    many = [change("delete", f"gone-{number}", before={}) for number in range(4000)]
    text = plan_markdown(plan(*many))
    assert all(f"- `{item.address}`" in text for item in many)
    assert text.count("at://") < 10


@pytest.mark.parametrize(("limit", "names", "details"), [(1100, 5, 5), (750, 5, 2), (400, 3, 0), (0, 0, 0)])
def test_details_are_left_out_before_names(limit: int, names: int, details: int) -> None:
    text = plan_markdown(plan(*map(update, "abcde")), limit=limit)
    assert (text.count("- `datasets/"), text.count("```diff")) == (names, details), len(text)
    assert len(text) <= max(limit, 400)


def test_drift_is_cut_as_a_plan_is() -> None:
    found = plan(*(update(f"{'long-' * 20}{number}", drift=Drift(CID, CID)) for number in range(990)))
    text = drift_markdown(found)
    assert LIMIT * 0.9 < len(text) <= LIMIT
    listed = text.count("- `datasets/long-")
    assert f"… and {990 - listed} more that are not listed here; run `atpub drift` to see all" in text
    assert text.endswith("To keep yours: `atpub apply`")
    few = plan(*map(replace, found.changes[:3]))
    (name,) = re.findall("(- `datasets/.*2`<br>(?:\n  .*)*)", drift_markdown(few))
    assert name in plan_markdown(few).replace("update: ", "")


def test_a_bot_finds_the_comment_by_its_first_line() -> None:
    found = replace(plan(), project="a-->b/c")
    assert marker(found, "prod") == "<!-- atpub-plan: a--%3Eb%2Fc/prod -->"
    assert plan_markdown(found, "prod").startswith(f"{marker(found, 'prod')}\n### ")
    assert marker(found) != marker(found, "prod")


def test_digest_and_rate_limit_are_told_where_they_matter() -> None:
    pending = plan(*DELETES)
    assert "Digest `000" in plan_markdown(pending)
    assert "Digest" not in plan_markdown(replace(pending, refusals=(REFUSAL,)))
    assert "Digest" not in plan_markdown(plan())
    assert "points" not in plan_markdown(pending)
    assert "Applying takes about 3 hours: 12,000 points" in plan_markdown(plan(*DELETES, points=12_000))
