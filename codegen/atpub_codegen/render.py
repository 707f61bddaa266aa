"""Modules → Python source, through the Jinja templates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby, pairwise
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from atpub_codegen import formatting, ir, source
from atpub_codegen.expressions import Conditions, Each
from atpub_codegen.ir import (
    Alias,
    Choices,
    Class,
    Constant,
    Field,
    Import,
    Item,
    Method,
    Module,
    RecordClass,
    Root,
    Sample,
    UnionAlias,
    Wrapper,
)

_ASSIGNED: Final = {"header", "alias", "choices", "circular", "constant", "method", "union_alias"}
_MANY: Final = 200  # members of a union: of many more, joined with |, Python finds the expression too deep


class Form(NamedTuple):
    """The printed form of an item: its template, and the names of typing that the template uses."""

    template: str
    typing: tuple[str, ...]


_FORMS: Final[Mapping[type[Item], Form]] = {
    ir.Alias: Form("alias", ("TypeAlias",)),
    ir.Choices: Form("choices", ("Literal", "TypeAlias")),
    ir.Class: Form("class", ("Any", "final")),
    ir.Constant: Form("constant", ()),
    ir.Failure: Form("failure", ("final",)),
    ir.Loader: Form("loader", ("Any",)),
    ir.UnionAlias: Form("union_alias", ("TypeAlias",)),
    ir.UnionLoader: Form("union_loader", ("Any",)),
    ir.Wrapper: Form("wrapper", ("Any", "final")),
}


def module_source(module: Module, command: str) -> str:
    """Return the source of a lexicon's module."""
    header = _render(
        "header",
        module=module,
        command=command,
        loads=any(isinstance(item, Class | Wrapper) for item in module.items),
        builtins=any(
            "builtins." in field.annotation for item in module.items if isinstance(item, Class) for field in item.fields
        ),
        typing=_typing(module),
        imports=_imports(module),
    )
    blocks = [("header", header), *map(_item, module.classes)]
    if any(item.circular for item in module.imports):
        blocks.append(("circular", _render("circular", imports=module.imports)))
    blocks.extend(map(_item, module.aliases))
    if module.method:
        blocks.append(("method", _render("method", method=module.method)))
    return "".join(_space(before[0], block[0]) + block[1] for before, block in pairwise([("", ""), *blocks])) + "\n"


def _item(item: Item) -> tuple[str, str]:
    """Return the name of an item's template, and its source."""
    template = _FORMS[item.__class__].template
    return template, _render(template, item=item)


def _space(before: str, kind: str) -> str:
    """Return the space between two blocks: one empty line, or two around functions and classes."""
    return "\n" * (0 if not before else 2 if {before, kind} <= _ASSIGNED else 3)


def root_source(root: Root, command: str) -> str:
    """Return the source of the generated package's own `__init__`."""
    return _render("root", **root._asdict(), command=command) + "\n"


def package_source(doc: str, command: str) -> str:
    """Return the source of the `__init__` of a folder that holds modules and nothing else."""
    return _render("package", doc=doc, command=command) + "\n"


def documents_source(text: str, names: str, command: str) -> str:
    """Return the source of the module that holds a package's lexicons: every build backend includes modules."""
    return _render("documents", text=text, names=names, command=command) + "\n"


def samples_source(samples: Sequence[Sample], command: str) -> str:
    """Return the source of a module of samples."""
    words = {word for sample in samples for field in sample.fields for word in re.findall(r"\w+", field.annotation)}
    arrays = "Array" in words
    if arrays:
        words |= {"Any", "TypeAlias"}
    typing = [*(["TYPE_CHECKING"] if arrays else []), *sorted(words & {"Any", "Literal", "TypeAlias"})]
    return _render("samples", samples=samples, arrays=arrays, typing=typing, command=command) + "\n"


