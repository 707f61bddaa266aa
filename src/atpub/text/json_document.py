"""Strict JSON with the place of every part, for schemas and lexicons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NoReturn

from atpub.atproto import data
from atpub.errors import InvalidInput
from atpub.problems import Problem
from atpub.text.document import Document
from atpub.text.source import Source
from atpub.text.spans import MAX_DEPTH, Part, Span

_TOKEN = re.compile(r'[ \t\r\n]*(?P<text>"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^ \t\r\n\[\]{},:"]+)')
_CLOSING = re.compile(r",[ \t\r\n]*[]}]")
_CONSTANTS = ("NaN", "Infinity", "-Infinity")
_HINT = "check the quotes, commas and brackets here and just before"


def parse_json(source: Source) -> Document:
    """Parse JSON, `2.0` as the integer 2; raises InvalidInput."""
    try:
        json.loads(source.text)
    except json.JSONDecodeError as error:
        raise InvalidInput((_syntax_problem(source, error),)) from None
    except (ValueError, RecursionError) as error:
        # Python will not print a number of more than 4,300 digits, nor go deeper than its stack.
        message = "nested too deeply" if isinstance(error, RecursionError) else "a number has too many digits"
        raise InvalidInput((source.problem("json-syntax", message, 0, "simplify it"),)) from None
    spot = _Scanner(source).scan()
    return Document(source, data.loads(source.text), lambda: spot)


def _syntax_problem(source: Source, error: json.JSONDecodeError) -> Problem:
    if not source.text.strip():
        return source.problem("json-syntax", "the file is empty", 0, "write what belongs there, or remove it")
    before = source.text[: error.pos].rstrip()
    if source.text[error.pos : error.pos + 1] in ("}", "]") and before.endswith(","):
        return source.problem("json-syntax", "a comma after the last item", len(before) - 1, "remove it")
    if _is_trailing_comma(source.text, error.pos):  # Python 3.13 points at the comma, before it at the bracket
        return source.problem("json-syntax", "a comma after the last item", error.pos, "remove it")
    return source.problem("json-syntax", error.msg[:1].lower() + error.msg[1:], error.pos, _HINT)


def _is_trailing_comma(text: str, at: int) -> bool:
    """Return whether a comma after an item is followed by a bracket, and the text can be read past it without."""
    closing = _CLOSING.match(text, at)
    if closing is None or text[:at].rstrip()[-1:] in ("", "[", "{", ",", ":"):
        return False
    try:
        json.loads(f"{text[:at]} {text[at + 1 :]}")
    except json.JSONDecodeError as error:
        return error.pos >= closing.end()
    return True


class _Scanner:
    """A scanner of valid JSON, which finds the place of each part and refuses repeated keys and deep nesting."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._parts = ((found["text"], found.start("text")) for found in _TOKEN.finditer(source.text))

    def scan(self) -> Span:
        return self._value(*next(self._parts), 0)

    def _value(self, text: str, at: int, depth: int, key: int | None = None) -> Span:
        if depth > MAX_DEPTH:
            self._stop("too-deep", f"more than {MAX_DEPTH} lists and objects inside one another", at, "flatten it")
        if text in _CONSTANTS:
            self._stop("json-syntax", f"{text} is not JSON", at, "write a finite number, or a string")
        first = at if key is None else key
        if text == "{":
            return Span(first, at, self._object(depth))
        return Span(first, at, self._array(depth) if text == "[" else None)

    def _object(self, depth: int) -> dict[str, Span]:
        fields: dict[str, Span] = {}
        for text, at in self._parts:
            if text == "}":
                break
            if text == ",":
                continue
            name = str(json.loads(text))
            if name in fields:
                first = self._source.place(fields[name].key)
                message = f"the key {name[:80]!r} is given twice: it is first given at {first}"
                self._stop("duplicate-key", message, at, "keep one of them, or rename one")
            next(self._parts)  # the colon
            fields[name] = self._value(*next(self._parts), depth + 1, at)
        return fields

    def _array(self, depth: int) -> list[Span]:
        items: list[Span] = []
        for text, at in self._parts:
            if text == "]":
                break
            if text != ",":
                items.append(self._value(text, at, depth + 1))
        return items

    def _stop(self, code: str, message: str, at: int, hint: str) -> NoReturn:
        raise InvalidInput((self._source.problem(code, message, at, hint),))


def place_problems(problems: Iterable[Problem], document: Document, of: Part = "value") -> tuple[Problem, ...]:
    """Return the problems, each at the place in the document that its path leads to."""
    return tuple(replace(problem, place=document.place(problem.path, of=of)) for problem in problems)
