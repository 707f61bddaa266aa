"""Edits of YAML text in place: comments, order, quotes and layout stay, and only what changes is written anew."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from atpub.atproto.data import Json
from atpub.text.spans import Steps
from atpub.text.yaml_tree import NotEditable, YamlNode, read_tree, value_of, walk
from atpub.text.yaml_writer import OneLine, flow_text, indented_lines, styled_lines

_BLOCK_HEADER: Final = re.compile(r"[|>][-+0-9]*")
_COLON: Final = re.compile(r"\s*:")
_COMMENT: Final = re.compile(r"[ \t]*#[^\r\n]*")
_ENTRY_DEPTH: Final = 2
"""The length of the steps to an entry of a manifest: its section and its key."""
_INDENTED_COMMENT: Final = re.compile(r"(?:[ \t]*\r?\n)*[ \t]+#")


@dataclass(frozen=True, slots=True)
class Edit:
    """The new value at a path; with `is_removal`, there is none afterwards."""

    steps: Steps
    value: Json = None
    is_removal: bool = False


class TextEdit(NamedTuple):
    """A text in place of that between two offsets."""

    start: int
    end: int
    text: str


def apply_edits(text: str, edits: Iterable[TextEdit]) -> str:
    """Return the text with its edits made, none of which reaches into another; equal ones are made once."""
    pieces, end = list[str](), 0
    for edit in sorted(set(edits)):
        pieces += (text[end : edit.start], edit.text)
        end = edit.end
    return "".join((*pieces, text[end:]))


def edit_yaml(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with these edits made; raises NotEditable, with the steps of the edit.

    Those of one entry are made one after the other, and those of several entries at once: the text is read again for
    the next edit of an entry, and not for the next entry.
    """
    left = [*edits]
    while left:
        text, left = _edit_entries(text, left)
    return text


def _edit_entries(text: str, edits: Iterable[Edit]) -> tuple[str, list[Edit]]:
    """Return the text with the first edit of each entry made, and the others; one of an entry as a whole is alone."""
    editor, made = YamlEditor(text), list[TextEdit]()
    seen, later = set[Steps](), list[Edit]()
    is_over = False
    for edit in edits:
        entry, is_whole = edit.steps[:_ENTRY_DEPTH], len(edit.steps) <= _ENTRY_DEPTH
        is_late = is_over or entry in seen or (is_whole and bool(seen))
        is_over = is_over or is_whole
        seen.add(entry)
        found = [] if is_late else editor.change(edit)
        if is_late or any(_touches(made, item) for item in found):
            later.append(edit)
            continue
        for item in found:
            insort(made, item)
    return apply_edits(text, made), later


def _touches(made: Sequence[TextEdit], edit: TextEdit) -> bool:
    """Return whether an edit and one of these, which are sorted, are of the same place or side by side."""
    number = bisect_left(made, edit)
    return any(item.start <= edit.end and edit.start <= item.end for item in made[max(0, number - 1) : number + 1])


class _Slot(NamedTuple):
    """The place of a value: the map or list that holds it, its number there, and whether that is in a flow."""

    parent: YamlNode
    number: int
    is_flow: bool

    @property
    def key(self) -> YamlNode | None:
        return self.parent.items[self.number][0]

    @property
    def value(self) -> YamlNode:
        return self.parent.items[self.number][1]


