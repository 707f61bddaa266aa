"""Files → Manifest, or every problem found: structure first, then what a JSON Schema cannot say."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from atpub.errors import InvalidInput, Problem
from atpub.generated import LEXICONS
from atpub.lexicon.data import Json, JsonObject
from atpub.lexicon.link import link
from atpub.lexicon.model import Lexicon, Lexicons
from atpub.lexicon.parse import parse
from atpub.manifest.bundle import Bundle
from atpub.manifest.document import Document, parse_source
from atpub.manifest.entries import EntryReader
from atpub.manifest.files import read_bundle, read_source
from atpub.manifest.model import Address, Common, Entry, LexiconEntry, Manifest, Policy
from atpub.manifest.outline import Steps
from atpub.manifest.schema import SECTIONS
from atpub.manifest.structure import check_structure
from atpub.syntax import Did, Nsid, Rkey


def load_manifest(
    paths: Sequence[str | os.PathLike[str]], *, environ: Mapping[str, str], environment: str | None = None
) -> Manifest:
    """The manifest in files and folders; raises InvalidInput with every problem.

    `environ` fills in `${X}`; `environment` names one of the manifest's `environments`.
    """
    bundle = read_bundle(paths, sections=SECTIONS, environ=environ, skip=_not_interpolated)
    problems = [*bundle.problems, *check_structure(bundle)]
    if problems:
        raise InvalidInput(tuple(problems))
    return _Loader(bundle, Path(paths[0])).manifest(environment)


def _not_interpolated(steps: Steps) -> bool:
    return len(steps) == 3 and steps[0] in SECTIONS and steps[2] in ("id", "file")


class _Loader:
    """Builds the manifest of a bundle whose structure is right."""

    def __init__(self, bundle: Bundle, path: Path) -> None:
        self._bundle = bundle
        self._folder = path if path.is_dir() else path.parent
        self._problems: list[Problem] = []
        self._value: JsonObject = bundle.value

    def manifest(self, environment: str | None) -> Manifest:
        target = self._target(environment)
        lexicons, published = self._lexicons()
        reader = EntryReader(self._bundle, self._value, lexicons, self._schema_file, self._problems)
        entries: dict[Address, Entry] = {item.common.address: item for item in published}
        entries.update({item.common.address: item for item in reader.entries()})
        if self._problems:
            raise InvalidInput(tuple(self._problems))
        return Manifest(
            project=str(self._value["project"]),
            account=target.get("account"),
            did=self._did(target.get("did")),
            pds=target.get("pds"),
            policy=self._policy(),
            entries=entries,
            lexicons=lexicons,
            folder=self._folder,
            warnings=(),
            place=self._bundle.place,
            key_place=lambda steps: self._bundle.place(steps, of="key"),
        )

    def _target(self, environment: str | None) -> dict[str, str]:
        known = _object(self._value.get("environments"))
        chosen = _object(known.get(environment)) if environment else {}
        if environment and environment not in known:
            hint = f"its environments are {', '.join(known)}" if known else "add it under `environments:`"
            place = self._bundle.place(("environments",), of="key")
            self._problems.append(
                Problem("unknown-environment", f"there is no environment {environment!r}", place, hint)
            )
        given = {**{name: self._value.get(name) for name in ("account", "did", "pds")}, **chosen}
        return {name: value for name, value in given.items() if isinstance(value, str)}

    def _did(self, text: str | None) -> Did | None:
        if text is None or Did.accepts(text):
            return None if text is None else Did(text)
        self._problems.append(Problem("wrong-form", f"{text!r} is not a DID", self._bundle.place(("did",))))
        return None

    def _policy(self) -> Policy:
        limit = _object(self._value.get("policy")).get("max_delete")
        if isinstance(limit, str):
            return Policy(int(limit.rstrip("%")) / 100)
        return Policy(limit) if isinstance(limit, int) else Policy()

    def _lexicons(self) -> tuple[Lexicons, list[LexiconEntry]]:
        own = _object(self._value.get("lexicons"))
        if not own:
            return LEXICONS.lexicons, []
        folder = self._folder / str(own["path"])
        files = sorted(folder.rglob("*.json"))
        if not files:
            place = self._bundle.place(("lexicons", "path"))
            message = f"there are no lexicons (*.json) in {own['path']}"
            self._problems.append(Problem("no-lexicons", message, place, "the path is relative to the manifest"))
        pairs = [pair for file in files if (pair := self._lexicon(file))]
        try:
            linked = link([(file, lexicon) for file, lexicon, _ in pairs], LEXICONS.lexicons)
        except InvalidInput as error:
            self._problems.extend(error.problems)
            linked = Lexicons({})
        documents = [_published(lexicon.id, document) for _, lexicon, document in pairs] if own.get("publish") else []
        return LEXICONS.lexicons.and_also(linked), documents

    def _lexicon(self, file: Path) -> tuple[str, Lexicon, JsonObject] | None:
        try:
            document = self._json(file)
            return str(file), parse(document, str(file)), document
        except InvalidInput as error:
            self._problems.extend(error.problems)
            return None

    @staticmethod
    def _json(file: Path) -> JsonObject:
        return _object(_json_document(file).value)

    def _schema_file(self, name: str, steps: Steps) -> Document | None:
        """The JSON file that an entry names; None, with a problem, where it cannot be had."""
        if Path(name).is_absolute() or ".." in Path(name).parts:
            hint = "keep it in the manifest's folder, and give its path from there"
            message = f"{name!r} is outside the manifest's folder"
            self._problems.append(Problem("outside-folder", message, self._bundle.place(steps), hint))
            return None
        if not (self._folder / name).is_file():
            message = f"there is no file {name!r} in {self._folder}"
            hint = "the path is relative to the manifest"
            self._problems.append(Problem("file-missing", message, self._bundle.place(steps), hint))
            return None
        try:
            return _json_document(self._folder / name)
        except InvalidInput as error:
            self._problems.extend(error.problems)
            return None


def _json_document(file: Path) -> Document:
    """A JSON file, read as the YAML that it also is, so that every part of it has a place."""
    document = parse_source(read_source(str(file)))
    if document.problems:
        raise InvalidInput(document.problems)
    return document


def _published(nsid: Nsid, document: JsonObject) -> LexiconEntry:
    return LexiconEntry(Common(Address("lexicons", nsid), nsid, Rkey(nsid)), document)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
