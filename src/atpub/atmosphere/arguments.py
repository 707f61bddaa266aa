"""Call arguments as manifest entries, so that a call makes the records that a manifest would.

A call that wants what a manifest's entry wants makes the same record: same key, same CID.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeGuard, TypeVar

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.lexicon.formats import valid_key
from atpub.atproto.syntax import AtUri, Cid, Did, Handle, Nsid, Rkey, SyntaxViolation, parse_at_identifier
from atpub.engine.desired.model import Desired
from atpub.errors import AtpubWarning, InvalidArgument, InvalidInput
from atpub.generated import LEXICONS
from atpub.manifest.model import Address, Common, Entry, Manifest, Policy
from atpub.pipeline import desired_records
from atpub.problems import Place, Problem
from atpub.repository.model import LOCAL_DID
from atpub.shards.facts import Facts

T = TypeVar("T")
I = TypeVar("I", Cid, Did, Nsid, Rkey)  # noqa: E741 - an identifier

_ARGUMENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "schemas": {"": "sample_type"},
    "datasets": {"": "name", "schema": "schema_uri", "metadata_schema": "metadata_schema_uri"},
    "labels": {"": "name", "dataset": "dataset_uri"},
    "lenses": {
        "": "name",
        "source": "source_schema_uri",
        "target": "target_schema_uri",
        "getter": "getter_path",
        "putter": "putter_path",
    },
}
"""The argument that an entry's key comes from, by section; the others are called as the key is."""

_HINTS: Final = {
    "url-scheme": "publish local files with publish_with_blobs",
    "s3-endpoint": 'give endpoint="https://s3.REGION.amazonaws.com", or whatever the store has',
    "mixed-storage": "publish them as two datasets, or move the shards to one place",
    "mixed-buckets": "publish one dataset for each bucket",
    "no-rkey": "give an id or rkey",
}
"""What to do in a call about problems whose own hints are about manifests."""

_EXAMPLES: Final[Mapping[type[str], str]] = {
    Cid: "such as bafkreih… of a blob, or bafyreih… of a record or commit",
    Did: "such as did:plc:… or did:web:lab.example",
    Nsid: "such as org.lab.note",
    Rkey: "such as self, or a TID",
}

