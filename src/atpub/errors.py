"""Every exception that atpub raises, by its code.

    AtpubError                      exit 1, unless said otherwise
    ├── InvalidInput                exit 3    a manifest, lexicon or record is wrong; holds every Problem
    │   ├── InvalidRecord                     a value breaks its lexicon; also a ValueError
    │   └── InvalidArgument                   an argument of a call is wrong; also a ValueError
    ├── AuthenticationFailed        exit 4    no credentials, or the server refuses them
    │   ├── NotLoggedIn                       the call needs an account; also a ValueError
    │   ├── AuthorizationDenied               the account's owner or server did not authorize an OAuth login
    │   ├── AuthorizationMismatch             a server's statement does not fit the account or the login
    │   ├── InsufficientScope                 the login does not permit the write
    │   └── KeyringUnavailable                the keyring cannot be read: locked, or without its library
    ├── Conflict                    exit 5    the repository or a record was changed meanwhile
    │   ├── StalePlan                         a record that the plan touches has changed
    │   ├── AlteredPlan                       a saved plan is not as it was saved
    │   └── HeadMoved                         the repository has a newer commit than the swap names
    ├── PartlyApplied               exit 6    some commits were made; run again
    ├── Refused                     exit 7    protected, over a threshold, or another project's
    │   ├── NotApproved                       no person has approved the plan that an agent asks to apply
    │   └── UnconfirmedServer                 only the manifest says that the account is on that server
    ├── RateLimited                 exit 8    wait until `reset`, then run again
    ├── Usage                       exit 64   the command line or the call is malformed
    ├── Interrupted                 exit 130  the user stopped it
    ├── Declined                    exit 1    the user answered no
    ├── FileConflict                exit 1    another file is in the way
    ├── StaleFiles                  exit 1    generated files are out of date
    ├── Busy                        exit 1    another process holds a lock
    ├── SessionStoreError           exit 1    a session cannot be stored
    ├── OSFailure                   exit 1    the operating system refuses
    ├── InternalError               exit 1    a bug in atpub
    └── RepositoryError             exit 1
        ├── NewerInventory                    an inventory record is of a later format; nothing was written
        ├── RepositoryNotFound                no repository at that DID, handle or path
        ├── RecordNotFound                    no record at that URI or of that name; also a KeyError
        ├── RecordConflict                    create of an existing, update or delete of a missing record
        ├── BlobNotFound                      a record refers to a blob that the repository does not hold
        ├── BlobDamaged                       a local repository has other bytes in the file of a blob
        ├── BlobRejected                      the blob is too large or of a type that is not accepted
        ├── RequestTooLarge                   the body or the commit is over the server's limit
        ├── Unavailable                       no usable answer; nothing was written
        │   ├── OversizedResponse             more bytes than atpub reads
        │   ├── EndlessPages                  more pages than atpub reads, or the same ones again
        │   └── SlowResponse                  fewer bytes a second than atpub waits for
        └── OutcomeUnknown                    a write was sent and its reply is lost: read before going on

Any other class has the code of its base here; only `atpub.atproto.runtime.MethodError` has those of lexicons.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from atpub.problems import Problem
from atpub.redact import tidy


class AtpubWarning(UserWarning):
    """A warning about a call that is carried out, but looks like a mistake."""


class AtpubError(Exception):
    """The base class of all errors; `hint` tells what to do next, and ends a traceback."""

    code: str = "error"
    exit_code: int = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        message, hint = tidy(message), tidy(hint)
        super().__init__(message)
        self.message, self.hint = message, hint
        if hint:
            self.add_note(f"hint: {hint}")


class InvalidInput(AtpubError):
    """An invalid manifest, lexicon or record; `problems` holds every problem."""

    code = "invalid-input"
    exit_code = 3

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
        hints = {problem.hint for problem in problems}
        if len(hints) == 1 and (hint := hints.pop()):  # else it would not be clear what it is about
            self.add_note(f"hint: {hint}")


class InvalidRecord(InvalidInput, ValueError):
    """A value that breaks its lexicon, with a problem for each broken rule."""

    code = "invalid-record"


class InvalidArgument(InvalidInput, ValueError):
    """Invalid arguments of a call; each problem names the argument, and nothing was sent."""

    code = "invalid-argument"


class AuthenticationFailed(AtpubError):
    """Missing credentials, or credentials that the server refuses."""

    code = "authentication-failed"
    exit_code = 4


class NotLoggedIn(AuthenticationFailed, ValueError):
    """A call that needs an account, before any login."""

    code = "not-logged-in"


class AuthorizationDenied(AuthenticationFailed):
    """An OAuth login that the account's owner or server did not authorize, or not in time."""

    code = "authorization-denied"


class AuthorizationMismatch(AuthenticationFailed):
    """A statement of a server that does not fit the account, the login, or what OAuth requires; nothing is stored."""

    code = "authorization-mismatch"


