"""Each way in which an inventory may be wrong is found, and nothing is found in one that is right."""

from __future__ import annotations

import pytest
from tests.engine.audit.inventories import NOTE, at, listing, live, note, owned

from atpub.atproto.syntax import Nsid, RecordPath, Rkey
from atpub.engine.audit.verify import verify
from atpub.repository.model import Record

THEIRS = listing("theirs", owned("t"), project="theirs")
UNRELATED = Record(RecordPath(Nsid("com.example.post"), Rkey("p")), note("p").cid, {})
A, B = note("a"), note("b")

EXACT = {
    "nothing at all": (),
    "nothing owned": (A,),
    "one record": (A, B, listing("ours", owned("a"), owned("b"))),
    "another layout": (A, B, listing("x", owned("a")), listing("ours:77", owned("b")), listing("ours")),
    "others beside it": (A, listing("ours", owned("a")), note("t"), THEIRS, UNRELATED),
    "another project's is wrong": (A, listing("ours", owned("a")), THEIRS),
}


@pytest.mark.parametrize("name", EXACT)
def test_an_inventory_that_is_right(name: str) -> None:
    assert verify(live(*EXACT[name]), "ours").findings == ()


DAMAGED = listing("ours", owned("a"), {"id": "b"}, owned("c"))
WRONG = {
    "missing": ([A, listing("ours", owned("a"), owned("b"))], {"missing": str(at("b"))}),
    "changed": ([note("a", "edited"), listing("ours", owned("a"))], {"changed": str(at("a"))}),
    "listed twice": (
        [A, listing("ours", owned("a")), listing("ours:1", owned("a", "old"))],
        {"listed-twice": str(at("a")), "changed": str(at("a"))},
    ),
    "two owners": (
        [A, listing("ours", owned("a")), listing("theirs", owned("a"), project="theirs")],
        {"two-owners": str(at("a"))},
    ),
    "damaged": ([A, DAMAGED], {"damaged": "dev.atpub.inventory/ours"}),
    "another project's is damaged": (
        [A, listing("ours", owned("a")), listing("theirs", {}, project="theirs")],
        {"damaged": "dev.atpub.inventory/theirs"},
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_inventory_that_is_wrong(name: str) -> None:
    records, expected = WRONG[name]
    findings = verify(live(*records), "ours").findings
    assert {str(item.code): str(item.uri.path) for item in findings} == expected
    assert len(findings) == len(expected)
    assert all(item.message and item.effect and item.hint for item in findings)


def test_a_damaged_record_says_what_of_it_can_be_read_and_whose_it_is() -> None:
    (ours,) = verify(live(DAMAGED), "ours").findings
    assert "2 of its 3 entries can be read" in ours.message
    (theirs,) = verify(live(DAMAGED), "others").findings
    assert "'ours'" in theirs.hint


def test_what_else_is_there() -> None:
    audit = verify(live(A, B, listing("ours", owned("a")), note("t"), THEIRS, UNRELATED), "ours")
    assert (audit.owned, audit.others) == (1, {"theirs": 1})
    assert audit.unowned == {Nsid("com.example.post"): 1, NOTE: 1}
