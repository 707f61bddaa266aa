"""Frames of a server's event stream (AT Protocol specification: Event Stream, com.atproto.sync.subscribeRepos)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import libipld

from atpub.errors import RepositoryError


@dataclass(frozen=True, slots=True)
class RepoEvent:
    """An event of one repository, and the paths that it changes; None where any of them may have changed."""

    seq: int
    did: str
    paths: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True)
class StreamProblem:
    """The server's word on the stream itself, such as FutureCursor or OutdatedCursor; an error ends the stream."""

    name: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream is open: what was changed before may have been missed."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing has happened for a quarter of a second."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The stream was lost, and is opened again after some seconds."""

    reason: str
    pause: float


def read_frame(frame: bytes) -> RepoEvent | StreamProblem | None:
    """Read a frame; None for a kind that is not known here. Raises RepositoryError where it is malformed."""
    try:
        header, body = libipld.decode_dag_cbor_multi(frame)
        return _read(header, body)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise RepositoryError("the server's event stream is malformed") from None


def _read(header: Any, body: Any) -> RepoEvent | StreamProblem | None:
    match header, body:
        case {"op": -1}, {"error": str(name)}:
            return StreamProblem(name, is_error=True)
        case {"op": 1, "t": "#info"}, {"name": str(name)}:
            return StreamProblem(name, is_error=False)
        case {"op": 1, "t": "#commit"}, {"seq": int(seq), "repo": str(did), "ops": list()}:
            paths = frozenset(str(op["path"]) for op in body["ops"])
            return RepoEvent(seq, did, None if body.get("tooBig") else paths)
        case {"op": 1, "t": "#sync"}, {"seq": int(seq), "did": str(did)}:
            return RepoEvent(seq, did, None)
        case {"op": 1}, {"seq": int(seq), "did": str(did)}:
            return RepoEvent(seq, did)
        case {"op": int()}, dict():
            return None
        case _:
            raise ValueError("no header and body")
