"""Writing an inventory: in few commits, beside other clients, and never over their changes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing

import pytest
from tests.engine.apply.publishing import remove, scratch, write
from tests.engine.apply.wrappers import Counting, Failing, Interrupted, Narrow
from tests.engine.audit.inventories import desired, listing, note

from atpub.atproto.syntax import Nsid, RecordPath, Rkey
from atpub.engine.apply import PartialApplyError, write_inventory
from atpub.engine.audit.rebuild import Rebuild, rebuild
from atpub.engine.audit.verify import verify
from atpub.engine.inventory import COLLECTION
from atpub.errors import RateLimited, StalePlan
from atpub.repository.local import LocalRepository
from atpub.repository.model import Create, Live, Record
from atpub.repository.snapshot import read_all

COUNT = 400


@pytest.fixture
def repository() -> Generator[LocalRepository]:
    """A repository with notes, and a damaged inventory of theirs."""
    with scratch() as folder, closing(LocalRepository(folder / "repository")) as repository:
        write(repository, *(create(note(f"n{number}")) for number in range(199)))
        write(repository, *(create(note(f"n{number}")) for number in range(199, 398)))
        write(repository, *map(create, (note("n398"), note("n399"), listing("ours", {}))))
        yield repository


def create(record: Record) -> Create:
    return Create(record.path, record.value)


def planned(repository: LocalRepository) -> tuple[Rebuild, Live]:
    live = read_all(repository)
    return rebuild(live, "ours", tuple(desired(f"n{number}") for number in range(COUNT))), live


def test_one_commit_where_it_fits(repository: LocalRepository) -> None:
    found, live = planned(repository)
    assert len(found.writes) > 2
    counting = Counting(repository)
    (head,) = write_inventory(found.writes, live, counting)
    assert head == repository.head()
    assert counting.batches == [found.writes]
    audit = verify(read_all(repository), "ours")
    assert (audit.owned, audit.exact) == (COUNT, True)


@pytest.mark.parametrize("told", [True, False], ids=["the limit is known", "the limit is found out"])
def test_several_commits_where_it_does_not(repository: LocalRepository, told: bool) -> None:
    found, live = planned(repository)
    counting = Counting(Narrow(repository, 2, told=told))
    heads = write_inventory(found.writes, live, counting)
    assert len(heads) == len(counting.batches) > 1
    assert [write for batch in counting.batches for write in batch] == list(found.writes)
    assert verify(read_all(repository), "ours").exact


def post(repository: LocalRepository) -> Callable[[], None]:
    """Another client writes something that has nothing to do with it."""
    path = RecordPath(Nsid("com.example.post"), Rkey("a"))
    return lambda: write(repository, Create(path, {"$type": "com.example.post"}))


def test_other_writes_do_not_matter(repository: LocalRepository) -> None:
    found, live = planned(repository)
    write_inventory(found.writes, live, Interrupted(Narrow(repository, 2), 1, post(repository)))
    assert verify(read_all(repository), "ours").exact


@pytest.mark.parametrize(("commit", "error"), [(0, StalePlan), (1, PartialApplyError)])
def test_a_foreign_change_of_an_inventory_stops_it(
    repository: LocalRepository, commit: int, error: type[Exception]
) -> None:
    found, live = planned(repository)
    theirs = listing("theirs", project="theirs")
    interrupted = Interrupted(Narrow(repository, 2), commit, lambda: write(repository, create(theirs)))
    with pytest.raises(error, match="modified meanwhile"):
        write_inventory(found.writes, live, interrupted)
    again, now = planned(repository)
    write_inventory(again.writes, now, repository)
    assert verify(read_all(repository), "ours").exact


def test_a_rate_limit_halfway_says_until_when(repository: LocalRepository) -> None:
    found, live = planned(repository)
    limited = Failing(Narrow(repository, 2), {1}, lambda: RateLimited("too many", reset=1_700_000_000))
    with pytest.raises(
        PartialApplyError, match=f"2 of {len(found.writes)} inventory records were written, then: too"
    ) as caught:
        write_inventory(found.writes, live, limited)
    assert (caught.value.exit_code, caught.value.code) == (8, "rate-limited")
    assert caught.value.hint == "run again after 2023-11-14 22:13:20 UTC"


def test_nothing_to_write_is_no_commit(repository: LocalRepository) -> None:
    remove(repository, RecordPath(COLLECTION, Rkey("ours")))
    live = read_all(repository)
    assert write_inventory(rebuild(live, "ours", ()).writes, live, repository) == ()
