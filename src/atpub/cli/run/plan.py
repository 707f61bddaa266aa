"""`atpub plan`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Final

from atpub.atomic_files import require_own, write_text
from atpub.cli.connect import TargetOptions
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, print_source, style_for, tell
from atpub.cli.prepare import options_of, prepare_plan
from atpub.cli.saved import STANDARD, require_room, save
from atpub.desired import read_manifest
from atpub.errors import Refused, Usage
from atpub.report.markdown import plan_markdown
from atpub.report.plan import plan_json, plan_text
from atpub.report.plan_page import PAGE_START, plan_page

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
    html: Path | None,
    out: Path | None,
    detailed_exitcode: bool,
    reproducible: bool,
    locked: bool,
    **flags: Any,
) -> int:
    """Print a plan and save it if asked to; return the exit code."""
    if as_json + markdown + (out == STANDARD) + (html == STANDARD) > 1:
        raise Usage("--json, --markdown, --html - and --out - exclude each other", hint="give one of them")
    if out is not None:
        require_room(out)
    if html not in (None, STANDARD):
        require_own(html, "a page of a plan", _PAGE)
    manifest = read_manifest(manifests, environment, environ())
    target = TargetOptions(account, pds, environment)
    options = options_of(flags)
    with prepare_plan(manifest, target, options, reproducible=reproducible, locked=locked, remember=True) as prepared:
        plan = prepared.plan
        if out is not None:
            save(prepared, out)
        if html not in (None, STANDARD):
            write_text(html, plan_page(plan))
        if out == STANDARD:
            tell(plan_text(plan, style_for(sys.stderr, is_long=long)))
        elif html == STANDARD:
            print_source(plan_page(plan))
        elif as_json:
            print_json(plan_json(plan))
        elif markdown:
            print_data(plan_markdown(plan, environment))
        else:
            print_data(plan_text(plan, style_for(sys.stdout, is_long=long)))
        if plan.refusals:
            return Refused.exit_code
        return 2 if detailed_exitcode and plan.pending else 0
