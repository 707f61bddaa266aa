"""Arguments that a command does not take, and the options that they may have been meant for."""

from __future__ import annotations

import os.path
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from atpub.atproto.syntax import Did, Handle
from atpub.manifest.kinds import SECTIONS
from atpub.repository.model import is_local

_NOUNS: Final = {
    "-m": "a manifest",
    "--account": "an account",
    "--pds": "a server",
    "--only": "an entry",
    "--take": "an entry",
    "--lexicons": "a folder of lexicons",
    "--out": "a file",
    "--car": "a CAR file",
    "--digest": "a plan's digest",
}
"""The options that an argument may have been meant for, and what they name."""

_MANIFESTS: Final = (".yaml", ".yml")
_FILES: Final = (*_MANIFESTS, ".car", ".csv", ".html", ".json", ".jsonl", ".lock", ".md", ".tar", ".toml", ".txt")
"""The ends of names that, without a file, are more likely files than handles."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def stray_hint(arguments: Sequence[str], ctx: click.Context) -> str:
    """Return how the command takes these arguments: by options, as their looks tell; empty if one looks like none."""
    meant = [next(_options(argument, ctx.command), None) for argument in arguments]
    if None in meant:
        return ""
    named = dict.fromkeys(f"{_NOUNS[option]} with {option}" for option, _ in filter(None, meant))
    example = shlex.join([word for pair in filter(None, meant) for word in pair])
    takes_others = any(isinstance(item, click.Argument) for item in ctx.command.params)
    return f"name {' and '.join(named)}: {'' if takes_others else f'{ctx.command_path} '}{example}"


def _options(argument: str, command: click.Command) -> Iterator[tuple[str, str]]:
    """Yield the options of the command that may be meant, the likeliest first, each with its value."""
    known = {name for item in command.params for name in item.opts}
    return ((option, value) for option, value in _meanings(argument) if option in known)


def _meanings(argument: str) -> Iterator[tuple[str, str]]:
    """Yield the options whose values look like an argument, each with that value.

    `lexists` is for names that are too long, or out of reach, where Path raises OSError.
    """
    if argument == "-" or argument.endswith(_MANIFESTS):
        yield "-m", argument
    elif argument.startswith("at://"):
        yield "--account", argument.removeprefix("at://").partition("/")[0]
    elif argument.startswith(("http://", "https://")):
        yield "--pds", argument
    elif argument.partition("/")[0] in SECTIONS and not os.path.lexists(argument):
        yield "--only", argument
        yield "--take", argument
    elif _DIGEST.fullmatch(argument):
        yield "--digest", argument
    elif argument.endswith(".car"):
        yield "--car", argument
    elif names_account(argument):
        yield "--account", argument
    elif os.path.lexists(argument) and Path(argument).is_dir():
        yield from (("-m", argument), ("--lexicons", argument))
    elif Path(argument).suffix:
        yield "--out", argument


def names_account(argument: str) -> bool:
    """Return whether an argument looks like an account, and not like a file."""
    looks = is_local(argument) or any(kind.accepts(argument.removeprefix("@")) for kind in (Did, Handle))
    return looks and not argument.endswith(_FILES) and not os.path.lexists(argument)
