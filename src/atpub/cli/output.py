"""Where output goes: data to stdout, everything else to stderr, colour only on a terminal."""

from __future__ import annotations

import json
import os
import sys
from typing import TextIO

import click

from atpub.lexicon.data import JsonObject
from atpub.report.style import Style


def style_for(stream: TextIO) -> Style:
    """Colours where the stream is a terminal and the user has not said NO_COLOR (https://no-color.org)."""
    return Style(stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


def print_data(text: str) -> None:
    """Text to stdout; its colours, if it has any, are right for stdout."""
    click.echo(text, color=True)


def print_json(value: JsonObject) -> None:
    """JSON to stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def tell(text: str) -> None:
    """Text to stderr, for people."""
    click.echo(text, err=True, color=style_for(sys.stderr).colour)
