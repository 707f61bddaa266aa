"""The tables `[tool.atpub.…]` of pyproject.toml, with the place of each setting."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.evolution.model import parse_approvals
from atpub.errors import InvalidInput
from atpub.problems import Place, Problem
from atpub.suggest import suggest
from atpub.text.source import Source, decode

PYPROJECT: Final = Path("pyproject.toml")
TABLES: Final = ("breaking", "generate", "lint")

_ANY_TABLE: Final = re.compile(r"^[ \t]*\[", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SettingsTable:
    """One table of settings, as it is written, and what can be said about it at its place."""

    name: str
    source: Source
    values: JsonObject = field(default_factory=dict[str, Json])

    def problem(self, key: str, message: str, hint: str = "") -> Problem:
        """Return a problem with a setting; with the whole table if the key is empty."""
        path = ".".join(["tool", "atpub", self.name, *([key] if key else [])])
        return Problem("wrong-setting", f"{path}: {message}", self._place(key or self.name), hint)

    def unknown(self, known: Collection[str]) -> Iterator[Problem]:
        """Yield a problem for each setting that there is not."""
        for key in self.values:
            if key not in known:
                hint = suggest(key, known) or f"known: {', '.join(known)}"
                yield self.problem(key, "there is no such setting", hint)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; empty where it is absent. Raises InvalidInput."""
        found = self.values.get(key, [])
        texts = tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else None
        if texts is None or not isinstance(found, list) or len(texts) != len(found):
            hint = f'write it as a list: ["{found}"]' if isinstance(found, str) else ""
            raise InvalidInput((self.problem(key, "expected a list of strings", hint),))
        return texts

    def _place(self, key: str) -> Place:
        """Return where a setting stands, if it stands on a line of our table; else the whole file."""
        step = r"[ \t]*\.[ \t]*"
        header = rf"^[ \t]*\[[ \t]*tool{step}atpub{step}{re.escape(self.name)}[ \t]*\]"
        table = re.search(header, self.source.text, re.MULTILINE)
        if table is None:
            return Place(self.source.file)
        end = _ANY_TABLE.search(self.source.text, table.end())
        line = re.compile(rf"^[ \t]*[\"']?({re.escape(key)})[\"']?[ \t]*=", re.MULTILINE)
        found = line.search(self.source.text, table.end(), end.start() if end else len(self.source.text))
        return self.source.place(found.start(1)) if found else Place(self.source.file)


def read_table(name: str) -> SettingsTable:
    """Read a table of the pyproject.toml in the current folder; raises InvalidInput. No file is an empty table."""
    try:
        source = decode(PYPROJECT.read_bytes(), str(PYPROJECT))
    except FileNotFoundError:
        return SettingsTable(name, Source(str(PYPROJECT), ""))
    from atpub.text.toml_document import parse_toml  # tomllib, which is not needed without a file

    own = _table(_table(parse_toml(source), "tool"), "atpub")
    found = own.get(name, {})
    problems = list(_unknown_tables(source, own))
    table = SettingsTable(name, source, found if isinstance(found, dict) else {})
    if not isinstance(found, dict):
        problems.append(table.problem("", "expected a table"))
    if problems:
        raise InvalidInput(tuple(problems))
    return table


def read_approved() -> frozenset[str]:
    """Return the lines of the file that approve breaking changes; raises InvalidInput with every problem."""
    table = read_table("breaking")
    if problems := [*table.unknown(("approved",))]:
        raise InvalidInput(tuple(problems))
    return parse_approvals(table.texts("approved"))


def _unknown_tables(source: Source, names: Iterable[str]) -> Iterator[Problem]:
    for name in names:
        if name not in TABLES:
            hint = suggest(name, TABLES) or f"known: {', '.join(TABLES)}"
            yield SettingsTable(name, source).problem("", "there is no such setting", hint)


def _table(document: JsonObject, name: str) -> JsonObject:
    found = document.get(name)
    return found if isinstance(found, dict) else {}
