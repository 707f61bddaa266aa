"""Lexicons → the modules that are generated from them: every name and expression decided, nothing printed."""

from __future__ import annotations

from collections.abc import Mapping

from atpub.lexicon import model
from atpub.lexicon.model import MAIN, Lexicon, Lexicons, Name
from atpub.syntax import Nsid
from atpub_codegen import expressions
from atpub_codegen.expressions import Expression
from atpub_codegen.names import Scope, distinct, pascal_case, snake_case
from atpub_codegen.shape import Alias, Case, Class, Field, Import, Item, Method, Module, Token, UnionLoader

RESERVED = (
    *("Annotated", "Any", "ClassVar", "Final", "Literal", "METHOD", "NSID", "TypeAlias", "final"),
    *("False", "None", "True", "bool", "bytes", "dict", "frozenset", "int", "list", "str"),
)


def class_names(lexicon: Lexicon) -> Mapping[str, str]:
    """The Python name of each definition of a lexicon; the main one is named after the lexicon, and comes first."""
    scope = Scope(RESERVED)
    wanted = {MAIN: pascal_case(lexicon.id.name)}
    named = sorted(lexicon.definitions, key=lambda name: (name != MAIN, name))
    return {name: scope.give(wanted.get(name) or pascal_case(name)) for name in named}


class ModuleBuilder:
    """Builds the module of one lexicon."""

    def __init__(self, lexicon: Lexicon, lexicons: Lexicons, modules: Mapping[Nsid, tuple[str, str]]) -> None:
        """Take every lexicon at hand, and for each the package and the module that it has there."""
        self._lexicon = lexicon
        self._lexicons = lexicons
        self._modules = modules
        self._names = class_names(lexicon)
        self._scope = Scope([*RESERVED, *self._names.values()])
        self._imports: dict[Nsid, Import] = {}
        self._items: list[Item] = []
        self._current = Name(lexicon.id)

    def build(self) -> Module:
        """The module, its definitions in the lexicon's order."""
        method: Method | None = None
        for name, definition in self._lexicon.definitions.items():
            self._current = Name(self._lexicon.id, name)
            match definition:
                case model.Record():
                    self._class(
                        self._names[name], definition.record, ("record",), definition.description, definition.key
                    )
                case model.Query() | model.Procedure():
                    method = self._method(self._names[name], definition)
                case model.Token(description=description):
                    self._items.append(Token(snake_case(name).upper(), str(self._current), description))
                case model.Object():
                    self._class(self._names[name], definition, (), definition.description)
                case _:
                    self._named_type(self._names[name], definition)
        exports = [item.name for item in self._items if not isinstance(item, UnionLoader)]
        return Module(
            path=self._modules[self._lexicon.id][1],
            nsid=self._lexicon.id,
            doc=self._doc(),
            imports=tuple(sorted(self._imports.values(), key=lambda item: (item.package, item.module))),
            items=tuple(self._items),
            method=method,
            exports=tuple(sorted([*exports, *(["METHOD"] if method else []), "NSID"])),
            refers_to=frozenset(self._imports),
        )

    def _doc(self) -> str:
        main = self._lexicon.main
        return self._lexicon.description or (main.description if main else "")

    # What expressions ask for

    def reference(self, name: Name) -> Expression:
        """The expression of a definition by name, in this module or another."""
        definition = self._lexicons.find(name)
        spelled = self._spelled(name)
        match definition:
            case model.Object() | model.Record():
                return expressions.of_class(spelled)
            case model.Union():
                return expressions.of_union(
                    spelled, self._beside(spelled, "load_" + snake_case(spelled.split(".")[-1]))
                )
            case None | model.Query() | model.Procedure() | model.Token():
                return expressions.expression(model.Token(), self, "", ())
            case _:
                found = expressions.expression(definition, _Quiet(self, spelled), spelled, ())
                return expressions.renamed(found, spelled)

    def object(self, kind: model.Object, hint: str, within: tuple[str, ...]) -> Expression:
        """The expression of an object that stands inside another type, with a class of its own."""
        name = self._scope.give(hint)
        self._class(name, kind, within, kind.description)
        return expressions.of_class(name)

    def union(self, kind: model.Union, hint: str) -> Expression:
        """The expression of a union, with an alias and a loader of its own."""
        name = self._scope.give(hint)
        self._union(name, kind)
        return expressions.of_union(name, f"load_{snake_case(name)}")

    def alias(self, hint: str, annotation: str, doc: str) -> str:
        """The name of a new alias."""
        name = self._scope.give(hint)
        self._items.append(Alias(name, annotation, doc))
        return name

    # What a module is made of

    def _spelled(self, name: Name) -> str:
        if name.nsid == self._lexicon.id:
            return self._names.get(name.fragment, "")
        package, module = self._modules[name.nsid]
        if name.nsid not in self._imports:
            parts = module.split(".")
            folder = ".".join([package, *parts[:-1]])
            self._imports[name.nsid] = Import(folder, parts[-1], "_" + self._alias_scope(parts))
        other = self._lexicons.by_nsid[name.nsid]
        return f"{self._imports[name.nsid].alias}.{class_names(other).get(name.fragment, '')}"

    def _alias_scope(self, parts: list[str]) -> str:
        taken = {item.alias for item in self._imports.values()}
        for count in range(1, len(parts) + 1):
            alias = "_".join(parts[-count:])
            if f"_{alias}" not in taken and alias != "rt":
                return alias
        return "_".join(parts) + "_2"

    @staticmethod
    def _beside(spelled: str, name: str) -> str:
        module, dot, _ = spelled.rpartition(".")
        return f"{module}{dot}{name}"

    def _class(self, name: str, kind: model.Object, within: tuple[str, ...], doc: str, key: str | None = None) -> None:
        attributes = distinct(kind.properties)
        fields = [self._field(name, wire, attributes[wire], kind, within) for wire in kind.properties]
        self._items.append(Class(name, str(self._current), within, tuple(fields), doc, key))

    def _field(self, owner: str, wire: str, name: str, parent: model.Object, within: tuple[str, ...]) -> Field:
        kind = parent.properties[wire]
        found = expressions.expression(kind, self, owner + pascal_case(wire), (*within, "properties", wire))
        return Field(
            wire=wire,
            name=name,
            required=wire in parent.required,
            nullable=wire in parent.nullable,
            annotation=found.annotation,
            conditions=found.conditions("value"),
            load=found.load("value"),
            dump=found.dump(f"self.{name}"),
            doc=_described(kind, self._lexicons),
        )

    def _union(self, name: str, kind: model.Union) -> None:
        members = [(ref, self._spelled(ref)) for ref in kind.refs if self._is_class(ref)]
        annotation = " | ".join([*dict(members).values(), *([] if kind.closed else ["_rt.UnknownMember"])])
        cases = [
            Case((str(ref), *([f"{ref}#main"] if ref.fragment == MAIN else [])), f"{spelled}.load(data)")
            for ref, spelled in members
        ]
        self._items.append(Alias(name, annotation, kind.description))
        self._items.append(UnionLoader(f"load_{snake_case(name)}", name, tuple(cases), kind.closed))

    def _is_class(self, name: Name) -> bool:
        return isinstance(self._lexicons.find(name), model.Object | model.Record)

    def _named_type(self, name: str, definition: model.Type) -> None:
        if isinstance(definition, model.Union):
            self._union(name, definition)
            return
        found = expressions.expression(definition, _Named(self, name), name, ())
        if found.annotation != name:
            self._items.append(Alias(name, found.annotation, definition.description))

    def _method(self, name: str, definition: model.Query | model.Procedure) -> Method:
        output = self._body(f"{name}Output", definition.output, ("output", "schema"))
        if isinstance(definition, model.Query):
            takes = self._parameters(f"{name}Params", definition.parameters)
            return Method("Query", takes, *output, definition.errors, "", definition.description)
        body = definition.input
        takes, _ = self._body(f"{name}Input", body, ("input", "schema"))
        takes = "_rt.Nothing" if takes == "_rt.Raw" else takes
        encoding = body.encoding if body else ""
        return Method("Procedure", takes, *output, definition.errors, encoding, definition.description)

    def _parameters(self, name: str, kind: model.Object) -> str:
        if not kind.properties:
            return "_rt.Nothing"
        self._class(self._scope.give(name), kind, ("parameters",), "")
        return name

    def _body(self, name: str, body: model.Body | None, within: tuple[str, ...]) -> tuple[str, str]:
        if body is None:
            return "_rt.Nothing", "_rt.Nothing.from_json"
        match body.schema:
            case None:
                return "_rt.Raw", "_rt.raw"
            case model.Object():
                name = self._scope.give(name)
                self._class(name, body.schema, within, body.description)
                return name, f"{name}.from_json"
            case _:
                found = expressions.expression(body.schema, self, name, within)
                return found.annotation, f"lambda data: {found.load('data')}"


