"""The text of a file: decoding, and offsets as lines and columns."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from atpub.errors import InvalidInput
from atpub.problems import Place, Problem
from atpub.text.scalars import resolve

MAX_BYTES = 32 * 1024 * 1024
"""The maximum size of a file, in bytes; larger files are more likely a mistake than a manifest."""

_BEFORE = 120
_WIDTH = 200
_PLAIN_SCALAR = re.compile(r"(?:&\S+[ \t]+)?([-+.\w]{1,80})")  # a number or a word, after its anchor
_LINE_BREAK = re.compile(r"\r\n?|\n")
# Characters that YAML 1.2 counts as not printable, and U+0085, U+2028 and U+2029, which are text in YAML 1.2 but line
# breaks to libyaml (1.1).
UNREADABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class Source:
    """A file's name as the user gave it, and its text (left out of the repr: it may be 32 MiB).

    `first_line` is the number of the text's first line, if the text is a part of the file.
    """

    file: str
    text: str = field(repr=False)
    first_line: int = 1

    def place(self, offset: int) -> Place:
        """Return the line and column of an offset in characters; a long line is cut around the column, see `caret`."""
        starts = self._line_starts
        line = bisect_right(starts, offset)
        start = starts[line - 1]
        end = starts[line] if line < len(starts) else len(self.text)
        return Place(self.file, self.first_line + line - 1, offset - start + 1, self._window(start, offset, end))

    def problem(self, code: str, message: str, offset: int, hint: str = "") -> Problem:
        """Return a problem at an offset."""
        return Problem(code, message, self.place(offset), hint)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in _LINE_BREAK.finditer(self.text))]

    def _window(self, start: int, offset: int, end: int) -> str:
        first = max(start, offset - _BEFORE)
        last = min(end, first + _WIDTH + 2)
        shown = self.text[first:last].rstrip("\r\n")
        if first > start:
            shown = f"…{shown[1:]}"
        if len(shown) > _WIDTH:
            shown = f"{shown[: _WIDTH - 1]}…"
        # Replace control characters one for one, so that the caret still fits.
        return UNREADABLE.sub("\ufffd", shown)


def caret(place: Place) -> int:
    """Return the number of characters of `place.text` before the place's column.

    `Place.column` is the file's own. `Place.text` is a window of at most 200 characters on the line: from its
    start where the column is at most 121, else from 120 characters before the column. A side that is cut shows `…`.
    """
    return min(place.column - 1, _BEFORE)


def as_written(value: bool | float, place: Place) -> str:
    """Return a plain scalar as its file has it (`1.10`, `007`, `True`), else as YAML would be written.

    A value in quotes in a hint must be this: `1.1` is another version than `1.10`.
    """
    found = _PLAIN_SCALAR.match(place.text, caret(place)) if place.line else None
    if found and repr(resolve(found[1])) == repr(value):
        return found[1]
    return str(value).lower() if isinstance(value, bool) else str(value)


_NO_TEXT: Final = "is this a text file? save it as UTF-8"


def decode(data: bytes, file: str, first_line: int = 1) -> Source:
    """Decode the bytes of a file, or of the part that begins at a line; raises InvalidInput: too many, or not UTF-8."""
    if len(data) > MAX_BYTES:
        raise InvalidInput((too_large(file),))
    try:
        return Source(file, data.decode("utf-8-sig"), first_line)
    except UnicodeDecodeError as error:
        raise InvalidInput((_not_utf8(error, file, first_line),)) from None


def check_characters(source: Source) -> None:
    """Raise InvalidInput at the first character that YAML forbids, or that its versions read differently."""
    found = UNREADABLE.search(source.text)
    if found is None:
        return
    code = f"U+{ord(found[0]):04X}"
    breaks = found[0] in "\x85\u2028\u2029"
    message = (
        f"{code} is a line break to some YAML readers only" if breaks else f"YAML does not allow the character {code}"
    )
    hint = f"write it in double quotes as \\u{ord(found[0]):04X}, or remove it"
    if found[0] == "\0":
        hint = _NO_TEXT
    raise InvalidInput((source.problem("bad-character", message, found.start(), hint),))


def too_large(file: str) -> Problem:
    """Return the problem with a file of more than `MAX_BYTES`."""
    message = f"the file is larger than {MAX_BYTES // 2**20} MiB"
    hint = "split it into a folder of files, or into several projects"
    return Problem("too-large", message, Place(file, 1, 1), hint)


def _not_utf8(error: UnicodeDecodeError, file: str, first_line: int) -> Problem:
    before = error.object[: error.start].decode("utf-8")
    source = Source(file, error.object.decode("utf-8", errors="replace"), first_line)
    message = f"the byte 0x{error.object[error.start]:02X} is not UTF-8"
    hint = _NO_TEXT if "\0" in before else "save the file as UTF-8"
    return source.problem("not-utf8", message, len(before), hint)
