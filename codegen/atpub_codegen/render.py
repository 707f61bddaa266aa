"""Modules → Python source, through the Jinja templates.

A lexicon may be anybody's: text from it goes into the source only through `quoted` and `docstring`, which nothing can
break out of.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from atpub_codegen.shape import Field, Module

_WIDTH: Final = 120
_TYPING: Final = frozenset({"Any", "ClassVar", "Literal", "TypeAlias", "final"})


def module_source(module: Module, command: str) -> str:
    """The source of a lexicon's module: its body, under a header that imports what the body uses."""
    body = _environment().get_template("module.py.jinja").render(module=module)
    used = set(re.findall(r"\b\w+\b", body))
    typing = sorted({"Final", *(used & _TYPING)})
    header = _environment().get_template("header.py.jinja")
    return _tidy(header.render(module=module, command=command, used=used, typing=typing) + body)


def root_source(package: str, example: str, uses: tuple[str, ...], command: str) -> str:
    """The source of the generated package's own `__init__`."""
    template = _environment().get_template("root.py.jinja")
    return _tidy(template.render(package=package, example=example, uses=uses, command=command))


def package_source(nsid: str, command: str) -> str:
    """The source of the `__init__` of a folder of the package."""
    return _tidy(_environment().get_template("package.py.jinja").render(nsid=nsid, command=command))


def quoted(text: str) -> str:
    """The text as a Python string literal in double quotes, ASCII only."""
    escaped = ascii(text)
    body = escaped[1:-1]
    if escaped[0] == "'":
        body = body.replace("\\'", "'").replace('"', '\\"')
    return f'"{body}"'


def docstring(text: str, indent: int) -> str:
    """The text as a docstring, wrapped; whatever it holds, it stays one."""
    lines = wrapped(text, indent)
    pad = " " * indent
    if len(lines) == 1 and len(lines[0]) + indent + 6 <= _WIDTH:
        return f'"""{lines[0]}"""'
    return '"""' + f"\n{pad}".join(lines) + f'\n{pad}"""'


def wrapped(text: str, indent: int) -> list[str]:
    """The text in lines, safe inside a triple-quoted string."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    safe = re.sub(r"\s+", " ", plain).strip().replace("\\", "\\\\").replace('"', '\\"') or "…"
    return textwrap.wrap(safe, _WIDTH - indent - 3, break_long_words=False, break_on_hyphens=False)


def parameter(field: Field) -> str:
    """What the documentation of `__init__` says of one field."""
    wire = f" (`{field.wire}`)" if field.wire != field.name else ""
    lines = wrapped(f"{field.name}{wire}: {field.doc}" if field.doc else f"{field.name}{wire}", 12)
    return "\n".join(("        " if number == 0 else "            ") + line for number, line in enumerate(lines))


def condition(field: Field, indent: int) -> str:
    """The `if` that refuses a value, or nothing where loading decides."""
    pad = " " * indent
    if not field.conditions:
        return f"if value is _rt.ABSENT:\n{pad}    raise _rt.Mismatch" if field.required else ""
    tests = list(field.conditions)
    if field.nullable:
        tests = [f"value is not None and ({' or '.join(tests)})"]
    line = f"if {' or '.join(tests)}:"
    if len(line) + indent > _WIDTH:
        line = (
            "if (\n"
            + "\n".join(f"{pad}    {'or ' if number else ''}{test}" for number, test in enumerate(tests))
            + f"\n{pad}):"
        )
    return f"{line}\n{pad}    raise _rt.Mismatch"


def _tidy(source: str) -> str:
    source = re.sub(r"[ \t]+\n", "\n", source).strip() + "\n"
    source = re.sub(r"\n{4,}", "\n\n\n", source)
    return re.sub(r"\n*(\n(?:@final|def |METHOD))", r"\n\n\1", source)


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - the output is Python, where HTML escapes mean nothing
        loader=PackageLoader("atpub_codegen"), undefined=StrictUndefined
    )
    helpers: dict[str, Any] = {
        "assigned": assigned,
        "condition": condition,
        "docstring": docstring,
        "parameter": parameter,
        "quoted": quoted,
        "tuple": python_tuple,
    }
    environment.globals.update(helpers)
    environment.filters["quoted"] = quoted
    return environment


def python_tuple(items: Iterable[object], indent: int) -> str:
    """A tuple of strings as source."""
    parts = [quoted(str(item)) for item in items]
    line = f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if len(line) + indent + 24 <= _WIDTH:
        return line
    pad = "\n" + " " * (indent + 4)
    return f"({pad}{f',{pad}'.join(parts)},\n{' ' * indent})"


def assigned(target: str, annotation: str) -> str:
    """The definition of a type alias, as text so that it may name what comes later."""
    return f"{target} = {quoted(annotation)}"
