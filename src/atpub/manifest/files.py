"""Files and folders of manifests, read: the only part of the manifest's reading that touches the disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from atpub.errors import InvalidInput, Usage
from atpub.problems import Place, Problem
from atpub.text.document import Document, parse_source
from atpub.text.files import STDIN, read_source, read_stdin, unreadable
from atpub.text.paths import outside_target, refuse_special

AnyPath: TypeAlias = "str | os.PathLike[str]"
_SUFFIXES = (".yaml", ".yml")


def read_documents(paths: Iterable[AnyPath]) -> tuple[Document, ...]:
    """Read each file, and each file of each folder, by name; raises InvalidInput with every problem.

    A file that is named twice is read once.
    """
    outcomes = [found if isinstance(found, Problem) else _outcome(found) for found in _unique(paths)]
    documents = tuple(outcome for outcome in outcomes if isinstance(outcome, Document))
    if len(documents) < len(outcomes):
        raise InvalidInput(tuple(problem for outcome in outcomes for problem in _problems(outcome)))
    return documents


def project_of(documents: Iterable[Document]) -> str | None:
    """Return the project that the documents of a file or a folder name: the first of them that names one."""
    values = (document.value for document in documents)
    return next((str(value["project"]) for value in values if isinstance(value, dict) and "project" in value), None)


def require_one_project(paths: Iterable[AnyPath], documents: Iterable[Document]) -> None:
    """Raise Usage where paths that were named together are of different projects; a folder by itself is one path."""
    documents = tuple(documents)
    named: dict[str, str] = {}
    for path in (STDIN if path == "-" else os.fspath(path) for path in paths):
        project = project_of(item for item in documents if path == item.file or Path(path) == Path(item.file).parent)
        if project is not None:
            named.setdefault(project, path)
    if len(named) > 1:
        each = ", and ".join(f"{path} is of {project!r}" for project, path in [*named.items()][:2])
        hint = "name the manifests of one; only validate, plan, apply and drift take several, and not with -m -"
        raise Usage(f"this command takes one project: {each}", hint=hint)


def holds_manifests(folder: Path) -> bool:
    """Whether it is a folder with a manifest in it, or one that cannot be looked into."""
    try:
        return folder.is_dir() and any(map(_is_manifest, folder.iterdir()))
    except OSError:
        return True


_Outcome: TypeAlias = "Document | InvalidInput | Problem"


def _outcome(file: str) -> _Outcome:
    if refused := _refuse(Path(file)):
        return refused
    try:
        return parse_source(read_stdin() if file == "-" else read_source(file))
    except InvalidInput as error:
        return error


def _refuse(file: Path) -> Problem | None:
    """Return why a file may not be read: excerpts of it may be printed, and a checkout may hold any symlink.

    A pipe may be named by hand, as in `-m <(…)` and `-m /dev/stdin`, which is a symlink too.
    """
    target = outside_target(file, file.parent)
    if target is None or file.parts[:3] in (("/", "dev", "fd"), ("/", "dev", "stdin")):
        return None
    message = f"{file} is a symlink to {target}, outside its folder"
    return Problem("outside-folder", message, Place(str(file)), f"name the file itself: -m {target}")


def _problems(outcome: _Outcome) -> tuple[Problem, ...]:
    return (outcome,) if isinstance(outcome, Problem) else outcome.problems


def _unique(paths: Iterable[AnyPath]) -> Iterator[str | Problem]:
    seen: set[str] = set()
    for path in paths:
        for found in _files(os.fspath(path)):
            if isinstance(found, Problem):
                yield found
            elif (real := _real(found)) not in seen:
                seen.add(real)
                yield found


def _real(file: str) -> str:
    try:
        return os.path.realpath(file)
    except (OSError, ValueError):
        return file  # reading it says what is wrong


def _files(path: str) -> list[str] | list[Problem]:
    """List the path itself, or the manifests of the folder that it names."""
    try:
        if not Path(path).is_dir():
            return [path]
        files = sorted(file for file in Path(path).iterdir() if _is_manifest(file))
    except OSError as error:
        return [unreadable(path, error)]
    if not files:
        hint = "a manifest's name ends in .yaml or .yml; folders inside the folder are not read"
        return [Problem("no-manifests", f"{path}: the folder holds no manifest", hint=hint)]
    return [problem for file in files if (problem := refuse_special(file))] or [str(file) for file in files]


def _is_manifest(file: Path) -> bool:
    return file.suffix in _SUFFIXES and not file.name.startswith(".") and not file.is_dir()
