"""Keys for entries: readable, unique, and the same each time the same records are imported."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import Final

from atpub.atproto.syntax import RecordPath

_LONGEST: Final = 80
_OTHER: Final = re.compile(r"[^A-Za-z0-9._-]+")


def slug(text: str) -> str:
    """Return text as a key: ASCII in lower case, other characters replaced by `-`; may be empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _trim(re.sub(r"[^a-z0-9._]+", "-", plain))


def key_of(text: str) -> str:
    """Return an identifier, such as a record key, as a key: only characters that a key cannot hold are replaced."""
    return _trim(_OTHER.sub("-", text), 256)


def _trim(text: str, longest: int = _LONGEST) -> str:
    return text.lstrip("._-")[:longest].rstrip("-._")


def choose_keys(candidates: Mapping[RecordPath, Sequence[str]], taken: Set[str]) -> Mapping[RecordPath, str]:
    """Choose for each record its first candidate that is free and that no other record would choose.

    Records that would get the same one all move on to their next, so that no key depends on which comes first.
    """
    keys: dict[RecordPath, str] = {}
    left = {path: [name for name in names if name] for path, names in sorted(candidates.items())}
    while any(left.values()):
        used = {*taken, *keys.values()}
        count = Counter(names[0] for names in left.values() if names)
        for path, names in left.items():
            if names and count[names[0]] == 1 and names[0] not in used:
                keys[path] = names[0]
        left = {path: names[1:] for path, names in left.items() if path not in keys}
    for path in left:  # none of their candidates is free
        keys[path] = _number(path.collection.name, {*taken, *keys.values()})
    return keys


def _number(name: str, used: Set[str]) -> str:
    number = 1
    while f"{name}-{number}" in used:
        number += 1
    return f"{name}-{number}"
