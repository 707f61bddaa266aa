"""Passwords and tokens appear nowhere but in the session's own file, whatever a server does with them."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.cli.lab import Lab
from tests.cli.playground import Ran
from tests.repository.small_server import Asked, Said, SmallServer, small_server

from atpub import redact
from atpub.atproto.syntax import Did, Nsid, RecordPath, Rkey
from atpub.atproto.xrpc import http
from atpub.repository.local import LocalRepository
from atpub.repository.model import Create, Head
from atpub.repository.pds import repository

pytestmark = pytest.mark.slow

DID = "did:web:lab.example"
PASSWORD = 'pass"MARKER-wörd/1'
ACCESS = "acc.MARKER-access.x"
REFRESH = "ref.MARKER-refresh.x"
CREATE = "com.atproto.server.createSession"
RENEW = "com.atproto.server.refreshSession"
DELETE = "com.atproto.server.deleteSession"
GET = "com.atproto.server.getSession"
APPLY = "com.atproto.repo.applyWrites"
UPLOAD = "com.atproto.repo.uploadBlob"

Session = dict[str, object]
SESSION: Session = {"did": DID, "handle": "lab.example", "accessJwt": ACCESS, "refreshJwt": REFRESH}
IN_WORDS = f"{PASSWORD} {json.dumps(PASSWORD)} {quote(PASSWORD)}"


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Head, bytes]:
    """The account's repository, with one record: its head, and all of it as a CAR."""
    car = BytesIO()
    with closing(LocalRepository(tmp_path_factory.mktemp("repository") / "local", Did(DID))) as local:
        first = RecordPath(Nsid("org.lab.note"), Rkey("one"))
        commit = local.apply_writes([Create(first, {"$type": "org.lab.note"})], None)
        local.export_car(car)
    return commit.head, car.getvalue()


