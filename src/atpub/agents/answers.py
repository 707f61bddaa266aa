"""The answers of tools: JSON and a short text, of limited size, in which nothing hides.

A model reads them, and texts in them are other people's: characters that are invisible or change the direction of
writing are escaped, as for a terminal.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.report.escape import escape_terminal
from atpub.report.problems import FORMAT_VERSION

LARGEST: Final = 100_000
"""The most characters of the JSON of an answer."""
LONGEST_TEXT: Final = 8_000
"""The most characters of its text."""

_DEEPEST: Final = 40
_MOST_NOTES: Final = 20
_LIMITS: Final = ((4_000, 500), (1_000, 100), (300, 20), (100, 3))
"""The most characters of a string and the most items of a list or object, from generous to strict."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a tool: a text for people, and the JSON that the command of that name prints."""

    text: str
    data: JsonObject
    is_error: bool = False

    def limit(self) -> Answer:
        """Return the answer within the limits of size."""
        return Answer(_limit_text(self.text, LONGEST_TEXT), limit_json(self.data), self.is_error)


def limit_json(document: JsonObject) -> JsonObject:
    """Return a document whose JSON fits; `not_shown` gives the number of items that are left out, by their place."""
    for longest, most in _LIMITS:
        cut = _Cut(longest, most)
        found = cut.object(document, "", 0)
        if cut.not_shown:
            found["not_shown"] = {**cut.not_shown}
        if len(json.dumps(found)) <= LARGEST:
            return found
    return {"format_version": FORMAT_VERSION, "not_shown": {"": len(document)}}


@dataclass(slots=True)
class _Cut:
    longest: int
    most: int
    not_shown: dict[str, int] = field(default_factory=dict[str, int])

    def object(self, value: JsonObject, place: str, depth: int) -> JsonObject:
        self._note(place, len(value))
        shown = list(value.items())[: self.most]
        return {
            (name := _limit_text(key, self.longest)): self._value(item, f"{place}.{name}".lstrip("."), depth + 1)
            for key, item in shown
        }

    def _value(self, value: Json, place: str, depth: int) -> Json:
        match value:
            case str():
                return _limit_text(value, self.longest)
            case dict() | list() if depth > _DEEPEST:
                return "…"
            case dict():
                return self.object(value, place, depth)
            case list():
                self._note(place, len(value))
                return [self._value(item, f"{place}[]", depth + 1) for item in value[: self.most]]
            case _:
                return value

    def _note(self, place: str, count: int) -> None:
        if count > self.most and (place in self.not_shown or len(self.not_shown) < _MOST_NOTES):
            self.not_shown[place] = self.not_shown.get(place, 0) + count - self.most


def _limit_text(text: str, longest: int) -> str:
    """Return a text with its unsafe characters escaped, except line breaks, and without what is too long of it."""
    left_out = len(text) - longest
    shown = "\n".join(map(escape_terminal, text[:longest].split("\n")))
    return f"{shown} … ({left_out:,} characters left out)" if left_out > 0 else shown
