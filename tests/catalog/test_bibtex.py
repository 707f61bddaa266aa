"""How to cite a dataset."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.datasets import CID, DID, TIME, dataset, uri

from atpub.catalog.bibtex import bibtex, citation_text
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
