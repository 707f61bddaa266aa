"""Generated packages: the files that the settings ask for, and the folder that holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Final

from atpub.atomic_files import new_folder, write_text
from atpub.atproto.data import Json
from atpub.atproto.lexicon.link import idle, is_selected, references, select
from atpub.atproto.lexicon.model import Lexicon, Lexicons
from atpub.atproto.syntax import Nsid
from atpub.errors import FileConflict, InvalidInput, StaleFiles, Usage
from atpub.generation.external import DATA, External, read_external
from atpub.generation.settings import OWN_PACKAGE, Settings
from atpub.manifest.lexicon_files import LexiconSet, read_folders
from atpub.problems import Problem
from atpub.text.paths import outside_target
from atpub_codegen import MARK, STYLES, Names, generate, recorded_names

_OLD_DATA: Final = "lexicons.json"  # its form in older packages
_OWN_FOLDER: Final = Path(__file__).parents[1] / "generated"
_OF_SAMPLES: Final = f"{MARK} from the schemas"

Files = Mapping[PurePosixPath, str]


@dataclass(frozen=True, slots=True)
class PackageState:
    """A folder compared with the files that it should hold: stale or missing files, and orphaned ones."""

    out: Path
    files: Files
    stale: tuple[PurePosixPath, ...]
    orphaned: tuple[PurePosixPath, ...]

    def check(self) -> None:
        """Raise StaleFiles, which names every stale, missing and orphaned file."""
        wrong = {str(self.out / name): self._how(name) for name in self.stale}
        wrong |= {str(self.out / name): "orphaned: no lexicon defines it" for name in self.orphaned}
        if wrong:
            listed = "".join(f"\n  {name} is {how}" for name, how in wrong.items())
            message = f"{len(wrong):,} {'file is' if len(wrong) == 1 else 'files are'} out of date:{listed}"
            hint = "run `atpub generate` with the same options, and commit the result"
            raise StaleFiles(message, hint=hint, files=tuple(wrong))

    def _how(self, name: PurePosixPath) -> str:
        return "stale" if (self.out / name).exists() else "missing"


@dataclass(frozen=True, slots=True)
class GeneratedPackage:
    """The files of a package by their paths in it, its lexicons as JSON, and warnings about these."""

    files: Files
    warnings: tuple[Problem, ...] = ()
    documents: Mapping[Nsid, Json] = field(default_factory=dict[Nsid, Json], repr=False)


def generate_package(settings: Settings, environ: Mapping[str, str]) -> GeneratedPackage:
    """Generate the files that the settings ask for; raises InvalidInput with every problem in the lexicons, and Usage.

    `environ` fills in the variables of the manifests whose schemas are generated.
    """
    if not settings.lexicons:
        return GeneratedPackage(_generate_samples(settings, environ))
    builtin = Lexicons({}) if settings.is_own else _builtin()
    external = read_external(settings.external, _places(settings), settings.style)
    selection = partial(_select, settings, external) if settings.include or settings.exclude or external.rules else None
    known = reduce(Lexicons.and_also, map(external.used, external.packages), builtin)
    read = read_folders(settings.lexicons, known, allow_missing=settings.allow_missing, selection=selection)
    # The words in atpub's own lexicons are those of the published ones, and so stay as they are.
    warnings = tuple(found for found in read.warnings if not (settings.is_own and found.code == "unknown-word"))
    if settings.strict and warnings:
        raise InvalidInput(tuple(replace(warning, severity="error") for warning in warnings))
    files = _generate(settings, read, builtin, external)
    return GeneratedPackage({**files, **_generate_samples(settings, environ)}, warnings, read.documents)


def _generate(settings: Settings, read: LexiconSet, builtin: Lexicons, external: External) -> Files:
    """Generate the files for some lexicons; without atpub's classes, those for its lexicons that these need, too."""
    earlier = {**external.names, **_names_in(settings.out)}
    used = external.used_names()
    if settings.style != "classes":
        more = _select_needed(read.lexicons, builtin, external)
        documents = {**read.documents, **_documents(more)}
        lexicons = more.and_also(read.lexicons)
        style = STYLES[settings.style]
        package = settings.package
        return generate(
            documents, lexicons, package=package, known=external.packages, used=used, earlier=earlier, style=style
        )
    return generate(
        read.documents,
        read.lexicons,
        package=settings.package,
        known={**({} if settings.is_own else {OWN_PACKAGE: builtin}), **external.packages},
        used={name: nsids for name, nsids in used.items() if name != OWN_PACKAGE},  # all of that
        earlier={**_names_in(_OWN_FOLDER), **earlier},
    )


def _select_needed(lexicons: Lexicons, builtin: Lexicons, external: External) -> Lexicons:
    """Return those of atpub's own lexicons that some lexicons refer to, near or far."""
    found: dict[Nsid, Lexicon] = {}
    waiting = [*lexicons.by_nsid.values()]
    while waiting:
        for _, name, _ in references(waiting.pop()):
            own = builtin.by_nsid.get(name.nsid)
            is_known = name.nsid in lexicons.by_nsid or name.nsid in found or external.package_of(name.nsid)
            if own is not None and not is_known:
                found[name.nsid] = own
                waiting.append(own)
    return Lexicons(found)


