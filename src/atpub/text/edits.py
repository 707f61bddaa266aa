"""Edits of YAML text at the places of its parts: everything else stays as it is, comments and layout included."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from yaml.tokens import BlockMappingStartToken, FlowMappingStartToken, ScalarToken, Token

from atpub.text.scalars import plain_scalar
from atpub.text.source import Source
from atpub.text.yaml_document import parser

T = TypeVar("T", bound=Token)


class TextEdit(NamedTuple):
    """A text in place of that between two offsets."""

    start: int
    end: int
    text: str


def apply_edits(text: str, edits: Iterable[TextEdit]) -> str:
    """Return the text with its edits made; equal ones are made once."""
    for edit in sorted(set(edits), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


class YamlEditor:
    """Makes edits of a YAML text; an offset is that of a key or a value, as `Document.offset` returns it."""

    def __init__(self, source: Source) -> None:
        """Read the tokens of a text that can be parsed."""
        self._text = source.text
        self._scalars: list[ScalarToken] = []
        self._maps: list[BlockMappingStartToken | FlowMappingStartToken] = []
        scanner: Any = parser(source.text)
        while scanner.check_token():
            token = scanner.get_token()
            if isinstance(token, ScalarToken):
                self._scalars.append(token)
            elif isinstance(token, BlockMappingStartToken | FlowMappingStartToken):
                self._maps.append(token)

    def replace_scalar(self, offset: int, text: str) -> TextEdit | None:
        """Return the edit that writes a text in place of a scalar, in its quotes; None of an alias."""
        found = self._token(self._scalars, offset)
        return (
            None
            if found is None
            else TextEdit(found.start_mark.index, found.end_mark.index, _written(text, found.style))
        )

    def add_fields(self, offset: int, fields: Mapping[str, str]) -> TextEdit | None:
        """Return the edit that puts fields at the beginning of a map; None of an alias."""
        found = self._token(self._maps, offset)
        lines = [f"{name}: {plain_scalar(text)}" for name, text in fields.items()]
        if isinstance(found, FlowMappingStartToken):
            return TextEdit(found.end_mark.index, found.end_mark.index, "".join(f"{line}, " for line in lines))
        if found is None:
            return None
        start = found.start_mark
        line_break = "\r\n" if "\r\n" in self._text else "\n"
        return TextEdit(start.index, start.index, "".join(f"{line}{line_break}{' ' * start.column}" for line in lines))

    def _token(self, tokens: list[T], offset: int) -> T | None:
        """Return the token of the node at an offset, which an anchor may precede."""
        if self._text[offset : offset + 1] == "*":
            return None
        return tokens[bisect_left(tokens, offset, key=lambda token: token.start_mark.index)]


def _written(text: str, style: str | None) -> str:
    """Return a text in quotes of a style; it needs no escapes but those of plain scalars."""
    if style == "'":
        return f"'{text}'"
    return f'"{text}"' if style == '"' else plain_scalar(text)
