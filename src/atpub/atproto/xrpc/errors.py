"""The meaning of a server's error replies: one of atpub's own errors, by name and status."""

from __future__ import annotations

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
    OutcomeUnknown,
    RateLimited,
    RecordNotFound,
    RepositoryError,
    RepositoryNotFound,
    RequestTooLarge,
    Unavailable,
)
from atpub.redact import redact


class CodeNeeded(AuthenticationFailed):
    """The server has sent a code by mail, and wants it with the password."""


_BY_NAME: Mapping[str, type[AtpubError]] = {
    "InvalidSwap": HeadMoved,
    "BlobNotFound": BlobNotFound,
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
    "AuthFactorTokenRequired": CodeNeeded,
}

# What the reference PDS calls InvalidRequest and tells apart in the message alone.
_BY_MESSAGE: tuple[tuple[str, type[AtpubError]], ...] = (
    ("Too many writes", RequestTooLarge),
    ("Blob not found", BlobNotFound),
    ("Could not find repo", RepositoryNotFound),
    ("Unable to resolve handle", RepositoryNotFound),
)

_HINTS = {
    "AuthFactorTokenRequired": "use an app password: it needs no code",
    "RepoNotFound": "is the account on this server? without --pds its own is looked up",
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
    for beginning, meaning in _BY_MESSAGE:
        if message.startswith(beginning):
            return meaning(text)
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
            return Unavailable(text, hint="a PDS has that method: is this the address of one?")
        case _:
            return Unavailable(
                text, hint="try again later: the server itself has failed" if reply.status >= 500 else ""
            )


def uncertainty(where: str, outcome: Outcome) -> OutcomeUnknown | None:
    """Return the error for an outcome that leaves open whether a write was carried out; None where it does not."""
    match outcome:
        case NoResponse(sent=True):
            return OutcomeUnknown(f"the answer of {where} is lost: {outcome.reason}")
        case ResponseTooLarge():
            return OutcomeUnknown(f"the answer of {where} has no end")
        case Reply(status=500) if any(_said(outcome)):
            return ServerFailed(_text(where, outcome))
        case Reply(status=status) if status >= 500:  # from a gateway that may have tired of waiting
            return OutcomeUnknown(_text(where, outcome))
        case _:
            return None


def printable(text: str) -> str:
    """Return the text without secrets, in a form that cannot play tricks on a terminal, and not too long."""
    return "".join(character if character.isprintable() else " " for character in redact(text)[:300])


def _text(where: str, reply: Reply) -> str:
    name, message = _said(reply)
    return f"{where}: {reply.status} {printable(name) or _phrase(reply.status)}{message and f': {printable(message)}'}"


def _said(reply: Reply) -> tuple[str, str]:
    """Return the name and the message of an error (HTTP API: Error Responses), as sent; empty where there is none."""
    try:
        match loads(reply.body):
            case {"error": str(name), "message": str(message)}:
                return name, message
            case {"error": str(name)}:
                return name, ""
            case _:
                pass
    except ValueError:
        pass
    return "", ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(no name)"