def _render(template: str, **values: Any) -> str:
    return _templates(f"{template}.py.jinja").render(**values).strip("\n")


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - the output is Python, where HTML escapes mean nothing
        loader=PackageLoader("atpub_codegen"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    texts = (formatting.assigned, formatting.comment, formatting.fitted, formatting.function)
    sources = (source.docstring, source.quoted, source.tuple_of, source.list_of)
    filters = (*texts, *sources, alias, choices, described, record_alias, refusal, signature, wire_names, written)
    by_name: dict[str, Any] = {function.__name__: function for function in filters}
    environment.filters.update(by_name)
    return environment


@cache
def _templates(name: str) -> Template:
    return _environment().get_template(name)


def _typing(module: Module) -> list[str]:
    """Return the names that the module imports from typing."""
    names = {"Final"}
    for item in module.items:
        names.update(_FORMS[item.__class__].typing)
        annotations = [field.annotation for field in item.fields] if isinstance(item, Class) else []
        if isinstance(item, Alias):
            annotations.append(item.annotation)
        if isinstance(item, UnionAlias) and len(item.members) > _MANY:
            names.add("Union")
        if any("Literal[" in annotation for annotation in annotations):
            names.add("Literal")
    return sorted(names)


def _imports(module: Module) -> list[list[Import]]:
    """Return the imports at the top of the module, atpub's apart from those of the package itself."""
    runtime = [Import("atpub.atproto", "runtime", "", circular=False)] if _needs_runtime(module) else []
    found = sorted((*runtime, *(item for item in module.imports if not item.circular)), key=_group_and_name)
    return [list(group) for _, group in groupby(found, key=lambda item: _group_and_name(item)[0])]


def _group_and_name(item: Import) -> tuple[bool, str, str]:
    return not f"{item.package}.".startswith("atpub."), item.package, item.module


def _needs_runtime(module: Module) -> bool:
    plain = (Choices, Constant)
    return module.method is not None or any(
        not isinstance(item, plain) and not (isinstance(item, Alias) and "runtime." not in item.annotation)
        for item in module.items
    )


def alias(item: Alias | UnionAlias) -> str:
    """Return the definition of a type alias."""
    if isinstance(item, Alias):
        return formatting.fitted(f"{item.name}: TypeAlias = {item.annotation}")
    if len(item.members) > _MANY:
        return source.spread(f"{item.name}: TypeAlias = Union[", item.members, "]")
    return formatting.joined(f"{item.name}: TypeAlias = ", item.members, "|")


def record_alias(records: Sequence[RecordClass]) -> str:
    """Return the definition of the alias for all record classes of a package, in a block."""
    target, members = "Record: TypeAlias = ", [record.spelled for record in records]
    if len(members) > _MANY:
        return source.spread(f"{target}Union[", members, "]", 4)
    return formatting.joined(target, members, "|", indent=4)


def choices(item: Choices) -> str:
    """Return the definition of the alias for a string's values."""
    target, values = f"{item.name}: TypeAlias = ", source.literals(item.values)
    if item.closed:
        return source.spread(f"{target}Literal[", values, "]")
    return formatting.joined(target, [f"Literal[{', '.join(values)}]", "str"], "|")


def signature(item: Class, indent: int) -> str:
    """Return the first line of a class's `__init__`, in several lines where it does not fit."""
    parameters = ["self", *(["*"] if item.fields else []), *(field.parameter for field in item.fields)]
    return formatting.signature("def __init__(", parameters, ") -> None:", indent)


def wire_names(fields: Sequence[Field], indent: int) -> str:
    """Return the table of the fields whose names in JSON differ from those in Python."""
    pairs = [f"{source.quoted(field.name)}: {source.quoted(field.wire)}" for field in fields]
    return source.spread("WIRE = {", pairs, "}", indent)


def written(item: Class, indent: int) -> str:
    """Return the statement that starts a class's JSON, with what every value has."""
    fields = [f"{source.quoted(field.wire)}: {field.dumped}" for field in item.required]
    return source.spread("out: runtime.JsonObject = {", ['"$type": NSID', *fields] if item.key else fields, "}", indent)


def described(method: Method) -> str:
    """Return the definition of METHOD."""
    takes = "input" if method.kind == "Procedure" else "parameters"
    gives = "message" if method.kind == "Subscription" else "output"
    given = {
        takes: method.takes,
        gives: method.output,
        "errors": source.tuple_of(method.errors, "") if method.errors else "",
        "encoding": source.quoted(method.encoding) if method.encoding else "",
    }
    if method.parameters:
        given["parameters"] = method.parameters
    arguments = [f"{name}={value}" for name, value in given.items() if value]
    return formatting.fitted(f"METHOD: Final = runtime.{method.kind}({', '.join(['NSID', *arguments])})")


def refusal(conditions: Conditions, indent: int, guard: str = "") -> str:
    """Return the statements that refuse a value, if the guard is true of it: an `if`, and loops over lists' items."""
    pad = " " * indent
    tests = [condition for condition in conditions if isinstance(condition, str)]
    loops = [each for each in conditions if isinstance(each, Each)]
    test = formatting.joined("if ", tests, "or", ":", indent)
    if guard:
        either = " or ".join(tests)
        test = f"if {f'({either})' if len(tests) > 1 else either} and {guard}:"
        if loops or len(test) + indent > formatting.WIDTH:
            return f"if {guard}:\n{pad}    {refusal(conditions, indent + 4)}"
    items = "".join(
        f"\n{pad}for {each.item} in {each.of}:\n{pad}    {refusal(each.conditions, indent + 4)}" for each in loops
    )
    return f"{test}\n{pad}    raise runtime.Mismatch{items}"
