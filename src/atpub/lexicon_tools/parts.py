"""The parts of a lexicon's JSON that have a type, each with its path, for rules to look at one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.lexicon.link import references
from atpub.atproto.lexicon.model import MAIN, Lexicon
from atpub.atproto.lexicon.violation import Path
from atpub.atproto.syntax import Nsid

METHODS: Final = ("query", "procedure", "subscription")
PRIMARY: Final = ("record", *METHODS)

CHILDREN: Final[Mapping[str, Mapping[str, str]]] = {  # by kind of part: the kinds of parts that its keys hold
    "array": {"items": ""},
    "body": {"schema": ""},
    "message": {"schema": ""},
    "procedure": {"parameters": "", "input": "body", "output": "body"},
    "query": {"parameters": "", "output": "body"},
    "record": {"record": "object"},
    "subscription": {"parameters": "", "message": "message"},
}
MAPS: Final = {"lexicon": "defs", "object": "properties", "params": "properties"}


class RuleMatch(NamedTuple):
    """Something to say about a part: a message, the keys from the part to the place, and a hint."""

    message: str
    steps: Path = ()
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Corpus:
    """All lexicons that are linted together: their names, and the definitions that they use."""

    nsids: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()

    @classmethod
    def of(cls, lexicons: Iterable[tuple[Lexicon, Json]]) -> Corpus:
        """Build the corpus of some lexicons and their JSON."""
        pairs = list(lexicons)
        nsids = frozenset(str(lexicon.id) for lexicon, _ in pairs)
        targets = {str(name) for lexicon, _ in pairs for _, name, _ in references(lexicon)}
        tokens = {name for lexicon, value in pairs for name in _tokens(lexicon.id, value)}
        return cls(nsids, frozenset(nsid.rpartition(".")[0] for nsid in nsids), frozenset(targets | tokens))


@dataclass(frozen=True, slots=True)
class LexiconPart:
    """An object in a lexicon's JSON with its kind: `lexicon`, a type of the language, `body` or `message`.

    The JSON is that of a valid lexicon: what a keyword holds has the type that the language gives it.
    """

    nsid: Nsid
    kind: str
    value: JsonObject = field(repr=False)
    path: Path = ()
    is_of_record: bool = False
    corpus: Corpus = field(default_factory=Corpus, repr=False)

    @property
    def name(self) -> str:
        """The name of a definition or field; empty for an item of an array and the lexicon itself."""
        return str(self.path[-1]) if self.is_definition or self.path[-2:-1] == ("properties",) else ""

    @property
    def is_definition(self) -> bool:
        """Whether the part is a definition, with a name of its own."""
        return len(self.path) == 2 and self.path[0] == "defs"

    @property
    def is_main(self) -> bool:
        """Whether the part is the main definition."""
        return self.path == ("defs", MAIN)

    def texts(self, key: str) -> list[str]:
        """Return the strings of a list; empty where it is absent."""
        found = self.value.get(key)
        return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []

    def number(self, key: str) -> int | None:
        """Return an integer; None where it is absent."""
        found = self.value.get(key)
        return found if isinstance(found, int) else None

    def fields(self) -> JsonObject:
        """Return the object that maps names to parts: definitions or properties."""
        found = self.value.get(MAPS.get(self.kind, ""))
        return found if isinstance(found, dict) else {}

    def parts(self) -> Iterator[LexiconPart]:
        """Yield this part and all parts in it, in the order of the file."""
        yield self
        for path, kind, value in self._children():
            inside = self.is_of_record or self.kind == "record"
            yield from LexiconPart(self.nsid, kind, value, (*self.path, *path), inside, self.corpus).parts()

    def _children(self) -> Iterator[tuple[Path, str, JsonObject]]:
        listed: list[tuple[Path, Json, str]] = [
            ((key,), self.value.get(key), kind) for key, kind in CHILDREN.get(self.kind, {}).items()
        ]
        holder = MAPS.get(self.kind, "")
        listed += [((holder, name), item, "") for name, item in self.fields().items()]
        for path, value, kind in listed:
            if isinstance(value, dict):
                yield path, kind or str(value.get("type")), value


def _tokens(nsid: Nsid, value: Json) -> Iterator[str]:
    """Yield the definitions that known values and enums of a lexicon name."""
    stack: list[Json] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        if isinstance(item, dict):
            stack.extend(item.values())
            for key in ("knownValues", "enum", "const", "default"):
                named = item.get(key)
                for text in named if isinstance(named, list) else [named]:
                    if isinstance(text, str) and "#" in text:
                        yield f"{nsid}{text}" if text.startswith("#") else text
