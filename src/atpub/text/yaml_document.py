"""One pass over libyaml's events: the value and, beside it, an outline of offsets.

Nothing here looks at lines and columns unless there is a problem to report. Recursion is bounded by `MAX_DEPTH`,
which is checked before libyaml is asked for more: it slows down with the square of the depth.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeAlias, cast

from yaml.error import YAMLError
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from atpub.errors import AtpubError, InvalidInput
from atpub.problems import Problem
from atpub.text.scalars import NumberTooLong, Scalar, resolve
from atpub.text.source import Source, check_characters
from atpub.text.spans import MAX_DEPTH, Inside, Span, Value

if TYPE_CHECKING:
    from yaml._yaml import CParser

MAX_EXPANSION = 1_000_000
"""The maximum number of values that aliases add, counted at each use; 16 characters of text count as one more."""

_Node: TypeAlias = tuple[Value, int, Inside]


class Composed(NamedTuple):
    """The value in a text, its outline, and the problems that leave the rest usable."""

    value: Value
    spot: Span
    problems: tuple[Problem, ...]


def compose(source: Source) -> Composed:
    """Compose the only document in a text; raises InvalidInput if it cannot be read to its end."""
    check_characters(source)
    composer = _Composer(source)
    try:
        value, at, inside = composer.document()
    except YAMLError as error:
        from atpub.text.yaml_errors import syntax_problem  # the words for errors

        raise InvalidInput((*composer.problems, syntax_problem(error, source))) from None
    return Composed(value, Span(at, at, inside), tuple(composer.problems))


class _Size(NamedTuple):
    value: Value  # kept, so that no other value gets its id
    weight: int
    height: int


class _Anchored(NamedTuple):
    node: _Node
    size: _Size


class _Merge(NamedTuple):
    key: Event
    maps: list[tuple[dict[str, Value], dict[str, Span]]]


class _Composer:
    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._next: Callable[[], Event] = parser(source.text).get_event  # type: ignore[assignment]  # None: the end
        self._anchors: dict[str, _Anchored | None] = {}  # None: it is still open
        self._sizes: dict[int, _Size] = {}
        self._expanded = 0

    def document(self) -> _Node:
        self._next()
        if isinstance(self._next(), StreamEndEvent):
            return None, 0, None
        node = self._node(self._next(), 0)
        self._next()
        event = self._next()
        if isinstance(event, DocumentStartEvent):
            hint = "a file is one YAML document: put the second into a file of its own, in the same folder"
            self._report("several-documents", "a second document begins here", _at(event), hint)
        return node

    def _node(self, event: Event, depth: int) -> _Node:
        if isinstance(event, ScalarEvent):
            node: _Node = (self._scalar(event), _at(event), None)
            if event.anchor is not None:
                self._close(event.anchor, node)
            return node
        if isinstance(event, AliasEvent):
            return self._alias(event, depth)
        assert isinstance(event, CollectionStartEvent), event
        return self._collection(event, depth)

    def _scalar(self, event: ScalarEvent) -> Scalar:
        if event.tag is not None:
            self._tag(event, event.tag)
        if not event.implicit[0]:
            return event.value
        try:
            return resolve(event.value)
        except NumberTooLong:
            self._report("number-too-long", "the number has too many digits", _at(event), "put it in quotes")
            return event.value

    def _collection(self, event: CollectionStartEvent, depth: int) -> _Node:
        if depth >= MAX_DEPTH:
            self._stop("too-deep", f"more than {MAX_DEPTH} lists and maps inside one another", event, "flatten it")
        if event.tag is not None:
            self._tag(event, event.tag)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        read = self._mapping if isinstance(event, MappingStartEvent) else self._sequence
        value, inside = read(depth + 1)
        node: _Node = (value, _at(event), inside)
        # An anchor of the same name further in is the later one, and stays.
        if event.anchor is not None and self._anchors[event.anchor] is None:
            self._close(event.anchor, node)
        return node

    def _sequence(self, depth: int) -> tuple[Value, Inside]:
        items: list[Value] = []
        spots: list[Span] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            item, at, inside = self._node(event, depth)
            items.append(item)
            spots.append(Span(at, at, inside))
        return items, spots

    def _mapping(self, depth: int) -> tuple[Value, Inside]:
        fields: dict[str, Value] = {}
        spots: dict[str, Span] = {}
        merges: list[_Merge] = []
        while not isinstance(event := self._next(), MappingEndEvent):
            if _is_merge_key(event):
                merges.append(self._merge(event, depth))
                continue
            key = self._key(event, depth)
            value, at, inside = self._node(self._next(), depth)
            if key is None:
                continue
            if key in fields:
                self._duplicate(key, event, spots[key])
                continue
            fields[key] = value
            spots[key] = Span(_at(event), at, inside)
        return self._add_merged(merges, fields, spots) if merges else (fields, spots)

    def _merge(self, event: Event, depth: int) -> _Merge:
        """Read the value of a merge key: the maps whose fields are to be merged, the first one first."""
        known, following = len(self.problems), self._next()
        value, _, inside = self._node(following, depth)
        if isinstance(value, dict) and isinstance(inside, dict):
            return _Merge(event, [(value, inside)])
        if isinstance(value, list) and isinstance(inside, list):
            maps = [(item, spot.inside) for item, spot in zip(value, inside, strict=True)]
            if all(isinstance(item, dict) for item, _ in maps):
                return _Merge(event, cast("list[tuple[dict[str, Value], dict[str, Span]]]", maps))
        if len(self.problems) == known:
            hint = "name a map: `<<: *anchor`, or several: `<<: [*one, *other]`"
            self._report("merge-key", "`<<` merges a map, or a list of maps", _at(following), hint)
        return _Merge(event, [])

    def _add_merged(
        self, merges: list[_Merge], fields: dict[str, Value], spots: dict[str, Span]
    ) -> tuple[Value, Inside]:
        """Add fields that a map does not have itself; of several merged maps, the first that has a field counts.

        Each field stands where it is written: in the map that is merged.
        """
        for other in merges[1:]:
            first = self._source.place(_at(merges[0].key))
            message = f"the key '<<' is given twice: it is first given at {first}"
            self._report("duplicate-key", message, _at(other.key), "merge several maps by one: `<<: [*one, *other]`")
        for value, inside in merges[0].maps:
            self._count(len(value), merges[0].key)
            for key, item in value.items():
                if key not in fields:
                    fields[key] = item
                    spots[key] = inside[key]
        return fields, spots

    def _key(self, event: Event, depth: int) -> str | None:
        known = len(self.problems)
        key = self._node(event, depth)[0]
        if isinstance(key, str):
            return sys.intern(key)
        if len(self.problems) == known:
            self._report_key(event, key)
        return None

    def _report_key(self, event: Event, key: Value) -> None:
        if isinstance(key, dict | list):
            message = f"a key is a string, not a {'map' if isinstance(key, dict) else 'list'}"
            hint = "put text that begins with `{` or `[` in quotes"
        elif isinstance(event, ScalarEvent) and event.value:
            message = f"a key is a string, and {event.value} without quotes is not"
            hint = f'quote it: "{event.value}"'
        else:
            message, hint = "the key is missing", "write a key before the colon"
        self._report("key-not-a-string", message, _at(event), hint)

    def _duplicate(self, key: str, event: Event, first: Span) -> None:
        shown = key if len(key) <= 80 else f"{key[:77]}…"
        message = f"the key {shown!r} is given twice: it is first given at {self._source.place(first.key)}"
        self._report("duplicate-key", message, _at(event), "keep one of them, or rename one")

    def _tag(self, event: NodeEvent, tag: str) -> None:
        # The event begins at its anchor, where it has one.
        at = self._source.text.find("!", _at(event))
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        hint = "remove it; put the value in quotes if `!` is part of it, or to make it a string"
        self._report("yaml-tag", f"tags such as {shown} are not supported", at, hint)

    def _alias(self, event: AliasEvent, depth: int) -> _Node:
        name = event.anchor or ""
        anchored = self._anchors.get(name)
        if anchored is None:
            self._report_alias(name, event)
            return None, _at(event), None
        self._count(anchored.size.weight, event)
        if depth + anchored.size.height > MAX_DEPTH:
            message = f"with this alias, more than {MAX_DEPTH} lists and maps stand inside one another"
            self._stop("too-deep", message, event, "flatten it")
        value, _, inside = anchored.node
        return value, _at(event), inside

    def _count(self, values: int, event: Event) -> None:
        """Count values that an alias or a merge adds; raises InvalidInput where they are too many."""
        self._expanded += values
        if self._expanded > MAX_EXPANSION:
            message = f"the file's aliases expand to more than {MAX_EXPANSION:,} values"
            self._stop("alias-bomb", message, event, "use fewer aliases inside one another")

    def _report_alias(self, name: str, event: AliasEvent) -> None:
        if name in self._anchors:
            self._report("alias-cycle", f"the alias *{name} stands inside its own anchor", _at(event), "remove it")
            return
        hint = "put the value in quotes, if `*` is part of it; an anchor comes before its aliases"
        self._report("undefined-alias", f"there is no anchor &{name} before this alias", _at(event), hint)

    def _close(self, anchor: str, node: _Node) -> None:
        size = self._measure(node[0])
        if isinstance(node[0], dict | list):
            self._sizes[id(node[0])] = size
        self._anchors[anchor] = _Anchored(node, size)

    def _measure(self, value: Value) -> _Size:
        """Return the expanded size of a value; anchored values are already measured, so this is linear."""
        if isinstance(value, str):
            return _Size(value, 1 + len(value) // 16, 0)
        if not isinstance(value, dict | list):
            return _Size(value, 1, 0)
        if id(value) in self._sizes:
            return self._sizes[id(value)]
        items = [*value, *value.values()] if isinstance(value, dict) else value
        sizes = [self._measure(item) for item in items]
        weight = 1 + sum(size.weight for size in sizes)
        return _Size(value, weight, 1 + max((size.height for size in sizes), default=0))

    def _report(self, code: str, message: str, at: int, hint: str) -> None:
        self.problems.append(self._source.problem(code, message, at, hint))

    def _stop(self, code: str, message: str, event: Event, hint: str) -> NoReturn:
        self._report(code, message, _at(event), hint)
        raise InvalidInput(tuple(self.problems))


def parser(text: str) -> CParser:
    try:
        from yaml._yaml import CParser
    except ImportError:
        hint = "install it as a wheel: pip install --force-reinstall --only-binary :all: pyyaml"
        raise AtpubError("PyYAML is installed without libyaml", hint=hint) from None
    return CParser(text)


def _is_merge_key(event: Event) -> bool:
    """Return whether a key is `<<` without quotes (YAML 1.1: Merge Key Language-Independent Type)."""
    return isinstance(event, ScalarEvent) and event.value == "<<" and event.implicit[0]


def _at(event: Event) -> int:
    assert event.start_mark is not None, "libyaml marks every event"
    return event.start_mark.index
