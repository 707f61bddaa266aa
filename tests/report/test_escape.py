"""Text of others is inert in every format: no character acts on a terminal, and nothing in Markdown or HTML is live."""

import html
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cmarkgfm  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.report.plans import plan as plan_of
from tests.report.test_three_way import drifted

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri, Cid, Did, Nsid, RecordPath, Rkey
from atpub.engine.audit.verify import Audit, InventoryFinding
from atpub.engine.inventory import Inventory
from atpub.engine.plan.model import Action, Change, Cost, Drift, Outcome, Plan, Refusal, Upload
from atpub.errors import AtpubError, InvalidInput
from atpub.login.model import AccountStatus, LoginStatus
from atpub.problems import Place, Problem
from atpub.progress import Advanced, Completed, Started
from atpub.published.model import FieldView
from atpub.report.account import account_text
from atpub.report.drift import drift_markdown
from atpub.report.escape import (
    UNSAFE,
    escape_github,
    escape_github_property,
    escape_html,
    escape_markdown,
    escape_output,
    escape_terminal,
)
from atpub.report.html import client_html, dataset_html, outcomes_html, plan_html
from atpub.report.inventory import audit_text
from atpub.report.markdown import plan_markdown
from atpub.report.outcomes import halted_text, outcomes_text, uploaded_text
from atpub.report.plan import plan_text
from atpub.report.plan_page import plan_page
from atpub.report.problems import error_text, problems_text
from atpub.report.progress import ProgressTracker, progress_html
from atpub.report.style import PLAIN, Style
from atpub.repository.model import Record

pytestmark = pytest.mark.slow

render: Callable[..., str] = cmarkgfm.github_flavored_markdown_to_html  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

UNSAFE_HTML = 1 << 17
"""Renders the HTML in Markdown, as GitHub does."""

CID = Cid("bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm")
DID = Did("did:web:lab.example")
PATH = RecordPath(Nsid("org.lab.note"), Rkey("one"))
COLOUR = Style(colour=True)
OURS = re.compile(r"\033\[[0-9;]+m")
ACTIVE = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
TRAPS = (
    "\x1b[2J",
    "\x1b]0;t\x07",
    "\x9b31m",
    "\u202egnp.exe",
    "\u2066",
    "\u2028",
    "\n::error::x",
    "\r",
    "\x7f",
    "@octocat",
    "#1",
    "[x](https://x.example)",
    "![x](https://x.example/x.png)",
    "https://x.example",
    "www.x.example",
    "me@x.example",
    "<img src=x onerror=y>",
    "</code></details><script>",
    "`",
    "``",
    "|",
    "\\|",
    "\\",
    "\n\n# h",
    "\n```\n",
    "**b**",
    "&lt;",
    "<!--",
    "| a | b |",
)
TEXTS = st.lists(st.sampled_from(TRAPS) | st.text(min_size=1, max_size=4), min_size=1, max_size=4).map("".join)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    before: JsonObject = {draw(TEXTS): draw(TEXTS), "a": draw(TEXTS)}
    action: Action = draw(st.sampled_from(("create", "update", "adopt", "delete", "keep")))
    uri = draw(st.sampled_from((AtUri.of(DID, PATH), draw(TEXTS))))
    record = Record(PATH, CID, before)
    after: JsonObject = {draw(TEXTS): draw(TEXTS), "a": draw(TEXTS)}
    return Change(draw(TEXTS), action, draw(TEXTS), PATH, uri, record, after, unknown=draw(TEXTS))  # type: ignore[arg-type]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    place = Place(draw(TEXTS), 3, 2, draw(TEXTS).partition("\n")[0])
    return Problem("some-code", draw(TEXTS), draw(st.sampled_from((None, place))), draw(TEXTS))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    return Plan(
        project=draw(TEXTS),
        account=draw(TEXTS),
        did=draw(TEXTS),  # type: ignore[arg-type]
        head=None,
        changes=tuple(draw(st.lists(changes(), min_size=1, max_size=3))),
        uploads=(Upload(CID, 1, "x/y", Path("a")),),
        refusals=(Refusal(draw(TEXTS), None, "some-code", draw(TEXTS), draw(TEXTS)),),
        warnings=(draw(problems()),),
        cost=Cost(1, 1, 1, 1),
        digest="0" * 64,
        inventory=Inventory("lab"),
        inventory_changes={},
        unmanaged=(draw(TEXTS),),  # type: ignore[arg-type]
    )


def inert(text: str, lines: int | None = None) -> None:
    """No character of others acts on a terminal, and no line of a log begins as a command of CI."""
    shown = OURS.sub("", text)
    assert not ACTIVE.search(shown), ascii(text)
    assert lines is None or shown.count("\n") + 1 == lines, ascii(text)
    assert not re.search(r"^\s*::", escape_output(text, colour=True), re.MULTILINE)


@given(TEXTS, TEXTS)
def test_lines_printed_as_they_are(first: str, second: str) -> None:
    inert(escape_terminal(first), 1)
    assert escape_terminal(escape_terminal(first)) == escape_terminal(first)
    inert(escape_output(first, colour=False))
    assert "\033" not in escape_output(f"{first}\033[31m", colour=False)
    inert(COLOUR(first, 1), 1)
    inert(uploaded_text(Completed("upload", first, 1), 1, 2), 1)
    inert(error_text(AtpubError(first, hint=second), COLOUR), 2)
    login = LoginStatus("session", True, first, second)
    inert(account_text(AccountStatus(first, DID, None, second, login), COLOUR), 4)
    finding = InventoryFinding("missing", AtUri.of(DID, PATH), first, second, first)
    audit = Audit(first, 1, (finding,), {second: 1}, {Nsid("org.lab.note"): 1})
    inert(audit_text(audit, first, second, COLOUR))


