"""Atomic writes: a file appears whole or not at all, and replaces only files of its own kind."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from atpub.errors import FileConflict


def require_own(file: Path, kind: str, begins: re.Pattern[bytes]) -> None:
    """Raise FileConflict if the file exists and is of another kind: `begins` does not match its first bytes."""
    if not file.exists():
        return
    if file.is_file():
        with file.open("rb") as stream:
            start = stream.read(64)
        if not start or begins.match(start):
            return
    raise FileConflict(f"{file} exists and is not {kind}", hint="name another file, or move that away")


@contextmanager
def replacing(file: Path) -> Generator[Path]:
    """Yield a path for the new content; it replaces the file at the end of the block, or is removed on an error."""
    target = file.resolve()  # keep a symlink
    temporary = target.with_name(f".{target.name}.new")
    try:
        yield temporary
        temporary.replace(target)
    except BaseException as error:
        with suppress(OSError):  # it may not exist yet
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(file)
        raise


@contextmanager
def new_folder(folder: Path) -> Generator[Path]:
    """Yield a path for a new folder; it takes its name at the end of the block, or is removed on an error."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        new = Path(temporary, folder.name)
        try:
            new.mkdir()
            yield new
            new.rename(folder)
        except OSError as error:
            if str(error.filename).startswith(temporary):
                error.filename = str(folder)
            raise


def write_text(file: Path, text: str) -> None:
    """Write a text in UTF-8, and leave its line ends as they are."""
    with replacing(file) as new:
        new.write_text(text, "utf-8", newline="\n")