@pytest.fixture
def server(stored: tuple[Head, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallServer]:
    """A server of the account; failures are not waited for."""
    monkeypatch.setattr(http, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(repository, "_PAUSES", (0.0,))
    head, car = stored
    with small_server() as running:
        running.answers |= {
            "com.atproto.sync.getLatestCommit": (200, {"cid": head.cid, "rev": head.rev}),
            "com.atproto.sync.getRepo": (200, car),
            CREATE: (200, SESSION),
            RENEW: (200, SESSION),
            DELETE: (200, b""),
            GET: (200, {"did": DID, "handle": "lab.example"}),
            UPLOAD: echoing(400),
            APPLY: echoing(400),
        }
        yield running


@pytest.fixture
def run(lab: Lab, server: SmallServer, state: Path, cache: Path) -> Callable[..., Ran]:
    """Runs a command about the account, and looks for secrets wherever it leaves something."""

    def run(command: str, *more: str) -> Ran:
        redact._hidden.clear()  # pyright: ignore[reportPrivateUsage]  # each command is a process of its own
        ran = lab.run(command, "--account", DID, "--pds", server.url, *more)
        assert "MARKER" not in ran.out + ran.err
        left = [path for folder in (lab.folder, state, cache) for path in folder.rglob("*") if path.is_file()]
        holding = [path for path in left if b"MARKER" in path.read_bytes()]
        assert all(path.parent == state / "atpub/sessions" and path.suffix == ".json" for path in holding)
        assert not any(PASSWORD in path.read_text() for path in holding)
        return ran

    return run


def echoing(status: int, error: str = "") -> Callable[[Asked], Said]:
    """An error that repeats what was sent, a password or tokens, and in more than one spelling."""

    def answer(asked: Asked) -> Said:
        secret = IN_WORDS if asked.token is None else f"{asked.token} {ACCESS} {REFRESH}"
        body = asked.body.decode() if asked.what != UPLOAD else ""
        return status, {"error": error or f"Bad {secret}", "message": f"{secret} {body}"}

    return answer


def changed(**fields: object) -> Said:
    return 200, {**SESSION, **fields}


def document(endpoint: str) -> Session:
    service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": endpoint}
    return {"id": DID, "service": [service]}


def faults(secret: str) -> dict[str, Said | Callable[[Asked], Said]]:
    """What a server may do with a secret that it was sent."""
    in_words = " ".join((secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), quote(secret)))
    return {
        "401": echoing(401),
        "400": echoing(400, "InvalidRequest"),
        "403": echoing(403, "AccountNotFound"),
        "429": echoing(429, "RateLimitExceeded"),
        "500": echoing(500),
        "a page": (502, f"<html>{in_words}".encode()),
        "lost": (0, None),
        "no JSON": (200, json.dumps(SESSION).encode()[:-1]),
        "latin-1": (200, f"{in_words}ä".encode("latin-1")),
        "no token": changed(accessJwt=[ACCESS, secret]),
        "nothing": (200, {}),
        "another account": changed(did=f"did:web:{quote(secret, safe='')}"),
        "a handle of its own": changed(handle=f"{secret}!"),
        "a token of two lines": changed(accessJwt=f"{ACCESS}\n{secret}"),
        "a token beyond ASCII": changed(refreshJwt=f"{REFRESH}ö"),
        "a server with a secret": changed(didDoc=document(f"https://{secret}@pds.example")),
        "a server far away": changed(didDoc=document("http://pds.example")),
    }


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("fault", faults(""))
def test_a_login_that_fails(
    run: Callable[..., Ran], server: SmallServer, fault: str, flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers[CREATE] = faults(PASSWORD)[fault]
    monkeypatch.setenv("ATPUB_PASSWORD", PASSWORD)
    ran = run("apply", "--yes", *flags)
    assert ran.code in (1, 4, 8)
    if flags:
        assert json.loads(ran.out)
    elif fault != "a server far away":  # that is found out when something is sent there
        assert run("login").code in (1, 4, 8)
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("method", [GET, RENEW, DELETE, UPLOAD, APPLY])
@pytest.mark.parametrize("fault", faults(""))
def test_a_session_that_fails(
    run: Callable[..., Ran],
    lab: Lab,
    server: SmallServer,
    fault: str,
    method: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("ATPUB_PASSWORD", PASSWORD)
        assert run("login").code == 0
    if method == RENEW:
        server.answers |= {GET: echoing(400, "ExpiredToken"), UPLOAD: echoing(400, "ExpiredToken")}
    if method == APPLY:
        lab.without("datasets:", "labels:")
    server.answers[method] = faults(REFRESH)[fault]
    ran = [run("whoami", "--json"), run("plan"), run("apply", "--yes"), run("apply", "--yes", "--json"), run("logout")]
    assert not any("Traceback" in each.err for each in ran)
    asked = {each.what for each in server.asked}
    assert method in asked


def test_a_login_that_works(run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("ATPUB_PASSWORD", PASSWORD)
        for command in (["login"], ["whoami"], ["whoami", "--json"]):
            assert run(*command).code == 0
    assert run("whoami").code == 0
    assert run("logout").code == 0


def test_bytes_that_are_no_text(run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATPUB_PASSWORD", "MARKER\udcff")
    ran = run("login")
    assert ran.code == 4
    assert "the password is not valid text" in ran.err


def test_a_session_file_that_was_edited_by_hand(
    run: Callable[..., Ran], state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("ATPUB_PASSWORD", PASSWORD)
        assert run("login").code == 0
    (file,) = state.rglob("*.json")
    for spoilt in (f"{ACCESS}\\nMARKER", f"{ACCESS}ö", ""):
        file.write_text(file.read_text().replace(ACCESS, spoilt))
        for ran in (run("whoami"), run("apply", "--yes"), run("apply", "--yes", "--json")):
            assert ran.code in (1, 4)
            assert "Traceback" not in ran.err
