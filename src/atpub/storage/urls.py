"""Checks that the URLs of all kinds of storage share. No message repeats a secret: problems redact their messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

from atpub.problems import Problem
from atpub.redact import find_url_secret, find_url_secrets, redact_urls
from atpub.suggest import nearest

SCHEMES: Final = frozenset(
    [
        "abfs",
        "abfss",
        "adl",
        "ais",
        "ark",
        "at",
        "az",
        "azure",
        "b2",
        "cos",
        "cosn",
        "data",
        "dat",
        "dav",
        "davs",
        "dbfs",
        "doi",
        "dropbox",
        "dvc",
        "ftp",
        "ftps",
        "gcs",
        "gdrive",
        "git",
        "globus",
        "gs",
        "gsiftp",
        "hdfs",
        "hdl",
        "hf",
        "http",
        "https",
        "ipfs",
        "ipns",
        "irods",
        "kaggle",
        "lakefs",
        "magnet",
        "minio",
        "obs",
        "oci",
        "onedrive",
        "osf",
        "oss",
        "r2",
        "root",
        "roots",
        "rsync",
        "s3",
        "s3a",
        "s3n",
        "scp",
        "sftp",
        "sharepoint",
        "ssh",
        "swift",
        "tos",
        "urn",
        "viewfs",
        "wasb",
        "wasbs",
        "webdav",
        "webdavs",
        "webhdfs",
        "xroot",
        "zenodo",
    ]
)
"""Schemes that readers know; another one that resembles one of these is taken for a mistake."""

_PORT = r"[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}"
_PLAIN = re.compile(rf"(https?|s3|gs)://[a-z0-9.-]*[a-z0-9](?::(?:{_PORT}))?/[A-Za-z0-9._~/+-]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
_HOST_AND_PORT = re.compile(r"[A-Za-z][A-Za-z0-9.-]*:\d{1,5}(/|$)")
_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://[^/?#]*)?([^?#]*)")
_GLOB = re.compile(r"\*|\[[^\]/]*\]")
_ONE_CHARACTER = re.compile(r"\?\.\w+")
_JOINED = re.compile(r"::|[,;|](?=[A-Za-z][A-Za-z0-9+.-]*://)")
_ESCAPE = re.compile(r"\\[{},$\\]")
_LOCAL: Final = "list local files under `blobs:`"
_PUBLIC: Final = "records are public: give a URL that anyone can read without a secret"


def is_plain(url: str) -> bool:
    """Return whether a URL has just a host and a path, of characters without a meaning: no rule here refuses it."""
    return _PLAIN.fullmatch(url) is not None


def check_pattern(pattern: str) -> Problem | None:
    """Return the problem of a URL in brace notation that all URLs that it stands for would have."""
    plain = _ESCAPE.sub("", pattern)
    scheme = scheme_of(plain) if _SCHEME.match(pattern) else None
    if isinstance(scheme, Problem):
        return scheme
    return _backslash(pattern) if "\\" in plain else None  # brace notation would drop it


def scheme_of(url: str) -> str | Problem:
    """Return the scheme of a shard's URL, in lower case.

    It is a problem if the URL has blanks, wildcards, backslashes, a secret or no scheme, or if only this machine can
    read it (`file:`, `pipe:`).
    """
    if plain := _PLAIN.fullmatch(url):
        return plain[1]
    found = _SCHEME.match(url)
    scheme = found[1].lower() if found else ""
    if scheme in ("file", "pipe"):
        return Problem("url-scheme", f"{redact_urls(url)} can be read on this machine only", hint=_LOCAL)
    if len(scheme) == 1:
        return Problem("url-scheme", f"{url!r} is a path on a drive, not a URL", hint=_LOCAL)
    problem = _check_characters(url) or _check_dialect(url, scheme)
    if problem:
        return problem
    secret = find_url_secret(url)
    return secret_in(url, secret) if secret else scheme


def _check_characters(url: str) -> Problem | None:
    if blank := _BLANK.search(url):
        message = f"{redact_urls(url)!r} has a blank or control character at character {blank.start() + 1}"
        return Problem("url-blank", message, hint="write it percent-encoded, as in %20")
    return _backslash(url) if "\\" in url else None


def _backslash(url: str) -> Problem:
    message = f"{redact_urls(url)} has a backslash, which no URL has"
    return Problem("url-backslash", message, hint=f"write / in URLs; {_LOCAL}")


def _check_dialect(url: str, scheme: str) -> Problem | None:
    """Return the problem of what other programs take for a URL: a path, a host and port, several URLs, a wildcard."""
    path = _PATH.match(url)
    joined = _JOINED.search(path[1] if path else url)
    if joined or scheme.endswith(".tar"):
        message = f"{redact_urls(url)} joins several URLs with `{joined[0] if joined else '::'}`"
        return Problem("url-joined", message, hint="list each URL as an item of its own")
    if not scheme:
        return Problem("url-scheme", f"{url!r} is not a URL: it has no scheme, such as https://", hint=_LOCAL)
    if scheme not in SCHEMES and _HOST_AND_PORT.match(url):
        return Problem("url-scheme", f"{url} has no scheme", hint=f"did you mean https://{url}?")
    if path and _has_wildcard(path[1], url[path.end() :], scheme):
        hint = "a list of shards is written with braces, as in d-{000..009}.tar; a literal * is %2A"
        return Problem("url-wildcard", f"{redact_urls(url)} has a wildcard, which readers do not expand", hint=hint)
    return None


def _has_wildcard(path: str, rest: str, scheme: str) -> bool:
    """Return whether a path has a wildcard; a query that is just an extension makes `d-?.tar` one."""
    if scheme in ("http", "https"):
        return bool(_GLOB.search(path) or _ONE_CHARACTER.fullmatch(rest))
    return "*" in path


def check_scheme(scheme: str) -> Problem | None:
    """Return the problem of a scheme that no reader knows, and that resembles a known one."""
    meant = None if scheme in SCHEMES else nearest(scheme, SCHEMES)
    if meant is None:
        return None
    return Problem("url-scheme", f"{scheme}: is not a scheme that readers know", hint=f"did you mean {meant}://?")


def split_url(url: str, *, is_http: bool) -> SplitResult | Problem:
    """Return the parts of a URL; it is a problem if it has a fragment, or if an HTTP URL has no host."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return Problem("url-invalid", f"{redact_urls(url)} is not a valid URL: {error}")
    if is_http and not parts.hostname:
        return no_host(url)
    if "#" in url:
        return Problem("url-fragment", f"{url} has a fragment, which no server sees", hint="write # as %23")
    return parts


def no_host(url: str) -> Problem:
    """Return the problem of a URL without a host or bucket."""
    return Problem("url-host", f"{redact_urls(url)} names no host or bucket", hint="the form is scheme://host/path")


def secret_in(url: str, code: str) -> Problem:
    """Return the problem of a URL that holds a secret: `credentials-in-url` or `signed-url`."""
    what = "a user name or password" if code == "credentials-in-url" else "a signature, token or key"
    return Problem(code, f"{redact_urls(url)} holds {what}", hint=_PUBLIC)


def check_text(text: str) -> Sequence[Problem]:
    """Return the problems of secrets in the URLs of any text; they are only warnings where the text is no URL."""
    return [_secret_in_text(text, code) for code in find_url_secrets(text)] if "://" in text else ()


def _secret_in_text(text: str, code: str) -> Problem:
    if not _BLANK.search(text):
        return secret_in(text, code)
    what = "a URL with a user name or password" if code == "credentials-in-url" else "a signed URL"
    return Problem(code, f"the text has {what}", hint="records are public", severity="warning")
