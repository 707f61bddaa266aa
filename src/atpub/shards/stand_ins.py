"""Files that stand in for data: Git LFS pointers, error pages in HTML, empty files."""

from __future__ import annotations

import re
from typing import Final

from atpub.atproto.mime_types import mime_type_of
from atpub.problems import Problem

_POINTER: Final = b"version https://git-lfs.github.com/spec/v1"
_HTML: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html[\s>])", re.IGNORECASE | re.DOTALL
)
_TEXTUAL: Final = re.compile(r"text/.*|application/xhtml\+xml")


def stand_in_shard(head: bytes, name: str) -> Problem | None:
    """Return the problem that a file, which begins with these bytes, stands in for a shard."""
    return _pointer(head, name) or (_page(name) if _HTML.match(head) else None)


def stand_in_blob(head: bytes, name: str) -> Problem | None:
    """Return the problem that a file, which begins with these bytes, stands in for a blob.

    HTML may be meant, unless the name promises another format than text.
    """
    if not head:
        hint = "write the file again: an empty one is seldom meant, and not every PDS takes it"
        return Problem("empty-file", f"{name} is an empty file", hint=hint)
    guess = mime_type_of(name)
    is_page = guess is not None and not _TEXTUAL.fullmatch(guess) and _HTML.match(head)
    return _pointer(head, name) or (_page(name) if is_page else None)


def _pointer(head: bytes, name: str) -> Problem | None:
    if not head.startswith(_POINTER):
        return None
    message = f"{name} is a Git LFS pointer, not the data that it stands for"
    return Problem("git-lfs-pointer", message, hint="get the data: git lfs pull (in CI: check out with lfs: true)")


def _page(name: str) -> Problem:
    message = f"{name} is an HTML page: often what a server answers in place of a file"
    return Problem("html-page", message, hint="open it in an editor to see the answer, and download the file again")
