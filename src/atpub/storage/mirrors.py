"""Mirrors of a dataset: folders at other URLs, with its shards by the same file names (lexicon dev.atpub.mirrors)."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote

from atpub.atproto.data import Json
from atpub.errors import InvalidRecord
from atpub.generated.dev.atpub.mirrors import NSID, Mirrors
from atpub.problems import Problem
from atpub.redact import redact_urls
from atpub.storage.registry import parse_location, shard_path

KEY: Final = NSID
"""The key of the mirrors in an entry's contentMetadata."""


def check_mirror(url: str) -> Problem | None:
    """Return the problem of a mirror's URL, if it has one."""
    found = parse_location(url)
    if isinstance(found, Problem) and found.code != "url-path":
        return found  # a server or a bucket alone is a folder
    if "?" in url:
        return Problem("url-path", f"{redact_urls(url)} has a query, and names no folder of shards")
    return None


def read_mirrors(metadata: Json) -> tuple[str, ...]:
    """Return the mirrors that an entry's contentMetadata names; none where they break their lexicon."""
    if not isinstance(metadata, dict) or KEY not in metadata:
        return ()
    try:
        return tuple(Mirrors.from_json(metadata[KEY]).urls)
    except InvalidRecord:
        return ()


def mirror_url(folder: str, url: str) -> str:
    """Return where a mirror has the shard at a URL; the keys of S3 are not percent-encoded."""
    name = shard_path(url).rpartition("/")[2]
    if _is_s3(url) != _is_s3(folder):
        name = quote(name) if _is_s3(url) else unquote(name)
    return f"{folder.rstrip('/')}/{name}"


def _is_s3(url: str) -> bool:
    return url.lower().startswith("s3:")
