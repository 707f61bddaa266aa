"""The records of a snapshot: those that a filter selects, and no other is decoded."""

from collections.abc import Mapping
from itertools import chain

import libipld
import pytest
from tests.repository.samples import NOTE, OTHER, at, note

from atpub.atproto.data import JsonObject, cid_of, encode
from atpub.atproto.repo import block, mst
from atpub.atproto.repo.car import Car, Snapshot, snapshot_of
from atpub.atproto.repo.commit import sign_commit
from atpub.atproto.repo.signing import SigningKey
from atpub.atproto.syntax import Cid, RecordPath, Tid
from atpub.errors import RepositoryError
from atpub.repository.filter import RecordFilter
from atpub.repository.model import LOCAL_DID, Head, Record
from atpub.repository.snapshot import head_of, records_of

REV = Tid.of(1_700_000_000_000_000)
VALUES: dict[RecordPath, JsonObject] = {
    **{at(f"n{number}"): note(f"note {number}") for number in range(9)},
    at("one", OTHER): {"$type": OTHER, "text": "other"},
}


def snapshot(records: Mapping[bytes, bytes]) -> Snapshot:
    """The snapshot of a repository with these blocks, by key."""
    tree = mst.update(mst.EMPTY, {key: block.cid_of(content) for key, content in records.items()})
    commit = sign_commit(SigningKey.generate(), LOCAL_DID, tree.cid, REV)
    root = block.cid_of(commit)
    held = ((block.cid_of(content), content) for content in records.values())
    return snapshot_of(Car((root,), dict(chain([(root, commit)], mst.blocks(tree), held))), LOCAL_DID)


WHOLE = snapshot({str(path).encode(): encode(value) for path, value in VALUES.items()})


def test_all_records() -> None:
    assert records_of(WHOLE) == {path: Record(path, cid_of(value), value) for path, value in VALUES.items()}
    assert head_of(WHOLE) == Head(Cid.of_bytes(WHOLE.root), REV)


def test_the_records_that_a_filter_selects() -> None:
    assert {*records_of(WHOLE, RecordFilter(frozenset([OTHER])))} == {at("one", OTHER)}
    single = RecordFilter(paths=frozenset([at("n7"), at("n8"), at("none")]))
    assert {*records_of(WHOLE, single)} == {at("n7"), at("n8")}
    assert not records_of(WHOLE, RecordFilter())


def test_a_record_of_other_collections_may_be_malformed() -> None:
    """A repository of many years holds what no reader of today would take; only what is asked for matters."""
    found = snapshot({b"com.example.other/x": libipld.encode_dag_cbor([1])})
    assert not records_of(found, RecordFilter(frozenset([NOTE])))
    with pytest.raises(RepositoryError, match=r"com\.example\.other/x is malformed"):
        records_of(found)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"nonsense", note()),
        (b"com.example.note/a/b", note()),
        (b"com.example.note/\xff", note()),
        (b"com.example.note/number", 1),
        (b"com.example.note/list", [note()]),
    ],
    ids=repr,
)
def test_a_malformed_record_is_refused(key: bytes, value: object) -> None:
    with pytest.raises(RepositoryError, match="malformed"):
        records_of(snapshot({key: libipld.encode_dag_cbor(value)}))
