"""Servers that treat swapCommit in their own way: the reference PDS, behind a proxy that answers as they do."""

import json
import warnings
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager

import pytest
from tests.faults.proxy import Answer, Exchange, Proxy, Reply, server_at
from tests.pds.reference import Account, ReferencePds

from atpub.atproto.syntax import Nsid, RecordPath, Rkey
from atpub.errors import AtpubWarning, HeadMoved
from atpub.repository.filter import RecordFilter
from atpub.repository.model import Commit, Create
from atpub.repository.pds import PdsRepository, connect

pytestmark = pytest.mark.pds

NOTE = Nsid("org.example.note")


def as_millipds(exchange: Exchange) -> Answer:
    reply = exchange.pass_on()
    if reply.status == 400 and json.loads(reply.body)["error"] == "InvalidSwap":
        return Reply(400, b"swapCommit did not match current head", [("Content-Type", "text/plain")])
    return nameless(reply)


def without_swaps(exchange: Exchange) -> Answer:
    if exchange.point.method == "applyWrites":
        body = {name: value for name, value in exchange.json.items() if name != "swapCommit"}
        exchange._body = json.dumps(body).encode()  # pyright: ignore[reportPrivateUsage]
    return nameless(exchange.pass_on())


def nameless(reply: Reply) -> Reply:
    """The reply without what shows the server's software."""
    return Reply(reply.status, reply.body, [item for item in reply.headers if item[0].lower() != "x-powered-by"])


@contextmanager
def two(server: ReferencePds, account: Account, meddle: Callable[[Exchange], Answer]) -> Generator[list[PdsRepository]]:
    proxy = Proxy(server_at(server.url))
    proxy.meddle = meddle
    with closing(proxy), closing(open_at(proxy, account)) as one, closing(open_at(proxy, account)) as other:
        yield [one, other]


def open_at(proxy: Proxy, account: Account) -> PdsRepository:
    return connect(account.did, pds=proxy.url, password=account.password)


def write(repository: PdsRepository, rkey: str, swap: Commit | None = None) -> Commit:
    head = swap.head if swap else repository.head()
    assert head is not None
    path = RecordPath(NOTE, Rkey(rkey))
    return repository.apply_writes([Create(path, {"$type": NOTE, "text": rkey})], head.cid)


def test_a_stale_swap_in_plain_text_is_a_moved_head(server: ReferencePds, account: Account) -> None:
    with two(server, account, as_millipds) as (one, other):
        first = write(one, "millipds-a")
        write(other, "millipds-b")
        with pytest.raises(HeadMoved, match="swapCommit did not match current head"):
            write(one, "millipds-c", first)


def test_a_lost_race_on_a_server_that_ignores_swaps_is_told(server: ReferencePds, account: Account) -> None:
    with two(server, account, without_swaps) as (one, other):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # alone, there is nothing to tell
            first = write(one, "ignored-a")
            assert write(other, "ignored-b").alone
        with pytest.warns(AtpubWarning, match=r"ignored-b at the same time \[swap-ignored\]"):
            assert not write(one, "ignored-c", first).alone


def test_what_was_read_is_recalled_only_where_swaps_are_kept(server: ReferencePds, account: Account) -> None:
    """Elsewhere, a commit on what was read long ago would overwrite what others have written since."""
    notes = RecordFilter(frozenset([NOTE]))
    for meddle, is_recalled in ((without_swaps, False), (Exchange.pass_on, True)):
        with two(server, account, meddle) as (one, other):
            before = one.read(notes)
            write(other, f"recalled-{is_recalled}")
            assert (one.read(notes, recall=True) == before) == is_recalled


def test_a_commit_on_top_of_ours_may_hide_a_race(server: ReferencePds, account: Account) -> None:
    with closing(connect(account.did, pds=server.url, password=account.password)) as rival:
        late = iter(["on-top-b"])

        def overtake(exchange: Exchange) -> Answer:
            if exchange.point.method == "getRepo":
                for rkey in late:
                    write(rival, rkey)
            return nameless(exchange.pass_on())

        with two(server, account, overtake) as (one, _):
            with pytest.warns(AtpubWarning, match=r"may not have kept to swapCommit.*\[swap-ignored\]"):
                commit = write(one, "on-top-a")
            assert not commit.alone
            assert not [*late]
            with pytest.raises(HeadMoved):
                write(one, "on-top-c", commit)
            assert write(one, "on-top-d").alone


def test_the_reference_pds_is_not_asked(server: ReferencePds, account: Account) -> None:
    with two(server, account, Exchange.pass_on) as (one, _):
        write(one, "reference-a")
        assert one._xrpc.traits.keeps_swaps  # pyright: ignore[reportPrivateUsage]
