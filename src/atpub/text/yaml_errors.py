"""Problems for libyaml's syntax errors, in the terms of a manifest's author."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from yaml.error import MarkedYAMLError, YAMLError

from atpub.errors import Problem
from atpub.text.source import Source

_QUOTE = "put the whole value in quotes"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A libyaml error, the characters around it, and the message and hint that replace it."""

    problem: str
    hint: str
    message: str = ""
    context: str = ""
    at: str = ""
    after: str = ""
    show: Literal["fault", "beginning", "both"] = "fault"
    code: str = "yaml-syntax"

    def fits(self, problem: str, context: str, at: str, after: str) -> bool:
        return bool(
            self.problem in problem
            and self.context in context
            and (not self.at or (at and at in self.at))
            and (not self.after or (after and after in self.after))
        )


_TABS = "YAML does not allow tabs for indentation: use spaces"
_RULES = (
    _Rule("cannot start any token", _TABS, "a tab is used for indentation", at="\t"),
    _Rule("a tab character", _TABS, "a tab is used for indentation"),
    _Rule("cannot start any token", _QUOTE, "a plain value cannot begin with this character"),
    _Rule(
        "alphabetic or numeric",
        f"{_QUOTE}: `*` at its start would make it an alias",
        "a plain value cannot begin with `*`",
        context="alias",
        show="beginning",
    ),
    _Rule(
        "alphabetic or numeric",
        f"{_QUOTE}: `&` at its start would make it an anchor",
        "a plain value cannot begin with `&`",
        context="anchor",
        show="beginning",
    ),
    _Rule(
        "mapping values are not allowed",
        "put a value that contains `: ` in quotes, or check the indentation and the line before",
        "a `:` where no key can stand",
    ),
    _Rule("found unexpected end of stream", "close the quote", "the quote is never closed", show="beginning"),
    _Rule("found unexpected document indicator", "close the quote", "the quote is never closed", show="beginning"),
    _Rule(
        "expected ',' or ']'",
        "separate items with `,` and close the list with `]`",
        "the list is not closed",
        show="both",
    ),
    _Rule(
        "expected ',' or '}'",
        "separate fields with `,` and close the map with `}`",
        "the map is not closed",
        show="both",
    ),
    _Rule("Unicode character escape", "write the character itself, or `\\U` and its 8 digits"),
    _Rule("escape", "write `\\\\` for a backslash, or use single quotes", context="quoted scalar"),
    _Rule(
        "did not find expected key",
        f"{_QUOTE}: a value that begins with a quote or bracket ends where that closes",
        "there is text after the end of the value",
        after="]}\"'",
    ),
    _Rule(
        "did not find expected key",
        "check the indentation: keys of one map begin in the same column",
        "a key should stand here",
    ),
    _Rule(
        "expected '-' indicator",
        "check the indentation: items of one list begin in the same column",
        "an item of the list should stand here",
    ),
    _Rule("expected node content", "write a value, or remove what is left over", "a value should stand here"),
    _Rule(
        "could not find expected ':'",
        "write `key: value`, with a space after the colon",
        "a `:` is missing after this key",
        show="beginning",
    ),
    _Rule(
        "expected <document start>",
        "a file is one YAML document: remove this",
        "there is text after the end of the document",
    ),
    _Rule(
        "undefined tag handle",
        f"tags are not supported; {_QUOTE} if `!` is part of it",
        "this is a tag",
        code="yaml-tag",
    ),
    _Rule("incompatible YAML document", "remove the %YAML line"),
    _Rule("unknown directive", "remove the line, or quote it: `%` at its start makes it a directive", show="beginning"),
)
_OTHER = _Rule("", "check the quotes, brackets and indentation here and on the line before")


def syntax_problem(error: YAMLError, source: Source) -> Problem:
    """Return the problem of a parser's error, at the fault or at the beginning of the unclosed part."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return source.problem("yaml-syntax", str(error), 0, _OTHER.hint)
    fault = error.problem_mark.index
    begin = error.context_mark.index if error.context_mark else fault
    rule = _rule(error.problem or "", error.context or "", source.text, fault)
    message = rule.message or error.problem or ""
    if rule.show == "beginning" or (rule.show == "both" and fault >= len(source.text.rstrip())):
        return source.problem(rule.code, message, begin, rule.hint)
    if rule.show == "both":
        message += f": it begins at {source.place(begin)}"
    return source.problem(rule.code, message, fault, rule.hint)


def _rule(problem: str, context: str, text: str, fault: int) -> _Rule:
    line = text[max(0, fault - 200) : fault].rpartition("\n")[2].rstrip()
    at, after = text[fault : fault + 1], line[-1:]
    return next((rule for rule in _RULES if rule.fits(problem, context, at, after)), _OTHER)
