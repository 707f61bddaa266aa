"""The records of a published dataset: one, or its parts in order, whichever of them is at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from atpub.atproto.syntax import AtUri, RecordPath, SyntaxViolation
from atpub.errors import InvalidRecord, Problem
from atpub.generated.dev.atpub import parts as lexicon
from atpub.generated.science.alt.dataset import entry
from atpub.storage.parts import read_links

V = TypeVar("V", bound=Mapping[str, Any])


def read_parts(uri: AtUri, value: V, read: Callable[[RecordPath], V]) -> list[tuple[AtUri, V]]:
    """Return the URI and the record of each part of the dataset that a record belongs to; raises InvalidRecord.

    `read` returns another record of the repository, or raises RecordNotFound. The authority of `uri` is a DID. Links to other repositories, or to records that do not link back, are wrong.
    """
    links = read_links(value)
    if isinstance(links, lexicon.Part):
        uri = _linked(uri, links.first)
        value = read(_path(uri))
        links = read_links(value)
    if isinstance(links, lexicon.Part):
        raise _broken(uri, "it lists no parts")
    found = [(uri, value)]
    for number, text in enumerate(links.parts if links else (), start=2):
        other = _linked(uri, text)
        part = read(_path(other))
        match read_links(part):
            case lexicon.Part(first=first, number=stated) if first == str(uri) and stated == number:
                found.append((other, part))
            case _:
                raise _broken(uri, f"its part {number}, {other}, does not say that it is")
    return found


def _linked(uri: AtUri, text: str) -> AtUri:
    """Return the URI of another part; raises InvalidRecord where it is of another repository or collection."""
    try:
        other = AtUri.parse(text)
    except SyntaxViolation as violation:
        raise _broken(uri, str(violation)) from None
    if other.authority != uri.authority or other.collection != entry.NSID or other.path is None:
        raise _broken(uri, f"{text} is not a dataset of the same repository")
    return other


def _path(uri: AtUri) -> RecordPath:
    assert uri.path is not None, uri
    return uri.path


def _broken(uri: AtUri, reason: str) -> InvalidRecord:
    hint = "the publisher can apply the dataset again"
    return InvalidRecord((Problem("broken-parts", f"the parts of {uri} do not fit together: {reason}", hint=hint),))
