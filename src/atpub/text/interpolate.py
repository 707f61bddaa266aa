"""Environment variables in parsed strings: `${X}`, `${X:-default}` and `$$`; any other `$` is itself.

Only values are interpolated, never keys, and a string stays a string, whatever the variable holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from atpub.errors import Problem
from atpub.text.document import Document
from atpub.text.spans import Steps, Value

# No two ways to read a default: `$$$$…` must not take exponential time.
_REFERENCE = re.compile(
    r"""\$\$
    | \$\{ (?P<name>[A-Za-z_][A-Za-z0-9_]*) (?: :- (?P<default> (?: [^$}] | \$\$ | \$(?![${]) )* ) )? \}
    | \$\{""",
    re.VERBOSE,
)
_MALFORMED = "write `${NAME}` or `${NAME:-default}` (a default holds no `${`), or `$${` for the characters themselves"


def nowhere(_: Steps) -> bool:
    """Return False: skip no part of a document."""
    return False


def interpolate(document: Document, environ: Mapping[str, str], *, skip: Callable[[Steps], bool] = nowhere) -> Document:
    """Fill in a document's variables; a reference that cannot be filled in stays and adds a problem.

    `skip` tells which paths, with everything inside, stay as they are. As in a shell, `${X:-default}` is the
    default if X is unset or empty; `$$` is a `$` in a default as well.
    """
    text = document.source.text
    # Only an escape can make a reference that the text does not show.
    if "${" not in text and "$$" not in text and "\\" not in text:
        return document
    filler = _Filler(document, environ, skip, {})
    value = filler.fill(document.value, ())
    return replace(document, value=value, problems=(*document.problems, *filler.problems.values()))


@dataclass(frozen=True, slots=True)
class _Filler:
    document: Document
    environ: Mapping[str, str]
    skip: Callable[[Steps], bool]
    problems: dict[tuple[Steps, str], Problem]  # for each string and what it refers to, once

    def fill(self, value: Value, steps: Steps) -> Value:
        if isinstance(value, str):
            return self._text(value, steps) if "$" in value and not self.skip(steps) else value
        if not isinstance(value, dict | list) or self.skip(steps):
            return value
        if isinstance(value, dict):
            return {key: self.fill(item, (*steps, key)) for key, item in value.items()}
        return [self.fill(item, (*steps, index)) for index, item in enumerate(value)]

    def _text(self, text: str, steps: Steps) -> str:
        return _REFERENCE.sub(lambda found: self._reference(found, steps), text)

    def _reference(self, found: re.Match[str], steps: Steps) -> str:
        if found[0] == "$$":
            return "$"
        name, default = found["name"], found["default"]
        if name is None:
            self._report("bad-variable", "`${` is not followed by a name and `}`", _MALFORMED, found, steps)
            return found[0]
        given = self.environ.get(name)
        if default is not None:
            return given or default.replace("$$", "$")
        if given is None:
            hint = f"set it, or give a default: `${{{name}:-default}}`"
            self._report("unset-variable", f"the environment variable {name} is not set", hint, found, steps)
            return found[0]
        return given

    def _report(self, code: str, message: str, hint: str, found: re.Match[str], steps: Steps) -> None:
        if (steps, found[0]) not in self.problems:
            source = self.document.source
            at = _offset_of(found, source.text, self.document.offset(steps))
            self.problems[steps, found[0]] = source.problem(code, message, at, hint)


def _offset_of(found: re.Match[str], text: str, start: int) -> int:
    """Return the offset of a reference: of its line if that is in the text, else of the first equal reference."""
    line = found.string[: found.end()].rpartition("\n")[2]
    for stretch in (line, found[0]):
        at = text.find(stretch, start)
        if at >= 0:
            return at + len(stretch) - len(found[0])
    return start
