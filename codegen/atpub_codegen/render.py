"""Modules → Python source, through the Jinja templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import groupby, pairwise
from typing import Any, Final, NamedTuple, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from atpub.atproto.lexicon.formats import DATETIME, LANGUAGE, USUAL
from atpub.atproto.syntax import Cid, Did, Handle, Nsid, Rkey, Tid
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
    LazyAlias,
    Method,
    Module,
    RecordClass,
    RootModule,
    Sample,
    UnionAlias,
    Wrapper,
)
from atpub_codegen.pydantic_style import model_method

_ASSIGNED: Final = {"header", "alias", "choices", "circular", "constant", "lazy_alias", "method", "union_alias"}
_CODE: Final = (ir.Failure, ir.Loader, ir.UnionLoader, ir.Wrapper)
_MANY: Final = 200  # members of a union: of many more, joined with |, Python finds the expression too deep


class Pattern(NamedTuple):
    """A regular expression as source: its text, and whether its classes of characters are those of ASCII."""

    pattern: str
    is_ascii: bool


_PATTERNS: Final[Mapping[str, re.Pattern[str]]] = {
    "CID": USUAL["cid"][0],
    "STRICT_CID": Cid.rule()[0],
    "DATETIME": DATETIME,
    "USUAL_DATETIME": USUAL["datetime"][0],
    "DID": Did.rule()[0],
    "HANDLE": Handle.rule()[0],
    "LANGUAGE": LANGUAGE,
    "NSID": Nsid.rule()[0],
    "RECORD_KEY": Rkey.rule()[0],
    "TID": Tid.rule()[0],
    "URI": USUAL["uri"][0],
    "USUAL_AT_URI": USUAL["at-uri"][0],
}


class Form(NamedTuple):
    """The printed form of an item: its template, and the names of typing that the template uses."""

    template: str
    typing: tuple[str, ...]


Forms: TypeAlias = Mapping[type[Item], Form]

_FORMS: Final[Forms] = {
    ir.Alias: Form("alias", ("TypeAlias",)),
    ir.Choices: Form("choices", ("Literal", "TypeAlias")),
    ir.Class: Form("class", ("Any", "final")),
    ir.Constant: Form("constant", ()),
    ir.Failure: Form("failure", ("final",)),
    ir.LazyAlias: Form("lazy_alias", ("TYPE_CHECKING", "TypeAlias")),
    ir.Loader: Form("loader", ("Any",)),
    ir.UnionAlias: Form("union_alias", ("TypeAlias",)),
    ir.UnionLoader: Form("union_loader", ("Any",)),
    ir.Wrapper: Form("wrapper", ("Any", "final")),
}
_MODEL_FORMS: Final[Forms] = {
    **_FORMS,
    ir.Class: Form("pydantic_class", ("ClassVar", "final")),
    ir.Loader: Form("pydantic_loader", ("Any",)),
    ir.UnionLoader: Form("pydantic_loader", ("Any",)),
}


def module_source(module: Module, command: str) -> str:
    """Return the source of a lexicon's module."""
    runtime = Import("atpub.atproto", "runtime", "", circular=False) if _needs_runtime(module) else None
    loads = any(isinstance(item, Class | Wrapper) for item in module.items)
    return _module(module, command, _FORMS, runtime, loads=loads)


def models_source(module: Module, package: str, command: str) -> str:
    """Return the source of a lexicon's module in the style pydantic: models, and no code that loads or writes them."""
    method = model_method(module)
    loader = method.output.load if method else ""
    classes = [item for item in module.classes if not isinstance(item, _CODE) or item.name == loader]
    module = module._replace(classes=tuple(classes), method=method)
    module = module._replace(imports=tuple(item for item in module.imports if _needs(module, item.alias)))
    needed = method or _needs(module, "runtime") or any(isinstance(item, Class) for item in module.items)
    runtime = Import(package, "_runtime", "runtime", circular=False) if needed else None
    return _module(module, command, _MODEL_FORMS, runtime, loads=False)


def _module(module: Module, command: str, forms: Forms, runtime: Import | None, *, loads: bool) -> str:
    """Return the source of a module in some forms; `loads` tells whether its classes have `load` and `from_json`."""
    imports = sorted((*filter(None, [runtime]), *_at_the_top(module)), key=_group_and_name)
    header = _render(
        "header",
        module=module,
        command=command,
        loads=loads,
        builtins=any("builtins." in annotation for annotation in _annotations(module)),
        lazy=any(isinstance(item, LazyAlias) for item in module.items),
        typing=_typing(module, forms),
        imports=[list(group) for _, group in groupby(imports, key=lambda item: _group_and_name(item)[0])],
    )
    classes, aliases = ([_item(item, forms) for item in items] for items in (module.classes, module.aliases))
    method = [("method", _render("method", method=module.method))] if module.method else []
    return _join([("header", header), *classes, *_circular(module), *aliases, *method])


