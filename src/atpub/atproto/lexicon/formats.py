"""The string formats of the Lexicon language (specification: Lexicon, String Formats), each as a test on text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import Final

from atpub.atproto.syntax import AtUri, Did, Handle, Nsid, Rkey, Tid

_CID = re.compile(r"(?!Qm)[a-zA-Z0-9+=]{8,256}")
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,80}:[!-~]+")
DATETIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(?P<zone>Z|(?!-00:00)[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_USUAL_DATETIME = re.compile(  # of a day that every month has
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z", re.ASCII
)
_USUAL_AT_URI = re.compile(  # of a DID in plain characters, and an NSID without hyphens; nothing to try twice
    r"at://did:[a-z]++:[a-zA-Z0-9._-]++"
    r"(?:/[a-zA-Z][a-zA-Z0-9]{0,62}+(?:\.[a-zA-Z][a-zA-Z0-9]{0,62}+){2,}+(?:/[a-zA-Z0-9_:~-][a-zA-Z0-9._:~-]*+)?)?"
)
LANGUAGE = re.compile(
    r"[a-z]{2,3}(?i:(?:-[a-z]{3}){0,3}"  # language, with up to three extlangs
    r"(?:-[a-z]{4})?"  # script
    r"(?:-(?:[a-z]{2}|\d{3}))?"  # region
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*)"
    r"(?P<extensions>(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*)"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?)"  # private use
    r"|(?i:x(?:-[a-z0-9]{1,8})+"
    r"|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)"  # irregular, grandfathered
    r"|en-gb-oed|sgn-be-fr|sgn-be-nl|sgn-ch-de)",
    re.ASCII,
)


def is_at_identifier(text: str) -> bool:
    """Whether the text is a DID or a handle."""
    return Did.accepts(text) if text.startswith("did:") else Handle.accepts(text)


def is_cid(text: str) -> bool:
    """Whether the text can be a CID in any of its forms but the oldest (version 0)."""
    return _CID.fullmatch(text) is not None


def is_datetime(text: str) -> bool:
    """Whether the text is a time that RFC 3339, ISO 8601 and WHATWG HTML all accept, and that exists.

    A leap second does not, nor a time that is before the year 0000 in UTC.
    """
    if _USUAL_DATETIME.fullmatch(text):
        return True
    match = DATETIME.fullmatch(text)
    if match is None:
        return False
    year, month, day = map(int, match.groups()[:3])
    try:
        date(year or 2000, month, day)  # the year 0000 is legal, was a leap year, and is unknown to Python
    except ValueError:
        return False
    return text[:10] != "0000-01-01" or _minutes(text[11:16]) >= _offset(match["zone"])


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _offset(zone: str) -> int:
    """Return the minutes by which a time zone is ahead of UTC; 0 for one that is not."""
    return _minutes(zone[1:]) if zone[0] == "+" else 0


def is_uri(text: str) -> bool:
    """Whether the text is a URI of any scheme, of at most 8 KiB (RFC 3986, generously, but in ASCII)."""
    return len(text) <= 8192 and _URI.fullmatch(text) is not None


@lru_cache(512)  # the same few tags come again and again
def is_language(text: str) -> bool:
    """Whether the text is a BCP 47 language tag: well-formed, its language in lower case, nothing in it twice."""
    match = LANGUAGE.fullmatch(text)
    if match is None:
        return False
    variants = (match["variants"] or "").lower().split("-")
    singletons = [part for part in (match["extensions"] or "").lower().split("-") if len(part) == 1]
    return len(variants) == len({*variants}) and len(singletons) == len({*singletons})


FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "at-identifier": is_at_identifier,
    "at-uri": AtUri.accepts,
    "cid": is_cid,
    "datetime": is_datetime,
    "did": Did.accepts,
    "handle": Handle.accepts,
    "language": is_language,
    "nsid": Nsid.accepts,
    "record-key": Rkey.accepts,
    "tid": Tid.accepts,
    "uri": is_uri,
}

USUAL: Final[Mapping[str, tuple[re.Pattern[str], int]]] = {
    "at-identifier": (re.compile(f"{Did.rule()[0].pattern}|{Handle.rule()[0].pattern}"), 253),
    "at-uri": (_USUAL_AT_URI, 253),
    "cid": (_CID, 256),
    "datetime": (_USUAL_DATETIME, 64),
    "did": Did.rule(),
    "handle": Handle.rule(),
    "language": (re.compile("[a-z]{2}"), 2),
    "nsid": Nsid.rule(),
    "record-key": Rkey.rule(),
    "tid": Tid.rule(),
    "uri": (_URI, 8192),
}
"""For each format, a pattern and a length: a text no longer than that which matches has the format."""


def graphemes(text: str) -> int:
    """How many grapheme clusters the text has (UAX #29)."""
    if text.isascii():
        return len(text) - text.count("\r\n")
    import regex  # costs 10 ms, and most texts are ASCII or need no counting

    return len(regex.findall(r"\X", text))


def is_unicode(text: str) -> bool:
    """Whether the text has no half of a surrogate pair."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def utf8_length(text: str) -> int:
    """How many bytes the text has in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def valid_key(key: str, rkey: str) -> bool:
    """Whether a record key fits a lexicon's key type (specification: Record Key)."""
    kind, _, literal = key.partition(":")
    if kind == "literal":
        return rkey == literal
    return FORMATS[kind if kind in ("tid", "nsid") else "record-key"](rkey)
