"""Lexicons → the modules that are generated from them."""

from __future__ import annotations

from typing import TypeGuard

from atpub.lexicon.model import Lexicon, Name, Procedure, Query, Subscription
from atpub_codegen import docs
from atpub_codegen.builder import Builder
from atpub_codegen.methods import build_method
from atpub_codegen.shape import Alias, Item, Method, Module, UnionAlias
from atpub_codegen.spelling import World, in_order


def build_module(lexicon: Lexicon, world: World) -> Module:
    """The module of a lexicon: its main definition, then the others by name."""
    builder = Builder(lexicon, world)
    method: Method | None = None
    for name, definition in in_order(lexicon).items():
        builder.current = Name(lexicon.id, name)
        if isinstance(definition, Query | Procedure | Subscription):
            method = build_method(builder, builder.spelling.types[name], definition)
        else:
            builder.define(builder.spelling.types[name], definition)
    return Module(
        path=world.modules[lexicon.id][1],
        nsid=lexicon.id,
        doc=docs.of_lexicon(lexicon),
        imports=builder.imports.all(),
        classes=tuple(item for item in builder.items if not _names_classes(item)),
        aliases=tuple(sorted(filter(_names_classes, builder.items), key=_rank)),
        method=method,
    )


def _names_classes(item: Item) -> TypeGuard[Alias | UnionAlias]:
    return isinstance(item, UnionAlias) or (isinstance(item, Alias) and item.after > 0)


def _rank(item: Alias | UnionAlias) -> int:
    """Lists come after the unions that they are of, and after each other."""
    return 0 if isinstance(item, UnionAlias) else item.after
