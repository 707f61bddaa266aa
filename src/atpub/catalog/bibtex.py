"""An entry of BibTeX, which cites a dataset."""

from __future__ import annotations

import re
from typing import Final

from atpub.catalog import facts
from atpub.published.model import DatasetView
from atpub.report.escape import escape_terminal

_SPECIAL: Final = {
    **{character: f"\\{character}" for character in "{}%$&#_"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def bibtex(dataset: DatasetView) -> str:
    """Return an entry of BibTeX, whose key is made of publisher, year and title."""
    fields = {
        "title": f"{{{_tex(facts.title(dataset))}}}",
        "author": f"{{{_tex(str(dataset.publisher))}}}",
        "year": facts.year(dataset),
        "version": _tex(facts.version(dataset) or ""),
        "howpublished": rf"\url{{{dataset.uri}}}",
        "note": f"CID {dataset.cid}",
    }
    lines = [f"  {name:<12} = {{{text}}}," for name, text in fields.items() if text]
    return "\n".join([f"@misc{{{_key(dataset)},", *lines, "}"])


def _key(dataset: DatasetView) -> str:
    publisher = (dataset.publisher.handle or "").partition(".")[0]
    word = next(iter(re.findall(r"[A-Za-z][A-Za-z0-9]+", dataset.title)), "dataset")
    return "".join(re.findall(r"[a-z0-9]+", f"{publisher}{facts.year(dataset)}{word}".lower()))


def _tex(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in escape_terminal(text))