def _generate_samples(settings: Settings, environ: Mapping[str, str]) -> Files:
    if not settings.samples:
        return {}
    # Reading a manifest imports generated classes. A broken generated package must not stop its own generation.
    from atpub.generation.samples import generate_sample_files

    return generate_sample_files(settings.samples, environ, alone=not settings.lexicons)


def _select(
    settings: Settings, external: External, read: Sequence[Lexicon], broken: Collection[str]
) -> Collection[str]:
    """Select the lexicons that match the patterns, with what they refer to, but no external ones; raises Usage."""
    unused = idle([*(lexicon.id for lexicon in read), *broken], (*settings.include, *settings.exclude))
    if unused:
        raise Usage(f"no lexicon matches {', '.join(unused)}", hint="a pattern is an NSID, or such as org.lab.*")
    own = {lexicon.id: lexicon for lexicon in read if external.package_of(lexicon.id) is None}
    names = select(own, settings.include, settings.exclude)
    needed = {name.nsid: nsid for nsid in sorted(names) for _, name, _ in references(own[nsid])}
    external.check(needed)
    chosen = {name for name in broken if name and is_selected(name, settings.include, settings.exclude)}
    return {*names, *(name for name in (needed.keys() & {*broken}) | chosen if external.package_of(name) is None)}


def _places(settings: Settings) -> tuple[Path, ...]:
    """Return the folders of a project in which its packages are looked for."""
    parents = settings.out.absolute().parents
    depth = settings.package.count(".")
    return (*parents[depth : depth + 1], Path(), Path("src"))


def _documents(lexicons: Lexicons) -> Mapping[Nsid, Json]:
    """Return some of atpub's own lexicons as JSON."""
    from atpub.generated import LEXICONS

    return {nsid: LEXICONS.documents[nsid] for nsid in lexicons.by_nsid}


def _builtin() -> Lexicons:
    """Return the lexicons of atpub's own generated classes, without importing these classes."""
    from atpub.generated import LEXICONS  # a broken package must not stop its own generation

    return LEXICONS.lexicons


def _names_in(package: Path) -> Names:
    """Return the names that a generated package records."""
    text = _read(package / DATA) or b""
    return recorded_names(text.decode(errors="replace")) if text.startswith(MARK.encode()) else {}


def compare(files: Files, out: Path) -> PackageState:
    """Compare a folder with its files; raises FileConflict if atpub would overwrite files that it has not written."""
    if not out.exists():
        return PackageState(out, files, tuple(files), ())
    _check_folders(files, out)
    stale = tuple(name for name, text in files.items() if _read(out / name) != text.encode())
    ours = {PurePosixPath(path.relative_to(out).as_posix()) for path in _find_generated(out)}
    theirs = [str(out / name) for name in stale if (out / name).exists()]
    # In a package that atpub has generated, a file without the mark is a damaged file.
    if theirs and not ours:
        hint = "give another --out, or move them away"
        raise FileConflict(f"atpub would overwrite files that it has not written: {', '.join(theirs)}", hint=hint)
    return PackageState(out, files, stale, tuple(sorted(ours - files.keys())))


def _check_folders(files: Files, out: Path) -> None:
    """Raise FileConflict if a folder of the package is a symlink to the outside: atpub would write there."""
    for folder in sorted({name.parent for name in files}):
        if target := outside_target(out / folder, out):
            hint = "remove the symlink, and generate again"
            raise FileConflict(f"{out / folder} leads to {target}, outside the package's folder", hint=hint)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _find_generated(out: Path) -> Iterator[Path]:
    """Find the modules in a folder that atpub has generated, except those of other packages inside it."""
    samples = (path for path in out.rglob("samples.py") if _begins(path, _OF_SAMPLES))
    others = {path.parent for path in chain(out.rglob(DATA), out.rglob(_OLD_DATA), samples)} - {out}
    if _begins(out / "__init__.py", MARK) and _begins(out / _OLD_DATA, "{\n"):
        yield out / _OLD_DATA
    for path in out.rglob("*.py"):
        if others.isdisjoint(path.parents) and _begins(path, MARK):
            yield path


def _begins(path: Path, mark: str) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.readline().startswith(mark.encode())
    except OSError:
        return False


def update(state: PackageState) -> None:
    """Write stale and missing files and remove orphaned ones; a new package is written whole or not at all."""
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
    """Remove a folder that holds nothing but compiled files, and such folders above it, up to the package's own."""
    while folder != out and not [path for path in folder.iterdir() if path.name != "__pycache__"]:
        for compiled in folder.glob("__pycache__/*.pyc"):
            compiled.unlink()
        for rest in folder.iterdir():
            if any(rest.iterdir()):
                return
            rest.rmdir()
        folder.rmdir()
        folder = folder.parent
