"""Keys are legal, differ, and depend on no order."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from atpub.atproto.syntax import Nsid, RecordPath, Rkey
from atpub.importing.keys import choose_keys, key_of, slug
from atpub.manifest.schema import KEY

NOTE = Nsid("org.test.note")
NAMES = st.lists(st.sampled_from(["", "a", "b", "c", "note-1"]), max_size=3)


def at(rkey: str) -> RecordPath:
    return RecordPath(NOTE, Rkey(rkey))


@given(st.text(max_size=300))
def test_any_text_gives_a_legal_key_or_none(text: str) -> None:
    for made in (slug(text), key_of(text)):
        assert not made or re.match(KEY, made)


def test_a_slug_reads_well() -> None:
    assert slug("Handwritten Digits, é 10 %!") == "handwritten-digits-e-10"
    assert slug("日本") == ""
    assert key_of("org.lab.image:1.0.0+b") == "org.lab.image-1.0.0-b"


@given(st.lists(NAMES, max_size=8), st.sets(st.sampled_from(["a", "b", "note-1"])))
def test_keys_differ_and_do_not_depend_on_the_order(names: list[list[str]], taken: set[str]) -> None:
    candidates = {at(str(number)): found for number, found in enumerate(names)}
    keys = choose_keys(candidates, taken)
    assert keys.keys() == candidates.keys()
    assert len(set(keys.values())) == len(keys)
    assert taken.isdisjoint(keys.values())
    assert choose_keys(dict(reversed(candidates.items())), taken) == keys


def test_records_that_would_share_a_key_all_get_a_longer_one() -> None:
    candidates = {at("1"): ["cats", "cats-1"], at("2"): ["cats", "cats-2"], at("3"): ["dogs"]}
    assert choose_keys(candidates, {"dogs"}) == {at("1"): "cats-1", at("2"): "cats-2", at("3"): "note-1"}
