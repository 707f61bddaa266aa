"""The three-way difference as text, Markdown and HTML: each side, what is not known, and hostile values."""

from __future__ import annotations

from dataclasses import replace

from atpub.atproto.data import JsonObject, cid_of
from atpub.atproto.syntax import AtUri, RecordPath
from atpub.engine.plan.model import Action, Change, Drift, Outcome
from atpub.report.html import outcomes_html
from atpub.report.outcomes import halted_text
from atpub.report.style import PLAIN
from atpub.report.three_way import (
    TWO_WAY,
    drift_counts,
    three_way_html,
    three_way_lines,
    three_way_table,
)
from atpub.repository.model import Record

PATH = RecordPath.parse("org.test.note/a")
URI = AtUri.parse(f"at://did:plc:aliceaaaaaaaaaaaaaaaaaaa/{PATH}")
HOSTILE = "<b>|`x`\x1b[2J"


def drifted(applied: JsonObject | None, live: JsonObject | None, wanted: JsonObject) -> Change:
    """The change of a record with these values."""
    before = None if live is None else Record(PATH, cid_of(live), live)
    drift = Drift(cid_of(applied or {}), before.cid if before else None, applied)
    action: Action = "update" if before else "create"
    return Change("records/a", action, "a", PATH, URI, before, wanted, cid_of(wanted), drift=drift)


MODIFIED = drifted({"text": "a"}, {"text": HOSTILE}, {"text": "c", "new": 1})
DELETED = drifted({"text": "a"}, None, {"text": "a"})


def test_text() -> None:
    first, *rest = three_way_lines(MODIFIED, PLAIN)
    assert first.startswith("      drift: modified by another client; applied as bafyrei")
    assert [line.strip() for line in rest] == [
        "≠ text:",
        'applied "a"',
        r'live    "<b>|`x`\u001b[2J"',
        'wanted  "c"',
        "≠ new:",
        "wanted  1",
    ]


def test_markdown_and_html_are_escaped() -> None:
    markdown, html = "\n".join(three_way_table(MODIFIED)), three_way_html(MODIFIED)
    assert '| `text` | `"a"` |' in markdown
    assert r"<b>\u007c" in markdown  # within backticks
    assert [line.count(" | ") for line in markdown.splitlines() if line.startswith("| `")] == [3, 3]
    assert "applied <span>&quot;a&quot;</span>, live <del>&quot;&lt;b&gt;" in html
    assert "<b>" not in html
    assert "\x1b" not in markdown + html


def test_what_is_not_known_is_said() -> None:
    change = replace(MODIFIED, drift=Drift(cid_of({}), cid_of({"text": "b"})))
    for shown in (
        "\n".join(three_way_lines(change, PLAIN)),
        "\n".join(three_way_table(change)),
        three_way_html(change),
    ):
        assert TWO_WAY in shown


def test_a_deletion_is_no_creation() -> None:
    (line,) = three_way_lines(DELETED, PLAIN)
    assert line.strip().startswith("drift: deleted by another client; applied as ")
    assert (DELETED.word, replace(DELETED, drift=None).word) == ("restore", "create")
    assert (three_way_table(DELETED), three_way_html(DELETED)) == ([], "")


def test_outcomes_have_the_words_of_the_plan() -> None:
    outcome = Outcome(DELETED, "pending", None)
    assert "records/a  restore, pending" in halted_text([outcome])
    assert "<td>restore</td>" in outcomes_html([outcome])


def test_drift_is_counted() -> None:
    assert drift_counts([]) == ""
    assert drift_counts([MODIFIED]) == "1 record modified outside this project"
    assert drift_counts([DELETED, DELETED]) == "2 records deleted outside this project"
    assert drift_counts([MODIFIED, DELETED]) == "1 record modified and 1 deleted outside this project"
