"""The nodes of a YAML text with their offsets and styles, aliases included: what an edit in place needs to know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from atpub.text.scalars import resolve
from atpub.text.spans import Steps, Value
from atpub.text.yaml_document import parser

Kind: TypeAlias = Literal["scalar", "alias", "map", "list"]

_PROPERTIES: Final = re.compile(r"(?:[&!]\S*(?:[ \t\r\n]+|#[^\n]*)*)+")
"""The anchor and the tag of a node, and what separates them from its content."""


class NotEditable(Exception):
    """An edit that cannot be made in place, as of an alias or of a field that is not there; `steps` are the edit's."""

    steps: Steps = ()


@dataclass(slots=True)
class YamlNode:
    """A node: `outer` is the offset of its anchor, where it has one, and else that of its content, `start`.

    The end of a block collection is that of its last value. `style` is the quote of a scalar, or `|` or `>`. `items`
    holds a map's pairs, and a list's items with no key.
    """

    kind: Kind
    outer: int
    start: int
    end: int
    column: int
    style: str | None = None
    is_flow: bool = False
    text: str = ""
    items: list[tuple[YamlNode | None, YamlNode]] = field(default_factory=list["tuple[YamlNode | None, YamlNode]"])

    _numbers: dict[str, int] | None = field(default=None, repr=False)

    def find(self, step: str | int) -> int | None:
        """Return the number of a map's pair or a list's item; None of one that is not written there, but merged."""
        if self.kind == "list":
            return step if isinstance(step, int) and 0 <= step < len(self.items) else None
        if self._numbers is None:
            pairs = [(key.text, number) for number, (key, _) in enumerate(self.items) if key and key.kind == "scalar"]
            self._numbers = dict(reversed(pairs))
        return self._numbers.get(str(step))

    @property
    def is_empty(self) -> bool:
        """Whether it is a null that is not written."""
        return self.kind == "scalar" and self.start == self.end


def read_tree(text: str) -> YamlNode | None:
    """Return the root of a text that can be parsed; None where it has none."""
    events = _events(text)
    found = next(events, None)
    return None if found is None else _node(found, events, text)


def value_of(node: YamlNode) -> Value:
    """Return the value that a node is written as; raises NotEditable where an alias is in it."""
    match node.kind:
        case "alias":
            raise NotEditable("an alias stands for a part of it")
        case "scalar":
            return resolve(node.text) if node.style is None else node.text
        case "list":
            return [value_of(item) for _, item in node.items]
        case "map":
            return {key.text: value_of(item) for key, item in node.items if key is not None}


def walk(node: YamlNode) -> Iterator[YamlNode]:
    """Yield a node and all within it, keys included."""
    yield node
    for pair in node.items:
        for item in pair:
            if item is not None:
                yield from walk(item)


def _events(text: str) -> Iterator[Event]:
    """Yield the events of the first document's nodes."""
    source: Any = parser(text)
    source.get_event()  # the stream's start
    if isinstance(source.get_event(), StreamEndEvent):
        return
    while True:
        yield source.get_event()


def _node(event: Event, events: Iterator[Event], text: str) -> YamlNode:
    assert event.start_mark is not None, "libyaml marks every event"
    outer, end = event.start_mark.index, _end(event)
    if isinstance(event, AliasEvent):
        return YamlNode("alias", outer, outer, end, event.start_mark.column)
    if isinstance(event, ScalarEvent):
        start = _content(text, outer, end)
        style = event.style if event.style in ("'", '"', "|", ">") else None
        end = _end_of_block(text, start, end) if style in ("|", ">") else end
        return YamlNode("scalar", outer, start, end, 0, style, text=event.value)
    assert isinstance(event, MappingStartEvent | SequenceStartEvent), event
    start = _content(text, outer, len(text))
    column = start - (text.rfind("\n", 0, start) + 1)
    kind: Kind = "map" if isinstance(event, MappingStartEvent) else "list"
    node = YamlNode(kind, outer, start, start, column, is_flow=bool(event.flow_style))
    while not isinstance(event := next(events), MappingEndEvent | SequenceEndEvent):
        key = _node(event, events, text) if kind == "map" else None
        node.items.append((key, _node(event if key is None else next(events), events, text)))
    node.end = _end(event) if node.is_flow else node.items[-1][1].end
    return node


def _end(event: Event) -> int:
    assert event.end_mark is not None, "libyaml marks every event"
    return event.end_mark.index


def _end_of_block(text: str, start: int, end: int) -> int:
    """Return the end of the last line of a block scalar; blank lines after it count where they are kept (`|+`)."""
    block = text[start:end]
    is_kept = "+" in block.partition("\n")[0].partition("#")[0]
    return start + len(block.rstrip(" ").removesuffix("\n").removesuffix("\r") if is_kept else block.rstrip())


def _content(text: str, outer: int, end: int) -> int:
    """Return where the content of a node begins, after its anchor."""
    found = _PROPERTIES.match(text, outer, end)
    return found.end() if found else outer
