"""Reading manifests, schemas and other text files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from stat import S_ISREG
from typing import Final

from atpub.errors import InvalidInput
from atpub.problems import Problem
from atpub.text.document import Document
from atpub.text.json_document import parse_json
from atpub.text.source import MAX_BYTES, Source, decode, too_large

STDIN: Final = "(stdin)"
"""The name of the text on stdin, in messages."""


def read_source(file: str) -> Source:
    """Read a UTF-8 file of at most MAX_BYTES; raises InvalidInput."""
    try:
        with Path(file).open("rb") as stream:
            found = os.fstat(stream.fileno())
            if found.st_size > MAX_BYTES:
                raise InvalidInput((too_large(file),))
            # The size of a pipe is unknown: read just enough to see that it is too large.
            return decode(stream.read() if S_ISREG(found.st_mode) else stream.read(MAX_BYTES + 1), file)
    except FileNotFoundError:
        hint = "give the path of a manifest, or of a folder of manifests"
        problem = Problem("file-missing", f"{file} does not exist", hint=hint)
    except (OSError, ValueError) as error:
        problem = unreadable(file, error)
    raise InvalidInput((problem,))


def read_stdin() -> Source:
    """Read a UTF-8 text of at most MAX_BYTES from stdin; raises InvalidInput."""
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
    except (OSError, ValueError, AttributeError):  # AttributeError: Python has none if it is closed at the start
        raise InvalidInput((Problem("file-unreadable", f"{STDIN}: nothing can be read"),)) from None
    return decode(data, STDIN)


def read_json(file: str) -> Document:
    """Read a JSON file, `2.0` as the integer 2; raises InvalidInput."""
    return parse_json(read_source(file))


def unreadable(file: str, error: OSError | ValueError) -> Problem:
    """Return the problem that a file or folder cannot be read."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return Problem("file-unreadable", f"{file}: {reason}", hint="check the path and its permissions")
