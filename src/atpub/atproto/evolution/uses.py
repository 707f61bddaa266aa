"""Where values of a definition are: in records, sent to servers, or sent by servers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from atpub.atproto.evolution.model import LexiconVersion, Use
from atpub.atproto.lexicon.link import references
from atpub.atproto.lexicon.model import MAIN, Lexicon, Name
from atpub.atproto.lexicon.violation import Path

_PARTS: Mapping[str, Use] = {
    "record": "record",
    "parameters": "input",
    "input": "input",
    "output": "output",
    "message": "output",
}


def find_uses(*versions: LexiconVersion) -> Mapping[Name, frozenset[Use]]:
    """Return the uses of definitions that records and methods of some versions refer to, near or far.

    A definition without a use may be in records of others.
    """
    links: defaultdict[Name, set[Name]] = defaultdict(set)
    found: defaultdict[Name, set[Use]] = defaultdict(set)
    waiting: list[tuple[Name, Use]] = []
    for lexicon in _lexicons(versions):
        for path, target, _ in references(lexicon):
            if use := _use_of(path):
                waiting.append((target, use))
            else:
                links[Name(lexicon.id, str(path[1]))].add(target)
    while waiting:
        name, use = waiting.pop()
        if use not in found[name]:
            found[name].add(use)
            waiting.extend((target, use) for target in links[name])
    return {name: frozenset(uses) for name, uses in found.items() if uses}


def _lexicons(versions: tuple[LexiconVersion, ...]) -> Iterator[Lexicon]:
    for version in versions:
        yield from version.lexicons.by_nsid.values()


def _use_of(path: Path) -> Use | None:
    """Return the use that a part of a record or method gives to what it refers to."""
    return _PARTS.get(str(path[2])) if path[1] == MAIN else None
