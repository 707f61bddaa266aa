"""The files that a manifest names: each inside its folder and readable, or a problem at its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from atpub.errors import InvalidInput
from atpub.problems import Place, Problem
from atpub.text.paths import leads_out, refuse
from atpub.text.spans import Steps

T = TypeVar("T")


class NamedFiles:
    """Checks and reads files by their paths from the manifest's folder; adds to its problems."""

    def __init__(self, folder: Path, place: Callable[[Steps], Place], problems: list[Problem]) -> None:
        self.folder = folder
        self._place = place
        self._problems = problems

    def is_inside(self, name: str, steps: Steps) -> bool:
        """Return whether a path stays in the manifest's folder."""
        problem = refuse(self.folder / name, self.folder)
        if leads_out(name):
            hint = "keep it in the manifest's folder, and give its path from there"
            problem = Problem("outside-folder", f"{name!r} is outside the manifest's folder", hint=hint)
        if problem:
            self._problems.append(replace(problem, place=self._place(steps)))
        return problem is None

    def read(self, read: Callable[[Path], T], file: Path, steps: Steps) -> T | None:
        """Read a file; None, with its problems, if that fails. Problems without a place get the place of `steps`."""
        try:
            return read(file)
        except InvalidInput as error:
            place = self._place(steps)
            self._problems.extend(replace(problem, place=problem.place or place) for problem in error.problems)
            return None
