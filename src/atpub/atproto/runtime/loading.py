"""The checks of generated classes on JSON, and the loading of links, bytes and blobs.

Each function raises Mismatch, or returns False, exactly where the validator finds a violation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, final

from atpub.atproto import data as _data
from atpub.atproto.data import DEEPEST, DEEPEST_UNKNOWN, INTEGER_MAX, INTEGER_MIN, Blob, NotInDataModel
from atpub.atproto.lexicon.formats import FORMATS, USUAL, graphemes, is_unicode, utf8_length
from atpub.atproto.mime_types import accepts
from atpub.atproto.syntax import Cid

Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]

_DEFINED: Final = frozenset(("$type", "$link", "$bytes"))
"""The keys of the objects that the data model defines."""


class Mismatch(Exception):
    """The value breaks its lexicon; `from_json` reports how."""


@final
class CidLink(str):
    """A CID that stands for a link: in JSON `{"$link": cid}`, where plain text would be a string."""

    __slots__ = ()


@final
@dataclass(frozen=True, slots=True)
class LegacyBlob(Blob):
    """A blob in the form that blobs had before they had a `$type`, of unknown size (0); only reading makes one."""

    def to_json(self) -> _data.JsonObject:
        """Return the blob as it was read, so that its record keeps its CID."""
        return {"cid": self.cid, "mimeType": self.mime_type}


def type_of(data: Json) -> str:
    """Return the `$type` of a union's member; empty where there is none."""
    found = data.get("$type") if data.__class__ is dict else None
    return found if isinstance(found, str) else ""


def is_text(value: Json) -> bool:
    """Return whether the value is a string of whole Unicode characters."""
    return isinstance(value, str) and (value.isascii() or is_unicode(value))


def fits(
    text: str,
    max_length: int = INTEGER_MAX,
    max_graphemes: int = INTEGER_MAX,
    min_length: int = 0,
    min_graphemes: int = 0,
) -> bool:
    """Return whether the text is Unicode and within its limits, in bytes of UTF-8 and in graphemes."""
    if not is_unicode(text) or not min_length <= utf8_length(text) <= max_length:
        return False
    if not min_graphemes and len(text) <= max_graphemes:  # no text has more graphemes than characters
        return True
    return min_graphemes <= graphemes(text) <= max_graphemes


def load_text(value: Json, max_length: int = INTEGER_MAX) -> str:
    """Return the text, if it is Unicode of at most so many bytes; raises Mismatch."""
    if value.__class__ is str and (len(value) <= max_length if value.isascii() else fits(value, max_length)):
        return value
    raise Mismatch


def load_limited_text(
    value: Json,
    max_length: int = INTEGER_MAX,
    max_graphemes: int = INTEGER_MAX,
    min_length: int = 0,
    min_graphemes: int = 0,
) -> str:
    """Return the text, if it is Unicode and within all its limits; raises Mismatch."""
    if value.__class__ is str:
        usual = value.isascii() and not min_graphemes and min_length <= len(value)
        if (usual and len(value) <= max_length and len(value) <= max_graphemes) or fits(
            value, max_length, max_graphemes, min_length, min_graphemes
        ):
            return value
    raise Mismatch


def is_integer(value: Json) -> bool:
    """Return whether the value is an integer, and no boolean."""
    return value.__class__ is int


def is_data(value: Json) -> bool:
    """Return whether the value obeys the data model, at every depth."""
    if _is_plain(value):
        return True
    from atpub.atproto.lexicon.validate import data_model  # most values are plain

    return not any(data_model(value))


def _is_plain(value: Json, left: int = DEEPEST_UNKNOWN) -> bool:
    """Return whether the value obeys the data model, and holds nothing that the data model defines."""
    kind = value.__class__
    if kind is str:
        return value.isascii() or is_unicode(value)
    if kind is dict:
        if not left or not _DEFINED.isdisjoint(value):
            return False
        return all(name.__class__ is str and _is_plain(name) for name in value) and all(
            _is_plain(part, left - 1) for part in value.values()
        )
    if kind is list:
        return left > 0 and all(_is_plain(part, left - 1) for part in value)
    return value is None or kind is bool or (kind is int and INTEGER_MIN <= value <= INTEGER_MAX)


def is_special(value: JsonObject) -> bool:
    """Return whether the object is a link, a byte string or a blob, and so no other kind of object."""
    return "$link" in value or "$bytes" in value or value.get("$type") == "blob"


