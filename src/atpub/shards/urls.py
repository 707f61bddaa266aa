"""The URL of a shard: which kind of storage it is in, and whether it may stand in a public record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from atpub.errors import Problem


@dataclass(frozen=True, slots=True)
class Http:
    """A shard that a web server offers, at an http:// or https:// URL."""

    url: str


@dataclass(frozen=True, slots=True)
class S3:
    """A shard in an S3 bucket, at `s3://bucket/key`; the key is not percent-encoded."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class External:
    """A shard at a URL of any other scheme, such as gs://."""

    url: str


ShardUrl: TypeAlias = Http | S3 | External

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?!\\)")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
_PASSWORD = re.compile(r"(?<=//)[^/?#]*@")
_SIGNED = re.compile(r"[?&](X-Amz-Signature|X-Goog-Signature)=[^&]*", re.IGNORECASE)
_LOCAL = "list local files under `blobs:`"
_PUBLIC = "records are public: give a URL that anyone can read without a secret"


def parse_shard_url(text: str) -> ShardUrl | Problem:
    """The kind and parts of one shard's URL, without brace notation, or what is wrong with it.

    The URL is kept as it is written. Refused: blanks, no scheme or host, a fragment, whatever only this machine can
    read (`file:`, `pipe:`), and secrets (a password, a presigned query), which no message repeats.
    """
    scheme = _SCHEME.match(text)
    if blank := _BLANK.search(text):
        message = f"{_redacted(text)!r} has a blank or control character at character {blank.start() + 1}"
        return Problem("url-blank", message, hint="write it percent-encoded, as in %20")
    if scheme is None:
        return Problem("url-scheme", f"{text!r} is not a URL: it has no scheme, such as https://", hint=_LOCAL)
    if scheme[1].lower() in ("file", "pipe"):
        return Problem("url-scheme", f"{_redacted(text)} can be read on this machine only", hint=_LOCAL)
    return _s3(text) if scheme[1].lower() == "s3" else _web(text)


def _web(text: str) -> Http | External | Problem:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        return Problem("url-invalid", f"{_redacted(text)} is not a valid URL: {error}")
    is_http = parts.scheme in ("http", "https")
    if is_http and not parts.hostname:
        return _no_host(text)
    if parts.password is not None or (is_http and parts.username is not None) or _SIGNED.search(text):
        return _secret(text)
    if "#" in text:
        return Problem("url-fragment", f"{text} has a fragment, which no server sees", hint="write # as %23")
    return _web_shard(text, parts) if is_http else External(text)


def _web_shard(text: str, parts: SplitResult) -> Http | Problem:
    if parts.path in ("", "/") and not parts.query:
        return Problem("url-path", f"{text} names a server, not a shard on it")
    return Http(text)


def _s3(text: str) -> S3 | Problem:
    bucket, _, key = text[len("s3:") :].removeprefix("//").partition("/")
    if "@" in bucket:
        return _secret(text)
    if not bucket or not text[len("s3:") :].startswith("//"):
        return _no_host(text)
    if not key or key.endswith("/"):
        return Problem("url-path", f"{text} names no object: the form is s3://bucket/key")
    return S3(bucket, key)


def _no_host(text: str) -> Problem:
    return Problem("url-host", f"{_redacted(text)} names no host or bucket", hint="the form is scheme://host/path")


def _secret(text: str) -> Problem:
    return Problem("url-secret", f"{_redacted(text)} holds a user name, a password or a signature", hint=_PUBLIC)


def _redacted(text: str) -> str:
    hidden = _PASSWORD.sub("***@", text, count=1)
    return _SIGNED.sub(lambda found: f"{found[0][0]}{found[1]}=***", hidden)


def check_one_storage(shards: Sequence[ShardUrl]) -> tuple[Problem, ...]:
    """What keeps the shards from standing in one record: several kinds of storage, or several S3 buckets."""
    first_of_kind = {type(shard): shard for shard in reversed(shards)}
    if len(first_of_kind) > 1:
        examples = " and ".join(sorted(map(_address, first_of_kind.values())))
        message = f"the shards of one dataset are in different kinds of storage: {examples}"
        return (Problem("mixed-storage", message, hint="make them two datasets, or move the shards to one place"),)
    buckets = sorted({shard.bucket for shard in shards if isinstance(shard, S3)})
    if len(buckets) > 1:
        message = f"the shards of one dataset are in {len(buckets)} buckets: {', '.join(buckets[:5])}"
        return (Problem("mixed-buckets", message, hint="make one dataset per bucket"),)
    return ()


def _address(shard: ShardUrl) -> str:
    return f"s3://{shard.bucket}/{shard.key}" if isinstance(shard, S3) else shard.url
