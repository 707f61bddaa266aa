"""GitHub Actions: annotations in the log, and the job's summary (docs.github.com: workflow commands)."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from atpub.cli.output import print_source, tell_source
from atpub.errors import AtpubError
from atpub.problems import Problem
from atpub.report.github import annotation_lines, error_markdown, error_problems

_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
_WORKSPACE: Final = "GITHUB_WORKSPACE"


def annotate(problems: Iterable[Problem], *, to_stderr: bool) -> None:
    """Print an annotation for each problem; GitHub reads the commands in both streams."""
    if text := annotation_lines(map(_from_workspace, problems)):
        (tell_source if to_stderr else print_source)(text)


@contextmanager
def annotating_errors(*, to_stderr: bool) -> Generator[None]:
    """Annotate an error that ends the block, and put it into the job's summary."""
    try:
        yield
    except AtpubError as error:
        annotate(error_problems(error), to_stderr=to_stderr)
        add_to_summary(error_markdown(error))
        raise


def add_to_summary(text: str) -> None:
    """Add Markdown to the job's summary; nothing outside of GitHub Actions."""
    if name := os.environ.get(_SUMMARY):
        with Path(name).open("a", encoding="utf-8") as stream:
            stream.write(f"{text}\n")


def _from_workspace(problem: Problem) -> Problem:
    """Return the problem with its file named from the root of the checkout, as annotations have it."""
    root, place = os.environ.get(_WORKSPACE), problem.place
    if not root or not place:
        return problem
    name = os.path.relpath(os.path.realpath(place.file), os.path.realpath(root))
    return problem if name.startswith("..") else replace(problem, place=replace(place, file=name))
