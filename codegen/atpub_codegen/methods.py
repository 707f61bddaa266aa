"""Queries, procedures and subscriptions → the classes of what goes in and out, and the METHOD that describes them."""

from __future__ import annotations

from typing import Final

from atpub.atproto.lexicon.model import (
    BodyType,
    Name,
    Object,
    ProcedureType,
    QueryType,
    RecordType,
    Ref,
    SubscriptionType,
    Union,
)
from atpub_codegen import docs
from atpub_codegen.builder import ModuleBuilder
from atpub_codegen.ir import Failure, Loader, Method, Reader, Wrapper
from atpub_codegen.names import pascal_case, snake_case
from atpub_codegen.source import literals

_OUTPUT: Final = ("output", "schema")
_INPUT: Final = ("input", "schema")
_MESSAGE: Final = ("message",)
_NOTHING: Final = "runtime.Nothing"


_KINDS: Final = {QueryType: "Query", ProcedureType: "Procedure", SubscriptionType: "Subscription"}
"""The runtime class that describes a method of each type."""


def build_method(builder: ModuleBuilder, name: str, definition: QueryType | ProcedureType | SubscriptionType) -> Method:
    """Return the method; add its parameters, bodies, messages and errors to the module."""
    parameters = _parameters(builder, f"{name}Params", definition.parameters)
    takes, encoding = parameters, ""
    if isinstance(definition, ProcedureType):
        takes = _input(builder, f"{name}Input", definition.input)
        encoding = definition.input.encoding if definition.input else ""
    if isinstance(definition, SubscriptionType):
        output = _messages(builder, f"{name}Message", definition.message or Union(()))
    else:
        output = _output(builder, f"{name}Output", definition.output)
    return Method(
        kind=_KINDS[type(definition)],
        takes=takes,
        output=output,
        errors=tuple(_failure(builder, error, doc) for error, doc in definition.errors.items()),
        encoding="" if encoding == "application/json" else encoding,
        parameters="" if takes == parameters or parameters == _NOTHING else parameters,
        doc=definition.description,
    )


def _parameters(builder: ModuleBuilder, hint: str, kind: Object) -> str:
    return builder.object(kind, hint, ("parameters",)).annotation if kind.properties else _NOTHING


def _output(builder: ModuleBuilder, hint: str, body: BodyType | None) -> Reader:
    """Return what reads a method's output."""
    if body is None:
        return Reader(f"{_NOTHING}.from_json")
    match body.schema:
        case None:
            return Reader("runtime.raw")
        case Object() as schema:
            return Reader(f"{_body_class(builder, hint, body, schema, _OUTPUT)}.from_json")
        case Union() as schema:
            name = builder.name(hint, _OUTPUT)
            return _reader(builder, builder.add_union(name, schema), builder.current, _OUTPUT)
        case Ref(target=target):
            return _refer(builder, hint, target)


def _messages(builder: ModuleBuilder, hint: str, kind: Union) -> Reader:
    name = builder.name(hint, _MESSAGE)
    return _reader(builder, builder.add_union(name, kind), builder.current, _MESSAGE)


def _failure(builder: ModuleBuilder, error: str, doc: str) -> str:
    name = builder.name(pascal_case(error), ("errors", error))
    builder.items.append(Failure(name, error, doc))
    return name


def _refer(builder: ModuleBuilder, hint: str, target: Name) -> Reader:
    found = builder.reference(target)
    if _is_class(builder, target):
        return Reader(f"{found.annotation}.from_json")
    loader = builder.scope.give(f"load_{snake_case(hint)}")
    builder.items.append(Loader(loader, found.annotation, found.conditions("data"), found.load("data")))
    return _reader(builder, loader, target, ())


def _reader(builder: ModuleBuilder, loader: str, judge: Name, within: tuple[str, ...]) -> Reader:
    schema = "NSID" if judge == builder.current else literals([str(judge)])[0]
    return Reader(loader, ("__name__", schema, *literals(within)))


def _input(builder: ModuleBuilder, hint: str, body: BodyType | None) -> str:
    """Return the class of a procedure's input: Nothing where the input is bytes."""
    if body is None:
        return _NOTHING
    match body.schema:
        case None:
            return _NOTHING
        case Object() as schema:
            return _body_class(builder, hint, body, schema, _INPUT)
        case Union() as schema:
            return _wrapper(builder, hint, schema)
        case Ref(target=target):
            return builder.reference(target).annotation if _is_class(builder, target) else _NOTHING


def _body_class(builder: ModuleBuilder, hint: str, body: BodyType, schema: Object, within: tuple[str, ...]) -> str:
    name = builder.name(hint, within)
    builder.add_class(name, schema, within, schema.description or body.description)
    return name


def _wrapper(builder: ModuleBuilder, hint: str, schema: Union) -> str:
    name, member = builder.name(hint, _INPUT), builder.name(f"{hint}Member", (*_INPUT, "member"))
    loader = builder.add_union(member, schema)
    doc = docs.of_place(builder.current, _INPUT)
    builder.items.append(Wrapper(name, str(builder.current), _INPUT, member, loader, doc))
    return name


def _is_class(builder: ModuleBuilder, name: Name) -> bool:
    return isinstance(builder.lexicons.find(name), Object | RecordType)
