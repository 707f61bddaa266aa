"""OAuth logins against servers that may be hostile: what is stored, what is refused, and that no secret is shown."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from keyring.core import load_keyring
from tests.login.authorization_server import (
    RESOURCE,
    SERVER,
    SESSION,
    Answer,
    Fields,
    Playground,
    playground,
    visit,
)
from tests.login.keyrings import FILE, Broken, InFile, Memory, using, write_file

from atpub.atproto.auth.oauth.scopes import OAuthScope
from atpub.atproto.auth.session import Session, account_of
from atpub.atproto.auth.session_store import SessionStore
from atpub.atproto.syntax import Did
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.cli.main import run
from atpub.errors import (
    AtpubError,
    AuthenticationFailed,
    AuthorizationDenied,
    AuthorizationMismatch,
    KeyringUnavailable,
    OversizedResponse,
    Unavailable,
    UnconfirmedServer,
    Usage,
)
from atpub.login.credentials import Credentials
from atpub.login.model import OpenedSession
from atpub.login.oauth import Browser, log_in_with_browser
from atpub.login.session import log_out
from atpub.login.status import read_status
from atpub.problems import Problem
from atpub.target import Target

SCOPE = OAuthScope.parse("atproto repo:org.lab.note")


@pytest.fixture
def there() -> Iterator[Playground]:
    with playground() as found:
        yield found


@pytest.fixture
def machine(tmp_path: Path) -> Credentials:
    return Credentials({}, tmp_path / "state", lambda _account, _server: None, lambda: None, can_ask=False)


def stored(machine: Credentials) -> list[Path]:
    assert machine.state
    return [path for path in machine.state.rglob("*") if path.is_file() and path.suffix != ".lock"]


def log_in(
    there: Playground,
    machine: Credentials,
    show: Callable[[str], None] | None = None,
    *,
    warn: Callable[[Problem], None] = lambda _: None,
    paste: Callable[[], str] | None = None,
    seconds: float = 10.0,
    pds: str | None = None,
    use_keyring: bool = False,
) -> OpenedSession:
    browser = Browser(lambda _issuer, _scope: None, warn, show or there.redirect(), paste, seconds)
    return log_in_with_browser(Target.parse(there.did, pds), machine, SCOPE, browser, use_keyring=use_keyring)


def said(status: int, body: object, **headers: str) -> Callable[[Fields], Answer]:
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda _: (status, body, {"DPoP-Nonce": "nonce-1", **given})


# The whole way


def test_a_login_is_stored_for_its_owner_alone(there: Playground, machine: Credentials) -> None:
    opened = log_in(there, machine)
    assert (opened.did, opened.handle, opened.server) == (there.did, "alice.example", there.url)
    assert opened.scope == str(SCOPE)
    (file,) = stored(machine)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    pushed = next(fields for path, fields in there.asked if path == "/par")
    exchanged = next(fields for path, fields in there.asked if path == "/token")
    assert pushed["code_challenge_method"] == "S256"
    assert pushed["login_hint"] == there.did
    assert "code_verifier" not in pushed
    assert exchanged["redirect_uri"] == pushed["redirect_uri"]
    assert exchanged["client_id"] == pushed["client_id"]


def test_no_secret_is_in_a_representation_or_a_message(there: Playground, machine: Credentials) -> None:
    log_in(there, machine)
    sessions = machine.require_sessions()
    tokens = sessions.read(Did(there.did))
    assert tokens
    assert tokens.grant
    for secret in (tokens.access, tokens.refresh, tokens.grant.key):
        assert secret not in f"{tokens!r} {tokens.grant!r}"
    there.answers["/token"] = said(400, {"error": "no", "error_description": f"I know {tokens.refresh}"})
    with pytest.raises(AuthorizationDenied) as caught:
        log_in(there, machine)
    assert tokens.refresh not in f"{caught.value!r} {caught.value.message} {caught.value.hint}"


def test_a_pasted_address_or_code_ends_a_login(there: Playground, machine: Credentials) -> None:
    def brought(**changes: str) -> str:
        asked = next(fields for path, fields in reversed(there.asked) if path == "/par")
        fields = {"state": asked["state"], "iss": there.url, "code": "code-1"} | changes
        return asked["redirect_uri"] + "?" + "&".join(f"{name}={text}" for name, text in fields.items()) + "\n"

    shown: list[str] = []
    assert log_in(there, machine, shown.append, paste=brought).did == there.did
    assert shown[0].startswith(f"{there.url}/authorize?client_id=http%3A%2F%2Flocalhost%3F")
    assert log_in(there, machine, shown.append, paste=lambda: "code-2\n").did == there.did
    with pytest.raises(AuthorizationMismatch, match="state differs"):
        log_in(there, machine, shown.append, paste=lambda: brought(state="other"))
    nothing = ["", "\n", "what is this"]
    while nothing:
        with pytest.raises(AuthorizationDenied, match="no code was given"):
            log_in(there, machine, shown.append, paste=nothing.pop)


@pytest.mark.parametrize("password", ["", "correct-horse-battery"])
def test_a_password_in_the_environment_goes_before_the_login(
    there: Playground,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    password: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("ATPUB_PASSWORD", password)
    monkeypatch.setattr(sys, "stdin", io.StringIO("code-1\n"))
    assert run(["login", "--oauth", "--no-browser", "--account", there.did, "--scope", "repo:org.lab.note"]) == 0
    shown = capsys.readouterr()
    assert "it permits atproto repo:org.lab.note" in shown.out
    assert ("ATPUB_PASSWORD is set" in shown.err) is bool(password)
    assert not password or password not in shown.out + shown.err


def test_a_login_is_renewed_and_ended(there: Playground, machine: Credentials) -> None:
    log_in(there, machine)
    there.nonce = "nonce-2"
    sessions = machine.require_sessions()
    before = sessions.read(Did(there.did))
    assert before
    assert read_status(Target.parse(there.did), machine).login.is_good
    with_http(there, sessions, 10_000)
    after = sessions.read(Did(there.did))
    assert after
    assert after.refresh != before.refresh
    log_out(Target.parse(there.did), machine)
    ended = [fields for path, fields in there.asked if path == "/revoke"]
    assert [fields["token"] for fields in ended] == [after.refresh]
    assert stored(machine) == []


def with_http(there: Playground, sessions: SessionStore, later: float) -> None:
    """Use the stored session, so many seconds from now."""
    with new_client() as client:
        import time

        http = HttpClient(client, sleep=lambda _: None, clock=lambda: time.time() + later)
        session = Session(XrpcClient(there.url, http), Did(there.did), lambda: None, sessions)
        session.authorized(lambda access: account_of(XrpcClient(there.url, http), access))


def test_a_request_that_is_tried_again_has_another_proof(there: Playground, machine: Credentials) -> None:
    log_in(there, machine)
    failures: list[Answer] = [(503, b"", {}), (502, b"", {})]
    there.failing = lambda path: failures.pop() if path == SESSION and failures else None
    with_http(there, machine.require_sessions(), 0)
    assert failures == []
    assert there.count(SESSION) == 2 + 3, "two of the login"


def test_a_token_that_the_server_refuses_is_renewed(there: Playground, machine: Credentials) -> None:
    log_in(there, machine)
    sessions = machine.require_sessions()
    before = sessions.read(Did(there.did))
    refusals: list[Answer] = [(401, {"error": "invalid_token"}, {"WWW-Authenticate": 'DPoP error="invalid_token"'})]
    there.failing = lambda path: refusals.pop() if path == SESSION and refusals else None
    with_http(there, sessions, 0)
    after = sessions.read(Did(there.did))
    assert before
    assert after
    assert after.access != before.access


def test_one_that_cannot_be_ended_at_the_server_is_told(there: Playground, machine: Credentials) -> None:
    log_in(there, machine)
    there.answers["/revoke"] = said(503, {})
    with pytest.raises(Unavailable, match="removed here, but the server did not end it") as caught:
        log_out(Target.parse(there.did), machine)
    assert "app password" not in caught.value.hint
    assert stored(machine) == []


def test_one_that_has_ended_asks_for_no_password(there: Playground, machine: Credentials) -> None:
    log_in(there, machine)
    there.refresh = "none"
    with pytest.raises(AuthenticationFailed, match=r"the OAuth login of alice\.example has ended") as caught:
        with_http(there, machine.require_sessions(), 10_000)
    assert "atpub login --oauth" in caught.value.hint


# The keyring


@pytest.fixture
def memory() -> Iterator[Memory]:
    memory = Memory()
    with using(memory):
        yield memory


def secrets_of(machine: Credentials, there: Playground) -> tuple[str, str, str]:
    tokens = machine.require_sessions().read(Did(there.did))
    assert tokens
    assert tokens.grant
    return tokens.access, tokens.refresh, tokens.grant.key


def test_a_sealed_login_is_renewed_and_ended(there: Playground, machine: Credentials, memory: Memory) -> None:
    log_in(there, machine, use_keyring=True)
    ((service, _),) = memory.held
    ((_, item),) = memory.held.items()
    assert service == "atpub session"
    assert len(item.encode("utf-16")) < 2_560, "what Windows stores"
    before = secrets_of(machine, there)
    with_http(there, machine.require_sessions(), 10_000)
    after = secrets_of(machine, there)
    assert after[:2] != before[:2]
    assert memory.held == {next(iter(memory.held)): item}, "a renewal writes the file alone"
    (file,) = stored(machine)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert not [secret for secret in (*before, *after, item) if json.dumps(secret)[1:-1] in text]
    assert json.loads(text).keys() == {"did", "handle", "login", "server", "grant", "seal", "sealed"}
    assert json.loads(text)["grant"].keys() == {"client", "scope", "expires"}
    status = read_status(Target.parse(there.did), machine).login
    assert (status.is_good, status.is_sealed, status.scope) == (True, True, str(SCOPE))
    log_out(Target.parse(there.did), machine)
    assert [fields["token"] for path, fields in there.asked if path == "/revoke"] == [after[1]]
    assert stored(machine) == []
    assert memory.held == {}


def test_the_command_says_where_the_key_is(
    there: Playground,
    memory: Memory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("code-1\n"))
    me = ["--account", there.did]
    assert run(["login", "--oauth", "--keyring", "--no-browser", "--scope", "repo:org.lab.note", *me]) == 0
    assert ".json, with its key in the system's keyring; it permits atproto" in capsys.readouterr().out
    assert run(["whoami", *me]) == 0
    assert ".json, with its key in the system's keyring: good" in capsys.readouterr().out
    assert run(["whoami", "--json", *me]) == 0
    assert json.loads(capsys.readouterr().out)["login"]["sealed"] is True
    assert run(["logout", *me]) == 0
    assert memory.held == {}


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        (lambda: load_keyring("keyring.backends.fail.Keyring"), "there is no keyring on this system"),
        (lambda: load_keyring("keyring.backends.null.Keyring"), "the keyring does not store the session's key\nhint"),
        (Broken, "does not store the session's key: LookupError"),
        (lambda: locked(Memory()), "does not store the session's key: KeyringLocked"),
    ],
)
def test_a_keyring_that_fails_opens_no_browser(
    there: Playground, machine: Credentials, backend: Callable[[], KeyringBackend], message: str
) -> None:
    with using(backend()), pytest.raises(Usage, match=message) as caught:
        log_in(there, machine, use_keyring=True)
    assert "leave out --keyring" in caught.value.hint
    assert there.count("/par") == 0
    assert stored(machine) == []


def locked(memory: Memory) -> Memory:
    memory.locked = True
    return memory


@pytest.mark.parametrize("error", [AuthorizationDenied("no"), KeyboardInterrupt()])
def test_a_login_that_fails_leaves_the_last_one(
    there: Playground, machine: Credentials, memory: Memory, error: BaseException
) -> None:
    def refuse(_: str) -> None:
        raise error

    log_in(there, machine, use_keyring=True)
    held, before = dict(memory.held), secrets_of(machine, there)
    with pytest.raises(type(error)):
        log_in(there, machine, refuse, use_keyring=True)
    assert (memory.held, secrets_of(machine, there)) == (held, before)


@pytest.mark.parametrize("again", [True, False])
def test_the_next_login_ends_the_last_one(there: Playground, machine: Credentials, memory: Memory, again: bool) -> None:
    log_in(there, machine, use_keyring=True)
    held, (_, refresh, _) = dict(memory.held), secrets_of(machine, there)
    log_in(there, machine, use_keyring=again)
    assert len(memory.held) == again
    assert not held.items() & memory.held.items()
    assert [fields["token"] for path, fields in there.asked if path == "/revoke"] == [refresh]


def test_a_locked_keyring_is_told_and_nothing_is_removed(
    there: Playground, machine: Credentials, memory: Memory
) -> None:
    log_in(there, machine, use_keyring=True)
    memory.locked = True
    sessions = machine.require_sessions()
    for use in (lambda: with_http(there, sessions, 0), lambda: log_out(Target.parse(there.did), machine)):
        with pytest.raises(KeyringUnavailable, match="cannot be read: KeyringLocked") as caught:
            use()
        assert "unlock the keyring" in caught.value.hint
    status = read_status(Target.parse(there.did), machine).login
    assert "cannot be read: KeyringLocked" in status.trouble
    assert sessions.find(Did(there.did)), "what a plan needs to know"
    memory.locked = False
    with_http(there, sessions, 0)
    memory.locked = True
    with_http(there, sessions, 10_000)  # a run asks once
    log_in(there, machine)
    assert len(memory.held) == 1, "it cannot be removed now"


def test_a_session_whose_key_is_lost_has_ended(there: Playground, machine: Credentials, memory: Memory) -> None:
    log_in(there, machine, use_keyring=True)
    memory.held.clear()
    with pytest.raises(AuthenticationFailed, match=r"the OAuth login of alice\.example has ended"):
        with_http(there, machine.require_sessions(), 0)
    with pytest.raises(Unavailable, match="did not end it: its tokens cannot be read"):
        log_out(Target.parse(there.did), machine)
    assert stored(machine) == []


@pytest.mark.parametrize("name", ["login", "server", "handle", "sealed"])
def test_an_altered_sealed_session_is_none(there: Playground, machine: Credentials, memory: Memory, name: str) -> None:
    log_in(there, machine, use_keyring=True)
    (file,) = stored(machine)
    value = json.loads(file.read_text())
    file.write_text(json.dumps({**value, name: "https://other.example"}))
    assert machine.require_sessions().read(Did(there.did)) is None
    assert memory.held


PROGRAM = """
import os, sys, time
from pathlib import Path
from atpub.atproto.auth.session import Session
from atpub.atproto.auth.session_store import SessionStore
from atpub.atproto.syntax import Did
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.login.keyring import read_seal
url, did, folder = sys.argv[1:]
start, begin = os.pipe()
for _ in range(8):
    if os.fork() == 0:
        os.close(begin)
        http = HttpClient(new_client(), clock=lambda: time.time() + 299)
        store = SessionStore(Path(folder), read_seal)
        session = Session(XrpcClient(url, http), Did(did), lambda: None, store)
        os.read(start, 1)  # which ends once the parent closes the other end
        os.write(1, (session.open().access + chr(10)).encode())  # in one piece
        os._exit(0)
