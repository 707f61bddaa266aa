"""Python's names for a lexicon's: modules, classes and attributes, always the same, never in each other's way."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cache
from typing import Final

from atpub.atproto.syntax import Nsid

_OWN_ATTRIBUTES: Final = frozenset(
    {
        *("builtins", "check", "classmethod", "cls", "extra", "from_json", "load", "runtime", "self", "to_json"),
        "with_extra",
    }
)
_IMPORTED: Final = frozenset({"builtins", "final", "runtime"})  # names in modules that a module beneath would hide
_DEVICES: Final = frozenset({"aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
_BUILTINS: Final = frozenset({"bool", "bytes", "dict", "int", "isinstance", "len", "list", "str"})
_BORDER: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CAMEL: Final = re.compile(r"[a-z][a-zA-Z0-9]*")
_NO_NAMES: Final[Mapping[str, str]] = {}
_IN_ROOT: Final = frozenset({"load", "samples"})


@cache
def snake_case(name: str) -> str:
    """Return the wire name as a Python attribute: `createdAt` → `created_at`, `class` → `class_`."""
    parted = _BORDER.sub("_", unicodedata.normalize("NFKC", name)).lower()
    spaced = "".join(
        character if f"a{character}".isidentifier() else "_" for character in unicodedata.normalize("NFKC", parted)
    )
    found = re.sub(r"_+", "_", spaced).strip("_") or "field"
    found = found if found.isidentifier() else f"field_{found}"
    return f"{found}_" if keyword.iskeyword(found) or found in _OWN_ATTRIBUTES else found


@cache
def pascal_case(name: str) -> str:
    """Return the wire name as a Python class: `shardChecksum` → `ShardChecksum`."""
    found = "".join(word[0].upper() + word[1:] for word in snake_case(name).split("_") if word)
    return unicodedata.normalize("NFKC", f"{found}_" if keyword.iskeyword(found) else found)


def distinct(
    wire_names: Iterable[str], earlier: Mapping[str, str] = _NO_NAMES, reserved: Set[str] = frozenset()
) -> Mapping[str, str]:
    """Return an attribute for each wire name: the earlier one, or one that is free.

    Of two equal ones, that which is not in camelCase gets a number: names in lexicons are in camelCase.
    """
    scope = Scope(earlier=earlier)
    ordered = sorted(wire_names, key=_rank)
    wanted = {wire: f"{name}_" if name in reserved else name for wire in ordered if (name := snake_case(wire))}
    return {wire: scope.give(wanted[wire], "_", wire) for wire in ordered}


def _rank(wire: str) -> tuple[bool, bool, bool, str]:
    return not _is_usual(wire), not _CAMEL.fullmatch(wire), wire != snake_case(wire), wire


def can_move(wire: str, attribute: str) -> bool:
    """Return whether an attribute could get another name when a field is added, if it were not recorded."""
    return attribute != snake_case(wire) or not _is_usual(wire)


def _is_usual(wire: str) -> bool:
    """Return whether the attribute tells the wire name: `created_at` is `createdAt`, and no other usual name."""
    first, *rest = snake_case(wire).split("_")
    return first + "".join(word.title() for word in rest) == wire


def place_of(definition: str, within: Iterable[str] = ()) -> str:
    """Return the place of a type, in a definition of its lexicon, that its Python name is recorded by."""
    return "/".join(step.replace("~", "~0").replace("/", "~1") for step in (definition, *within))


MODULE: Final = ""
"""The place that the name of a lexicon's module is recorded by."""


def module_of(nsid: Nsid) -> str:
    """Return the module of a lexicon inside the generated package: `science.alt.dataset.storage_http`."""
    return ".".join(map(_file_name, nsid.segments))


def _file_name(segment: str) -> str:
    """Return a name that is no device of Windows and hides no import in the module of a lexicon above."""
    name = snake_case(segment)
    return f"{name}_" if name in _DEVICES | _IMPORTED else name


def modules_of(nsids: Iterable[Nsid], earlier: Mapping[str, str] = _NO_NAMES) -> Mapping[Nsid, str]:
    """Return a module for each lexicon: the earlier one, or one that is free.

    Of two NSIDs with the same one, that which is not in camelCase gets a number. A newcomer's module also gets one
    where an earlier module beneath it would hide a builtin.
    """
    wanted = {nsid: module_of(nsid) for nsid in sorted(nsids, key=lambda nsid: (not _is_usual_nsid(nsid), nsid))}
    above = {*wanted.values()}
    scope = Scope(_hidden_places(earlier.values()), earlier)
    return {nsid: scope.give(_unhide(module, above), "_", nsid) for nsid, module in wanted.items()}


def module_can_move(nsid: Nsid, module: str) -> bool:
    """Return whether a module could get another name when a lexicon is added, if it were not recorded."""
    return module != module_of(nsid) or not _is_usual_nsid(nsid) or not _BUILTINS.isdisjoint(module.split("."))


def _is_usual_nsid(nsid: Nsid) -> bool:
    return all(map(_is_usual, nsid.segments))


def _hidden_places(modules: Iterable[str]) -> Iterator[str]:
    """Yield the modules in which one of these, beneath it, would hide a builtin."""
    for parts in (module.split(".") for module in modules):
        yield from (".".join(parts[:count]) for count, part in enumerate(parts) if part in _BUILTINS and count)


def _unhide(module: str, above: Set[str]) -> str:
    """Return the module; a part that would hide a builtin in the module above it gets an underscore.

    A package's own function `load` and its module `samples` have no lexicon's in their way either.
    """
    parts = module.split(".")
    hidden = (
        part in _BUILTINS and ".".join(parts[:count]) in above if count else part in _IN_ROOT
        for count, part in enumerate(parts)
    )
    return ".".join(f"{part}_" if hides else part for part, hides in zip(parts, hidden, strict=True))


class Scope:
    """Names of which each is given once; places that had one earlier get it again."""

    def __init__(self, taken: Iterable[str] = (), earlier: Mapping[str, str] = _NO_NAMES) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}
        self._earlier: dict[str, str] = {}
        for place, name in earlier.items():
            if name not in self._taken:
                self._earlier[place] = name
                self._taken.add(name)

    def give(self, wanted: str, joint: str = "", place: str = "") -> str:
        """Return the earlier name of the place, or the wanted one, or the first of wanted2, wanted3 … that is free."""
        if place in self._earlier:
            return self._earlier[place]
        name, number = wanted, self._next.get(wanted, 2)
        while name in self._taken:
            name, number = f"{wanted}{joint}{number}", number + 1
        self._next[wanted] = number
        self._taken.add(name)
        return name

    def first(self, wanted: Iterable[str]) -> str:
        """Return the first of some names that is free; else the last of them, with a number."""
        name = ""
        for name in wanted:
            if name not in self._taken:
                break
        return self.give(name)

    def copy(self) -> Scope:
        """Return a scope in which the same names are taken."""
        found = Scope(self._taken)
        found._earlier = self._earlier
        return found
