"""The Python names of all definitions, and the imports that a module needs to use them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Final, TypeAlias

from atpub.atproto.lexicon.link import references
from atpub.atproto.lexicon.model import MAIN, Array, Definition, Lexicon, Lexicons, Name, Token, Unsupported
from atpub.atproto.syntax import Nsid
from atpub_codegen.ir import Import
from atpub_codegen.names import MODULE, Scope, modules_of, pascal_case, place_of, snake_case
from atpub_codegen.recursion import recursive_definitions

Names: TypeAlias = Mapping[str, Mapping[str, str]]
"""The Python names of the types and unusual fields in lexicons, by NSID and place."""

_ALL_USED: Final[Mapping[str, Set[Nsid]]] = {}

RESERVED: Final = (
    *("builtins", "runtime"),
    *("Any", "ClassVar", "Final", "Literal", "METHOD", "Mapping", "NSID", "TypeAlias", "Union", "annotations", "final"),
    *("False", "None", "True", "any", "bool", "bytes", "classmethod", "dict", "int", "len", "list", "str"),
)


def in_order(lexicon: Lexicon) -> Mapping[str, Definition]:
    """Return the definitions of a lexicon: the main one, then the others by name."""
    return dict(sorted(lexicon.definitions.items(), key=lambda item: (item[0] != MAIN, item[0])))


@dataclass(frozen=True, slots=True)
class ModuleNames:
    """The names at the top of one lexicon's module, by definition."""

    types: Mapping[str, str]  # classes, aliases and constants
    loaders: Mapping[str, str]  # the functions that load a list that has a name
    dumpers: Mapping[str, str]  # and those that write one
    scope: Scope  # with all of them taken
    earlier: Mapping[str, str]  # by place: the names that the module had when it was generated before

    @classmethod
    def of(cls, lexicon: Lexicon, taken: Iterable[str], earlier: Mapping[str, str]) -> ModuleNames:
        """Return the names for a lexicon, none of them taken: by a module beneath its own, or an import."""
        scope = Scope([*RESERVED, *taken], earlier)
        definitions = in_order(lexicon)
        types = {name: scope.give(_choose_name(lexicon, name), place=place_of(name)) for name in definitions}
        lists = [name for name, definition in definitions.items() if isinstance(definition, Array)]
        loaders = {name: scope.give(f"load_{snake_case(types[name])}") for name in lists}
        dumpers = {name: scope.give(f"dump_{snake_case(types[name])}") for name in lists}
        return cls(types, loaders, dumpers, scope, earlier)


def _has_module(lexicon: Lexicon) -> bool:
    return any(not isinstance(definition, Unsupported) for definition in lexicon.definitions.values())


def _choose_name(lexicon: Lexicon, name: str) -> str:
    if isinstance(lexicon.definitions[name], Token):
        return snake_case(lexicon.id.name if name == MAIN else name).upper()
    return pascal_case(lexicon.id.name if name == MAIN else name)


@dataclass(frozen=True, slots=True)
class NameTable:
    """The Python names of every known lexicon."""

    lexicons: Lexicons
    modules: Mapping[Nsid, tuple[str, str]]  # the package, and the module in it
    module_names: Mapping[Nsid, ModuleNames]
    recursive: frozenset[Name]  # the definitions whose values may be nested to any depth
    needs: Mapping[Nsid, frozenset[Nsid]]  # whose modules are loaded for that of a lexicon, near or far

    @classmethod
    def of(
        cls,
        packages: Mapping[str, Lexicons],
        linked: Lexicons,
        earlier: Names,
        used: Mapping[str, Set[Nsid]] = _ALL_USED,
        reserved: Iterable[str] = (),
    ) -> NameTable:
        """Build the table of some packages' lexicons, or those used of them; where several hold one, the last counts.

        Those of the last package come linked: what stands in for lexicons that are not at hand has no module.
        """
        lexicons = linked
        modules: dict[Nsid, tuple[str, str]] = {}
        module_names: dict[Nsid, ModuleNames] = {}
        for package, own in packages.items():
            present = [nsid for nsid, lexicon in own.by_nsid.items() if _has_module(lexicon)]
            recorded: dict[str, str] = {
                nsid: earlier[nsid][MODULE] for nsid in present if MODULE in earlier.get(nsid, ())
            }
            named = modules_of(present, recorded)
            beneath = _beneath(named.values())
            wanted = used.get(package, own.by_nsid.keys())
            lexicons = lexicons.and_also(Lexicons({nsid: own.by_nsid[nsid] for nsid in wanted}))
            for nsid in named.keys() & wanted:
                modules[nsid] = package, named[nsid]
                taken = {*beneath[named[nsid]], *reserved}
                module_names[nsid] = ModuleNames.of(own.by_nsid[nsid], taken, earlier.get(nsid, {}))
        return cls(lexicons, modules, module_names, recursive_definitions(lexicons), _needs(lexicons, modules))


