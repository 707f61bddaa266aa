"""The table of explanations, read from the TOML files beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

THEMES: Final = (
    "text",
    "manifest",
    "lexicons",
    "breaking",
    "files",
    "samples",
    "urls",
    "checksums",
    "records",
    "plan",
    "published",
    "import",
    "errors",
)
"""The files of the table, in the order of a user's work."""
RULES_TITLE: Final = "Rules of lexicons"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A code, what it means in one line, why it occurs or matters, and what to do; `example` may be empty."""

    code: str
    theme: str
    summary: str
    cause: str
    remedy: str
    example: str = ""


@cache
def explanations() -> Mapping[str, Explanation]:
    """Return the explanation of each code: by theme, and within a theme as in its file."""
    found = {item.code: item for theme in THEMES for item in _read(theme)}
    return MappingProxyType({**found, **{item.code: item for item in _rules() if item.code not in found}})


def normalize_code(text: str) -> str:
    """Return a code as the table has it: a user may copy it with its brackets."""
    return text.strip().strip("[]").lower()


def _rules() -> Iterator[Explanation]:
    """Yield the explanations of the rules of `atpub lex lint`, which have a table of their own."""
    from atpub.lexicon_tools.rules import RULES  # the language of lexicons, which few codes need

    for rule in RULES:
        severity = "An error" if rule.severity == "error" else "A warning"
        found = f"{severity} of `atpub lex lint`, such as in `{rule.example}`."
        remedy = f"Change the lexicon as the hint says, or leave the rule out: `atpub lex lint --ignore {rule.code}`."
        yield Explanation(rule.code, RULES_TITLE, rule.summary, found, remedy)


def _read(theme: str) -> list[Explanation]:
    found = tomllib.loads((files("atpub.explanations") / f"{theme}.toml").read_text("utf-8"))
    title = found.pop("title")
    return [Explanation(code, title, **row) for code, row in found.items()]
