"""Modules → Python source, through the Jinja templates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby, pairwise
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from atpub_codegen import formatting as lines
from atpub_codegen import source
from atpub_codegen.expressions import Conditions, Each
from atpub_codegen.ir import Alias, Choices, Class, Constant, Field, Import, Item, Module, Sample, UnionAlias

_ASSIGNED: Final = {"header", "alias", "choices", "circular", "constant", "method", "union_alias"}
_MANY: Final = 200  # members of a union: of many more, joined with |, Python finds the expression too deep
_TYPING: Final[Mapping[str, tuple[str, ...]]] = {
    "alias": ("TypeAlias",),
    "choices": ("Literal", "TypeAlias"),
    "class": ("Any", "ClassVar", "final"),
    "constant": (),
    "failure": ("final",),
    "loader": ("Any",),
    "union_alias": ("TypeAlias",),
    "union_loader": ("Any",),
    "wrapper": ("Any", "ClassVar", "final"),
}


def module_source(module: Module, command: str) -> str:
    """The source of a lexicon's module."""
    header = _rendered(
        "header",
        module=module,
        command=command,
        mapping=any(isinstance(item, Class) and item.fields != () for item in module.items),
        typing=_typing(module),
        imports=_imports(module),
    )
    blocks = [("header", header), *map(_item, module.classes)]
    if any(item.circular for item in module.imports):
        blocks.append(("circular", _rendered("circular", imports=module.imports)))
    blocks.extend(map(_item, module.aliases))
    if module.method:
        blocks.append(("method", _rendered("method", method=module.method)))
    return "".join(_space(before[0], block[0]) + block[1] for before, block in pairwise([("", ""), *blocks])) + "\n"


def _item(item: Item) -> tuple[str, str]:
    """The kind of an item, by which its template is called, and its source."""
    kind = _kind(type(item).__name__)
    return kind, _rendered(kind, item=item)


@cache
def _kind(name: str) -> str:
    return re.sub(r"\B(?=[A-Z])", "_", name).lower()


def _space(before: str, kind: str) -> str:
    """What is between two blocks: one empty line, or two around functions and classes."""
    return "\n" * (0 if not before else 2 if {before, kind} <= _ASSIGNED else 3)


def root_source(uses: Sequence[str], command: str) -> str:
    """The source of the generated package's own `__init__`, which names the packages that it refers to."""
    return _rendered("root", uses=uses, command=command) + "\n"


def package_source(doc: str, command: str) -> str:
    """The source of the `__init__` of a folder that holds modules and nothing else."""
    return _rendered("package", doc=doc, command=command) + "\n"


def samples_source(samples: Sequence[Sample], command: str) -> str:
    """The source of a module of samples."""
    words = {word for sample in samples for field in sample.fields for word in re.findall(r"\w+", field.annotation)}
    arrays = "Array" in words
    if arrays:
        words |= {"Any", "TypeAlias"}
    typing = [*(["TYPE_CHECKING"] if arrays else []), *sorted(words & {"Any", "Literal", "TypeAlias"})]
    return _rendered("samples", samples=samples, arrays=arrays, typing=typing, command=command) + "\n"


def _rendered(template: str, **values: Any) -> str:
    return _templates(f"{template}.py.jinja").render(**values).strip("\n")


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - the output is Python, where HTML escapes mean nothing
        loader=PackageLoader("atpub_codegen"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    texts = (lines.assigned, lines.comment, lines.fitted, lines.function)
    sources = (source.docstring, source.quoted, source.tuple_of)
    filters = (*texts, *sources, alias, choices, parameter, refusal)
    by_name: dict[str, Any] = {function.__name__: function for function in filters}
    environment.filters.update(by_name)
    return environment


@cache
def _templates(name: str) -> Template:
    return _environment().get_template(name)


def _typing(module: Module) -> list[str]:
    """What the module imports from typing."""
    names = {"Final"}
    for item in module.items:
        names.update(_TYPING[_kind(type(item).__name__)])
        annotations = [field.annotation for field in item.fields] if isinstance(item, Class) else []
        if isinstance(item, Alias):
            annotations.append(item.annotation)
        if isinstance(item, UnionAlias) and len(item.members) > _MANY:
            names.add("Union")
        if any("Literal[" in annotation for annotation in annotations):
            names.add("Literal")
    return sorted(names)


def _imports(module: Module) -> list[list[Import]]:
    """The imports at the top of the module, atpub's apart from those of the package itself."""
    runtime = [Import("atpub.atproto", "runtime", "_rt", circular=False)] if _needs_runtime(module) else []
    found = sorted((*runtime, *(item for item in module.imports if not item.circular)), key=_group_and_name)
    return [list(group) for _, group in groupby(found, key=lambda item: _group_and_name(item)[0])]


def _group_and_name(item: Import) -> tuple[bool, str, str]:
    return not f"{item.package}.".startswith("atpub."), item.package, item.module


def _needs_runtime(module: Module) -> bool:
    plain = (Choices, Constant)
    return module.method is not None or any(
        not isinstance(item, plain) and not (isinstance(item, Alias) and "_rt." not in item.annotation)
        for item in module.items
    )


def alias(item: Alias | UnionAlias) -> str:
    """The definition of a type alias."""
    if isinstance(item, Alias):
        return lines.fitted(f"{item.name}: TypeAlias = {item.annotation}")
    if len(item.members) > _MANY:
        return source.spread(f"{item.name}: TypeAlias = Union[", item.members, "]")
    return lines.joined(f"{item.name}: TypeAlias = ", item.members, "|")


def choices(item: Choices) -> str:
    """The definition of the alias for a string's values."""
    target, values = f"{item.name}: TypeAlias = ", source.literals(item.values)
    if item.closed:
        return source.spread(f"{target}Literal[", values, "]")
    return lines.joined(target, [f"Literal[{', '.join(values)}]", "str"], "|")


def parameter(field: Field) -> str:
    """What the documentation of `__init__` says of one field."""
    wire = f" (`{field.wire}`)" if field.wire != field.name else ""
    return "\n            ".join(source.wrapped(f"{field.name}{wire}: {field.doc}", 12))


def refusal(conditions: Conditions, indent: int, nullable: bool = False) -> str:
    """What refuses a value: an `if`, and a loop over the items of a list."""
    pad = " " * indent
    if nullable and conditions != ("value is not None",):
        return f"if value is not None:\n{pad}    {refusal(conditions, indent + 4)}"
    tests = [condition for condition in conditions if isinstance(condition, str)]
    test = lines.joined("if ", tests, "or", ":", indent)
    loops = [
        f"\n{pad}for {each.item} in {each.of}:\n{pad}    {refusal(each.conditions, indent + 4)}"
        for each in conditions
        if isinstance(each, Each)
    ]
    return f"{test}\n{pad}    raise _rt.Mismatch{''.join(loops)}"
