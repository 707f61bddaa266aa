"""Settings of generation: options, then `[tool.atpub.generate]` in pyproject.toml, then defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from keyword import iskeyword
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from atpub.atproto.data import Json
from atpub.errors import InvalidInput, Usage
from atpub.generation.pyproject import PYPROJECT, SettingsTable, read_table
from atpub.problems import Problem
from atpub.suggest import suggest
from atpub.text.paths import leads_out, outside_target

_STYLES: Final = ("classes", "pydantic")  # those of atpub_codegen, which other readers of the settings need not load
OWN_PACKAGE: Final = "atpub.generated"

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
    "external": _TEXTS,
    "style": _TEXT,
}


class ExternalRule(NamedTuple):
    """A pattern of NSIDs, and the package that has their classes."""

    pattern: str
    package: str

    def covers(self, nsid: str) -> bool:
        """Return whether the NSID matches the pattern."""
        return fnmatchcase(nsid, self.pattern)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a generated package; `lexicons` are folders, `samples` are manifests."""

    lexicons: tuple[Path, ...]
    out: Path
    package: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    strict: bool = False
    allow_missing: bool = False
    samples: tuple[Path, ...] = ()
    external: tuple[ExternalRule, ...] = ()
    style: str = "classes"

    @property
    def is_own(self) -> bool:
        """Whether the package is the one that atpub itself uses."""
        return self.package == OWN_PACKAGE


def read_settings(flags: Mapping[str, Setting | None]) -> Settings:
    """Read the settings: a flag overrides the file. Raises Usage, and InvalidInput with every problem in the file."""
    given = {**_read_settings(flags), **{name: value for name, value in flags.items() if value}}
    out, package = _destination(given.get("out"), given.get("package"))
    samples = _paths(given.get("samples"))
    lexicons = _paths(given.get("lexicons")) or _default_lexicons(samples)
    for folder in lexicons:
        if out.resolve().is_relative_to(folder.resolve()):
            message = f"the package may not be inside the folder of lexicons {folder}"
            raise Usage(message, hint="give it a folder of its own: --out DIR")
    return Settings(
        lexicons=lexicons,
        out=out,
        package=package,
        include=_texts(given.get("include")),
        exclude=_texts(given.get("exclude")),
        strict=given.get("strict") is True,
        allow_missing=given.get("allow-missing") is True,
        samples=samples,
        external=_external(given.get("external"), package),
        style=_style(given.get("style")),
    )


def lexicon_folders() -> tuple[Path, ...]:
    """Return the folders of lexicons in the file, else lexicons/; raises InvalidInput with every problem in it."""
    return _paths(_read_settings({}).get("lexicons")) or (Path("lexicons"),)


def _default_lexicons(samples: tuple[Path, ...]) -> tuple[Path, ...]:
    folder = Path("lexicons")
    return () if samples and not folder.exists() else (folder,)


def _destination(out: Setting | None, package: Setting | None) -> tuple[Path, str]:
    """Return the package's folder and name; atpub's own source tree needs neither option. Raises Usage."""
    if out is None and package is None and Path("src/atpub/atproto").is_dir():
        return Path("src/atpub/generated"), OWN_PACKAGE
    if not isinstance(out, str) or not isinstance(package, str):
        missing = " and ".join(name for name, given in (("--out", out), ("--package", package)) if given is None)
        hint = "for example: --out src/lab/records --package lab.records, or in pyproject.toml [tool.atpub.generate]"
        raise Usage(f"the package needs a folder and a name: {missing} missing", hint=hint)
    if not is_package(package):
        hint = "names of letters, digits and _, with dots between them: for example lab.records"
        raise Usage(f"{package!r} is not the name of a Python package", hint=hint)
    if Path(out).exists() and not Path(out).is_dir():
        raise Usage(f"{out} is a file, not a folder", hint="name the folder of the package")
    return Path(out), package


def _style(value: Setting | None) -> str:
    style = value if isinstance(value, str) else "classes"
    if style not in _STYLES:
        raise Usage(f"there is no style {style!r}", hint=suggest(style, _STYLES) or f"choose {' or '.join(_STYLES)}")
    return style


def _external(value: Setting | None, package: str) -> tuple[ExternalRule, ...]:
    rules = tuple(map(parse_rule, _texts(value)))
    if any(rule.package == package for rule in rules):
        raise Usage(f"{package} is the package itself", hint="name another package after the `=`")
    return rules


def parse_rule(text: str) -> ExternalRule:
    """Return the rule in `PATTERN=PACKAGE`; raises Usage."""
    pattern, equals, package = text.partition("=")
    if not pattern or not equals or not is_package(package):
        hint = "for example: --external 'com.atproto.*=atpub.generated'"
        raise Usage(f"expected PATTERN=PACKAGE, found {text!r}", hint=hint)
    return ExternalRule(pattern, package)


def is_package(name: str) -> bool:
    """Return whether the text can be the import name of a package."""
    return all(part.isidentifier() and not iskeyword(part) for part in name.split("."))


def _texts(value: Setting | None) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _paths(value: Setting | None) -> tuple[Path, ...]:
    return tuple(map(Path, _texts(value)))


# The file


def _read_settings(flags: Mapping[str, Setting | None]) -> Mapping[str, Setting]:
    """Read the settings in the file; its paths, unless a flag replaces them, must be inside the project's folder."""
    table = read_table("generate")
    problems = list(table.unknown(_KINDS))
    found = {name: _setting(table, name, value) for name, value in table.values.items() if name in _KINDS}
    problems += [value for value in found.values() if isinstance(value, Problem)]
    problems += [
        _leading_out(table, name, path)
        for name in ("lexicons", "out", "samples")
        if not flags.get(name)
        for path in _as_tuple(found.get(name))
        if leads_out(path) or outside_target(Path(path), Path())
    ]
    if problems:
        raise InvalidInput(tuple(problems))
    return {name: value for name, value in found.items() if not isinstance(value, Problem)}


def _as_tuple(value: Setting | Problem | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()


def _leading_out(table: SettingsTable, name: str, path: str) -> Problem:
    hint = f"copy it into the project, or name it on the command line: --{name} {path}"
    return table.problem(name, f"{path!r} leads out of the folder of {PYPROJECT}", hint)


def _setting(table: SettingsTable, name: str, value: Json) -> Setting | Problem:
    """One setting of the file, or what is wrong with it."""
    kind = _KINDS[name]
    if isinstance(value, str) and kind == _TEXT:
        return value
    if isinstance(value, bool) and kind == _FLAG:
        return value
    if isinstance(value, list) and kind == _TEXTS:
        texts = tuple(item for item in value if isinstance(item, str))
        if len(texts) == len(value):
            return texts
    hint = f'write it as a list: ["{value}"]' if isinstance(value, str) and kind == _TEXTS else ""
    return table.problem(name, f"expected {kind}", hint)
