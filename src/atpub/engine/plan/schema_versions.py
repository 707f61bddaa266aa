"""New versions of sample schemas: a warning where one breaks readers of the version before, and its number hides it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.engine.ownership import OwnershipView
from atpub.engine.plan.created_at import by_version
from atpub.engine.plan.model import Change
from atpub.generated.science.alt.dataset import schema
from atpub.manifest.atdata_shape import lexicon_shape
from atpub.problems import Problem

_SEMANTIC: Final = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?")
_WORDS: Final = frozenset({"title", "description", "examples", "$comment"})
"""Keywords of JSON Schema that allow and forbid nothing."""


def version_warnings(changes: Iterable[Change], ownership: OwnershipView) -> Iterator[Problem]:
    """Warn of each new schema version that breaks readers of the one before, without the number that says so."""
    new = [item for item in changes if item.path.collection == schema.NSID and item.action == "create" and item.after]
    if not new:
        return
    live = {path: record.value for path, record in ownership.live.records.items() if path.collection == schema.NSID}
    known = {**live, **{item.path: item.after for item in new if item.after}}
    for item in new:
        name, _, version = str(item.path.rkey).partition(":")
        others = [str(path.rkey).partition(":")[2] for path in known if str(path.rkey).startswith(f"{name}:")]
        before = max((other for other in others if by_version(other) < by_version(version)), key=by_version, default="")
        values = {str(path.rkey): value for path, value in known.items()}
        if before:
            yield from _warning(item.address, before, version, values[f"{name}:{before}"], values[f"{name}:{version}"])


def _warning(address: str, before: str, version: str, old: JsonObject, new: JsonObject) -> Iterator[Problem]:
    broken = [*find_breaks(_content(old), _content(new))]
    fitting = _next_major(before)
    if broken and fitting and not _is_major(before, version):
        message = f"{address}: version {version} breaks readers of samples of version {before}: {'; '.join(broken[:5])}"
        more = f"; and {len(broken) - 5:,} more" if len(broken) > 5 else ""
        yield Problem("minor-version", f"{message}{more}", None, f"publish it as version {fitting}", "warning")


def find_breaks(old: JsonObject, new: JsonObject) -> Iterator[str]:
    """Yield what of a JSON Schema of samples breaks code that reads samples by the old one.

    Such code reads the old fields: a field that is gone, may be absent, or has another type. New fields break nothing.
    """
    fields, others = _object(old.get("properties")), _object(new.get("properties"))
    required, still = _names(old.get("required")), _names(new.get("required"))
    for name, kind in fields.items():
        if name not in others:
            if name in required:
                yield f"the field {name!r} is gone"
        elif _meaning(kind) != _meaning(others[name]):
            yield f"the field {name!r} has another type"
        elif name in required - still:
            yield f"the field {name!r} may be absent"


def _meaning(kind: Json) -> Json:
    """Return a JSON Schema without what only describes."""
    if isinstance(kind, dict):
        return {key: _meaning(item) for key, item in kind.items() if key not in _WORDS}
    return [_meaning(item) for item in kind] if isinstance(kind, list) else kind


def _is_major(before: str, after: str) -> bool:
    """Tell whether a version may break readers of another; below 1.0.0, the second number says so."""
    old, new = _numbers(before), _numbers(after)
    return old[0] != new[0] or (new[0] == 0 and old[1] != new[1])


def _next_major(version: str) -> str:
    """Return the next version that may break readers; empty where the version is not semantic."""
    if not _SEMANTIC.fullmatch(version):
        return ""
    major, minor, _ = _numbers(version)
    return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"


def _numbers(version: str) -> tuple[int, int, int]:
    found = _SEMANTIC.fullmatch(version)
    return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)


def _content(value: JsonObject) -> JsonObject:
    return _object(_object(lexicon_shape(value).get("schema")).get("content"))


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _names(value: Json) -> frozenset[str]:
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list) else frozenset()
