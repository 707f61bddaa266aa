"""Lexicons → the modules that are generated from them."""

from __future__ import annotations

from typing import TypeGuard

from atpub.atproto.lexicon.model import Lexicon, Name, ProcedureType, QueryType, SubscriptionType
from atpub_codegen import docs
from atpub_codegen.builder import Builder
from atpub_codegen.ir import Alias, Item, Method, Module, UnionAlias
from atpub_codegen.methods import build_method
from atpub_codegen.name_table import NameTable, in_order


def build_module(lexicon: Lexicon, world: NameTable) -> Module:
    """The module of a lexicon: its main definition, then the others by name."""
    builder = Builder(lexicon, world)
    method: Method | None = None
    for name, definition in in_order(lexicon).items():
        builder.current = Name(lexicon.id, name)
        if isinstance(definition, QueryType | ProcedureType | SubscriptionType):
            method = build_method(builder, builder.spelling.types[name], definition)
        else:
            builder.define(builder.spelling.types[name], definition)
    doc = docs.of_lexicon(lexicon)
    return Module(
        path=world.modules[lexicon.id][1],
        nsid=lexicon.id,
        doc=doc,
        imports=builder.imports.all(),
        classes=tuple(item for item in builder.items if not _names_classes(item)),
        aliases=tuple(sorted(filter(_names_classes, builder.items), key=_rank)),
        method=method._replace(doc="") if method and method.doc == doc else method,
    )


def _names_classes(item: Item) -> TypeGuard[Alias | UnionAlias]:
    return isinstance(item, UnionAlias) or (isinstance(item, Alias) and item.after > 0)


def _rank(item: Alias | UnionAlias) -> int:
    """Lists come after the unions that they are of, and after each other."""
    return 0 if isinstance(item, UnionAlias) else item.after
