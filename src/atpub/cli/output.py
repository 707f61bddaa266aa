"""Where output goes: data to stdout, everything else to stderr, colour only on a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import TextIO

import click

from atpub.report.style import Style


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is there, open, and a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


def style_for(stream: TextIO | None) -> Style:
    """Colours where the stream is a terminal and the user has not said NO_COLOR (https://no-color.org)."""
    return Style(is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


def print_data(text: str) -> None:
    """Text to stdout; its colours, if it has any, are right for stdout."""
    _replace_unprintable(sys.stdout)
    click.echo(text, color=True)


def print_json(value: Mapping[str, object]) -> None:
    """JSON to stdout, in ASCII where that is all the stream is sure to hold."""
    encoding = getattr(sys.stdout, "encoding", None) or ""
    click.echo(json.dumps(value, indent=2, ensure_ascii=encoding.lower() not in ("utf-8", "utf8")))


def tell(text: str) -> None:
    """Text to stderr, for people."""
    _replace_unprintable(sys.stderr)
    click.echo(text, err=True, color=style_for(sys.stderr).colour)


def _replace_unprintable(stream: TextIO | None) -> None:
    """Let a stream print `?` for a character that its encoding does not have, where Python would stop."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
