"""The forms of a plan that few runs ask for, and the files that it is written to: pages, Markdown, saved plans."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from atpub.atomic_files import require_own, write_text
from atpub.cli.github import add_to_summary
from atpub.cli.output import STANDARD, print_data, print_json, print_source
from atpub.cli.prepare import PreparedPlan
from atpub.engine.plan.model import Plan
from atpub.engine.plan.serialize import saved_document
from atpub.report.markdown import SUMMARY_LIMIT, plan_markdown
from atpub.report.plan_page import PAGE_START, plan_page

_PAGE: Final = re.compile(re.escape(PAGE_START.encode()))
_SAVED: Final = re.compile(rb'\s*\{\s*"format_version"')


def require_room(html: Path | None, out: Path | None) -> None:
    """Raise FileConflict if a plan would overwrite a file that is no page of a plan, or no saved plan."""
    if out is not None and out != STANDARD:
        require_own(out, "a saved plan", _SAVED)
    if html is not None and html != STANDARD:
        require_own(html, "a page of a plan", _PAGE)


def write_files(prepared: PreparedPlan, html: Path | None, out: Path | None) -> None:
    """Write a saved plan and a page, each whole or not at all; a saved plan also to stdout."""
    if out is not None:
        document = saved_document(prepared.plan, prepared.target.folder)
        if out == STANDARD:
            print_json(document)
        else:
            out.parent.mkdir(parents=True, exist_ok=True)
            write_text(out, f"{json.dumps(document, indent=1)}\n")
    if html is not None and html != STANDARD:
        html.parent.mkdir(parents=True, exist_ok=True)
        write_text(html, plan_page(prepared.plan))


def print_markdown(plan: Plan, environment: str | None) -> None:
    """Print a plan as Markdown."""
    print_data(plan_markdown(plan, environment))


def print_page(plan: Plan) -> None:
    """Print a plan as a page for a browser."""
    print_source(plan_page(plan))


def summarize(plan: Plan, environment: str | None) -> None:
    """Add a plan to the summary of a job of GitHub Actions."""
    add_to_summary(plan_markdown(plan, environment, SUMMARY_LIMIT))
