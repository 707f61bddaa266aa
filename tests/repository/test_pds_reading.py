"""How many requests a reading of the reference PDS takes, from run to run; what it says, whatever was kept."""

from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from random import Random

import httpx
import pytest
from tests.pds.reference import Account, ReferencePds
from tests.repository.pds_servers import OnServer, Send, Way, method_of, untouched
from tests.repository.samples import NOTE, OTHER, at, create, note, notes, swap

from atpub.atproto.data import JsonObject, cid_of
from atpub.atproto.syntax import Did, Nsid, RecordPath
from atpub.engine.inventory import COLLECTION, Inventory, Owned
from atpub.engine.owned_records import read_owned
from atpub.errors import RepositoryNotFound, Unavailable
from atpub.repository.filter import RecordFilter
from atpub.repository.local import LocalRepository
from atpub.repository.model import Create, Delete, Live, Update, Write
from atpub.repository.pds import PdsRepository

WANTED = RecordFilter(frozenset([NOTE]))


class Runs:
    """Runs of the program, each a new process for all that a repository knows; keeps the requests of the last."""

    def __init__(self, on: OnServer, account: Account, cache: Path) -> None:
        self.way = Way()
        self.cache = cache
        self.first_look: int | None = None
        self._on = on
        self._account = account

    def read(self, wanted: RecordFilter = WANTED) -> Live:
        """A reading; it says the same as one that knows nothing from before."""
        self.way.methods()
        repository = self._on(self._account, self.way, self.cache)
        if self.first_look is not None:
            repository._records._first_look = self.first_look  # pyright: ignore[reportPrivateUsage]
        live = read_owned(repository, wanted)
        assert live == self.anew(wanted, live)
        return live

    def anew(self, wanted: RecordFilter, live: Live) -> Live:
        """The same reading with no cache; of the revision, that which the other says."""
        found = read_owned(self._on(self._account), wanted)
        assert live.head is not None
        assert found.head is not None
        assert live.head.cid == found.head.cid
        return Live(found.did, live.head, found.records)

    def write(self, *writes: Write) -> None:
        """Another client writes."""
        other = self._on(self._account)
        for start in range(0, len(writes), 200):
            other.apply_writes(writes[start : start + 200], swap(other))

    def methods(self) -> list[str]:
        return self.way.methods()


@pytest.fixture
def runs(on: OnServer, account: Account, tmp_path: Path) -> Runs:
    return Runs(on, account, tmp_path / "live")


def some_notes(count: int, start: int = 0) -> list[Write]:
    return [Create(at(f"n{number:04}"), note(f"{number}")) for number in range(start, start + count)]


def others(count: int) -> list[Write]:
    return [Create(at(f"o{number:04}", OTHER), {"$type": OTHER, "text": f"{number}"}) for number in range(count)]


def test_one_request_cold_and_one_warm(runs: Runs) -> None:
    runs.write(*some_notes(200))
    cold = runs.read()
    assert runs.methods() == ["getRepo"]
    assert len(cold.records) == 200
    for _ in range(2):
        assert runs.read() == cold
        assert runs.methods() == ["getLatestCommit"]


def test_two_requests_after_a_change_by_another_writer(runs: Runs) -> None:
    sizes: list[int] = []

    def measure(request: httpx.Request, send: Send) -> httpx.Response:
        response = send(request)
        sizes.append(len(response.read()))
        return httpx.Response(response.status_code, content=response.content, headers={"content-type": "x/y"})

    runs.way.meddle = measure
    runs.write(*some_notes(400))
    runs.read()
    runs.write(Update(at("n0007"), note("new")), Delete(at("n0008")), *some_notes(1, 400))
    sizes.clear()
    assert runs.read().records[at("n0007")].value["text"] == "new"
    assert runs.methods() == ["getLatestCommit", "getRepo"]
    assert sum(sizes) < 20_000
    runs.read()
    assert runs.methods() == ["getLatestCommit"]


def test_the_copy_does_not_grow(runs: Runs) -> None:
    runs.write(*some_notes(200))
    runs.read()
    (file,) = runs.cache.iterdir()
    size = file.stat().st_size
    for text in ("a", "b", "c"):
        runs.write(*(Update(at(f"n{number:04}"), note(f"{text}{number}")) for number in range(200)))
        runs.read()
        assert runs.methods() == ["getLatestCommit", "getRepo"]
    assert file.stat().st_size == pytest.approx(size, rel=0.02)


