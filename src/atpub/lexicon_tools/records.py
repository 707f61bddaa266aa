"""`atpub check`: records in files of JSON or JSON Lines, each with a verdict by its lexicon.

Records are read one by one: a file of JSON Lines may have any size.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from atpub.atproto import data
from atpub.atproto.data import Json
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.lexicon.validate import violations
from atpub.atproto.lexicon.violation import Violation
from atpub.errors import InvalidInput, RepositoryError
from atpub.problems import Place, Problem
from atpub.text.document import Document
from atpub.text.files import STDIN, unreadable
from atpub.text.json_document import parse_json, place_problems
from atpub.text.source import MAX_BYTES, decode

_LINES: Final = (".jsonl", ".ndjson")
NO_LEXICON_HINT: Final = "name the folder that has it: --lexicons DIR; or pull it first: atpub lex pull NSID"


@dataclass(frozen=True, slots=True)
class RecordVerdict:
    """What is wrong with a record, if anything.

    One in a file of JSON has the line of its beginning, and one in a repository its URI; a file that cannot be read has
    neither.
    """

    file: str
    line: int
    collection: str = ""
    problems: tuple[Problem, ...] = ()
    uri: str = ""

    @property
    def is_record(self) -> bool:
        """Whether this is about a record, and not about a file that cannot be read."""
        return self.line > 0 or bool(self.uri)

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def check_files(lexicons: Lexicons, files: Iterable[Path]) -> Iterator[RecordVerdict]:
    """Yield a verdict for each record in some files, and for each file that cannot be read; `-` is stdin."""
    for file in files:
        name = STDIN if str(file) == "-" else str(file)
        try:
            with _open_stdin() if name == STDIN else file.open("rb") as stream:
                yield from check_stream(lexicons, stream, name, is_lines=file.suffix in _LINES)
        except OSError as error:
            yield unreadable_file(name, error)


def unreadable_file(name: str, error: OSError | RepositoryError) -> RecordVerdict:
    """Return the verdict on a file that cannot be read, or that is no whole repository."""
    if isinstance(error, OSError):
        return RecordVerdict(name, 0, problems=(unreadable(name, error),))
    return RecordVerdict(name, 0, problems=(Problem(error.code, error.message, hint=error.hint),))


def _open_stdin() -> AbstractContextManager[BinaryIO]:
    if sys.stdin is None:  # it was closed when Python started
        raise OSError(errno.EBADF, "nothing can be read")
    return nullcontext(sys.stdin.buffer)


def check_stream(lexicons: Lexicons, stream: BinaryIO, name: str, *, is_lines: bool = False) -> Iterator[RecordVerdict]:
    """Yield a verdict for each record of a stream: a record, an array of records, or JSON Lines.

    If the first line is a JSON object of its own, each line is a record.
    """
    first = stream.readline(MAX_BYTES + 1)
    if is_lines or _is_object(first):
        yield from _check_lines(lexicons, chain([first], iter(lambda: stream.readline(MAX_BYTES + 1), b"")), name)
    else:
        yield from _check_document(lexicons, first + stream.read(MAX_BYTES + 1), name)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(data.loads(line.decode("utf-8-sig")), dict)
    except ValueError:
        return False


def _check_lines(lexicons: Lexicons, lines: Iterable[bytes], name: str) -> Iterator[RecordVerdict]:
    for number, ended in enumerate(lines, 1):
        line = ended.rstrip(b"\r\n")  # so that no error is on the next line
        if len(line) > MAX_BYTES:
            message = f"the line is larger than {MAX_BYTES // 2**20} MiB"
            yield RecordVerdict(name, number, problems=(Problem("too-large", message, Place(name, number, 1)),))
            return
        if not line.strip():
            continue
        try:
            value = data.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except ValueError:
            yield RecordVerdict(name, number, problems=_unreadable_line(line, name, number))
            continue
        found = tuple(violations(lexicons, value))
        yield RecordVerdict(name, number, _collection(value), _place_in_line(found, line, name, number))


def _place_in_line(found: tuple[Violation, ...], line: bytes, name: str, number: int) -> tuple[Problem, ...]:
    if not found:
        return ()
    try:
        return _place(found, parse_json(decode(line, name, number)))
    except InvalidInput:  # nested more deeply than atpub finds places in
        return tuple(replace(_problem(item), place=Place(name, number, 1)) for item in found)


def _unreadable_line(line: bytes, name: str, number: int) -> tuple[Problem, ...]:
    try:
        parse_json(decode(line, name, number))
    except InvalidInput as error:
        return error.problems
    return (Problem("json-syntax", "the line is not JSON", Place(name, number, 1)),)


def _check_document(lexicons: Lexicons, held: bytes, name: str) -> Iterator[RecordVerdict]:
    try:
        document = parse_json(decode(held, name))
    except InvalidInput as error:
        yield RecordVerdict(name, 1, problems=error.problems)
        return
    value = document.value
    records = [((index,), item) for index, item in enumerate(value)] if isinstance(value, list) else [((), value)]
    for path, record in records:
        found = (replace(item, path=(*path, *item.path)) for item in violations(lexicons, record))
        line = document.place(path).line
        yield RecordVerdict(name, line, _collection(record), _place(found, document))


def _collection(value: Json) -> str:
    kind = value.get("$type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def _place(found: Iterable[Violation], document: Document) -> tuple[Problem, ...]:
    """Return violations as problems at their places in a document."""
    return place_problems(map(_problem, found), document)


def _problem(item: Violation) -> Problem:
    """Return a violation as a problem, without a place; with a hint where no lexicon was found."""
    return replace(item.problem(), hint=NO_LEXICON_HINT if item.rule == "lexicon" else "")
