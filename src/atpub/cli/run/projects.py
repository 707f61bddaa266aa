"""`atpub validate`, `plan`, `apply` and `drift` of several projects: one run for each, one report and one exit code.

The manifests that `-m` names are one manifest where they are of one project. Those of different projects are separate
runs, each as if it had been started alone; one that fails does not keep the others from being made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from atpub.cli.failures import report
from atpub.cli.options import load
from atpub.cli.output import collecting_json, print_collected, print_data, tell
from atpub.errors import Interrupted, InvalidInput, Usage
from atpub.manifest.files import project_of, read_documents
from atpub.report.escape import escape_terminal
from atpub.report.problems import FORMAT_VERSION

_STDIN: Final = "-"
_PENDING: Final = 2
_OF_ONE_PROJECT: Final = ("out", "html", "digest", "only", "exclude", "forget", "plan_file", "changes_only", "watch")
"""The options that are about one project."""


def run_validate(**options: Any) -> int:
    """Validate each project."""
    return _run_each("atpub.cli.run.validate:run_validate", options)


def run_plan(**options: Any) -> int:
    """Plan each project."""
    return _run_each("atpub.cli.run.plan:run", options)


def run_apply(**options: Any) -> int:
    """Apply each project."""
    return _run_each("atpub.cli.run.apply:run", options)


def run_drift(**options: Any) -> int:
    """Find the drift of each project."""
    return _run_each("atpub.cli.run.drift:run", options)


def group_by_project(paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the paths of each project; those that name none belong to every one, and come last.

    What stdin holds can be read once: with it, as with files that cannot be read, all paths are one manifest.
    """
    if len(paths) < 2 or _STDIN in paths:
        return {"": tuple(paths)}
    try:
        projects = {path: project_of(read_documents([path])) for path in paths}
    except InvalidInput:
        return {"": tuple(paths)}  # reading it again reports why
    shared = tuple(path for path, project in projects.items() if project is None)
    names = dict.fromkeys(project for project in projects.values() if project is not None)
    groups = {name: tuple(path for path in projects if projects[path] == name) + shared for name in names}
    return groups if len(groups) > 1 else {"": tuple(paths)}


def _run_each(runner: str, options: Mapping[str, Any]) -> int:
    run: Callable[..., int | None] = load(runner)
    groups = group_by_project(options["manifests"])
    if len(groups) == 1:
        return run(**options) or 0
    _refuse_options(options, groups)
    codes: list[int] = []
    with collecting_json(_combine) as collection:
        for name, paths in groups.items():
            if codes and not options["as_json"]:
                print_data("")
            collection.labels = {"project": name}
            codes.append(_run_one(run, name, {**options, "manifests": paths}))
            if codes[-1] == Interrupted.exit_code:
                break
        if options["as_json"]:
            print_collected()
    return next((code for code in codes if code not in (0, _PENDING)), max(codes))


def _combine(documents: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
    return {"format_version": FORMAT_VERSION, "projects": documents}


def _refuse_options(options: Mapping[str, Any], names: Mapping[str, object]) -> None:
    for option in _OF_ONE_PROJECT:
        if options.get(option):
            message = f"--{option.replace('_', '-')} is about one project, and the manifests are of {', '.join(names)}"
            raise Usage(message, hint="name the manifests of one project")


def _run_one(run: Callable[..., int | None], name: str, options: Mapping[str, Any]) -> int:
    """Run a command for one project, and report its error; return the exit code."""
    tell(f"project {escape_terminal(name)}")
    try:
        return run(**options) or 0
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        return report(error, as_json=options["as_json"])
