"""JSON ↔ DAG-CBOR ↔ CID: known bytes, a slow oracle, round trips, and everything that a record cannot hold."""

import json
from base64 import b64encode
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.atproto.lexicon.slow_cbor import slow_encode
from tests.atproto.lexicon.strategies import CIDS, DATA, JSON, RECORDS

from atpub.atproto.data import (
    Blob,
    Json,
    JsonObject,
    NotInDataModel,
    blobs_in,
    bytes_json,
    bytes_value,
    cid_of,
    decode,
    encode,
    link_bytes,
    loads,
    looks_like_link,
    put,
)
from atpub.atproto.syntax import DAG_CBOR, RAW, Cid, Nsid

ZEROS = Cid.of_digest(bytes(32), RAW)
BLOB: JsonObject = {"$type": "blob", "ref": {"$link": str(ZEROS)}, "mimeType": "text/plain", "size": 7}

VECTORS: list[tuple[str, str, str]] = [
    ("{}", "a0", "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"),
    (
        '{"text": "grüß dich 🦋", "n": -1, "yes": true, "no": false, "none": null}',
        "a5616e20626e6ff463796573f5646e6f6e65f66474657874706772c3bcc39f206469636820f09fa68b",
        "bafyreihsfdxeuxfif7cxqzsko7tywau3zvcoufqh2fgvc5oh7yfa5morfy",
    ),
    (
        """{"$type": "com.example.thing", "raw": [{"$bytes": "3q2+7w"}],
            "to": {"$link": "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"},
            "file": {"$type": "blob", "size": 300.0, "mimeType": "text/plain",
                     "ref": {"$link": "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}}}""",
        """a462746fd82a58250001711220c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a063726177
           8144deadbeef6466696c65a463726566d82a58250001551220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934c
           a495991b7852b8556473697a6519012c65247479706564626c6f62686d696d65547970656a746578742f706c61696e6524
           7479706571636f6d2e6578616d706c652e7468696e67""",
        "bafyreif2r5qhh5h665dkdtgvneu2q56b7rgikn63g3l6swwi7urv5lcale",
    ),
    (
        """{"deep": [{"to": [{"$link": "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"},
                           {"$link": "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}],
                    "raw": [{"$bytes": "3q2+7w"}, {"$bytes": ""}]}, []]}""",
        """a1646465657082a262746f82d82a58250001711220c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0
           d82a58250001551220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8556372617782
           44deadbeef4080""",
        "bafyreieg5qxtw5zr2hz452j4qxkycvbw2s4r564syimxptjzx2ltuw63sq",
    ),
]


def nested(levels: int, kind: str) -> Json:
    value: Json = 1
    for _ in range(levels):
        value = [value] if kind == "array" else {"a": value}
    return {"a": value}


@pytest.mark.parametrize(("text", "block", "cid"), VECTORS)
def test_known_bytes_and_cids(text: str, block: str, cid: str) -> None:
    value = loads(text)
    assert encode(value) == slow_encode(value) == bytes.fromhex(block)
    assert cid_of(value) == cid
    assert decode(bytes.fromhex(block)) == value


@pytest.mark.parametrize(
    ("value", "block"),
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (255, "18ff"),
        (256, "190100"),
        (65_536, "1a00010000"),
        (2**32, "1b0000000100000000"),
        (2**63 - 1, "1b7fffffffffffffff"),
        (-1, "20"),
        (-24, "37"),
        (-25, "3818"),
        (-(2**63), "3b7fffffffffffffff"),
        ("", "60"),
        ("a" * 24, "7818" + "61" * 24),
        ([], "80"),
        ([1, [2]], "82018102"),
        ({"$bytes": ""}, "40"),
        ({"$bytes": "AQI"}, "420102"),
        ({"$bytes": "AQI="}, "420102"),
        ({"$bytes": "AQJ="}, "420102"),
        ({"$link": str(ZEROS)}, "d82a58250001551220" + "00" * 32),
        # what has other fields beside is a plain map, as on a PDS; the validator refuses it
        ({"$bytes": "AQI", "a": 1}, "a26161016624627974657363415149"),
    ],
)
def test_known_bytes_of_values(value: Json, block: str) -> None:
    assert encode(value).hex() == block


