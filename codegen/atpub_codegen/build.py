"""Lexicons → the modules that are generated from them."""

from __future__ import annotations

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
        items=tuple(sorted(builder.items, key=_lateness)),
        method=method,
    )


def _lateness(item: Item) -> int:
    """Aliases that name classes come after all classes, and lists of unions after the unions."""
    return 1 if isinstance(item, UnionAlias) else 2 if isinstance(item, Alias) and item.late else 0
