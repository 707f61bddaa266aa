"""Validation of records against lexicons read at run time, without generated code.

>>> from atpub.validation import read_lexicons, violations
>>> lexicons = read_lexicons("lexicons")
>>> record = {"$type": "science.alt.dataset.label", "name": "digits", "version": 1}
>>> for violation in violations(lexicons, record):
...     print(violation)
$.datasetUri: is required and missing (required; science.alt.dataset.label)
$.version: expected a string, found an integer (type; science.alt.dataset.label)
$.createdAt: is required and missing (required; science.alt.dataset.label)

Generated classes give the same verdicts in the same words. Violations are found one by one, on demand:
`next(violations(lexicons, record), None)` is the first one, or None for a valid record.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.lexicon.validate import violations
from atpub.atproto.lexicon.violation import Violation
from atpub.generated import LEXICONS
from atpub.manifest.lexicon_files import read_folders

__all__ = ["Lexicons", "Violation", "read_lexicons", "violations"]


def read_lexicons(*folders: str | PathLike[str], allow_missing: bool = False) -> Lexicons:
    """Read the lexicons in folders (every .json file), and add atpub's own, to which they may refer.

    Raises InvalidInput with every problem, each with file, line and column. With `allow_missing`, unresolved references
    are treated as unknown types.
    """
    own = LEXICONS.lexicons
    return own.and_also(read_folders(map(Path, folders), own, allow_missing=allow_missing).lexicons)