def root_source(root: RootModule, command: str) -> str:
    """Return the source of the generated package's own `__init__`."""
    typing, registry = _in_order({"Final", *_registry_typing(root)}), _registry(root, "RecordBase")
    return _render("root", uses=root.uses, registry=registry, typing=typing, command=command) + "\n"


def models_root_source(root: RootModule, package: str, command: str) -> str:
    """Return the source of the `__init__` of a package in the style pydantic."""
    typing, registry = _registry_typing(root), _registry(root, "runtime.Record")
    return _render("pydantic_root", registry=registry, typing=typing, package=package, command=command) + "\n"


def _registry(root: RootModule, base: str) -> str:
    """Return the alias for all records of a package (at run time, their base), and the paths of their classes."""
    return _render("registry", root=root, base=base) if root.records else ""


def _registry_typing(root: RootModule) -> list[str]:
    """Return the names that a registry of records, and the function that loads any of them, import from typing."""
    many = ["Union"] if len(root.records) > _MANY else []
    return ["TYPE_CHECKING", "Any", "TypeAlias", *many] if root.records else []


def models_runtime_source(command: str) -> str:
    """Return the source of the module that the models of a package use, and that uses nothing of atpub's."""
    patterns = {name: Pattern(found.pattern, bool(found.flags & re.ASCII)) for name, found in _PATTERNS.items()}
    return _render("pydantic_runtime", patterns=patterns, command=command) + "\n"


def _annotations(module: Module) -> list[str]:
    fields = [field.declaration for item in module.items if isinstance(item, Class) for field in item.fields]
    aliases = [item.annotation for item in module.items if isinstance(item, Alias | LazyAlias)]
    loaded = [item.returns for item in module.items if isinstance(item, ir.Loader)]
    unions = [(" | ".join(item.members), item.mark) for item in module.items if isinstance(item, UnionAlias)]
    return [*fields, *aliases, *loaded, *(f"Annotated[{union}, {mark}]" if mark else union for union, mark in unions)]


def _needs(module: Module, word: str) -> bool:
    method = module.method
    used = (method.takes, method.parameters, method.output.load) if method else ()
    return any(re.search(rf"\b{word}\.", text) for text in (*_annotations(module), *used))


def _at_the_top(module: Module) -> list[Import]:
    return [item for item in module.imports if not item.circular]


def _circular(module: Module) -> list[tuple[str, str]]:
    """Return the block of the imports that come after the classes, if there are any."""
    found = any(item.circular for item in module.imports)
    return [("circular", _render("circular", imports=module.imports))] if found else []


def _join(blocks: Sequence[tuple[str, str]]) -> str:
    """Return the source of blocks, each with its kind, with space between them."""
    return "".join(_space(before[0], block[0]) + block[1] for before, block in pairwise([("", ""), *blocks])) + "\n"


def _item(item: Item, forms: Forms) -> tuple[str, str]:
    """Return the name of an item's template, and its source."""
    template = forms[item.__class__].template
    return template, _render(template, item=item)


def _space(before: str, kind: str) -> str:
    """Return the space between two blocks: one empty line, or two around functions and classes."""
    return "\n" * (0 if not before else 2 if {before, kind} <= _ASSIGNED else 3)


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
    texts = (formatting.assign, formatting.comment, formatting.fit, formatting.function)
    sources = (source.docstring, source.quote, source.tuple_of, source.list_of)
    filters = (
        *texts,
        *sources,
        alias,
        choices,
        declared,
        described,
        record_alias,
        refusal,
        signature,
        wire_configuration,
        wire_names,
        written,
    )
    by_name: dict[str, Any] = {function.__name__: function for function in filters}
    environment.filters.update(by_name)
    return environment


@cache
def _templates(name: str) -> Template:
    return _environment().get_template(name)


def _typing(module: Module, forms: Forms) -> list[str]:
    """Return the names that the module imports from typing."""
    found = {"Final"}.union(*(forms[item.__class__].typing for item in module.items))
    if any(isinstance(item, UnionAlias) and len(item.members) > _MANY for item in module.items):
        found.add("Union")
    texts = " ".join(_annotations(module))
    return _in_order(found | {name for name in ("Annotated", "Literal") if f"{name}[" in texts})


def _in_order(names: Iterable[str]) -> list[str]:
    """Return the names that are imported from a module as isort has them."""
    return sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))


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
        return formatting.fit(f"{item.name}: TypeAlias = {item.annotation}")
    target = f"{item.name}: TypeAlias = "
    if item.mark:
        return _marked_union(f"{target}Annotated[", item.members, item.mark)
    if len(item.members) > _MANY:
        return source.spread(f"{target}Union[", item.members, "]")
    return formatting.join(target, item.members, "|")


