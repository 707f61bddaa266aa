"""Generated packages at run time: their lexicons, and the violations that these find in a value."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from itertools import chain
from typing import Any, Final

from atpub.atproto import data
from atpub.atproto.data import Json
from atpub.atproto.lexicon import link, parse, validate
from atpub.atproto.lexicon.model import Lexicon, Lexicons, Name
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidRecord
from atpub.problems import Problem
from atpub.suggest import suggest

_NO_RECORDS: Final[Mapping[str, str]] = {}


class Package:
    """A generated package: the lexicons that it was made from, and those of the packages that it refers to."""

    def __init__(self, name: str, uses: tuple[str, ...] = (), records: Mapping[str, str] = _NO_RECORDS) -> None:
        self._name = name
        self._uses = uses
        self.records = records
        """The path of each record's class in the package: its module, and its name there."""

    def record(self, nsid: str) -> Any:
        """Return the class of a record, whose module is imported when it is first asked for; None for no record."""
        if nsid not in self.records:
            return None
        module, _, name = self.records[nsid].rpartition(".")
        return getattr(import_module(f"{self._name}.{module}"), name)

    @cached_property
    def documents(self) -> Mapping[str, dict[str, Any]]:
        """This package's own lexicons as JSON, by NSID."""
        found = data.loads(import_module(f"{self._name}._lexicons").TEXT)
        assert isinstance(found, dict)
        return found  # type: ignore[return-value]  # written by the generator

    @cached_property
    def lexicons(self) -> Lexicons:
        """This package's lexicons and those that they refer to; each is parsed when it is first looked up."""
        return Lexicons(_Parsed(self.documents, self._uses))

    def with_used(self) -> Iterator[Package]:
        """Yield this package, and those that it refers to, near or far: one comes as often as it is referred to."""
        yield self
        for name in self._uses:
            used: Package = import_module(name).LEXICONS
            yield from used.with_used()


class _Parsed(Mapping[Nsid, Lexicon]):
    """The lexicons of a package, parsed one by one: most programs need a few of them."""

    def __init__(self, documents: Mapping[str, dict[str, Any]], uses: tuple[str, ...]) -> None:
        self._documents = documents
        self._uses = uses
        self._own: dict[Nsid, Lexicon] = {}

    def __getitem__(self, nsid: Nsid) -> Lexicon:
        if nsid not in self._documents:
            return self._others[nsid]
        if nsid not in self._own:
            self._own[nsid] = parse.parse(self._documents[nsid], f"{nsid}.json")
        return self._own[nsid]

    def __iter__(self) -> Iterator[Nsid]:
        return chain(self._others, map(Nsid, self._documents))

    def __len__(self) -> int:
        return len(self._others) + len(self._documents)

    @cached_property
    def _others(self) -> Mapping[Nsid, Lexicon]:
        """The lexicons of the packages that this one refers to, and stand-ins for those that are not at hand."""
        known = Lexicons({})
        for name in self._uses:
            used: Package = import_module(name).LEXICONS
            known = known.and_also(used.lexicons)
        own = [(nsid, self[Nsid(nsid)]) for nsid in self._documents]
        linked = known.and_also(link.link(own, known, allow_missing=True))
        return {nsid: lexicon for nsid, lexicon in linked.by_nsid.items() if nsid not in self._documents}


def problems(module: str, schema: str, within: tuple[str, ...], value: Json) -> InvalidRecord | None:
    """Return every violation of the type at a place in a definition; None where the value is valid.

    Takes a generated module, in whose package the lexicons are.
    """
    lexicons = package_of(module).lexicons
    nsid, _, fragment = schema.partition("#")
    name = Name(Nsid(nsid), fragment) if fragment else Name(Nsid(nsid))
    if within and within != ("record",):
        found = validate.judge(lexicons, schema, type_at(lexicons, name, within), value)
    else:
        found = validate.validate(lexicons, name, value)
    return InvalidRecord(tuple(violation.problem() for violation in found)) if found else None


def other_version(module: str) -> InvalidRecord | None:
    """Return the error for a value that a class refuses and the lexicons of its package allow.

    A class of another package goes by the lexicon there, and that may be another version. None where none is.
    """
    documents: dict[str, dict[str, Any]] = {}
    for package in package_of(module).with_used():
        for nsid, document in package.documents.items():
            if documents.setdefault(nsid, document) != document:
                message = f"$: refused by one of the versions of {nsid} in the packages that {module} refers to"
                hint = "generate these packages again, from the same lexicons"
                return InvalidRecord((Problem("invalid-record", message, hint=hint),))
    return None


def load_record(value: Json, *packages: Package) -> Any:
    """Load a record of any of the packages, the first that has a class for its `$type`; raises InvalidRecord."""
    nsid = value.get("$type") if isinstance(value, dict) else None
    if isinstance(nsid, str):
        for package in packages:
            if kind := package.record(nsid):
                return kind.from_json(value)
    hint = suggest(nsid, chain.from_iterable(package.records for package in packages)) if isinstance(nsid, str) else ""
    found = validate.validate_record(Lexicons({}), value)
    raise InvalidRecord(tuple(replace(violation.problem(), hint=hint) for violation in found))


def type_at(lexicons: Lexicons, name: Name, within: tuple[str, ...]) -> Any:
    found: Any = lexicons.find(name)
    steps = iter(within)
    for step in steps:
        found = getattr(found, step)
        if step == "properties":
            found = found[next(steps)]
    return found


def package_of(module: str) -> Package:
    name = module
    while name:
        package = getattr(sys.modules.get(name), "LEXICONS", None)
        if isinstance(package, Package):
            return package
        name = name.rpartition(".")[0]
    raise LookupError(f"{module} is not in a generated package")
