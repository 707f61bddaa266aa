"""The identifiers of the AT Protocol: checked once where they come in, and typed from there on.

Each is a `str` (or a small value) that cannot be made from text that breaks its rule: `Nsid.parse(text)` gives
an `Nsid` or raises `SyntaxViolation`. Sources: the AT Protocol specification's pages on DID, Handle, NSID,
Record Key, TID, AT URI scheme, and the Data Model (CIDs).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple, Self

import libipld


class SyntaxViolation(ValueError):
    """The text is not an identifier of that kind; the message says which text and which kind."""


class _Identifier(str):
    """A string that matches `_PATTERN` and is at most `_LONGEST` characters."""

    __slots__ = ()
    _KIND = "identifier"
    _PATTERN = re.compile("")
    _LONGEST = 8192

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the text as this kind of identifier; raises SyntaxViolation."""
        if not cls.accepts(text):
            shown = text if len(text) <= 80 else f"{text[:77]}…"
            raise SyntaxViolation(f"{shown!r} is not a valid {cls._KIND}")
        return cls(text)

    @classmethod
    def accepts(cls, text: str) -> bool:
        """Whether the text keeps the rule."""
        return len(text) <= cls._LONGEST and cls._PATTERN.fullmatch(text) is not None

    @classmethod
    def rule(cls) -> tuple[re.Pattern[str], int]:
        """Return the pattern that the whole text must match, and the most characters that it may have."""
        return cls._PATTERN, cls._LONGEST


_DID = r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HANDLE = rf"(?:{_LABEL}\.)+[a-zA-Z](?:[a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?"
_NSID = rf"[a-zA-Z](?:[a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?(?:\.{_LABEL})+\.[a-zA-Z][a-zA-Z0-9]{{0,62}}"
_RKEY = r"(?!\.\.?\Z)[A-Za-z0-9._:~-]{1,512}"


class Did(_Identifier):
    """A decentralised identifier, such as `did:plc:ewvi7nxzyoun6zhxrhs64oiz` (DID page; at most 2,048 characters)."""

    __slots__ = ()
    _KIND = "DID"
    _PATTERN = re.compile(_DID)
    _LONGEST = 2048


class Handle(_Identifier):
    """A domain name that stands for an account, such as `lab.example` (Handle page; at most 253 characters)."""

    __slots__ = ()
    _KIND = "handle"
    _PATTERN = re.compile(_HANDLE)
    _LONGEST = 253


