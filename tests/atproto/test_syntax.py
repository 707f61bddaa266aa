"""Identifiers: made from text that keeps their rule, and from nothing else; what they are made of; the TIDs of names.

Which texts keep which rule is in the table of formats (tests/atproto/lexicon/cases/formats.yaml).
"""

import string
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.atproto.lexicon.tables import table, written_out

from atpub.atproto.syntax import (
    DAG_CBOR,
    RAW,
    AtUri,
    Cid,
    Did,
    Handle,
    Nsid,
    RecordPath,
    Rkey,
    SyntaxViolation,
    Tid,
    deterministic_tid,
    parse_at_identifier,
)

KINDS: dict[str, type[Did | Handle | Nsid | Rkey | Tid]] = {
    "did": Did,
    "handle": Handle,
    "nsid": Nsid,
    "record-key": Rkey,
    "tid": Tid,
}
TEXTS = [
    pytest.param(name, written_out(text), good == "valid", id=f"{name}: {good}: {text}")
    for name in KINDS
    for texts in table("formats.yaml")[name].values()
    for good in ("valid", "invalid")
    for text in texts.get(good, [])
]
EMPTY = Cid("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")


@pytest.mark.parametrize(("name", "text", "valid"), TEXTS)
def test_a_text_becomes_an_identifier_or_a_violation(name: str, text: str, valid: bool) -> None:
    kind = KINDS[name]
    assert kind.accepts(text) is valid
    if valid:
        assert kind.parse(text) == text
        assert type(kind.parse(text)) is kind
    else:
        with pytest.raises(SyntaxViolation):
            kind.parse(text)


@pytest.mark.parametrize("texts", table("formats.yaml")["at-uri"].values(), ids=table("formats.yaml")["at-uri"].keys())
def test_a_text_becomes_an_at_uri_or_a_violation(texts: dict[str, list[str]]) -> None:
    for text in map(written_out, texts.get("valid", [])):
        assert str(AtUri.parse(text)) == text
    for text in map(written_out, texts.get("invalid", [])):
        with pytest.raises(SyntaxViolation, match="is not a valid AT URI"):
            AtUri.parse(text)


def test_a_violation_says_which_text_and_which_kind() -> None:
    with pytest.raises(SyntaxViolation, match="'a b' is not a valid record key"):
        Rkey.parse("a b")
    with pytest.raises(SyntaxViolation, match="x…' is not a valid NSID"):
        Nsid.parse("x" * 10_000)
    with pytest.raises(SyntaxViolation) as caught:
        AtUri.parse("at://\x1b[31m\ud800" + "x" * 10_000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
    assert issubclass(SyntaxViolation, ValueError)


def test_an_identifier_is_text() -> None:
    texts: dict[str, int] = {Nsid("a.b.c"): 1}
    assert texts["a.b.c"] == 1
    assert f"{Nsid('a.b.c')}" == "a.b.c"


def test_the_parts_of_an_nsid() -> None:
    assert Nsid("org.lab.data.thing").segments == ("org", "lab", "data", "thing")
    assert Nsid("org.lab.data.thing").name == "thing"


def test_a_record_path_has_two_parts() -> None:
    path = RecordPath.parse("org.lab.thing/a:b")
    assert path == (Nsid("org.lab.thing"), Rkey("a:b"))
    assert (type(path.collection), type(path.rkey)) == (Nsid, Rkey)
    assert str(path) == "org.lab.thing/a:b"


@pytest.mark.parametrize(
    "text",
    ["", "/", "org.lab.thing", "org.lab.thing/", "/self", "org.lab/self", "org.lab.thing/a/b", "org.lab.thing/.."],
)
def test_other_paths_are_refused(text: str) -> None:
    with pytest.raises(SyntaxViolation):
        RecordPath.parse(text)


def test_an_identifier_of_an_account_is_a_did_or_a_handle() -> None:
    assert type(parse_at_identifier("did:web:lab.example")) is Did
    assert type(parse_at_identifier("lab.example")) is Handle
    for text in ("", "lab", "did:web:", "did.web.1", "@lab.example"):
        with pytest.raises(SyntaxViolation):
            parse_at_identifier(text)


def test_the_parts_of_an_at_uri() -> None:
    did, collection, rkey = Did("did:web:lab.example"), Nsid("org.lab.thing"), Rkey("self")
    assert AtUri.parse("at://did:web:lab.example") == AtUri(did)
    assert AtUri.parse("at://did:web:lab.example/org.lab.thing") == AtUri(did, collection)
    whole = AtUri.parse("at://did:web:lab.example/org.lab.thing/self")
    assert whole == AtUri(did, collection, rkey) == AtUri.of(did, RecordPath(collection, rkey))
    assert whole.path == RecordPath(collection, rkey)
    assert AtUri(did, collection).path is None
    assert AtUri(did).path is None
    assert type(AtUri.parse("at://lab.example").authority) is Handle


# CIDs


def test_the_cid_of_bytes_of_which_it_is_known() -> None:
    assert Cid.of_digest(sha256(b"").digest(), RAW) == EMPTY
    assert Cid.of_block(b"\xa0") == "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
    assert bytes(EMPTY).hex() == "01551220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    "text",
    [
        "",
        EMPTY[:-1],
        EMPTY + "a",
        EMPTY.upper(),
        " " + EMPTY,
        EMPTY + "\n",
        EMPTY[:-1] + "v",  # bits that belong to no byte
        EMPTY[:-1] + "1",
        EMPTY.replace("bafkrei", "bafkrej"),  # a digest of another length
        "bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",  # another codec
        "zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA",
        "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
    ],
)
def test_other_cids_are_refused(text: str) -> None:
    with pytest.raises(SyntaxViolation):
        Cid.parse(text)


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.sampled_from([DAG_CBOR, RAW]))
def test_a_digest_comes_out_of_its_cid(digest: bytes, codec: int) -> None:
    cid = Cid.of_digest(digest, codec)
    assert Cid.parse(cid) == cid
    assert bytes(cid) == bytes([1, codec, 0x12, 0x20]) + digest