_LONGEST_KEY: Final = 80
"""How much of an identity messages show."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that wants records: its name, for messages, and whose repository it is about."""

    name: str
    did: Did = LOCAL_DID

    def manifest(self, entries: Iterable[Entry]) -> Manifest:
        """Return the entries as a manifest whose places are the call's arguments."""
        return Manifest(
            project="",
            account=None,
            did=self.did,
            pds=None,
            policy=Policy(),
            entries={item.common.address: item for item in entries},
            own_lexicons=None,
            folder=Path(),
            warnings=(),
            place=self._place,
            key_place=self._place,
        )

    def desired(self, manifest: Manifest, facts: Facts) -> tuple[tuple[Desired, ...], tuple[Problem, ...]]:
        """Return the records and warnings; raises InvalidArgument with every error."""
        try:
            return desired_records(manifest, facts, self.did)
        except InvalidInput as error:
            self.check(problem for problem in error.problems if problem.severity == "error")
            raise

    def check(self, problems: Iterable[Problem]) -> None:
        """Warn of each doubtful problem; raises InvalidArgument where there are others."""
        named = [self._with_place(problem) for problem in problems]
        errors = tuple(problem for problem in named if problem.severity == "error")
        if errors:
            raise InvalidArgument(errors)
        for problem in named:
            warn(f"{problem.place}: {problem.message}" + (f": {problem.hint}" if problem.hint else ""))

    def refuse(self, argument: str, message: str, hint: str = "") -> InvalidArgument:
        """Return the error for one argument."""
        return InvalidArgument((Problem("bad-argument", message, self._at(argument), hint),))

    def _with_place(self, problem: Problem) -> Problem:
        return replace(problem, place=problem.place or Place(self.name), hint=_HINTS.get(problem.code, problem.hint))

    def _place(self, steps: tuple[str | int, ...]) -> Place:
        section, _, *rest = (*steps, "", "")
        names = _ARGUMENTS.get(str(section), {})
        key = str(rest[0]) if rest else ""
        return self._at(names.get(key, key) or names.get("", ""))

    def _at(self, argument: str) -> Place:
        return Place(f"{self.name}({argument}=…)")

    # Arguments of one kind, checked

    def text(self, argument: str, value: object) -> str:
        """Return a text that is not empty."""
        if not isinstance(value, str):
            raise self.refuse(argument, f"expected a str, found {type(value).__name__}")
        if not value.strip():
            raise self.refuse(argument, "it is empty")
        return value

    def count(self, argument: str, value: object) -> int:
        """Return an integer of at least 1."""
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            found = value if isinstance(value, int) else type(value).__name__
            raise self.refuse(argument, f"expected an integer of at least 1, found {found}")
        return value

    def identifier(self, argument: str, value: object, kind: type[I]) -> I:
        """Parse a CID, DID, NSID or record key."""
        text = self.text(argument, value)
        try:
            return kind.parse(text)
        except SyntaxViolation as error:
            raise self.refuse(argument, str(error), _EXAMPLES[kind]) from None

    def repo(self, argument: str, value: object) -> Did | Handle:
        """Parse the DID or handle of a repository."""
        text = self.text(argument, value)
        try:
            return parse_at_identifier(text)
        except SyntaxViolation:
            hint = "such as lab.example.org or did:plc:…"
            raise self.refuse(argument, f"{text[:200]!r} is neither a handle nor a DID", hint) from None

    def limit(self, argument: str, value: object) -> int | None:
        """Check a limit: at least one, or None for all."""
        if value is None or (isinstance(value, int) and value > 0):
            return value
        raise self.refuse(argument, f"{value!r} is not a number of records", "give 1 or more, or None for all of them")

    def uri(self, argument: str, value: str | AtUri) -> AtUri:
        """Parse the at:// URI of a record."""
        try:
            found = value if isinstance(value, AtUri) else AtUri.parse(value)
        except (SyntaxViolation, AttributeError):
            found = None
        if found is None or found.path is None:
            hint = "such as at://did:plc:…/science.alt.dataset.schema/org.lab.image:1.0.0"
            raise self.refuse(argument, f"{str(value)[:200]!r} is not the at:// URI of a record", hint)
        return found

    def any_uri(self, argument: str, value: str | AtUri) -> AtUri:
        """Parse the at:// URI of a repository, a collection or a record."""
        try:
            return value if isinstance(value, AtUri) else AtUri.parse(value)
        except (SyntaxViolation, AttributeError):
            hint = "such as at://lab.example.org, or at://lab.example.org/science.alt.dataset.entry"
            raise self.refuse(argument, f"{str(value)[:200]!r} is not an at:// URI", hint) from None

    def choice(self, argument: str, value: T, choices: Sequence[T]) -> T:
        """Check that the value is one of these."""
        if value not in choices:
            raise self.refuse(argument, f"{value!r} is none of {', '.join(map(repr, choices))}")
        return value

    def common(self, section: str, collection: str, id: str, rkey: str | None) -> Common:
        """Return the fields that every entry has; the key is its identity."""
        record = LEXICONS.lexicons.record(Nsid(collection))
        assert record is not None, collection
        if rkey is not None and not (Rkey.accepts(str(rkey)) and valid_key(record.key, rkey)):
            hint = "leave it out: it follows from the name"
            raise self.refuse("rkey", f"{rkey!r} is not a record key of the type {record.key}", hint)
        key = id if len(id) <= _LONGEST_KEY else f"{id[: _LONGEST_KEY - 1]}…"
        return Common(Address(section, key), id, None if rkey is None else Rkey(rkey))

    def json(self, argument: str, value: object) -> JsonObject | None:
        """Return a mapping as JSON; what a record cannot hold is left for its lexicon to report."""
        if value is None:
            return None
        if not is_mapping(value):
            raise self.refuse(argument, f"expected a dict, found {type(value).__name__}")
        return self._members(argument, value, argument)

    def _members(self, argument: str, value: Mapping[object, object], where: str) -> JsonObject:
        made: JsonObject = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise self.refuse(argument, f"{where} has the key {key!r}, which is no str")
            made[key] = self._json(argument, item, f"{where}[{key!r}]")
        return made

    def _json(self, argument: str, value: object, where: str) -> Json:
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if is_mapping(value):
            return self._members(argument, value, where)
        if is_list(value):
            return [self._json(argument, item, f"{where}[{index}]") for index, item in enumerate(value)]
        hint = "JSON has none of these: write it as a str, an int or a list"
        raise self.refuse(argument, f"{where} is of the type {type(value).__name__}", hint)


def is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    """Return whether the value is a mapping."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Return whether the value is a list or tuple."""
    return isinstance(value, list | tuple)


def fields(**given: Json) -> JsonObject:
    """Return the fields of an entry that were given."""
    return {name: value for name, value in given.items() if value is not None}


def warn(message: str) -> None:
    """Warn of a call, at the line of the user's that made it."""
    level, frame = 2, sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # inspect.stack() would read sources
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "atpub":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, AtpubWarning, stacklevel=level)
