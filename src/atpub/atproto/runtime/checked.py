"""Values as Python code makes them → JSON: types are checked by the classes' annotations, datetimes become text.

`to_json` trusts the types of fields. Here each is compared with its annotation first, so that a wrong one is a
violation with a path, and no AttributeError.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

from atpub.atproto.data import DEEPEST
from atpub.atproto.lexicon.violation import Violation
from atpub.atproto.runtime.base import Format, UnknownMember, Unset, Value, datetime_text
from atpub.atproto.runtime.loading import JsonObject, exact
from atpub.errors import InvalidArgument, InvalidRecord

Path: TypeAlias = tuple[str | int, ...]

_UNSET: Final = object()
_NAMES: Final[Mapping[object, str]] = {NoneType: "None", Unset: "ABSENT"}


def checked_json(value: Value) -> JsonObject:
    """Return a value as JSON that keeps its lexicon; raises InvalidRecord with every violation.

    Aware datetimes are written in UTC with milliseconds, where the lexicon has the format datetime.
    """
    checker = _Checker(value.NSID)
    copied = checker.value(value, ())
    if checker.found:
        raise InvalidRecord(tuple(violation.problem() for violation in checker.found))
    try:
        made: JsonObject = exact(copied.to_json())
    except (AttributeError, TypeError):  # within a list of lists that holds itself, whose items are not checked
        violation = Violation((), "type", "a list of lists holds items of a wrong type", value.NSID)
        raise InvalidRecord((violation.problem(),)) from None
    type(value).from_json(made)
    return made


@cache
def _annotations(kind: type[Any]) -> Mapping[str, Any]:
    """Return the annotation of each field of a generated class."""
    found = inspect.get_annotations(kind, eval_str=True)
    return {name: found[name] for name in kind.__slots__}


class _Checker:
    """Copies values, and keeps what violates the annotations of their classes."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self.found: list[Violation] = []
        self._has_ended = False

    def value(self, value: Value, path: Path) -> Value:
        """Return a value whose fields are copied, too."""
        kind: Any = type(value)  # mypy takes classes of what cannot be hashed for such, too
        made = copy(value)
        for name, hint in _annotations(kind).items():
            field = getattr(value, name, _UNSET)
            setattr(made, name, self._field(field, hint, (*path, kind.WIRE[name])))
        return made.with_extra(self._data(getattr(value, "_extra", None) or {}, path))

    def _field(self, value: object, hint: Any, path: Path) -> Any:
        if value is _UNSET:
            return self._violation(path, "it is not set")
        fitting = next((item for item in _alternatives(hint) if _fits(value, item)), _UNSET)
        if fitting is _UNSET:
            expected = " or ".join(dict.fromkeys(map(_name, _alternatives(hint))))
            return self._violation(path, f"expected {expected}, found {_name(type(value))}")
        return None if self._is_too_deep(path) else self._fitting(value, fitting, path)

    def _fitting(self, value: Any, hint: Any, path: Path) -> Any:
        """Copy a value whose own type fits; its parts may not."""
        match value:
            case Value():
                return self.value(value, path)
            case UnknownMember():
                return UnknownMember(self._data(value.raw, path))
            case datetime() if get_origin(hint) is Annotated:
                return self._moment(value, path)
            case list() | tuple() if get_origin(hint) is list:
                (item,) = get_args(hint)
                return [self._field(part, item, (*path, index)) for index, part in enumerate(_items(value))]
            case list() | tuple() if isinstance(hint, str):
                return [self._field(part, hint, (*path, index)) for index, part in enumerate(_items(value))]
            case _:
                return self._data(value, path) if hint is Any or get_origin(hint) is dict else value

    def _moment(self, moment: datetime, path: Path) -> Any:
        try:
            return datetime_text(moment)
        except InvalidArgument as error:
            return self._violation(path, error.problems[0].message)

    def _data(self, value: Any, path: Path) -> Any:
        """Copy JSON of any shape."""
        if self._is_too_deep(path):
            return None
        match value:
            case None | bool() | int() | float() | str():
                return value
            case dict():
                return {self._key(key, path): self._data(part, (*path, str(key))) for key, part in _members(value)}
            case list() | tuple():
                return [self._data(part, (*path, index)) for index, part in enumerate(_items(value))]
            case _:
                return self._violation(path, f"expected JSON, found {type(value).__name__}")

    def _is_too_deep(self, path: Path) -> bool:
        """Return whether a value is nested too deeply, or one before it was: a list may hold itself, and twice."""
        if len(path) > DEEPEST and not self._has_ended:
            self._has_ended = True
            self._violation(path, f"nested deeper than {DEEPEST} levels", "depth")
        return self._has_ended

    def _key(self, key: object, path: Path) -> str:
        if not isinstance(key, str):
            self._violation(path, f"expected keys of type str, found {type(key).__name__}")
        return str(key)

    def _violation(self, path: Path, message: str, rule: str = "type") -> Any:
        self.found.append(Violation(path, rule, message, self._schema))
        return None


def _alternatives(hint: Any) -> Sequence[Any]:
    """Return the members of a union, or the type itself."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _fits(value: object, hint: Any) -> bool:
    """Return whether a value's own type is that of an annotation, whatever its parts are."""
    origin = get_origin(hint)
    if hint is Any or isinstance(hint, str):  # the name of a list within itself, which its module alone knows
        return True
    if origin is Annotated:
        return isinstance(value, str) or (_is_datetime(hint) and isinstance(value, datetime))
    if origin is Literal:
        return type(value) in map(type, get_args(hint))
    if origin is list:
        return isinstance(value, list | tuple)
    if origin is not None:
        return isinstance(value, origin)
    if hint is int:
        return isinstance(value, int | float) and not isinstance(value, bool)  # `from_json` judges floats
    return isinstance(value, hint)


def _name(hint: Any) -> str:
    match get_origin(hint):
        case None:
            return _NAMES.get(hint) or str(hint.__name__)
        case origin if origin is Annotated:
            return "datetime or str" if _is_datetime(hint) else "str"
        case origin if origin is Literal:
            return " or ".join(dict.fromkeys(type(item).__name__ for item in get_args(hint)))
        case origin:
            return str(origin.__name__)


def _is_datetime(hint: Any) -> bool:
    return any(isinstance(item, Format) and item.name == "datetime" for item in get_args(hint))


def _items(value: Any) -> Sequence[object]:
    found: Sequence[object] = value
    return found


def _members(value: Any) -> Sequence[tuple[object, object]]:
    return [*value.items()]
