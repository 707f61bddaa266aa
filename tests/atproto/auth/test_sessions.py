"""SessionStore that outlive a run: their files, their renewal by several processes at once, and their servers."""

import base64
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.pds.reference import Account, ReferencePds
from tests.repository.pds_servers import Way
from tests.repository.samples import InMemory, at, note, notes, swap
from tests.repository.small_server import Asked, Said, small_server

from atpub.atproto.auth.access import Access
from atpub.atproto.auth.session import Session, account_of, log_in, log_out, refresh
from atpub.atproto.auth.session_store import SessionStore, SessionTokens, StoredSession
from atpub.atproto.data import cid_of
from atpub.atproto.syntax import Did
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import TransportClient, new_client
from atpub.errors import AtpubWarning, AuthenticationFailed, BlobRejected, HeadMoved, SessionStoreError
from atpub.repository.model import Create
from atpub.repository.pds import connect

DID = Did("did:plc:ewvi7nxzyoun6zhxrhs64oiz")
OTHER = Did("did:web:localhost%3A8080")
OPENED = SessionTokens(
    DID, "alice.example", "https://login.example", "https://pds.example", "tok-access", "tok-refresh"
)


@pytest.fixture
def sessions(tmp_path: Path) -> SessionStore:
    return SessionStore(tmp_path / "state" / "sessions")


# Files


def test_a_session_comes_back(sessions: SessionStore) -> None:
    assert sessions.read(DID) is None
    sessions.write(OPENED)
    assert sessions.read(DID) == OPENED
    named = [sessions.find_named(name) for name in ("alice.example", "@Alice.Example", DID)]
    assert named == [StoredSession(DID, OPENED.handle, OPENED.login, OPENED.server, None, None)] * 3
    assert sessions.find_named("bob.example") is None
    assert sessions.read(OTHER) is None
    sessions.remove(DID)
    sessions.remove(DID)
    assert sessions.read(DID) is None


def test_it_is_for_its_servers_alone(sessions: SessionStore) -> None:
    sessions.write(OPENED)
    assert sessions.read(DID, OPENED.login) == sessions.read(DID, OPENED.server) == OPENED
    assert sessions.read(DID, "https://elsewhere.example") is None


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_only_its_owner_may_read_it(sessions: SessionStore) -> None:
    mask = os.umask(0)
    try:
        sessions.write(OPENED)
        with sessions.locked(DID):
            pass
    finally:
        os.umask(mask)
    folder = sessions.path(DID).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_one_that_others_may_read_is_refused(sessions: SessionStore, mode: int) -> None:
    sessions.write(OPENED)
    path = sessions.path(DID)
    path.chmod(mode)
    with pytest.raises(AuthenticationFailed, match=f"can be read by others \\(mode {mode:04o}\\)") as caught:
        sessions.read(DID)
    assert f"chmod 600 {path}" in caught.value.hint
    assert sessions.read(DID, exposed=True) == OPENED
    path.chmod(0o600)
    assert sessions.read(DID) == OPENED


def test_a_link_is_not_followed(sessions: SessionStore, tmp_path: Path) -> None:
    sessions.write(OPENED)
    elsewhere = sessions.path(DID).rename(tmp_path / "elsewhere.json")
    sessions.path(DID).symlink_to(elsewhere)
    assert sessions.read(DID) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"did": 1}', "\xff", "[" * 30_000, json.dumps({"did": DID}), " " * 100_000]
)
def test_what_is_no_session_is_none(sessions: SessionStore, text: str) -> None:
    sessions.write(OPENED)
    sessions.path(DID).write_text(text, "latin-1")
    assert sessions.read(DID) is None
    assert sessions.find_named("alice.example") is None


def test_a_file_is_for_the_account_that_it_is_named_for(sessions: SessionStore) -> None:
    sessions.write(OPENED)
    sessions.path(DID).rename(sessions.path(OTHER))
    assert sessions.read(OTHER) is None
    assert sessions.find_named("alice.example") is None


