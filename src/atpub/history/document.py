"""A past apply as lines of JSON: a heading, then for each change one line about it and one with the record before it.

Readers of headings or of a few records parse no other line. Records are verified by their CIDs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, cast

from atpub.atproto.data import Encoded, Json, JsonObject, NotInDataModel, loads
from atpub.atproto.syntax import Cid, Did, RecordPath, SyntaxViolation
from atpub.engine.inventory import Owned
from atpub.engine.plan.model import ACTIONS
from atpub.errors import InvalidInput
from atpub.history.model import Heading, PastApply, PastChange
from atpub.problems import Problem
from atpub.repository.model import Record

FORMAT: Final = 1
_FORMAT: Final = "atpub_history"
_PATH: Final = "path"


def bad_history(name: str, what: str, hint: str = "remove that file from .atpub/history") -> InvalidInput:
    """Return the error of the file of a past apply."""
    return InvalidInput((Problem("bad-history", f"the history of the apply {name} {what}", None, hint),))


def lines(past: PastApply) -> Iterator[bytes]:
    """Yield the lines of a past apply."""
    yield _line(_heading_json(past.heading))
    for change in past.changes:
        yield _line(_change_json(change))
        yield _line(change.before.value if change.before else None)


def read_heading(line: bytes, name: str) -> Heading:
    """Read the first line; raises InvalidInput."""
    with _reading(name):
        return _heading(_object(line), name)


def read_past_apply(source: Iterable[bytes], name: str) -> PastApply:
    """Read all lines and verify each record; raises InvalidInput."""
    rest = iter(source)
    heading = read_heading(next(rest, b""), name)
    with _reading(name):
        return PastApply(heading, tuple(_change(*pair) for pair in _pairs(rest)))


def read_times(
    source: Iterable[bytes], name: str, paths: Collection[RecordPath]
) -> Iterator[tuple[RecordPath, JsonObject]]:
    """Yield the values that hold the times of records at these paths, of those that it changed; raises InvalidInput."""
    wanted = {_start(path) for path in paths}
    with _reading(name):
        for about, value in _pairs(iter(source), skip=1):
            if about.partition(b",")[0] in wanted:
                change = _change(about, value)
                yield change.path, {**(change.before.value if change.before else {}), **change.times}


def _start(path: RecordPath) -> bytes:
    """Return what the line about a record begins with: no path has a comma."""
    return _line({_PATH: str(path)}).rstrip(b"}\n")


def _pairs(rest: Iterator[bytes], skip: int = 0) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(skip):
        next(rest, None)
    for about in rest:
        yield about, next(rest, b"")


@contextmanager
def _reading(name: str) -> Generator[None]:
    """Raise InvalidInput for what is not as it was written."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, SyntaxViolation, NotInDataModel) as error:
        raise bad_history(name, f"is damaged: {error or type(error).__name__}") from None


def _line(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    value = loads(line)
    if not isinstance(value, dict):
        raise TypeError("a line is not an object")
    return cast("dict[str, Any]", value)


def _heading_json(heading: Heading) -> JsonObject:
    return {
        _FORMAT: FORMAT,
        "time": heading.time.isoformat(),
        "project": heading.project,
        "account": heading.account,
        "did": heading.did,
        "summary": {**heading.summary},
        "undoes": heading.undoes,
        "files": {**heading.files},
    }


def _heading(found: dict[str, Any], name: str) -> Heading:
    if found[_FORMAT] != FORMAT:
        raise ValueError(f"format {found[_FORMAT]!r} is not known to this version of atpub")
    time = datetime.fromisoformat(found["time"])
    summary = {str(action): int(count) for action, count in found["summary"].items()}
    files = {str(cid): str(file) for cid, file in found["files"].items()}
    undoes = None if found["undoes"] is None else str(found["undoes"])
    return Heading(
        name, time, str(found["project"]), str(found["account"]), Did.parse(found["did"]), summary, undoes, files
    )


def _change_json(change: PastChange) -> JsonObject:
    return {
        _PATH: str(change.path),
        "address": change.address,
        "action": change.action,
        "id": change.id,
        "before_cid": change.before.cid if change.before else None,
        "owned_before": _owned_json(change.owned_before),
        "after_cid": change.after_cid,
        "owned_after": _owned_json(change.owned_after),
        "open": change.is_open,
        "times": {**change.times},
    }


def _change(about: bytes, line: bytes) -> PastChange:
    found = _object(about)
    path = RecordPath.parse(found[_PATH])
    if found["action"] not in ACTIONS:
        raise ValueError(f"{found['action']!r} is not an action")
    return PastChange(
        str(found["address"]),
        found["action"],
        str(found["id"]),
        path,
        _record(path, _cid(found["before_cid"]), line),
        _parse_owned(path, found["owned_before"]),
        _cid(found["after_cid"]),
        _parse_owned(path, found["owned_after"]),
        is_open=found["open"] is True,
        times={str(name): str(time) for name, time in found["times"].items()},
    )


def _record(path: RecordPath, cid: Cid | None, line: bytes) -> Record | None:
    if cid is None:
        return None
    value = cast("JsonObject", _object(line))
    if Encoded.of(value).cid != cid:
        raise ValueError(f"the record {path} is not the one that its CID names")
    return Record(path, cid, value)


def _owned_json(owned: Owned | None) -> Json:
    if owned is None:
        return None
    fields: JsonObject = {"id": owned.id, "cid": owned.cid, "protect": owned.protect, "part": owned.part}
    return {**fields, "extra": {**owned.extra}}


def _parse_owned(path: RecordPath, found: dict[str, Any] | None) -> Owned | None:
    if found is None:
        return None
    cid = Cid.parse(found["cid"]) if found["cid"] else Cid("")
    return Owned(str(found["id"]), path, cid, found["protect"] is True, int(found["part"]), dict(found["extra"]))


def _cid(text: str | None) -> Cid | None:
    return None if text is None else Cid.parse(text)
