"""A write whose reply is lost on the way from the reference PDS: what was done is found out, and said."""

from collections.abc import Callable
from itertools import count

import httpx
import pytest
from tests.pds.reference import Account
from tests.repository.pds_servers import OnServer, Send, Way, method_of
from tests.repository.samples import NOTE, at, note, notes, swap

from atpub.atproto.data import cid_of
from atpub.atproto.syntax import RecordPath
from atpub.errors import HeadMoved, OutcomeUnknown, RecordConflict, RepositoryError, Unavailable
from atpub.repository.model import Create, Delete, Update, Write

Fault = Callable[[httpx.Request, Send], httpx.Response]

FIRST: list[Write] = [Create(at("changed"), note("old")), Create(at("gone"), note("old"))]
BATCH: list[Write] = [Update(at("changed"), note("new")), Delete(at("gone")), Create(at("made"), note("made"))]
LOST = (httpx.ReadTimeout("timed out"), httpx.ReadError("reset"), httpx.RemoteProtocolError("Server disconnected"))


def at_writes(fault: Fault) -> Fault:
    """The fault, at the first applyWrites only."""
    numbers = count()

    def meddle(request: httpx.Request, send: Send) -> httpx.Response:
        if method_of(request) == "applyWrites" and next(numbers) == 0:
            return fault(request, send)
        return send(request)

    return meddle


def carried_out(answer: Exception | httpx.Response) -> Fault:
    """The server does it; something else comes back."""

    def fault(request: httpx.Request, send: Send) -> httpx.Response:
        assert send(request).read()
        return given(answer)

    return fault


def not_carried_out(answer: Exception | httpx.Response) -> Fault:
    return lambda request, send: given(answer)


def given(answer: Exception | httpx.Response) -> httpx.Response:
    if isinstance(answer, Exception):
        raise answer
    return answer


def prepared(on: OnServer, account: Account) -> dict[RecordPath, str]:
    """The repository as it is before each test: the texts of its records."""
    repository = on(account)
    repository.apply_writes(FIRST, swap(repository))
    return texts(on, account)


def texts(on: OnServer, account: Account) -> dict[RecordPath, str]:
    return {path: str(record.value["text"]) for path, record in notes(on(account)).items()}


AFTER = {at("changed"): "new", at("made"): "made"}


@pytest.mark.parametrize(
    "answer",
    [*LOST, httpx.Response(502), httpx.Response(504, text="<html>"), httpx.Response(200), httpx.Response(200, json={})],
    ids=repr,
)
def test_a_lost_reply_of_a_commit_that_stands(
    on: OnServer, account: Account, answer: Exception | httpx.Response
) -> None:
    prepared(on, account)
    way = Way(at_writes(carried_out(answer)))
    repository = on(account, way)
    commit = repository.apply_writes(BATCH, swap(repository))
    assert commit.head == repository.head()
    assert commit.cids == (cid_of(note("new")), None, cid_of(note("made")))
    assert texts(on, account) == AFTER
    assert way.methods().count("applyWrites") == 1
    assert not any(way.naps)


@pytest.mark.parametrize("answer", [*LOST, httpx.Response(503)], ids=repr)
def test_a_lost_write_may_still_come(on: OnServer, account: Account, answer: Exception | httpx.Response) -> None:
    before = prepared(on, account)
    way = Way(at_writes(not_carried_out(answer)))
    repository = on(account, way)
    head = swap(repository)
    with pytest.raises(OutcomeUnknown, match="so far nothing of it is written"):
        repository.apply_writes(BATCH, head)
    assert way.naps == [0, 0.5, 1, 2, 4]
    assert texts(on, account) == before
    repository.apply_writes(BATCH, head)  # the same again does no harm
    assert texts(on, account) == AFTER


