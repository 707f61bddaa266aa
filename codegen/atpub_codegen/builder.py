"""The builder of a module: it decides every name and expression, definition by definition, and prints nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import ClassVar, Final

from atpub.atproto.lexicon import model
from atpub.atproto.lexicon.model import Lexicon, Lexicons, Name
from atpub_codegen import docs, expressions, recursion, source
from atpub_codegen.expressions import Expression
from atpub_codegen.ir import Alias, Case, Choices, Class, Constant, Field, Item, Loader, UnionAlias, UnionLoader
from atpub_codegen.name_table import Imports, NameTable
from atpub_codegen.names import can_move, distinct, pascal_case, place_of, snake_case

UNKNOWN_MEMBER: Final = "runtime.UnknownMember"
_AS_THEY_ARE: Final = (
    model.Boolean,
    model.Integer,
    model.String,
    model.Unknown,
    model.Null,
    model.Unsupported,
    model.Token,
)


class ModuleBuilder:
    """The builder of a lexicon's module; as Declarations, it gives a class or an alias to each type that needs one."""

    RESERVED: ClassVar[Set[str]] = frozenset()
    """Names that no attribute may have, beside those that none has in any style."""

    def __init__(self, lexicon: Lexicon, table: NameTable) -> None:
        self.lexicons: Lexicons = table.lexicons
        self.names = table.module_names[lexicon.id]
        self.recursive = table.recursive
        self.imports = Imports(lexicon.id, table)
        self.items: list[Item] = []
        self.current = Name(lexicon.id)
        self.scope = self.names.scope.copy()
        self._plain_lists: dict[Name, bool] = {}
        self.given = {place_of(name): given for name, given in self.names.types.items()}

    def name(self, hint: str, within: tuple[str, ...]) -> str:
        """Return the name of a type at a place in the current definition, and record it."""
        place = place_of(self.current.fragment, within)
        self.given[place] = self.scope.give(hint, place=place)
        return self.given[place]

    # The named definitions

    def define(self, name: str, definition: model.RecordType | model.Type) -> None:
        """Add the Python form of a definition."""
        match definition:
            case model.RecordType(record=record, key=key):
                self.add_class(name, record, ("record",), definition.description or record.description, key)
            case model.Object():
                self.add_class(name, definition, (), definition.description)
            case model.Unsupported():
                pass  # it has no Python form
            case model.Token():
                self.items.append(Constant(name, str(self.current), definition.description))
            case model.Array():
                self._named_list(name, definition)
            case model.String(const=None, enum=enum, known_values=known) if enum or known:
                self._choices(name, definition)
            case _:
                found = self.expression(definition, name, ())
                self.items.append(Alias(name, found.annotation, definition.description))

    def add_class(
        self, name: str, kind: model.Object, within: tuple[str, ...], doc: str, key: str | None = None
    ) -> None:
        """Add a class for an object at a place in the current definition, before the items that its fields need."""
        place = len(self.items)
        attributes = self._attributes(kind.properties, within)
        ordered = sorted(attributes.items(), key=lambda item: (item[0] not in kind.required, item[1]))
        fields = _unshadow([self._field(name, wire, attribute, kind, within) for wire, attribute in ordered])
        doc = doc or docs.of_place(self.current, within)
        deep = self.current in self.recursive and not recursion.is_shallow(kind)
        self.items.insert(place, Class(name, str(self.current), within, tuple(fields), doc, key, deep))

    def _attributes(self, wire_names: Iterable[str], within: tuple[str, ...]) -> Mapping[str, str]:
        """Return the attribute of each field, and record those that another field could take."""
        places = {wire: place_of(self.current.fragment, (*within, "properties", wire, "")) for wire in wire_names}
        earlier = self.names.earlier
        known = {wire: earlier[place] for wire, place in places.items() if place in earlier}
        attributes = distinct(places, known, self.RESERVED)
        self.given |= {places[wire]: name for wire, name in attributes.items() if can_move(wire, name)}
        return attributes

    def _field(self, owner: str, wire: str, name: str, parent: model.Object, within: tuple[str, ...]) -> Field:
        kind = parent.properties[wire]
        found = self.expression(kind, owner + pascal_case(wire), (*within, "properties", wire))
        given = f"data[{source.quote(wire)}]"
        conditions = () if found.load_text else found.conditions("value")
        load = found.load_text or found.load
        return Field(
            wire=wire,
            name=name,
            required=wire in parent.required,
            nullable=wire in parent.nullable or self._takes_null(kind),
            annotation=found.annotation,
            conditions=conditions,
            load=load("value" if conditions else given),
            dump=found.dump(f"self.{name}"),
            doc=docs.of_field(kind, self.lexicons, wire in parent.required),
        )

    def add_union(self, name: str, kind: model.Union) -> str:
        """Add an alias for a union and the function that loads it; return the function's name."""
        loader = self.scope.give(f"load_{snake_case(name)}")
        members = {ref: self._member(ref) for ref in kind.refs}
        spelled: list[str] = [*members.values(), *([] if kind.closed else [UNKNOWN_MEMBER])]
        self.items.append(UnionAlias(name, tuple(dict.fromkeys(spelled)), kind.description, self.union_mark(kind)))
        told = ((ref, spelled) for ref, spelled in members.items() if kind.closed or spelled != UNKNOWN_MEMBER)
        cases = tuple(Case(str(ref), f"{spelled}.load(data)") for ref, spelled in told)
        self.items.append(UnionLoader(loader, name, cases, kind.closed))
        return loader

    def _member(self, ref: Name) -> str:
        known = not isinstance(self.lexicons.find(ref), model.Unsupported)
        return self.imports.type(ref) if known else UNKNOWN_MEMBER

    def _takes_null(self, kind: model.Type) -> bool:
        found = self.lexicons.find(kind.target) if isinstance(kind, model.Ref) else kind
        return isinstance(found, model.Null | model.Unsupported)

    def _named_list(self, name: str, kind: model.Array) -> None:
        found = self.expression(kind, name, ())
        innermost, annotation = _innermost(kind), found.annotation
        lists = self._lists(kind)
        if lists and (self.current in lists or self.imports.is_circular(lists[0])):  # it may not be there yet
            own = self.imports.type(lists[0])
            annotation = annotation.replace(f"[{own}]", f'["{own}"]')
        named = isinstance(innermost, model.Ref | model.Object | model.Union)
        after = 1 + len(lists) - (self.current in lists) if named else 0
        self.items.append(Alias(name, annotation, kind.description, after))
        loader, dumper = self._list_functions(self.current, kind)
        conditions, load, dump = found.conditions("data"), found.load("data"), found.dump("value")
        self.items.append(Loader(loader, name, conditions, load, dumper, dump))

    def _lists(self, kind: model.Array) -> list[Name]:
        """Return the named lists that hold a list, directly or through other named lists, each once."""
        found: dict[Name, None] = {}
        inner = _innermost(kind)
        while isinstance(inner, model.Ref) and inner.target not in found:
            target = self.lexicons.find(inner.target)
            if not isinstance(target, model.Array):
                break
            found[inner.target] = None
            inner = _innermost(target)
        return [*found]

    def _list_functions(self, name: Name, kind: model.Array) -> tuple[str, str]:
        """Return the functions that load and write a named list; the second is empty where none is needed."""
        loader = self.imports.loader(name)
        return loader, "" if self._as_it_is(name, kind) else self.imports.dumper(name)

    def _choices(self, name: str, kind: model.String) -> None:
        values = kind.enum or kind.known_values
        self.items.append(Choices(name, values, bool(kind.enum), kind.description))

    def _as_it_is(self, name: Name, kind: model.Definition | None) -> bool:
        """Return whether a loaded value of a named type is written without conversion."""
        chain = {name}
        while True:
            match kind:
                case model.Array(items=items):
                    kind = items
                case model.Ref(target=target) if target not in chain and target not in self._plain_lists:
                    chain.add(target)
                    kind = self.lexicons.find(target)
                case _:
                    is_plain = isinstance(kind, model.Ref) and self._plain_lists.get(kind.target, True)
                    is_plain = is_plain or isinstance(kind, _AS_THEY_ARE)
                    self._plain_lists.update(dict.fromkeys(chain, is_plain))
                    return is_plain

    def expression(self, kind: model.Type, hint: str, within: tuple[str, ...]) -> Expression:
        """Return the expression of a type at a place in the current definition."""
        return expressions.expression(kind, self, hint, within)

    def union_mark(self, kind: model.Union) -> str:
        """Return the mark of a union: none, as a loader tells its members apart."""
        return ""

    # What expressions ask for

    def reference(self, name: Name) -> Expression:
        """Return the expression of a definition by name, in this module or another."""
        definition = self.lexicons.find(name)
        if isinstance(definition, model.Object | model.RecordType):
            return expressions.of_class(self.imports.type(name))
        if isinstance(definition, model.Array):
            return expressions.of_list(self.imports.type(name), *self._list_functions(name, definition))
        if isinstance(definition, model.Token):
            return expressions.of_token(name)
        if isinstance(definition, model.Null | model.Unsupported):
            return self.expression(definition, "", ())
        if isinstance(definition, expressions.Scalar):
            return expressions.of_scalar(definition, self.imports.type(name))
        raise ValueError(f"{self.current} refers to {name}, which is no type of value: link the lexicons first")

    def object(self, kind: model.Object, hint: str, within: tuple[str, ...]) -> Expression:
        """Return the expression of an object inside another type, with a class of its own."""
        name = self.name(hint, within)
        self.add_class(name, kind, within, kind.description)
        return expressions.of_class(name)

    def deep_list(self, whole: Expression, hint: str) -> Expression:
        """Return the expression of a deeply nested list, with a loader of its own."""
        loader, dumper = self.scope.give(f"load_{snake_case(hint)}"), ""
        dump = whole.dump("value")
        if dump != "value":
            dumper = self.scope.give(f"dump_{snake_case(hint)}")
        conditions, load = whole.conditions("data"), whole.load("data")
        self.items.append(Loader(loader, whole.annotation, conditions, load, dumper, dump))
        return expressions.of_list(whole.annotation, loader, dumper)

    def union(self, kind: model.Union, hint: str, within: tuple[str, ...]) -> Expression:
        """Return the expression of a union, with an alias and a loader of its own."""
        name = self.name(hint, within)
        return expressions.of_union(name, self.add_union(name, kind))

    def choices(self, hint: str, kind: model.String, within: tuple[str, ...]) -> str:
        """Return the name of a new alias for a string's enum or known values."""
        name = self.name(hint, within)
        self._choices(name, kind)
        return name


def _unshadow(fields: Sequence[Field]) -> list[Field]:
    """Return a class's fields, their annotations safe from fields that are named like a builtin type."""
    names = {field.name for field in fields} & source.BUILTIN_TYPES
    return [field._replace(annotation=source.qualify(field.annotation, names)) for field in fields]


def _innermost(kind: model.Array) -> model.Type:
    """Return the type of a list's items, or of the items of the lists in it."""
    items = kind.items
    while isinstance(items, model.Array):
        items = items.items
    return items
