"""What XRPC makes of replies, and of none; the server is a function, for no real one can be made to answer so."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from atpub import redact
from atpub.atproto.auth.access import Access
from atpub.atproto.auth.session import Session, access_of
from atpub.atproto.auth.session_store import SessionTokens
from atpub.atproto.data import Json
from atpub.atproto.runtime import Nothing
from atpub.atproto.syntax import Did
from atpub.atproto.xrpc.client import XrpcClient, encode_input
from atpub.atproto.xrpc.errors import InvalidRequest, NamelessRefusal, ServerFailed
from atpub.atproto.xrpc.exchange import HttpRequest, is_loopback
from atpub.atproto.xrpc.http import HttpClient, Outcome, Reply, ResponseTooLarge
from atpub.atproto.xrpc.transport import TransportClient, new_client
from atpub.errors import (
    AtpubError,
    AuthenticationFailed,
    BlobNotFound,
    BlobRejected,
    HeadMoved,
    OutcomeUnknown,
    RateLimited,
    RepositoryError,
    RepositoryNotFound,
    RequestTooLarge,
    Unavailable,
)
from atpub.generated.com.atproto.repo import apply_writes, list_records, upload_blob
from atpub.generated.com.atproto.server import create_session, refresh_session
from atpub.generated.com.atproto.sync import get_blob, get_latest_commit

DID = Did("did:plc:ewvi7nxzyoun6zhxrhs64oiz")
COMMIT: Json = {"cid": "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", "rev": "3jui7kd54zh2y"}
WHO = get_latest_commit.GetLatestCommitParams(did=DID)
WRITES = apply_writes.ApplyWritesInput(repo=DID, writes=[])
NOW = 1_700_000_000.0

Answer = httpx.Response | httpx.RequestError


@dataclass
class Server:
    """Gives the answers one after the other, and the last of them for good."""

    answers: list[Answer]
    base: str = "https://pds.example"
    requests: list[httpx.Request] = field(default_factory=list[httpx.Request])
    naps: list[float] = field(default_factory=list[float])

    @property
    def xrpc(self) -> XrpcClient:
        client = TransportClient(httpx.Client(transport=httpx.MockTransport(self._answer)))
        return XrpcClient(self.base, HttpClient(client, self.naps.append, lambda: NOW))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        found = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if isinstance(found, httpx.RequestError):
            raise found
        return found


def ok(value: Json) -> httpx.Response:
    return httpx.Response(200, json=value)


def refusal(status: int, name: str = "", message: str = "") -> httpx.Response:
    return httpx.Response(status, json={"error": name, "message": message} if name else None)


def head(server: Server) -> get_latest_commit.GetLatestCommitOutput:
    return server.xrpc.query(get_latest_commit.METHOD, WHO)


def write(server: Server) -> apply_writes.ApplyWritesOutput:
    return server.xrpc.write(apply_writes.METHOD, encode_input(WRITES), Access(server.base, "token"))


# Requests


def test_a_query_carries_its_parameters_and_no_credentials() -> None:
    server = Server([ok({"records": []})])
    params = list_records.ListRecordsParams(repo=DID, collection="com.example.note", limit=7, reverse=True)
    server.xrpc.query(list_records.METHOD, params)
    (request,) = server.requests
    assert request.method == "GET"
    expected = {"repo": DID, "collection": "com.example.note", "limit": "7", "reverse": "true"}
    assert dict(request.url.params) == expected
    assert "Authorization" not in request.headers


def test_a_procedure_carries_json_and_its_token() -> None:
    server = Server([ok({})])
    write(server)
    (request,) = server.requests
    assert (request.method, request.url.path) == ("POST", "/xrpc/com.atproto.repo.applyWrites")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer token"
    assert request.content == b'{"repo":"did:plc:ewvi7nxzyoun6zhxrhs64oiz","writes":[]}'


def test_no_input_is_no_body() -> None:
    server = Server([refusal(400, "ExpiredToken")])
    with pytest.raises(AuthenticationFailed):
        server.xrpc.procedure(refresh_session.METHOD, Nothing(), Access(server.base, "token"))
    assert server.requests[0].content == b""
    assert "Content-Type" not in server.requests[0].headers


# No reply


def test_a_read_is_tried_again() -> None:
    server = Server([httpx.ConnectError("refused"), httpx.Response(503), ok(COMMIT)])
    assert head(server).rev == "3jui7kd54zh2y"
    assert server.naps == [0.5, 2.0]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (httpx.ConnectError("no route"), "cannot reach https://pds.example: no route"),
        (httpx.ConnectTimeout(""), "cannot reach https://pds.example: no connection within the time allowed"),
        (httpx.ReadTimeout("timed out"), "no answer from .*getLatestCommit.*: no answer within the time allowed"),
        (httpx.RemoteProtocolError("Server disconnected"), "no answer from .*getLatestCommit.*: Server disconnected"),
        (httpx.Response(502, text="<html>"), "getLatestCommit at https://pds.example: 502 Bad Gateway"),
        (httpx.Response(599), "599"),
    ],
)
def test_a_read_is_given_up_after_three_tries(answer: Answer, message: str) -> None:
    server = Server([answer])
    with pytest.raises(Unavailable, match=message) as caught:
        head(server)
    assert caught.value.hint
    assert len(server.requests) == 3


def test_what_has_no_methods_may_be_no_pds() -> None:
    with pytest.raises(Unavailable) as caught:
        head(Server([httpx.Response(404, text="<html>")]))
    assert "is this the address of one?" in caught.value.hint


def test_a_redirect_to_nowhere_names_where_it_led() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "pds.example":
            return httpx.Response(302, headers={"Location": "https://gone.example/"})
        raise httpx.ConnectError("no route", request=request)

    client = TransportClient(httpx.Client(transport=httpx.MockTransport(answer)))
    with pytest.raises(Unavailable, match=r"no route at gone\.example, to which it redirects"):
        XrpcClient("https://pds.example", HttpClient(client, sleep=lambda _: None)).query(get_latest_commit.METHOD, WHO)


def test_a_method_that_is_not_there_is_asked_for_once() -> None:
    server = Server([refusal(501, "MethodNotImplemented", "Method Not Implemented")])
    with pytest.raises(Unavailable) as caught:
        head(server)
    assert caught.value.hint == "the server does not have that method"
    assert len(server.requests) == 1


def test_the_reason_is_the_operating_system_s() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
    xrpc = XrpcClient(base, HttpClient(new_client(), sleep=lambda _: None))
    with pytest.raises(Unavailable) as caught:
        xrpc.query(get_latest_commit.METHOD, WHO)
    assert caught.value.message == f"cannot reach {base}: connection refused"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("timed out"),
        httpx.WriteError("broken pipe"),
        httpx.RemoteProtocolError("Server disconnected"),
        httpx.Response(502),
        refusal(503, "NotEnoughResources"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, content=b""),
        ok({"commit": {"cid": 1}}),
        ok([]),
    ],
)
def test_a_write_without_a_clear_answer_is_sent_once(answer: Answer) -> None:
    server = Server([answer])
    with pytest.raises(OutcomeUnknown) as caught:
        write(server)
    assert not isinstance(caught.value, ServerFailed)
    assert len(server.requests) == 1


def test_a_write_that_the_server_failed_at_is_told_apart() -> None:
    server = Server([refusal(500, "InternalServerError", "Internal Server Error")])
    with pytest.raises(ServerFailed):
        write(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("")])
def test_a_write_that_was_never_sent_is_tried_again(error: httpx.RequestError) -> None:
    server = Server([error, ok({})])
    write(server)
    assert len(server.requests) == 2
    server = Server([error])
    with pytest.raises(Unavailable, match="cannot reach"):
        write(server)
    assert len(server.requests) == 3


# Replies


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (refusal(400, "InvalidSwap", "Commit was at bafy"), HeadMoved),
        (refusal(400, "BlobNotFound", "Could not find blob: bafk"), BlobNotFound),
        (refusal(400, "InvalidMimeType", "Referenced Mimetype"), BlobRejected),
        (refusal(400, "InvalidSize"), BlobRejected),
        (refusal(400, "BlobTooLarge"), BlobRejected),
        (refusal(413, "PayloadTooLarge"), RequestTooLarge),
        (httpx.Response(413, text="<html>"), RequestTooLarge),
        (refusal(400, "InvalidRequest", "Too many writes. Max event size: 2MB"), InvalidRequest),
        (refusal(400, "RepoNotFound"), RepositoryNotFound),
        (refusal(400, "RepoDeactivated"), RepositoryNotFound),
        (refusal(403, "AccountNotFound"), RepositoryNotFound),
        (refusal(400, "ExpiredToken", "Token has expired"), AuthenticationFailed),
        (refusal(401, "ExpiredToken"), AuthenticationFailed),
        (refusal(400, "InvalidToken"), AuthenticationFailed),
        (refusal(401, "AuthMissing"), AuthenticationFailed),
        (refusal(401, "AuthenticationRequired", "Invalid identifier or password"), AuthenticationFailed),
        (refusal(401, "AccountTakedown"), AuthenticationFailed),
        (refusal(403, "Forbidden"), AuthenticationFailed),
        (httpx.Response(401), AuthenticationFailed),
        (refusal(429, "RateLimitExceeded"), RateLimited),
        (refusal(400, "InvalidRequest", "Expected an integer"), InvalidRequest),
        (httpx.Response(400, text="swapCommit did not match current head"), NamelessRefusal),
        (httpx.Response(501, json={"error": "MethodNotImplemented"}), Unavailable),
        (refusal(409, "Anything"), RepositoryError),
        (httpx.Response(404, text="<html>not here"), NamelessRefusal),
        (httpx.Response(301, headers={"Location": "https://elsewhere.example"}), Unavailable),
        (httpx.Response(304), Unavailable),
    ],
)
def test_a_refusal_means_an_error(response: httpx.Response, error: type[AtpubError]) -> None:
    server = Server([response])
    with pytest.raises(AtpubError) as caught:
        write(server)
    assert type(caught.value) is error
    assert "com.atproto.repo.applyWrites at https://pds.example" in caught.value.message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"cid": "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}',
        b'{"cid": "x", "rev": "3jui7kd54zh2y"}',
        b'{"rev": "3jui7kd54zh2y", "rev": "3jui7kd54zh2y"}',
        b'{"cid": 1e999}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
    ids=repr,
)
def test_an_answer_outside_its_lexicon_names_the_method(content: bytes) -> None:
    server = Server([httpx.Response(200, content=content)])
    with pytest.raises(
        Unavailable, match=r"com\.atproto\.sync\.getLatestCommit at https://pds\.example: the answer"
    ) as caught:
        head(server)
    assert caught.value.hint == "is https://pds.example a PDS?"
    assert len(server.requests) == 1


UNTOLD = "run again later; the server does not say when"


@pytest.mark.parametrize(
    ("headers", "reset", "hint"),
    [
        (
            {"ratelimit-reset": "1700000300", "retry-after": "7"},
            1_700_000_300,
            "run again after 2023-11-14 22:18:20 UTC",
        ),
        ({"retry-after": "60"}, 1_700_000_060, "run again after 2023-11-14 22:14:20 UTC"),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"}, None, UNTOLD),
        ({}, None, UNTOLD),
    ],
)
def test_a_rate_limit_says_until_when(headers: dict[str, str], reset: int | None, hint: str) -> None:
    server = Server([httpx.Response(429, headers=headers, json={"error": "RateLimitExceeded"})])
    with pytest.raises(RateLimited) as caught:
        head(server)
    assert (caught.value.reset, caught.value.hint) == (reset, hint)
    assert len(server.requests) == 1


def test_what_a_server_says_cannot_play_tricks_on_a_terminal() -> None:
    server = Server([refusal(400, "Bad\x1b[2J", "a\nb\x07" + "c" * 1000)])
    with pytest.raises(RepositoryError) as caught:
        head(server)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500


# Redirects


def test_a_query_follows_a_redirect() -> None:
    moved = httpx.Response(302, headers={"Location": "https://other.example/x"})
    server = Server([moved, ok(COMMIT)])
    head(server)
    assert [str(request.url.host) for request in server.requests] == ["pds.example", "other.example"]


def test_a_query_does_not_follow_a_redirect_to_an_open_line() -> None:
    server = Server([httpx.Response(302, headers={"Location": "http://other.example/x"}), ok(COMMIT)])
    with pytest.raises(Unavailable, match=r"has moved to http://other\.example/x"):
        head(server)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_credentials_do_not_follow_a_redirect(status: int) -> None:
    moved = httpx.Response(status, headers={"Location": "https://other.example/x"})
    server = Server([moved, ok({})])
    with pytest.raises(Unavailable, match=r"has moved to https://other\.example/x"):
        write(server)
    login = create_session.CreateSessionInput(identifier=DID, password="secret")
    with pytest.raises(AtpubError):
        Server([moved]).xrpc.procedure(create_session.METHOD, login)
    assert [request.url.host for request in server.requests] == ["pds.example"]


def test_what_an_error_means_does_not_depend_on_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_hidden", {"Token"})
    with pytest.raises(AuthenticationFailed, match=r"400 Expired\(secret\)"):
        head(Server([refusal(400, "ExpiredToken")]))


def test_redirects_come_to_an_end() -> None:
    server = Server([httpx.Response(302, headers={"Location": "/again"})])
    with pytest.raises(Unavailable):
        head(server)


# Bytes


def test_fetched_bytes_have_a_limit() -> None:
    server = Server([httpx.Response(200, content=b"x" * 1000)])
    assert isinstance(fetched(server, 1000), Reply)
    assert fetched(server, 999) == ResponseTooLarge(999)


def fetched(server: Server, longest: int) -> Outcome:
    return server.xrpc.http.send(HttpRequest("GET", server.xrpc.base), retry="if-failed", longest=longest)


class Broken(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b"abc"
        raise httpx.ReadError("reset")


def test_a_stream_that_breaks_off_is_an_error() -> None:
    server = Server([httpx.Response(200, stream=Broken())])
    params = get_blob.GetBlobParams(did=DID, cid="bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
    received: list[bytes] = []
    with (
        pytest.raises(Unavailable, match="breaks off: reset"),
        server.xrpc.stream(get_blob.METHOD, params) as chunks,
    ):
        received.extend(chunks)
    assert received == [b"abc"]


def test_fetched_bytes_that_break_off_are_fetched_again() -> None:
    server = Server([httpx.Response(200, stream=Broken()), httpx.Response(200, content=b"whole")])
    outcome = fetched(server, 1000)
    assert isinstance(outcome, Reply)
    assert outcome.body == b"whole"


@dataclass
class Bytes:
    content: bytes
    started: int = 0

    @property
    def size(self) -> int:
        return len(self.content)

    def __iter__(self) -> Iterator[bytes]:
        self.started += 1
        yield self.content


def test_an_upload_is_tried_again_from_its_start() -> None:
    cid = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    blob: Json = {"$type": "blob", "ref": {"$link": cid}, "mimeType": "a/b", "size": 5}
    server = Server([httpx.Response(503), ok({"blob": blob})])
    body = Bytes(b"hello")
    output = server.xrpc.upload(upload_blob.METHOD, body, "a/b", Access(server.base, "token"))
    assert output.blob.cid == cid
    assert body.started == 2
    assert [request.content for request in server.requests] == [b"hello", b"hello"]
    headers = server.requests[1].headers
    assert (headers["Content-Length"], headers["Content-Type"]) == ("5", "a/b")
    assert "Transfer-Encoding" not in headers


# Secrets


@pytest.mark.parametrize("base", ["http://pds.example", "http://10.0.0.1:3000", "http://localhost.example"])
def test_credentials_do_not_travel_on_an_open_line(base: str) -> None:
    server = Server([ok({})], base)
    with pytest.raises(AuthenticationFailed, match="are not sent to") as caught:
        write(server)
    assert caught.value.hint == base.replace("http://", "use https://")
    asked = Session(server.xrpc, DID, lambda: pytest.fail("the password is not needed"))
    with pytest.raises(AuthenticationFailed, match="are not sent to"):
        asked.authorized(repr)
    assert server.requests == []


@pytest.mark.parametrize(
    "base", ["http://localhost:2583", "http://127.0.0.1", "http://[::1]:80", "http://pds.localhost"]
)
def test_they_may_stay_on_this_machine(base: str) -> None:
    write(Server([ok({})], base))


@pytest.mark.parametrize("host", ["localhost.example.com", "128.0.0.1", "::2", "notlocalhost", "", "0.0.0.0"])
def test_other_hosts_are_not_this_machine(host: str) -> None:
    assert not is_loopback(host)


SESSION: Json = {"accessJwt": "tok-access", "refreshJwt": "tok-refresh", "handle": "alice.test", "did": DID}


def test_a_session_of_another_account_is_refused() -> None:
    other = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
    server = Server([httpx.Response(200, json={**SESSION, "did": other})])  # type: ignore[dict-item]
    with pytest.raises(AuthenticationFailed, match=f"{other}, not for {DID}"):
        Session(server.xrpc, DID, lambda: "secret").authorized(repr)


def test_a_code_by_mail_is_answered_with_an_app_password() -> None:
    server = Server([refusal(401, "AuthFactorTokenRequired", "A sign in code has been sent")])
    with pytest.raises(AuthenticationFailed) as caught:
        Session(server.xrpc, DID, lambda: "secret").authorized(repr)
    assert "app password" in caught.value.hint


def test_an_expired_token_is_renewed_once() -> None:
    renewed = ok({"accessJwt": "tok-2", "refreshJwt": "ref-2", "handle": "alice.test", "did": DID})
    server = Server([ok(SESSION), refusal(400, "ExpiredToken"), renewed, ok({}), ok({})])
    session = Session(server.xrpc, DID, lambda: "secret")
    body = encode_input(WRITES)
    send: Callable[[Access], object] = lambda access: server.xrpc.write(apply_writes.METHOD, body, access)  # noqa: E731
    session.authorized(send)
    session.authorized(send)
    methods = [request.url.path.rpartition(".")[2] for request in server.requests]
    assert methods == ["createSession", "applyWrites", "refreshSession", "applyWrites", "applyWrites"]
    tokens = [request.headers.get("Authorization") for request in server.requests]
    assert tokens == [None, "Bearer tok-access", "Bearer tok-refresh", "Bearer tok-2", "Bearer tok-2"]


@pytest.mark.parametrize(
    "answers",
    [
        [refusal(401, "AuthenticationRequired")],
        [httpx.ReadTimeout("")],
        [ok({})],
        [ok(SESSION), refusal(401)],
        [ok(SESSION), httpx.ReadError("reset")],
    ],
)
def test_secrets_are_in_no_message(answers: list[Answer]) -> None:
    server = Server(answers)
    session = Session(server.xrpc, DID, lambda: "secret-word")
    with pytest.raises(AtpubError) as caught:
        session.authorized(lambda access: server.xrpc.write(apply_writes.METHOD, encode_input(WRITES), access))
    shown = f"{caught.value!r} {caught.value} {caught.value.hint} {session!r} {server.xrpc!r}"
    assert "secret-word" not in shown
    assert "tok-" not in shown


def test_tokens_do_not_show_themselves() -> None:
    opened = SessionTokens(DID, "alice.test", "https://pds.example", "https://pds.example", "tok-access", "tok-refresh")
    assert "tok" not in repr(opened)
    assert "tok" not in repr(access_of(opened))
