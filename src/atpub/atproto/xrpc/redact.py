"""Redaction: each secret is registered before it is sent, and removed from texts that come from elsewhere.

A server may put anything into its answers, even the password that it was just given. Secrets belong to the process, not
to an object: code that shows a text need not know where it comes from.
"""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import quote, quote_plus

_MASK: Final = "(secret)"
_hidden: set[str] = set()


def hide(*secrets: str) -> None:
    """Register secrets: `redacted` removes them, as they are and as JSON and URLs spell them."""
    for secret in filter(None, secrets):
        in_json = (json.dumps(secret, ensure_ascii=only_ascii)[1:-1] for only_ascii in (True, False))
        in_url = (spell(secret, errors="replace") for spell in (quote, quote_plus))
        _hidden.update((secret, *in_json, *in_url))


def redacted(text: str) -> str:
    """Return the text without any secret."""
    for secret in sorted(_hidden, key=len, reverse=True):  # one may be part of another
        text = text.replace(secret, _MASK)
    return text
