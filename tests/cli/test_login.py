"""Logging in once, and what comes of it: whoami, apply without a password, logout; on the reference PDS."""

import json
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from syrupy.assertion import SnapshotAssertion
from tests.atproto.identity.dns_server import dns_server
from tests.cli.lab import Lab
from tests.cli.playground import Ran
from tests.cli.terminal import terminal
from tests.pds.reference import Account, ReferencePds, XrpcError
from tests.repository.small_server import Asked, Said, small_server

from atpub.atproto.xrpc import http

pytestmark = pytest.mark.pds

Atpub = Callable[..., Ran]


@pytest.fixture
def me(reference_pds: ReferencePds, pds_account: Account, state: Path) -> list[str]:
    """The flags for an account without a session."""
    return ["--account", pds_account.handle, "--pds", reference_pds.url]


def log_in(atpub: Atpub, me: list[str], account: Account, monkeypatch: pytest.MonkeyPatch) -> Ran:
    with monkeypatch.context() as patch:
        patch.setenv("ATPUB_PASSWORD", account.password)
        ran = atpub("login", *me)
    assert ran.code == 0, ran.err
    return ran


def kept(state: Path) -> list[Path]:
    return sorted(state.rglob("*.json"))


def test_the_whole_way(
    lab: Lab, me: list[str], pds_account: Account, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lab.run("whoami", *me).code == 4
    refused = lab.apply(*me)
    assert refused.code == 4
    assert "run atpub login, or set ATPUB_PASSWORD" in refused.err

    log_in(lab.run, me, pds_account, monkeypatch)
    (file,) = kept(state)
    assert pds_account.password not in file.read_text()
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert lab.run("whoami", *me).code == 0
    assert lab.apply(*me).code == 0
    assert lab.plan("--detailed-exitcode", *me).code == 0
    assert lab.run("destroy", "--yes", *me).code == 0

    assert lab.run("logout", *me).code == 0
    assert kept(state) == []
    assert lab.run("whoami", *me).code == 4
    assert lab.apply(*me).code == 4


def test_what_is_shown(
    atpub: Atpub,
    me: list[str],
    reference_pds: ReferencePds,
    pds_account: Account,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    snapshot: SnapshotAssertion,
) -> None:
    def shown(ran: Ran) -> str:
        text = f"{ran.out}--- stderr\n{ran.err}--- exit {ran.code}\n"
        masks = {
            str(kept(state)[0]) if kept(state) else "(no file)": "(file)",
            reference_pds.url: "http://(pds)",
            pds_account.did: "did:plc:(alice)",
            pds_account.handle: "alice.test",
        }
        for found, mask in masks.items():
            text = text.replace(found, mask)
        return text

    assert shown(atpub("whoami", *me)) == snapshot(name="whoami, nothing")
    assert shown(log_in(atpub, me, pds_account, monkeypatch)) == snapshot(name="login")
    assert shown(atpub("whoami", *me)) == snapshot(name="whoami, logged in")
    assert shown(atpub("whoami", "--json", *me)) == snapshot(name="whoami --json")
    with monkeypatch.context() as patch:
        patch.setenv("ATPUB_PASSWORD", "whatever")
        assert shown(atpub("whoami", *me)) == snapshot(name="whoami, ATPUB_PASSWORD")
        assert shown(atpub("login", *me)) == snapshot(name="login, wrong password")
    (file,) = kept(state)
    file.chmod(0o644)
    assert shown(atpub("whoami", *me)) == snapshot(name="whoami, others may read")
    file.chmod(0o600)
    assert shown(atpub("logout", *me)) == snapshot(name="logout")
    assert shown(atpub("logout", *me)) == snapshot(name="logout, again")
    assert shown(atpub("login", *me)) == snapshot(name="login, no password")


def test_the_session_ends_at_the_server(
    atpub: Atpub,
    me: list[str],
    reference_pds: ReferencePds,
    pds_account: Account,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(atpub, me, pds_account, monkeypatch)
    token = json.loads(kept(state)[0].read_text())["refresh"]
    assert atpub("logout", "--account", pds_account.did).code == 0  # a session is found without its server
    with pytest.raises(XrpcError, match="ExpiredToken"):
        reference_pds.xrpc("com.atproto.server.refreshSession", b"", token=token)


def test_logging_in_again_ends_the_older_session(
    atpub: Atpub,
    me: list[str],
    reference_pds: ReferencePds,
    pds_account: Account,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(atpub, me, pds_account, monkeypatch)
    older = json.loads(kept(state)[0].read_text())["refresh"]
    log_in(atpub, me, pds_account, monkeypatch)
    assert len(kept(state)) == 1
    with pytest.raises(XrpcError, match="ExpiredToken"):
        reference_pds.xrpc("com.atproto.server.refreshSession", b"", token=older)
    assert atpub("whoami", *me).code == 0


def test_a_session_that_others_may_have_seen_can_be_ended(
    atpub: Atpub, me: list[str], pds_account: Account, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(atpub, me, pds_account, monkeypatch)
    kept(state)[0].chmod(0o666)
    refused = atpub("whoami", *me)
    assert refused.code == 4
    assert "can be read by others (mode 0666)" in refused.err
    assert atpub("logout", *me).code == 0
    assert kept(state) == []


def test_an_app_password_is_enough(
    atpub: Atpub, me: list[str], reference_pds: ReferencePds, pds_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = reference_pds.xrpc(
        "com.atproto.server.createAppPassword", {"name": secrets.token_hex(4)}, token=pds_account.access_jwt
    )
    monkeypatch.setenv("ATPUB_PASSWORD", made["password"])
    assert atpub("login", *me).code == 0
    monkeypatch.delenv("ATPUB_PASSWORD")
    assert atpub("whoami", *me).code == 0


def test_the_password_is_asked_for(
    folder: Path, me: list[str], pds_account: Account, state: Path, reference_pds: ReferencePds
) -> None:
    with terminal("login", *me, cwd=folder, XDG_STATE_HOME=str(state)) as login:
        login.until("Password.*: ")
        login.type(f"{pds_account.password}\n")
        assert login.end() == 0
    assert "Logged in to" in login.text
    assert pds_account.password not in login.text
    assert len(kept(state)) == 1


def test_a_manifest_names_the_account(
    lab: Lab, me: list[str], reference_pds: ReferencePds, pds_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.change(("account: local", f"account: '@{pds_account.handle}'\ndid: {pds_account.did}"))
    monkeypatch.setenv("ATPUB_PDS", reference_pds.url)
    log_in(lab.run, [], pds_account, monkeypatch)
    assert lab.run("whoami", "--json").json["login"]["way"] == "session"
    lab.change((pds_account.did, "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"))
    for command in (["whoami"], ["plan"], ["apply", "--yes"], ["destroy", "--yes"], ["login"]):
        refused = lab.run(*command)
        assert refused.code == 7, command
        assert f"{pds_account.handle} is {pds_account.did}, and not did:plc:aaaaaaaaaaaaaaaaaaaaaaaa" in refused.err


def test_an_account_is_found_by_its_name_alone(
    lab: Lab,
    state: Path,
    reference_pds: ReferencePds,
    pds_account: Account,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """As in the world outside: DNS, the PLC directory, the server; plan asks the first two once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))

    def directory(asked: Asked) -> Said:
        with httpx.Client() as client:
            found = client.get(f"{reference_pds.plc_url}{asked.what}")
        return found.status_code, found.json()

    with dns_server({f"_atproto.{pds_account.handle}": [f"did={pds_account.did}"]}) as names, small_server() as plc:
        plc.answers[f"/{pds_account.did}"] = directory
        monkeypatch.setenv("ATPUB_DNS", names.address)
        monkeypatch.setenv("ATPUB_PLC", plc.url)
        monkeypatch.setenv("ATPUB_RESOLVER", "http://localhost:9")
        me = ["--account", pds_account.handle]

        def asked(*command: str) -> tuple[int, int]:
            ran = lab.run(*command, *me)
            assert ran.code == 0, ran.err
            counts = len(names.asked), len(plc.asked)
            names.asked.clear()
            plc.asked.clear()
            return counts

        assert (asked("plan"), asked("plan")) == ((1, 1), (0, 0))
        log_in(lab.run, me, pds_account, monkeypatch)
        assert asked("whoami") == (2, 2)  # login's, and its own
        assert asked("apply", "--yes") == (1, 1)
        assert asked("plan") == (0, 0)


def test_a_code_that_comes_by_mail_is_asked_for(folder: Path, state: Path) -> None:
    def create(asked: Asked) -> Said:
        if asked.json.get("authFactorToken") != "ABCD-EFGH":
            return 401, {"error": "AuthFactorTokenRequired", "message": "A sign in code has been sent"}
        return 200, {"did": DID, "handle": "lab.example", "accessJwt": "a", "refreshJwt": "b"}

    with small_server({"com.atproto.server.createSession": create}) as server:
        me = ["--account", DID, "--pds", server.url]
        with terminal("login", *me, cwd=folder, XDG_STATE_HOME=str(state), ATPUB_PASSWORD="p") as login:
            login.until("The code sent to you by mail: ")
            login.type("ABCD-EFGH \n")
            assert login.end() == 0
        assert len(kept(state)) == 1


DID = "did:web:lab.example"


def test_logout_forgets_the_session_of_an_unreachable_server(
    atpub: Atpub, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = {"did": DID, "handle": "lab.example", "accessJwt": "a", "refreshJwt": "b"}
    with small_server({"com.atproto.server.createSession": (200, session)}) as server, monkeypatch.context() as patch:
        patch.setenv("ATPUB_PASSWORD", "p")
        assert atpub("login", "--account", DID, "--pds", server.url).code == 0
    monkeypatch.setattr(http, "PAUSES", ())
    gone = atpub("logout", "--account", "lab.example")
    assert gone.code == 1
    assert "the session was removed here, but the server did not end it: cannot reach" in gone.err
    assert kept(state) == []


@pytest.mark.parametrize("command", ["login", "logout", "whoami"])
def test_an_account_is_needed(atpub: Atpub, command: str) -> None:
    ran = atpub(command)
    assert ran.code == 64
    assert "name the account, --account HANDLE, or the manifest, -m PATH" in ran.err


@pytest.mark.parametrize("command", ["login", "logout"])
def test_a_folder_has_no_login(atpub: Atpub, command: str) -> None:
    ran = atpub(command, "--account", "local")
    assert ran.code == 64
    assert "which needs no login" in ran.err


def test_whoami_answers_for_a_folder(atpub: Atpub, folder: Path, snapshot: SnapshotAssertion) -> None:
    assert atpub("whoami", "--account", "local").out == snapshot
    assert list(folder.iterdir()) == []


def test_a_password_is_not_typed_for_an_open_line(atpub: Atpub, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATPUB_PASSWORD", "p")
    ran = atpub("login", "--account", DID, "--pds", "http://pds.example")
    assert ran.code == 4
    assert "use https://pds.example" in ran.err


def test_a_handle_that_moves_is_followed(
    lab: Lab,
    reference_pds: ReferencePds,
    pds_account: Account,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Plan believes what it has learned within the hour, unless the manifest says otherwise; apply never does."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    new = reference_pds.create_account(f"t{secrets.token_hex(6)}.test")
    service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": reference_pds.url}
    documents = {
        f"/{account.did}": (200, {"id": account.did, "alsoKnownAs": ["at://lab.example"], "service": [service]})
        for account in (pds_account, new)
    }
    lab.change(("account: local", "account: lab.example"))
    name = "_atproto.lab.example"
    with dns_server({name: [f"did={pds_account.did}"]}) as names, small_server(documents) as plc:
        monkeypatch.setenv("ATPUB_DNS", names.address)
        monkeypatch.setenv("ATPUB_PLC", plc.url)
        assert lab.plan("--json").json["did"] == pds_account.did
        names.says = {name: [f"did={new.did}"]}
        assert lab.plan("--json").json["did"] == pds_account.did
        monkeypatch.setenv("ATPUB_PASSWORD", new.password)
        assert lab.apply("--json").json["did"] == new.did
        lab.change(("account: lab.example", f"account: lab.example\ndid: {new.did}"))
        assert lab.plan("--json").json["did"] == new.did


def test_a_session_that_is_over_is_said_to_be(
    lab: Lab,
    me: list[str],
    reference_pds: ReferencePds,
    pds_account: Account,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(lab.run, me, pds_account, monkeypatch)
    (file,) = kept(state)
    session = json.loads(file.read_text())
    reference_pds.xrpc("com.atproto.server.deleteSession", b"", token=session["refresh"])
    file.write_text(json.dumps({**session, "access": "e30.eyJleHAiOiAxMDAwfQ.AAAA"}))  # {"exp": 1000}: long ago
    ran = lab.run("whoami", *me)
    assert ran.code == 4
    assert "it has expired: run atpub login" in ran.out
    refused = lab.apply(*me)
    assert refused.code == 4
    assert "the stored session has ended, and a password is needed" in refused.err
