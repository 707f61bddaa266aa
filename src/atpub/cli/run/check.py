"""`atpub check`."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from atpub.atproto.lexicon.model import Lexicon
from atpub.cli.output import print_data, print_json, style_for, tell_warnings
from atpub.errors import InvalidInput
from atpub.generated import LEXICONS
from atpub.generation.settings import lexicon_folders
from atpub.lexicon_tools.records import check_files
from atpub.manifest.lexicon_files import LexiconSet, read_folders
from atpub.report.checked import checked_json, total_text, verdict_json, verdict_text

_INVALID: Final = InvalidInput.exit_code


def run(files: tuple[Path, ...], lexicons: tuple[Path, ...], *, as_json: bool) -> int:
    """Print a verdict for each record that is invalid (in JSON: for each); return the exit code."""
    read = _read_lexicons(lexicons or tuple(folder for folder in lexicon_folders() if folder.is_dir()))
    verdicts = check_files(LEXICONS.lexicons.and_also(read.lexicons), files)
    tell_warnings(read.warnings)
    if as_json:
        listed = [verdict_json(verdict) for verdict in verdicts]
        print_json(checked_json(listed, read.warnings))
        return 0 if all(verdict["valid"] for verdict in listed) else _INVALID
    style = style_for(sys.stdout)
    records = invalid = unreadable = 0
    for verdict in verdicts:
        records += verdict.is_record
        unreadable += not verdict.is_record
        if not verdict.is_valid:
            invalid += verdict.is_record
            print_data(verdict_text(verdict, style))
    print_data(total_text(records, invalid, unreadable, style))
    return _INVALID if invalid or unreadable else 0


def _read_lexicons(folders: Sequence[Path]) -> LexiconSet:
    """Read lexicons; those that are invalid are left out with a warning, as no record may need them."""

    def select(read: Sequence[Lexicon], _: Collection[str]) -> Collection[str]:
        return [lexicon.id for lexicon in read]

    return read_folders(folders, LEXICONS.lexicons, allow_missing=True, selection=select)
