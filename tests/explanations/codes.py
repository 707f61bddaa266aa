"""The codes that the source can print: what it passes as a `code`, and where that is no literal."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class Taker(NamedTuple):
    """A function or class that takes a code: where it is defined, and at which position."""

    module: Path
    owner: str
    position: int


class Module(NamedTuple):
    """The statements of a module, and all its nodes, walked once: each with the innermost function that holds it."""

    body: list[ast.stmt]
    nodes: list[tuple[ast.FunctionDef | None, ast.AST]]

    @classmethod
    def parse(cls, source: str) -> Module:
        body = ast.parse(source).body
        nodes: list[tuple[ast.FunctionDef | None, ast.AST]] = [(None, item) for item in body]
        for function, node in nodes:  # which grows
            inner = node if isinstance(node, ast.FunctionDef) else function
            nodes += [(inner, child) for child in ast.iter_child_nodes(node)]
        return cls(body, nodes)


@dataclass
class Codes:
    """The codes of a source tree, and the places that pass one which is neither a literal nor a code already."""

    found: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)


def find_codes(folder: Path) -> Codes:
    """Return the codes in the modules of a folder; those of generated modules are no codes of atpub."""
    paths = [path for path in folder.rglob("*.py") if "generated" not in path.parts]
    modules = {path: Module.parse(path.read_text("utf-8")) for path in paths}
    takers, constants, codes = _takers(modules), _constants(modules.values()), Codes()
    for path, module in modules.items():
        for value in _set_directly(module):
            _add(value, {}, constants, codes, path)
        for function, node in module.nodes:
            for value in _passed(node, path, takers) if isinstance(node, ast.Call) else ():
                _add(value, _locals(function), constants, codes, path)
    return codes


def _add(value: ast.expr, local: dict[str, list[ast.expr]], known: dict[str, str], codes: Codes, path: Path) -> None:
    match value:
        case ast.Constant(value=str(text)) if CODE.fullmatch(text):
            codes.found.add(text)
        case ast.IfExp(body=first, orelse=second):
            _add(first, local, known, codes, path)
            _add(second, local, known, codes, path)
        case ast.Name(id=name) if name in local:
            for item in local[name]:
                _add(item, {}, known, codes, path)
        case ast.Name(id=name) if name in known:
            codes.found.add(known[name])
        case ast.Attribute(attr="code") | ast.Name(id="code" | "AtpubWarning") | ast.Constant():
            pass  # it is one already, or the text of a function that has the same name
        case _:
            codes.elsewhere.add(f"{path.name}: {ast.unparse(value)}")


def _takers(modules: dict[Path, Module]) -> dict[str, list[Taker]]:
    """Return the functions with a parameter `code`, and the classes with such a field, by name."""
    found: dict[str, list[Taker]] = defaultdict(list)
    for path, module in modules.items():
        for owner, node in _definitions(module):
            names = _parameters(node) if isinstance(node, ast.FunctionDef) else _fields(node)
            name = owner if node.name == "__init__" else node.name
            if "code" in names:
                found[name].append(Taker(path, owner, names.index("code")))
    return found


def _passed(call: ast.Call, path: Path, takers: dict[str, list[Taker]]) -> Iterator[ast.expr]:
    match call.func:
        case ast.Name(id=name):
            receiver = ""
        case ast.Attribute(attr=name, value=value) if name in takers:  # few are, and text of all takes seconds
            receiver = ast.unparse(value).rpartition(".")[2].strip("_")
        case _:
            return
    named = [item.value for item in call.keywords if item.arg == "code"]
    there = [item for item in takers.get(name, ()) if not name.startswith("_") or item.module == path]
    mine = [item for item in there if item.owner.lower() == receiver] or [
        item for item in there if item.owner != "Source" or item.owner == name
    ]
    for taker in mine:
        yield from named or call.args[taker.position : taker.position + 1]


def _set_directly(module: Module) -> Iterator[ast.expr]:
    """Yield what is assigned to an attribute `code`, the defaults of such parameters, and codes in returned tuples."""
    for _, node in module.nodes:
        match node:
            case ast.ClassDef(body=body):
                yield from (value for name, value in _assigned(body) if name == "code")
            case ast.Assign(targets=[ast.Attribute(attr="code")], value=value):
                yield value
            case ast.FunctionDef(args=ast.arguments(args=args, defaults=defaults)):
                pairs = zip(reversed(args), reversed(defaults), strict=False)
                yield from (value for item, value in pairs if item.arg == "code")
            case ast.Return(value=ast.Tuple(elts=[ast.Constant(value=str(text)) as value, _, _])) if "-" in text:
                yield value
            case _:
                pass


def _locals(function: ast.FunctionDef | None) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = defaultdict(list)
    for name, value in _assigned(ast.walk(function)) if function else ():
        found[name].append(value)
    return found


def _constants(modules: Iterable[Module]) -> dict[str, str]:
    """Return the texts of the constants of all modules, by name."""
    pairs = (pair for module in modules for pair in _assigned(module.body))
    return {
        name: value.value for name, value in pairs if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }


def _assigned(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that are assigned to, and the values; of tuples, each item."""
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=value):
                for item in [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]:
                    values = item.elts if isinstance(item, ast.Tuple) else [item] * len(targets)
                    pairs = zip(targets, values, strict=True)
                    yield from ((to.id, part) for to, part in pairs if isinstance(to, ast.Name))
            case _:
                pass


def _definitions(module: Module) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """Yield each class and function, and the name of the class that it is or belongs to."""
    for _, node in module.nodes:
        if isinstance(node, ast.ClassDef):
            yield node.name, node
            yield from ((node.name, item) for item in node.body if isinstance(item, ast.FunctionDef))
    yield from (("", node) for node in module.body if isinstance(node, ast.FunctionDef))


def _fields(node: ast.ClassDef) -> list[str]:
    return [ast.unparse(item.target) for item in node.body if isinstance(item, ast.AnnAssign)]


def _parameters(function: ast.FunctionDef) -> list[str]:
    names = [item.arg for item in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names
