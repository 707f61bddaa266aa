"""`atpub plan`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from atpub.cli.connect import TargetOptions
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, style_for, tell
from atpub.cli.prepare import options_of, prepare_plan, with_publishers
from atpub.cli.saved import STANDARD, require_room, save
from atpub.desired import read_manifest
from atpub.errors import Refused, Usage
from atpub.report.markdown import plan_markdown
from atpub.report.plan import plan_json, plan_text


def run(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    long: bool,
    markdown: bool,
    out: Path | None,
    detailed_exitcode: bool,
    reproducible: bool,
    locked: bool,
    **flags: Any,
) -> int:
    """Print a plan and save it if asked to; return the exit code."""
    if as_json + markdown + (out == STANDARD) > 1:
        raise Usage("--json, --markdown and --out - exclude each other", hint="give one of them")
    if out is not None:
        require_room(out)
    manifest = read_manifest(manifests, environment, environ())
    target = TargetOptions(account, pds, environment)
    options = options_of(flags)
    with prepare_plan(manifest, target, options, reproducible=reproducible, locked=locked, remember=True) as made:
        prepared = with_publishers(made)
        plan = prepared.plan
        if out is not None:
            save(prepared, out)
        if out == STANDARD:
            tell(plan_text(plan, style_for(sys.stderr, is_long=long)))
        elif as_json:
            print_json(plan_json(plan))
        elif markdown:
            print_data(plan_markdown(plan))
        else:
            print_data(plan_text(plan, style_for(sys.stdout, is_long=long)))
        if plan.refusals:
            return Refused.exit_code
        return 2 if detailed_exitcode and plan.pending else 0
