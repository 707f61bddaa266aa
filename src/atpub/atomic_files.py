"""Atomic writes: a file appears whole or not at all, and replaces only files of its own kind."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
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
def replacing(file: Path, *, private: bool = False, durable: bool = True) -> Generator[BinaryIO]:
    """Yield a stream for the new content; it replaces the file at the end of the block, or is removed on an error.

    A symlink is replaced itself: a write through it could reach any file that the user may write. A file that can be
    made again need not be `durable`: a failure of the whole machine may lose it.
    """
    try:
        with open_new(file.parent, PREFIX, private=private) as stream, _removing(Path(stream.name)) as temporary:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
            stream.close()  # Windows renames no open file
            temporary.replace(file)
            if durable:
                sync_folder(file.parent)
    except OSError as error:
        _hide_temporary(error, file)
        raise


@contextmanager
def new_file(file: Path) -> Generator[BinaryIO]:
    """Yield a stream for a new file; it takes its name at the end of the block, or is removed on an error.

    A file of that name is left as it is. Raises FileConflict if it is not a regular file with the same bytes.
    """
    try:
        with open_new(file.parent, PREFIX) as stream, _removing(Path(stream.name)) as temporary:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            stream.close()  # Windows renames no open file
            if os.path.lexists(file) or not _take_name(temporary, file):
                _require_same(temporary, file)
                temporary.unlink()
            sync_folder(file.parent)
    except OSError as error:
        _hide_temporary(error, file)
        raise


def _take_name(temporary: Path, file: Path) -> bool:
    """Give a file its name; return False where there is one of that name."""
    try:
        os.link(temporary, file)  # unlike a rename, it replaces no file
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if os.path.lexists(file):
            return False
        temporary.rename(file)
    else:
        temporary.unlink()
    return True


def _require_same(temporary: Path, file: Path) -> None:
    from filecmp import cmp  # few commands need it

    if file.is_symlink() or not file.is_file() or not cmp(temporary, file, shallow=False):
        raise FileConflict(f"{file} exists and differs", hint="move it away, or write elsewhere")


def _hide_temporary(error: OSError, file: Path) -> None:
    """Let an error name the file that was to be written."""
    if Path(str(error.filename)).name.startswith(PREFIX):
        error.filename = str(file)


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
    """Write a text in UTF-8 with its own line ends, as `replacing` does, or as `new_file` without `overwrite`."""
    with replacing(file, private=private) if overwrite else new_file(file) as stream:
        stream.write(text.encode())


def edit_texts(texts: Mapping[Path, str]) -> None:
    """Replace the texts of files, with their permissions and behind symlinks; none of them if one cannot be written."""
    with ExitStack() as stack:
        for file, text in texts.items():
            target = file.resolve()
            stream = stack.enter_context(replacing(target))
            stream.write(text.encode())
            Path(stream.name).chmod(target.stat().st_mode & 0o777)
