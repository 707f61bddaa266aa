"""The lexicons of generated packages, parsed, and the violations that they find in a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any

from atpub.atproto.data import Json
from atpub.atproto.lexicon import link, parse, validate
from atpub.atproto.lexicon.model import Lexicon, Lexicons, Name
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidRecord

if TYPE_CHECKING:  # it imports this module
    from atpub.atproto.runtime.package import Package


def parse_lexicons(documents: Mapping[str, dict[str, Any]], uses: tuple[str, ...]) -> Lexicons:
    """Return a package's own lexicons, and those of the packages that it refers to; each is parsed when looked up."""
    return Lexicons(_Parsed(documents, uses))


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


def problems(lexicons: Lexicons, schema: str, within: tuple[str, ...], value: Json) -> InvalidRecord | None:
    """Return every violation of the type at a place in a definition; None where the value is valid."""
    nsid, _, fragment = schema.partition("#")
    name = Name(Nsid(nsid), fragment) if fragment else Name(Nsid(nsid))
    if within and within != ("record",):
        found = validate.judge(lexicons, schema, type_at(lexicons, name, within), value)
    else:
        found = validate.validate(lexicons, name, value)
    return InvalidRecord(tuple(violation.problem() for violation in found)) if found else None


def unknown_record(value: Json, hint: str) -> InvalidRecord:
    """Return the error for a record whose lexicon is not at hand."""
    found = validate.validate_record(Lexicons({}), value)
    return InvalidRecord(tuple(replace(violation.problem(), hint=hint) for violation in found))


def type_at(lexicons: Lexicons, name: Name, within: tuple[str, ...]) -> Any:
    found: Any = lexicons.find(name)
    steps = iter(within)
    for step in steps:
        found = getattr(found, step)
        if step == "properties":
            found = found[next(steps)]
    return found
