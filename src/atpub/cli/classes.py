"""Lexicon files → the files of a Python package, and a folder brought up to date with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path, PurePosixPath
from typing import Final

from atpub.errors import AtpubError, InvalidInput, Place, Problem, Usage
from atpub.lexicon import data
from atpub.lexicon.data import Json, JsonObject
from atpub.lexicon.link import link
from atpub.lexicon.model import Lexicons
from atpub.lexicon.parse import parse
from atpub.manifest.lexicon_files import LexiconFile, lexicon_files, link_files, read_lexicon, why_none
from atpub.report.style import counted
from atpub.syntax import Nsid
from atpub_codegen import MARK, generate

OWN_PACKAGE: Final = "atpub.generated"
_DATA: Final = PurePosixPath("lexicons.json")

Files = Mapping[PurePosixPath, str]


class Stale(AtpubError):
    """The generated files are not what the lexicons say."""

    code = "stale"


class InTheWay(AtpubError):
    """Somebody else's files are where the generated ones would go."""

    code = "in-the-way"


@dataclass(frozen=True, slots=True)
class State:
    """A folder against the files that it should hold: those that differ or are missing, and those to be removed."""

    out: Path
    files: Files
    stale: tuple[PurePosixPath, ...]
    orphaned: tuple[PurePosixPath, ...]

    def check(self) -> None:
        """Raises Stale, naming every file that is not as it should be."""
        names = [f"{self.out / name} is {self._how(name)}" for name in self.stale]
        names += [f"{self.out / name} is orphaned: no lexicon makes it" for name in self.orphaned]
        if names:
            listed = "".join(f"\n  {name}" for name in names)
            hint = "run `atpub generate` with the same options, and commit what it writes"
            raise Stale(f"{counted(len(names), 'file')} not as the lexicons have it:{listed}", hint=hint)

    def _how(self, name: PurePosixPath) -> str:
        return "stale" if (self.out / name).exists() else "missing"


def destination(out: Path | None, package: str | None) -> tuple[Path, str]:
    """Where the package goes and what it is called; in atpub's own source tree that is known. Raises Usage."""
    if out is None and package is None and Path("src/atpub/lexicon").is_dir():
        return Path("src/atpub/generated"), OWN_PACKAGE
    if out is None or package is None:
        missing = " and ".join(name for name, given in (("--out", out), ("--package", package)) if given is None)
        hint = "for example: --out src/lab/records --package lab.records"
        raise Usage(f"say where the package goes and what it is called: {missing} missing", hint=hint)
    if not all(part.isidentifier() and not iskeyword(part) for part in package.split(".")):
        hint = "names of letters, digits and _, with dots between them: for example lab.records"
        raise Usage(f"{package!r} is not the name of a Python package", hint=hint)
    if out.exists() and not out.is_dir():
        raise Usage(f"{out} is a file, not a folder", hint="name the folder of the package")
    return out, package


def generated(folder: Path, package: str) -> Files:
    """The files of a package by their path in it; raises InvalidInput with every problem in the lexicons."""
    own = package == OWN_PACKAGE
    builtin = Lexicons({}) if own else _builtin()
    documents, linked = read_lexicons(folder, builtin)
    return generate(documents, linked, package=package, known={} if own else {OWN_PACKAGE: builtin})


def read_lexicons(folder: Path, known: Lexicons) -> tuple[Mapping[Nsid, Json], Lexicons]:
    """The lexicons in a folder, as JSON and linked; raises InvalidInput with every problem."""
    files = lexicon_files(folder)
    if not files:
        hint = "name a folder of Lexicon JSON files: --lexicons DIR"
        raise InvalidInput((Problem("no-lexicons", f"{folder} {why_none(folder)}", Place(str(folder)), hint),))
    read: list[LexiconFile] = []
    problems: list[Problem] = []
    for file in files:
        try:
            read.append(read_lexicon(file))
        except InvalidInput as error:
            problems.extend(error.problems)
    linked = link_files(read, known, complete=not problems)
    problems.extend(linked.problems)
    if problems:
        raise InvalidInput(tuple(problems))
    return {found.lexicon.id: found.document.value for found in read}, linked.lexicons


def _builtin() -> Lexicons:
    """The lexicons that atpub has classes for, read without importing them."""
    found = data.loads((Path(__file__).parent.parent / "generated" / _DATA).read_bytes())
    documents: JsonObject = found if isinstance(found, dict) else {}
    return link((nsid, parse(document, nsid)) for nsid, document in documents.items())


def compare(files: Files, out: Path) -> State:
    """The state of a folder; raises InTheWay where files in it are not atpub's to overwrite."""
    stale = tuple(name for name, text in files.items() if _read(out / name) != text.encode())
    ours = {PurePosixPath(path.relative_to(out).as_posix()) for path in out.rglob("*.py") if _is_ours(path)}
    theirs = [str(out / name) for name in stale if (out / name).exists()]
    # In a package that atpub has made, a file that does not look like it is one that was damaged.
    if theirs and not ours:
        hint = "give another --out, or move them away"
        raise InTheWay(f"atpub has not made {', '.join(theirs)}, and would overwrite it", hint=hint)
    return State(out, files, stale, tuple(sorted(ours - files.keys())))


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.readline().startswith(MARK.encode())
    except OSError:
        return False


def update(state: State) -> None:
    """Bring a folder up to date, each file whole or not at all."""
    for name in state.stale:
        path = state.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(state.files[name], "utf-8", newline="\n")
        temporary.replace(path)
    for name in state.orphaned:
        (state.out / name).unlink()
        _remove_empty_folders((state.out / name).parent, state.out)


def _remove_empty_folders(folder: Path, out: Path) -> None:
    """Remove a folder that has nothing of anybody's left, and those above it, but not the package's own."""
    while folder != out and not [path for path in folder.iterdir() if path.name != "__pycache__"]:
        for compiled in folder.glob("__pycache__/*.pyc"):
            compiled.unlink()
        for rest in folder.iterdir():
            if any(rest.iterdir()):
                return
            rest.rmdir()
        folder.rmdir()
        folder = folder.parent