def test_keys_are_sorted_by_their_length_in_bytes_and_then_by_their_bytes() -> None:
    block = encode({"bb": 1, "c": 1, "é": 1, "a": 1, "aaa": 1, "Z": 1, "": 1})
    assert list(decode(block)) == ["", "Z", "a", "c", "bb", "é", "aaa"]


def test_text_that_is_a_subclass_of_str_is_text() -> None:
    assert encode({"a": Nsid("a.b.c"), "b": {"$link": ZEROS}}) == encode({"a": "a.b.c", "b": {"$link": str(ZEROS)}})


@pytest.mark.slow
@settings(deadline=None)
@given(RECORDS)
def test_a_record_reads_as_it_was_written_and_its_bytes_are_those_of_the_slow_encoder(record: JsonObject) -> None:
    block = encode(record)
    assert block == slow_encode(record) == encode(dict(reversed(record.items())))
    assert decode(block) == record


@pytest.mark.slow
@settings(deadline=None)
@given(RECORDS, st.booleans())
def test_json_text_reads_the_same(record: JsonObject, escaped: bool) -> None:
    text = json.dumps(record, ensure_ascii=escaped)
    assert loads(text) == loads(text.encode()) == record


@pytest.mark.slow
@settings(deadline=None)
@given(DATA)
def test_the_cid_is_the_hash_of_the_bytes(value: Json) -> None:
    assert cid_of(value) == Cid.of_block(encode(value))


RESEMBLING: Any = [
    251,
    -252,
    27,
    [0x1B80, 0x3BFF, 0xFB],
    2**63 - 1,
    -(2**63),
    ";é",
    "\x1b\x80",
    "a" * 27,
    "a" * 59,
    "é" * 251,
    "$link",
    "$bytes",
    {"$link": 1},
    {"$bytes": None, "a": 1},
    {"$bytesX": "AQI"},
    {"$link": [str(ZEROS)]},
    [str(ZEROS), {"$link": str(ZEROS)}],
    [[]] * 251,
    [{"a": 1}] * 300,
]


@pytest.mark.parametrize(
    "value",
    RESEMBLING,
    ids=lambda value: repr(value)[:30],
)
def test_values_whose_bytes_resemble_others(value: Json) -> None:
    records: list[Json] = [value, {"a": value}, {"text": "x" * 300, "b": [value, 2]}]
    for record in records:
        assert encode(record) == slow_encode(record)


# What a record cannot hold


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        1e300,
        float("nan"),
        float("inf"),
        2**63,
        -(2**63) - 1,
        2**64,
        "\ud800",
        {"\udfff": 1},
        {"$bytes": "A"},
        {"$bytes": "AA AA"},
        {"$bytes": "A-_A"},
        {"$bytes": "é"},
        {"$bytes": "AA==AA=="},
        {"$link": ""},
        {"$link": "b"},
        {"$link": "?"},
        {"$link": "é" * 60},
        {"$link": str(ZEROS).upper()},
        {"$link": "b" + str(ZEROS)[1:].upper()},
        {"$link": str(ZEROS)[:-1]},
        {"$link": str(ZEROS) + "a"},
        {"$link": str(ZEROS)[:-1] + "b"},
        {"$link": "z" + str(ZEROS)[1:]},
        {"$link": str(ZEROS).replace("aaaaa", "ßaaa", 1)},
        {"$link": "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"},
    ],
    ids=repr,
)
def test_some_values_have_no_encoding(value: Json) -> None:
    records: list[Json] = [value, [value], {"a": value}, {"a": [{"b": value}]}]
    for record in records:
        with pytest.raises(NotInDataModel):
            encode(record)


@pytest.mark.parametrize("levels", [600, 1_000, 4_000, 10_000, 100_000])
@pytest.mark.parametrize("kind", ["array", "object"])
def test_what_nests_too_deeply_is_refused_and_no_crash(levels: int, kind: str) -> None:
    with pytest.raises(NotInDataModel, match="nested too deeply"):
        encode(nested(levels, kind))
    opened, closed, block = {"array": ("[", "]", b"\x81"), "object": ('{"a":', "}", b"\xa1\x61a")}[kind]
    with pytest.raises(NotInDataModel, match="nested too deeply"):
        decode(b"\xa1\x61a" + block * levels + b"\x01")
    if levels == 100_000:  # how deep the standard library's reader goes depends on the version of Python
        with pytest.raises(ValueError, match="nested too deeply"):
            loads(opened * levels + "1" + closed * levels)


