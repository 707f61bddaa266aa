"""What became of generated files, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from atpub.atproto.data import JsonObject
from atpub.errors import Problem
from atpub.report.problems import FORMAT_VERSION, problem_json
from atpub.report.style import counted


def files_text(out: Path, files: int, written: Sequence[PurePosixPath], removed: Sequence[PurePosixPath]) -> str:
    """How many files there are, and how many of them were written or removed."""
    total = f"{out}: {counted(files, 'file')}"
    if not written and not removed:
        return f"{total}, all up to date."
    gone = f", {len(removed)} removed" if removed else ""
    return f"{total}, {len(written)} written{gone}."


def files_json(
    out: Path,
    files: int,
    written: Sequence[PurePosixPath],
    removed: Sequence[PurePosixPath],
    warnings: Sequence[Problem] = (),
) -> JsonObject:
    """The same as JSON, with the names of the files, and each warning."""
    return {
        "format_version": FORMAT_VERSION,
        "out": str(out),
        "files": files,
        "written": [str(name) for name in written],
        "removed": [str(name) for name in removed],
        "warnings": [problem_json(problem) for problem in warnings],
    }
