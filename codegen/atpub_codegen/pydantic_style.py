"""The style pydantic: the types of a lexicon as annotations that pydantic takes, with no code to load or write them."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import ClassVar, Final

from atpub.atproto.lexicon import model
from atpub.atproto.lexicon.model import Name
from atpub_codegen.builder import ModuleBuilder
from atpub_codegen.expressions import FORMATS, Expression
from atpub_codegen.ir import Alias, Failure, LazyAlias, Method, Module, Wrapper
from atpub_codegen.source import arguments, literals, tuple_of

_OF_BASE_MODEL: Final = frozenset(
    {
        *("construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema"),
        *("schema_json", "update_forward_refs", "validate", "model_computed_fields", "model_config", "model_construct"),
        *("model_copy", "model_dump", "model_dump_json", "model_extra", "model_fields", "model_fields_set"),
        *("model_json_schema", "model_parametrized_name", "model_post_init", "model_rebuild", "model_validate"),
        *("model_validate_json", "model_validate_strings"),
    }
)
_LATER: Final = re.compile(r'(?<!Literal)\["')  # a list of what is not there yet, whose name is quoted


class PydanticBuilder(ModuleBuilder):
    """The builder of a module of pydantic's models."""

    RESERVED: ClassVar[Set[str]] = _OF_BASE_MODEL

    def expression(self, kind: model.Type, hint: str, within: tuple[str, ...]) -> Expression:
        """Return the annotation of a type at a place in the current definition."""
        match kind:
            case model.Boolean(const=const):
                return _annotate("bool" if const is None else f"Annotated[Literal[{const}], runtime.Constant({const})]")
            case model.Integer():
                return _annotate(_integer(kind))
            case model.String():
                return _annotate(self._string(kind, hint, within))
            case model.Bytes(min_length=low, max_length=high):
                return _annotate(
                    f"Annotated[bytes, runtime.Bytes({arguments(min_length=low or None, max_length=high)})]"
                )
            case model.CidLinkType():
                return _annotate("runtime.CidLink")
            case model.BlobType(accept=accept, max_size=size):
                marks = arguments(accept=tuple_of(literals(accept), "") if accept else None, max_size=size)
                return _annotate(f"Annotated[runtime.Blob, runtime.BlobOf({marks})]")
            case model.Array(items=items, min_length=least, max_length=most):
                listed = f"list[{self.expression(items, f'{hint}Item', (*within, 'items')).annotation}]"
                marks = arguments(min_length=least or None, max_length=most)
                return _annotate(f"Annotated[{listed}, runtime.Items({marks})]" if marks else listed)
            case model.Object():
                return self.object(kind, hint, within)
            case model.Ref(target=target):
                return self.reference(target)
            case model.Union():
                return _annotate(self.union(kind, hint, within).annotation)
            case model.Unknown():
                return _annotate("runtime.JsonObject")
            case model.Null():
                return _annotate("None")
            case _:
                return _annotate("runtime.Json")

    def reference(self, name: Name) -> Expression:
        """Return the annotation of a definition by name, in this module or another."""
        definition = self.lexicons.find(name)
        found = super().reference(name)
        if isinstance(definition, model.String) and definition.const is None and _choices(definition):
            return _annotate(_mark(found.annotation, definition))
        return found

    def _string(self, kind: model.String, hint: str, within: tuple[str, ...]) -> str:
        if kind.const is not None:
            return _mark(f"Literal[{literals([kind.const])[0]}]", kind)
        if _choices(kind):
            return _mark(self.choices(hint, kind, within), kind)
        return _mark("str", kind)

    def _named_list(self, name: str, kind: model.Array) -> None:
        super()._named_list(name, kind)
        self.items = [
            LazyAlias(item.name, item.annotation, item.doc, item.after)
            if isinstance(item, Alias) and item.name == name and _LATER.search(item.annotation)
            else item
            for item in self.items
        ]

    def union_mark(self, kind: model.Union) -> str:
        """Return the mark of a union: whether it is closed, and which members have no class."""
        absent = [ref for ref in kind.refs if isinstance(self.lexicons.find(ref), model.Unsupported)]
        if kind.closed and absent:
            return f"runtime.Members(closed=True, unknown={tuple_of(literals(map(str, absent)), '')})"
        return "runtime.CLOSED" if kind.closed else "runtime.OPEN"


def model_method(module: Module) -> Method | None:
    """Return a module's method as models have it: its errors are codes, and its input may be a member of a union."""
    method = module.method
    if method is None:
        return None
    codes = {item.name: literals([item.code])[0] for item in module.classes if isinstance(item, Failure)}
    unions = {item.name for item in module.classes if isinstance(item, Wrapper)}
    return method._replace(
        takes="runtime.Model" if method.takes in unions else method.takes,
        output=method.output._replace(judge=()),
        errors=tuple(codes[name] for name in method.errors),
    )


def _annotate(annotation: str) -> Expression:
    return Expression(annotation, lambda _: (), lambda v: v, lambda v: v)


def _choices(kind: model.String) -> tuple[str, ...]:
    return kind.enum or kind.known_values


def _integer(kind: model.Integer) -> str:
    choices = kind.enum if kind.const is None else (kind.const,)
    marks = arguments(minimum=kind.minimum, maximum=kind.maximum)
    if not choices and not marks:
        return "runtime.Int"
    base = f"Literal[{', '.join(literals(choices))}]" if choices else "int"
    return f"Annotated[{base}, runtime.Integer({marks})]"


def _mark(base: str, kind: model.String) -> str:
    """Return a text's type with the mark of its format and limits."""
    limits = arguments(
        min_length=kind.min_length or None,
        max_length=kind.max_length,
        min_graphemes=kind.min_graphemes or None,
        max_graphemes=kind.max_graphemes,
    )
    if base == "str" and not limits:
        return f"runtime.{FORMATS[kind.format][0] if kind.format else 'Str'}"
    named = arguments(format=literals([kind.format])[0]) if kind.format else ""
    return f"Annotated[{base}, runtime.Text({', '.join(filter(None, (named, limits)))})]"
