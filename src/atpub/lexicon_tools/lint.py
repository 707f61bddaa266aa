"""`atpub lex lint`: lexicon files → problems, each at its place, without those that the settings ignore."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import attrgetter
from pathlib import Path
from typing import Final

from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.lexicon.violation import json_path
from atpub.lexicon_tools.parts import Corpus, LexiconPart
from atpub.lexicon_tools.rules import RULES, Rule
from atpub.manifest.lexicon_files import LexiconFile, link_files, read_files
from atpub.problems import Place, Problem

ALL: Final = "*"
"""What stands for every rule."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """The rules that are not reported: everywhere, and in the files that match a pattern (`*`: all rules)."""

    codes: frozenset[str] = frozenset()
    by_path: tuple[tuple[str, frozenset[str]], ...] = ()

    def covers(self, problem: Problem) -> bool:
        """Tell whether a problem is not to be reported."""
        if problem.code in self.codes:
            return True
        name = Path(problem.place.file).as_posix() if problem.place else ""
        return any(
            not codes.isdisjoint((problem.code, ALL)) and _matches(name, pattern) for pattern, codes in self.by_path
        )


def _matches(name: str, pattern: str) -> bool:
    path = Path(pattern).as_posix()  # as names are: without ./ and a slash at the end
    return fnmatchcase(name, path) or fnmatchcase(name, f"{path}/*")


@dataclass(frozen=True, slots=True)
class LintResult:
    """What was found in some files, in their order."""

    files: int
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> int:
        """The number of errors."""
        return sum(problem.severity == "error" for problem in self.problems)

    @property
    def warnings(self) -> int:
        """The number of warnings."""
        return len(self.problems) - self.errors


def lint(named: Mapping[Path, Path], beside: Mapping[Path, Path], known: Lexicons, ignored: Ignored) -> LintResult:
    """Lint some files, each with its folder; they may refer to the lexicons of those beside them, and to known ones."""
    read, broken = read_files(named)
    others, broken_others = read_files(beside)
    linked = link_files([*read, *others], known, complete=not (broken or broken_others))
    names = {file.source.file for file in read}
    between = [found for found in (*linked.problems, *linked.warnings) if found.place and found.place.file in names]
    problems = [problem for found in broken.values() for problem in found]
    problems += [warning for file in read for warning in file.warnings]
    problems += [*between, *lint_files(read, [*read, *others])]
    shown = sorted((problem for problem in problems if not ignored.covers(problem)), key=attrgetter("order"))
    return LintResult(len(named), tuple(shown))


def lint_files(files: Iterable[LexiconFile], corpus: Iterable[LexiconFile]) -> Iterator[Problem]:
    """Yield the problems that the rules find in valid lexicons; `corpus` are those that may use them."""
    together = Corpus.of((file.lexicon, file.value) for file in corpus)
    for file in files:
        if isinstance(file.value, dict):
            lexicon = LexiconPart(file.lexicon.id, "lexicon", file.value, corpus=together)
            found = list(_apply_rules(lexicon, file.source.file))
            yield from file.place(found, of="key") if found else ()


def _apply_rules(lexicon: LexiconPart, file: str) -> Iterator[Problem]:
    for part in lexicon.parts():
        for rule in (*_GENERAL, *_BY_KIND.get(part.kind, ())):
            for finding in rule.check(part) if rule.check else ():
                path = (*part.path, *finding.steps)
                message = f"{json_path(path)}: {finding.message}"
                yield Problem(rule.code, message, Place(file), finding.hint, rule.severity, path)


def _by_kind(rules: Iterable[Rule]) -> Mapping[str, Sequence[Rule]]:
    found: defaultdict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        for kind in rule.kinds:
            found[kind].append(rule)
    return found


_GENERAL: Final = tuple(rule for rule in RULES if rule.check and not rule.kinds)
_BY_KIND: Final = _by_kind(RULES)
