"""YAML text → plain data, with the place of every part of it, or every problem found."""

from __future__ import annotations

from dataclasses import dataclass, field

from atpub.errors import Place, Problem
from atpub.text.source import Source
from atpub.text.spans import Part, Span, Steps, Value, child


@dataclass(frozen=True, slots=True)
class Document:
    """One file's value, to be treated as immutable: what several aliases name is shared.

    `problems` is what is wrong although the rest can be used: duplicate keys (the first one counts), tags,
    keys that are not strings, merge keys and aliases of nothing (all left out).
    """

    source: Source
    value: Value = field(repr=False)
    spot: Span = field(repr=False)
    problems: tuple[Problem, ...] = ()

    @property
    def file(self) -> str:
        """The file's name as the user gave it."""
        return self.source.file

    def has(self, steps: Steps) -> bool:
        """Whether the file gives a value there."""
        return self._reach(steps)[1]

    def offset(self, steps: Steps, *, of: Part = "value") -> int:
        """As `place`, in characters from the start of the text."""
        spot, found = self._reach(steps)
        return spot.at if found and of == "value" else spot.key

    def place(self, steps: Steps, *, of: Part = "value") -> Place:
        """The place of a value or of its key; where there is no such value, that of the nearest parent's key.

        A key is the better place for what is missing: the value of a block map begins at its first field. An item of
        a list and the document itself have no key, so that the value's place is given.
        """
        return self.source.place(self.offset(steps, of=of))

    def _reach(self, steps: Steps) -> tuple[Span, bool]:
        spot = self.spot
        for step in steps:
            inner = child(spot.inside, step)
            if inner is None:
                return spot, False
            spot = inner
        return spot, True


def parse(text: str, file: str) -> Document:
    """The document in YAML text; raises InvalidInput where the text cannot be read to its end."""
    return parse_source(Source(file, text.removeprefix("\ufeff")))


def parse_source(source: Source) -> Document:
    """The document in a file that was read; raises InvalidInput where the text cannot be read to its end."""
    from atpub.text.yaml_document import compose  # a program that reads JSON alone has no use for YAML's parser

    composed = compose(source)
    return Document(source, composed.value, composed.spot, composed.problems)
