"""The folder of a local repository and the transactions on its database.

Reading never creates anything, and needs no right to write: on a read-only medium, the database is opened as one that
nothing changes. The first write makes the folder; from then on SQLite sees to it that of two processes
one waits for the other, and that a process killed at any moment leaves the old state or the new one (its "WAL" mode,
with every commit brought onto the disk).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from atpub.atomic_files import PREFIX, sync_folder, write_text
from atpub.atproto.syntax import Did
from atpub.errors import OutcomeUnknown, RepositoryError, Unavailable
from atpub.repository.local.tables import FORMAT, Tables, create_tables, did_of, format_of

_DATABASE = "repo.sqlite"
_OURS = frozenset(
    (
        ".gitignore",
        "blobs",
        "key",
        "key-partial",
        *(f"{_DATABASE}{end}" for end in ("", "-wal", "-shm", "-journal")),
    )
)
_WAIT_SECONDS = 30
_MEND = "move that folder away: the next apply makes a new repository"
# A commit counts once its last piece is in the log: where that could not be written, it is sure not to be there.
_NOT_WRITTEN = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)


class Store:
    """The database of the repository in a folder; all threads share one connection, one at a time."""

    def __init__(self, folder: Path, did: Did) -> None:
        self.folder = folder
        self.did = did
        self._lock = Lock()
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._is_hidden = False

    @property
    def blobs(self) -> Path:
        """The folder of blob files."""
        return self.folder / "blobs"

    @property
    def key(self) -> Path:
        """The file with the signing key."""
        return self.folder / "key"

    @contextmanager
    def reading(self) -> Generator[Tables | None, None, None]:
        """One state of the tables, whatever others write meanwhile; None where there is no repository yet."""
        with self._lock, self._errors():
            self._drop_replaced()
            db = self._open()
            if db is None:
                yield None
                return
            db.execute("begin")
            try:
                yield Tables(db)
            finally:
                db.rollback()
                if not self._is_writable():  # nothing tells that connection of others' commits
                    self._close()

    @contextmanager
    def writing(self) -> Generator[Tables, None, None]:
        """Yield the tables for this process alone; changes are on disk at the end, or undone by an exception."""
        with self._lock, self._errors():
            self._drop_replaced()
            db = self._open_to_write()
            db.execute("begin immediate")
            try:
                yield Tables(db)
            except BaseException:
                db.rollback()
                raise
            self._commit(db)

    def stored_did(self) -> Did | None:
        """Return the DID of the repository in the folder, whosever it is; None where there is none yet."""
        with self._errors():
            if not self._is_there():
                return None
            with self._connecting(self._mode()) as db:
                return did_of(db) if format_of(db) > 0 else None

    def create(self) -> None:
        """Make the folder and the tables, unless they are there."""
        with self._lock, self._errors():
            self._drop_replaced()
            _ = self._open_to_write()

    def damaged(self, what: str) -> RepositoryError:
        """Return the error of a damaged repository, with the way out."""
        return RepositoryError(f"{self.folder} is damaged: {what}", hint=_MEND)

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open_to_write(self) -> sqlite3.Connection:
        """Return the connection to a repository that is hidden from git; makes the repository where there is none."""
        if self._db is not None and self._is_hidden:
            return self._db
        if self._is_there() and not self._is_writable():
            raise Unavailable(f"cannot write to {self.folder}: it is read-only")
        db = self._open() or self._create()
        try:
            self._hide_from_git()
        except OSError as error:
            raise Unavailable(f"cannot write to {self.folder}: {error.strerror}") from error
        self._is_hidden = True
        return db

    def _open(self) -> sqlite3.Connection | None:
        """Return the connection to the repository in the folder; None where there is none yet."""
        if self._db is None:
            if not self._is_there():
                return None
            with self._connecting(self._mode()) as db:
                if format_of(db) > 0:  # else another process is making it, or was killed as it did
                    self._check(db)
                    self._keep(db)
        return self._db

    def _mode(self) -> str:
        """Return the mode to open the database in; where nothing can be written beside it, no log is looked for."""
        if self._is_writable():
            return "rw"
        log = self.folder / f"{_DATABASE}-wal"
        return "ro" if log.exists() and log.stat().st_size else "ro&immutable=1"

    def _is_writable(self) -> bool:
        return os.access(self.folder, os.W_OK) and os.access(self.folder / _DATABASE, os.W_OK)

    def _create(self) -> sqlite3.Connection:
        """Make the folder and the tables, wherever another process or a crash has left that work."""
        try:
            missing = [folder for folder in (self.blobs, *self.blobs.parents) if not folder.exists()]
            self.folder.mkdir(parents=True, exist_ok=True)
            self._hide_from_git()  # before there is a key to hide
            self.blobs.mkdir(exist_ok=True)
            for folder in missing:
                sync_folder(folder.parent)
        except OSError as error:
            raise Unavailable(f"cannot create {self.folder}: {error.strerror}") from error
        with self._connecting("rwc") as db:
            with suppress(sqlite3.OperationalError):  # refused while another process makes the tables, who sets it too
                db.execute("pragma journal_mode = wal")
            db.execute("begin immediate")
            if format_of(db) == 0:
                create_tables(db, self.did)
            db.commit()
            self._check(db)
            self._keep(db)
        return db

    def _keep(self, db: sqlite3.Connection) -> None:
        self._db, self._file = db, self._identity()

    def _drop_replaced(self) -> None:
        """Close a database whose folder was moved away or deleted meanwhile: a new one may be in its place."""
        if self._db is not None and self._identity() != self._file:
            self._close()
            self._is_hidden = False

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = (self.folder / _DATABASE).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _hide_from_git(self) -> None:
        """Write a .gitignore that hides the folder, unless there is one: an empty one is left by a full disk."""
        ignore = self.folder / ".gitignore"
        if not (ignore.is_file() and ignore.stat().st_size):
            write_text(ignore, "*\n")

    @contextmanager
    def _connecting(self, mode: str) -> Generator[sqlite3.Connection, None, None]:
        """Yield a new connection, closed at the end unless it has become the store's."""
        uri = f"{(self.folder / _DATABASE).as_uri()}?mode={mode}"
        db = sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            db.execute("pragma synchronous = full")
            yield db
        finally:
            if db is not self._db:
                db.close()

    def _check(self, db: sqlite3.Connection) -> None:
        found = format_of(db)
        if found > FORMAT:
            raise RepositoryError(
                f"{self.folder} has format {found}, and this version of atpub knows {FORMAT}",
                hint="install a newer atpub",
            )
        if did_of(db) != self.did:
            raise RepositoryError(
                f"{self.folder} is the repository of {did_of(db)}, not of {self.did}",
                hint="name another folder, or that DID",
            )

    def _is_there(self) -> bool:
        """Whether the folder holds a database; a folder with other things in it is refused.

        Our .gitignore would hide those other things from git.
        """
        try:
            database = self.folder / _DATABASE
            if database.is_symlink():  # SQLite would write through it
                raise RepositoryError(f"{database} is a symlink", hint="move the file itself there")
            if database.exists():
                return True
            foreign = self.folder.exists() and any(not _is_ours(entry.name) for entry in self.folder.iterdir())
        except NotADirectoryError:
            foreign = True
        except OSError as error:
            raise Unavailable(f"cannot read {self.folder}: {error.strerror}") from error
        if foreign:
            hint = "name the folder of one, or an empty folder for a new one"
            raise RepositoryError(f"{self.folder} is not a repository", hint=hint)
        return False

    def _commit(self, db: sqlite3.Connection) -> None:
        try:
            db.commit()
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                db.rollback()
            if getattr(error, "sqlite_errorcode", None) in _NOT_WRITTEN:
                raise
            raise OutcomeUnknown(f"{self.folder}: the commit broke off: {error}") from error

    @contextmanager
    def _errors(self) -> Generator[None, None, None]:
        try:
            yield
        except sqlite3.OperationalError as error:  # locked, full, unreadable
            raise Unavailable(f"{self.folder}: {error}; nothing was written") from error
        except sqlite3.Error as error:
            raise self.damaged(str(error)) from error


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith(PREFIX)
