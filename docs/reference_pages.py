"""The pages in docs/reference, made of the code: commands, exit codes, the Python API and the lexicons.

`make reference` writes them, and `make docs` fails if one is out of date.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from types import NoneType
from typing import Any, Final, cast

import click

import atpub
from atpub import errors
from atpub.cli.commands import cli
from atpub.cli.groups import load_commands
from atpub.explanations.table import explanations
from atpub.manifest.schema import SCHEMA_FILE
from atpub.manifest.schema_builder import build_schema

ROOT: Final = Path(__file__).parents[1]
_NOTE: Final = "<!-- Made from the code by `make reference`: do not edit. -->"
_LIMITS: Final = (
    "format",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "maxGraphemes",
    "maxSize",
    "const",
    "default",
)
_SPECIAL: Final = re.compile(r"(`[^`]*`)|([\\*<\[]|(?<!\w)_|_(?!\w))")


def escape(text: str) -> str:
    """Return prose as Markdown: code spans stay, and nothing else is markup."""
    return _SPECIAL.sub(lambda found: found[1] or f"\\{found[2]}", text)


# Commands


def commands_page() -> Iterator[str]:
    """Yield the paragraphs of the page on commands."""
    yield "# Commands"
    yield (
        "Data goes to stdout, everything else to stderr. With `--json`, stdout is always valid JSON. `-` names stdin "
        "(`-m -`, `apply -`) and stdout (`plan --out -`). See also [exit codes](exit-codes.md)."
    )
    yield "`atpub COMMAND -h` prints the same text."
    root = click.Context(cli, info_name="atpub")
    yield _table(("command", ""), [*_summaries(cli, "atpub")])
    for name, command in load_commands(cli).items():
        yield from _command(name, command, root, "##")


def _summaries(group: click.Group, path: str) -> Iterator[tuple[str, str]]:
    """Yield a row for each command: a link to its section, and its summary."""
    for name, command in load_commands(group).items():
        full = f"{path} {name}"
        yield f"[`{full}`](#{full.replace(' ', '-')})", escape(command.get_short_help_str(limit=100))
        if isinstance(command, click.Group):
            yield from _summaries(command, full)


def _command(name: str, command: click.Command, parent: click.Context, level: str) -> Iterator[str]:
    context = click.Context(command, parent, info_name=name, help_option_names=["-h", "--help"])
    yield f"{level} {context.command_path}"
    yield _fence("text", " ".join((context.command_path, *command.collect_usage_pieces(context))))
    yield from _help(command.help or "")
    records = (item.get_help_record(context) for item in command.params)
    yield "\n".join(f"- `{record[0]}`: {escape(record[1])}" for record in records if record and record[1])
    yield from _help(command.epilog or "")
    for inner, nested in load_commands(command).items() if isinstance(command, click.Group) else ():
        yield from _command(inner, nested, context, f"{level}#")


def _help(text: str) -> Iterator[str]:
    r"""Yield the paragraphs of a help text; click leaves the lines of those that begin with \b as they are."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        head, _, rest = paragraph.partition("\n")
        if head == "\b":
            yield _fence("text", inspect.cleandoc(rest))
        elif paragraph:
            yield escape(paragraph)


def codes_page() -> Iterator[str]:
    """Yield the paragraphs of the page on the codes of messages."""
    yield "# Codes"
    yield (
        "Each problem, finding, refusal and error that atpub prints has a code in brackets, and `--json` has it as "
        "`code`. Messages may be reworded; codes stay. `atpub explain CODE` prints the same explanations. Errors that "
        "the lexicon of a server's method names keep their names as codes; they are not listed here."
    )
    for theme, group in groupby(explanations().values(), attrgetter("theme")):
        yield f"## {theme}"
        for item in group:
            yield f"### {item.code}"
            yield escape(f"{item.summary} {item.cause}")
            yield f"*What to do.* {escape(item.remedy)}"
            if item.example:
                yield _fence("text", item.example)