def _marked_union(before: str, members: Sequence[str], mark: str) -> str:
    """Return the definition of a union with a mark, in lines where it does not fit."""
    union = " | ".join(members)
    if len(members) > _MANY:
        union = source.spread("Union[", members, "]", 4)
    elif len(f"{before}{union}, {mark}]") <= formatting.WIDTH:
        return f"{before}{union}, {mark}]"
    elif len(union) + 5 > formatting.WIDTH:
        union = "\n    | ".join(members)
    return f"{before}\n    {union},\n    {formatting.fit(mark, 4)},\n]"


def record_alias(records: Sequence[RecordClass]) -> str:
    """Return the definition of the alias for all record classes of a package, in a block."""
    target, members = "Record: TypeAlias = ", [record.spelled for record in records]
    if len(members) > _MANY:
        return source.spread(f"{target}Union[", members, "]", 4)
    return formatting.join(target, members, "|", indent=4)


def choices(item: Choices) -> str:
    """Return the definition of the alias for a string's values."""
    target, values = f"{item.name}: TypeAlias = ", source.literals(item.values)
    if item.closed:
        return source.spread(f"{target}Literal[", values, "]")
    return formatting.join(target, [f"Literal[{', '.join(values)}]", "str"], "|")


def signature(item: Class, indent: int) -> str:
    """Return the first line of a class's `__init__`, in several lines where it does not fit."""
    parameters = ["self", *(["*"] if item.fields else []), *(field.parameter for field in item.fields)]
    return formatting.signature("def __init__(", parameters, ") -> None:", indent)


def declared(field: Field, indent: int) -> str:
    """Return the declaration of a field of a model, its default in brackets where it does not fit."""
    declared, _, default = field.declaration.rpartition(" = ")
    pad = "\n" + " " * indent
    if not field.required and len(declared) + indent + 4 <= formatting.WIDTH < len(field.declaration) + indent:
        return f"{declared} = ({pad}    {default}{pad})"
    if not field.required and len(field.annotation) + indent + 4 > formatting.WIDTH:
        before = field.declaration.partition("[")[0]
        return f"{before}[{pad}    {formatting.fit(field.annotation, indent + 4)}{pad}] = {default}"
    return formatting.fit(field.declaration, indent)


def wire_configuration(fields: Sequence[Field], indent: int) -> str:
    """Return the configuration of a model whose fields have other names in JSON."""
    parts = [f"{field.name}={source.quote(field.wire)}" for field in fields]
    return source.spread("model_config = runtime.wire(", parts, ")", indent)


def wire_names(fields: Sequence[Field], indent: int) -> str:
    """Return the table of the fields whose names in JSON differ from those in Python."""
    pairs = [f"{source.quote(field.name)}: {source.quote(field.wire)}" for field in fields]
    return source.spread("WIRE = {", pairs, "}", indent)


def written(item: Class, indent: int) -> str:
    """Return the statement that starts a class's JSON, with what every value has."""
    fields = [f"{source.quote(field.wire)}: {field.dumped}" for field in item.required]
    return source.spread("out: runtime.JsonObject = {", ['"$type": NSID', *fields] if item.key else fields, "}", indent)


def described(method: Method) -> str:
    """Return the definition of METHOD."""
    takes = "input" if method.kind == "Procedure" else "parameters"
    gives = "message" if method.kind == "Subscription" else "output"
    given = {
        takes: method.takes,
        gives: _read_by(method.output),
        "errors": source.tuple_of(method.errors, "") if method.errors else "",
        "encoding": source.quote(method.encoding) if method.encoding else "",
    }
    if method.parameters:
        given["parameters"] = method.parameters
    arguments = [f"{name}={value}" for name, value in given.items() if value]
    return formatting.fit(f"METHOD: Final = runtime.{method.kind}({', '.join(['NSID', *arguments])})")


def _read_by(reader: ir.Reader) -> str:
    return f"runtime.reader({', '.join([reader.load, *reader.judge])})" if reader.judge else reader.load


def refusal(conditions: Conditions, indent: int, guard: str = "") -> str:
    """Return the statements that refuse a value, if the guard is true of it: an `if`, and loops over lists' items."""
    pad = " " * indent
    tests = [condition for condition in conditions if isinstance(condition, str)]
    loops = [each for each in conditions if isinstance(each, Each)]
    test = formatting.join("if ", tests, "or", ":", indent)
    if guard:
        either = " or ".join(tests)
        test = f"if {f'({either})' if len(tests) > 1 else either} and {guard}:"
        if loops or len(test) + indent > formatting.WIDTH:
            return f"if {guard}:\n{pad}    {refusal(conditions, indent + 4)}"
    items = "".join(
        f"\n{pad}for {each.item} in {each.of}:\n{pad}    {refusal(each.conditions, indent + 4)}" for each in loops
    )
    return f"{test}\n{pad}    raise runtime.Mismatch{items}"
