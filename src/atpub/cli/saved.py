"""Plans in files: written by `atpub plan --out`, carried out by `atpub apply FILE`."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from atpub.cli.files import require_own, write_text
from atpub.cli.prepare import Prepared
from atpub.cli.where import Where, open_repository
from atpub.errors import Usage
from atpub.lexicon.data import JsonObject
from atpub.planning.document import plan_document, read_plan
from atpub.planning.rebase import rebase
from atpub.repository.live import Wanted
from atpub.shards.measure import FileSource

_BEGINS: Final = re.compile(rb'\s*\{\s*"format_version"')


def require_room(file: Path) -> None:
    """Raise InTheWay where a plan would be written over something else."""
    require_own(file, "a saved plan", _BEGINS)


def save(prepared: Prepared, file: Path) -> None:
    """Write a plan to a file, whole or not at all; it says where its repository is."""
    where = prepared.where
    target: JsonObject = {"pds": where.pds, "folder": None if where.folder is None else str(where.folder)}
    text = json.dumps({**plan_document(prepared.plan), "target": target}, indent=1, ensure_ascii=False)
    write_text(file, f"{text}\n")


@contextmanager
def load(file: Path, pds: str | None) -> Generator[Prepared]:
    """The rest of a saved plan, on what is live now; raises Usage, InvalidInput or StalePlan."""
    if file.is_dir() or file.suffix in {".yaml", ".yml"}:
        raise Usage(f"{file} is not a saved plan", hint=f"a manifest is named with -m: atpub apply -m {file}")
    if not file.exists():
        raise Usage(f"there is no {file}", hint=f"save a plan first: atpub plan --out {file}")
    text = file.read_bytes()
    plan = read_plan(text, str(file))
    target: dict[str, str | None] = json.loads(text).get("target") or {}
    folder = target.get("folder")
    where = Where(plan.account, plan.did, pds or target.get("pds"), Path(folder) if folder else None)
    with closing(open_repository(where)) as repository:
        live = repository.read(Wanted.around(change.path for change in plan.changes))
        here = [item for item in plan.uploads if item.file.is_file()]
        sources: dict[str, FileSource] = {item.cid: FileSource(item.file, item.size) for item in here}
        yield Prepared(rebase(plan, live), where, repository, sources)