@pytest.mark.slow
@settings(deadline=None)
@given(st.from_regex(r"baf[ky]rei[a-z2-7]{52}", fullmatch=True))
def test_what_is_taken_for_a_cid_is_the_text_of_its_bytes(text: str) -> None:
    try:
        raw = bytes(Cid(text))
    except ValueError:  # its last bits stand for no byte
        raw = b""
    assert Cid.accepts(text) is (raw[2:4] == b"\x12\x20" and Cid.of_bytes(raw) == text)


# TIDs


def test_the_tid_of_a_time() -> None:
    assert Tid.of(0) == "2222222222222"
    assert Tid.of(2**53 - 1, 1023) == "bzzzzzzzzzzzz"
    assert Tid.of(1_700_000_000_000_000) == "3ke6kg3wk2222"
    assert Tid("3ke6kg3wk2222").microseconds == 1_700_000_000_000_000


@settings(deadline=None)
@given(st.integers(0, 2**53 - 1), st.integers(0, 1023), st.integers(0, 2**53 - 1))
def test_tids_keep_their_time_and_sort_by_it(time: int, clock: int, other: int) -> None:
    tid = Tid.of(time, clock)
    assert Tid.parse(tid) == tid
    assert tid.microseconds == time
    if time != other:
        assert (tid < Tid.of(other, clock)) is (time < other)


def test_a_name_has_always_the_same_tid() -> None:
    assert deterministic_tid("science.alt.dataset.entry", "digits") == "3dgshdnu6ogkt"
    assert deterministic_tid("science.alt.dataset.entry", "letters") != deterministic_tid(
        "science.alt.dataset.entry", "digits"
    )
    assert deterministic_tid("a.b.c", "d") != deterministic_tid("a.b", "c.d")


@settings(deadline=None)
@given(st.text(string.ascii_letters + ".", max_size=20), st.text(max_size=20).filter(lambda name: name.isprintable()))
def test_the_tid_of_a_name_lies_in_the_past(collection: str, name: str) -> None:
    tid = deterministic_tid(collection, name)
    assert Tid.accepts(tid)
    moment = datetime.fromtimestamp(tid.microseconds / 1_000_000, UTC)
    assert 2001 <= moment.year <= 2020


def test_ten_thousand_names_have_ten_thousand_tids() -> None:
    assert len({deterministic_tid("science.alt.dataset.entry", str(number)) for number in range(10_000)}) == 10_000


# Texts of any kind


@settings(deadline=None)
@given(st.text(max_size=40) | st.text("adi:/.%#?-_~@1", max_size=40).map(lambda rest: "at://did:web:a" + rest))
def test_any_text_is_an_at_uri_that_reads_the_same_or_a_violation(text: str) -> None:
    try:
        uri = AtUri.parse(text)
    except SyntaxViolation:
        return
    assert str(uri) == text
