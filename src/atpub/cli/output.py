"""Output: data to stdout, everything else to stderr, colour only on a terminal.

Reports escape the values that they show; what they have missed is escaped here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

import click

from atpub.cli.options import COLOUR, VERBOSE
from atpub.cli.streams import replace_unprintable, terminal_columns, undisturbed, write_stdout
from atpub.errors import OSFailure, Usage
from atpub.problems import Problem
from atpub.report.escape import escape_output
from atpub.report.problems import problems_text
from atpub.report.style import Style

STANDARD: Final = Path("-")
"""The name of stdin and stdout on a command line."""


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a standard stream exists, is open, and is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


def style_for(stream: TextIO | None, *, is_long: bool = False) -> Style:
    """Return the width of a terminal and its colours, unless the user has set NO_COLOR (https://no-color.org).

    FORCE_COLOR asks for colours where there is no terminal, such as in the log of a CI system; `--color` goes before
    both. In a long style, and with `--verbose`, nothing is shortened.
    """
    if (chosen := COLOUR.get()) != "auto":
        has_colour = chosen == "always"
    elif os.environ.get("NO_COLOR"):
        has_colour = False
    elif os.environ.get("FORCE_COLOR"):
        has_colour = True
    else:
        has_colour = is_terminal(stream) and os.environ.get("TERM") != "dumb"
    return Style(has_colour, terminal_columns() if is_terminal(stream) else None, is_long=is_long or VERBOSE.get())


def print_data(text: str) -> None:
    """Print text to stdout; colours, if it has any, must suit stdout."""
    _write(escape_output(text, colour=style_for(sys.stdout).colour))


@dataclass(slots=True)
class JsonCollection:
    """The JSON of several runs, which is printed as one document; `labels` are added to that of the current run."""

    combine: Callable[[Sequence[Mapping[str, object]]], Mapping[str, object]]
    labels: Mapping[str, object] = field(default_factory=dict[str, object])
    documents: list[Mapping[str, object]] = field(default_factory=list[Mapping[str, object]])


_COLLECTION: ContextVar[JsonCollection | None] = ContextVar("_COLLECTION", default=None)


@contextmanager
def collecting_json(
    combine: Callable[[Sequence[Mapping[str, object]]], Mapping[str, object]],
) -> Generator[JsonCollection]:
    """Collect the JSON that the block prints; `print_collected` prints what `combine` makes of it."""
    collection = JsonCollection(combine)
    token = _COLLECTION.set(collection)
    try:
        yield collection
    finally:
        _COLLECTION.reset(token)


def chosen_format(form: str | None, *, as_json: bool) -> str:
    """Return the format that `--format` and `--json` select; raises Usage where they contradict each other."""
    if as_json and form not in (None, "json"):
        raise Usage(f"--json and --format {form} exclude each other", hint="give one of them")
    return "json" if as_json else form or "text"


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """Print JSON to stdout in ASCII, so that no character of a value acts on a terminal or a log."""
    collection = _COLLECTION.get()
    if collection is not None and isinstance(value, Mapping):
        collection.documents.append({**collection.labels, **value})
    else:
        _write_json(value)


def print_collected() -> None:
    """Print the JSON that is collected, if any is: at the end, or where the process stops at once."""
    if collection := _COLLECTION.get():
        _write_json(collection.combine(collection.documents))


def _write_json(value: Mapping[str, object] | Sequence[object]) -> None:
    _write(json.dumps(value, indent=2))


def print_source(text: str) -> None:
    """Print the text of a file, which its writer has escaped, as it is."""
    _write(text)


def tell(text: str) -> None:
    """Print text for people to stderr; a stderr that cannot be written to stops nothing."""
    replace_unprintable(sys.stderr)
    colour = style_for(sys.stderr).colour
    with suppress(OSError), undisturbed():
        click.echo(escape_output(text, colour=colour), err=True, color=colour)


def tell_source(text: str) -> None:
    """Print text to stderr, which its writer has escaped, as it is."""
    with suppress(OSError), undisturbed():
        click.echo(text, err=True)


def tell_warnings(warnings: tuple[Problem, ...]) -> None:
    """Show warnings, if there are any."""
    if warnings:
        tell(problems_text(warnings, style_for(sys.stderr)))


def _write(text: str) -> None:
    """Write to stdout; raises OSFailure, and BrokenPipeError if its reader has gone."""
    try:
        write_stdout(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSFailure(f"stdout: {error.strerror or error}", hint="free some space, or write elsewhere") from None
