"""Several documents merged into one value, with the place of every part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from atpub.problems import Place, Problem
from atpub.text.document import Document
from atpub.text.spans import Part, Steps, Value

EXTENSION: Final = "x-"
"""What the keys begin with that are the user's own."""
ENVIRONMENTS: Final = "environments"
"""The key of the parts of a manifest that hold manifests themselves."""


@dataclass(frozen=True, slots=True)
class MergedDocument:
    """The merged value of several documents; if two contradict each other, the first one counts.

    `problems` holds the errors within and between the documents that leave the rest usable.
    """

    documents: tuple[Document, ...]
    sections: frozenset[str]
    value: dict[str, Value] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    moved: Mapping[Steps, Steps] = field(default_factory=dict[Steps, Steps], repr=False)
    """Where parts of the value stand in the documents, if that is elsewhere."""

    def owner(self, steps: Steps) -> Document:
        """Return the document that holds the value, or else its nearest parent."""
        return self._owner(self._origin(steps))

    def _owner(self, steps: Steps) -> Document:
        depth = 2 if steps and steps[0] in self.sections else 1
        for length in range(min(depth, len(steps)), 0, -1):
            found = _first_with(self.documents, steps[:length])
            if found is not None:
                return found
        return self.documents[0]

    def place(self, steps: Steps, *, of: Part = "value") -> Place:
        """Return the place of a value or its key in its own file, as `Document.place`."""
        steps = self._origin(steps)
        return self._owner(steps).place(steps, of=of)

    def _origin(self, steps: Steps) -> Steps:
        """Return the path of a part in its document."""
        for length in range(len(steps), 0, -1) if self.moved else ():
            if found := self.moved.get(steps[:length]):
                return (*found, *steps[length:])
        return steps


def merge(documents: Iterable[Document], sections: frozenset[str]) -> MergedDocument:
    """Merge documents (at least one): each address of a section may be given once, in any of them.

    Other top-level scalars may be repeated if they are equal; other maps and lists are given in one document.
    """
    merger = _Merger(tuple(documents), sections)
    assert merger.documents, "a bundle has a place even for what is missing"
    for document in merger.documents:
        merger.add(document)
    found = [problem for document in merger.documents for problem in document.problems]
    return MergedDocument(merger.documents, sections, merger.value, (*found, *merger.problems))


def without_extensions(value: dict[str, Value]) -> dict[str, Value]:
    """Leave out the keys that begin with `x-`, of a manifest and of the maps in its sections: they are the user's own.

    An entry of a section may itself have such a key.
    """
    return {key: _entries_without(section, key) for key, section in _own(value).items()}


def _entries_without(section: Value, name: str) -> Value:
    if not isinstance(section, dict):
        return section
    clean = without_extensions if name == ENVIRONMENTS else _own
    return {key: clean(entry) if isinstance(entry, dict) else entry for key, entry in section.items()}


def _own(value: dict[str, Value]) -> dict[str, Value]:
    return {key: item for key, item in value.items() if not key.startswith(EXTENSION)}


class _Merger:
    def __init__(self, documents: tuple[Document, ...], sections: frozenset[str]) -> None:
        self.documents = documents
        self.value: dict[str, Value] = {}
        self.problems: list[Problem] = []
        self._sections = sections

    def add(self, document: Document) -> None:
        if isinstance(document.value, dict):
            known = without_extensions(document.value) if EXTENSION in document.source.text else document.value
            for key, value in known.items():
                self._add_key(document, key, value)
        elif document.value is not None:
            hint = "begin with `atpub: 1` and `project: …`"
            self.problems.append(
                Problem("not-a-map", "a manifest is a map, with keys such as `datasets`", document.place(()), hint)
            )

    def _add_key(self, document: Document, key: str, value: Value) -> None:
        if key not in self.value:
            # A copy, because other documents add to it.
            self.value[key] = dict(value) if isinstance(value, dict) else value
        elif key in self._sections:
            self._add_section(document, key, value)
        elif _is_scalar(value) and _is_scalar(self.value[key]):
            if value != self.value[key] or type(value) is not type(self.value[key]):
                message = f"{key!r} has another value than at {self._first((key,))}"
                self._report("conflicting-key", message, document, (key,), "give it once, or the same in every file")
        else:
            self._given_twice(document, key)

    def _add_section(self, document: Document, key: str, value: Value) -> None:
        known = self.value[key]
        if known is None:
            self.value[key] = dict(value) if isinstance(value, dict) else value
        elif isinstance(known, dict) and isinstance(value, dict):
            for address, entry in value.items():
                self._add_entry(document, known, (key, address), entry)
        elif value is not None:
            self._given_twice(document, key)

    def _add_entry(self, document: Document, known: dict[str, Value], steps: tuple[str, str], entry: Value) -> None:
        section, address = steps
        if address not in known:
            known[address] = entry
            return
        message = f"'{section}/{address}' is given twice: it is first given at {self._first(steps)}"
        self._report("duplicate-entry", message, document, steps, "keep one of them, or rename one")

    def _given_twice(self, document: Document, key: str) -> None:
        message = f"{key!r} is given in two files: it is first given at {self._first((key,))}"
        self._report("duplicate-section", message, document, (key,), "give all of it in one file")

    def _first(self, steps: Steps) -> Place:
        first = _first_with(self.documents, steps)
        assert first is not None, steps
        return first.place(steps, of="key")

    def _report(self, code: str, message: str, document: Document, steps: Steps, hint: str) -> None:
        self.problems.append(Problem(code, message, document.place(steps, of="key"), hint))


def _first_with(documents: Iterable[Document], steps: Steps) -> Document | None:
    return next((document for document in documents if document.has(steps)), None)


def _is_scalar(value: Value) -> bool:
    return not isinstance(value, dict | list)