@pytest.mark.parametrize("kind", ["array", "object"])
def test_what_nests_sensibly_is_stored(kind: str) -> None:
    assert decode(encode(nested(200, kind))) == nested(200, kind)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x01\x71\x12\x20" + bytes(32),  # of a record
        b"\x01\x55\x12\x20" + bytes(32),  # of a blob
        b"\x01\x70\x12\x20" + bytes(32),  # of an IPFS file
        b"\x01\x71\x1e\x20" + bytes(32),  # with another digest
        b"\x01\x71\x13\x40" + bytes(64),  # with a longer one
        b"\x01\x55\x00\x01a",  # with none at all
        b"\x12\x20" + bytes(32),  # version 0: a multihash, which a record may well hold
    ],
    ids=bytes.hex,
)
def test_bytes_that_look_like_a_cid_are_refused_for_they_would_become_a_link(raw: bytes) -> None:
    assert looks_like_link(raw)
    with pytest.raises(NotInDataModel, match="form of a CID"):
        encode({"a": bytes_json(raw)})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x01",
        b"\x12\x20",
        b"\x01\x71\x12\x20" + bytes(31),
        b"\x02\x71\x12\x20" + bytes(32),
        b"\x12\x20" + bytes(33),
    ],
    ids=bytes.hex,
)
def test_other_bytes_stay_bytes(raw: bytes) -> None:
    assert not looks_like_link(raw)
    assert decode(encode({"a": bytes_json(raw)})) == {"a": bytes_json(raw)}


@settings(deadline=None)
@given(
    st.binary(max_size=80)
    | st.builds(bytes.__add__, st.sampled_from([b"\x01\x71\x12", b"\x12"]), st.binary(max_size=70))
)
def test_bytes_are_stored_as_bytes_or_not_at_all(raw: bytes) -> None:
    try:
        block = encode({"a": bytes_json(raw)})
    except NotInDataModel:
        assert looks_like_link(raw)
    else:
        assert block == slow_encode({"a": bytes_json(raw)})


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.sampled_from([0x1E, 0x12, 0x16]), st.sampled_from([DAG_CBOR, RAW, 0x70]))
def test_a_link_may_have_another_digest_or_codec(digest: bytes, function: int, codec: int) -> None:
    raw = bytes([1, codec, function, 32]) + digest
    record: JsonObject = {"a": {"$link": Cid.of_bytes(raw)}}
    assert encode(record) == slow_encode(record)
    assert decode(encode(record)) == record


# Blocks and texts of others


@pytest.mark.parametrize(
    "block",
    [
        "",  # nothing
        "01",  # not an object
        "80",
        "f6",
        "a0a0",  # two of them
        "a1",  # cut short
        "a16161",
        "a2616201616102",  # keys out of order
        "a2616101616102",  # a key twice
        "a10101",  # a key that is no text
        "a161619f01ff",  # of indefinite length
        "bf616101ff",
        "a16161c101",  # another tag
        "a16161d82a4101",  # a link without its zero
        "a16161d82a430001ff",  # a link that is no CID
        "a1616161ff",  # not UTF-8
        "a16161f7",  # undefined
        "a16161f90000",  # a short float
    ],
)
def test_a_block_that_is_no_record_is_refused(block: str) -> None:
    with pytest.raises(NotInDataModel):
        decode(bytes.fromhex(block))


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_block_is_a_record_or_refused(block: bytes) -> None:
    with suppress(NotInDataModel):
        assert isinstance(decode(block), dict)


@pytest.mark.slow
@settings(deadline=None)
@given(JSON)
def test_any_value_is_stored_or_refused(value: Json) -> None:
    with suppress(NotInDataModel):
        assert isinstance(encode(value), bytes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("123.0", 123),
        ("1e2", 100),
        ("-0.0", 0),
        ("-2.50e1", -25),
        ("1.5", 1.5),
        ("12", 12),
        ("9007199254740993", 2**53 + 1),
    ],
)
def test_a_whole_number_is_an_integer_however_it_is_written(text: str, value: float) -> None:
    found = loads(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    ["", "{", "{'a': 1}", '{"a": 1,}', "NaN", "Infinity", "[-Infinity]", "01", '"\t"', "1" * 5_000, b"\xff", b'"\xc3"'],
)
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '[{"b": {"x": 1, "a": 2, "a": 3}}]', '{"\\u0061": 1, "a": 2}'])
def test_a_key_given_twice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the key 'a' is given twice"):
        loads(text)


