"""Frames of the event stream: a table."""

from __future__ import annotations

from typing import Any

import libipld
import pytest

from atpub.atproto.repo.events import RepoEvent, StreamProblem, read_frame
from atpub.errors import RepositoryError

DID = "did:plc:aliceaaaaaaaaaaaaaaaaaaa"
OP = {"action": "create", "path": "org.test.note/a", "cid": None}


def frame(header: Any, body: Any) -> bytes:
    return libipld.encode_dag_cbor(header) + libipld.encode_dag_cbor(body)


@pytest.mark.parametrize(
    ("header", "body", "event"),
    [
        (
            {"op": 1, "t": "#commit"},
            {"seq": 7, "repo": DID, "ops": [OP], "tooBig": False, "blocks": b""},
            RepoEvent(7, DID, frozenset(["org.test.note/a"])),
        ),
        ({"op": 1, "t": "#commit"}, {"seq": 7, "repo": DID, "ops": [], "tooBig": True}, RepoEvent(7, DID, None)),
        ({"op": 1, "t": "#sync"}, {"seq": 8, "did": DID}, RepoEvent(8, DID, None)),
        ({"op": 1, "t": "#identity"}, {"seq": 9, "did": DID}, RepoEvent(9, DID)),
        ({"op": 1, "t": "#info"}, {"name": "OutdatedCursor"}, StreamProblem("OutdatedCursor", is_error=False)),
        ({"op": -1}, {"error": "FutureCursor"}, StreamProblem("FutureCursor", is_error=True)),
        ({"op": 1, "t": "#new"}, {"other": 1}, None),
    ],
)
def test_a_frame(header: Any, body: Any, event: object) -> None:
    assert read_frame(frame(header, body)) == event


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        libipld.encode_dag_cbor({"op": 1}),
        frame({"op": 1, "t": "#commit"}, {"seq": 1, "repo": DID, "ops": [{}]}),
        frame({"op": 1, "t": "#commit"}, {"seq": 1, "repo": DID, "ops": [1]}),
        frame([], []),
        b"\x81" * 100_000,
    ],
)
def test_a_malformed_frame(content: bytes) -> None:
    with pytest.raises(RepositoryError):
        read_frame(content)
