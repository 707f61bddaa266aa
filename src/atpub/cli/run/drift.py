"""`atpub drift`."""

from __future__ import annotations

import json
import sys
from typing import Final

from atpub.atproto.repo.events import Connected, Lost
from atpub.cli.connect import TargetOptions
from atpub.cli.interrupt import interruptible
from atpub.cli.options import environ
from atpub.cli.output import print_data, print_json, style_for, tell
from atpub.cli.prepare import PreparedPlan, prepare_plan
from atpub.desired import read_manifest
from atpub.engine.plan.model import Options
from atpub.errors import Usage
from atpub.report.drift import drift_changes, drift_document, drift_markdown, drift_text, news_json, news_text
from atpub.watching import DriftNews, watch_drift

DRIFT: Final = 2
"""The exit code for drift."""


def run(
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_json: bool,
    changes_only: bool,
    long: bool,
    markdown: bool,
    watch: bool,
    locked: bool,
) -> int:
    """Print the records that were changed outside the project; return the exit code."""
    if as_json and markdown:
        raise Usage("--json and --markdown exclude each other", hint="give one of them")
    if changes_only and not as_json:
        raise Usage("--changes-only is about --json", hint="give both")
    if watch and (markdown or changes_only):
        raise Usage("--watch prints text, or with --json a line for each record", hint="leave out the other option")
    manifest = read_manifest(manifests, environment, environ())
    target = TargetOptions(account, pds, environment)
    with prepare_plan(manifest, target, Options(), locked=locked, remember=True) as prepared:
        plan = prepared.plan
        if watch:
            return _watch(prepared, as_json=as_json, long=long)
    if as_json:
        print_json(drift_changes(plan) if changes_only else drift_document(plan))
    elif markdown:
        print_data(drift_markdown(plan))
    else:
        print_data(drift_text(plan, style_for(sys.stdout, is_long=long), target.repeat(manifests)))
    return DRIFT if plan.drifted else 0


def _watch(prepared: PreparedPlan, *, as_json: bool, long: bool) -> int:
    """Print drift as it comes about, until Ctrl-C or SIGTERM; return the exit code."""
    plan, replan = prepared.plan, prepared.replan
    if prepared.target.folder is not None:
        raise Usage("--watch follows the events of a server, and a folder has none", hint="run atpub drift")
    from atpub.repository.pds import PdsRepository  # httpx
    from atpub.repository.pds.firehose import Firehose

    assert isinstance(prepared.repository, PdsRepository)
    assert replan is not None
    server, code = prepared.repository.url, 0
    with interruptible(as_json=as_json) as stop:
        for news in watch_drift(Firehose(server, plan.did, stop), replan):
            match news:
                case Connected():
                    tell(f"watching {plan.account} on {server}; Ctrl-C ends it")
                case Lost(reason, pause):
                    tell(f"lost the events of {server}: {reason}; trying again in {pause:.0f} s")
                case DriftNews():
                    code = DRIFT if news.drifted else code
                    _print_news(news, as_json=as_json, long=long)
    return code


def _print_news(news: DriftNews, *, as_json: bool, long: bool) -> None:
    if not as_json:
        print_data(news_text(news, style_for(sys.stdout, is_long=long)))
        return
    for item in news_json(news):
        print_data(json.dumps(item))
