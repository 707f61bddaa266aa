"""The texts of generated docstrings, from a lexicon's descriptions or in place of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from atpub.atproto.lexicon.model import Lexicon, Lexicons, Name, Ref, Type

_BODIES: Final[Mapping[tuple[str, ...], str]] = {
    ("output", "schema"): "output",
    ("input", "schema"): "input",
    ("parameters",): "parameters",
}


def of_lexicon(lexicon: Lexicon) -> str:
    """Return the description of a lexicon, else that of its main definition."""
    main = lexicon.main
    return lexicon.description or (main.description if main else "")


def of_field(kind: Type, lexicons: Lexicons, required: bool) -> str:
    """Return the description of a field, and the default of an optional one."""
    text = kind.description
    if not text and isinstance(kind, Ref):
        target = lexicons.find(kind.target)
        text = target.description if target else ""
    default = None if required else getattr(kind, "default", None)
    return text if default is None else f"{text} Readers take {default!r} where it is absent.".strip()


def of_place(definition: Name, within: tuple[str, ...]) -> str:
    """Describe the type at a place in a definition: `The output of …`, `An item of parts of …`."""
    whole = f"the {_BODIES[within[:1]]} of {definition}" if within[:1] in _BODIES else ""
    whole = f"the {_BODIES[within[:2]]} of {definition}" if within[:2] in _BODIES else whole or str(definition)
    if within == ("record",):
        return f"A record of {definition}."
    steps = iter(within)
    for step in steps:
        if step == "properties":
            whole = f"`{next(steps)}` of {whole}"
        elif step == "items":
            whole = f"an item of {whole}"
    return f"{whole[0].upper()}{whole[1:]}." if within else whole
