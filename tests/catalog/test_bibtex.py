"""How to cite a dataset."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.datasets import CID, DID, TIME, dataset, uri

from atpub.catalog.bibtex import bibtex
from atpub.catalog.facts import citation_text
from atpub.catalog.formats import FORMATS, render
from atpub.published.model import LabelView, PublisherView

PUBLISHER = PublisherView(DID, "lab.example")


def test_a_citation_names_publisher_year_title_version_and_uri() -> None:
    labels = [LabelView(uri("l", "label"), "d", "1.2.0", "", str(uri()), TIME)]
    found = dataset(publisher=PUBLISHER, title="Digits & more", created_at=TIME, labels=labels)
    assert citation_text(found) == f"lab.example (2026). Digits & more (version 1.2.0) [Data set]. {uri()}"
    assert bibtex(found) == (
        "@misc{lab2026digits,\n"
        "  title        = {{Digits \\& more}},\n"
        "  author       = {{lab.example}},\n"
        "  year         = {2026},\n"
        "  version      = {1.2.0},\n"
        f"  howpublished = {{\\url{{{uri()}}}}},\n"
        f"  note         = {{CID {CID}}},\n"
        "}"
    )


def test_all_name_the_newest_version_whatever_labels_without_one_came_later() -> None:
    labels = [
        LabelView(uri("a", "label"), "d", "1.2.0", "", str(uri()), TIME),
        LabelView(uri("b", "label"), "best", "", "", str(uri()), "2026-09-01T00:00:00.000Z"),
    ]
    found = dataset(publisher=PUBLISHER, created_at=TIME, labels=labels)
    for text in (citation_text(found), bibtex(found), *(render(name, found) for name in FORMATS)):
        assert "1.2.0" in text.replace("\\", "")  # as Markdown escapes it


@given(st.text())
def test_no_text_ends_a_field(text: str) -> None:
    found = bibtex(dataset(text, publisher=PublisherView(DID, text)))
    depth = 0
    plain = found.replace("\\{", "").replace("\\}", "")
    for number, character in enumerate(plain):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth > 0 or number == len(plain) - 1 or number < len("@misc{")
    assert found.count("\n") == len(found.splitlines()) - 1
    assert all(line.startswith(("@misc{", "  ", "}")) for line in found.split("\n"))