# Links, bytes and blobs


@settings(deadline=None)
@given(CIDS)
def test_a_cid_has_a_binary_form(cid: Cid) -> None:
    assert link_bytes(cid) == bytes(cid)
    assert Cid.of_bytes(link_bytes(cid)) == cid


@settings(deadline=None)
@given(st.binary())
def test_base64_is_read_with_padding_and_without(raw: bytes) -> None:
    padded = b64encode(raw).decode()
    assert bytes_value(padded) == bytes_value(padded.rstrip("=")) == raw
    assert bytes_json(raw) == {"$bytes": padded.rstrip("=")}


def test_a_blob_is_read_and_written() -> None:
    blob = Blob.from_json(BLOB)
    assert blob == Blob(ZEROS, "text/plain", 7)
    assert blob is not None
    assert blob.to_json() == BLOB


@pytest.mark.parametrize(
    "change",
    [
        {"$type": "blobs"},
        {"ref": str(ZEROS)},
        {"ref": {"$link": "x"}},
        {"ref": {"$link": str(ZEROS), "more": 1}},
        {"ref": None},
        {"mimeType": None},
        {"mimeType": ""},
        {"size": None},
        {"size": "7"},
        {"size": 7.5},
        {"size": True},
        {"size": 0},
        {"size": -1},
        {"more": 1},
    ],
    ids=repr,
)
def test_what_a_server_would_not_keep_is_no_blob(change: JsonObject) -> None:
    value: JsonObject = {**BLOB, **change}
    assert Blob.from_json(value) is None
    assert list(blobs_in({"a": [value]})) == []


@pytest.mark.parametrize("key", ["$type", "ref", "mimeType", "size"])
def test_a_blob_has_all_of_its_fields(key: str) -> None:
    assert Blob.from_json({name: item for name, item in BLOB.items() if name != key}) is None


@pytest.mark.parametrize(
    "value", [None, 1, "blob", [], {}, [BLOB], {"cid": str(ZEROS), "mimeType": "text/plain"}], ids=repr
)
def test_other_values_are_no_blobs(value: Json) -> None:
    assert Blob.from_json(value) is None


def test_blobs_are_found_at_any_depth_in_their_order() -> None:
    others: list[JsonObject] = [{**BLOB, "size": size} for size in (1, 2, 3)]
    record: Json = {"a": others[0], "b": [1, {"c": [others[1]]}, others[2]], "d": others[0], "e": "blob"}
    assert [blob.size for blob in blobs_in(record)] == [1, 2, 3, 1]


@pytest.mark.parametrize(
    ("steps", "made"),
    [
        ((), {"new": 1}),
        (("c",), {"a": {"b": [1, {"x": 2}]}, "c": {"new": 1}}),
        (("a",), {"a": {"new": 1}}),
        (("a", "b", 0), {"a": {"b": [{"new": 1}, {"x": 2}]}}),
        (("a", "b", 1, "x"), {"a": {"b": [1, {"x": {"new": 1}}]}}),
        (("a", "b", 1, "y"), {"a": {"b": [1, {"x": 2, "y": {"new": 1}}]}}),
    ],
)
def test_an_item_is_put_in_its_place_and_the_rest_is_left_alone(steps: tuple[str | int, ...], made: JsonObject) -> None:
    value: JsonObject = {"a": {"b": [1, {"x": 2}]}}
    assert put(value, steps, {"new": 1}) == made
    assert value == {"a": {"b": [1, {"x": 2}]}}


def test_a_whole_float_is_encoded_as_the_integer() -> None:
    assert cid_of({"n": 123.0, "all": [1e2]}) == cid_of({"n": 123, "all": [100]})
    blob: JsonObject = {
        "$type": "blob",
        "ref": {"$link": "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"},
    }
    assert [found.size for found in blobs_in({**blob, "mimeType": "a/b", "size": 3.0})] == [3]
