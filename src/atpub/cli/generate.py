"""`atpub generate`; runs without the classes that it generates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

import click

from atpub.errors import AtpubError, InvalidInput, Place, Problem, Usage
from atpub.lexicon import data
from atpub.lexicon.data import Json, JsonObject
from atpub.lexicon.link import link
from atpub.lexicon.model import Lexicon, Lexicons
from atpub.lexicon.parse import parse, parse_text
from atpub.syntax import Nsid

_OWN_PACKAGE: Final = "atpub.generated"
_DATA: Final = PurePosixPath("lexicons.json")


class Stale(AtpubError):
    """The generated files are not what the lexicons say."""

    code = "stale"


@click.command("generate")
@click.option(
    "--lexicons",
    type=click.Path(path_type=Path),
    default=Path("lexicons"),
    metavar="DIR",
    show_default=True,
    help="The folder of Lexicon JSON files.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The folder of the generated package.")
@click.option("--package", metavar="NAME", help="The name by which it is imported.")
@click.option("--check", is_flag=True, help="Write nothing; fail where a file is stale, missing or orphaned.")
def command(lexicons: Path, out: Path | None, package: str | None, *, check: bool) -> int:
    """Turn Lexicon JSON into typed Python classes.

    A package of one module for each lexicon: a class for each record and object, and the typed requests and replies of
    methods. Files that would not change are not touched; only files that atpub has made are removed.
    """
    out, package = _destination(out, package)
    documents, linked = read_lexicons(lexicons, own=package == _OWN_PACKAGE)
    files = _generated(documents, linked, package)
    stale, orphaned = compare(files, out)
    if check:
        if stale or orphaned:
            names = [f"{out / name} is {'stale' if (out / name).exists() else 'missing'}" for name in stale]
            names += [f"{out / name} is orphaned: no lexicon makes it" for name in orphaned]
            raise Stale("\n".join(names), hint="run `atpub generate`, and commit what it writes")
        click.echo(f"{out}: {len(files)} files, all up to date.")
        return 0
    write(files, out, stale, orphaned)
    click.echo(f"{out}: {len(files)} files, {len(stale)} written, {len(orphaned)} removed.")
    return 0


def _destination(out: Path | None, package: str | None) -> tuple[Path, str]:
    if out is None and package is None and Path("src/atpub/lexicon").is_dir():
        return Path("src/atpub/generated"), _OWN_PACKAGE
    if out is None or package is None:
        raise Usage("say where the package goes", hint="give --out DIR and --package NAME")
    if not all(part.isidentifier() for part in package.split(".")):
        raise Usage(f"{package!r} is not the name of a Python package", hint="for example myproject.records")
    return out, package


def read_lexicons(folder: Path, *, own: bool) -> tuple[Mapping[Nsid, Json], Lexicons]:
    """The lexicons in a folder, as JSON and linked; raises InvalidInput with every problem."""
    files = sorted(folder.rglob("*.json"))
    if not files:
        place = Place(str(folder))
        raise InvalidInput((Problem("no-lexicons", f"there are no lexicons (*.json) in {folder}", place),))
    documents: dict[Nsid, Json] = {}
    pairs: list[tuple[str, Lexicon]] = []
    problems: list[Problem] = []
    for file in files:
        try:
            lexicon = _read_lexicon(file)
        except InvalidInput as error:
            problems.extend(error.problems)
        else:
            documents.setdefault(lexicon.id, data.loads(file.read_bytes()))
            pairs.append((str(file), lexicon))
    if problems:
        raise InvalidInput(tuple(problems))
    return documents, link(pairs, Lexicons({}) if own else _builtin())


def _read_lexicon(file: Path) -> Lexicon:
    try:
        return parse_text(file.read_bytes(), str(file))
    except OSError as error:
        raise InvalidInput((Problem("file-unreadable", f"{error.strerror}", Place(str(file))),)) from None


def _builtin() -> Lexicons:
    """The lexicons that atpub has classes for, read without importing them."""
    found = data.loads((Path(__file__).parent.parent / "generated" / _DATA).read_bytes())
    documents: JsonObject = found if isinstance(found, dict) else {}
    return link((nsid, parse(document, nsid)) for nsid, document in documents.items())


def _generated(documents: Mapping[Nsid, Json], linked: Lexicons, package: str) -> Mapping[PurePosixPath, str]:
    from atpub_codegen import generate

    known = {} if package == _OWN_PACKAGE else {_OWN_PACKAGE: _builtin()}
    return generate(documents, linked, package=package, known=known)


def compare(files: Mapping[PurePosixPath, str], out: Path) -> tuple[list[PurePosixPath], list[PurePosixPath]]:
    """The files that are not as they should be in a folder, and those of ours that should not be there."""
    stale = [name for name, text in files.items() if _read(out / name) != text.encode()]
    ours = [path for path in sorted(out.rglob("*.py")) if _is_ours(path)]
    found = [PurePosixPath(path.relative_to(out).as_posix()) for path in ours]
    return stale, [name for name in found if name not in files]


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _is_ours(path: Path) -> bool:
    from atpub_codegen import MARK

    with path.open("rb") as stream:
        return stream.readline().startswith(MARK.encode())


def write(
    files: Mapping[PurePosixPath, str], out: Path, stale: list[PurePosixPath], orphaned: list[PurePosixPath]
) -> None:
    """Bring a folder up to date, each file whole or not at all."""
    for name in stale:
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(files[name], "utf-8", newline="\n")
        temporary.replace(path)
    for name in orphaned:
        (out / name).unlink()
    for folder in sorted((path for path in out.rglob("*") if path.is_dir()), reverse=True):
        if folder.name != "__pycache__" and not any(folder.iterdir()):
            folder.rmdir()
