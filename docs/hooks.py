"""A check of each built page by MkDocs: it loads nothing from another server."""

import logging
import re
from typing import Any

_log = logging.getLogger("mkdocs.atpub")
_LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="?https?:|<link\b[^>]*\bhref="?https?:|@import|url\(["']?https?:"""
)


def on_post_page(output: str, page: Any, **_: object) -> str:
    """Warn of a script, style, font or picture that comes from elsewhere; a strict build then fails."""
    if found := _LOADED.search(output):
        _log.warning("%s loads from another server: %s", page.file.src_uri, found[0])
    return output
