from __future__ import annotations

import pytest

from atpub.atproto.syntax import Nsid, Rkey, Tid, deterministic_tid
from atpub.engine.desired.model import record_key

NOTE = Nsid("org.test.note")

CASES: list[tuple[str, str, str | None]] = [
    ("any", "digits", "digits"),
    ("any", "org.test.image:1.0.0", "org.test.image:1.0.0"),
    ("any", "org.test.image:1.0.0-rc.1+build.7", "org.test.image:1.0.0-rc.1-build.7"),
    ("any", "image@1.0.0", "image-1.0.0"),
    ("any", "grün und blau", "gr-n-und-blau"),
    ("any", "a/b", "a-b"),
    ("any", "x" * 600, "x" * 512),
    ("any", ".", None),
    ("any", "..", None),
    ("any", "...", "..."),
    ("nsid", "org.test.image", "org.test.image"),
    ("nsid", "image", None),
    ("nsid", "org.test.image:1.0.0", None),
    ("literal:self", "digits", "self"),
    ("literal:self", "anything at all", "self"),
    ("literal:not legal", "digits", None),
]


@pytest.mark.parametrize(("key", "id", "rkey"), CASES)
def test_key_types(key: str, id: str, rkey: str | None) -> None:
    assert record_key(key, NOTE, id) == rkey


@pytest.mark.parametrize("id", ["digits", "grün", "", "x" * 1000, "a/b"])
def test_a_tid_follows_from_collection_and_id(id: str) -> None:
    found = record_key("tid", NOTE, id)
    assert found is not None
    assert found == Rkey(deterministic_tid(NOTE, id))
    assert found != record_key("tid", Nsid("org.test.other"), id)
    assert found != record_key("tid", NOTE, id + "x")
    assert Tid.accepts(found)
    assert Rkey.accepts(found)


def test_the_tid_of_a_name_never_changes() -> None:
    """What is published under a name is found under it for ever: this value is part of the format."""
    assert record_key("tid", Nsid("science.alt.dataset.entry"), "digits") == "3dgshdnu6ogkt"
