"""Classes that other generated packages have already: found by pattern, and referred to in place of new ones."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.syntax import Nsid
from atpub.errors import Usage
from atpub.generation.settings import ExternalRule
from atpub.suggest import short_list
from atpub_codegen import RUNTIME, STYLES, Names, recorded_documents, recorded_names

DATA: Final = "_lexicons.py"


@dataclass(frozen=True, slots=True)
class External:
    """The packages that are referred to: the lexicons of each, and the Python names that it records."""

    rules: tuple[ExternalRule, ...] = ()
    packages: Mapping[str, Lexicons] = field(default_factory=dict[str, Lexicons])
    names: Names = field(default_factory=dict[str, Mapping[str, str]])

    def package_of(self, nsid: str) -> str | None:
        """Return the package whose class stands for a lexicon: that of the first pattern that it matches."""
        return next((rule.package for rule in self.rules if rule.covers(nsid)), None)

    def used(self, package: str) -> Lexicons:
        """Return the lexicons that are taken from a package."""
        own = self.packages[package].by_nsid
        return Lexicons({nsid: lexicon for nsid, lexicon in own.items() if self.package_of(nsid) == package})

    def used_names(self) -> Mapping[str, Set[Nsid]]:
        """Return the NSIDs of the lexicons that are taken from each package."""
        return {package: self.used(package).by_nsid.keys() for package in self.packages}

    def check(self, needed: Mapping[Nsid, Nsid]) -> None:
        """Raise Usage if a package lacks a lexicon that is needed; takes what refers to each of them."""
        for nsid, owner in needed.items():
            package = self.package_of(nsid)
            if package is not None and nsid not in self.packages[package].by_nsid:
                hint = f"generate {package} with it, or give a pattern that does not match it"
                raise Usage(f"{package} has no {nsid}, which {owner} refers to", hint=hint)


def read_external(rules: Sequence[ExternalRule], places: Sequence[Path], style: str) -> External:
    """Read what some generated packages of a style have, looked for in some places and in Python's; raises Usage."""
    packages: dict[str, Lexicons] = {}
    names: dict[str, Mapping[str, str]] = {}
    for package in dict.fromkeys(rule.package for rule in rules):
        source = _source(package, [*places, *map(Path, sys.path)], style)
        documents = recorded_documents(source)
        packages[package] = Lexicons({nsid: parse(document, nsid) for nsid, document in documents.items()})
        names |= recorded_names(source)
    found = External(tuple(rules), packages, names)
    for rule in rules:
        own = packages[rule.package].by_nsid
        if not any(map(rule.covers, own)):
            raise Usage(
                f"{rule.package} has no lexicon that matches {rule.pattern}", hint=f"it has {short_list([*own])}"
            )
    return found


def _source(package: str, places: Sequence[Path], style: str) -> str:
    """Return the source of the module that holds a package's lexicons; imports nothing. Raises Usage."""
    for place in places:
        folder = place.joinpath(*package.split("."))
        try:
            source = (folder / DATA).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if (folder / RUNTIME).exists() != (STYLES[style].runtime is not None):
            raise Usage(f"{package} is not of the style {style}", hint="generate both packages in one style: --style")
        return source
    hint = f"install it, or generate it first: `atpub generate --package {package} …`"
    raise Usage(f"there is no generated package {package}", hint=hint)
