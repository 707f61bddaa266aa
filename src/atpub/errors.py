"""Every exception that atpub raises, by its code, and the problems that it reports.

    AtpubError                      exit 1, unless said otherwise
    ├── InvalidInput                exit 3    a manifest, lexicon or record is wrong; holds every Problem
    │   ├── InvalidRecord                     a value breaks its lexicon; also a ValueError
    │   └── InvalidArgument                   an argument of a call is wrong; also a ValueError
    ├── AuthenticationFailed        exit 4    no credentials, or the server refuses them
    │   └── NotLoggedIn                       the call needs an account; also a ValueError
    ├── Conflict                    exit 5    somebody else was there first
    │   ├── StalePlan                         a record that the plan touches has changed
    │   └── HeadMoved                         the repository has a newer commit than the swap names
    ├── PartlyApplied               exit 6    some commits were made; run again
    ├── Refused                     exit 7    protected, over a threshold, or another project's
    ├── RateLimited                 exit 8    wait until `reset`, then run again
    ├── Usage                       exit 64   the command or call is put together wrongly
    ├── Interrupted                 exit 130  the user stopped it
    ├── Declined                    exit 130  the user was asked, and said no
    ├── FileConflict                exit 1    something else is where a file would go
    ├── StaleFiles                  exit 1    generated files are not what the lexicons say
    ├── Busy                        exit 1    another process holds what this one needs
    ├── SessionStoreError           exit 1    the system does not let a session be kept
    ├── OSFailure                   exit 1    the operating system refuses
    ├── InternalError               exit 1    something that atpub does not expect
    └── RepositoryError             exit 1
        ├── RepositoryNotFound                no repository at that DID, handle or path
        ├── RecordNotFound                    no record at that URI or of that name; also a KeyError
        ├── RecordConflict                    create of an existing, update or delete of a missing record
        ├── BlobNotFound                      a record refers to a blob that the repository does not hold
        ├── BlobRejected                      the blob is too large or of a type that is not accepted
        ├── RequestTooLarge                   the body or the commit is over the server's limit
        ├── Unavailable                       no usable answer; nothing was written
        └── OutcomeUnknown                    a write was sent and its reply is lost: read before going on

Any other class is a subclass of one of these and has its code; only the errors that a method's lexicon names have codes
of their own (`atpub.atproto.runtime.MethodError`).

A `Problem` is a value, not an exception: checking goes on after one, so that a user sees all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a text file something stands: 1-based line and column, and the line itself; line 0 is the whole file."""

    file: str
    line: int = 0
    column: int = 0
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with what a user wrote: a stable code, what was found, where, and what to do.

    `path` holds the keys and indexes from the root of the file or record to the value.
    """

    code: str
    message: str
    place: Place | None = None
    hint: str = ""
    severity: Severity = "error"
    path: tuple[str | int, ...] = field(default=(), compare=False)

    @property
    def order(self) -> tuple[str, int, int]:
        """What sorts problems as their places follow each other; those without one come first."""
        place = self.place or Place("")
        return (place.file, place.line, place.column)

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message} [{self.code}]"


class AtpubWarning(UserWarning):
    """Something that a call does as asked, and that is doubtful all the same."""


class AtpubError(Exception):
    """The base of all that atpub raises; `hint` says what to do next, and a traceback ends with it."""

    code: str = "error"
    exit_code: int = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")


class InvalidInput(AtpubError):
    """A manifest, lexicon or record is wrong; `problems` holds everything that was found."""

    code = "invalid-input"
    exit_code = 3

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
        hints = {problem.hint for problem in problems}
        if len(hints) == 1 and (hint := hints.pop()):  # else it would not be clear what it is about
            self.add_note(f"hint: {hint}")


class InvalidRecord(InvalidInput, ValueError):
    """A value breaks its lexicon; one problem for each rule that it breaks."""

    code = "invalid-record"


class InvalidArgument(InvalidInput, ValueError):
    """Arguments of a call are wrong; each problem names the argument, and nothing was sent."""

    code = "invalid-argument"


class AuthenticationFailed(AtpubError):
    """There are no credentials, or the server refuses them."""

    code = "authentication-failed"
    exit_code = 4


class NotLoggedIn(AuthenticationFailed, ValueError):
    """The call is about the own account, and there is none yet."""

    code = "not-logged-in"


class Conflict(AtpubError):
    """Somebody else changed what this was about to change."""

    code = "conflict"
    exit_code = 5


class StalePlan(Conflict):
    """A record that the plan touches has changed since the plan was made."""

    code = "stale-plan"


class HeadMoved(Conflict):
    """The repository has another head than `swap_commit` names; nothing was written."""

    code = "head-moved"


class PartlyApplied(AtpubError):
    """Some of the plan's commits were made; running again does the rest."""

    code = "partly-applied"
    exit_code = 6


