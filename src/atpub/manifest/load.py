"""Files → Manifest, or every problem found: structure first, then what a JSON Schema cannot say."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import Did, Handle
from atpub.errors import InvalidInput
from atpub.manifest.acceptance import Accepts, compile_schema
from atpub.manifest.entries import EntryReader
from atpub.manifest.environments import lay_over
from atpub.manifest.files import read_documents, require_one_project
from atpub.manifest.kinds import SECTIONS
from atpub.manifest.model import Address, Entry, LexiconEntry, Manifest, Policy, placeholder
from atpub.manifest.named_files import NamedFiles
from atpub.manifest.schema import manifest_schema
from atpub.problems import Problem
from atpub.suggest import suggest
from atpub.text.document import Document
from atpub.text.files import read_json
from atpub.text.interpolate import NOT_FILLED, interpolate
from atpub.text.merge import ENVIRONMENTS, EXTENSION, MergedDocument, merge
from atpub.text.spans import Steps

if TYPE_CHECKING:
    from atpub.atproto.lexicon.model import Lexicons

T = TypeVar("T")

_LOCAL: Final = re.compile(r"local(:.*)?", re.DOTALL)
_VARIABLE: Final = "${"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What of a manifest can be used, and every problem with the rest of it."""

    manifest: Manifest
    problems: tuple[Problem, ...]

    def require_valid(self) -> Manifest:
        """Return the manifest; raises InvalidInput with every problem."""
        if self.problems:
            raise InvalidInput(self.problems)
        return self.manifest


def load_manifest(
    paths: Sequence[str | os.PathLike[str]], *, environ: Mapping[str, str], environment: str | None = None
) -> Manifest:
    """Load the manifest in files and folders; raises InvalidInput with every problem.

    `environ` fills in `${X}` where it declares X; `environment` names one of the manifest's `environments`.
    """
    return load_valid_subset(paths, environ=environ, environment=environment).require_valid()


def load_valid_subset(
    paths: Sequence[str | os.PathLike[str]], *, environ: Mapping[str, str], environment: str | None = None
) -> Loaded:
    """As `load_manifest`; where there are problems, with the entries that have none, to be checked further.

    Raises InvalidInput where a file cannot be read to its end, and Usage where the paths are of several projects.
    """
    documents = fill_variables(read_documents(paths), environ, environment)
    return _load_of_paths(documents, paths, environment)


def fill_variables(
    documents: Iterable[Document], environ: Mapping[str, str], environment: str | None = None
) -> tuple[Document, ...]:
    """Fill in the variables of a manifest's documents, in all values that may have any."""
    skip = _not_interpolated(environment)
    return tuple(interpolate(document, environ, skip=skip) for document in documents)


def load_documents(documents: Iterable[Document], folder: Path, *, environment: str | None = None) -> Loaded:
    """As `load_valid_subset`, of documents whose variables are filled in; what they name is in `folder`."""
    bundle = lay_over(merge(documents, SECTIONS), environment)
    value, deviations = _valid_part(bundle)
    known = (*bundle.problems, *_elsewhere(deviations, bundle.problems))
    loader = _Loader(bundle, _without_unset(bundle, value), folder, known)
    manifest = loader.manifest(environment)
    return Loaded(manifest, loader.problems)


def _valid_part(bundle: MergedDocument) -> tuple[JsonObject, tuple[Problem, ...]]:
    if _acceptance()(bundle.value):
        return bundle.value, ()
    from atpub.manifest.structure import valid_subset  # to explain takes longer than to load a small manifest

    found = valid_subset(bundle)
    return found.value, found.problems


@cache
def _acceptance() -> Accepts:
    return compile_schema(manifest_schema())


def _load_of_paths(
    documents: Iterable[Document], paths: Sequence[str | os.PathLike[str]], environment: str | None
) -> Loaded:
    documents = tuple(documents)
    loaded = load_documents(documents, folder_of(paths), environment=environment)
    if loaded.problems:  # such as two projects
        require_one_project(paths, documents)
    return loaded