@settings(max_examples=40)
@given(st.lists(problems(), min_size=1, max_size=3))
def test_problems(found: list[Problem]) -> None:
    inert(problems_text(found, COLOUR), sum(1 + bool(item.place and item.place.text) * 2 + 1 for item in found))
    inert(error_text(InvalidInput(tuple(found)), COLOUR))


@settings(max_examples=40)
@given(plans())
def test_plans_and_outcomes(plan: Plan) -> None:
    for style in (PLAIN, COLOUR):
        inert(plan_text(plan, style))
        inert(halted_text([Outcome(change, "failed", None, "x") for change in plan.changes], style))
        inert(outcomes_text(plan, [Outcome(change, "applied", CID) for change in plan.changes], style))
    inert(plan_markdown(plan))
    inert(plan_page(plan))


class Rendered(HTMLParser):
    """The tags of rendered HTML, the text that is outside of code, and the number of list items."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.outside = ""
        self.items = 0
        self.codes: list[str] = []
        self._code = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "code":
            self._code += 1
            self.codes.append("")
        self.items += tag == "li"

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_data(self, data: str) -> None:
        if self._code:
            self.codes[-1] += data
        else:
            self.outside += data


OWN_TAGS = {"h3", "p", "code", "strong", "em", "br", "details", "summary", "pre", "ul", "li"}


@settings(max_examples=40)
@given(plans())
def test_markdown_as_a_forge_renders_it(plan: Plan) -> None:
    comment, _, text = plan_markdown(plan).partition("\n")
    assert render(comment, options=UNSAFE_HTML) == f"{comment}\n"
    found = Rendered(render(text, options=UNSAFE_HTML))
    assert found.tags <= OWN_TAGS, text
    for change in plan.changes:
        uri = escape_terminal(str(change.uri)).replace("|", r"\u007c").strip()
        assert not uri or uri in found.codes, text
    assert found.items == len(plan.changes) + 3, "a refusal, a warning, an upload"
    assert not re.search(r"[@#]\w|://|www\.", found.outside), text


@settings(max_examples=40)
@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_drift_as_a_forge_renders_it(field: str, applied: str, live: str, wanted: str) -> None:
    found = drifted({field: applied, "a": 1}, {field: live, "a": 2}, {field: wanted, "a": 1})
    for text in (drift_markdown(plan_of(found)), plan_markdown(plan_of(found)).partition("\n")[2]):
        html_text = render(text, options=UNSAFE_HTML)
        shown = Rendered(html_text)
        assert shown.tags <= OWN_TAGS | {"table", "thead", "tbody", "tr", "th", "td"}, text
        assert html_text.count("<td>") == 4 * (1 + (len({applied, live, wanted}) > 1)), text
        assert not re.search(r"[@#]\w|://|www\.", shown.outside), text


@given(TEXTS)
def test_a_code_span_shows_the_text(text: str) -> None:
    shown = Rendered(render(f"a {escape_markdown(text)} b"))
    assert shown.tags <= {"p", "code"}


class Elements(HTMLParser):
    """The elements and attributes of HTML, and what is left open or closed twice."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.unclosed: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "br":
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag


@settings(max_examples=40)
@given(plans(), TEXTS)
def test_html(plan: Plan, text: str) -> None:
    assert html.unescape(escape_html(text)) == escape_terminal(text)
    drifted = replace(plan.changes[0], drift=Drift(text, None))  # type: ignore[arg-type]
    outcomes = [Outcome(change, "failed", None, text) for change in plan.changes]
    running = ProgressTracker()
    for item in (Started("hash", 2, None), Advanced("hash", text, 1, 3), Advanced("hash", f"{text}2", 1, None)):
        running.update(item)
    for shown in (
        plan_html(plan),
        plan_html(replace(plan, changes=(*plan.changes, drifted))),
        outcomes_html(outcomes),
        dataset_html(text, {text: text}, [FieldView(text, text, True, text)], [text]),
        client_html(text, {text: text}),
        progress_html(running.steps, 2),
    ):
        inert(shown, 1)
        parsed = Elements(shown)
        own = {"div", "p", "b", "code", "table", "tr", "th", "td", "br", "details", "summary", "del", "ins", "progress"}
        assert parsed.tags <= own
        assert parsed.attributes <= {"style", "colspan", "value", "max"}
        assert parsed.unclosed == []
    for line in (repr(plan), *map(repr, plan.changes), *map(repr, outcomes)):
        inert(line, 1)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, schön 😀 👩\u200d💻", "plain, schön 😀 👩\u200d💻"),
        ("\x1b[31m", r"\u001b[31m"),
        ("a\nb", r"a\nb"),
        ("\U000e0041", r"\udb40\udc41"),
    ],
)
def test_what_can_be_read_stays(text: str, shown: str) -> None:
    assert escape_terminal(text) == shown


def test_a_command_of_ci_is_none() -> None:
    assert escape_output("a\n ::error::x\nb::c", colour=False) == "a\n \\u003a:error::x\nb::c"


@given(st.text())
def test_a_workflow_command_of_github_stays_one_line_and_its_properties_stay_apart(text: str) -> None:
    assert not UNSAFE.search(escape_github(text))
    assert not {*":,"} & {*escape_github_property(text)}
