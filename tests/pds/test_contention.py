"""Four projects write to one account at once: all is written in the end, and each that gives way says why."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from tests.engine.apply.publishing import inventory, prepare, publish, write_lexicons, write_manifest
from tests.faults.proxy import Answer, Exchange, Proxy, Reply, Server, server_at
from tests.pds.reference import Account, ReferencePds
from tests.repository.test_pds_swaps import as_millipds, without_swaps

from atpub.atproto.data import JsonObject
from atpub.engine.apply import PartialApplyError
from atpub.errors import AtpubError, AtpubWarning, HeadMoved, StalePlan
from atpub.repository.pds import PdsRepository, connect

pytestmark = [pytest.mark.pds, pytest.mark.slow]

PROJECTS = ("north", "east", "south", "west")
ROUNDS = 5
TRIES = 30


class Swapless:
    """A server that ignores `swapCommit`; it counts the writes that were meant for another head than they met.

    It carries out one write at a time, so that the head before each is known.
    """

    def __init__(self, pds: ReferencePds, did: str) -> None:
        self.lost = 0
        self._pds = pds
        self._did = did
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> Answer:
        if exchange.point.method != "applyWrites":
            return without_swaps(exchange)
        swap = exchange.json["swapCommit"]
        with self._lock:
            head = self._pds.xrpc("com.atproto.sync.getLatestCommit", params={"did": self._did})["cid"]
            reply = without_swaps(exchange)
            assert isinstance(reply, Reply)
            self.lost += reply.status == 200 and swap != head
            return reply


def one_login(server: Server) -> Server:
    """Log in once: it takes the server half a second."""
    lock, replies = threading.Lock(), list[Reply]()

    def serve(exchange: Exchange) -> Reply:
        if exchange.point.method != "createSession":
            return server(exchange)
        with lock:
            if not replies:
                replies.append(server(exchange))
            return replies[0]

    return serve


def season(folder: Path, project: str, last: int) -> Path:
    """A manifest of all records up to a round, and one that each round changes."""
    records = {f"{project}-{number}": f"{number}" for number in range(last + 1)} | {f"{project}-now": f"{last}"}
    entries: JsonObject = {
        key: {"collection": "org.test.note", "rkey": key, "value": {"text": text}} for key, text in records.items()
    }
    return write_manifest(folder, {"project": project, "records": entries})


def publish_rounds(folder: Path, project: str, repository: PdsRepository) -> Iterator[AtpubError]:
    """Publish each round, and yield each error that made another try necessary."""
    write_lexicons(folder)
    for last in range(ROUNDS):
        manifest = season(folder, project, last)
        for _ in range(TRIES):
            try:
                publish(manifest, repository)
                break
            except AtpubError as error:
                yield error
        else:
            raise AssertionError(f"{project} did not get its way in {TRIES} tries")


def contend(
    pds: ReferencePds, account: Account, meddle: Callable[[Exchange], Answer], folder: Path
) -> tuple[list[AtpubError], list[str]]:
    """Let the projects contend; return their errors and warnings, once all that was published is there."""
    proxy = Proxy(one_login(server_at(pds.url)))
    proxy.meddle = meddle

    def project(name: str) -> list[AtpubError]:
        with closing(connect(account.did, pds=proxy.url, password=account.password)) as repository:
            return list(publish_rounds(folder / name, name, repository))

    with closing(proxy), warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(len(PROJECTS)) as pool:
        warnings.simplefilter("always", AtpubWarning)
        errors = [error for found in pool.map(project, PROJECTS) for error in found]
    with closing(connect(account.did, pds=pds.url)) as repository:
        for name in PROJECTS:
            assert not prepare(season(folder / name, name, ROUNDS - 1), repository).plan.pending
            assert {path.rkey for path in inventory(repository, name).owned} == {
                *(f"{name}-{number}" for number in range(ROUNDS)),
                f"{name}-now",
            }
    return errors, [str(item.message) for item in caught]


def check(errors: list[AtpubError]) -> None:
    """Assert that each error says that another client was first."""
    for error in errors:
        assert error.exit_code in (5, 6), error
        assert isinstance(error, HeadMoved | StalePlan | PartialApplyError), error
        assert error.message


def test_on_the_reference_pds(reference_pds: ReferencePds, pds_account: Account, tmp_path: Path) -> None:
    errors, told = contend(reference_pds, pds_account, Exchange.pass_on, tmp_path)
    check(errors)
    assert told == []


def test_where_a_stale_swap_is_told_in_plain_text(
    reference_pds: ReferencePds, pds_account: Account, tmp_path: Path
) -> None:
    errors, told = contend(reference_pds, pds_account, as_millipds, tmp_path)
    check(errors)
    assert not [text for text in told if "did not keep" in text]  # a commit on top may hide a race


def test_where_swaps_are_ignored(reference_pds: ReferencePds, pds_account: Account, tmp_path: Path) -> None:
    server = Swapless(reference_pds, pds_account.did)
    errors, told = contend(reference_pds, pds_account, server, tmp_path)
    check(errors)
    assert server.lost
    assert len(told) >= server.lost
    assert all("[swap-ignored]" in message for message in told)