def folder_of(paths: Sequence[str | os.PathLike[str]]) -> Path:
    """Return the folder of a manifest's files: what they name is relative to it."""
    first = Path(paths[0])
    return first if first.is_dir() else first.parent


@dataclass(frozen=True, slots=True)
class ManifestSource:
    """Where a manifest is read from: its paths, the variables, and the environment chosen."""

    paths: Sequence[str | os.PathLike[str]]
    environ: Mapping[str, str]
    environment: str | None = None

    def load(self, documents: Iterable[Document]) -> Manifest:
        """Load the manifest from the documents of its files, which may be edited; raises InvalidInput."""
        filled = fill_variables(documents, self.environ, self.environment)
        return _load_of_paths(filled, self.paths, self.environment).require_valid()


def find_lexicons(paths: Sequence[str | os.PathLike[str]]) -> Mapping[Path, Path]:
    """Return the files in the folder of lexicons that a manifest names, each with the manifest's folder.

    Nothing else in the manifest needs to be right. Raises InvalidInput where a file cannot be read to its end.
    """
    from atpub.manifest.lexicon_files import lexicon_files  # few commands ask for it

    bundle = merge(read_documents(paths), SECTIONS)
    name = _object(bundle.value.get("lexicons")).get("path")
    folder = folder_of(paths)
    return dict.fromkeys(lexicon_files(folder / name), folder) if isinstance(name, str) else {}


def _elsewhere(problems: Iterable[Problem], known: Iterable[Problem]) -> Iterator[Problem]:
    """Yield the problems at places without a known problem, which may have caused them."""
    places = {problem.place for problem in known if problem.place}
    return (problem for problem in problems if problem.place not in places)


def _not_interpolated(environment: str | None) -> Callable[[Steps], bool]:
    """Return the test for values without variables: ids, names of files, extensions, and other environments."""

    def skip(steps: Steps) -> bool:
        if steps[:1] == (ENVIRONMENTS,) and len(steps) > 1:
            if steps[1] != environment:
                return True
            steps = steps[2:]
        if len(steps) in (1, 3) and any(str(step).startswith(EXTENSION) for step in steps[-1:]):
            return True
        return len(steps) == 3 and steps[0] in SECTIONS and steps[2] in ("id", "file")

    return skip


def _has_unset(problems: Iterable[Problem]) -> bool:
    return any(problem.code in NOT_FILLED for problem in problems)


def _without_unset(bundle: MergedDocument, value: JsonObject) -> JsonObject:
    """Leave out the entries in which a variable could not be filled in."""
    if not _has_unset(bundle.problems):
        return value
    return {
        section: {key: entry for key, entry in _object(entries).items() if _VARIABLE not in str(entry)}
        if section in SECTIONS
        else entries
        for section, entries in value.items()
    }


