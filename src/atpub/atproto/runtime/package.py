"""Generated packages at run time: their classes of records, and their lexicons."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from atpub.atproto import data
from atpub.atproto.data import Json
from atpub.errors import InvalidRecord
from atpub.problems import Problem
from atpub.suggest import suggest

if TYPE_CHECKING:  # the classes of lexicons take long to make
    from atpub.atproto.lexicon.model import Lexicons

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
        from atpub.atproto.runtime.lexicons import parse_lexicons  # most programs only load values

        return parse_lexicons(self.documents, self._uses)

    def with_used(self) -> Iterator[Package]:
        """Yield this package, and those that it refers to, near or far: one comes as often as it is referred to."""
        yield self
        for name in self._uses:
            used: Package = import_module(name).LEXICONS
            yield from used.with_used()


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
    from atpub.atproto.runtime.lexicons import unknown_record  # most records are known

    raise unknown_record(value, hint)


def package_of(module: str) -> Package:
    name = module
    while name:
        package = getattr(sys.modules.get(name), "LEXICONS", None)
        if isinstance(package, Package):
            return package
        name = name.rpartition(".")[0]
    raise LookupError(f"{module} is not in a generated package")
