"""JSON files of a git revision, read with git; nothing is checked out."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from atpub.errors import OSFailure, Usage
from atpub.text.source import MAX_BYTES

MOST_FILES: Final = 20_000
TIMEOUT: Final = 60
"""Seconds that one call of git may take."""

_REVISION: Final = re.compile(r"[A-Za-z0-9_@^~./{}+-]{1,200}")
_ENTRY: Final = re.compile(rb"100(?:644|755) blob ([0-9a-f]{40,64}) +(\d+)\t(.+)", re.DOTALL)


def split_revision(text: str) -> tuple[str, str] | None:
    """Return the revision and the path of `HEAD~1:lexicons`; None where it has not this form."""
    revision, colon, path = text.partition(":")
    if not colon or not _REVISION.fullmatch(revision) or revision.startswith("-") or path.startswith("//"):
        return None
    return revision, path or "."


def is_revision(text: str) -> bool:
    """Tell whether a text names a revision and a path, and no file or folder that exists."""
    return not Path(text).exists() and split_revision(text) is not None


def read_revision(name: str) -> Mapping[str, bytes]:
    """Return the JSON files at `REVISION:PATH` by their paths; raises Usage where there are none.

    PATH is relative to the current folder, as are the paths returned.
    """
    named = split_revision(name)
    if named is None:
        raise Usage(f"{name!r} names no revision of git", hint="a commit, branch or tag, and a folder: HEAD~1:lexicons")
    revision, path = named
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        raise Usage(f"git has no revision {revision!r} here", hint="name a commit, branch or tag: HEAD~1:lexicons")
    listed = _git("--literal-pathspecs", "ls-tree", "-r", "-z", "-l", commit.decode().strip(), "--", path) or b""
    found = [entry for entry in map(_ENTRY.fullmatch, listed.split(b"\0")) if entry and entry[3].endswith(b".json")]
    if not found:
        message = f"the revision {revision} has no lexicons (*.json) in {path}"
        raise Usage(message, hint="name a folder, relative to this one: HEAD~1:lexicons")
    if len(found) > MOST_FILES or sum(int(entry[2]) for entry in found) > MAX_BYTES:
        raise Usage(f"{path} at {revision} has more files or bytes than atpub reads", hint="name a folder in it")
    names = (entry[3].decode(errors="replace") for entry in found)
    return dict(zip(names, _read_blobs([entry[1] for entry in found]), strict=True))


def _read_blobs(ids: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the bytes of blobs, in their order (git-cat-file: a line `ID blob SIZE`, the bytes, a line break)."""
    output = _git("cat-file", "--batch", given=b"\n".join(ids) + b"\n") or b""
    at = 0
    for _ in ids:
        end = output.index(b"\n", at)
        size = int(output[at:end].rsplit(b" ", 1)[1])
        yield output[end + 1 : end + 1 + size]
        at = end + size + 2


def _git(*arguments: str, given: bytes = b"") -> bytes | None:
    """Return the output of git; None where it fails. Raises OSFailure where git cannot be run."""
    try:
        found = subprocess.run(  # noqa: S603 - no shell; a revision begins with no dash
            ["git", *arguments],  # noqa: S607 - the user's git
            input=given,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OSFailure(f"git cannot be run: {error}", hint="name a folder of lexicons instead of a revision") from None
    return found.stdout if found.returncode == 0 else None