class _Loader:
    """Builds the manifest of a bundle from what is right about its structure."""

    def __init__(self, bundle: MergedDocument, value: JsonObject, folder: Path, problems: Iterable[Problem]) -> None:
        self._bundle = bundle
        self._folder = folder
        self._known = tuple(problems)
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._value = value
        self._files = NamedFiles(folder, bundle.place, self._problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem, the ones that were found first included, in the order of their places."""
        return tuple(sorted((*self._known, *_elsewhere(self._problems, self._known)), key=attrgetter("order")))

    def manifest(self, environment: str | None) -> Manifest:
        target = self._target(environment)
        lexicons, published = self._lexicons()
        reader = EntryReader(self._bundle, self._value, lexicons, self._schema_file, self._problems)
        entries: dict[Address, Entry] = {item.common.address: item for item in published}
        entries.update({item.common.address: item for item in reader.entries()})
        if self.problems:
            entries = dict(self._independent(entries))
        return Manifest(
            project=str(self._value.get("project")),
            account=target.get("account"),
            did=Did(target["did"]) if "did" in target else None,
            pds=target.get("pds"),
            policy=self._policy(),
            entries=entries,
            own_lexicons=lexicons,
            folder=self._folder,
            warnings=tuple(self._warnings),
            place=self._bundle.place,
            key_place=lambda steps: self._bundle.place(steps, of="key"),
            environments=tuple(_object(self._bundle.value.get(ENVIRONMENTS))),
        )

    def _independent(self, entries: Mapping[Address, Entry]) -> Iterator[tuple[Address, Entry]]:
        """Yield the entries that refer to no missing entry: the missing ones have problems of their own."""
        left_out = {
            f"{section}/{key}"
            for section in SECTIONS
            for key in _object(self._bundle.value.get(section))
            if Address(section, key) not in entries
        }
        for address, entry in entries.items():
            if left_out.isdisjoint(_find_references(_object(self._value.get(address.section)).get(address.key))):
                yield address, entry

    # Where to publish

    def _target(self, environment: str | None) -> dict[str, str]:
        known = _object(self._bundle.value.get(ENVIRONMENTS))
        if environment is not None and environment not in known:
            self._note_environment(environment, known)
        given = {name: str(self._value[name]) for name in ("account", "did", "pds") if name in self._value}
        return {name: text for name, text in given.items() if self._is_target(name, text, (name,))}

    def _note_environment(self, environment: str, known: JsonObject) -> None:
        listed = f"the manifest's environments are {', '.join(known)}" if known else "add it under `environments:`"
        place = self._bundle.place((ENVIRONMENTS,), of="key")
        message = f"there is no environment {environment!r}"
        self._problems.append(Problem("unknown-environment", message, place, suggest(environment, known) or listed))

    def _is_target(self, name: str, text: str, steps: Steps) -> bool:
        if _VARIABLE in text and _has_unset(self._known):
            return False
        match name:
            case "account" if not _is_account(text):
                message = f"{text!r} is not an account"
                hint = "a handle such as lab.example.org, a DID, or local"
            case "did" if not Did.accepts(text):
                message, hint = f"{text!r} is not a DID", "for example did:plc:ewvi7nxzyoun6zhxrhs64oiz"
            case _:
                return True
        self._problems.append(Problem("wrong-form", message, self._bundle.place(steps), hint))
        return False

    def _policy(self) -> Policy:
        limit = _object(self._value.get("policy")).get("max_delete")
        if isinstance(limit, str):
            return Policy(int(limit.rstrip("%")) / 100)
        return Policy(limit) if isinstance(limit, int) else Policy()

    # Files that the manifest names

    def _lexicons(self) -> tuple[Lexicons | None, Sequence[LexiconEntry]]:
        own = _object(self._value.get("lexicons"))
        if not own:
            return None, ()
        from atpub.manifest.own_lexicons import OwnLexicons  # most manifests have none

        found = OwnLexicons(self._bundle, self._value, self._files, self._problems, self._warnings).read()
        if not found.are_usable:
            self._value.pop("records", None)  # they may be of a lexicon that cannot be read
        return found.lexicons, found.published

    def _schema_file(self, name: str, steps: Steps) -> Document | None:
        """Read the JSON file that an entry names; None, with a problem, if it cannot be read."""
        if not self._files.is_inside(name, steps):
            return None
        if not (self._folder / name).is_file():  # a pipe is refused already
            is_folder = (self._folder / name).is_dir()
            code, what = ("not-a-file", "is a folder") if is_folder else ("file-missing", "does not exist")
            hint = "name a JSON file; the path is relative to the manifest"
            self._problems.append(Problem(code, f"{name!r} {what}", self._bundle.place(steps), hint))
            return None
        return self._files.read(lambda file: read_json(str(file)), self._folder / name, steps)


def _find_references(value: Json) -> Iterator[str]:
    """Yield the addresses in the placeholders of a value."""
    stack = [value]
    while stack:
        part = stack.pop()
        match placeholder(part), part:
            case ("$ref" | "$strongRef", str(address)), _:
                yield address
            case None, dict():
                stack.extend(part.values())
            case None, list():
                stack.extend(part)
            case _:
                pass


def _is_account(text: str) -> bool:
    name = text.removeprefix("@")
    return _LOCAL.fullmatch(text) is not None or Did.accepts(name) or Handle.accepts(name)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
