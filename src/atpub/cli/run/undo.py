"""`atpub undo`."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from atpub.atproto.syntax import Cid
from atpub.cli.connect import TargetOptions, find_target, open_repository
from atpub.cli.options import environ
from atpub.cli.output import is_terminal, print_data, print_json, style_for, tell, tell_warnings
from atpub.cli.prepare import PreparedPlan
from atpub.cli.progress import show_progress
from atpub.cli.run.apply import apply_prepared, check, confirm
from atpub.desired import measure_data, read_manifest
from atpub.errors import InvalidInput, Usage
from atpub.history.folder import History
from atpub.history.model import Heading
from atpub.history.undo import Undo, find_undo, plan_undo
from atpub.manifest.model import Manifest
from atpub.report.history import headings_json, headings_text, undone_json, undone_text
from atpub.repository.interface import Repository
from atpub.repository.model import is_local
from atpub.shards.file_facts import FileFacts, FileSource
from atpub.shards.measure import measure_files
from atpub.target import Target
from atpub.user_folders import cache_folder


def run(
    name: str | None,
    manifests: tuple[str, ...],
    environment: str | None,
    account: str | None,
    pds: str | None,
    *,
    as_list: bool,
    force: bool,
    as_json: bool,
    wait: bool,
    yes: bool,
    no_history: bool,
    long: bool,
) -> None:
    """List past applies; or show the way back from one, ask for confirmation, and take it."""
    if not (as_list or yes or is_terminal(sys.stdin)):
        raise Usage("undo asks for confirmation, and there is no terminal to ask on", hint="give --yes")
    if as_list and (name or force):
        raise Usage("--list undoes nothing", hint="leave out APPLY and --force, or --list")
    manifest = read_manifest(manifests, environment, environ())
    target = find_target(manifest, TargetOptions(account, pds, environment))
    history = History(manifest.folder)
    tell_warnings(tuple(replace(item, severity="warning") for item in history.damaged()))
    if as_list:
        headings = [item for item in history.headings() if item.project == manifest.project]
        if as_json:
            print_json(headings_json(headings))
        else:
            print_data(headings_text(headings, style_for(sys.stdout)))
        return
    with _prepare(name, manifest, target, force=force) as (past, prepared):
        check(prepared, is_long=long)
        asks = prepared.plan.pending and not yes
        if asks:
            confirm("Undo this?")
        outcomes = apply_prepared(
            prepared, as_json=as_json, wait=wait, is_new=not asks, has_history=not no_history, undoes=past.name
        )
        if as_json:
            print_json(undone_json(past, prepared.plan, outcomes))
        else:
            print_data(undone_text(past, outcomes, style_for(sys.stdout)))
            if prepared.plan.pending:
                tell("The manifest is unchanged: where it differs, the next apply makes its changes again.")


def _find(history: History, project: str, name: str | None, target: Target, repository: Repository) -> Heading:
    """Return the apply that a name, or its beginning, names; without one, the last to this repository."""
    ours = [item for item in history.headings() if item.project == project]
    if name is None:
        found = [item for item in ours if item.did == repository.did and _is_same_folder(item, target)][:1]
    else:
        found = [item for item in ours if item.name.startswith(name)]
    if not found:
        what = f"no apply {name}" if name else f"no apply to {target.account}"
        message = f"there is {what} of {project} in {history.folder}"
        raise Usage(message, hint="list those that are kept: atpub undo --list")
    if len(found) > 1:
        raise Usage(f"{name} names {len(found)} applies", hint="give more of the name: atpub undo --list")
    if found[0].did != repository.did or not _is_same_folder(found[0], target):
        message = f"the apply {found[0].name} was to {found[0].account} ({found[0].did}), not to {target.account}"
        raise Usage(message, hint=f"name that account: --account {found[0].account}")
    return found[0]


def _is_same_folder(heading: Heading, target: Target) -> bool:
    """Return whether an apply was to the folder of this run, if it is one: folders may have the same DID."""
    return heading.account == target.account if target.folder else not is_local(heading.account)


@contextmanager
def _prepare(
    name: str | None, manifest: Manifest, target: Target, *, force: bool
) -> Generator[tuple[Heading, PreparedPlan]]:
    """Plan the way back from an apply."""
    history = History(manifest.folder)
    with closing(open_repository(target)) as repository:
        heading = _find(history, manifest.project, name, target, repository)
        undo = find_undo(history.read(heading.name), repository, force=force)
        sources = _sources(undo, history, manifest)
        files = {Cid(cid): source.path for cid, source in sources.items()}
        plan = plan_undo(undo, account=target.account, files=files, past_files=history.files())
        yield heading, PreparedPlan(plan, target, repository, sources, manifest.folder)


def _sources(undo: Undo, history: History, manifest: Manifest) -> Mapping[str, FileSource]:
    """Return the files that have the bytes of the lacking blobs: those of past applies, else the manifest's."""
    if not undo.lacking:
        return {}
    wanted = {str(blob.cid) for blob in undo.lacking}
    named = {cid: file for cid, file in history.files().items() if cid in wanted and file.is_file()}
    found = _with_bytes(sorted({*named.values()}), wanted)
    if wanted - found.keys():
        try:
            with show_progress() as on_progress:
                facts = measure_data(manifest, on_progress=on_progress)
        except InvalidInput:  # the data of a mistake that is undone may be wrong
            return found
        found = {**{cid: source for cid, source in facts.sources.items() if cid in wanted}, **found}
    return found


def _with_bytes(files: Sequence[Path], wanted: set[str]) -> dict[str, FileSource]:
    with show_progress() as on_progress:
        measured = measure_files(files, cache=cache_folder(), tar=False, on_progress=on_progress)
    return {
        str(facts.cid): FileSource(file, facts.size)
        for file, facts in measured.items()
        if isinstance(facts, FileFacts) and facts.cid in wanted
    }