class _Quiet:
    """Answers for a type that has its declarations elsewhere: everything it needs a name for is named there."""

    def __init__(self, builder: ModuleBuilder, spelled: str) -> None:
        self._builder = builder
        self._spelled = spelled

    def reference(self, name: Name) -> Expression:
        return self._builder.reference(name)

    def object(self, kind: model.Object, hint: str, within: tuple[str, ...]) -> Expression:
        return expressions.of_class(f"{self._spelled}Item")

    def union(self, kind: model.Union, hint: str) -> Expression:
        module, dot, name = f"{self._spelled}Item".rpartition(".")
        return expressions.of_union(f"{self._spelled}Item", f"{module}{dot}load_{snake_case(name)}")

    def alias(self, hint: str, annotation: str, doc: str) -> str:
        return self._spelled


class _Named(_Quiet):
    """Declares a named type, whose own name its alias takes."""

    def object(self, kind: model.Object, hint: str, within: tuple[str, ...]) -> Expression:
        return self._builder.object(kind, hint, within)

    def union(self, kind: model.Union, hint: str) -> Expression:
        return self._builder.union(kind, hint)

    def alias(self, hint: str, annotation: str, doc: str) -> str:
        if hint != self._spelled:
            return self._builder.alias(hint, annotation, doc)
        return annotation


def _described(kind: model.Type, lexicons: Lexicons) -> str:
    text = kind.description
    if not text and isinstance(kind, model.Ref):
        target = lexicons.find(kind.target)
        text = target.description if target else ""
    default = getattr(kind, "default", None)
    return text if default is None else f"{text} Readers take {default!r} where it is absent.".strip()
