"""The settings of `atpub lex lint`: options, and `[tool.atpub.lint]` in pyproject.toml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from atpub.errors import InvalidInput, Problem, Usage
from atpub.generation.pyproject import SettingsTable, read_table
from atpub.lexicon_tools.lint import Ignored
from atpub.lexicon_tools.rules import CODES
from atpub.suggest import suggest

_KEYS: Final = ("ignore", "per-path")
_RULES: Final = "`atpub lex lint --rules` lists them"


def read_ignored(flags: Iterable[str]) -> Ignored:
    """Return the rules that the options and the file ignore; raises Usage, and InvalidInput with every problem."""
    codes = frozenset(flags)
    for code in sorted(codes - {*CODES}):
        raise Usage(f"there is no rule {code!r}", hint=suggest(code, CODES) or _RULES)
    table = read_table("lint")
    paths = table.values.get("per-path", {})
    by_path = replace(table, name="lint.per-path", values=paths if isinstance(paths, dict) else {})
    problems = [*table.unknown(_KEYS), *_unknown_rules(table, ["ignore"]), *_unknown_rules(by_path, by_path.values)]
    if not isinstance(paths, dict):
        problems.append(table.problem("per-path", "expected a table", 'such as {"vendor/*" = ["missing-description"]}'))
    if problems:
        raise InvalidInput(tuple(problems))
    return Ignored(codes | {*table.texts("ignore")}, {name: frozenset(by_path.texts(name)) for name in by_path.values})


def _unknown_rules(table: SettingsTable, keys: Iterable[str]) -> Iterator[Problem]:
    for key in keys:
        for code in table.texts(key):
            if code not in CODES:
                yield table.problem(key, f"there is no rule {code!r}", suggest(code, CODES) or _RULES)
