"""Deleting all that a project owns on the reference PDS, inventory included, against bare deletes in as large batches.

Aim: 1.5 times as long.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

from atpub.atproto.data import cid_of
from atpub.atproto.syntax import Nsid, RecordPath, Rkey
from atpub.engine.apply import apply_plan
from atpub.engine.inventory import Inventory, Owned
from atpub.engine.owned_records import read_owned
from atpub.engine.plan.build import plan_manifest
from atpub.manifest.model import Policy
from atpub.repository.filter import RecordFilter
from atpub.repository.interface import Repository
from atpub.repository.model import Create, Delete, Write
from atpub.repository.pds import connect
from tests.benchmarks.harness import compare_prepared
from tests.benchmarks.pds import fresh
from tests.pds.reference import ReferencePds, serve

COUNT, BATCH, RUNS = 5_000, 200, 3
NOTE = Nsid("org.example.note")
PATHS = [RecordPath(NOTE, Rkey(f"n{number}")) for number in range(COUNT)]


def write(repository: Repository, writes: list[Write]) -> None:
    """Commit the writes in batches."""
    head = repository.head()
    for start in range(0, len(writes), BATCH):
        assert head is not None
        head = repository.apply_writes(writes[start : start + BATCH], head.cid).head


def filled(pds: ReferencePds) -> Iterator[Repository]:
    """Repositories of fresh accounts that hold the records."""
    while True:
        account = fresh(pds)
        with closing(connect(account.did, pds=pds.url, password=account.password)) as repository:
            write(repository, [Create(path, {"$type": NOTE, "text": str(path)}) for path in PATHS])
            yield repository


def destroyed(repository: Repository) -> Callable[[], None]:
    """Make a project own the records, and plan to delete them."""
    owned = {path: Owned(path.rkey, path, cid_of({"$type": NOTE, "text": str(path)})) for path in PATHS}
    write(repository, list(Inventory("bench").writes(owned)))
    live = read_owned(repository, RecordFilter())
    plan = plan_manifest((), live, project="bench", account=repository.did, now=datetime.now(UTC), policy=Policy(1.0))
    assert len(plan.changes) == COUNT

    def run() -> None:
        apply_plan(plan, repository, {})

    return run


def bench() -> None:
    """The newer PDS."""
    with serve("0.5") as pds:
        repositories = filled(pds)

        def theirs() -> Callable[[], None]:
            repository = next(repositories)
            return lambda: write(repository, [Delete(path) for path in PATHS])

        compare_prepared(
            f"PDS {pds.version}: destroy {COUNT:,} records",
            lambda: destroyed(next(repositories)),
            "bare deletes",
            theirs,
            runs=RUNS,
        )
