"""Saved plans, written by `atpub plan --out`: loaded by `atpub apply FILE`.

A person who can change the file decides what is written, but not who gets a password: the server is the one that this
run names, or the one of the account's identity; a password in the environment is not sent to an account that only the
file names; and only files whose bytes are those of the plan are uploaded.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from atpub.cli.connect import TargetOptions, applied_records, find_target, named_target, open_repository, this_machine
from atpub.cli.output import STANDARD
from atpub.cli.prepare import PreparedPlan
from atpub.cli.progress import show_progress
from atpub.cli.stray import names_account
from atpub.desired import usual_folder
from atpub.engine.plan.model import Plan, Upload
from atpub.engine.plan.serialize import read_plan
from atpub.engine.plan.three_way import with_applied_values
from atpub.errors import Refused, StalePlan, Usage
from atpub.login.model import VARIABLE
from atpub.pipeline import resume_plan
from atpub.shards.file_facts import FileFacts, FileSource
from atpub.shards.measure import measure_files
from atpub.target import FOLDER, Target, refuse_pds
from atpub.text.files import STDIN
from atpub.user_folders import cache_folder


@contextmanager
def load(file: Path, options: TargetOptions, *, has_digest: bool = False) -> Generator[PreparedPlan]:
    """Load a saved plan without the changes that are live already; raises InvalidInput, Usage, Refused or StalePlan.

    A digest that approves it covers no folder: it may be for the default one, or for that which this run names.
    """
    if file == STANDARD:
        plan, folder = read_plan(sys.stdin.buffer.read(), STDIN)
    else:
        plan, folder = read_plan(_read(file), str(file))
    target = _find_target(plan, folder, options)
    if has_digest and target.folder is not None:
        _require_folder(target.folder, named_target(options))
    with closing(open_repository(target)) as repository:
        rest = resume_plan(plan, repository, account=target.account)
        rest = with_applied_values(rest, applied_records().find)
        yield PreparedPlan(rest, target, repository, _sources(rest.uploads), usual_folder())


def _read(file: Path) -> bytes:
    if file.is_dir() or file.suffix in {".yaml", ".yml"}:
        raise Usage(f"{file} is not a saved plan", hint=f"a manifest is named with -m: atpub apply -m {file}")
    if names_account(str(file)):
        raise Usage(f"{file} is not a saved plan", hint=f"name an account with --account: atpub apply --account {file}")
    if not file.exists():
        raise Usage(f"{file} does not exist", hint=f"save a plan first: atpub plan --out {file}")
    return file.read_bytes()


def _sources(uploads: Iterable[Upload]) -> Mapping[str, FileSource]:
    """Return the present files after checking that their bytes are those of the plan; raises StalePlan if not.

    A file with other bytes is not uploaded, and its digest is not shown.
    """
    here = [item for item in uploads if item.file.is_file()]
    with show_progress() as on_progress:
        files = [item.file for item in here]
        found = measure_files(files, cache=cache_folder(), tar=False, on_progress=on_progress)
    for item in here:
        facts = found[item.file]
        if not isinstance(facts, FileFacts) or facts.cid != item.cid:
            message = f"{item.file} has changed since the plan was made"
            raise StalePlan(message, hint="make a new plan, review it and apply that")
    return {item.cid: FileSource(item.file, item.size) for item in here}


def _find_target(plan: Plan, folder: Path | None, options: TargetOptions) -> Target:
    """Return the repository of a saved plan; raises Usage, and Refused if this run names another one."""
    named = named_target(options)
    if folder or (named and named.folder):
        refuse_pds(plan.account, options.pds)
        if named and named.account != plan.account and not _is_same(named.folder, folder):
            message = f"the plan is for {plan.account}, and not for {named.account}"
            raise Refused(message, hint="make one for that account")
        return Target(plan.account, plan.did, folder=folder)
    if this_machine().from_environment() and not named:
        message = f"{VARIABLE} is not sent to an account that only the plan names"
        raise Usage(message, hint=f"name its account: --account {plan.account}, or ATPUB_ACCOUNT")
    return replace(named or find_target(None, replace(options, account=plan.account)), did=plan.did)


def _require_folder(folder: Path, named: Target | None) -> None:
    """Raise Refused where a plan is for a folder that is neither named nor the default."""
    if not _is_same(folder, named.folder if named else usual_folder() / FOLDER):
        message = f"the plan is for the repository in {folder}, which its digest does not cover"
        raise Refused(message, hint=f"name the folder: --account {shlex.quote(f'local:{folder}')}")


def _is_same(one: Path | None, other: Path | None) -> bool:
    return one is not None and other is not None and one.absolute() == other.absolute()
