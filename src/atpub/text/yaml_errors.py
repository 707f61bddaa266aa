"""Problems for libyaml's syntax errors, in the terms of a manifest's author."""

from __future__ import annotations

import re
from dataclasses import dataclass

from yaml.error import MarkedYAMLError, YAMLError
from yaml.parser import ParserError

from atpub.problems import Problem
from atpub.text.source import Source

_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_DOCUMENT = re.compile(r"(---|\.\.\.)(\s|\Z)")
_IN_PLAIN = re.compile(r"\t|:[][{},?]")
"""What a plain value may not hold; anything else comes after a key without its colon."""
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
    names_beginning: bool = False

    def fits(self, problem: str, context: str, at: str, after: str) -> bool:
        return bool(
            self.problem in problem
            and self.context in context
            and (not self.at or (at and at in self.at))
            and (not self.after or (after and after in self.after))
        )


# libyaml's errors have no codes, so its words choose ours; a text that is not known costs the friendlier message alone:
# code and place come from the kind of error, its marks and the characters there.
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
    ),
    _Rule(
        "alphabetic or numeric",
        f"{_QUOTE}: `&` at its start would make it an anchor",
        "a plain value cannot begin with `&`",
        context="anchor",
    ),
    _Rule(
        "mapping values are not allowed",
        "put a value that contains `: ` in quotes, or check the indentation and the line before",
        "a `:` where no key can stand",
    ),
    _Rule("found unexpected end of stream", "close the quote", "the quote is never closed"),
    _Rule("found unexpected document indicator", "close the quote", "the quote is never closed"),
    _Rule(
        "expected ',' or ']'",
        "separate items with `,` and close the list with `]`",
        "the list is not closed",
        names_beginning=True,
    ),
    _Rule(
        "expected ',' or '}'",
        "separate fields with `,` and close the map with `}`",
        "the map is not closed",
        names_beginning=True,
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
    ),
    _Rule("incompatible YAML document", "remove the %YAML line"),
    _Rule("unknown directive", "remove the line, or quote it: `%` at its start makes it a directive"),
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
    code = "yaml-tag" if _is_undefined_tag(error, source.text, begin, fault) else "yaml-syntax"
    if begin < fault and _is_at_beginning(error, source.text, begin, fault):
        return source.problem(code, message, begin, rule.hint)
    if rule.names_beginning:
        message += f": it begins at {source.place(begin)}"
    return source.problem(code, message, fault, rule.hint)


def _is_undefined_tag(error: MarkedYAMLError, text: str, begin: int, fault: int) -> bool:
    """Return whether the fault is a tag, of the node that begins there or with an anchor before it."""
    is_tag = isinstance(error, ParserError) and error.context_mark is not None and text[fault : fault + 1] == "!"
    return is_tag and re.fullmatch(r"(&\S+\s+)?", text[begin:fault]) is not None


def _is_at_beginning(error: MarkedYAMLError, text: str, begin: int, fault: int) -> bool:
    """Return whether a user should look at the beginning of what fails, by its first character."""
    part = text[begin:fault]
    is_end = fault >= len(text)
    match part[0]:
        case "[" | "{":
            return not isinstance(error, ParserError) or fault >= len(text.rstrip())
        case _ if isinstance(error, ParserError):
            return False
        case "*" | "&":
            return True
        case "%":
            return re.fullmatch(r"%(?!YAML$)[\w-]+", part) is not None and (is_end or text[fault].isspace())
        case "!":
            return re.search(r"\s", part) is not None or (is_end and (part == "!" or not part.endswith("!")))
        case "'" | '"':
            return is_end or _QUOTED.match(part) is not None or _DOCUMENT.match(text, fault) is not None
        case "|" | ">":
            return False
        case _:
            return (is_end or "\n" in part) and _IN_PLAIN.match(text, fault) is None


def _rule(problem: str, context: str, text: str, fault: int) -> _Rule:
    line = text[max(0, fault - 200) : fault].rpartition("\n")[2].rstrip()
    at, after = text[fault : fault + 1], line[-1:]
    return next((rule for rule in _RULES if rule.fits(problem, context, at, after)), _OTHER)
