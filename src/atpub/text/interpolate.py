"""Environment variables in parsed strings: `${X}`, `${X:-default}` and `$$`; any other `$` is itself.

Only values are interpolated, never keys, and a string stays a string, whatever the variable holds. Only declared
variables are read: those that `ATPUB_VARS` lists (NAME,NAME), and those named `ATPUB_VAR_…`. What a manifest holds is
published, so a variable that is named as a secret or a setting of atpub is not read even where it is declared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from atpub.errors import Usage
from atpub.problems import Problem
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

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MISNAMED: Final = "a variable's name has letters, digits and underscores only"
_ALWAYS: Final = "ATPUB_VAR_"
_SETTING: Final = "ATPUB_"
_LIST: Final = "ATPUB_VARS"
_CONFIDENTIAL = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN(?!IZ)|CREDENTIAL|API_?KEY|(^|_)(KEYS?|AUTH|PASS|PAT)(_|$)", re.IGNORECASE
)
_CONFIDENTIAL_HINT: Final = (
    "settings of atpub and names with PASSWORD, TOKEN, SECRET or KEY are never filled in: rename it"
)

NOT_FILLED: Final = frozenset(("bad-variable", "unset-variable", "variable-not-declared", "variable-is-secret"))
"""The codes of the problems of references that stay in the document."""


def declare_variables(environ: Mapping[str, str], declarations: Iterable[str]) -> Mapping[str, str]:
    """Return the environment with more variables declared, each as `NAME` or `NAME=VALUE`; raises Usage."""
    declared, values = [*_listed(environ)], dict(environ)
    for declaration in declarations:
        name, equals, value = declaration.partition("=")
        if not _NAME.fullmatch(name):
            raise Usage(_MISNAMED, hint="write NAME or NAME=VALUE")
        declared.append(name)
        if equals:
            values[name] = value
    return {**values, _LIST: ",".join(declared)}


def _listed(environ: Mapping[str, str]) -> Sequence[str]:
    """Return the names that `ATPUB_VARS` lists; raises Usage for what is no name, which may be a value."""
    names = [name for item in environ.get(_LIST, "").split(",") if (name := item.strip())]
    if not all(map(_NAME.fullmatch, names)):
        raise Usage(f"{_LIST}: {_MISNAMED}", hint="list names, NAME,NAME; each value is in a variable of its own")
    return names


def nowhere(_: Steps) -> bool:
    """Return False: skip no part of a document."""
    return False


def interpolate(document: Document, environ: Mapping[str, str], *, skip: Callable[[Steps], bool] = nowhere) -> Document:
    """Fill in a document's declared variables; a reference that cannot be filled in stays and adds a problem.

    `skip` tells which paths, with everything inside, stay as they are. As in a shell, `${X:-default}` is the
    default if X is unset or empty; `$$` is a `$` in a default as well.
    """
    text = document.source.text
    # Only an escape can make a reference that the text does not show.
    if "${" not in text and "$$" not in text and "\\" not in text:
        return document
    filler = _Filler(document, environ, frozenset(_listed(environ)), skip, {})
    value = filler.fill(document.value, ())
    return replace(document, value=value, problems=(*document.problems, *filler.problems.values()))


@dataclass(frozen=True, slots=True)
class _Filler:
    document: Document
    environ: Mapping[str, str]
    declared: frozenset[str]
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
        if self._is_refused(name, found, steps):
            return found[0]
        given = self.environ.get(name)
        if default is not None:
            return given or default.replace("$$", "$")
        if given is None:
            hint = f"set it, or give a default: `${{{name}:-default}}`"
            self._report("unset-variable", f"the environment variable {name} is not set", hint, found, steps)
            return found[0]
        return given

    def _is_refused(self, name: str, found: re.Match[str], steps: Steps) -> bool:
        """Report a variable that may not be read."""
        is_ours = name.startswith(_SETTING) and not name.startswith(_ALWAYS)
        if is_ours or _CONFIDENTIAL.search(name):
            message = f"{name} may hold a secret, and what a manifest holds is published"
            self._report("variable-is-secret", message, _CONFIDENTIAL_HINT, found, steps)
            return True
        if name in self.declared or name.startswith(_ALWAYS):
            return False
        hint = f"declare it: --var {name}, or {_LIST}={name} in the environment"
        self._report("variable-not-declared", f"the variable {name} is not declared", hint, found, steps)
        return True

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
