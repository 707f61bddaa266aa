"""Packages that a test generates from lexicons, writes to a folder and imports."""

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from atpub.atproto import data
from atpub.atproto.data import Json
from atpub.atproto.lexicon.link import link
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.runtime import Value
from atpub.atproto.syntax import Nsid
from atpub_codegen import STYLES, generate

LEXICONS = Path(__file__).parent / "lexicons"
"""Lexicons that show every construct, and names and texts that mean no good."""

NONE = Lexicons({})


@dataclass(frozen=True)
class GeneratedPackage:
    """A generated package that can be imported."""

    name: str
    lexicons: Lexicons
    files: Mapping[PurePosixPath, str]

    def module(self, name: str = "") -> Any:
        return importlib.import_module(f"{self.name}.{name}" if name else self.name)

    @property
    def modules(self) -> list[str]:
        """The name of every module in it."""
        parts = (path.with_suffix("").parts for path in self.files if path.suffix == ".py")
        return [".".join(part for part in path if part != "__init__") for path in parts]

    @cached_property
    def classes(self) -> list[type[Value]]:
        """Every class in it, each once."""
        return [kind for name in self.modules for kind in _classes(self.module(name))]


def _classes(module: ModuleType) -> list[type[Value]]:
    found = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Value)]
    return [kind for kind in found if kind.__module__ == module.__name__]


def read(folder: Path) -> dict[Nsid, Json]:
    """The lexicons in a folder, as JSON."""
    found = [data.loads(path.read_bytes()) for path in sorted(folder.rglob("*.json"))]
    return {Nsid(str(document["id"])): document for document in found if isinstance(document, dict)}


def linked(documents: Mapping[Nsid, Json], known: Lexicons = NONE) -> Lexicons:
    return link(((nsid, parse(document, nsid)) for nsid, document in documents.items()), known)


def write(files: Mapping[PurePosixPath, str], folder: Path) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")


def generated(
    documents: Mapping[Nsid, Json],
    name: str,
    folder: Path,
    known: Mapping[str, Lexicons] | None = None,
    style: str = "classes",
) -> GeneratedPackage:
    """A package of that name, made from some lexicons, in a folder that Python looks for modules in."""
    others = NONE
    for lexicons in (known or {}).values():
        others = others.and_also(lexicons)
    lexicons = linked(documents, others)
    files = generate(documents, lexicons, package=name, known=known, style=STYLES[style])
    write(files, folder / name)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    importlib.invalidate_caches()
    return GeneratedPackage(name, lexicons, files)
