"""The value of a plain YAML document without the places of its parts, at half the time and memory of composing it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

from yaml.error import YAMLError
from yaml.events import (
    CollectionStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from atpub.text.scalars import NumberTooLong, resolve
from atpub.text.source import Source, check_characters
from atpub.text.spans import MAX_DEPTH, Value
from atpub.text.yaml_document import parser

_NODES: Final = (ScalarEvent, CollectionStartEvent)


class NotPlain(Exception):
    """The document has an error, a tag, an anchor, an alias or a merge key."""


def read_value(source: Source) -> Value:
    """Return the value of the only document in a text; raises NotPlain where it has to be composed.

    Raises InvalidInput where `compose` raises it for the first character that YAML forbids.
    """
    check_characters(source)
    reader = _Reader(parser(source.text).get_event)  # type: ignore[arg-type]  # None: the end
    try:
        return reader.document()
    except (YAMLError, NumberTooLong):
        raise NotPlain from None


class _Reader:
    def __init__(self, next_event: Callable[[], Event]) -> None:
        self._next = next_event

    def document(self) -> Value:
        self._next()
        self._next()
        value = self._node(self._next(), 0)
        self._next()
        if not isinstance(self._next(), StreamEndEvent):
            raise NotPlain
        return value

    def _node(self, event: Event, depth: int) -> Value:
        if not isinstance(event, _NODES) or event.anchor is not None or event.tag is not None or depth >= MAX_DEPTH:
            raise NotPlain
        if isinstance(event, ScalarEvent):
            return resolve(event.value) if event.implicit[0] else event.value
        return self._mapping(depth + 1) if isinstance(event, MappingStartEvent) else self._sequence(depth + 1)

    def _sequence(self, depth: int) -> list[Value]:
        items: list[Value] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self._node(event, depth))
        return items

    def _mapping(self, depth: int) -> dict[str, Value]:
        fields: dict[str, Value] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            key = self._node(event, depth)
            if not isinstance(key, str) or key in fields or key == "<<":
                raise NotPlain
            fields[sys.intern(key)] = self._node(self._next(), depth)
        return fields
