"""The parts of a dataset: entries of consecutive shards, for a dataset of more shards than one record can hold.

Each part is a valid entry by itself. The first one has the dataset's own record key, and its contentMetadata lists the
others; their keys follow from the first one's, and their contentMetadata names it (lexicon dev.atpub.parts).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.runtime import member_json
from atpub.atproto.syntax import AtUri, Did, RecordPath, Rkey, SyntaxViolation, deterministic_tid
from atpub.errors import InvalidRecord
from atpub.generated.dev.atpub import parts as lexicon
from atpub.generated.science.alt.dataset import entry
from atpub.problems import Problem

KEY: Final = lexicon.NSID
"""The key of the links in an entry's contentMetadata."""
Links: TypeAlias = lexicon.Parts | lexicon.Part
V = TypeVar("V", bound=Mapping[str, Any])

_METADATA: Final = entry.Entry.WIRE["content_metadata"]
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """The position of a record in its dataset; `count` is 0 where the number of parts is unknown."""

    number: int = 1
    count: int = 1

    @property
    def is_whole(self) -> bool:
        """Whether the record is the only part."""
        return self == WHOLE

    def __str__(self) -> str:
        return f"part {self.number} of {self.count}" if self.count else f"part {self.number}"


WHOLE: Final = Part()
"""The only part of a dataset, and of any other entry."""


def part_path(first: RecordPath, number: int) -> RecordPath:
    """Return the path of a part. It follows from that of the first one, so that it is the same on every account."""
    if number == 1:
        return first
    return RecordPath(first.collection, Rkey(deterministic_tid(first.collection, f"{first.rkey}/part/{number}")))


def part_name(name: str, number: int) -> str:
    """Return the title of a part, shortened where the lexicon's limit requires it; the first has the dataset's."""
    if number == 1:
        return name
    suffix = f" (part {number})"
    return name.encode()[: _LONGEST_NAME - len(suffix)].decode(errors="ignore") + suffix


def part_links(did: Did, paths: Sequence[RecordPath], number: int, size: JsonObject | None) -> JsonObject:
    """Return the links in the part of a number; `paths` are those of all parts, `size` is the stated one of all."""
    first, *others = (str(AtUri.of(did, path)) for path in paths)
    if number > 1:
        return member_json(lexicon.Part(first=first, number=number))
    stated = entry.DatasetSize.load(size) if size else None
    return member_json(lexicon.Parts(parts=others, size=stated))


def read_links(value: Mapping[str, Any]) -> Links | None:
    """Return the links in an entry's record; None where it is the whole dataset. Raises InvalidRecord."""
    metadata: Json = value.get(_METADATA)
    found = metadata.get(KEY) if isinstance(metadata, dict) else None
    if found is None:
        return None
    is_part = isinstance(found, dict) and found.get("$type") == lexicon.Part.NSID
    return lexicon.Part.from_json(found) if is_part else lexicon.Parts.from_json(found)


def without_links(metadata: JsonObject) -> JsonObject:
    """Return an entry's contentMetadata as its publisher wrote it."""
    return {name: item for name, item in metadata.items() if name != KEY}


def read_parts(uri: AtUri, value: V, read: Callable[[RecordPath], V]) -> list[tuple[AtUri, V]]:
    """Return the URI and the record of each part of the dataset that a record belongs to; raises InvalidRecord.

    `read` returns another record of the repository, or raises RecordNotFound. The authority of `uri` is a DID. Links
    to other repositories, or to records that do not link back, are wrong.
    """
    links = read_links(value)
    if isinstance(links, lexicon.Part):
        uri = _parse_link(uri, links.first)
        value = read(_path(uri))
        links = read_links(value)
    if isinstance(links, lexicon.Part):
        raise _refuse(uri, "it lists no parts")
    found = [(uri, value)]
    for number, text in enumerate(links.parts if links else (), start=2):
        other = _parse_link(uri, text)
        part = read(_path(other))
        match read_links(part):
            case lexicon.Part(first=first, number=stated) if first == str(uri) and stated == number:
                found.append((other, part))
            case _:
                raise _refuse(uri, f"its part {number}, {other}, does not say that it is")
    return found


def total(counts: Sequence[int | None]) -> int | None:
    """Return the sum of the counts of parts or shards; None where one is not known, or there is none."""
    known = [count for count in counts if count is not None]
    return sum(known) if counts and len(known) == len(counts) else None


def _parse_link(uri: AtUri, text: str) -> AtUri:
    """Return the URI of another part; raises InvalidRecord where it is of another repository or collection."""
    try:
        other = AtUri.parse(text)
    except SyntaxViolation as violation:
        raise _refuse(uri, str(violation)) from None
    if other.authority != uri.authority or other.collection != entry.NSID or other.path is None:
        raise _refuse(uri, f"{text} is not a dataset of the same repository")
    return other


def _path(uri: AtUri) -> RecordPath:
    assert uri.path is not None, uri
    return uri.path


def _refuse(uri: AtUri, reason: str) -> InvalidRecord:
    hint = "the publisher can apply the dataset again"
    return InvalidRecord((Problem("broken-parts", f"the parts of {uri} do not fit together: {reason}", hint=hint),))
