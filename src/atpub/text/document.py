"""YAML parsed to plain data, with the place of every part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from atpub.problems import Place, Problem
from atpub.text.source import Source
from atpub.text.spans import Part, Span, Steps, Value, child


@dataclass(frozen=True, slots=True)
class Document:
    """A file's value, to be treated as immutable: aliases of a node share its value.

    `problems` holds the errors that leave the rest usable: duplicate keys (the first one counts), tags, keys that
    are not strings, merge keys of what is no map and undefined aliases (all left out). `find_spot` returns the span of
    the whole value: most runs report no place, and do not need the spans. A merged field stands where it is written.
    """

    source: Source
    value: Value = field(repr=False)
    find_spot: Callable[[], Span] = field(repr=False, compare=False)
    problems: tuple[Problem, ...] = ()

    @property
    def file(self) -> str:
        """The file's name as the user gave it."""
        return self.source.file

    def has(self, steps: Steps) -> bool:
        """Tell whether the file has a value at a path."""
        return self._reach(steps)[1]

    def offset(self, steps: Steps, *, of: Part = "value") -> int:
        """Return the place as a number of characters from the start of the text."""
        spot, found = self._reach(steps)
        return spot.at if found and of == "value" else spot.key

    def place(self, steps: Steps, *, of: Part = "value") -> Place:
        """Return the place of a value or its key; if there is no such value, that of the nearest parent's key.

        A key is the better place for what is missing: the value of a block map begins at its first field. An item of
        a list and the document itself have no key, so that the value's place is given.
        """
        return self.source.place(self.offset(steps, of=of))

    def _reach(self, steps: Steps) -> tuple[Span, bool]:
        spot = self.find_spot()
        for step in steps:
            inner = child(spot.inside, step)
            if inner is None:
                return spot, False
            spot = inner
        return spot, True


def parse(text: str, file: str) -> Document:
    """Parse YAML text; raises InvalidInput if the text cannot be read to its end."""
    return parse_source(Source(file, text.removeprefix("\ufeff")))


def parse_source(source: Source) -> Document:
    """Parse a YAML source; raises InvalidInput if the text cannot be read to its end."""
    from atpub.text.yaml_document import compose  # programs that read only JSON do not load the YAML parser
    from atpub.text.yaml_values import NotPlain, read_value

    try:
        value = read_value(source)
    except NotPlain:
        composed = compose(source)
        return Document(source, composed.value, lambda: composed.spot, composed.problems)
    return Document(source, value, cache(lambda: compose(source).spot))
