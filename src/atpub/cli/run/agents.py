"""`atpub mcp` and `atpub approve`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from atpub.agents.answers import Answer
from atpub.agents.approvals import LONGEST, Approval, ApprovalStore, name_repository, parse_digest
from atpub.atproto.data import Json
from atpub.cli.connect import TargetOptions
from atpub.cli.options import environ, silence
from atpub.cli.output import is_terminal, tell
from atpub.cli.prepare import prepare_plan, project_options, with_publishers
from atpub.cli.run.agent_tools import ProjectTools, manifest_files
from atpub.cli.run.apply import check
from atpub.cli.streams import undisturbed
from atpub.desired import read_manifest
from atpub.engine.plan.model import Plan
from atpub.errors import Declined, Interrupted, Usage
from atpub.manifest.lexicon_lock import COLLECTION as LEXICONS
from atpub.user_folders import state_folder

_FEWEST: Final = 6


def run_mcp(
    manifests: tuple[str, ...], environment: str | None, account: str | None, pds: str | None, *, locked: bool
) -> None:
    """Serve the tools on stdin and stdout until the client closes them."""
    manifest_files(manifests)
    try:
        from atpub.agents.server import run_server
    except ImportError:
        raise Usage("atpub mcp needs the library mcp, version 2.3 or later", hint="pip install 'atpub[mcp]'") from None
    if is_terminal(sys.stdin):
        tell("atpub mcp waits for the messages of an MCP client; Ctrl-D ends it")
    silence()
    options = TargetOptions(account, pds, environment)
    approvals = _open_approvals(_approve_command(manifests, options, locked=locked))
    tools, context = ProjectTools(manifests, options, environ(), approvals, locked=locked), click.get_current_context()

    def call_tool(name: str, arguments: Mapping[str, Json]) -> Answer:
        with context.scope(cleanup=False):  # a call runs in a thread of its own
            return tools.call(name, arguments)

    run_server(call_tool)


def run_approve(
    digest: str,
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    locked: bool,
    long: bool,
    duration: timedelta,
) -> None:
    """Show a plan, ask a person, and store the approval."""
    wanted, store = parse_digest(digest), _open_approvals()
    if duration > LONGEST:
        raise Usage(
            f"an approval is good for at most {LONGEST.total_seconds() / 3600:.0f} hours", hint="such as --for 2h"
        )
    if not all(map(is_terminal, (sys.stdin, sys.stdout, sys.stderr))):
        raise Usage("approve asks a person, and needs a terminal", hint="run it in a terminal, without redirections")
    manifest = read_manifest(manifests, environment, environ())
    store.require_outside(manifest.folder)
    target = TargetOptions(account, pds, environment)
    plan_options = project_options()
    with prepare_plan(manifest, target, plan_options, locked=locked, remember=True) as made:
        prepared, repository = with_publishers(made), name_repository(made.plan.did, made.target.folder)
        check(prepared, wanted, is_long=long)
    plan = prepared.plan
    if not plan.pending:
        raise Usage("the plan changes nothing: there is nothing to approve")
    _tell_approved(plan, plan_options.approved)
    _ask(wanted)
    expires = datetime.now(UTC) + duration
    store.save(Approval(manifest_files(manifests), repository, wanted, expires))
    tell(f"Approved until {expires.astimezone():%H:%M:%S}, for one apply: {wanted}")


def _tell_approved(plan: Plan, approved: Iterable[str]) -> None:
    """Tell which breaking changes pyproject.toml approves: an agent may have written that."""
    written = {change.path.rkey for change in plan.changes if change.pending and change.path.collection == LEXICONS}
    for line in sorted(approved):
        if written.intersection(line.split()[1:2]):
            tell(f"pyproject.toml approves a change that breaks others: {line}")


def _ask(digest: str) -> None:
    """Ask for the beginning of the digest, or `yes`; raises Declined, and Interrupted for Ctrl-C."""
    question = f"\nLet an agent apply this once? Type yes, or the first {_FEWEST} characters of the digest {digest}"
    try:
        with undisturbed():
            answer = str(click.prompt(question, default="", show_default=False, err=True)).strip().lower()
    except click.Abort:
        tell("")  # the cursor stands after the question
        raise Interrupted("interrupted") from None
    if answer != "yes" and not (len(answer) >= _FEWEST and digest.startswith(answer)):
        raise Declined("nothing was approved")


def _open_approvals(command: str = "atpub approve") -> ApprovalStore:
    folder = state_folder()
    if folder is None:
        raise Usage("there is no folder to store approvals in", hint="set XDG_STATE_HOME, or HOME")
    return ApprovalStore(folder / "approvals", command)


def _approve_command(manifests: Sequence[str], options: TargetOptions, *, locked: bool) -> str:
    """Return the command line that approves a plan of this manifest; the digest follows.

    It changes to this folder if there is a pyproject.toml: what that approves decides on the plan.
    """
    given = [("-m", path) for path in manifest_files(manifests)]
    named = (("--env", options.environment), ("--account", options.account), ("--pds", options.pds))
    given += [(name, value) for name, value in named if value]
    words = [word for option in given for word in option]
    command = shlex.join(["atpub", "approve", *words, *(["--locked"] if locked else [])])
    return f"cd {shlex.quote(str(Path.cwd()))} && {command}" if Path("pyproject.toml").exists() else command
