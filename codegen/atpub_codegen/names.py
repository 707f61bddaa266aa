"""Python's names for a lexicon's: modules, classes and attributes, always the same, never in each other's way."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Final

from atpub.syntax import Nsid

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_OWN_ATTRIBUTES: Final = frozenset({"check", "cls", "extra", "from_json", "load", "self", "to_json"})


def words(name: str) -> list[str]:
    """The words in a wire name: `createdAt`, `created-at` and `created_at` have the same two."""
    return _WORD.findall(name)


def snake_case(name: str) -> str:
    """The wire name as a Python attribute: `createdAt` → `created_at`, `class` → `class_`."""
    found = re.sub(
        r"\W|^(?=\d)|^_+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    ).lower()
    found = re.sub(r"_{2,}", "_", found).strip("_") or "field"
    found = f"field_{found}" if found[0].isdigit() else found
    return (
        f"{found}_" if keyword.iskeyword(found) or keyword.issoftkeyword(found) or found in _OWN_ATTRIBUTES else found
    )


def pascal_case(name: str) -> str:
    """The wire name as a Python class: `shardChecksum` → `ShardChecksum`."""
    found = "".join(word[0].upper() + word[1:] for word in snake_case(name).split("_") if word)
    return f"{found}_" if keyword.iskeyword(found) else found


def distinct(wire_names: Iterable[str]) -> Mapping[str, str]:
    """An attribute for each wire name; of two that would be the same, the later in the alphabet gets a number."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for wire in sorted(wire_names, key=lambda name: (name != snake_case(name), name)):
        attribute, number = snake_case(wire), 2
        while attribute in taken:
            attribute, number = f"{snake_case(wire)}_{number}", number + 1
        taken.add(attribute)
        found[wire] = attribute
    return found


def module_of(nsid: Nsid) -> str:
    """The module of a lexicon inside the generated package: `science.alt.dataset.storage_http`."""
    return ".".join(snake_case(segment) for segment in nsid.segments)


def modules_of(nsids: Iterable[Nsid]) -> Mapping[Nsid, str]:
    """A module for each lexicon; where two NSIDs would share one, the later in the alphabet gets a number."""
    found: dict[Nsid, str] = {}
    taken: set[str] = set()
    for nsid in sorted(nsids):
        module, number = module_of(nsid), 2
        while module in taken:
            module, number = f"{module_of(nsid)}_{number}", number + 1
        taken.add(module)
        found[nsid] = module
    return found


class Scope:
    """The names at the top of one module, each given once."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def give(self, wanted: str) -> str:
        """The wanted name, or the first of wanted2, wanted3 … that is free."""
        name, number = wanted, 2
        while name in self._taken:
            name, number = f"{wanted}{number}", number + 1
        self._taken.add(name)
        return name