def test_one_that_cannot_be_written_leaves_the_last_one(sessions: SessionStore) -> None:
    sessions.write(OPENED)
    path = sessions.path(DID)
    path.unlink()
    path.mkdir()
    with pytest.raises(SessionStoreError, match=f"no session can be kept in {path.parent}: Is a directory") as caught:
        sessions.write(OPENED)
    assert caught.value.hint
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    sessions = SessionStore(tmp_path / "state" / "sessions")
    with pytest.raises(SessionStoreError):
        sessions.write(OPENED)
    with pytest.raises(SessionStoreError), sessions.locked(DID):
        pass


def test_what_fails_under_a_lock_is_not_the_lock_s_failure(sessions: SessionStore) -> None:
    with pytest.raises(FileNotFoundError), sessions.locked(DID):
        (sessions.path(DID).parent / "other").unlink()
    with sessions.locked(DID):
        pass


# On the reference PDS


def logged_in(server: ReferencePds, account: Account, sessions: SessionStore) -> SessionTokens:
    with new_client() as client:
        opened = log_in(XrpcClient(server.url, HttpClient(client)), Did(account.did), account.password)
    sessions.write(opened)
    return opened


def never() -> str:
    pytest.fail("the password is not needed")


@pytest.fixture
def way() -> Way:
    """The way to the server, which keeps every request."""
    return Way()


@pytest.fixture
def http(way: Way) -> Iterator[HttpClient]:
    with TransportClient(httpx.Client(transport=way)) as client:
        yield HttpClient(client, way.nap)


def test_a_kept_session_writes(server: ReferencePds, account: Account, sessions: SessionStore) -> None:
    logged_in(server, account, sessions)
    with_session = connect(account.did, pds=server.url, password=never, sessions=sessions)
    try:
        with_session.apply_writes([Create(at("one"), note())], swap(with_session))
        assert notes(with_session).keys() == {at("one")}
    finally:
        with_session.close()


def spoilt(token: str) -> str:
    """A token that the server refuses, and that says nothing of its age."""
    head, _, _ = token.split(".")
    return f"{head}.e30.AAAA"


def test_a_refused_token_is_renewed_and_kept(
    server: ReferencePds, account: Account, sessions: SessionStore, way: Way, http: HttpClient
) -> None:
    opened = logged_in(server, account, sessions)
    sessions.write(replace(opened, access=spoilt(opened.access)))
    xrpc = XrpcClient(server.url, http)
    session = Session(xrpc, opened.did, never, sessions)
    assert session.authorized(lambda access: account_of(xrpc, access)).did == account.did
    assert way.methods() == ["getSession", "refreshSession", "getSession"]
    kept = sessions.read(opened.did)
    assert kept is not None
    assert kept.refresh != opened.refresh
    assert session.authorized(lambda access: access.token) == kept.access


def expired(token: str) -> str:
    """A token that says of itself that it is too old."""
    head, _, signature = token.split(".")
    claims = base64.urlsafe_b64encode(b'{"exp": 1000}').decode().rstrip("=")
    return f"{head}.{claims}.{signature}"


def test_a_token_that_is_too_old_is_not_tried(
    server: ReferencePds, account: Account, sessions: SessionStore, way: Way, http: HttpClient
) -> None:
    opened = logged_in(server, account, sessions)
    sessions.write(replace(opened, access=expired(opened.access)))
    session = Session(XrpcClient(server.url, http), opened.did, never, sessions)
    assert session.authorized(lambda access: access.token) != expired(opened.access)
    assert way.methods() == ["refreshSession"]


PROGRAM = """
import sys
from pathlib import Path
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.auth.session import Session, account_of
from atpub.atproto.auth.session_store import SessionStore
from atpub.atproto.xrpc.transport import new_client
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.syntax import Did

url, did, folder = sys.argv[1:]
with new_client() as client:
    xrpc = XrpcClient(url, HttpClient(client))
    session = Session(xrpc, Did(did), lambda: None, SessionStore(Path(folder)))
    first = session.authorized(lambda access: access.token)
    print("ready", flush=True)
    sys.stdin.readline()
    session.authorized(lambda access: account_of(xrpc, access))
    print(session.authorized(lambda access: access.token))
"""


