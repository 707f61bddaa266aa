"""Links and file names made of records' texts: only web addresses become links, and only plain letters names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from atpub.atproto.syntax import AtUri
from atpub.engine.desired.licenses import COMMON, check_license
from atpub.report.escape import UNSAFE

_WEB: Final = re.compile(r"https?://[^\s\"'<>\\^`{|}@/?#]+(?:[/?#][^\s\"'<>\\^`{|}]*)?", re.IGNORECASE)
_AT: Final = re.compile(r"at://[A-Za-z0-9._:%-]+(?:/[A-Za-z0-9._~:@!$&()*+,;=%-]+){0,2}")
_OTHERS: Final = re.compile(r"[^A-Za-z0-9_-]+")
_DEVICE: Final = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)  # no file's name on Windows
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9.-]+")
_LICENSE_WORD: Final = re.compile(r"([A-Za-z0-9.+-]+)")
_UNLISTED: Final = ("LicenseRef-", "DocumentRef-")
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


def spdx_id(license: str) -> str | None:
    """Return a license that is one identifier of SPDX's list; None for expressions, URLs and other texts."""
    is_one = _IDENTIFIER.fullmatch(license) and not license.startswith(_UNLISTED)
    return license if is_one and (license in COMMON or check_license(license) is None) else None


def license_url(license: str) -> str | None:
    """Return the web address of a license: itself, or that of its SPDX identifier."""
    return web_url(license) or (_spdx_url(license) if spdx_id(license) else None)


def _spdx_url(identifier: str) -> str:
    return f"https://spdx.org/licenses/{identifier}.html"


def license_links(text: str) -> Iterator[TextLink]:
    """Yield a licence in pieces: each SPDX identifier of a valid expression links to its page."""
    if "://" in text or check_license(text) is not None:
        yield link(text)
        return
    for piece in filter(None, _LICENSE_WORD.split(text)):
        is_name = _LICENSE_WORD.fullmatch(piece) and piece.lower() not in _OPERATORS
        is_listed = is_name and not piece.startswith(_UNLISTED)
        yield TextLink(piece, _spdx_url(piece.removesuffix("+")) if is_listed else None)


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