class Nsid(_Identifier):
    """The name of a lexicon, such as `science.alt.dataset.entry` (NSID page; at most 317 characters)."""

    __slots__ = ()
    _KIND = "NSID"
    _PATTERN = re.compile(_NSID)
    _LONGEST = 317

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts between the dots."""
        return tuple(self.split("."))

    @property
    def name(self) -> str:
        """The last segment."""
        return self.rpartition(".")[2]


class Rkey(_Identifier):
    """A record key: 1 to 512 of `A-Za-z0-9._:~-`, neither `.` nor `..` (Record Key page)."""

    __slots__ = ()
    _KIND = "record key"
    _PATTERN = re.compile(_RKEY)
    _LONGEST = 512


_TID_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"


class Tid(_Identifier):
    """A timestamp identifier: 13 characters that sort as time does (TID page)."""

    __slots__ = ()
    _KIND = "TID"
    _PATTERN = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
    _LONGEST = 13

    @classmethod
    def of(cls, microseconds: int, clock_id: int = 0) -> Self:
        """Return the TID of a time in microseconds since 1970 and a 10-bit clock identifier."""
        number = (microseconds << 10) | clock_id
        return cls("".join(_TID_ALPHABET[(number >> shift) & 31] for shift in range(60, -1, -5)))

    @property
    def microseconds(self) -> int:
        """The time that the TID carries, in microseconds since 1970."""
        number = 0
        for character in self:
            number = number << 5 | _TID_ALPHABET.index(character)
        return number >> 10


_YEAR_2001 = 978_307_200_000_000 << 10
_YEAR_2021 = 1_609_459_200_000_000 << 10


def deterministic_tid(collection: str, id: str) -> Tid:
    """Return the TID that a name always gets: SHA-256 of (collection, id) mapped into the years 2001 to 2020.

    A lost reply or a second job that publishes the same name meets the same record, never makes another.
    """
    digest = sha256(f"{collection}\0{id}".encode()).digest()
    number = _YEAR_2001 + int.from_bytes(digest[:16], "big") % (_YEAR_2021 - _YEAR_2001)
    return Tid.of(number >> 10, number & 1023)


DAG_CBOR = 0x71
RAW = 0x55
_RECORD_CID = bytes((1, DAG_CBOR, 0x12, 0x20))  # then the digest


class Cid(_Identifier):
    """A content identifier: CIDv1, base32, SHA-256, codec dag-cbor or raw (Data Model page)."""

    __slots__ = ()
    _KIND = "CID"
    _PATTERN = re.compile(r"baf[ky]rei[a-h][a-z2-7]{50}[aeimquy4]")
    _LONGEST = 59

    @classmethod
    def of_digest(cls, digest: bytes, codec: int) -> Self:
        """Return the CID of a 32-byte SHA-256 digest."""
        return cls.of_bytes(bytes((1, codec, 0x12, 0x20)) + digest)

    @classmethod
    def of_block(cls, block: bytes) -> Self:
        """Return the CID of a DAG-CBOR block: a record, an MST node or a commit."""
        return cls(libipld.encode_multibase("b", _RECORD_CID + sha256(block).digest()))

    @classmethod
    def of_bytes(cls, raw: bytes) -> Self:
        """Return the CID in its binary form (36 bytes), as text."""
        return cls(libipld.encode_multibase("b", raw))

    def __bytes__(self) -> bytes:
        return libipld.decode_multibase(self)[1]

    @property
    def sha256(self) -> str:
        """The SHA-256 of the content, in lower-case hexadecimal."""
        return bytes(self)[-32:].hex()


class RecordPath(NamedTuple):
    """Where a record stands in its repository."""

    collection: Nsid
    rkey: Rkey

    @classmethod
    def parse(cls, text: str) -> RecordPath:
        """Return the path in `collection/rkey`; raises SyntaxViolation."""
        collection, _, rkey = text.partition("/")
        return cls(Nsid.parse(collection), Rkey.parse(rkey))

    def __str__(self) -> str:
        return f"{self.collection}/{self.rkey}"


# Text that this matches is an AT URI, if no part of it is longer than the shortest of their limits.
_AT_URI = re.compile(rf"at://(?:{_DID}|{_HANDLE})(?:/{_NSID}(?:/{_RKEY})?)?")
_SHORT = 253


@dataclass(frozen=True, slots=True, order=True)
class AtUri:
    """The address of a repository, a collection or a record: `at://authority[/collection[/rkey]]` (AT URI page)."""

    authority: Did | Handle
    collection: Nsid | None = None
    rkey: Rkey | None = None

    @classmethod
    def parse(cls, text: str) -> AtUri:
        """Return the parts of an AT URI without query or fragment; raises SyntaxViolation."""
        scheme, _, rest = text.partition("at://")
        authority, *path = rest.split("/")
        try:
            if scheme or len(text) > 8192 or len(path) > 2:
                raise SyntaxViolation(text)
            return cls(
                parse_at_identifier(authority),
                Nsid.parse(path[0]) if path else None,
                Rkey.parse(path[1]) if len(path) == 2 else None,
            )
        except SyntaxViolation:
            raise SyntaxViolation(f"{text[:200]!r} is not a valid AT URI") from None

    @classmethod
    def accepts(cls, text: str) -> bool:
        """Whether the text is an AT URI, as `parse` has it, and sooner."""
        if len(text) <= _SHORT:
            return _AT_URI.fullmatch(text) is not None
        try:
            cls.parse(text)
        except SyntaxViolation:
            return False
        return True

    @classmethod
    def of(cls, authority: Did | Handle, path: RecordPath) -> AtUri:
        """Return the URI of a record."""
        return cls(authority, path.collection, path.rkey)

    @property
    def path(self) -> RecordPath | None:
        """Collection and rkey, where the URI names a record."""
        return RecordPath(self.collection, self.rkey) if self.collection and self.rkey else None

    def __str__(self) -> str:
        return "/".join(["at:/", *(part for part in (self.authority, self.collection, self.rkey) if part)])


def parse_at_identifier(text: str) -> Did | Handle:
    """Return a DID or a handle; raises SyntaxViolation."""
    return Did.parse(text) if text.startswith("did:") else Handle.parse(text)
