"""Edits of YAML text in place: comments, order and quotes stay, and only the lines of a changed field are written anew.

PyYAML finds the lines of the field, and ruamel.yaml edits these: its round trip keeps comments and quotes, but would
fold and indent the rest of a file in its own way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from atpub.atproto.data import Json
from atpub.text.spans import Steps
from atpub.text.yaml_writer import yaml_text

if TYPE_CHECKING:  # few commands edit, and both are slow to import
    import yaml
    from ruamel.yaml import YAML

_WIDTH: Final = 1 << 16
_NESTED: Final = re.compile(r"^( *)[^\s#-][^\n]*:[^\S\n]*(?:#[^\n]*)?\n( +)[^\s#-]", re.MULTILINE)
_LISTED: Final = re.compile(r"^( *)[^\s#-][^\n]*:[^\S\n]*(?:#[^\n]*)?\n( *)- ", re.MULTILINE)


class NotEditable(Exception):
    """An edit that cannot be made in place, as of an alias or of a field that is not there."""


@dataclass(frozen=True, slots=True)
class Edit:
    """The new value at a path; with `is_removal`, there is none afterwards."""

    steps: Steps
    value: Json = None
    is_removal: bool = False


def edit_yaml(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with these edits made, one after the other; raises NotEditable."""
    is_windows = "\r\n" in text
    made = text.replace("\r\n", "\n")
    for edit in edits:
        made = _make(made, edit)
    return made.replace("\n", "\r\n") if is_windows else made


@dataclass(frozen=True, slots=True)
class _Pair:
    """A key of a block map with its value, and the parent's."""

    key: yaml.Node
    value: yaml.Node
    above: _Pair | None
    is_alone: bool


def _make(text: str, edit: Edit) -> str:
    """Edit the lines of the innermost key in a block map that leads to the value."""
    import yaml

    node, pair, depth = yaml.compose(text, Loader=yaml.CSafeLoader), None, 0
    for depth, step in enumerate((*edit.steps, None)):
        if step is None or not isinstance(node, yaml.MappingNode) or node.flow_style:
            break
        found = next(((key, value) for key, value in node.value if key.value == step), None)
        if found is None:
            return _insert(text, node, edit, depth)
        pair = _Pair(*found, pair, len(node.value) == 1)
        node = pair.value
        if node.start_mark.index < pair.key.end_mark.index:
            raise NotEditable("an alias stands for it")
    if pair is None:
        raise NotEditable("the file is no block map")
    rest = edit.steps[depth:]
    if edit.is_removal and not rest and not pair.is_alone:
        start, end = _lines(text, pair)
        return text[:start] + text[end:]
    if edit.is_removal and not rest and pair.above:
        return _rewrite(text, pair.above, (edit.steps[-1],), edit)
    return _rewrite(text, pair, rest, edit)


def _insert(text: str, node: yaml.MappingNode, edit: Edit, depth: int) -> str:
    """Add a key at the end of a block map."""
    if edit.is_removal:
        raise NotEditable("it is not there")
    value: Json = edit.value
    for step in reversed(edit.steps[depth:]):
        value = {str(step): value}
    key, last = node.value[-1]
    _, end = _lines(text, _Pair(key, last, None, is_alone=False))
    before = text[:end] if text[:end].endswith("\n") else f"{text[:end]}\n"
    return before + _indent(yaml_text(value), key.start_mark.column) + text[end:]


def _lines(text: str, pair: _Pair) -> tuple[int, int]:
    """Return the start and the end of the lines of a key and its value, without comments that follow it."""
    at = pair.key.start_mark.index
    start = text.rfind("\n", 0, at) + 1
    if text[start:at].strip():
        raise NotEditable("it does not begin its line")
    end = pair.value.end_mark.index
    line = text.rfind("\n", 0, end) + 1
    if text[line:end].strip():
        line = (text.find("\n", end) + 1) or len(text)
    lines = text[start:line].splitlines(keepends=True)
    while len(lines) > 1 and _is_after(lines[-1], pair.key.start_mark.column):
        lines.pop()
    return start, start + sum(map(len, lines))


def _is_after(line: str, column: int) -> bool:
    """Return whether a line is blank, or a comment that is not indented below a key."""
    content = line.lstrip()
    return not content or (content.startswith("#") and len(line) - len(content) <= column)


def _rewrite(text: str, pair: _Pair, rest: Steps, edit: Edit) -> str:
    """Write the lines of a key and its value anew, edited."""
    from ruamel.yaml.composer import ComposerError
    from ruamel.yaml.error import YAMLError

    start, end = _lines(text, pair)
    column = pair.key.start_mark.column
    fragment = "".join(line[column:] or "\n" for line in text[start:end].splitlines(keepends=True))
    editor: Any = _editor(text)
    try:
        loaded = editor.load(fragment)
        _set(loaded, (next(iter(loaded)), *rest), edit)
        stream = StringIO()
        editor.dump(loaded, stream)
    except ComposerError as error:
        raise NotEditable("its lines have an alias of an anchor elsewhere") from error
    except (YAMLError, LookupError, TypeError, AttributeError) as error:
        raise NotEditable("its form is not known") from error
    made = _indent(stream.getvalue(), column)
    return text[:start] + (made if text[start:end].endswith("\n") else made.removesuffix("\n")) + text[end:]


def _editor(text: str) -> YAML:
    """Return an editor that indents as the text does."""
    from ruamel.yaml import YAML

    editor = YAML()
    editor.preserve_quotes = True
    editor.brace_single_entry_mapping_in_flow_sequence = True
    editor.width = _WIDTH
    nested, listed = _NESTED.search(text), _LISTED.search(text)
    offset = len(listed[2]) - len(listed[1]) if listed else 0
    editor.indent(mapping=len(nested[2]) - len(nested[1]) if nested else 2, sequence=offset + 2, offset=offset)
    return editor


def _set(loaded: Any, steps: Steps, edit: Edit) -> None:
    container: Any = loaded
    last: Any = steps[-1]
    for step in steps[:-1]:
        if container[step] is None:
            container[step] = {}
        container = container[step]
    if edit.is_removal:
        del container[last]
    else:
        is_there: bool = isinstance(container, list) or last in container
        container[last] = _like(container[last] if is_there else None, edit.value)


def _like(old: Any, new: Json) -> Any:
    """Return a value in the form of the one that it replaces: its quotes, or as a list of the same style."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString, SingleQuotedScalarString

    if isinstance(new, str) and "\n" in new:
        return LiteralScalarString(new)
    if isinstance(new, str) and isinstance(old, DoubleQuotedScalarString | SingleQuotedScalarString):
        return type(old)(new)
    if isinstance(new, list) and issubclass(type(old), list):
        return _like_list(old, new)
    return new


def _like_list(old: list[Any], new: list[Json]) -> list[Any]:
    for index, item in enumerate(new[: len(old)]):
        if old[index] != item or isinstance(old[index], bool):
            old[index] = _like(old[index], item)
    del old[len(new) :]
    old.extend(new[len(old) :])
    return old


def _indent(text: str, column: int) -> str:
    pad = " " * column
    return "".join(f"{pad}{line}" if line.strip() else line for line in text.splitlines(keepends=True))
