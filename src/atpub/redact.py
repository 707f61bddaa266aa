"""Redaction: no text that atpub shows holds a secret.

Secrets in URLs (user information, signatures, tokens) are recognized by their form. Others, such as a password, are
registered before they are sent, since a server may repeat them. They belong to the process, not to an object: code that
shows a text need not know where it comes from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias
from urllib.parse import quote, quote_plus, unquote

UrlSecret: TypeAlias = Literal["credentials-in-url", "signed-url"]

LONGEST: Final = 2_000
"""The most characters of a message, a hint or a line of one: a value in it may have any length."""

_MASK: Final = "(secret)"
_URL_MASK: Final = "***"
_hidden: set[str] = set()

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://\S+")
_USER = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{0,30})://([^\s/?#\\\"'<>]*)(@|%40)")
_MISSPELT_USERS = (
    # the wrong number of slashes, or backslashes
    re.compile(
        r"(\b[A-Za-z][A-Za-z0-9+.-]{0,30}:[/\\]*|(?<![/\\])[/\\]{2,})[^\s/?#\\\"'<>@:]+:[^\s/?#\\\"'<>@]{1,200}@"
    ),
    # a slash in the password; digits would be a port
    re.compile(r"\b(?!at:)([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/?#\\\"'<>@:\[]+:(?!\d{1,5}[/?#])[^\s\"'<>@]{1,200}@"),
    # no scheme
    re.compile(r"(?<![\w.+/\\@:-])()[\w.+-]{1,100}:[^\s/?#\\\"'<>@]{1,200}@(?=[\w.-]{1,100}(?::\d+)?/)"),
)
"""User names and passwords where a URL is not written as one should be: people make mistakes with passwords, too."""
_BARE_USER = re.compile(
    r"(?<![\w.+/\\@:-])()(?!mailto:)[\w.+-]{1,100}:[^\s/?#\\\"'<>@]{1,200}@(?=[\w.-]{1,100}(?::\d+)?(?:[\s\"'<>),;]|$))"
)
"""A user name, a password and a host, as people write the address of a server: masked, but not judged to be a URL."""
_PARAMETER = re.compile(r"([?&;#])([^\s=&;?#\"'<>]+)=([^\s?&#\"'<>]+)")
_PIPE = re.compile(r"\bpipe:(?=\s*[\w./~\"'])[^\n]*", re.IGNORECASE)
_NAMED_USERS: Final = frozenset(("abfs", "abfss", "ftp", "git+ssh", "hdfs", "rsync", "sftp", "ssh", "wasb", "wasbs"))
"""The schemes whose user name alone is no secret: it names a container or a public login."""
_SECRET_NAME = re.compile(
    r"""(.*[._-])? (sig|sign|pwd|jwt|auth|pass|q-ak|key-pair-id|(aws|oss)?access[_-]?key[_-]?id|googleaccessid)
    | .*(signature|token|password|passwd|passphrase|secret|credentials?|authorization|api[_-]?key)
    | .*(access|account|auth|functions|private|secret|session|shared|subscription)[_-]?(key|id_token)""",
    re.VERBOSE | re.IGNORECASE,
)
"""The parameters that sign a URL or grant access: of AWS, Google, Azure, CloudFront, OSS, COS, GitLab and others."""


def hide(*secrets: str) -> None:
    """Register secrets: `redact` removes them, as they are and as JSON and URLs spell them."""
    for secret in filter(None, secrets):
        in_json = (json.dumps(secret, ensure_ascii=only_ascii)[1:-1] for only_ascii in (True, False))
        in_url = (spell(secret, errors="replace") for spell in (quote, quote_plus))
        _hidden.update((secret, *in_json, *in_url))


def redact(text: str) -> str:
    """Return the text without registered secrets, and without those in URLs."""
    for secret in sorted(_hidden, key=len, reverse=True):  # one may be part of another
        text = text.replace(secret, _MASK)
    return redact_urls(text)


def tidy(text: str) -> str:
    """Return the text without the secrets of URLs, and without the middle of a line that is too long.

    The end often says what is wrong with the value before it.
    """
    if len(text) <= LONGEST:
        return redact_urls(text)
    return "\n".join(map(_shorten, redact(text).split("\n")))  # redact: half a password would not be recognized later


def _shorten(line: str) -> str:
    if len(line) <= LONGEST:
        return line
    end = LONGEST // 4
    left_out = f" … ({len(line) - LONGEST:,} characters left out) … "
    return line[: LONGEST - end - len(left_out)] + left_out + line[-end:]


def redact_urls(text: str) -> str:
    """Return the text without the secrets of the URLs and the commands (`pipe:`) in it."""
    if ":" not in text and "=" not in text:
        return text
    text = _PIPE.sub(f"pipe:{_URL_MASK}", text)
    text = _USER.sub(lambda found: f"{found[1]}://{_URL_MASK}@" if _is_credential(found) else found[0], text)
    if "@" in text:
        for misspelt in (*_MISSPELT_USERS, _BARE_USER):
            text = misspelt.sub(rf"\g<1>{_URL_MASK}@", text)
    return _PARAMETER.sub(lambda found: f"{found[1]}{found[2]}={_URL_MASK}" if _is_secret(found) else found[0], text)


def find_url_secret(url: str) -> UrlSecret | None:
    """Return the kind of secret in a URL, percent-encoded or not; None where it has none."""
    if not ("@" in url or "=" in url or "%" in url):
        return None
    spellings = (url, unquote(url)) if "%" in url else (url,)
    for text in spellings:
        if _has_user(text):
            return "credentials-in-url"
    return "signed-url" if any(map(_is_secret, _PARAMETER.finditer(url))) else None


def find_url_secrets(text: str) -> Iterator[UrlSecret]:
    """Yield the kind of secret of each URL in a text that has one."""
    for url in _URL.findall(text) if "://" in text else ():
        secret = find_url_secret(url)
        if secret:
            yield secret


def _is_credential(found: re.Match[str]) -> bool:
    scheme, user = found[1].lower(), found[2]
    return bool(user) and user != _URL_MASK and (":" in user or scheme not in _NAMED_USERS)


def _is_secret(found: re.Match[str]) -> bool:
    """Return whether a parameter is a secret, or its value a percent-encoded URL with one."""
    if found[3] == _URL_MASK:
        return False
    return _has_secret_name(found) or ("%" in found[3] and _has_secret(unquote(found[3])))


def _has_secret(url: str) -> bool:
    return _has_user(url) or any(map(_has_secret_name, _PARAMETER.finditer(url)))


def _has_user(url: str) -> bool:
    return any(map(_is_credential, _USER.finditer(url))) or any(misspelt.search(url) for misspelt in _MISSPELT_USERS)


def _has_secret_name(found: re.Match[str]) -> bool:
    return bool(_SECRET_NAME.fullmatch(unquote(found[2])))