class InsufficientScope(AuthenticationFailed):
    """A write that the scope of the login does not permit."""

    code = "insufficient-scope"


class KeyringUnavailable(AuthenticationFailed):
    """A keyring that has the key of the stored session and cannot be read: locked, or without its library."""

    code = "keyring-unavailable"


class Conflict(AtpubError):
    """A change to the repository or to a record since it was read."""

    code = "conflict"
    exit_code = 5


class StalePlan(Conflict):
    """A change to a record of the plan since the plan was made."""

    code = "stale-plan"


class AlteredPlan(Conflict):
    """A saved plan that is not as it was saved."""

    code = "plan-digest"


class HeadMoved(Conflict):
    """A repository whose head is not `swap_commit`; nothing was written."""

    code = "head-moved"


class PartlyApplied(AtpubError):
    """A plan of which only some commits were made; run again to make the others."""

    code = "partly-applied"
    exit_code = 6


class Refused(AtpubError):
    """A change that a safety rule forbids: a protected record, too many deletes, another project's record."""

    code = "refused"
    exit_code = 7


class NotApproved(Refused):
    """A plan that an agent asks to apply and that no person has approved, or not any more."""

    code = "not-approved"


class UnconfirmedServer(Refused):
    """A server that the manifest names, and the account's identity does not: no login goes there."""

    code = "unconfirmed-server"


class RateLimited(AtpubError):
    """A rate limit that is spent until `reset` (seconds since 1970; None if the server gives no time)."""

    code = "rate-limited"
    exit_code = 8

    def __init__(self, message: str, *, reset: int | None = None) -> None:
        moment = None
        with suppress(ValueError, OverflowError, OSError):  # a time that no calendar has
            moment = datetime.fromtimestamp(reset, UTC) if reset else None
        when = f"after {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "later; the server does not say when"
        super().__init__(message, hint=f"run again {when}")
        self.reset = reset if moment else None


class Usage(AtpubError):
    """A malformed command line or call."""

    code = "usage"
    exit_code = 64


class Interrupted(AtpubError):
    """A stop by the user, between two requests; nothing is half done."""

    code = "interrupted"
    exit_code = 130


class Declined(AtpubError):
    """A question that the user answered with no."""

    code = "declined"


class FileConflict(AtpubError):
    """Another file at the path of a file to write."""

    code = "in-the-way"


class StaleFiles(AtpubError):
    """Generated files that are out of date; `files` names them."""

    code = "stale"

    def __init__(self, message: str, *, hint: str = "", files: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.files = files


class Busy(AtpubError):
    """A lock that another process holds too long."""

    code = "busy"


class SessionStoreError(AtpubError):
    """A session that cannot be stored: no permission, no space, no such folder."""

    code = "session-not-kept"


class OSFailure(AtpubError):
    """A refusal of the operating system: no permission, no space, no such folder."""

    code = "system-error"


class InternalError(AtpubError):
    """An unexpected error: a bug in atpub."""

    code = "internal-error"


class RepositoryError(AtpubError):
    """The base class of a repository's errors."""

    code = "repository-error"


class NewerInventory(RepositoryError):
    """An inventory record of a format that only a later atpub knows; nothing was written."""

    code = "newer-inventory"


class RepositoryNotFound(RepositoryError):
    """A DID, handle or path without a repository."""

    code = "repository-not-found"


class RecordNotFound(RepositoryError, KeyError):
    """A URI or name without a record."""

    code = "record-not-found"

    def __str__(self) -> str:
        return self.message  # a KeyError would show it quoted


class RecordConflict(RepositoryError):
    """A create of an existing record, or an update or delete of a missing one; nothing was written."""

    code = "record-conflict"


class BlobNotFound(RepositoryError):
    """A blob that the repository does not hold; `cids` are those that are known to be lost, among others perhaps."""

    code = "blob-not-found"
    cids: frozenset[str] = frozenset()


class BlobDamaged(RepositoryError):
    """A blob of a local repository whose file has other bytes than its CID stands for."""

    code = "blob-damaged"


class BlobRejected(RepositoryError):
    """A blob that is too large, or differs from the record in type or size."""

    code = "blob-rejected"


class RequestTooLarge(RepositoryError):
    """A request or commit over the server's size limit; nothing was written."""

    code = "request-too-large"


class Unavailable(RepositoryError):
    """A server that gave no usable answer; nothing was written."""

    code = "unavailable"


class OversizedResponse(Unavailable):
    """An answer with more bytes, blocks or records than the limit that the message names."""

    code = "response-too-large"


class EndlessPages(Unavailable):
    """A list in more pages than the limit that the message names, or with a cursor that comes twice."""

    code = "too-many-pages"


class SlowResponse(Unavailable):
    """An answer that comes more slowly than the limit that the message names."""

    code = "too-slow"


class OutcomeUnknown(RepositoryError):
    """A write whose reply was lost: read the repository to find out whether it was carried out."""

    code = "outcome-unknown"