def _needs(lexicons: Lexicons, modules: Mapping[Nsid, tuple[str, str]]) -> Mapping[Nsid, frozenset[Nsid]]:
    """Return the lexicons whose modules one's module imports, and those that these import, and so on."""
    above = {f"{package}.{module}": nsid for nsid, (package, module) in modules.items()}

    def loaded(nsid: Nsid) -> Iterator[Nsid]:
        """Yield a lexicon, and those whose modules hold its module: Python loads them first."""
        yield nsid
        parts = ".".join(modules[nsid]).split(".")
        yield from (above[name] for n in range(1, len(parts)) if (name := ".".join(parts[:n])) in above)

    near = {
        nsid: {
            found
            for target in (nsid, *(name.nsid for _, name, _ in references(lexicons.by_nsid[nsid])))
            if target in modules
            for found in loaded(target)
        }
        for nsid in modules
    }
    return {nsid: _closure(nsid, near) for nsid in near}


def _closure(start: Nsid, near: Mapping[Nsid, set[Nsid]]) -> frozenset[Nsid]:
    found, waiting = {start}, [start]
    while waiting:
        new = near[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return frozenset(found)


def _beneath(modules: Iterable[str]) -> Mapping[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for module in modules:
        parts = module.split(".")
        for count in range(1, len(parts)):
            found[".".join(parts[:count])].add(parts[count])
    return found


class Imports:
    """The names of definitions as one module writes them (None: that of no lexicon), and the imports that it needs."""

    def __init__(self, own: Nsid | None, table: NameTable) -> None:
        self._own = own
        self._table = table
        self._scope = Scope()
        self._found: dict[Nsid, Import] = {}

    def is_circular(self, name: Name) -> bool:
        """Return whether the definition is in another module that needs this one itself."""
        return self._own is not None and name.nsid != self._own and self._own in self._table.needs[name.nsid]

    def type(self, name: Name) -> str:
        """Return the class or alias of a definition."""
        return self._prefix(name) + self._table.module_names[name.nsid].types[name.fragment]

    def loader(self, name: Name) -> str:
        """Return the function that loads a named list."""
        return self._prefix(name) + self._table.module_names[name.nsid].loaders[name.fragment]

    def dumper(self, name: Name) -> str:
        """Return the function that writes a named list."""
        return self._prefix(name) + self._table.module_names[name.nsid].dumpers[name.fragment]

    def all(self) -> tuple[Import, ...]:
        """Return every import that the module needs."""
        return tuple(sorted(self._found.values(), key=lambda item: (item.package, item.module)))

    def _prefix(self, name: Name) -> str:
        if name.nsid == self._own:
            return ""
        if name.nsid not in self._found:
            package, module = self._table.modules[name.nsid]
            folder, _, last = f"{package}.{module}".rpartition(".")
            self._found[name.nsid] = Import(folder, last, self._alias(module.split(".")), self.is_circular(name))
        return f"{self._found[name.nsid].alias}."

    def _alias(self, parts: list[str]) -> str:
        least = 2 if parts[-1] == "defs" and len(parts) > 1 else 1  # many lexicons end so
        return self._scope.first("_" + "_".join(parts[-count:]) for count in range(least, len(parts) + 1))
