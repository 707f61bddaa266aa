"""Lexicon files → the files of a Python package, and a folder brought up to date with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Final

from atpub.atproto import data
from atpub.atproto.data import JsonObject
from atpub.atproto.lexicon.link import link
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.lexicon.select import idle, select
from atpub.cli.files import new_folder, write_text
from atpub.cli.settings import OWN_PACKAGE, Settings
from atpub.errors import FileConflict, InvalidInput, Problem, StaleFiles, Usage
from atpub.manifest.lexicon_files import LexiconSet, read_folders
from atpub.report.style import counted
from atpub_codegen import MARK, generate

_DATA: Final = PurePosixPath("lexicons.json")
_OF_SAMPLES: Final = f"{MARK} from the schemas"

Files = Mapping[PurePosixPath, str]


@dataclass(frozen=True, slots=True)
class State:
    """A folder against the files that it should hold: those that differ or are missing, and those to be removed."""

    out: Path
    files: Files
    stale: tuple[PurePosixPath, ...]
    orphaned: tuple[PurePosixPath, ...]

    def check(self) -> None:
        """Raises StaleFiles, naming every file that is not as it should be."""
        wrong = {str(self.out / name): self._how(name) for name in self.stale}
        wrong |= {str(self.out / name): "orphaned: no lexicon makes it" for name in self.orphaned}
        if wrong:
            listed = "".join(f"\n  {name} is {how}" for name, how in wrong.items())
            message = f"{counted(len(wrong), 'file')} not as the lexicons have it:{listed}"
            hint = "run `atpub generate` with the same options, and commit what it writes"
            raise StaleFiles(message, hint=hint, files=tuple(wrong))

    def _how(self, name: PurePosixPath) -> str:
        return "stale" if (self.out / name).exists() else "missing"


@dataclass(frozen=True, slots=True)
class Made:
    """The files of a package by their path in it, and what was passed over for them."""

    files: Files
    warnings: tuple[Problem, ...] = ()


def generated(settings: Settings) -> Made:
    """The files that the settings ask for; raises InvalidInput with every problem in the lexicons, and Usage."""
    if not settings.lexicons:
        return Made(_samples(settings))
    builtin = Lexicons({}) if settings.is_own else _builtin()
    read = _wanted(read_folders(settings.lexicons, builtin, allow_missing=settings.allow_missing), settings)
    if settings.strict and read.warnings:
        raise InvalidInput(tuple(replace(warning, severity="error") for warning in read.warnings))
    known = {} if settings.is_own else {OWN_PACKAGE: builtin}
    files = generate(read.documents, read.lexicons, package=settings.package, known=known)
    return Made({**files, **_samples(settings)}, read.warnings)


def _samples(settings: Settings) -> Files:
    if not settings.samples:
        return {}
    from atpub.cli.samples import sample_files  # imports generated classes, which may be broken

    return sample_files(settings.samples, alone=not settings.lexicons)


def _wanted(read: LexiconSet, settings: Settings) -> LexiconSet:
    """Those of the lexicons that the patterns name, with what they need; raises Usage."""
    unused = idle(read.documents, (*settings.include, *settings.exclude))
    if unused:
        raise Usage(f"no lexicon's NSID is like {', '.join(unused)}", hint="a pattern is an NSID, or such as org.lab.*")
    own = {nsid: read.lexicons.by_nsid[nsid] for nsid in read.documents}
    names = select(own, settings.include, settings.exclude)
    return replace(read, documents={nsid: document for nsid, document in read.documents.items() if nsid in names})


def _builtin() -> Lexicons:
    """The lexicons that atpub has classes for, read without importing them."""
    found = data.loads((Path(__file__).parent.parent / "generated" / _DATA).read_bytes())
    documents: JsonObject = found if isinstance(found, dict) else {}
    return link((nsid, parse(document, nsid)) for nsid, document in documents.items())


def compare(files: Files, out: Path) -> State:
    """The state of a folder; raises InTheWay where files in it are not atpub's to overwrite."""
    if not out.exists():
        return State(out, files, tuple(files), ())
    stale = tuple(name for name, text in files.items() if _bytes(out / name) != text.encode())
    ours = {PurePosixPath(path.relative_to(out).as_posix()) for path in _ours(out)}
    theirs = [str(out / name) for name in stale if (out / name).exists()]
    # In a package that atpub has made, a file that does not look like it is one that was damaged.
    if theirs and not ours:
        hint = "give another --out, or move them away"
        raise FileConflict(f"atpub has not made {', '.join(theirs)}, and would overwrite it", hint=hint)
    return State(out, files, stale, tuple(sorted(ours - files.keys())))


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _ours(out: Path) -> Iterator[Path]:
    """The modules in a folder that atpub has made, but for those of other packages inside it."""
    samples = (path for path in out.rglob("samples.py") if _begins(path, _OF_SAMPLES))
    others = {path.parent for path in chain(out.rglob(_DATA.name), samples)} - {out}
    for path in out.rglob("*.py"):
        if others.isdisjoint(path.parents) and _begins(path, MARK):
            yield path


def _begins(path: Path, mark: str) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.readline().startswith(mark.encode())
    except OSError:
        return False


def update(state: State) -> None:
    """Bring a folder up to date: each file, or a package that is new, whole or not at all."""
    if not (state.out.exists() or state.out.is_symlink()):
        with new_folder(state.out) as new:
            _fill(new, state.files)
        return
    for folder in {name.parent for name in state.stale}:
        (state.out / folder).mkdir(parents=True, exist_ok=True)
    for name in state.stale:
        write_text(state.out / name, state.files[name])
    for name in state.orphaned:
        (state.out / name).unlink()
        _remove_empty_folders((state.out / name).parent, state.out)


def _fill(out: Path, files: Files) -> None:
    for folder in {name.parent for name in files}:
        (out / folder).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_bytes(text.encode())


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
