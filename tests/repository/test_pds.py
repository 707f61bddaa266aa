"""What is the PDS repository's own, against the reference PDS: the contract suite holds it to the rest."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from threading import Barrier, Event
from time import monotonic
from types import ModuleType
from typing import BinaryIO

import httpx
import pytest
from tests.pds.reference import Account, ReferencePds
from tests.repository.pds_servers import Meddle, OnServer, Send, Servers, Way, method_of, new_account, repository_on
from tests.repository.samples import NOTE, OTHER, InMemory, at, content, note, notes, read, swap, tar_of

from atpub.atproto.data import JsonObject, cid_of
from atpub.atproto.repo import car, mst
from atpub.atproto.syntax import RAW, Cid, Did
from atpub.errors import (
    AuthenticationFailed,
    BlobNotFound,
    BlobRejected,
    HeadMoved,
    RecordConflict,
    RepositoryNotFound,
    RequestTooLarge,
    Unavailable,
    Usage,
)
from atpub.repository.model import Create, Delete, Update, Write
from atpub.repository.pds import BODY, SMALL_BODY, PdsRepository

ABSENT = Did("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")


def create(*rkeys: str, text: str = "hello") -> list[Write]:
    return [Create(at(rkey), note(f"{rkey} {text}")) for rkey in rkeys]


def is_old(server: ReferencePds) -> bool:
    return server.version.startswith("0.4.")


# Reading


def test_reading_sends_no_credentials_and_writes_nothing(on: OnServer, server: ReferencePds, account: Account) -> None:
    writer = on(account)
    blob = writer.upload_blob(InMemory(b"blob"), "text/plain")
    writer.apply_writes([Create(at("one"), note("", blob))], swap(writer))

    sent: list[httpx.Request] = []
    reader = on.connect(account.did, password=lambda: pytest.fail("the password is not needed"))
    reader._xrpc.http.client.client.event_hooks = {"request": [sent.append]}  # pyright: ignore[reportPrivateUsage]
    assert swap(reader) == swap(writer)
    assert notes(reader) == notes(writer)
    assert content(reader, blob) == b"blob"
    assert reader.blob_limit() == (None if is_old(server) else 5 * 1024 * 1024)
    assert {request.method for request in sent} == {"GET"}
    assert not any("Authorization" in request.headers or request.content for request in sent)


def test_the_same_head_is_fetched_once(on: OnServer, account: Account) -> None:
    way = Way()
    repository = on(account, way)
    repository.apply_writes(create("one"), swap(repository))
    way.methods()
    read(repository, NOTE)
    read(repository, OTHER)
    assert notes(repository).keys() == {at("one")}
    assert way.methods() == ["getRepo", "getLatestCommit", "getLatestCommit"]


def test_after_that_only_what_is_new_is_fetched(on: OnServer, account: Account) -> None:
    sizes: list[int] = []

    def measure(request: httpx.Request, send: Send) -> httpx.Response:
        response = send(request)
        if method_of(request) == "getRepo":
            sizes.append(len(response.read()))
        return response

    repository = on(account, Way(measure))
    other = on(account)
    other.apply_writes(create(*(f"n{number}" for number in range(200))), swap(other))
    assert len(notes(repository)) == 200
    other.apply_writes([Update(at("n7"), note("new")), Delete(at("n8")), *create("n200")], swap(other))
    found = notes(repository)
    assert found == notes(on(account))
    assert found[at("n7")].value["text"] == "new"
    assert found.keys() ^ {at(f"n{number}") for number in range(201)} == {at("n8")}
    assert sizes[1] < sizes[0] / 5


def test_an_account_that_is_not_there_is_not_empty(on: OnServer) -> None:
    repository = on.connect(ABSENT)
    with pytest.raises(RepositoryNotFound):
        repository.head()
    with pytest.raises(RepositoryNotFound):
        read(repository, NOTE)
    with pytest.raises(RepositoryNotFound):
        list(repository.get_blob(Cid.of_digest(bytes(32), RAW)))


def test_a_server_is_found_by_the_did(on: OnServer, server: ReferencePds, account: Account) -> None:
    repository = on.connect(account.did, by_plc=True)
    assert (repository.did, repository.url) == (account.did, server.url)
    assert repository.head() == on(account).head()


def test_what_is_no_account_is_a_usage_error(on: OnServer) -> None:
    with pytest.raises(Usage):
        on.connect("no account")


def test_a_closed_repository_has_no_connections(on: OnServer, account: Account) -> None:
    repository = on(account)
    repository.head()
    repository.close()
    with pytest.raises(RuntimeError, match="closed"):
        repository.head()


# A repository that getRepo does not give, or gives wrongly


def without_cars(request: httpx.Request, send: Send) -> httpx.Response:
    if method_of(request) == "getRepo":
        request.url = request.url.copy_with(path="/xrpc/com.atproto.sync.getNothing")
    return send(request)


def with_damaged_cars(request: httpx.Request, send: Send) -> httpx.Response:
    response = send(request)
    if method_of(request) != "getRepo":
        return response
    middle = len(response.read()) // 2
    damaged = response.content[:middle] + bytes((response.content[middle] ^ 1,)) + response.content[middle + 1 :]
    return httpx.Response(200, content=damaged)


@pytest.mark.parametrize("meddle", [without_cars, with_damaged_cars])
def test_without_a_good_car_the_records_are_listed(on: OnServer, account: Account, meddle: Meddle) -> None:
    way = Way(meddle)
    repository = on(account, way)
    for start in (0, 125):
        repository.apply_writes(create(*(f"n{number}" for number in range(start, start + 125))), swap(repository))
    repository.apply_writes([Create(at("one", OTHER), {"$type": OTHER})], swap(repository))
    way.methods()
    found = read(repository, NOTE, OTHER)
    assert found == read(on(account), NOTE, OTHER)
    assert len(found) == 251
    methods = way.methods()
    assert methods.count("listRecords") == 4 + 2  # the last page of each is empty
    assert methods[-1] == "getLatestCommit"


def test_a_car_that_is_too_large_is_not_read(on: OnServer, account: Account) -> None:
    way = Way()
    repository = on(account, way)
    repository.apply_writes(create(*(f"n{number}" for number in range(100))), swap(repository))
    repository._records._largest = 5000  # pyright: ignore[reportPrivateUsage]
    assert len(notes(repository)) == 100
    way.methods()
    assert len(notes(repository)) == 100
    assert "getRepo" not in way.methods()


@pytest.mark.parametrize(("module", "limit"), [(car, "LARGEST_BLOCK"), (car, "MOST_BYTES"), (mst, "MOST_ENTRIES")])
def test_a_car_beyond_a_limit_is_fetched_once(
    on: OnServer, account: Account, module: ModuleType, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Way()
    repository = on(account, way)
    repository.apply_writes(create("one", "two"), swap(repository))
    way.methods()
    monkeypatch.setattr(module, limit, 1)
    assert notes(repository).keys() == {at("one"), at("two")}
    assert len(notes(repository)) == 2
    assert way.methods().count("getRepo") == 1


def test_records_somewhere_else_may_be_damaged(on: OnServer, server: ReferencePds, account: Account) -> None:
    """As the reference PDS damages them itself, where two records change places."""
    repository = on(account)
    repository.apply_writes(create("mine"), swap(repository))
    values: list[JsonObject] = [{"$type": OTHER, "text": text} for text in ("1", "2")]
    for kind, order in (("create", values), ("update", values[::-1])):
        writes = [
            {"$type": f"com.atproto.repo.applyWrites#{kind}", "collection": OTHER, "rkey": rkey, "value": value}
            for rkey, value in zip("ab", order, strict=True)
        ]
        batch = {"repo": account.did, "writes": writes}
        server.xrpc("com.atproto.repo.applyWrites", batch, token=account.access_jwt)
    assert notes(repository).keys() == {at("mine")}
    repository.apply_writes([*create("more"), Update(at("mine"), note("new"))], swap(repository))
    assert notes(repository).keys() == {at("mine"), at("more")}


def test_a_list_that_changes_meanwhile_is_read_again(on: OnServer, account: Account) -> None:
    other = on(account)
    changes = iter(range(2))

    def meddle(request: httpx.Request, send: Send) -> httpx.Response:
        response = without_cars(request, send)
        if method_of(request) == "listRecords" and next(changes, None) is not None:
            other.apply_writes([], swap(other))
        return response

    repository = on(account, Way(meddle))
    other.apply_writes(create("one"), swap(other))
    assert notes(repository).keys() == {at("one")}
    changes = iter(range(1000))
    other.apply_writes([], swap(other))
    with pytest.raises(Unavailable, match="other clients keep writing"):
        notes(repository)


@pytest.mark.parametrize(("old", "new"), [(b'"text":"one hello"', b'"text":"two"'), (b"note/one", b"note/two")])
def test_a_listed_record_is_checked(on: OnServer, account: Account, old: bytes, new: bytes) -> None:
    def meddle(request: httpx.Request, send: Send) -> httpx.Response:
        response = without_cars(request, send)
        if method_of(request) == "listRecords":
            return httpx.Response(200, content=response.read().replace(old, new).replace(b"note/two", b"other/one"))
        return response

    repository = on(account, Way(meddle))
    repository.apply_writes(create("one"), swap(repository))
    with pytest.raises(Unavailable, match="does not match its address and CID"):
        notes(repository)


def test_a_server_that_gives_more_than_it_was_asked_for(on: OnServer, account: Account) -> None:
    def meddle(request: httpx.Request, send: Send) -> httpx.Response:
        if method_of(request) == "listRecords":
            request.url = request.url.copy_set_param("limit", 100)
        return send(request)

    repository = on(account, Way(meddle))
    repository.apply_writes([*create("one"), *create("two")], swap(repository))
    assert len(repository.list_records(NOTE).records) == 2
    with pytest.raises(Unavailable, match="gives more than 1 records in a page"):
        repository.list_records(NOTE, 1)


def test_a_server_that_turns_in_circles_is_given_up(on: OnServer, account: Account) -> None:
    def meddle(request: httpx.Request, send: Send) -> httpx.Response:
        if method_of(request) == "listRecords":
            request.url = request.url.copy_remove_param("cursor")
        return without_cars(request, send)

    repository = on(account, Way(meddle))
    repository.apply_writes(create("one"), swap(repository))
    with pytest.raises(Unavailable, match="the same page"):
        notes(repository)


def test_a_blob_s_bytes_are_checked(on: OnServer, account: Account) -> None:
    def meddle(request: httpx.Request, send: Send) -> httpx.Response:
        response = send(request)
        return httpx.Response(200, content=b"blub") if method_of(request) == "getBlob" else response

    repository = on(account, Way(meddle))
    blob = repository.upload_blob(InMemory(b"blob"), "text/plain")
    repository.apply_writes([Create(at("one"), note("", blob))], swap(repository))
    with pytest.raises(Unavailable, match="other bytes than those of the blob"):
        content(repository, blob)


@pytest.mark.parametrize("planned", [b"blob", None])
def test_a_server_that_takes_other_bytes_is_told_from_a_changed_file(
    on: OnServer, account: Account, planned: bytes | None
) -> None:
    """With the CID of the plan, only the server hashes the bytes; where it comes to another one, both are asked why."""
    way = Way()
    repository = on(account, way)
    cid = raw_cid(planned) if planned else None
    assert repository.upload_blob(InMemory(b"blob"), "text/plain", cid=cid).cid == raw_cid(b"blob")
    if cid:
        assert repository.upload_blob(InMemory(b"blub"), "text/plain", cid=cid).cid == raw_cid(b"blub")

    def meddle(request: httpx.Request, send: Send) -> httpx.Response:
        content = send(request).read()
        return httpx.Response(200, content=content.replace(raw_cid(b"blob").encode(), raw_cid(b"").encode()))

    way.meddle = meddle
    with pytest.raises(Unavailable, match=f"says of the blob {raw_cid(b'blob')} that it is {raw_cid(b'')}"):
        repository.upload_blob(InMemory(b"blob"), "text/plain", cid=cid)


def raw_cid(content: bytes) -> Cid:
    return Cid.of_digest(sha256(content).digest(), RAW)


# Sessions


def test_a_login_is_made_once_for_all_threads(on: OnServer, account: Account) -> None:
    way = Way()
    repository = on(account, way)
    uploads_at_once(repository, 4)
    methods = way.methods()
    assert (methods.count("createSession"), methods.count("uploadBlob")) == (1, 4)


def uploads_at_once(repository: PdsRepository, count: int) -> None:
    ready = Barrier(count)

    def upload(number: int) -> None:
        ready.wait()
        data = f"{number}".encode() * 100_000
        assert repository.upload_blob(InMemory(data), "text/plain").cid == Cid.of_digest(sha256(data).digest(), RAW)

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(upload, range(count)))


def spoiling_tokens(*methods: str) -> Meddle:
    """Spoils the signature of every token, as if it had expired, until one of these methods has given a new one."""
    renewed = Event()

    def meddle(request: httpx.Request, send: Send) -> httpx.Response:
        renewing = method_of(request) in methods
        if "Authorization" in request.headers and not renewing and not renewed.is_set():
            request.headers["Authorization"] += "AA"
        response = send(request)
        if renewing and response.is_success:
            renewed.set()
        return response

    return meddle


def test_a_refused_token_is_renewed_once_for_all_threads(on: OnServer, account: Account) -> None:
    way = Way()
    repository = on(account, way)
    repository.upload_blob(InMemory(b"first"), "text/plain")
    way.meddle = spoiling_tokens("refreshSession")
    way.methods()
    uploads_at_once(repository, 4)
    repository.apply_writes(create("one"), swap(repository))
    methods = way.methods()
    assert methods.count("refreshSession") == 1
    assert "createSession" not in methods
    assert 5 <= methods.count("uploadBlob") <= 8


def test_without_a_usable_token_the_password_is_used_again(on: OnServer, account: Account) -> None:
    way = Way()
    repository = on(account, way)
    repository.upload_blob(InMemory(b"first"), "text/plain")
    way.meddle = spoiling_tokens("createSession")
    way.methods()
    repository.apply_writes(create("one"), swap(repository))
    assert way.methods() == ["getLatestCommit", "applyWrites", "refreshSession", "createSession", "applyWrites"]


def test_a_wrong_password_is_said_to_be_one_and_tried_once(on: OnServer, account: Account) -> None:
    way = Way()
    repository = on(replace(account, password="wrong"), way)
    head = swap(repository)
    with pytest.raises(AuthenticationFailed, match="Invalid identifier or password"):
        uploads_at_once(repository, 4)
    with pytest.raises(AuthenticationFailed, match="Invalid identifier or password"):
        repository.apply_writes(create("one"), head)
    methods = way.methods()
    assert methods.count("createSession") == 1
    assert not {"applyWrites", "uploadBlob"} & {*methods}
    assert swap(repository) == head


@pytest.mark.parametrize("password", [None, "", lambda: None])
def test_no_password_sends_nothing(
    on: OnServer, account: Account, password: str | Callable[[], str | None] | None
) -> None:
    repository = on.connect(account.did, password=password)
    with pytest.raises(AuthenticationFailed, match=f"a password is needed to write to {account.did}") as caught:
        repository.apply_writes(create("one"), swap(repository))
    assert "ATPUB_PASSWORD" in caught.value.hint


# Writes


def test_an_app_password_is_enough(on: OnServer, server: ReferencePds, account: Account) -> None:
    made = server.xrpc("com.atproto.server.createAppPassword", {"name": "atpub"}, token=account.access_jwt)
    repository = on(replace(account, password=made["password"]))
    blob = repository.upload_blob(InMemory(tar_of(b"data")), "application/x-tar")
    repository.apply_writes([Create(at("one"), note("", blob))], swap(repository))
    assert notes(repository).keys() == {at("one")}


def test_a_batch_is_one_request(on: OnServer, account: Account) -> None:
    way = Way()
    repository = on(account, way)
    repository.apply_writes(create("one", "two"), swap(repository))
    assert way.methods() == ["getLatestCommit", "createSession", "applyWrites"]


def test_what_may_still_fit_is_tried(on: OnServer, account: Account) -> None:
    """A gateway takes less than the server: its limit lies somewhere below what it has refused."""

    def gateway(request: httpx.Request, send: Send) -> httpx.Response:
        is_long = method_of(request) == "applyWrites" and len(request.read()) > 100_000
        return httpx.Response(413) if is_long else send(request)

    repository = on(account, Way(gateway))
    record = note("x" * 70_000)
    with pytest.raises(RequestTooLarge):
        repository.apply_writes([Create(at("one"), record), Create(at("two"), record)], swap(repository))
    assert repository.limits.body < 80_000
    for rkey in ("one", "two"):
        repository.apply_writes([Create(at(rkey), note(rkey + "x" * 80_000))], swap(repository))
    assert {*notes(repository)} == {at("one"), at("two")}


def test_the_limit_of_a_body_is_learned(on: OnServer, server: ReferencePds, account: Account) -> None:
    repository = on(account)
    large = [Create(at(f"n{number}"), note("x" * 50_000)) for number in range(4)]
    head = swap(repository)
    assert (repository.limits.writes, repository.limits.body) == (200, BODY)
    if not is_old(server):
        repository.apply_writes(large, head)
        assert repository.limits.body == BODY
        return
    with pytest.raises(RequestTooLarge):
        repository.apply_writes(large, head)
    assert repository.limits.body == SMALL_BODY
    assert swap(repository) == head
    repository.apply_writes(large[:2], head)


def test_too_much_for_the_server_is_not_sent(on: OnServer, account: Account) -> None:
    way = Way()
    repository = on(account, way)
    head = swap(repository)
    way.methods()
    with pytest.raises(RequestTooLarge):
        repository.apply_writes([Create(at("one"), note("x" * BODY))], head)
    with pytest.raises(RequestTooLarge):
        repository.apply_writes(create(*(f"n{number}" for number in range(201))), head)
    assert way.methods() == []


def test_two_writes_of_one_record_are_a_conflict(on: OnServer, account: Account) -> None:
    repository = on(account)
    with pytest.raises(RecordConflict, match="written twice"):
        repository.apply_writes([*create("one"), Delete(at("one"))], swap(repository))


def test_a_record_that_another_still_holds_may_go(on: OnServer, account: Account) -> None:
    repository = on(account)
    same = note("same")
    repository.apply_writes([Create(at("a"), same), Create(at("b"), same)], swap(repository))
    repository.apply_writes([Delete(at("a")), Create(at("c"), same)], swap(repository))
    assert {path: record.cid for path, record in notes(repository).items()} == dict.fromkeys(
        [at("b"), at("c")], cid_of(same)
    )


@pytest.mark.parametrize(
    "writes",
    [
        [Delete(at("a")), Create(at("c"), note("a"))],
        [Update(at("a"), note("b")), Update(at("b"), note("new"))],
        [Update(at("a"), note("b")), Update(at("b"), note("a"))],
        [Update(at("twin"), note("twin")), Update(at("twin2"), note("new"))],
    ],
    ids=["move", "shift", "exchange", "stay and go"],
)
def test_a_record_that_the_server_would_lose_is_not_moved(on: OnServer, account: Account, writes: list[Write]) -> None:
    way = Way()
    repository = on(account, way)
    texts = {"a": "a", "b": "b", "twin": "twin", "twin2": "twin"}
    repository.apply_writes([Create(at(rkey), note(text)) for rkey, text in texts.items()], swap(repository))
    head = swap(repository)
    way.methods()
    with pytest.raises(RequestTooLarge, match="a PDS would lose the record"):
        repository.apply_writes(writes, head)
    with pytest.raises(HeadMoved):
        repository.apply_writes(writes, cid_of(note()))
    assert "applyWrites" not in way.methods()


# Blobs


class Large:
    """A blob source of zeros that counts what is read of it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.read = 0

    def open(self) -> BinaryIO:
        source = self

        class Zeros(BytesIO):
            left = source.size

            def read(self, size: int | None = -1, /) -> bytes:
                length = min(self.left, size or 0)
                self.left -= length
                source.read += length
                return bytes(length)

        return Zeros()


