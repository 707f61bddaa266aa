"""Which of many lexicons are wanted, by patterns of their NSIDs, and what those need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from atpub.atproto.lexicon.link import references
from atpub.atproto.lexicon.model import Lexicon
from atpub.atproto.syntax import Nsid


def select(lexicons: Mapping[Nsid, Lexicon], include: Sequence[str], exclude: Sequence[str]) -> frozenset[Nsid]:
    """Return the NSIDs that match a pattern of `include` (none: all) and none of `exclude`, with all references.

    In a pattern such as `org.lab.*`, the asterisk stands for any segments.
    """
    if not include and not exclude:
        return frozenset(lexicons)
    found = {nsid for nsid in lexicons if _matches(nsid, include or ("*",)) and not _matches(nsid, exclude)}
    waiting = list(found)
    while waiting:
        needed = {name.nsid for _, name, _ in references(lexicons[waiting.pop()])} & lexicons.keys()
        waiting.extend(needed - found)
        found |= needed
    return frozenset(found)


def idle(nsids: Iterable[Nsid], patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns that match nothing."""
    known = list(nsids)
    return tuple(pattern for pattern in patterns if not any(fnmatchcase(nsid, pattern) for nsid in known))


def _matches(nsid: Nsid, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(nsid, pattern) for pattern in patterns)
