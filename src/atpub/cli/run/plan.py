"""`atpub plan`."""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from atpub.atomic_files import require_own, write_text
from atpub.cli.connect import TargetOptions
from atpub.cli.github import add_to_summary, annotate, annotating_errors
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, print_source, style_for, tell
from atpub.cli.prepare import options_of, prepare_plan, with_publishers
from atpub.cli.saved import STANDARD, require_room, save
from atpub.desired import read_manifest
from atpub.engine.plan.model import Plan
from atpub.errors import Refused, Usage
from atpub.report.github import plan_problems
from atpub.report.markdown import SUMMARY_LIMIT, plan_markdown
from atpub.report.plan import plan_json, plan_text
from atpub.report.plan_page import PAGE_START, plan_page

_Form: TypeAlias = Literal["text", "json", "markdown", "page", "saved"]
_PAGE: Final = re.compile(re.escape(PAGE_START.encode()))


def run(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    long: bool,
    markdown: bool,
    github: bool,
    html: Path | None,
    out: Path | None,
    detailed_exitcode: bool,
    reproducible: bool,
    locked: bool,
    **flags: Any,
) -> int:
    """Print a plan and save it if asked to; return the exit code."""
    form = _form(as_json=as_json, markdown=markdown, html=html, out=out)
    if out is not None:
        require_room(out)
    if html is not None and html != STANDARD:
        require_own(html, "a page of a plan", _PAGE)
    target, options = TargetOptions(account, pds, environment), options_of(flags)
    with annotating_errors(to_stderr=form != "text") if github else nullcontext():
        manifest = read_manifest(manifests, environment, environ())
        with prepare_plan(manifest, target, options, reproducible=reproducible, locked=locked, remember=True) as made:
            prepared = with_publishers(made)
            plan = prepared.plan
            if out is not None:
                save(prepared, out)
            if html is not None and html != STANDARD:
                html.parent.mkdir(parents=True, exist_ok=True)
                write_text(html, plan_page(plan))
            _print(plan, form, environment, is_long=long)
            if github:
                annotate(plan_problems(plan, manifest.key_place), to_stderr=form != "text")
                add_to_summary(plan_markdown(plan, environment, SUMMARY_LIMIT))
    if plan.refusals:
        return Refused.exit_code
    return 2 if detailed_exitcode and plan.pending else 0


def _form(*, as_json: bool, markdown: bool, html: Path | None, out: Path | None) -> _Form:
    """Return what is printed to stdout; raises Usage."""
    wanted: dict[_Form, bool] = {
        "json": as_json,
        "markdown": markdown,
        "page": html == STANDARD,
        "saved": out == STANDARD,
    }
    forms: list[_Form] = [form for form, is_wanted in wanted.items() if is_wanted]
    if len(forms) > 1:
        raise Usage("--json, --markdown, --html - and --out - exclude each other", hint="give one of them")
    return forms[0] if forms else "text"


def _print(plan: Plan, form: _Form, environment: str | None, *, is_long: bool) -> None:
    match form:
        case "json":
            print_json(plan_json(plan))
        case "markdown":
            print_data(plan_markdown(plan, environment))
        case "page":
            print_source(plan_page(plan))
        case "saved":  # it is printed already
            tell(plan_text(plan, style_for(sys.stderr, is_long=is_long)))
        case "text":
            print_data(plan_text(plan, style_for(sys.stdout, is_long=is_long)))
