"""What `atpub generate` is to do: its flags, and for what they leave open `[tool.atpub.generate]` in pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import Final, TypeAlias

from atpub.errors import InvalidInput, Place, Problem, Usage
from atpub.lexicon.data import Json, JsonObject
from atpub.manifest.suggest import suggest

OWN_PACKAGE: Final = "atpub.generated"
PYPROJECT: Final = Path("pyproject.toml")

Setting: TypeAlias = "bool | str | tuple[str, ...]"

_TEXT, _TEXTS, _FLAG = "a string", "a list of strings", "true or false"
_KINDS: Final[Mapping[str, str]] = {
    "lexicons": _TEXTS,
    "out": _TEXT,
    "package": _TEXT,
    "include": _TEXTS,
    "exclude": _TEXTS,
    "strict": _FLAG,
    "allow-missing": _FLAG,
    "samples": _TEXTS,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What to generate, from what, and how strictly; `lexicons` are folders, `samples` manifests."""

    lexicons: tuple[Path, ...]
    out: Path
    package: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    strict: bool = False
    allow_missing: bool = False
    samples: tuple[Path, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether the package is the one that atpub itself uses."""
        return self.package == OWN_PACKAGE


def settings(flags: Mapping[str, Setting | None]) -> Settings:
    """The settings, a flag before the file; raises Usage, and InvalidInput where the file is wrong."""
    given = {**_written(), **{name: value for name, value in flags.items() if value}}
    out, package = _destination(given.get("out"), given.get("package"))
    samples = _paths(given.get("samples"))
    return Settings(
        lexicons=_paths(given.get("lexicons")) or _default_lexicons(samples),
        out=out,
        package=package,
        include=_texts(given.get("include")),
        exclude=_texts(given.get("exclude")),
        strict=given.get("strict") is True,
        allow_missing=given.get("allow-missing") is True,
        samples=samples,
    )


def _default_lexicons(samples: tuple[Path, ...]) -> tuple[Path, ...]:
    folder = Path("lexicons")
    return () if samples and not folder.exists() else (folder,)


def _destination(out: Setting | None, package: Setting | None) -> tuple[Path, str]:
    """Where the package goes and what it is called; in atpub's own source tree that is known. Raises Usage."""
    if out is None and package is None and Path("src/atpub/lexicon").is_dir():
        return Path("src/atpub/generated"), OWN_PACKAGE
    if not isinstance(out, str) or not isinstance(package, str):
        missing = " and ".join(name for name, given in (("--out", out), ("--package", package)) if given is None)
        hint = "for example: --out src/lab/records --package lab.records, or in pyproject.toml [tool.atpub.generate]"
        raise Usage(f"say where the package goes and what it is called: {missing} missing", hint=hint)
    if not all(part.isidentifier() and not iskeyword(part) for part in package.split(".")):
        hint = "names of letters, digits and _, with dots between them: for example lab.records"
        raise Usage(f"{package!r} is not the name of a Python package", hint=hint)
    if Path(out).exists() and not Path(out).is_dir():
        raise Usage(f"{out} is a file, not a folder", hint="name the folder of the package")
    return Path(out), package


def _texts(value: Setting | None) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _paths(value: Setting | None) -> tuple[Path, ...]:
    return tuple(map(Path, _texts(value)))


# The file


def _written() -> Mapping[str, Setting]:
    try:
        document: JsonObject = tomllib.loads(PYPROJECT.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:  # TOML's syntax, or UTF-8's
        raise InvalidInput((Problem("toml-syntax", str(error), Place(str(PYPROJECT))),)) from None
    table = _table(_table(document, "tool"), "atpub").get("generate", {})
    if not isinstance(table, dict):
        raise InvalidInput((_problem("", "expected a table"),))
    found = {name: _setting(name, value) for name, value in table.items()}
    problems = tuple(value for value in found.values() if isinstance(value, Problem))
    if problems:
        raise InvalidInput(problems)
    return {name: value for name, value in found.items() if not isinstance(value, Problem)}


def _table(document: JsonObject, name: str) -> JsonObject:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _setting(name: str, value: Json) -> Setting | Problem:
    """One setting of the file, or what is wrong with it."""
    kind = _KINDS.get(name)
    if kind is None:
        hint = suggest(name, _KINDS) or f"there are {', '.join(_KINDS)}"
        return _problem(f".{name}", "there is no such setting", hint)
    if isinstance(value, str) and kind == _TEXT:
        return value
    if isinstance(value, bool) and kind == _FLAG:
        return value
    if isinstance(value, list) and kind == _TEXTS:
        texts = tuple(item for item in value if isinstance(item, str))
        if len(texts) == len(value):
            return texts
    return _problem(f".{name}", f"expected {kind}")


def _problem(path: str, message: str, hint: str = "") -> Problem:
    return Problem("wrong-setting", f"tool.atpub.generate{path}: {message}", Place(str(PYPROJECT)), hint)
