"""`atpub check`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

from atpub.atproto.lexicon.model import Lexicon, Lexicons
from atpub.atproto.syntax import AtUri, SyntaxViolation
from atpub.cli.connect import opening
from atpub.cli.output import print_data, print_json, style_for, tell_warnings
from atpub.errors import InvalidInput, RepositoryError, Usage
from atpub.generated import LEXICONS
from atpub.generation.settings import lexicon_folders
from atpub.lexicon_tools.records import RecordVerdict, check_files, unreadable_file
from atpub.manifest.lexicon_files import LexiconSet, read_folders
from atpub.problems import Problem
from atpub.report.checked import checked_json, total_text, verdict_text
from atpub.repository.interface import Repository

Opener: TypeAlias = Callable[[AtUri], Repository]

_AT: Final = "at://"
_INVALID: Final = InvalidInput.exit_code


def run(
    records: tuple[str, ...], lexicons: tuple[Path, ...], repository: Path | None, pds: str | None, *, as_json: bool
) -> int:
    """Print a verdict for each record that is invalid (in JSON: for each); return the exit code."""
    sources = [_parse_uri(name) if name.startswith(_AT) else Path(name) for name in records]
    if not any(isinstance(source, AtUri) for source in sources) and (repository or pds):
        raise Usage("--repository and --pds are about at:// URIs", hint="name an account: at://lab.example.org")
    read = _read_lexicons(lexicons or tuple(folder for folder in lexicon_folders() if folder.is_dir()))
    warnings, known = [*read.warnings], LEXICONS.lexicons.and_also(read.lexicons)
    with opening(repository, pds) as open_named:
        verdicts = chain.from_iterable(_check(source, known, open_named, warnings) for source in sources)
        return (_print_json if as_json else _print_text)(verdicts, warnings)


def _parse_uri(text: str) -> AtUri:
    try:
        return AtUri.parse(text)
    except SyntaxViolation as error:
        hint = "at://ACCOUNT, at://ACCOUNT/COLLECTION or at://ACCOUNT/COLLECTION/RKEY"
        raise Usage(str(error), hint=hint) from None


def _check(
    source: AtUri | Path, known: Lexicons, open_named: Opener, warnings: list[Problem]
) -> Iterator[RecordVerdict]:
    """Yield a verdict for each record of a source; add warnings about those that are not checked."""
    if isinstance(source, Path) and source.suffix != ".car":
        yield from check_files(known, (source,))
        return
    from atpub.lexicon_tools.stored import read_car_records, read_stored  # CAR files, which others need not

    if isinstance(source, AtUri):
        stored = read_stored(source, open_named(source), known)
    else:
        try:
            stored = read_car_records(source)
        except (OSError, RepositoryError) as error:
            yield unreadable_file(str(source), error)
            return
    yield from stored.check(known)
    warnings += stored.unchecked(known)


def _print_json(verdicts: Iterable[RecordVerdict], warnings: Sequence[Problem]) -> int:
    listed = [*verdicts]  # which adds to the warnings
    print_json(checked_json(listed, warnings))
    return 0 if all(verdict.is_valid for verdict in listed) else _INVALID


def _print_text(verdicts: Iterable[RecordVerdict], warnings: Sequence[Problem]) -> int:
    style, told = style_for(sys.stdout), len(warnings)
    tell_warnings((*warnings,))
    records = invalid = unreadable = 0
    for verdict in verdicts:
        records += verdict.is_record
        unreadable += not verdict.is_record
        if not verdict.is_valid:
            invalid += verdict.is_record
            print_data(verdict_text(verdict, style))
    tell_warnings((*warnings[told:],))
    print_data(total_text(records, invalid, unreadable, style))
    return _INVALID if invalid or unreadable else 0


def _read_lexicons(folders: Sequence[Path]) -> LexiconSet:
    """Read lexicons; those that are invalid are left out with a warning, as no record may need them."""

    def select(read: Sequence[Lexicon], _: Collection[str]) -> Collection[str]:
        return [lexicon.id for lexicon in read]

    return read_folders(folders, LEXICONS.lexicons, allow_missing=True, selection=select)