class YamlEditor:
    """Finds the edits of a YAML text, by paths, or by offsets of keys and values, as `Document.offset` returns them."""

    def __init__(self, text: str) -> None:
        """Read a text that can be parsed."""
        self._text = text
        self._break = "\r\n" if "\r\n" in text else "\n"
        self._root = read_tree(text)
        nodes = [] if self._root is None else [*walk(self._root)]
        self._scalars = {node.outer: node for node in nodes if node.kind == "scalar"}
        self._maps = {node.outer: node for node in nodes if node.kind == "map"}

    def replace_scalar(self, offset: int, text: str) -> TextEdit | None:
        """Return the edit that writes a text of one line in place of a scalar, in its quotes; None of an alias."""
        found = self._scalars.get(offset)
        return None if found is None else self._put(found, flow_text(text, found.style))

    def add_fields(self, offset: int, fields: Mapping[str, str]) -> TextEdit | None:
        """Return the edit that puts fields at the beginning of a map; None of an alias."""
        found = self._maps.get(offset)
        if found is None:
            return None
        lines = [f"{name}: {flow_text(text)}" for name, text in fields.items()]
        if found.is_flow:
            return _insert(found.start + 1, "".join(f"{line}, " for line in lines))
        return _insert(found.start, "".join(f"{line}{self._break}{' ' * found.column}" for line in lines))

    def change(self, edit: Edit) -> list[TextEdit]:
        """Return what makes an edit; raises NotEditable, with the edit's steps."""
        try:
            return self._change(edit)
        except NotEditable as error:
            error.steps = edit.steps
            raise

    def _change(self, edit: Edit) -> list[TextEdit]:
        if self._root is None or self._root.kind != "map":
            raise NotEditable("the file is no map")
        node, slots = self._root, list[_Slot]()
        is_flow = False
        for depth, step in enumerate(edit.steps):
            is_flow = is_flow or node.is_flow
            number = node.find(step)
            if number is None:
                return self._add(node, edit, depth, slots)
            slots.append(_Slot(node, number, is_flow))
            node = slots[-1].value
            if node.kind == "alias" and depth < len(edit.steps) - 1:
                raise NotEditable("an alias stands for it")
        return self._remove(slots) if edit.is_removal else self._set(slots[-1], edit.value)

    # A value in place of another

    def _set(self, slot: _Slot, value: Json) -> list[TextEdit]:
        old, is_flow = slot.value, slot.is_flow or slot.value.is_flow
        if slot.key is not None:
            self._colon(slot.key)
        if old.kind == "list" and old.items and isinstance(value, list) and value:
            return self._set_items(old, value, is_flow=is_flow)
        if slot.is_flow or (is_flow and isinstance(value, dict | list)):
            return [self._put(old, flow_text(value, old.style))]
        value = self._close(value, self._line_end(old.end))
        if isinstance(value, dict | list) and value:
            return [self._rewrite(slot, ["", *indented_lines(value, slot.parent.column)])]
        lines = styled_lines(value, slot.parent.column, old.style)
        if old.kind == "scalar" and old.style not in ("|", ">") and len(lines) == 1:
            return [self._put(old, lines[0])]
        return [self._rewrite(slot, lines)]

    def _set_items(self, old: YamlNode, value: list[Json], *, is_flow: bool) -> list[TextEdit]:
        """Return what makes one list another, item by item."""
        edits: list[TextEdit] = []
        for number, item in enumerate(value[: len(old.items)]):
            if not _is_same(old.items[number][1], item):
                edits += self._set(_Slot(old, number, is_flow), item)
        last, more = old.items[: len(value)][-1][1], value[len(old.items) :]
        if len(value) < len(old.items):
            start, end = last.end, old.items[-1][1].end
            edits.append(TextEdit(start, end, "") if is_flow else self._cut_lines(start, end))
        elif more and is_flow:
            edits.append(_insert(last.end, "".join(f", {flow_text(item)}" for item in more)))
        elif more:
            edits.append(self._add_lines(last, more, old.column))
        return edits

    def _cut_lines(self, start: int, end: int) -> TextEdit:
        return TextEdit(self._next_line(start), self._next_line(end), "")

    def _put(self, node: YamlNode, text: str) -> TextEdit:
        """Write a text of one line in place of a node's content."""
        is_close = node.is_empty and bool(self._text[node.start - 1].strip())
        return TextEdit(node.start, node.end, f" {text}" if is_close else text)

    def _rewrite(self, slot: _Slot, lines: list[str]) -> TextEdit:
        """Write a value in a block anew, with what follows it on the line of its key; the rest is indented already."""
        old, key = slot.value, slot.key
        start = self._dash(slot) if key is None else self._colon(key)
        end = self._line_end(old.end)
        comment = self._text[old.end : end].rstrip()
        if old.style in ("|", ">"):
            header = _BLOCK_HEADER.match(self._text, old.start)
            comment = self._comment(header.end() if header else old.start)
        elif old.kind in ("map", "list") and not old.is_flow:
            comment = self._comment(start + 1)
        first, *others = lines
        if key is None and not first and not comment:
            first, *others = others[0].lstrip(), *others[1:]
        head = (f" {first}" if first else "") + (f" {comment.lstrip()}" if comment and not first else comment)
        others += [""] * (bool(others) and end == len(self._text))
        return TextEdit(start + 1, end, self._break.join((head, *others)))

    def _comment(self, offset: int) -> str:
        """Return the comment that the rest of a line is, with the blanks before it, or nothing."""
        found = _COMMENT.match(self._text, offset)
        return found[0].rstrip() if found else ""

    def _colon(self, key: YamlNode) -> int:
        found = _COLON.match(self._text, key.end)
        if found is None:
            raise NotEditable("it is a key alone")
        return found.end() - 1

    def _dash(self, slot: _Slot) -> int:
        """Return the offset of the dash of an item in a block."""
        at = slot.value.outer
        while at >= 0:
            line = self._text.rfind("\n", 0, at) + 1
            if self._text.startswith("-", line + slot.parent.column):
                return line + slot.parent.column
            at = line - 1
        raise NotEditable("its form is not known")

    # A new value

    def _add(self, node: YamlNode, edit: Edit, depth: int, slots: list[_Slot]) -> list[TextEdit]:
        """Return the edit that adds a key at the end of a map, with the maps in it that lead to the value."""
        if edit.is_removal or node.kind == "list":
            raise NotEditable("it is not there")
        value: Json = edit.value
        for step in reversed(edit.steps[depth:]):
            value = {str(step): value}
        if node.kind == "scalar" and (value_of(node) is not None or not slots):
            raise NotEditable("its form is not known")
        if node.kind == "scalar" or not node.items:
            return self._set(slots[-1], value) if slots else [self._put(node, flow_text(value))]
        last = node.items[-1][1]
        if node.is_flow:
            self._require_braces(node)
            return [_insert(last.end, f", {flow_text(value)[1:-1]}")]
        return [self._add_lines(last, value, node.column)]

    def _add_lines(self, last: YamlNode, value: Json, column: int) -> TextEdit:
        """Return the edit that writes a part of a map or list in a block after its last value."""
        at = self._end_of(last, column)
        lines = "".join(f"{line}{self._break}" for line in indented_lines(self._close(value, at), column - 2))
        return _insert(at, lines if self._text.endswith("\n", 0, at) else f"{self._break}{lines}")

    # No value any more

    def _remove(self, slots: list[_Slot]) -> list[TextEdit]:
        parent, number, _ = slot = slots[-1]
        if slot.key is None or (len(parent.items) == 1 and len(slots) == 1):
            raise NotEditable("its form is not known")
        if len(parent.items) == 1:
            return self._set(slots[-2], {})
        is_last = number == len(parent.items) - 1
        after = None if is_last else parent.items[number + 1][0]
        if parent.is_flow:
            self._require_braces(parent)
            start = parent.items[number - 1][1].end if after is None else slot.key.outer
            return [TextEdit(start, slot.value.end if after is None else after.outer, "")]
        line = self._text.rfind("\n", 0, slot.key.outer) + 1
        before = self._text[line : slot.key.outer]
        if not before.strip():
            return [TextEdit(line, self._end_of(slot.value, parent.column), "")]
        if after is None or before.strip(" -"):
            raise NotEditable("it does not begin its line")
        return [TextEdit(slot.key.outer, after.outer, "")]

    def _require_braces(self, node: YamlNode) -> None:
        if self._text[node.start] != "{":
            raise NotEditable("it is a map without braces")

    # Lines

    def _close(self, value: Json, end: int) -> Json:
        """Return a value whose last text takes in nothing of what follows the offset: blank lines, or a comment."""
        match value:
            case str() if value.endswith("\n\n") or _INDENTED_COMMENT.match(self._text, end):
                return OneLine(value)
            case [*others, last]:
                return [*others, self._close(last, end)]
            case dict() if value:
                return {**value, (key := [*value][-1]): self._close(value[key], end)}
            case _:
                return value

    def _line_end(self, offset: int) -> int:
        """Return the end of a line, before its line break."""
        end = self._text.find("\n", offset)
        end = len(self._text) if end < 0 else end
        return end - 1 if self._text[offset:end].endswith("\r") else end

    def _next_line(self, offset: int) -> int:
        return self._text.find("\n", offset) + 1 or len(self._text)

    def _end_of(self, node: YamlNode, column: int) -> int:
        """Return the end of a value's lines, with the comments after it that are indented below its key."""
        end = at = self._next_line(node.end)
        while at < len(self._text):
            line = self._text[at : self._next_line(at)]
            content = line.lstrip()
            if content and not (content.startswith("#") and len(line) - len(content) > column):
                break
            at += len(line)
            end = at if content else end
        return end


def _insert(offset: int, text: str) -> TextEdit:
    return TextEdit(offset, offset, text)


def _is_same(old: YamlNode, new: Json) -> bool:
    """Return whether a value is written there already, in the same type: true is not 1; an alias is no value."""
    return old.kind != "alias" and json.dumps(value_of(old), sort_keys=True) == json.dumps(new, sort_keys=True)