@pytest.mark.parametrize("content", [b"noise", None], ids=["damaged", "gone"])
def test_a_copy_that_is_no_use_costs_only_time(runs: Runs, content: bytes | None) -> None:
    runs.write(*some_notes(3))
    runs.read()
    (file,) = runs.cache.iterdir()
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    runs.read()
    assert runs.methods() == ["getRepo"]
    runs.read()
    assert runs.methods() == ["getLatestCommit"]


@pytest.mark.parametrize(("status", "content"), [(400, b'{"error": "InvalidRequest"}'), (200, b"noise")])
def test_without_what_came_since_everything_is_fetched(runs: Runs, status: int, content: bytes) -> None:
    def forgetful(request: httpx.Request, send: Send) -> httpx.Response:
        if "since" in request.url.params:
            return httpx.Response(status, content=content)
        return send(request)

    runs.way.meddle = forgetful
    runs.write(*some_notes(3))
    runs.read()
    runs.write(*some_notes(1, 3))
    assert len(runs.read().records) == 4
    assert runs.methods() == ["getLatestCommit", "getRepo", "getRepo"]


def test_a_reply_that_breaks_off_is_asked_for_again(runs: Runs) -> None:
    broken = iter([True, False])

    class Cut(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"\x3a"
            raise httpx.ReadError("reset")

    def meddle(request: httpx.Request, send: Send) -> httpx.Response:
        return httpx.Response(200, stream=Cut()) if next(broken) else send(request)

    runs.write(*some_notes(3))
    runs.way.meddle = meddle
    assert len(runs.read().records) == 3
    assert runs.methods() == ["getRepo", "getRepo"]


def test_a_server_that_fails_for_a_while_is_not_listed_for_ever(runs: Runs) -> None:
    def failing(request: httpx.Request, send: Send) -> httpx.Response:
        return httpx.Response(503) if method_of(request) == "getRepo" else send(request)

    runs.write(*some_notes(3))
    runs.way.meddle = failing
    runs.read()
    assert "listRecords" in runs.methods()
    runs.way.meddle = untouched
    runs.read()
    assert runs.methods() == ["getLatestCommit"]
    runs.write(*some_notes(1, 3))
    runs.read()
    assert runs.methods() == ["getLatestCommit", "getRepo"]
    runs.read()
    assert runs.methods() == ["getLatestCommit"]


def test_a_repository_that_is_gone_is_not_read_from_its_copy(
    runs: Runs, server: ReferencePds, account: Account
) -> None:
    runs.write(*some_notes(3))
    runs.read()
    server.xrpc("com.atproto.server.deactivateAccount", {}, token=account.access_jwt)
    with pytest.raises(RepositoryNotFound):
        runs.read()


def test_of_a_repository_that_is_gone_no_record_is_said_to_be_missing(
    on: OnServer, server: ReferencePds, account: Account
) -> None:
    repository = on(account)
    assert repository.get_record(at("one")) is None
    server.xrpc("com.atproto.server.deactivateAccount", {}, token=account.access_jwt)
    with pytest.raises(RepositoryNotFound):
        repository.get_record(at("one"))
    with pytest.raises(RepositoryNotFound):
        repository.list_records(NOTE)


def test_a_server_that_does_not_answer_is_not_read_from_its_copy(runs: Runs) -> None:
    def gone(request: httpx.Request, send: Send) -> httpx.Response:
        raise httpx.ConnectError("refused")

    runs.write(*some_notes(3))
    runs.read()
    runs.way.meddle = gone
    with pytest.raises(Unavailable):
        runs.read()


def test_our_own_commits_are_known(runs: Runs, on: OnServer, account: Account) -> None:
    repository = on(account, runs.way, runs.cache)
    notes(repository)
    for rkey in ("one", "two"):
        create(repository, rkey)
        runs.methods()
        assert at(rkey) in notes(repository)
        assert runs.methods() == ["getLatestCommit"]
    assert {*runs.read().records} == {at("one"), at("two")}


def test_what_others_write_after_our_own_commits_is_seen(runs: Runs, on: OnServer, account: Account) -> None:
    repository = on(account, runs.way, runs.cache)
    runs.write(*some_notes(1))
    assert len(notes(repository)) == 1
    create(repository, "ours")
    runs.write(*some_notes(1, 1))
    assert len(notes(repository)) == 3
    runs.write(*some_notes(1, 2))
    assert len(notes(repository)) == 4
    create(repository, "last")
    assert len(notes(repository)) == 5
    runs.write(*some_notes(1, 3))
    assert len(notes(repository)) == 6


def test_what_is_told_is_of_use_once(runs: Runs, on: OnServer, account: Account) -> None:
    runs.write(*some_notes(1))
    head = on(account).head()
    session, xrpc = on(account, runs.way)._authorizer, on(account, runs.way)._xrpc  # pyright: ignore[reportPrivateUsage]
    repository = PdsRepository(Did(account.did), xrpc, session, head=head)
    assert len(notes(repository)) == 1
    runs.write(*some_notes(1, 1))
    assert len(notes(repository)) == 2


def test_a_commit_between_two_requests_is_seen(runs: Runs) -> None:
    new = iter(some_notes(1, 3))

    def meddle(request: httpx.Request, send: Send) -> httpx.Response:
        response = send(request)
        if method_of(request) == "getLatestCommit":
            response.read()
            runs.write(*(write for write in [next(new, None)] if write is not None))
        return response

    runs.write(*some_notes(3))
    runs.read()
    runs.write(*some_notes(1, 4))
    runs.way.meddle = meddle
    assert len(runs.read().records) == 5
    assert runs.methods() == ["getLatestCommit", "getRepo"]
    runs.read()
    assert runs.methods() == ["getLatestCommit"]


def test_an_imported_repository_has_two_revisions(
    runs: Runs, server: ReferencePds, account: Account, tmp_path: Path
) -> None:
    """The commit's own, and the one that the server gave it: what has come since is asked for by the latter."""
    stream = BytesIO()
    with closing(LocalRepository(tmp_path / "local", Did(account.did), clock=lambda: 1_600_000_000_000_000)) as local:
        local.apply_writes(some_notes(200), None)
        local.export_car(stream)
    kind = "application/vnd.ipld.car"
    server.xrpc("com.atproto.repo.importRepo", stream.getvalue(), token=account.access_jwt, content_type=kind)
    params: dict[str, str | int] = {"did": account.did}
    rev = server.xrpc("com.atproto.sync.getLatestCommit", params=params)["rev"]
    cold = runs.read()
    assert cold.head is not None
    assert cold.head.rev != rev
    runs.read()
    assert runs.methods() == ["getLatestCommit"]
    runs.write(*some_notes(1, 200))
    assert len(runs.read().records) == 201
    assert [request.url.params.get("since") for request in runs.way.requests] == [None, rev]


# Accounts that are mostly about other things


@pytest.fixture
def crowded(runs: Runs) -> Runs:
    """An account with many records of others, and few of ours."""
    runs.first_look = 10_000
    runs.write(*some_notes(5))
    runs.write(*others(400))
    return runs


def test_the_few_are_listed_and_remembered(crowded: Runs) -> None:
    assert len(crowded.read().records) == 5
    listing = ["getLatestCommit", "listRecords", "listRecords", "listRecords", "getLatestCommit"]
    assert crowded.methods() == ["getRepo", *listing]  # a page of inventories, and two of notes
    crowded.read()
    assert crowded.methods() == ["getLatestCommit"]
    crowded.write(*some_notes(1, 5))
    assert len(crowded.read().records) == 6
    assert crowded.methods() == listing


def test_not_all_of_it_is_fetched(crowded: Runs) -> None:
    got: list[int] = []

    def watch(request: httpx.Request, send: Send) -> httpx.Response:
        response = send(request)
        if method_of(request) != "getRepo":
            return response

        class Pieces(httpx.SyncByteStream):
            def __iter__(self) -> Iterator[bytes]:
                content = response.read()
                for start in range(0, len(content), 1000):
                    got.append(len(content))
                    yield content[start : start + 1000]

        return httpx.Response(200, stream=Pieces())

    crowded.way.meddle = watch
    crowded.read()
    assert 0 < len(got) * 1000 < got[0] / 2


def test_where_many_are_wanted_all_are_fetched(crowded: Runs) -> None:
    assert len(crowded.read(RecordFilter(frozenset([OTHER]))).records) == 400
    assert crowded.methods() == ["getRepo"]


def test_of_a_collection_that_was_not_listed_nothing_is_taken_from_the_copy(crowded: Runs) -> None:
    crowded.read()
    assert len(crowded.read(RecordFilter(frozenset([OTHER]))).records) == 400
    assert "getRepo" in crowded.methods()


def test_single_records_are_got_one_by_one(crowded: Runs) -> None:
    single = RecordFilter(WANTED.collections, frozenset([at("o0000", OTHER), at("none", OTHER)]))
    assert len(crowded.read(single).records) == 6
    assert crowded.methods().count("getRecord") == 2
    crowded.read(single)
    assert crowded.methods() == ["getLatestCommit"]


@pytest.mark.parametrize(("first", "pages", "got"), [(392, 1, 0), (0, 2, 8), (300, 1, 0)])
def test_a_few_more_are_looked_for_among_the_newest(crowded: Runs, first: int, pages: int, got: int) -> None:
    paths = frozenset(at(f"o{number:04}", OTHER) for number in range(first, first + 8))
    assert paths <= {*crowded.read(RecordFilter(WANTED.collections, paths)).records}
    methods = crowded.methods()
    assert methods.count("getRecord") == got
    assert methods.count("listRecords") == 1 + 2 + pages  # inventories, notes


def test_what_inventories_list_is_listed_too(crowded: Runs) -> None:
    value: JsonObject = {"$type": OTHER, "text": "0"}
    path = at("o0000", OTHER)
    crowded.write(*Inventory("ours").writes({path: Owned("o", path, cid_of(value))}))
    assert {*crowded.read().records} >= {path, at("ours", COLLECTION)}
    crowded.read(RecordFilter(paths=frozenset([path])))
    assert crowded.methods() == ["getLatestCommit"]


@pytest.mark.parametrize(("old", "new"), [(b'"text":"0"', b'"text":"1"'), (b"/o0000", b"/o0001")])
def test_a_single_record_is_checked(crowded: Runs, old: bytes, new: bytes) -> None:
    def meddle(request: httpx.Request, send: Send) -> httpx.Response:
        response = send(request)
        if method_of(request) != "getRecord":
            return response
        return httpx.Response(200, content=response.read().replace(old, new))

    crowded.way.meddle = meddle
    with pytest.raises(Unavailable, match="does not match its address and CID"):
        crowded.read(RecordFilter(paths=frozenset([at("o0000", OTHER)])))


def test_two_projects_share_a_copy(crowded: Runs) -> None:
    crowded.read()
    crowded.read(RecordFilter(frozenset([Nsid("com.example.third")])))
    for wanted in (WANTED, RecordFilter(frozenset([Nsid("com.example.third")]))):
        crowded.read(wanted)
        assert crowded.methods() == ["getLatestCommit"]


@pytest.mark.parametrize("seed", range(2))
def test_whatever_was_kept_the_answer_is_the_same(runs: Runs, seed: int) -> None:
    """Another client writes, and projects that want different things take turns at reading."""
    chance = Random(seed)
    there: dict[RecordPath, JsonObject] = {}
    paths = [at(f"k{number}", collection) for number in range(15) for collection in (NOTE, OTHER)]
    runs.write(*Inventory("ours").writes({path: Owned(str(path), path, cid_of({})) for path in paths[:4]}))
    for step in range(8):
        runs.write(*(change(there, path, step, chance) for path in chance.sample(paths, chance.randint(0, 8))))
        runs.first_look = chance.choice([1, 1_000_000])
        collections = frozenset(chance.sample([NOTE, OTHER], chance.randint(0, 2)))
        wanted = RecordFilter(collections, frozenset(chance.sample(paths, 3)))
        found = {path: record.value for path, record in runs.read(wanted).records.items() if path in wanted}
        assert found == {path: value for path, value in there.items() if path in wanted}


def change(there: dict[RecordPath, JsonObject], path: RecordPath, step: int, chance: Random) -> Write:
    """Some write of a record, done to what is there."""
    before = there.pop(path, None)
    if before is not None and chance.random() < 0.5:
        return Delete(path)
    there[path] = {"$type": path.collection, "text": f"{path.rkey} {step}"}
    return Create(path, there[path]) if before is None else Update(path, there[path])