@pytest.mark.pds
@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_a_blob_over_the_limit_is_refused_early(pds_servers: Servers, version: str) -> None:
    server = pds_servers(version, limited=True)
    account, way = new_account(server), Way()
    with ExitStack() as stack:
        repository = stack.enter_context(closing(repository_on(server, account, way)))
        assert repository.upload_blob(Large(1_000_000), "application/octet-stream").size == 1_000_000
        way.methods()
        large = Large(200_000_000)
        start = monotonic()
        with pytest.raises(BlobRejected):
            repository.upload_blob(large, "application/octet-stream")
        assert monotonic() - start < 5
        if version == "0.4":  # it does not say its limit
            assert way.methods() == ["uploadBlob"]
        else:
            assert repository.blob_limit() == 1_000_000
            assert (way.methods(), large.read) == ([], 0)
        # through the connections that everybody uses
        again = stack.enter_context(closing(repository_on(server, account)))
        with pytest.raises(BlobRejected):
            again.upload_blob(large, "application/octet-stream")


@pytest.mark.parametrize("claimed", [3, 5, 5_000_000])
def test_a_blob_that_changes_meanwhile_is_refused(on: OnServer, account: Account, claimed: int) -> None:
    repository = on(account)
    with pytest.raises(BlobRejected, match="did it change meanwhile"):
        repository.upload_blob(InMemory(b"four", claimed), "text/plain")
    assert repository.upload_blob(InMemory(b"four"), "text/plain").size == 4


def test_a_file_that_cannot_be_read_is_not_uploaded(on: OnServer, account: Account) -> None:
    class Gone:
        size = 4

        def open(self) -> BinaryIO:
            raise FileNotFoundError("gone.tar")

    with pytest.raises(FileNotFoundError):
        on(account).upload_blob(Gone(), "text/plain")


def test_a_blob_needs_a_type(on: OnServer, account: Account) -> None:
    with pytest.raises(BlobRejected, match="MIME type"):
        on(account).upload_blob(InMemory(b"x"), "")


def test_a_missing_blob_is_missed_at_once(on: OnServer, account: Account) -> None:
    with pytest.raises(BlobNotFound):
        on(account).get_blob(Cid.of_digest(bytes(32), RAW))


def test_accounts_are_apart(on: OnServer, server: ReferencePds, account: Account) -> None:
    one, two = on(account), on(new_account(server))
    one.apply_writes(create("one"), swap(one))
    assert notes(two) == {}