os.close(begin)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="fork is POSIX's")
def test_eight_processes_renew_it_once(
    there: Playground, machine: Credentials, memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(there, machine, use_keyring=True)
    there.life = 3600
    before, (file,) = there.count("/token"), stored(machine)
    write_file(tmp_path / "keyring.json", memory)
    monkeypatch.setenv(FILE, str(tmp_path / "keyring.json"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"{InFile.__module__}.{InFile.__name__}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    command = [sys.executable, "-c", PROGRAM, there.url, there.did, str(file.parent)]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split()
    assert printed == [secrets_of(machine, there)[0]] * 8
    refreshed = [fields for path, fields in there.asked if path == "/token"][before:]
    assert len({fields["refresh_token"] for fields in refreshed}) == 1
    assert len(refreshed) == 2, "one is refused for the nonce that it lacks"


# Servers that lie


def changed(there: Playground, path: str, **changes: object) -> Callable[[Fields], Answer]:
    honest = there.metadata if path == SERVER else {"resource": there.url, "authorization_servers": [there.url]}
    found = {name: value for name, value in {**honest, **changes}.items() if value is not None}
    return lambda _: (200, found, {})


@pytest.mark.parametrize(
    ("path", "changes", "message"),
    [
        (RESOURCE, {"resource": "https://other.example"}, "states that it is https://other.example"),
        (RESOURCE, {"authorization_servers": []}, "does not name its one authorization server"),
        (RESOURCE, {"authorization_servers": ["https://a.example", "https://b.example"]}, "does not name its one"),
        (RESOURCE, {"authorization_servers": ["http://auth.example"]}, "no HTTPS origin"),
        (RESOURCE, {"authorization_servers": ["https://auth.example/path"]}, "no HTTPS origin"),
        (RESOURCE, {"authorization_servers": ["https://me@auth.example"]}, "no HTTPS origin"),
        (RESOURCE, {"authorization_servers": ["file:///etc/passwd"]}, "no HTTPS origin"),
        (SERVER, {"issuer": "https://other.example"}, "states that it is https://other.example"),
        (SERVER, {"issuer": None}, "states that it is None"),
        (SERVER, {"protected_resources": ["https://other.example"]}, "which is not for http://localhost"),
        (SERVER, {"protected_resources": "all"}, "which is not for http://localhost"),
        (SERVER, {"token_endpoint": "http://other.example/token"}, "token_endpoint is no HTTPS URL"),
        (SERVER, {"token_endpoint": None}, "token_endpoint is no HTTPS URL"),
        (SERVER, {"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint is no HTTPS URL"),
        (SERVER, {"authorization_endpoint": "file:///etc/passwd"}, "authorization_endpoint is no HTTPS URL"),
        (SERVER, {"authorization_endpoint": "http://localhost/\x1b[2J"}, "authorization_endpoint is no HTTPS URL"),
        (SERVER, {"pushed_authorization_request_endpoint": "http://u:p@localhost/par"}, "is no HTTPS URL"),
        (SERVER, {"code_challenge_methods_supported": ["plain"]}, "lacks S256"),
        (SERVER, {"dpop_signing_alg_values_supported": ["none"]}, "lacks ES256"),
        (SERVER, {"scopes_supported": ["openid"]}, "lacks atproto"),
        (SERVER, {"grant_types_supported": "authorization_code refresh_token"}, "grant_types_supported lacks"),
        (SERVER, {"require_pushed_authorization_requests": False}, "is not true"),
        (SERVER, {"authorization_response_iss_parameter_supported": None}, "is not true"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(
    there: Playground, machine: Credentials, path: str, changes: dict[str, object], message: str
) -> None:
    there.answers[path] = changed(there, path, **changes)
    with pytest.raises(AuthorizationMismatch, match=message):
        log_in(there, machine)
    assert there.count("/par") == 0
    assert stored(machine) == []


@pytest.mark.parametrize(
    ("path", "answer", "error", "message"),
    [
        (RESOURCE, said(404, {}), Unavailable, "does not offer OAuth"),
        (RESOURCE, said(302, {}, Location="/elsewhere"), Unavailable, "answers 302"),
        (RESOURCE, said(200, None), OversizedResponse, "more than 65,536 bytes"),
        (SERVER, said(200, b"<html>"), AuthorizationMismatch, "no JSON"),
        (SERVER, said(200, []), AuthorizationMismatch, "no JSON object"),
        (SERVER, said(307, {}, Location="/elsewhere"), Unavailable, "answers 307"),
        ("/par", said(201, {}), AuthorizationMismatch, "no request_uri"),
        ("/par", said(400, {"error": "invalid_request"}), AuthorizationDenied, "invalid_request"),
        ("/par", said(307, {}, Location="/elsewhere"), AuthorizationMismatch, "redirects"),
        ("/par", said(201, {"request_uri": "urn:x"}, DPoP_Nonce=""), AuthorizationMismatch, "gives no nonce"),
        ("/par", said(400, {"error": "use_dpop_nonce"}), AuthorizationDenied, "use_dpop_nonce"),
        ("/token", said(307, {}, Location="/elsewhere"), AuthorizationMismatch, "redirects"),
        ("/token", said(200, None), OversizedResponse, "more than 65,536 bytes"),
        ("/token", said(200, "tokens"), AuthorizationMismatch, "no JSON object"),
        ("/token", said(400, {"error": "invalid_grant"}), AuthorizationDenied, "invalid_grant"),
        ("/token", said(500, {}), Unavailable, "answers 500"),
        (SESSION, said(401, {"error": "invalid_token"}), AuthenticationFailed, "invalid_token"),
    ],
)
def test_answers_that_do_not_fit_are_refused(
    there: Playground,
    machine: Credentials,
    path: str,
    answer: Callable[[Fields], Answer],
    error: type[AtpubError],
    message: str,
) -> None:
    there.answers[path] = answer
    with pytest.raises(error, match=message):
        log_in(there, machine)
    assert there.count("/elsewhere") == 0
    assert there.count("/token") <= 1, "a code is sent once"
    assert there.count("/par") <= 2, "a nonce that is asked for again and again is given once"
    assert stored(machine) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sub": "did:web:other.example"}, "authorized did:web:other.example, not did:web:localhost"),
        ({"sub": None}, "authorized None"),
        ({"token_type": "Bearer"}, "not bound to this machine's key"),
        ({"scope": None}, "without the scope atproto"),
        ({"scope": "transition:generic"}, "without the scope atproto"),
        ({"scope": 'atproto "'}, "without the scope atproto"),
        ({"access_token": None}, "no two tokens"),
        ({"refresh_token": None}, "no two tokens"),
        ({"access_token": "a\r\nX-Other: b"}, "no two tokens"),
        ({"access_token": "a" * 20_000}, "no two tokens"),
    ],
)
def test_tokens_that_do_not_fit_are_refused(
    there: Playground, machine: Credentials, changes: dict[str, object], message: str
) -> None:
    there.answers["/token"] = lambda _: there.tokens(**changes)
    with pytest.raises(AuthorizationMismatch, match=message):
        log_in(there, machine)
    assert stored(machine) == []


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"state": "other"}, AuthorizationMismatch, "its state differs"),
        ({"state": ""}, AuthorizationMismatch, "its state differs"),
        ({"state": "ä"}, AuthorizationMismatch, "its state differs"),
        ({"iss": "https://other.example"}, AuthorizationMismatch, "is of https://other.example, not of"),
        ({"iss": ""}, AuthorizationMismatch, "is of no server"),
        (
            {"error": "access_denied", "error_description": "The user said \x1b[2Jno"},
            AuthorizationDenied,
            "said  .2Jno",
        ),
        ({"code": ""}, AuthorizationDenied, "it gave no code"),
        ({"code": "a\nb"}, AuthorizationDenied, "it gave no code"),
        ({"more": "x" * 10_000}, AuthorizationMismatch, "too long"),
    ],
)
def test_a_browser_that_brings_something_else(
    there: Playground, machine: Credentials, changes: dict[str, str], error: type[AtpubError], message: str
) -> None:
    with pytest.raises(error, match=message):
        log_in(there, machine, there.redirect(**changes))
    assert there.count("/token") == 0
    assert stored(machine) == []


def test_an_account_at_another_server_than_the_named_one(there: Playground, machine: Credentials) -> None:
    with playground() as other:
        with pytest.raises(AuthorizationMismatch, match=f"is at {there.url}, and not at {other.url}") as caught:
            log_in(there, machine, pds=other.url)
        assert other.asked == []
    assert "leave out --pds" in caught.value.hint
    assert log_in(there, machine, pds=there.url).did == there.did


def test_a_server_that_only_the_manifest_names_shows_no_page(there: Playground, machine: Credentials) -> None:
    browser = Browser(lambda _issuer, _scope: None, lambda _: None, there.redirect())
    with playground() as other:
        target = Target(there.did, pds=other.url, is_pds_suggested=True)
        with pytest.raises(UnconfirmedServer, match=f"{there.did} is at {there.url}, and not at") as caught:
            log_in_with_browser(target, machine, SCOPE, browser)
        assert other.asked == []
    assert "password" not in f"{caught.value.message} {caught.value.hint}", "OAuth has none"
    assert "--pds" not in caught.value.hint, "a login by OAuth refuses it there, too"
    assert log_in_with_browser(Target(there.did, pds=there.url, is_pds_suggested=True), machine, SCOPE, browser)


def test_tokens_that_the_account_s_server_takes_for_another_account(there: Playground, machine: Credentials) -> None:
    there.answers[SESSION] = said(200, {"did": "did:web:other.example", "handle": "other.example"})
    with pytest.raises(AuthorizationMismatch, match=r"takes the tokens for did:web:other\.example"):
        log_in(there, machine)
    assert stored(machine) == []
    assert there.count("/revoke") == 1


def test_a_server_that_has_become_another_gets_no_refresh_token(there: Playground, machine: Credentials) -> None:
    log_in(there, machine)
    there.answers[SERVER] = changed(there, SERVER, issuer="https://other.example")
    with pytest.raises(AuthorizationMismatch, match="states that it is"):
        with_http(there, machine.require_sessions(), 10_000)
    assert all("refresh_token" not in fields for path, fields in there.asked if path == "/token")


# Scopes


@pytest.mark.parametrize("error", ["invalid_scope", "invalid_client_metadata"])
def test_a_server_without_narrow_scopes_is_told(there: Playground, machine: Credentials, error: str) -> None:
    def push(fields: Fields) -> Answer:
        if "repo:" in fields["scope"] or "repo%3A" in fields["client_id"]:
            return 400, {"error": error}, {"DPoP-Nonce": there.nonce}
        there.scope = fields["scope"]
        return 201, {"request_uri": "urn:x"}, {"DPoP-Nonce": there.nonce}

    there.answers["/par"] = push
    warned: list[Problem] = []
    assert log_in(there, machine, warn=warned.append).scope == "atproto transition:generic"
    assert [problem.code for problem in warned] == ["broad-scope"]

    there.answers[SERVER] = changed(there, SERVER, scopes_supported=["atproto"])
    with pytest.raises(AuthorizationDenied, match=error):
        log_in(there, machine)


def test_a_login_that_permits_less_than_the_last_one_is_told(there: Playground, machine: Credentials) -> None:
    warned: list[Problem] = []
    there.answers["/token"] = lambda _: there.tokens(scope=f"{SCOPE} repo:org.lab.label blob:*/*")
    log_in(there, machine, warn=warned.append)
    log_in(there, machine, warn=warned.append)
    assert [(problem.code, problem.hint) for problem in warned] == [
        ("narrower-scope", "to keep that: atpub login --oauth --scope 'blob:*/*' --scope repo:org.lab.label")
    ]


# The listener


def test_the_listener_answers_one_path_once_and_waits_no_longer_than_it_should(
    there: Playground, machine: Credentials
) -> None:
    statuses: list[int] = []

    def show(url: str) -> None:
        del url
        redirect = next(fields for path, fields in reversed(there.asked) if path == "/par")["redirect_uri"]
        statuses.append(visit(redirect.replace("/callback", "/other") + "?code=1"))
        statuses.append(visit(redirect.replace("127.0.0.1", "localhost") + "?code=1"))

    with pytest.raises(AuthorizationDenied, match="the browser has sent no answer for 0 seconds") as caught:
        log_in(there, machine, show, seconds=0.01)
    assert statuses == [404, 404]
    assert "--no-browser" in caught.value.hint
    redirect = next(fields for path, fields in there.asked if path == "/par")["redirect_uri"]
    with pytest.raises(ConnectionRefusedError):
        visit(redirect)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_damaged_grant_is_no_session(there: Playground, machine: Credentials) -> None:
    log_in(there, machine)
    (file,) = stored(machine)
    value = json.loads(file.read_text())
    for grant in ("x", {}, {**value["grant"], "expires": "soon"}, {**value["grant"], "scope": 'a"'}):
        file.write_text(json.dumps({**value, "grant": grant}))
        assert machine.require_sessions().read(Did(there.did)) is None
    file.write_text(json.dumps({**value, "grant": {**value["grant"], "key": "none"}}))
    with pytest.raises(AuthenticationFailed, match=r"login of alice\.example has ended"):
        with_http(there, machine.require_sessions(), 0)
