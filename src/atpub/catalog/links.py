"""Links and file names made of records' texts: only web addresses become links, and only plain letters names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from atpub.atproto.syntax import AtUri
from atpub.engine.desired.licenses import check_license
from atpub.report.escape import UNSAFE

_WEB: Final = re.compile(r"https?://[^\s\"'<>\\^`{|}@/?#]+(?:[/?#][^\s\"'<>\\^`{|}]*)?", re.IGNORECASE)
_AT: Final = re.compile(r"at://[A-Za-z0-9._:%-]+(?:/[A-Za-z0-9._~:@!$&()*+,;=%-]+){0,2}")
_OTHERS: Final = re.compile(r"[^A-Za-z0-9_-]+")
_DEVICE: Final = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)  # no file's name on Windows
_LICENSE_WORD: Final = re.compile(r"([A-Za-z0-9.+-]+)")
_OPERATORS: Final = frozenset({"and", "or", "with"})
_LONGEST_STEM: Final = 80


class TextLink(NamedTuple):
    """A text, and the address that it links to, if it does."""

    text: str
    url: str | None = None


def web_url(text: str) -> str | None:
    """Return an http(s) URL without user info; None for any other text."""
    return text if _WEB.fullmatch(text) and not UNSAFE.search(text) else None


def link(text: str) -> TextLink:
    """Return a text that is a web address or an AT URI as a link to it, and any other as it is."""
    return TextLink(text, text if _AT.fullmatch(text) else web_url(text))


def license_links(text: str) -> Iterator[TextLink]:
    """Yield a licence in pieces: each SPDX identifier of a valid expression links to its page."""
    if "://" in text or check_license(text) is not None:
        yield link(text)
        return
    for piece in filter(None, _LICENSE_WORD.split(text)):
        is_name = _LICENSE_WORD.fullmatch(piece) and piece.lower() not in _OPERATORS
        is_listed = is_name and not piece.startswith(("LicenseRef-", "DocumentRef-"))
        yield TextLink(piece, f"https://spdx.org/licenses/{piece.removesuffix('+')}.html" if is_listed else None)


def page_stems(uris: Sequence[AtUri]) -> list[str]:
    """Return the name of each dataset's files without extension: its record key, if no file system objects.

    A key with other characters, too long, or equal to another one where case is ignored, gets a digest of the URI.
    """
    plain = [_OTHERS.sub("-", uri.rkey or "")[:_LONGEST_STEM] for uri in uris]
    counts = Counter(stem.lower() for stem in plain)
    return [
        stem
        if stem == uri.rkey and counts[stem.lower()] == 1 and not _DEVICE.fullmatch(stem) and stem[0] != "-"
        else f"{stem.strip('-') or 'dataset'}-{sha256(str(uri).encode()).hexdigest()[:10]}"
        for stem, uri in zip(plain, uris, strict=True)
    ]