class Refused(AtpubError):
    """A safety rule forbids this: a protected record, too many deletes, another project's record."""

    code = "refused"
    exit_code = 7


class RateLimited(AtpubError):
    """The server's rate limit is spent until `reset` (seconds since 1970; None where the server names no time)."""

    code = "rate-limited"
    exit_code = 8

    def __init__(self, message: str, *, reset: int | None = None) -> None:
        moment = _moment(reset)
        when = f"after {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "in a while; the server does not say when"
        super().__init__(message, hint=f"run again {when}")
        self.reset = reset if moment else None


def _moment(seconds: int | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):  # a time that no calendar has
        return None


class Usage(AtpubError):
    """The command line or the call is put together wrongly."""

    code = "usage"
    exit_code = 64


class Interrupted(AtpubError):
    """The user stopped it; between two requests, and nothing is half done."""

    code = "interrupted"
    exit_code = 130


class Declined(AtpubError):
    """The user looked at what would be done, and said no."""

    code = "declined"
    exit_code = 130


class FileConflict(AtpubError):
    """There is something else where a file would go."""

    code = "in-the-way"


class StaleFiles(AtpubError):
    """The generated files are not what the lexicons say; `files` names them."""

    code = "stale"

    def __init__(self, message: str, *, hint: str = "", files: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.files = files


class Busy(AtpubError):
    """Another process holds what this one needs, and does not let go of it."""

    code = "busy"


class SessionStoreError(AtpubError):
    """The system does not let a session be kept: no permission, no space, no such folder."""

    code = "session-not-kept"


class OSFailure(AtpubError):
    """The operating system refuses: no permission, no space, no such folder."""

    code = "system-error"


class InternalError(AtpubError):
    """Something that atpub does not expect."""

    code = "internal-error"


class RepositoryError(AtpubError):
    """A repository cannot do what it was asked."""

    code = "repository-error"


class RepositoryNotFound(RepositoryError):
    """There is no repository at that DID, handle or path."""

    code = "repository-not-found"


class RecordNotFound(RepositoryError, KeyError):
    """There is no record at that URI, or of that name."""

    code = "record-not-found"

    def __str__(self) -> str:
        return self.message  # a KeyError would show it quoted


class RecordConflict(RepositoryError):
    """A create of an existing record, or an update or delete of a missing one; nothing was written."""

    code = "record-conflict"


class BlobNotFound(RepositoryError):
    """The repository does not hold the blob (any more)."""

    code = "blob-not-found"


class BlobRejected(RepositoryError):
    """The blob is too large, or its type or size are not what the record says."""

    code = "blob-rejected"


class RequestTooLarge(RepositoryError):
    """The request's body, or the commit that it would make, is over the server's limit; nothing was written."""

    code = "request-too-large"


class Unavailable(RepositoryError):
    """The server gave no usable answer; nothing was written."""

    code = "unavailable"


class OutcomeUnknown(RepositoryError):
    """A write was sent and its reply is lost: whether it was carried out must be read from the repository."""

    code = "outcome-unknown"
