"""Problems in the user's input: values, not exceptions, so that the user sees all of them at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from atpub.redact import redact_urls, tidy

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a text file: 1-based line and column, and the line's text; line 0 is the whole file.

    The text shows no secrets of URLs.
    """

    file: str
    line: int = 0
    column: int = 0
    text: str = ""

    def __post_init__(self) -> None:
        """Redact the text."""
        object.__setattr__(self, "text", redact_urls(self.text))

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in the user's input: a stable code, a message, the place, and a hint.

    `path` holds the keys and indexes from the root of the file or record to the value. Message and hint show no secrets
    of URLs, and no line of more than 2,000 characters.
    """

    code: str
    message: str
    place: Place | None = None
    hint: str = ""
    severity: Severity = "error"
    path: tuple[str | int, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        """Redact and shorten the message and the hint."""
        object.__setattr__(self, "message", tidy(self.message))
        object.__setattr__(self, "hint", tidy(self.hint))

    @property
    def order(self) -> tuple[str, int, int]:
        """The key that sorts problems by place; those without a place come first."""
        place = self.place or Place("")
        return (place.file, place.line, place.column)

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message} [{self.code}]"