class Strict:
    """A server that takes each refresh token once, and the newest access token alone."""

    def __init__(self) -> None:
        self.generation = 0
        self.renewed = 0
        self.lock = threading.Lock()

    def refresh(self, asked: Asked) -> Said:
        with self.lock:
            if asked.token != f"refresh-{self.generation}":
                return 400, {"error": "ExpiredToken"}
            self.generation += 1
            self.renewed += 1
            return 200, session_json("", f"access-{self.generation}", f"refresh-{self.generation}")

    def get(self, asked: Asked) -> Said:
        with self.lock:
            if asked.token != f"access-{self.generation}" or not self.generation:
                return 400, {"error": "ExpiredToken"}
            return 200, {"did": DID, "handle": "alice.example"}


@pytest.mark.slow
def test_processes_renew_it_once(sessions: SessionStore) -> None:
    strict = Strict()
    with small_server({REFRESH: strict.refresh, GET: strict.get}) as server:
        sessions.write(SessionTokens(DID, "alice.example", server.url, server.url, "access-0", "refresh-0"))
        command = [sys.executable, "-c", PROGRAM, server.url, DID, str(sessions.path(DID).parent)]
        running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in "1234"]
        for process in running:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"

        def end(process: subprocess.Popen[str]) -> str:
            return process.communicate("\n", 60)[0].strip()

        with ThreadPoolExecutor(len(running)) as threads:
            printed = list(threads.map(end, running))
    assert set(printed) == {"access-1"}
    assert strict.renewed == 1


def test_a_session_that_has_ended_is_no_dead_end(
    server: ReferencePds, account: Account, sessions: SessionStore, http: HttpClient
) -> None:
    opened = logged_in(server, account, sessions)
    log_out(http, opened)
    log_out(http, opened)  # once more does no harm
    with pytest.raises(AuthenticationFailed):
        refresh(http, opened)
    xrpc = XrpcClient(server.url, http)
    sessions.write(replace(opened, access="spoilt"))
    with_password = Session(xrpc, opened.did, lambda: account.password, sessions)
    assert with_password.authorized(lambda access: account_of(xrpc, access)).did == opened.did
    without = Session(xrpc, opened.did, lambda: None, sessions)
    with pytest.raises(AuthenticationFailed, match="a password is needed") as caught:
        without.authorized(lambda access: account_of(xrpc, access))
    assert "atpub login" in caught.value.hint


def taking_none_but(token: str) -> Callable[[Access], str]:
    """A request that is refused with any other token than this."""

    def send(access: Access) -> str:
        if access.token != token:
            raise AuthenticationFailed("the token has expired")
        return access.token

    return send


def test_one_that_was_logged_out_meanwhile_is_not_kept_again(
    server: ReferencePds, account: Account, sessions: SessionStore, way: Way, http: HttpClient
) -> None:
    opened = logged_in(server, account, sessions)
    session = Session(XrpcClient(server.url, http), opened.did, lambda: account.password, sessions)
    assert session.authorized(taking_none_but(opened.access)) == opened.access
    log_out(http, opened)
    sessions.remove(opened.did)
    way.methods()
    with pytest.raises(AuthenticationFailed, match="has expired"):
        session.authorized(taking_none_but("another"))
    assert way.methods() == ["refreshSession", "createSession"]
    assert sessions.read(opened.did) is None


def test_another_process_s_tokens_are_taken_over(sessions: SessionStore, way: Way, http: HttpClient) -> None:
    sessions.write(OPENED)
    session = Session(XrpcClient(OPENED.server, http), DID, never, sessions)
    assert session.authorized(taking_none_but(OPENED.access)) == OPENED.access
    sessions.write(replace(OPENED, access="theirs", refresh="their-refresh"))
    assert session.authorized(taking_none_but("theirs")) == "theirs"
    assert way.methods() == []


def test_the_password_is_asked_for_once(sessions: SessionStore, http: HttpClient) -> None:
    def refreshed(asked: Asked) -> Said:
        known = asked.token == "own-refresh"
        return (200, session_json("", "own-2", "own-refresh-2")) if known else (400, {"error": "ExpiredToken"})

    asked_for: list[str] = []

    def password() -> str:
        asked_for.append("password")
        return "password"

    with small_server({CREATE: (200, session_json("", "own", "own-refresh")), REFRESH: refreshed}) as server:
        sessions.write(SessionTokens(DID, "alice.example", server.url, server.url, "kept", "kept-refresh"))
        session = Session(XrpcClient(server.url, http), DID, password, sessions)
        assert session.authorized(taking_none_but("own")) == "own"
        assert session.authorized(taking_none_but("own-2")) == "own-2"
        assert server.methods() == ["refreshSession", "createSession", "refreshSession"]
    assert asked_for == ["password"]


