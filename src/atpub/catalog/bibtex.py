"""How to cite a dataset: a sentence, and an entry of BibTeX."""

from __future__ import annotations

import re
from typing import Final

from atpub.published.model import DatasetView, LabelView
from atpub.report.escape import escape_terminal

_SPECIAL: Final = {
    **{character: f"\\{character}" for character in "{}%$&#_"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def citation_text(dataset: DatasetView) -> str:
    """Return the sentence that cites a dataset: publisher, year, title, version and URI."""
    year = f" ({year})" if (year := _year(dataset)) else ""
    version = f" (version {latest.version})" if (latest := _latest(dataset)) and latest.version else ""
    return f"{dataset.publisher}{year}. {dataset.title}{version} [Data set]. {dataset.uri}"


def bibtex(dataset: DatasetView) -> str:
    """Return an entry of BibTeX, whose key is made of publisher, year and title."""
    latest = _latest(dataset)
    fields = {
        "title": f"{{{_tex(dataset.title)}}}",
        "author": f"{{{_tex(str(dataset.publisher))}}}",
        "year": _year(dataset),
        "version": _tex(latest.version) if latest else "",
        "howpublished": rf"\url{{{dataset.uri}}}",
        "note": f"CID {dataset.cid}",
    }
    lines = [f"  {name:<12} = {{{text}}}," for name, text in fields.items() if text]
    return "\n".join([f"@misc{{{_key(dataset)},", *lines, "}"])


def _latest(dataset: DatasetView) -> LabelView | None:
    return max(dataset.labels, key=lambda label: label.created_at, default=None)


def _year(dataset: DatasetView) -> str:
    return dataset.created_at[:4] if re.match(r"\d{4}-", dataset.created_at, re.ASCII) else ""


def _key(dataset: DatasetView) -> str:
    publisher = (dataset.publisher.handle or "").partition(".")[0]
    word = next(iter(re.findall(r"[A-Za-z][A-Za-z0-9]+", dataset.title)), "dataset")
    return "".join(re.findall(r"[a-z0-9]+", f"{publisher}{_year(dataset)}{word}".lower()))


def _tex(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in escape_terminal(text))
