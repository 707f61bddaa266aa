"""Files that commands write: whole or not at all."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(file: Path) -> Generator[Path]:
    """A name for the new content, which takes the file's place at the end of the block; or of which nothing stays."""
    temporary = file.with_name(f".{file.name}.new")
    try:
        yield temporary
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(file: Path, text: str) -> None:
    """Write a text, in UTF-8 and with its line ends as they are."""
    with replacing(file) as new:
        new.write_text(text, "utf-8", newline="\n")