@pytest.mark.parametrize("broken", ["lock", "file"])
def test_a_renewed_session_that_cannot_be_kept_is_good_for_this_run(
    sessions: SessionStore, http: HttpClient, broken: str
) -> None:
    """And is renewed again from what is in memory: the one in the file is used up."""
    path = sessions.path(DID)

    def refreshed(asked: Asked) -> Said:
        if broken == "file" and path.is_file():
            path.unlink()
            path.mkdir()
        new = {"kept-refresh": "first", "first-refresh": "second"}.get(asked.token or "")
        return (200, session_json("", new, f"{new}-refresh")) if new else (400, {"error": "ExpiredToken"})

    with small_server({REFRESH: refreshed}) as server:
        sessions.write(SessionTokens(DID, "alice.example", server.url, server.url, "kept", "kept-refresh"))
        if broken == "lock":
            path.with_suffix(".lock").mkdir()
        session = Session(XrpcClient(server.url, http), DID, never, sessions)
        with pytest.warns(AtpubWarning, match="no session can be kept in .*; this run goes on"):
            assert session.authorized(taking_none_but("first")) == "first"
        assert session.authorized(taking_none_but("second")) == "second"
        assert server.methods() == ["refreshSession", "refreshSession"]


# Servers that log in for others


def session_json(server: str, access: str = "tok-access", refresh: str = "tok-refresh") -> dict[str, object]:
    service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": server}
    return {
        "did": DID,
        "handle": "alice.example",
        "accessJwt": access,
        "refreshJwt": refresh,
        "didDoc": {"id": DID, "service": [service] if server else []},
    }


CREATE = "com.atproto.server.createSession"
REFRESH = "com.atproto.server.refreshSession"
DELETE = "com.atproto.server.deleteSession"
GET = "com.atproto.server.getSession"
UPLOAD = "com.atproto.repo.uploadBlob"


def test_requests_go_to_the_account_s_own_server(sessions: SessionStore, http: HttpClient) -> None:
    def mine(asked: Asked) -> Said:
        if asked.token != "tok-2":
            return 400, {"error": "ExpiredToken"}
        return 200, {"did": DID, "handle": "alice.example"}

    with small_server() as entryway, small_server({GET: mine}) as home:
        entryway.answers |= {
            CREATE: (200, session_json(home.url)),
            REFRESH: (200, session_json(home.url, "tok-2", "ref-2")),
            DELETE: (200, {}),
        }
        opened = log_in(XrpcClient(entryway.url, http), DID, "password")
        assert (opened.login, opened.server) == (entryway.url, home.url)
        sessions.write(opened)

        xrpc = XrpcClient(entryway.url, http)
        session = Session(xrpc, DID, never, sessions)
        found = session.authorized(lambda access: account_of(XrpcClient(access.server, http), access))
        assert found.did == DID
        assert entryway.methods() == ["createSession", "refreshSession"]
        assert home.methods() == ["getSession", "getSession"]
        kept = sessions.read(DID)
        assert kept is not None
        log_out(http, kept)
        assert [(asked.what, asked.token) for asked in entryway.asked] == [(DELETE, "ref-2")]
        assert home.asked == []

        repository = connect(DID, pds=entryway.url, sessions=sessions)
        assert repository.url == home.url
        repository.close()


def test_writes_and_uploads_follow_a_login() -> None:
    with small_server() as entryway, small_server() as home:
        entryway.answers[CREATE] = (200, session_json(home.url))
        home.answers["com.atproto.repo.applyWrites"] = (400, {"error": "InvalidSwap"})
        home.answers[UPLOAD] = (400, {"error": "InvalidMimeType"})
        repository = connect(DID, pds=entryway.url, password="password")
        try:
            with pytest.raises(BlobRejected):
                repository.upload_blob(InMemory(b"x"), "text/plain")
            with pytest.raises(HeadMoved):
                repository.apply_writes([Create(at("one"), note())], cid_of(note()))
        finally:
            repository.close()
        assert home.methods() == ["uploadBlob", "applyWrites"]
        assert "applyWrites" not in entryway.methods()
