"""The one rule for files that a manifest, a lexicon folder or a lock names: regular files inside the folder."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from atpub.problems import Problem

REFUSALS: Final = frozenset(("outside-folder", "not-a-regular-file"))
"""The codes of the problems of this rule: errors, whatever the file is for."""


def leads_out(name: str) -> bool:
    """Whether a path, as it is written, is absolute or has a part `..`."""
    return Path(name).is_absolute() or ".." in Path(name).parts


def outside_target(path: Path, folder: Path) -> Path | None:
    """Return where a path leads through symlinks, if that is outside the folder."""
    try:
        real = Path(os.path.realpath(path))
        return None if real.is_relative_to(os.path.realpath(folder)) else real
    except (OSError, ValueError):
        return None  # opening it says what is wrong


def refuse(path: Path, folder: Path) -> Problem | None:
    """Return why an existing file in a folder may not be read: it leads out, or reading it might never end.

    Opening a pipe or a device can block, or act: the file is not opened to find out.
    """
    if target := outside_target(path, folder):
        name, where = path.relative_to(folder) if path.is_relative_to(folder) else path, target
        message = f"{name} leads to {where}, outside the folder {folder.resolve()}"
        return Problem("outside-folder", message, hint="copy the file into the folder: a symlink may not leave it")
    return refuse_special(path)


def refuse_special(path: Path) -> Problem | None:
    """Return the problem with a pipe, a device, a socket or a name that is too long.

    None for a regular file, and where there is nothing.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            return None  # opening it says what is wrong
        return Problem("file-unreadable", f"the path of a file cannot be used: {error.strerror}")
    except ValueError:
        return None
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    return Problem("not-a-regular-file", f"{path} is not a regular file", hint="copy its content into a file")
