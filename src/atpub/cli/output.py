"""Output: data to stdout, everything else to stderr, colour only on a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import TextIO

import click

from atpub.errors import Problem
from atpub.report.problems import problems_text
from atpub.report.style import Style


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a standard stream exists, is open, and is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


def style_for(stream: TextIO | None) -> Style:
    """Return colours for a terminal, unless the user has set NO_COLOR (https://no-color.org)."""
    return Style(is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


def print_data(text: str) -> None:
    """Print text to stdout; colours, if it has any, must suit stdout."""
    _replace_unprintable(sys.stdout)
    click.echo(text, color=True)


def print_json(value: Mapping[str, object]) -> None:
    """Print JSON to stdout, in ASCII unless the stream is UTF-8."""
    encoding = getattr(sys.stdout, "encoding", None) or ""
    click.echo(json.dumps(value, indent=2, ensure_ascii=encoding.lower() not in ("utf-8", "utf8")))


def tell(text: str) -> None:
    """Print text for people to stderr."""
    _replace_unprintable(sys.stderr)
    click.echo(text, err=True, color=style_for(sys.stderr).colour)


def tell_warnings(warnings: tuple[Problem, ...]) -> None:
    """Show warnings, if there are any."""
    if warnings:
        tell(problems_text(warnings, style_for(sys.stderr)))


def _replace_unprintable(stream: TextIO | None) -> None:
    """Let a stream print `?` for a character that its encoding lacks, instead of raising UnicodeEncodeError."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
