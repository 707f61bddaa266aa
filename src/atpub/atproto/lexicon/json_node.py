"""A JSON value that knows its path: what reads a lexicon file, one question at a time, and collects what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from atpub.atproto.data import INTEGER_MAX, INTEGER_MIN, Json
from atpub.atproto.lexicon.formats import is_unicode
from atpub.problems import Place, Problem

T = TypeVar("T", str, int)

_KINDS: Mapping[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a string",
    list: "an array",
    dict: "an object",
}


_PLAIN = re.compile(r"[A-Za-z0-9_$:-]{1,128}")


def step(key: str) -> str:
    """Return a key as one step of a JSON path: `.width`, or `["a b"]` where it is no plain name."""
    return f".{key}" if _PLAIN.fullmatch(key) else f"[{json.dumps(key[:128])}]"


def kind_of(value: object) -> str:
    """Name the kind of a JSON value."""
    return "null" if value is None else _KINDS.get(value.__class__, value.__class__.__name__)


@dataclass(slots=True)
class JsonNode:
    """A JSON value at a JSON path of a file; every node of a file shares one list of problems."""

    value: Json
    file: str
    problems: list[Problem] = field(default_factory=list[Problem])
    depth: int = 0
    parent: JsonNode | None = None
    key: str | int = ""

    @property
    def path(self) -> str:
        """The JSON path of the value; found only where there is something to say."""
        if self.parent is None:
            return "$"
        return self.parent.path + (f"[{self.key}]" if isinstance(self.key, int) else step(self.key))

    @property
    def steps(self) -> tuple[str | int, ...]:
        """The keys and indexes from the root to the value."""
        return () if self.parent is None else (*self.parent.steps, self.key)

    def problem(self, message: str, code: str = "lexicon", hint: str = "") -> None:
        """Note something that is wrong here."""
        self.problems.append(Problem(code, f"{self.path}: {message}", Place(self.file), hint, path=self.steps))

    def warn(self, message: str, code: str, hint: str = "") -> None:
        """Note something here that can be passed over."""
        self.problems.append(Problem(code, f"{self.path}: {message}", Place(self.file), hint, "warning", self.steps))

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def __getitem__(self, key: str) -> JsonNode:
        return JsonNode(self._value(key), self.file, self.problems, self.depth + 1, self, key)

    def __iter__(self) -> Iterator[JsonNode]:
        """Yield the items of an array; a problem where it is none."""
        if isinstance(self.value, list):
            for index, item in enumerate(self.value):
                yield JsonNode(item, self.file, self.problems, self.depth + 1, self, index)
        else:
            self.problem(f"expected an array, found {kind_of(self.value)}")

    def fields(self) -> Iterator[tuple[str, JsonNode]]:
        """Yield the keys and values of an object; a problem where it is none."""
        if isinstance(self.value, dict):
            for key in self.value:
                self.unicode(key)
                yield key, self[key]
        else:
            self.problem(f"expected an object, found {kind_of(self.value)}")

    def unicode(self, value: object) -> None:
        """Report a text that no record can hold."""
        if isinstance(value, str) and not is_unicode(value):
            self.problem(f"{value[:80]!a} holds half of a surrogate pair, which is not Unicode text")

    def text(self, key: str) -> str | None:
        """Return a string that may be absent."""
        return self._optional(key, str)

    def number(self, key: str) -> int | None:
        """Return an integer that may be absent."""
        found = self._optional(key, int)
        self._fits(key, found)
        return found

    def flag(self, key: str) -> bool | None:
        """Return a boolean that may be absent."""
        value = self._value(key)
        if value is None or isinstance(value, bool):
            return value
        self[key].problem(f"expected true or false, found {kind_of(value)}")
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; empty where it is absent."""
        return self._list(key, str)

    def numbers(self, key: str) -> tuple[int, ...]:
        """Return a list of integers; empty where it is absent."""
        found = self._list(key, int)
        for item in found:
            self._fits(key, item)
        return found

    def _fits(self, key: str, value: int | None) -> None:
        if value is not None and not INTEGER_MIN <= value <= INTEGER_MAX:
            self[key].problem(f"{value} does not fit in 64 bits")

    def _value(self, key: str) -> Json:
        return self.value.get(key) if isinstance(self.value, dict) else None

    def _optional(self, key: str, kind: type[T]) -> T | None:
        value = self._value(key)
        if value is None:
            return None
        if value.__class__ is kind and isinstance(value, kind):
            return value
        self[key].problem(f"expected {_KINDS[kind]}, found {kind_of(value)}")
        return None

    def _list(self, key: str, kind: type[T]) -> tuple[T, ...]:
        value = self._value(key)
        if value is None:
            return ()
        items = value if isinstance(value, list) else []
        found = tuple(item for item in items if isinstance(item, kind) and item.__class__ is kind)
        if not isinstance(value, list) or len(found) != len(items):
            self[key].problem(f"expected a list, each item {_KINDS[kind]}")
        for item in found:
            if isinstance(item, str) and not item.isascii():
                self[key].unicode(item)
        return found
