"""Lexicons → the intermediate form of their modules."""

from __future__ import annotations

from typing import TypeGuard

from atpub.atproto.lexicon.model import Lexicon, Name, ProcedureType, QueryType, SubscriptionType
from atpub_codegen import docs
from atpub_codegen.builder import ModuleBuilder
from atpub_codegen.ir import Alias, Item, LazyAlias, Method, Module, UnionAlias
from atpub_codegen.methods import build_method
from atpub_codegen.name_table import NameTable, in_order
from atpub_codegen.names import MODULE, module_can_move


def build_module(lexicon: Lexicon, table: NameTable, builders: type[ModuleBuilder] = ModuleBuilder) -> Module:
    """Build the module of a lexicon: its main definition, then the others by name."""
    builder = builders(lexicon, table)
    method: Method | None = None
    for name, definition in in_order(lexicon).items():
        builder.current = Name(lexicon.id, name)
        if isinstance(definition, QueryType | ProcedureType | SubscriptionType):
            method = build_method(builder, builder.names.types[name], definition)
        else:
            builder.define(builder.names.types[name], definition)
    doc = docs.of_lexicon(lexicon)
    path = table.modules[lexicon.id][1]
    return Module(
        path=path,
        nsid=lexicon.id,
        doc=doc,
        imports=builder.imports.all(),
        classes=tuple(item for item in builder.items if not _names_classes(item)),
        aliases=tuple(sorted(filter(_names_classes, builder.items), key=_rank)),
        names={**builder.given, **({MODULE: path} if module_can_move(lexicon.id, path) else {})},
        method=method._replace(doc="") if method and method.doc == doc else method,
    )


def _names_classes(item: Item) -> TypeGuard[Alias | LazyAlias | UnionAlias]:
    return isinstance(item, UnionAlias) or (isinstance(item, Alias | LazyAlias) and item.after > 0)


def _rank(item: Alias | LazyAlias | UnionAlias) -> int:
    """Return a sort key that puts lists after the unions and lists that they hold."""
    return 0 if isinstance(item, UnionAlias) else item.after
