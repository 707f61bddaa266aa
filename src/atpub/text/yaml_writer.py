"""A value → YAML text that reads back as the same value, by the rules that manifests are read with (YAML 1.2, core).

It writes blocks (flow only for empty maps and lists), text of several lines as a literal block, and folds long lines.
No library does this: PyYAML's emitters quote by YAML 1.1, escape characters beyond U+FFFF, and fold inside quotes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from atpub.atproto.data import Json
from atpub.text.scalars import resolve
from atpub.text.source import UNREADABLE

WIDTH: Final = 100
"""The longest line of text that is not folded."""

_LONGEST_KEY: Final = 1000  # YAML 1.2, section 7.4.2: an implicit key has at most 1,024 characters
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./($\u00a1-\U0010ffff](?:[^\x00-\x1f:#]|:(?=[^\s])|(?<=\S)#)*")
_ESCAPES: Final = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r"}
_ESCAPED: Final = re.compile(rf'["\\\n\t\r]|{UNREADABLE.pattern}')
_IN_FLOW: Final = re.compile(r"[,\[\]{}]")
_DOLLARS: Final = re.compile(r"\${2,}|\$(?=\{)")
_STEP: Final = 2


class OneLine(str):
    """Text to be written on one line: of a block, a blank line or a comment that follows would become a part."""

    __slots__ = ()


def yaml_text(value: Json) -> str:
    """Write the value as a YAML document, which ends in a line break."""
    return "".join(f"{line}\n" for line in _lines(value, 0))


def indented_lines(value: Json, indent: int) -> list[str]:
    """Write a map or a list that is in another one of that indentation."""
    return [*_lines(value, indent + _STEP)]


def styled_lines(value: Json, indent: int, style: str | None) -> list[str]:
    """Write a scalar or an empty map or list, text in the style of what it replaces: a quote, `|`, `>`, or none.

    The first line follows that of the key; `indent` is that of the map or list around it.
    """
    if not isinstance(value, str):
        return _scalar(value, indent)
    pad = " " * (indent + _STEP)
    if style == ">" and "\n" not in value and _is_foldable(value):
        return [">-", *(f"{pad}{line}" for line in _fold(value, pad))]
    if "\n" in value or style in ("|", ">"):
        return _block(value, pad) if _is_block(value) else [_line(value)]
    return [flow_text(value, style) if style else _line(value)]


def flow_text(value: Json, style: str | None = None) -> str:
    """Write a value on one line, as it may stand in a flow; text in the quotes that it had."""
    match value:
        case str() if style == "'" and not _ESCAPED.search(value.replace('"', "").replace("\\", "")):
            return "'" + value.replace("'", "''") + "'"
        case str():
            text = _line(value)
            return double_quote(value) if style == '"' or (text == value and _IN_FLOW.search(text)) else text
        case dict():
            return f"{{{', '.join(f'{flow_text(key)}: {flow_text(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(flow_text, value))}]"
        case _:
            return _scalar(value, 0)[0]


def double_quote(text: str) -> str:
    """Write text on one line in double quotes, as it may stand anywhere."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def with_dollars_kept(value: Json) -> Json:
    """Escape a value for a place where `${X}` is interpolated: double each `$` that would be interpreted.

    Keys are left as they are: no variables are filled in there.
    """
    if isinstance(value, str):
        return _DOLLARS.sub(lambda found: found[0] * 2, value)
    if isinstance(value, list):
        return [with_dollars_kept(item) for item in value]
    if isinstance(value, dict):
        return {key: with_dollars_kept(item) for key, item in value.items()}
    return value


def _lines(value: Json, indent: int) -> Iterator[str]:
    """Return the lines of a value that starts on its own line."""
    pad = " " * indent
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _entry(f"{pad}{_key(key, pad)}:", item, indent)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _item(item, indent)
    else:
        first, *rest = _scalar(value, indent)
        yield f"{pad}{first}"
        yield from rest


def _key(key: str, pad: str) -> str:
    text = _line(key)
    return text if len(text) <= _LONGEST_KEY else f"? {text}\n{pad}"


def _entry(head: str, item: Json, indent: int) -> Iterator[str]:
    if isinstance(item, dict | list) and item:
        yield head
        yield from _lines(item, indent + _STEP)
    else:
        first, *rest = _scalar(item, indent)
        yield f"{head} {first}"
        yield from rest


def _item(item: Json, indent: int) -> Iterator[str]:
    """Write an item of a list; a map or list in it starts on the line of the dash."""
    pad = " " * indent
    if isinstance(item, dict | list) and item:
        first, *rest = _lines(item, indent + _STEP)
        yield f"{pad}- {first.removeprefix(' ' * (indent + _STEP))}"
    else:
        first, *rest = _scalar(item, indent)
        yield f"{pad}- {first}"
    yield from rest


def _scalar(value: Json, indent: int) -> list[str]:
    """Write a scalar or an empty map or list: the text on the line of its key, and the lines after it."""
    match value:
        case str():
            return _text(value, indent)
        case bool():
            return ["true" if value else "false"]
        case None:
            return ["null"]
        case dict():
            return ["{}"]
        case list():
            return ["[]"]
        case _:
            return [str(value)]


def _text(text: str, indent: int) -> list[str]:
    pad = " " * (indent + _STEP)
    if "\n" in text and _is_block(text):
        return _block(text, pad)
    if len(text) > WIDTH - len(pad) and _is_foldable(text) and len(folded := _fold(text, pad)) > 1:
        return [">-", *(f"{pad}{line}" for line in folded)]
    return [_line(text)]


def _is_foldable(text: str) -> bool:
    return bool(text) and text == text.strip() and not UNREADABLE.search(text) and not isinstance(text, OneLine)


def _fold(text: str, pad: str) -> list[str]:
    """Return the lines of text that read back as it when folded."""
    folded = textwrap.wrap(text, max(40, WIDTH - len(pad)), break_long_words=False, break_on_hyphens=False)
    return folded if " ".join(folded) == text else [text]


def _is_block(text: str) -> bool:
    """Tell whether text can be written as a literal block."""
    is_readable = "\r" not in text and not UNREADABLE.search(text)
    return bool(text.strip()) and text[0] != "\t" and is_readable and not isinstance(text, OneLine)


def _block(text: str, pad: str) -> list[str]:
    # The indentation of text that starts with blanks must be given.
    mark = str(_STEP) if text[0] in " \n" else ""
    lines = text.removesuffix("\n").split("\n")
    return [f"|{mark}{_chomping(text)}", *(f"{pad}{line}" if line else "" for line in lines)]


def _chomping(text: str) -> str:
    """Return the indicator of the line breaks at the text's end (YAML 1.2, section 8.1.1.2)."""
    if not text.endswith("\n"):
        return "-"
    return "+" if text.endswith("\n\n") or not text.rpartition("\n")[0].rpartition("\n")[2].strip() else ""


def _line(text: str) -> str:
    """Write text on one line: plain if it reads back as the same text, else quoted."""
    if _PLAIN.fullmatch(text) and text == text.strip() and _reads_as_text(text) and not _ESCAPED.search(text):
        return text
    if "'" not in text and not UNREADABLE.search(text) and not set("\n\r\t").intersection(text) and '"' in text:
        return f"'{text}'"
    return double_quote(text)


def _reads_as_text(text: str) -> bool:
    return not text.startswith("...") and len(text) <= 1000 and resolve(text) == text


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}")
