"""Surveys of shards, and what `atpub init` found, as text and as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from atpub.atproto.data import Json, JsonObject
from atpub.engine.desired.sample_notation import describe
from atpub.report.problems import FORMAT_VERSION, problem_json
from atpub.report.style import BOLD, CYAN, FAINT, PLAIN, Style
from atpub.suggest import pluralize, short_list, size

if TYPE_CHECKING:  # reports read no shards
    from atpub.inspection.run import InitOutcome
    from atpub.problems import Problem
    from atpub.shards.field_summary import FieldSummary
    from atpub.shards.survey import ShardSurvey, SurveyTotal

_FORMATS: Final = {"members": "members", "msgpack": "msgpack", "mixed": "msgpack and members"}
_WIDTH: Final = 60
_LONGEST_NUMBER: Final = 40


def survey_text(survey: ShardSurvey, style: Style = PLAIN) -> str:
    """Return what one shard holds, a line for each field; empty if none of it could be read."""
    if not (survey.is_readable or survey.samples or survey.looked_at):
        return ""
    samples = "samples not counted" if survey.samples is None else pluralize(survey.samples, "sample")
    looked_at = "" if survey.looked_at == survey.samples else f", {survey.looked_at:,} looked at"
    if survey.samples is not None and survey.looked_at > survey.samples:  # their files are not side by side
        looked_at = f" in {survey.looked_at:,} pieces"
    form = "" if survey.format == "none" else f", {_FORMATS[survey.format]}"
    head = f"{style(survey.name, BOLD)}: {samples}{looked_at}, {size(survey.size)}{form}"
    return "\n".join([head, *_field_lines(survey.fields, survey.looked_at, style, "  ")])


def total_text(total: SurveyTotal, style: Style = PLAIN) -> str:
    """Return what all shards hold together."""
    counts = f"{pluralize(total.shards, 'shard')}, {pluralize(total.samples, 'sample')}, {size(total.size)}"
    head = f"{style('all', BOLD)}: {counts}"
    return "\n".join([head, *_field_lines(total.fields, total.looked_at, style, "  ")])


def surveys_json(surveys: Sequence[ShardSurvey], total: SurveyTotal, problems: Sequence[Problem]) -> JsonObject:
    """Return the shards, all of them together, and the problems of paths as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "shards": [_survey_json(survey) for survey in surveys],
        "all": {
            "shards": total.shards,
            "samples": total.samples,
            "bytes": total.size,
            "looked_at": total.looked_at,
            "fields": _fields_json(total.fields),
        },
        "problems": [problem_json(problem) for problem in problems],
    }


def init_text(outcome: InitOutcome, style: Style = PLAIN) -> str:
    """Return what was found and written, and the next command."""
    is_file = str(outcome.out) != "-"
    lines = [f"{style(outcome.out, BOLD) if is_file else 'the manifest'}: project {style(outcome.draft.project)}"]
    for schema in outcome.draft.schemas:
        names = ", ".join(schema.declaration.value) if schema.declaration.key != "json_schema" else "a JSON Schema"
        lines.append(f"  schema {style(schema.key)} ({style(schema.nsid)}): {style(names)}")
    for dataset in outcome.draft.datasets:
        samples = "" if dataset.samples is None else f", {pluralize(dataset.samples, 'sample')}"
        held = f"{pluralize(len(dataset.shards), 'shard')}{samples}, {size(dataset.size)}"
        more = "; too large for blobs: see the comment in the manifest" if dataset.is_too_large else ""
        lines.append(f"  dataset {style(dataset.key)}: {held}{more}")
    if outcome.editor_schema:
        lines.append(f"  for editors: {style(outcome.editor_schema)}")
    if outcome.checksums:
        lines.append(f"  checksums: {style(short_list(outcome.checksums, 1))}")
    if is_file:
        named = "" if str(outcome.out) == "atpub.yaml" else f" -m {shlex.quote(str(outcome.out))}"
        lines.append(f"{style('next', CYAN)}: {style(f'atpub apply{named} --account local --yes')}")
    return "\n".join(lines)


def init_json(outcome: InitOutcome) -> JsonObject:
    """Return what was found and written as JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "manifest": str(outcome.out),
        "project": outcome.draft.project,
        "schemas": [
            {"key": schema.key, "nsid": schema.nsid, schema.declaration.key: schema.declaration.value}
            for schema in outcome.draft.schemas
        ],
        "datasets": [
            {
                "key": dataset.key,
                "schema": dataset.schema,
                "shards": list(dataset.shards),
                "samples": dataset.samples,
                "bytes": dataset.size,
                "too_large": dataset.is_too_large,
            }
            for dataset in outcome.draft.datasets
        ],
        "editor_schema": str(outcome.editor_schema) if outcome.editor_schema else None,
        "checksums": list(outcome.checksums),
        "warnings": [problem_json(problem) for problem in outcome.warnings],
    }


def _field_lines(fields: Mapping[str, FieldSummary], of: int, style: Style, pad: str) -> Iterator[str]:
    width = max((len(style(name)) for name in fields), default=0)
    for name, summary in fields.items():
        shown = style(name)
        yield f"{pad}{shown}{' ' * (width - len(shown))}  {style(_field_text(summary, of))}{_examples(summary, style)}"
        yield from _field_lines(summary.fields, summary.count, style, f"{pad}  ")


def _field_text(summary: FieldSummary, of: int) -> str:
    types = " or ".join(_type_text(kind) for kind in summary.types) or "null"
    parts = [types]
    if summary.numbers is not None:
        low, high = summary.numbers
        parts.append(_number(low) if low == high else f"{_number(low)} to {_number(high)}")
    elif summary.sizes is not None:
        low, high = summary.sizes
        parts.append(size(int(low)) if low == high else f"{size(int(low))} to {size(int(high))}")
    if summary.count < of:
        parts.append(f"in {summary.count:,} of {of:,}")
    if summary.nulls and summary.types:
        parts.append(f"null in {summary.nulls:,}")
    return ", ".join(parts)


def _number(value: float) -> str:
    """Format a number, of whose digits most are left out where they are many."""
    text = f"{value:,}"
    return text if len(text) <= _LONGEST_NUMBER else f"{text[:_LONGEST_NUMBER]}…"


def _type_text(kind: Json) -> str:
    if isinstance(kind, dict) and "ndarray" not in kind:
        return "object"
    text = kind if isinstance(kind, str) else describe(kind)
    return text.removeprefix("an ").removeprefix("a ")


def _examples(summary: FieldSummary, style: Style) -> str:
    if not summary.examples or summary.fields:
        return ""
    shown = ", ".join(json.dumps(item, ensure_ascii=False) for item in summary.examples)
    return f"  {style(shown if len(shown) <= _WIDTH else f'{shown[:_WIDTH]}…', FAINT)}"


def _survey_json(survey: ShardSurvey) -> JsonObject:
    return {
        "shard": survey.name,
        "bytes": survey.size,
        "samples": survey.samples,
        "format": survey.format,
        "looked_at": survey.looked_at,
        "fields": _fields_json(survey.fields),
        "problems": [problem_json(problem) for problem in survey.problems],
    }


def _fields_json(fields: Mapping[str, FieldSummary]) -> Json:
    return {
        name: {
            "types": list(summary.types),
            "samples": summary.count,
            "nulls": summary.nulls,
            "bytes": None if summary.sizes is None else list(summary.sizes),
            "range": None if summary.numbers is None else list(summary.numbers),
            "examples": list(summary.examples),
            **({"fields": _fields_json(summary.fields)} if summary.fields else {}),
        }
        for name, summary in fields.items()
    }
