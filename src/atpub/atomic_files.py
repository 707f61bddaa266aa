"""Atomic writes: a file appears whole or not at all, and replaces only files of its own kind."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from atpub.errors import FileConflict

PREFIX: Final = ".atpub-"
"""What the names of files begin with that are being written, or that a crash has left."""

_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)  # Windows has none, and needs a privilege to make symlinks


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


def open_new(folder: Path, prefix: str, *, private: bool = False) -> BinaryIO:
    """Open a new file under a random name (`stream.name`): no other writer's file, and no planted symlink's target.

    A private file is for its owner only.
    """

    def create(path: str, flags: int) -> int:
        return os.open(path, flags | _NO_FOLLOW, 0o600 if private else 0o666)

    return open(folder / f"{prefix}{os.urandom(8).hex()}", "xb", opener=create)


@contextmanager
def replacing(file: Path, *, private: bool = False, overwrite: bool = True) -> Generator[BinaryIO]:
    """Yield a stream for the new content; it replaces the file at the end of the block, or is removed on an error.

    A symlink is replaced itself: a write through it could reach any file that the user may write. Without `overwrite`,
    a file or symlink that is there at the end of the block stays, and FileConflict is raised.
    """
    try:
        with open_new(file.parent, PREFIX, private=private) as stream, _removing(Path(stream.name)) as temporary:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            stream.close()  # Windows renames no open file
            if overwrite:
                temporary.replace(file)
            else:
                _rename_to_free_name(temporary, file)
            sync_folder(file.parent)
    except OSError as error:
        if Path(str(error.filename)).name.startswith(PREFIX):
            error.filename = str(file)
        raise


def _rename_to_free_name(temporary: Path, file: Path) -> None:
    """Rename a file unless the name is taken; raises FileConflict."""
    try:
        os.link(temporary, file)
    except OSError:
        if os.path.lexists(file):
            raise FileConflict(f"{file} already exists", hint="give another name, or move that away") from None
        temporary.replace(file)  # a file system without hard links has no rename that spares files
    else:
        temporary.unlink()


@contextmanager
def _removing(temporary: Path) -> Generator[Path]:
    try:
        yield temporary
    except BaseException:
        with suppress(OSError):  # it may have its name already
            temporary.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Bring what was created or renamed in a folder onto the disk."""
    if os.name == "nt":  # Windows cannot open a folder, and writes its entries through
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def new_folder(folder: Path) -> Generator[Path]:
    """Yield a path for a new folder; it takes its name at the end of the block, or is removed on an error."""
    from tempfile import TemporaryDirectory  # brings shutil and its compressors; only generation makes folders

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


def write_text(file: Path, text: str, *, private: bool = False, overwrite: bool = True) -> None:
    """Write a text in UTF-8, and leave its line ends as they are; otherwise as `replacing`."""
    with replacing(file, private=private, overwrite=overwrite) as stream:
        stream.write(text.encode())
