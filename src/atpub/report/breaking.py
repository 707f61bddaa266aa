"""The result of `atpub lex breaking`, as text, JSON, Markdown and annotations of GitHub Actions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.evolution.model import WORDS, Example, LexiconChange, breaks_words
from atpub.atproto.lexicon.violation import json_path
from atpub.lexicon_tools.against_data import DataResult
from atpub.lexicon_tools.breaking import BreakingResult, PlacedChange
from atpub.problems import Problem
from atpub.report.escape import escape_markdown
from atpub.report.github import annotation_lines
from atpub.report.problems import FORMAT_VERSION, problem_json, problems_text
from atpub.report.style import BOLD, CYAN, GREEN, PLAIN, RED, Style
from atpub.suggest import pluralize

_LONGEST: Final = 300


def breaking_text(
    result: BreakingResult, style: Style = PLAIN, *, examples: bool = False, everything: bool = False
) -> str:
    """Return each breaking change with its place, line and way out, and a line with the numbers of all.

    With `examples`, each with what proves it; with `everything`, all changes.
    """
    shown = [item for item in result.changes if everything or item.is_breaking]
    blocks = [_change_text(item, style, examples=examples) for item in shown]
    blocks += [_data_text(result.data, style)] if result.data else []
    return "\n".join([*blocks, _total_text(result, style)])


def _change_text(item: PlacedChange, style: Style, *, examples: bool) -> str:
    lines = [problems_text([as_problem(item)], style)]
    if item.is_breaking:
        lines.append(style.hang(item.change.approval, ("  ", ()), ("approve", (CYAN,)), (": ", ()), indent="    "))
    if examples:
        lines += [
            style.hang(text, ("  ", ()), ("example", (CYAN,)), (": ", ()), indent="    ")
            for text in map(example_text, item.change.examples)
        ]
        if not item.change.is_proven:
            lines.append(style("  no example: no value that was tried shows it"))
    return "\n".join(lines)


def as_problem(item: PlacedChange) -> Problem:
    """Return a change as a problem: an error if it breaks someone and is not approved."""
    change = item.change
    message = f"{json_path(change.path)}: {change_words(change)}"
    message += " (approved)" if item.is_approved else ""
    hint = change.way_out if change.breaks else ""
    return Problem(change.code, message, item.place, hint, "error" if item.is_breaking else "warning")


def change_words(change: LexiconChange) -> str:
    """Return what changes, and whom it breaks."""
    broken = breaks_words(change)
    proof = "" if change.is_proven else ", without an example"
    return f"{change.message}: {f'breaks {broken}' if broken else 'safe'} ({change.bump}{proof})"


def example_text(example: Example) -> str:
    """Return a value, which version accepts it, and why the other one does not."""
    value = json.dumps(example.value, ensure_ascii=False)
    value = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
    other = "NEW" if example.accepted_by == "old" else "OLD"
    refusal = example.refusal if len(example.refusal) <= _LONGEST else f"{example.refusal[:_LONGEST]}…"
    return f"{example.of}: {value} is valid by {example.accepted_by.upper()}; {other} refuses it: {refusal}"


def _data_text(data: DataResult, style: Style) -> str:
    lines = [f"{data_words(data)}."]
    lines += [problems_text(verdict.problems) for verdict in data.shown]
    return "\n".join([*map(style, lines[:1]), *lines[1:]])


def data_words(data: DataResult) -> str:
    """Return how many records are affected."""
    invalid = f"; {data.invalid:,} invalid by both" if data.invalid else ""
    unread = f"; {data.unread:,} more cannot be read, or do not say their type ($type)" if data.unread else ""
    return f"{data.affected:,} of {pluralize(data.records, 'record')} in {data.source} affected{invalid}{unread}"


def _total_text(result: BreakingResult, style: Style) -> str:
    counts = Counter(item.change.bump for item in result.changes if not item.is_breaking and not item.is_approved)
    approved = sum(item.is_approved for item in result.changes)
    compatible = counts["minor"] + counts["patch"]
    parts = [f"{len(result.breaking):,} breaking", *([f"{approved:,} approved"] if approved else [])]
    parts.append(f"{compatible:,} compatible")
    line = f"{pluralize(result.lexicons, 'lexicon')} compared: {pluralize(len(result.changes), 'change')}"
    if not result.changes:
        return style(f"{pluralize(result.lexicons, 'lexicon')} compared: nothing differs.", GREEN)
    return style(
        f"{line}, {', '.join(parts)}; version: {result.bump}.", *((BOLD, RED) if result.breaking else (GREEN,))
    )


def breaking_json(result: BreakingResult) -> JsonObject:
    """Return all changes as JSON, each with its examples."""
    changes: list[Json] = [_change_json(item) for item in result.changes]
    found: JsonObject = {
        "format_version": FORMAT_VERSION,
        "lexicons": result.lexicons,
        "bump": result.bump,
        "breaking": len(result.breaking),
        "changes": changes,
        "warnings": [problem_json(problem) for problem in result.warnings],
    }
    if result.data:
        data = result.data
        found["data"] = {
            "source": data.source,
            "records": data.records,
            "affected": data.affected,
            "invalid": data.invalid,
            "unread": data.unread,
        }
    return found


def _change_json(item: PlacedChange) -> JsonObject:
    change = item.change
    return {
        "code": change.code,
        "nsid": change.nsid,
        "path": json_path(change.path),
        "file": item.place.file,
        "line": item.place.line or None,
        "column": item.place.column if item.place.line else None,
        "message": change.message,
        "breaks": [*change.breaks],
        "bump": change.bump,
        "breaking": change.is_breaking,
        "approved": item.is_approved,
        "approval": change.approval,
        "way_out": change.way_out,
        "proven": change.is_proven,
        "examples": [_example_json(example) for example in change.examples],
    }


def _example_json(example: Example) -> JsonObject:
    return {
        "accepted_by": example.accepted_by,
        "of": example.of,
        "value": example.value,
        "refusal": example.refusal,
    }


def breaking_github(result: BreakingResult) -> str:
    """Return a workflow command of GitHub Actions for each breaking change, which annotates its line."""
    return annotation_lines(map(as_problem, result.breaking))


def breaking_markdown(result: BreakingResult) -> str:
    """Return a table of the changes, for a comment on a pull request."""
    rows = [*_rows(item for item in result.changes if item.change.bump != "patch" or item.change.breaks)]
    lines = [f"**{_total_text(result, PLAIN)}**"]
    lines += ["", f"{escape_markdown(data_words(result.data))}"] if result.data else []
    if rows:
        lines += ["", "| change | lexicon | place | what | breaks | version |", "|---|---|---|---|---|---|", *rows]
    return "\n".join(lines)


def _rows(items: Iterable[PlacedChange]) -> Iterator[str]:
    for item in sorted(items, key=lambda item: not item.is_breaking):
        change = item.change
        broken = ", ".join(WORDS[direction] for direction in change.breaks) or "–"
        bump = f"{change.bump}{', approved' if item.is_approved else ''}"
        cells = (change.code, change.nsid, json_path(change.path), change.message)
        yield f"| {' | '.join(map(escape_markdown, cells))} | {broken} | {bump} |"