def is_deep(value: Json, left: int = DEEPEST - 1) -> bool:
    """Return whether lists and objects are nested more deeply than a record allows."""
    kind = value.__class__
    if kind is not dict and kind is not list:
        return False
    for part in value.values() if kind is dict else value:
        kind = part.__class__
        if (kind is dict or kind is list) and (not left or is_deep(part, left - 1)):
            return True
    return False


def exact(value: Json) -> Json:
    """Convert subclasses of JSON's types and whole floats, which generated code does not accept."""
    found: Any = value
    if isinstance(value, dict):
        return {exact(name): exact(part) for name, part in found.items()}
    if isinstance(value, list):
        return [exact(part) for part in found]
    if isinstance(value, str):
        return str(value)
    number = _data.whole(value)
    return value if number is None else number


class TextLoader(Protocol):
    """A function that returns a text in a format, of at most so many bytes, and raises Mismatch for any other value."""

    def __call__(self, value: Json, max_length: int = INTEGER_MAX, /) -> str:
        """Return the text."""
        ...


def _text_loader(name: str) -> TextLoader:
    """Return a function that returns a text in the format, and raises Mismatch for any other value."""
    pattern, longest = USUAL[name]
    is_usual, is_valid = pattern.fullmatch, FORMATS[name]

    def load(value: Json, max_length: int = INTEGER_MAX) -> str:
        if (
            value.__class__ is str
            and ((len(value) <= longest and is_usual(value)) or is_valid(value))
            and len(value) <= max_length  # every format is one of ASCII characters
        ):
            return value
        raise Mismatch

    return load


load_at_identifier: Final = _text_loader("at-identifier")
load_at_uri: Final = _text_loader("at-uri")
load_cid: Final = _text_loader("cid")
load_datetime: Final = _text_loader("datetime")
load_did: Final = _text_loader("did")
load_handle: Final = _text_loader("handle")
load_language: Final = _text_loader("language")
load_nsid: Final = _text_loader("nsid")
load_record_key: Final = _text_loader("record-key")
load_tid: Final = _text_loader("tid")
load_uri: Final = _text_loader("uri")


def load_link(value: Json) -> CidLink:
    """Load the link in JSON; raises Mismatch."""
    match value:
        case {"$link": str(cid), **rest} if not rest:
            try:
                _data.link_bytes(cid)
            except NotInDataModel:
                raise Mismatch from None
            return CidLink(cid)
        case _:
            raise Mismatch


def link_json(link: CidLink) -> JsonObject:
    """Return a link as JSON."""
    return {"$link": str(link)}


def load_bytes(value: Json, low: int = 0, high: int = INTEGER_MAX) -> bytes:
    """Load the byte string in JSON, of low to high bytes; raises Mismatch."""
    match value:
        case {"$bytes": str(text), **rest} if not rest:
            try:
                raw = _data.bytes_value(text)
            except NotInDataModel:
                raise Mismatch from None
            if low <= len(raw) <= high and not _data.looks_like_link(raw):
                return raw
        case _:
            pass
    raise Mismatch


bytes_json = _data.bytes_json


def load_blob(value: Json, accept: tuple[str, ...] = (), max_size: int = INTEGER_MAX) -> Blob:
    """Load the blob in JSON, of an accepted type and size; raises Mismatch."""
    blob = _blob(value) if value.__class__ is dict else None
    if blob is None or blob.size > max_size or not accepts(accept, blob.mime_type):
        raise Mismatch
    return blob


def _blob(value: JsonObject) -> Blob | None:
    mime_type: Any = value.get("mimeType")
    if mime_type.__class__ is not str or not mime_type:
        return None
    if value.get("$type") != "blob":
        return _legacy_blob(value, mime_type)
    ref: Any = value.get("ref")
    size: Any = value.get("size")
    if len(value) != 4 or size.__class__ is not int or size < 1 or ref.__class__ is not dict or len(ref) != 1:
        return None
    cid: Any = ref.get("$link")
    return Blob(Cid(cid), mime_type, size) if cid.__class__ is str and _data.is_blob_cid(cid) else None


def _legacy_blob(value: JsonObject, mime_type: str) -> Blob | None:
    cid: Any = value.get("cid")
    if len(value) != 2 or cid.__class__ is not str or not Cid.accepts(cid):
        return None
    return LegacyBlob(Cid(cid), mime_type, 0)


def load_any(value: Json) -> Json:
    """Return the value if it obeys the data model; raises Mismatch."""
    if not is_data(value):
        raise Mismatch
    return value


def load_unknown(value: Json) -> JsonObject:
    """Return the value if it is an object of any fields; raises Mismatch."""
    if value.__class__ is not dict or is_special(value) or not is_data(value):
        raise Mismatch
    found: JsonObject = value
    return found
