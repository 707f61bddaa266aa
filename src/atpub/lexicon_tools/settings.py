"""The settings of `atpub lex lint`: options, and `[tool.atpub.lint]` in pyproject.toml."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Final

from atpub.errors import InvalidInput, Usage
from atpub.generation.pyproject import SettingsTable, read_table
from atpub.lexicon_tools.lint import ALL, Ignored
from atpub.lexicon_tools.rules import CODES
from atpub.problems import Problem
from atpub.suggest import suggest

_KEYS: Final = ("ignore", "per-path")
_RULES: Final = "`atpub lex lint --rules` lists them"


def read_ignored(flags: Iterable[str]) -> Ignored:
    """Return the rules that the options and the file ignore; raises Usage, and InvalidInput with every problem.

    An option is a rule, or `PATTERN:RULE`.
    """
    given = [flag.rpartition(":") for flag in flags]
    for pattern, _, code in given:
        if code not in CODES and not (pattern and code == ALL):
            raise Usage(f"there is no rule {code!r}", hint=suggest(code, CODES) or _RULES)
    table = read_table("lint")
    paths = table.values.get("per-path", {})
    by_path = replace(table, name="lint.per-path", values=paths if isinstance(paths, dict) else {})
    problems = [*table.unknown(_KEYS), *_unknown_rules(table, ["ignore"], CODES)]
    problems += _unknown_rules(by_path, by_path.values, (*CODES, ALL))
    if not isinstance(paths, dict):
        problems.append(table.problem("per-path", "expected a table", 'such as {"vendor/*" = ["missing-description"]}'))
    if problems:
        raise InvalidInput(tuple(problems))
    everywhere = frozenset([*(code for pattern, _, code in given if not pattern), *table.texts("ignore")])
    named = [(pattern, frozenset([code])) for pattern, _, code in given if pattern]
    named += [(pattern, frozenset(by_path.texts(pattern))) for pattern in by_path.values]
    return Ignored(everywhere, tuple(named))


def _unknown_rules(table: SettingsTable, keys: Iterable[str], known: Collection[str]) -> Iterator[Problem]:
    for key in keys:
        for code in table.texts(key):
            if code not in known:
                yield table.problem(key, f"there is no rule {code!r}", suggest(code, CODES) or _RULES)
