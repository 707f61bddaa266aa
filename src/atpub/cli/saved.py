"""Plans in files: written by `atpub plan --out`, applied by `atpub apply FILE`.

A person who can change the file decides what is written, but not who gets a password: the server is the one that this
run names, or the one of the account's identity; a password in the environment is not sent to an account that only the
file names; and only files whose bytes are those of the plan are uploaded.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from atpub.atomic_files import require_own, write_text
from atpub.cli.connect import TargetOptions, applied_records, find_target, named_target, open_repository, this_machine
from atpub.cli.output import print_json
from atpub.cli.prepare import PreparedPlan
from atpub.cli.progress import show_progress
from atpub.cli.stray import names_account
from atpub.desired import usual_folder
from atpub.engine.plan.model import Plan, Upload
from atpub.engine.plan.serialize import read_plan, saved_document
from atpub.engine.plan.three_way import with_applied_values
from atpub.errors import Refused, StalePlan, Usage
from atpub.login.model import VARIABLE
from atpub.pipeline import resume_plan
from atpub.shards.file_facts import FileFacts, FileSource
from atpub.shards.measure import measure_files
from atpub.target import Target, refuse_pds
from atpub.text.files import STDIN
from atpub.user_folders import cache_folder

STANDARD: Final = Path("-")
"""The name of stdin and stdout on a command line."""

_BEGINS: Final = re.compile(rb'\s*\{\s*"format_version"')


def require_room(file: Path) -> None:
    """Raise FileConflict if a plan would overwrite a file that is not a saved plan."""
    if file != STANDARD:
        require_own(file, "a saved plan", _BEGINS)


def save(prepared: PreparedPlan, file: Path) -> None:
    """Write a plan to a file, whole or not at all, or to stdout."""
    document = saved_document(prepared.plan, prepared.target.folder)
    if file == STANDARD:
        print_json(document)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, f"{json.dumps(document, indent=1)}\n")


@contextmanager
def load(file: Path, options: TargetOptions) -> Generator[PreparedPlan]:
    """Load a saved plan without the changes that are live already; raises InvalidInput, Usage, Refused or StalePlan."""
    if file == STANDARD:
        plan, folder = read_plan(sys.stdin.buffer.read(), STDIN)
    else:
        plan, folder = read_plan(_read(file), str(file))
    target = _find_target(plan, folder, options)
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
        if named and named.account != plan.account:
            message = f"the plan is for {plan.account}, and not for {named.account}"
            raise Refused(message, hint="make one for that account")
        return Target(plan.account, plan.did, folder=folder)
    if this_machine().from_environment() and not named:
        message = f"{VARIABLE} is not sent to an account that only the plan names"
        raise Usage(message, hint=f"name its account: --account {plan.account}, or ATPUB_ACCOUNT")
    return replace(named or find_target(None, replace(options, account=plan.account)), did=plan.did)
