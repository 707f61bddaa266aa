"""Files that commands write: whole or not at all, and never over somebody else's."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from atpub.errors import FileConflict


def require_own(file: Path, kind: str, begins: re.Pattern[bytes]) -> None:
    """Raise InTheWay where writing a file would overwrite one that is of another kind: that does not begin like it."""
    if not file.exists():
        return
    if file.is_file():
        with file.open("rb") as stream:
            start = stream.read(64)
        if not start or begins.match(start):
            return
    raise FileConflict(f"{file} is there already, and is not {kind}", hint="name another file, or move that away")


@contextmanager
def replacing(file: Path) -> Generator[Path]:
    """A name for the new content, which takes the file's place at the end of the block; or of which nothing stays."""
    target = file.resolve()  # a link goes on leading there
    temporary = target.with_name(f".{target.name}.new")
    try:
        yield temporary
        temporary.replace(target)
    except BaseException as error:
        with suppress(OSError):  # it may not be there
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(file)
        raise


@contextmanager
def new_folder(folder: Path) -> Generator[Path]:
    """A name for a folder that is not there yet, which it has at the end of the block; or of which nothing stays."""
    from tempfile import TemporaryDirectory  # most commands make no folder

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
    """Write a text, in UTF-8 and with its line ends as they are."""
    with replacing(file) as new:
        new.write_text(text, "utf-8", newline="\n")