def exit_codes_page() -> Iterator[str]:
    """Yield the paragraphs of the page on exit codes."""
    yield "# Exit codes"
    yield (
        "The exit code of a command, and the errors of the Python API for the same cause. Each is in `atpub.errors`. "
        "See also the [codes of messages](codes.md)."
    )
    rows = re.findall(r"^  (\d+) +(.+)$", cli.epilog or "", re.MULTILINE)
    yield _table(
        ("code", "meaning", "errors"), [(code, _cell(text), ", ".join(_raised(int(code)))) for code, text in rows]
    )
    yield "## Errors"
    found = [kind for _, kind in inspect.getmembers(errors, _is_error)]
    yield _table(("error", "code", "description"), [(f"`{e.__name__}`", f"`{e.code}`", _summary(e)) for e in found])


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, errors.AtpubError)


def _raised(code: int) -> list[str]:
    return [f"`{name}`" for name, kind in inspect.getmembers(errors, _is_error) if code > 1 and kind.exit_code == code]


# The Python API


class _Bare(str):
    """The text of an annotation, shown without quotes in a signature."""

    __slots__ = ()
    __repr__ = str.__str__


def python_page() -> Iterator[str]:
    """Yield the paragraphs of the page on the Python API."""
    yield "# Python"
    yield "Each name is imported from `atpub`, on first use. [Reading datasets](../reading.md) has examples."
    named: dict[str, Any] = {name: getattr(atpub, name) for name in atpub.__all__}
    yield "## Functions"
    for name, value in named.items():
        if not inspect.isclass(value):
            yield from _callable(f"### {name}", name, value)
    yield "## Classes"
    for name, value in named.items():
        if inspect.isclass(value):
            yield from _class(name, value)


def _class(name: str, value: type[Any]) -> Iterator[str]:
    yield f"### {name}"
    if not _is_exception(value):
        yield _fence("python", _signature(name, value))
    yield from _docstring(value)
    for attribute, member in _members(value):
        title = f"#### {name}.{attribute}"
        if isinstance(member, property):
            yield title
            yield from _docstring(member)
        else:
            yield from _callable(title, attribute, getattr(value, attribute))


def _is_exception(value: type[Any]) -> bool:
    return issubclass(value, Exception)