def test_a_write_that_comes_late_is_seen(on: OnServer, account: Account) -> None:
    prepared(on, account)
    under_way: list[Callable[[], object]] = []

    def delayed(request: httpx.Request, send: Send) -> httpx.Response:
        under_way.append(lambda: send(request))
        raise httpx.ReadTimeout("timed out")

    class Slow(Way):
        def nap(self, seconds: float) -> None:
            super().nap(seconds)
            if seconds == 1:
                under_way.pop()()

    way = Slow(at_writes(delayed))
    repository = on(account, way)
    commit = repository.apply_writes(BATCH, swap(repository))
    assert commit.head == repository.head()
    assert way.naps == [0, 0.5, 1]
    assert texts(on, account) == AFTER


def test_another_writer_was_faster(on: OnServer, account: Account) -> None:
    before = prepared(on, account)
    other = on(account)

    def overtaken(request: httpx.Request, send: Send) -> httpx.Response:
        other.apply_writes([Create(at("theirs"), note("theirs"))], swap(other))
        raise httpx.ReadTimeout("timed out")

    repository = on(account, Way(at_writes(overtaken)))
    with pytest.raises(HeadMoved):
        repository.apply_writes(BATCH, swap(repository))
    assert texts(on, account) == before | {at("theirs"): "theirs"}


def test_another_writer_wrote_on_top(on: OnServer, account: Account) -> None:
    prepared(on, account)
    other = on(account)

    def followed(then: list[Write]) -> Fault:
        def fault(request: httpx.Request, send: Send) -> httpx.Response:
            send(request).read()
            other.apply_writes(then, swap(other))
            raise httpx.ReadTimeout("timed out")

        return fault

    repository = on(account, Way(at_writes(followed([Create(at("theirs"), note("theirs"))]))))
    commit = repository.apply_writes(BATCH, swap(repository))
    assert commit.head == repository.head()
    repository = on(account, Way(at_writes(followed([Delete(at("a"))]))))
    with pytest.raises(OutcomeUnknown, match="some of what was written but not all"):
        repository.apply_writes([Create(at("a"), note("a")), Create(at("b"), note("b"))], swap(repository))


@pytest.mark.parametrize("answer", [*LOST, httpx.Response(502)], ids=repr)
def test_a_write_that_cannot_come_any_more_is_a_conflict(
    on: OnServer, account: Account, answer: Exception | httpx.Response
) -> None:
    before = prepared(on, account)
    way = Way(at_writes(not_carried_out(answer)))
    repository = on(account, way)
    with pytest.raises(RecordConflict, match=f"cannot create {NOTE}/gone: it is there already"):
        repository.apply_writes([Create(at("gone"), note())], swap(repository))
    assert not any(way.naps)
    assert texts(on, account) == before


def test_a_failure_of_the_server_that_no_record_explains(on: OnServer, account: Account) -> None:
    before = prepared(on, account)
    failure = httpx.Response(500, json={"error": "InternalServerError", "message": "Internal Server Error"})
    way = Way(at_writes(not_carried_out(failure)))
    repository = on(account, way)
    with pytest.raises(Unavailable, match="nothing was written"):
        repository.apply_writes(BATCH, swap(repository))
    assert not any(way.naps)
    assert texts(on, account) == before


def test_an_integer_that_the_server_cannot_hold_is_not_written(on: OnServer, account: Account) -> None:
    repository = on(account)
    with pytest.raises(RepositoryError):
        repository.apply_writes([Create(at("one"), {"$type": NOTE, "number": 2**53 + 1})], swap(repository))
    assert notes(repository) == {}


def test_a_server_that_is_gone_afterwards(on: OnServer, account: Account) -> None:
    def meddle(request: httpx.Request, send: Send) -> httpx.Response:
        if "applyWrites" in names:
            raise httpx.ConnectError("refused")
        response = send(request)
        names.append(method_of(request))
        if names[-1] == "applyWrites":
            raise httpx.ReadError("reset")
        return response

    names: list[str] = []
    repository = on(account, Way(meddle))
    with pytest.raises(OutcomeUnknown, match="is lost: reset; and then: cannot reach"):
        repository.apply_writes([Create(at("one"), note())], swap(repository))
    assert notes(on(account)).keys() == {at("one")}
