"""The folder of a project's history: one compressed file for each apply, the oldest removed first.

Each file is written whole and brought onto the disk before the apply writes anything.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, TypeAlias, cast

from atpub.atomic_files import replacing, sync_folder, write_text
from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import RecordPath
from atpub.errors import InvalidInput, OSFailure
from atpub.history.document import bad_history, lines, read_heading, read_past_apply, read_times
from atpub.history.model import Heading, PastApply
from atpub.history.names import FOLDER, SUFFIX, list_names, name_after
from atpub.problems import Problem
from atpub.repository.model import is_local

OnWarnings: TypeAlias = Callable[[tuple[Problem, ...]], None]

MOST_FILES: Final = 100
MOST_BYTES: Final = 64_000_000
"""The bytes of all files; the newest is kept whatever its size."""

_LONGEST_LINE: Final = 64_000_000
_MOST_READ: Final = 2_000_000_000
_HINT: Final = "check the folder and its disk, or apply with --no-history (Python: history=False)"


class History:
    """The past applies that are kept beside a manifest, by their names, which are times."""

    def __init__(self, beside: Path) -> None:
        self.base = beside
        self.folder = beside / FOLDER

    def names(self) -> list[str]:
        """Return the names of all applies, the oldest first."""
        return list_names(self.base)

    def new_name(self, now: datetime) -> str:
        """Return the name of an apply that begins now: later than all others, even where the clock was put back."""
        return name_after(max(self.names(), default=""), now)

    def write(self, past: PastApply) -> None:
        """Write an apply durably, and remove the oldest beyond the limits; raises OSFailure."""
        file = self._file(past.heading.name)
        with _writing(file):
            self._make_folder()
            with replacing(file) as stream, gzip.GzipFile("", "wb", 6, stream, 0) as packed:
                packed.writelines(lines(past))
        self._prune()

    def try_writing(self) -> None:
        """Raise OSFailure if the folder, or that in which it is to be made, cannot be written to; leaves nothing."""
        with _writing(self.folder):
            found = next(path for path in (self.folder, *self.folder.parents) if path.exists())
            with TemporaryFile(dir=found):
                pass

    def remove(self, name: str) -> None:
        """Remove an apply, as far as it can be removed."""
        with suppress(OSError):
            self._file(name).unlink()

    def headings(self) -> list[Heading]:
        """Return what is listed of each apply, the newest first, without those that `damaged` tells of."""
        return [found for name in self._newest_first() if isinstance(found := self._try_heading(name), Heading)]

    def damaged(self) -> tuple[Problem, ...]:
        """Return what is wrong with files whose heading cannot be read."""
        found = map(self._try_heading, self._newest_first())
        return tuple(problem for item in found if isinstance(item, InvalidInput) for problem in item.problems)

    def _newest_first(self) -> Iterator[str]:
        return reversed(self.names())

    def _try_heading(self, name: str) -> Heading | InvalidInput:
        try:
            return self.heading(name)
        except InvalidInput as error:
            return error

    def heading(self, name: str) -> Heading:
        """Return what is listed of an apply; raises InvalidInput."""
        with self._lines(name) as found:
            return read_heading(next(found, b""), name)

    def read(self, name: str) -> PastApply:
        """Return an apply, each record verified; raises InvalidInput."""
        with self._lines(name) as found:
            return read_past_apply(found, name)

    def files(self) -> Mapping[str, Path]:
        """Return the files of blobs by their CIDs, as the newest apply names them; they may be gone or changed."""
        found: dict[str, Path] = {}
        for heading in reversed(self.headings()):
            found |= {cid: self.base / file for cid, file in heading.files.items()}
        return found

    def times(
        self, project: str, account: str, did: str, paths: Collection[RecordPath]
    ) -> Mapping[RecordPath, JsonObject]:
        """Return the values that hold the times of a project's past records at these paths.

        The latest of this account counts, else that of another: a project that moves keeps its times. Trials in a
        folder are apart from accounts on servers.
        """
        headings = [
            item for item in self.headings() if item.project == project and is_local(item.account) == is_local(account)
        ]
        headings.sort(key=lambda item: (item.did, item.account) != (did, account))
        found: dict[RecordPath, JsonObject] = {}
        for heading in headings:
            left = [path for path in paths if path not in found]
            if not left:
                break
            with self._lines(heading.name) as source:
                found |= dict(read_times(source, heading.name, left))
        return found

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"

    def _make_folder(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True)
            sync_folder(self.folder.parent)
        ignore = self.folder / ".gitignore"
        if not (ignore.is_file() and ignore.stat().st_size):
            write_text(ignore, "*\n")

    def _prune(self) -> None:
        """Remove the oldest applies beyond the limits; what cannot be removed stays."""
        room = MOST_BYTES
        for number, name in enumerate(reversed(self.names())):
            with suppress(OSError):
                room -= self._file(name).stat().st_size
                if number and (number >= MOST_FILES or room < 0):
                    self._file(name).unlink()

    @contextmanager
    def _lines(self, name: str) -> Generator[Iterator[bytes]]:
        """Give the lines of an apply; raises InvalidInput where it cannot be read, then or later."""
        try:
            with gzip.open(self._file(name)) as stream:
                yield _read_lines(cast("BufferedReader", stream), name)
        except (FileNotFoundError, NotADirectoryError):
            raise bad_history(name, "is not there any more", "list those that are: atpub undo --list") from None
        except (OSError, EOFError, zlib.error) as error:
            raise bad_history(name, f"cannot be read: {error}") from None


def find_times(
    folder: Path, project: str, account: str, did: str, paths: Collection[RecordPath], on_warnings: OnWarnings
) -> Mapping[RecordPath, JsonObject]:
    """Return the times of past records as `History.times` does; what is wrong with the history is a warning."""
    try:
        return History(folder).times(project, account, did, paths)
    except InvalidInput as error:
        on_warnings(tuple(replace(item, severity="warning") for item in error.problems))
    except OSFailure as error:
        on_warnings((history_warning(error),))
    return {}


def history_warning(error: OSFailure) -> Problem:
    """Return the warning of a history that cannot be read or written."""
    return Problem(error.code, error.message, None, error.hint, "warning")


@contextmanager
def _writing(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise OSFailure(f"cannot write {path}: {error.strerror or error}", hint=_HINT) from error


def relative_file(file: Path, base: Path) -> str:
    """Return the path of a file from a folder, where it is inside; else the whole path."""
    path, start = os.path.abspath(file), os.path.abspath(base)  # noqa: PTH100 - symlinks stay
    return os.path.relpath(path, start) if path.startswith(start + os.sep) else path


def _read_lines(stream: BufferedReader, name: str) -> Iterator[bytes]:
    """Yield lines; raises InvalidInput for more than any apply writes: a file may be made to exhaust the memory."""
    size = 0
    while line := stream.readline(_LONGEST_LINE):
        size += len(line)
        if len(line) == _LONGEST_LINE or size > _MOST_READ:
            raise bad_history(name, "is too large to be read")
        yield line
