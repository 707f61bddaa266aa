"""Filters of records, as values."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from tests.repository.samples import NOTE, OTHER, at, note

from atpub.atproto.data import cid_of
from atpub.atproto.syntax import Nsid, RecordPath
from atpub.repository.filter import RecordFilter, read_with_follow_up
from atpub.repository.model import Record

THIRD = Nsid("com.example.third")
PATHS = [at(rkey, collection) for rkey in ("a", "b") for collection in (NOTE, OTHER, THIRD)]
ALL = [*PATHS, *(at("more", collection) for collection in (NOTE, OTHER, THIRD))]

wanted = st.builds(
    RecordFilter,
    st.frozensets(st.sampled_from([NOTE, OTHER, THIRD])),
    st.frozensets(st.sampled_from(PATHS)),
)


def selected(by: RecordFilter) -> set[RecordPath]:
    return {path for path in ALL if path in by}


@given(wanted, wanted)
def test_one_holds_another_if_it_holds_every_path(one: RecordFilter, other: RecordFilter) -> None:
    assert (one <= other) == (selected(one) <= selected(other))


@given(wanted, wanted)
def test_together_and_without(one: RecordFilter, other: RecordFilter) -> None:
    assert selected(one | other) == selected(one) | selected(other)
    assert selected(one - other) >= selected(one) - selected(other)
    assert selected((one - other) | other) == selected(one) | selected(other)
    assert not (one - one).collections
    assert not (one - one).paths


@given(wanted, wanted)
def test_a_follow_up_is_read_once(first: RecordFilter, more: RecordFilter) -> None:
    read: list[RecordPath] = []

    def read_part(part: RecordFilter) -> Mapping[RecordPath, Record]:
        found = {path: Record(path, cid_of(note()), note()) for path in sorted(selected(part))}
        read.extend(found)
        return found

    extended, found = read_with_follow_up(read_part, first, lambda _: more)
    assert selected(extended) == {*found} == selected(first) | selected(more)
    assert len(read) == len(found)
