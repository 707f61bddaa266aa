"""The meaning of a server's error replies: one of atpub's own errors, by name and status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from atpub.atproto.data import loads
from atpub.atproto.xrpc.http import NoResponse, Outcome, Reply, ResponseTooLarge
from atpub.atproto.xrpc.rate_limits import reset_of
from atpub.errors import (
    AtpubError,
    AuthenticationFailed,
    BlobNotFound,
    BlobRejected,
    HeadMoved,
    InsufficientScope,
    OutcomeUnknown,
    OversizedResponse,
    RateLimited,
    RecordNotFound,
    RepositoryError,
    RepositoryNotFound,
    RequestTooLarge,
    SlowResponse,
    Unavailable,
)
from atpub.redact import redact

_LONGEST_TEXT = 300
_CID = re.compile(r"\bbafkrei[a-z2-7]{52}\b")
"""The CIDs that blobs have: version 1, raw, SHA-256, in base32."""
_NO_PDS = "a PDS has that method: is this the address of one?"


class CodeNeeded(AuthenticationFailed):
    """The server has sent a code by mail, and wants it with the password."""


class InvalidRequest(RepositoryError):
    """A request that the server calls invalid, and tells only in prose why: the method and the repository tell more."""


class NamelessRefusal(Unavailable):
    """A request that is refused without the name of an error, as other servers than the reference PDS do."""


_BY_NAME: Mapping[str, type[AtpubError]] = {
    "InvalidSwap": HeadMoved,
    "BlobTooLarge": BlobRejected,
    "InvalidMimeType": BlobRejected,
    "InvalidSize": BlobRejected,
    "RepoNotFound": RepositoryNotFound,
    "RepoTakendown": RepositoryNotFound,
    "RepoSuspended": RepositoryNotFound,
    "RepoDeactivated": RepositoryNotFound,
    "AccountNotFound": RepositoryNotFound,
    "HandleNotFound": RepositoryNotFound,
    "RecordNotFound": RecordNotFound,
    "ExpiredToken": AuthenticationFailed,
    "InvalidToken": AuthenticationFailed,
    "AuthMissing": AuthenticationFailed,
    "ScopeMissingError": InsufficientScope,
    "insufficient_scope": InsufficientScope,
    "AuthFactorTokenRequired": CodeNeeded,
    "InvalidRequest": InvalidRequest,
}

_HINTS = {
    "AuthFactorTokenRequired": "use an app password: it needs no code",
    "RepoNotFound": "is the account on this server? without --pds its own is looked up",
    "ScopeMissingError": "log in again with that scope: atpub login --oauth --scope SCOPE",
    "insufficient_scope": "log in again with that scope: atpub login --oauth --scope SCOPE",
    "InvalidSwap": "another client has written meanwhile: read the records again",
}


class ServerFailed(OutcomeUnknown):
    """The server itself failed and is done with the write: the repository shows whether it was carried out."""


def failure(where: str, reply: Reply, now: float) -> AtpubError:
    """Return the error that a reply without success means, for a request that changed nothing.

    `where` names the method and the server; `now` is in seconds since 1970.
    """
    name, message = _said(reply)
    text = _text(where, reply)
    if name == "BlobNotFound":  # in whatever words, it names the blob by its CID
        error = BlobNotFound(text)
        error.cids = frozenset(_CID.findall(message))
        return error
    if name in _BY_NAME:
        return _BY_NAME[name](text, hint=_HINTS.get(name, ""))
    match reply.status:
        case 401 | 403:
            return AuthenticationFailed(text, hint="check the account and its password; an app password is enough")
        case 413:
            return RequestTooLarge(text)
        case 429:
            return RateLimited(text, reset=reset_of(reply, now))
        case status if 300 <= status < 400:
            return Unavailable(f"{where} has moved to {printable(reply.headers.get('location', '?'))}")
        case status if name and status < 500:
            return RepositoryError(text)
        case 404 | 405:
            return NamelessRefusal(text, hint=_NO_PDS)
        case 501:
            return Unavailable(text, hint="the server does not have that method")
        case status if status >= 500:
            return Unavailable(text, hint="try again later: the server itself has failed")
        case _:
            return NamelessRefusal(text)


def uncertainty(where: str, outcome: Outcome) -> OutcomeUnknown | None:
    """Return the error for an outcome that leaves open whether a write was carried out; None where it does not."""
    match outcome:
        case NoResponse(sent=True):
            return OutcomeUnknown(f"the answer of {where} is lost: {outcome.reason}")
        case ResponseTooLarge():
            return OutcomeUnknown(f"the answer of {where} has no end")
        case Reply(status=501):  # it has no such method
            return None
        case Reply(status=500) if _said(outcome)[0]:
            return ServerFailed(_text(where, outcome))
        case Reply(status=status) if status >= 500:  # from a gateway that may have tired of waiting
            return OutcomeUnknown(_text(where, outcome))
        case _:
            return None


def breach(code: str) -> type[Unavailable]:
    """Return the class of the error with a transport's code."""
    return next((kind for kind in (SlowResponse, OversizedResponse) if kind.code == code), Unavailable)


def printable(text: str) -> str:
    """Return the text without secrets, in a form that cannot play tricks on a terminal, and not too long."""
    return "".join(character if character.isprintable() else " " for character in redact(text)[:_LONGEST_TEXT])


def _text(where: str, reply: Reply) -> str:
    name, message = _said(reply)
    return f"{where}: {reply.status} {printable(name) or _phrase(reply.status)}{message and f': {printable(message)}'}"


def _said(reply: Reply) -> tuple[str, str]:
    """Return the name and the message of an error (HTTP API: Error Responses), as sent; empty where there is none.

    Plain text is a message.
    """
    try:
        match loads(reply.body):
            case {"error": str(name), "message": str(message)}:
                return name, message
            case {"error": str(name)}:
                return name, ""
            case _:
                pass
    except ValueError:
        if reply.headers.get("content-type", "").startswith("text/plain"):
            return "", reply.body[:_LONGEST_TEXT].decode(errors="replace").strip()
    return "", ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(no name)"