def _members(value: type[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class, and of its bases in this package, by name."""
    found: dict[str, Any] = {}
    for kind in reversed(value.__mro__):
        if kind.__module__.startswith("atpub."):
            found |= {name: member for name, member in vars(kind).items() if not name.startswith("_")}
    for name, member in sorted(found.items()):
        if isinstance(member, property | staticmethod | classmethod) or inspect.isfunction(member):
            yield name, member


def _callable(title: str, name: str, value: Callable[..., Any]) -> Iterator[str]:
    yield title
    yield _fence("python", _signature(name, value))
    yield from _docstring(value)


def _signature(name: str, value: Callable[..., Any]) -> str:
    """Return a signature as in source code: on one line, or with a line for each parameter."""
    found = inspect.signature(value)
    parameters = [
        parameter.replace(
            annotation=_bare(parameter.annotation),
            default=parameter.default if _is_written(parameter.default) else _Bare("..."),
        )
        for parameter in found.parameters.values()
        if parameter.name != "self"
    ]
    result = inspect.Signature.empty if isinstance(value, type) else _bare(found.return_annotation)
    found = found.replace(parameters=parameters, return_annotation=result)
    line = f"{name}{found}"
    if len(line) <= 88:
        return line
    return f"{name}{_long(found)}"


def _long(signature: inspect.Signature) -> str:
    head, star = "", False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            head, star = f"{head}    *,\n", True
        star = star or parameter.kind is parameter.VAR_POSITIONAL
        head = f"{head}    {parameter},\n"
    result = signature.return_annotation
    return f"(\n{head})" + ("" if result is inspect.Signature.empty else f" -> {result}")


def _bare(annotation: Any) -> Any:
    return _Bare(annotation) if isinstance(annotation, str) else annotation


def _is_written(value: object) -> bool:
    """Return whether a reader would write a default as Python prints it."""
    return value is inspect.Parameter.empty or isinstance(value, (bool, int, str, tuple, Mapping, NoneType))


def _summary(value: object) -> str:
    return _cell((inspect.getdoc(value) or "").partition("\n\n")[0])


def _docstring(value: object) -> Iterator[str]:
    for paragraph in (inspect.getdoc(value) or "").split("\n\n"):
        if paragraph.startswith(">>>"):
            yield _fence("pycon", re.sub(r" *# doctest: .*$", "", paragraph, flags=re.MULTILINE))
        elif paragraph:
            yield escape(paragraph)


# Lexicons


def lexicons_page() -> Iterator[str]:
    """Yield the paragraphs of the page on the lexicons of datasets and of atpub."""
    yield "# Lexicons"
    yield "The records that atpub writes. The files are in the folder `lexicons/`."
    for path in sorted([*(ROOT / "lexicons/science").rglob("*.json"), *(ROOT / "lexicons/dev").rglob("*.json")]):
        lexicon = json.loads(path.read_text("utf-8"))
        yield f"## {lexicon['id']}"
        if text := lexicon.get("description"):
            yield escape(text)
        for name, node in lexicon["defs"].items():
            yield from _definition(lexicon["id"], name, node)


def _definition(nsid: str, name: str, node: dict[str, Any]) -> Iterator[str]:
    if name != "main":
        yield f"### {nsid}#{name}"
    kind = node["type"]
    yield f"*{kind}*" + (f", record key `{node['key']}`" if kind == "record" else "")
    if text := node.get("description"):
        yield escape(text)
    yield from _fields(node.get("record", node), nsid)
    for side, schema in (
        ("Parameters", node.get("parameters")),
        ("Input", node.get("input", {}).get("schema")),
        ("Output", node.get("output", {}).get("schema")),
    ):
        if schema:
            yield f"{side}:"
            yield from _fields(schema, nsid) if "properties" in schema else (_type(schema, nsid),)
    if values := node.get("knownValues"):
        yield "Known values: " + ", ".join(f"`{value}`" for value in values)


def _fields(node: dict[str, Any], nsid: str) -> Iterator[str]:
    required = node.get("required", ())
    rows = [
        (
            f"`{name}`",
            ("Required. " if name in required else "") + _type(value, nsid),
            _cell(value.get("description", "")),
        )
        for name, value in node.get("properties", {}).items()
    ]
    if rows:
        yield _table(("field", "type", "description"), rows)


def _type(node: dict[str, Any], nsid: str) -> str:
    """Return a type with its limits, its items or its reference."""
    match node["type"]:
        case "array":
            return f"array of {_type(node['items'], nsid)}"
        case "ref":
            return _reference(node["ref"], nsid)
        case "union":
            return "union of " + ", ".join(_reference(ref, nsid) for ref in node["refs"])
        case str(kind):
            return ", ".join((kind, *(f"{key} {node[key]}" for key in _LIMITS if key in node)))
        case other:
            raise TypeError(f"{nsid} has a type that this page does not know: {other}")


def _reference(ref: str, nsid: str) -> str:
    full = f"{nsid}{ref}" if ref.startswith("#") else ref
    if not full.startswith(("science.", "dev.")):
        return f"`{full}`"
    anchor = re.sub(r"[^\w-]", "", full.lower())
    return f"[`{full}`](#{anchor})"


def _cell(text: str) -> str:
    return escape(text.replace("\n", " ")).replace("|", "\\|")


# Files


def _fence(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


PAGES: Final = {
    "codes.md": codes_page,
    "commands.md": commands_page,
    "exit-codes.md": exit_codes_page,
    "lexicons.md": lexicons_page,
    "python.md": python_page,
}


def reference() -> dict[Path, str]:
    """Return the text of each page, by its path."""
    return {ROOT / "docs/reference" / name: "\n\n".join((*page(), _NOTE)) + "\n" for name, page in PAGES.items()}


def outputs() -> dict[Path, str]:
    """Return the text of each file that is made from the code, by its path."""
    return {**reference(), SCHEMA_FILE: f"{json.dumps(build_schema(), indent=1)}\n"}


def main() -> None:
    """Write the pages and the manifest's JSON Schema, or with `--check` exit with 1 if one is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    check = cast("bool", parser.parse_args().check)
    stale = {path: text for path, text in outputs().items() if not path.exists() or path.read_text("utf-8") != text}
    if check and stale:
        names = ", ".join(path.relative_to(ROOT).as_posix() for path in stale)
        sys.exit(f"out of date: {names}; run: make reference")
    for path, text in stale.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
