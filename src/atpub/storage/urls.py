"""Checks that the URLs of all kinds of storage share. No message repeats a secret."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from atpub.errors import Problem

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?!\\)")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
_PASSWORD = re.compile(r"(?<=//)[^/?#]*@")
_SIGNED = re.compile(r"[?&](X-Amz-Signature|X-Goog-Signature)=[^&]*", re.IGNORECASE)
_LOCAL: Final = "list local files under `blobs:`"
_PUBLIC: Final = "records are public: give a URL that anyone can read without a secret"


def scheme_of(url: str) -> str | Problem:
    """Return the scheme of a shard's URL, in lower case.

    It is a problem if the URL has blanks or no scheme, or if only this machine can read it (`file:`, `pipe:`).
    """
    scheme = _SCHEME.match(url)
    if blank := _BLANK.search(url):
        message = f"{_redact(url)!r} has a blank or control character at character {blank.start() + 1}"
        return Problem("url-blank", message, hint="write it percent-encoded, as in %20")
    if scheme is None:
        return Problem("url-scheme", f"{url!r} is not a URL: it has no scheme, such as https://", hint=_LOCAL)
    if scheme[1].lower() in ("file", "pipe"):
        return Problem("url-scheme", f"{_redact(url)} can be read on this machine only", hint=_LOCAL)
    return scheme[1].lower()


def split_url(url: str, *, is_http: bool) -> SplitResult | Problem:
    """Return the parts of a URL; it is a problem if it holds a secret or a fragment, or if an HTTP URL has no host."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return Problem("url-invalid", f"{_redact(url)} is not a valid URL: {error}")
    if is_http and not parts.hostname:
        return no_host(url)
    if parts.password is not None or (is_http and parts.username is not None) or _SIGNED.search(url):
        return secret_in(url)
    if "#" in url:
        return Problem("url-fragment", f"{url} has a fragment, which no server sees", hint="write # as %23")
    return parts


def no_host(url: str) -> Problem:
    """Return the problem of a URL without a host or bucket."""
    return Problem("url-host", f"{_redact(url)} names no host or bucket", hint="the form is scheme://host/path")


def secret_in(url: str) -> Problem:
    """Return the problem of a URL that holds a secret."""
    return Problem("url-secret", f"{_redact(url)} holds a user name, a password or a signature", hint=_PUBLIC)


def _redact(url: str) -> str:
    hidden = _PASSWORD.sub("***@", url, count=1)
    return _SIGNED.sub(lambda found: f"{found[0][0]}{found[1]}=***", hidden)
