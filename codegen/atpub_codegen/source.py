"""Text of a lexicon as Python source: whatever it holds, it stays a literal or a docstring.

A lexicon is untrusted input: its texts enter the source only through this module.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence, Set
from functools import cache
from typing import Final

from atpub_codegen.formatting import WIDTH, block

BUILTIN_TYPES: Final = frozenset({"bool", "bytes", "int", "list", "str"})
"""The builtin types that annotations name."""

_WORD_OR_TEXT: Final = re.compile(r"""(?<![\w.])\w+|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})


@cache
def quote(text: str) -> str:
    """Return the text as an ASCII string literal, in the quotes that need fewer escapes."""
    if text.isascii() and text.isalnum():
        return f'"{text}"'
    escaped = ascii(text)
    if escaped[0] == '"' or text.count('"') > text.count("'"):
        return escaped
    body = escaped[1:-1].replace("\\'", "'").replace('"', '\\"')
    return f'"{body}"'


def qualify(annotation: str, names: Set[str]) -> str:
    """Return the annotation with `builtins.` before some builtin types, but not in the texts of literals."""

    def spelled(match: re.Match[str]) -> str:
        return f"builtins.{match[0]}" if match[0] in names else match[0]

    return _WORD_OR_TEXT.sub(spelled, annotation) if names else annotation


def literals(values: Iterable[int | str]) -> tuple[str, ...]:
    """Each value as a literal, once."""
    found = (quote(value) if isinstance(value, str) else repr(value) for value in values)
    return tuple(dict.fromkeys(found))


def arguments(**given: object) -> str:
    """Return the arguments of a call; None for those that are not given."""
    return ", ".join(f"{name}={value}" for name, value in given.items() if value is not None)


def spread(before: str, parts: Sequence[str], after: str, indent: int = 0) -> str:
    """Return the parts between an opening and a closing, on one line if they fit, else one per line."""
    line = f"{before}{', '.join(parts)}{after}"
    if len(line) + indent <= WIDTH:
        return line
    return block(before, parts, after, indent)


def tuple_of(expressions: Iterable[str], before: str, indent: int = 0) -> str:
    """Return a tuple of expressions, after what stands before it."""
    parts = tuple(expressions)
    if len(parts) == 1:
        return f"{before}({parts[0]},)"
    return spread(f"{before}(", parts, ")", indent)


def list_of(expressions: Iterable[str], before: str, indent: int = 0) -> str:
    """Return a list of expressions, after what stands before it."""
    return spread(f"{before}[", tuple(expressions), "]", indent)


def docstring(text: str, indent: int = 0) -> str:
    """Return the text as a docstring, wrapped."""
    lines = wrap(text, indent)
    if len(lines) == 1 and len(lines[0]) + indent + 6 > WIDTH:  # with its quotes it does not fit
        lines = wrap(text, indent + 3)
    pad = " " * indent
    if len(lines) == 1:
        return f'"""{lines[0]}"""'
    return '"""' + f"\n{pad}".join(lines) + f'\n{pad}"""'


def wrap(text: str, indent: int) -> list[str]:
    """Return the text in lines, safe inside a triple-quoted string."""
    safe = " ".join(_visible(text).split()).replace("\\", "\\\\").replace('"', '\\"') or "…"
    if len(safe) <= WIDTH - indent - 3:
        return [safe]
    return textwrap.wrap(safe, WIDTH - indent - 3, break_long_words=False, break_on_hyphens=False)


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(character) in _UNSEEN else character for character in text)
