"""Plans in files: written by `atpub plan --out`, carried out by `atpub apply FILE`.

Whoever can change the file decides what is written. They do not decide who gets a password: the server is one that this
run names, or the one of the account's identity; a password in the environment goes to no account that only the file
names; and no file is sent but the very bytes that were planned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from atpub.cli.credentials import VARIABLE, from_environment
from atpub.cli.files import require_own, write_text
from atpub.cli.options import TargetOptions
from atpub.cli.plans import Ready
from atpub.cli.targets import find, named, open_repository
from atpub.engine.plan.model import Plan, Upload
from atpub.engine.plan.serialize import read_plan, saved_document
from atpub.errors import Refused, StalePlan, Usage
from atpub.pipeline import resume_plan
from atpub.shards.measure import FileFacts, FileSource, measure_files
from atpub.target import Target
from atpub.user_folders import cache_folder

_BEGINS: Final = re.compile(rb'\s*\{\s*"format_version"')


def require_room(file: Path) -> None:
    """Raise InTheWay where a plan would be written over something else."""
    require_own(file, "a saved plan", _BEGINS)


def save(ready: Ready, file: Path) -> None:
    """Write a plan to a file, whole or not at all."""
    document = saved_document(ready.plan, ready.where.folder)
    write_text(file, f"{json.dumps(document, indent=1, ensure_ascii=False)}\n")


@contextmanager
def load(file: Path, target: TargetOptions) -> Generator[Ready]:
    """The rest of a saved plan, on what is live now; raises InvalidInput, Usage, Refused or StalePlan."""
    if file.is_dir() or file.suffix in {".yaml", ".yml"}:
        raise Usage(f"{file} is not a saved plan", hint=f"a manifest is named with -m: atpub apply -m {file}")
    if not file.exists():
        raise Usage(f"there is no {file}", hint=f"save a plan first: atpub plan --out {file}")
    plan, folder = read_plan(file.read_bytes(), str(file))
    where = _where(plan, folder, target)
    with closing(open_repository(where)) as repository:
        rest = resume_plan(plan, repository, account=where.account)
        yield Ready(rest, where, repository, _sources(rest.uploads))


def _sources(uploads: Iterable[Upload]) -> Mapping[str, FileSource]:
    """The files that are here, each with the very bytes that were planned; raises StalePlan before any other is sent.

    Another file that the plan names is not sent anywhere, nor is its digest shown.
    """
    here = [item for item in uploads if item.file.is_file()]
    found = measure_files((item.file for item in here), cache=cache_folder(), tar=False)
    for item in here:
        facts = found[item.file]
        if not isinstance(facts, FileFacts) or facts.cid != item.cid:
            message = f"{item.file} is not what it was when the plan was made"
            raise StalePlan(message, hint="look at a new plan, then apply that")
    return {item.cid: FileSource(item.file, item.size) for item in here}


def _where(plan: Plan, folder: Path | None, target: TargetOptions) -> Target:
    """Target a plan goes; raises Usage, and Refused where that is not what the run names."""
    said = named(target)
    if folder or (said and said.folder):
        if said and said.account != plan.account:
            message = f"the plan is for {plan.account}, and not for {said.account}"
            raise Refused(message, hint="make one for that account")
        return Target(plan.account, plan.did, folder=folder)
    if from_environment() and not said:
        message = f"{VARIABLE} is not sent to an account that only the plan names"
        raise Usage(message, hint=f"say whose it is: --account {plan.account}, or ATPUB_ACCOUNT")
    return replace(said or find(None, replace(target, account=plan.account)), did=plan.did)
