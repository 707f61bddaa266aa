"""What the headers of stores mean."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from atpub.measuring.model import KnownShard
from atpub.measuring.stores import retry_after
from atpub.measuring.validators import conditions, facts_in, is_unchanged
from atpub.pulling.digests import digest_in
from atpub.shards.lock import StoreFacts

DIGEST = sha256(b"").digest()
TEXT = b64encode(DIGEST).decode()
PARTS = f'"{"0" * 32}-2"'
DATE = "Mon, 30 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "is_stated"),
    [
        ({"repr-digest": f"sha-512=:AA==:, sha-256=:{TEXT}:"}, True),
        ({"digest": f"SHA-256={TEXT}"}, True),
        ({"x-amz-checksum-sha256": TEXT, "etag": f'"{"0" * 32}"'}, True),
        ({"x-linked-etag": f'"{DIGEST.hex()}"'}, True),
        ({"x-amz-checksum-sha256": f"{TEXT}-2", "etag": PARTS}, False),
        ({"x-amz-checksum-sha256": TEXT, "etag": PARTS}, False),
        ({"content-digest": f"sha-256=:{TEXT}:"}, False),
        ({"repr-digest": "sha-256=:short=:"}, False),
        ({"x-linked-etag": f'"{"0" * 32}"'}, False),
        ({}, False),
    ],
)
def test_digests(headers: Mapping[str, str], is_stated: bool) -> None:
    assert digest_in(headers) == (DIGEST.hex() if is_stated else None)


def test_facts() -> None:
    assert facts_in({"content-length": "7", "etag": '"a"', "last-modified": DATE}) == StoreFacts(7, None, '"a"', DATE)
    assert facts_in({"content-length": "1", "content-range": "bytes 0-0/9"}).size == 9
    assert facts_in({"content-length": "1", "content-range": "bytes 0-0/*"}).size is None
    assert facts_in({"content-length": "-1", "etag": "é", "last-modified": "\n"}) == StoreFacts()


@pytest.mark.parametrize(
    ("before", "now", "is_same"),
    [
        (StoreFacts(1, etag='"a"'), StoreFacts(1, etag='"a"'), True),
        (StoreFacts(1, etag='"a"'), StoreFacts(1, etag='"b"'), False),
        (StoreFacts(1, etag='W/"a"'), StoreFacts(1, etag='W/"a"'), False),
        (StoreFacts(1, etag='W/"a"', modified=DATE), StoreFacts(1, etag='W/"a"', modified=DATE), True),
        (StoreFacts(1, modified=DATE), StoreFacts(1, modified=DATE), True),
        (StoreFacts(1, modified=DATE), StoreFacts(2, modified=DATE), False),
        (StoreFacts(None, modified=DATE), StoreFacts(None, modified=DATE), False),
        (StoreFacts(1), StoreFacts(1), False),
    ],
)
def test_unchanged(before: StoreFacts, now: StoreFacts, is_same: bool) -> None:
    assert is_unchanged(KnownShard("0" * 64, before), now) is is_same


def test_a_run_that_broke_off_a_moment_ago_is_believed() -> None:
    assert is_unchanged(KnownShard("0" * 64, StoreFacts(1), is_recent=True), StoreFacts(1))
    assert not is_unchanged(KnownShard("0" * 64, StoreFacts(1), is_recent=True), StoreFacts(2))


def test_conditions() -> None:
    assert conditions(None) == {}
    assert conditions(KnownShard("", StoreFacts(1, etag='"a"', modified=DATE))) == {"If-None-Match": '"a"'}
    assert conditions(KnownShard("", StoreFacts(1, modified=DATE))) == {"If-Modified-Since": DATE}
    assert conditions(KnownShard("", StoreFacts(1, etag='W/"a"', modified=DATE))) == {"If-Modified-Since": DATE}
    assert conditions(KnownShard("", StoreFacts(1))) == {}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", None), ("3", 3), ("soon", None), ("-1", None), (DATE, 60), ("Mon, 30 Nov 2020 12:00:00 GMT", 0)],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, datetime(2026, 11, 30, 11, 59, tzinfo=UTC)) == seconds
