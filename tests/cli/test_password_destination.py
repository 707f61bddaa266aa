"""A password goes to the server of the account's identity, or to one that the user names, not where a manifest says."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.cli.lab import Lab
from tests.repository.small_server import Asked, SmallServer, small_server

import atpub
from atpub.atproto.syntax import Did, Nsid, RecordPath, Rkey
from atpub.atproto.xrpc import http
from atpub.errors import UnconfirmedServer
from atpub.repository.local import LocalRepository
from atpub.repository.model import Create

CREATE = "com.atproto.server.createSession"
PASSWORD = "hunter2-hunter2"


@dataclass
class World:
    """An account on its own server, and another server that claims to have the same account."""

    lab: Lab
    did: Did
    own: SmallServer
    other: SmallServer

    def received(self, server: SmallServer) -> list[Asked]:
        return [asked for asked in server.asked if asked.what == CREATE]


@pytest.fixture
def world(lab: Lab, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path_factory.mktemp(name)))
    monkeypatch.setattr(http, "PAUSES", (0.0, 0.0))
    monkeypatch.delenv("ATPUB_PDS", raising=False)
    with small_server() as own, small_server() as other:
        port = urlsplit(own.url).port
        did = Did(f"did:web:localhost%3A{port}")
        service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": own.url}
        own.answers["/.well-known/did.json"] = (200, {"id": did, "service": [service]})
        for server in (own, other):
            _add_repository(server, did, tmp_path_factory.mktemp("repository"))
        monkeypatch.setenv("ATPUB_ACCOUNT", did)
        monkeypatch.setenv("ATPUB_PASSWORD", f"{PASSWORD}\n")
        lab.change(("account: local\n", f"account: {did}\npds: {other.url}\n"))
        yield World(lab, did, own, other)


def _add_repository(server: SmallServer, did: Did, folder: Path) -> None:
    car = BytesIO()
    with closing(LocalRepository(folder, did)) as local:
        path = RecordPath(Nsid("org.lab.note"), Rkey("one"))
        commit = local.apply_writes([Create(path, {"$type": "org.lab.note"})], None)
        local.export_car(car)
    server.answers |= {
        "com.atproto.sync.getLatestCommit": (200, {"cid": commit.head.cid, "rev": commit.head.rev}),
        "com.atproto.sync.getRepo": (200, car.getvalue()),
        CREATE: (401, {"error": "AuthenticationRequired", "message": "no"}),
    }


@pytest.mark.parametrize("command", [("apply", "--yes"), ("login", "-m", "atpub.yaml")])
def test_the_manifest_s_server_gets_no_password(world: World, command: tuple[str, ...]) -> None:
    ran = world.lab.run(*command)
    assert ran.code == 7
    assert f"the manifest names the server {world.other.url}" in ran.err
    assert f"--pds {world.other.url}" in ran.err
    assert PASSWORD not in ran.out + ran.err
    assert world.received(world.own) == world.received(world.other) == []


def test_the_code_says_so(world: World) -> None:
    assert world.lab.run("apply", "--yes", "--json").json["error"]["code"] == "unconfirmed-server"


def test_reading_needs_no_confirmation(world: World) -> None:
    assert world.lab.run("plan").code == 0


@pytest.mark.parametrize("way", ["option", "environment"])
def test_the_user_s_server_gets_the_password(world: World, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    more = ("--pds", world.other.url) if way == "option" else ()
    if way == "environment":
        monkeypatch.setenv("ATPUB_PDS", world.other.url)
    assert world.lab.run("apply", "--yes", *more).code == 4
    assert world.received(world.own) == []
    assert world.received(world.other)[0].json["password"] == PASSWORD  # without its line break


def test_the_identity_s_server_gets_the_password(world: World) -> None:
    world.lab.change((world.other.url, world.own.url))
    assert world.lab.run("apply", "--yes").code == 4
    assert world.received(world.own)[0].json["password"] == PASSWORD
    assert world.received(world.other) == []


def test_an_unknown_identity_gets_no_password_either(world: World) -> None:
    world.own.answers["/.well-known/did.json"] = (404, b"")
    ran = world.lab.run("apply", "--yes")
    assert (ran.code, "which only the manifest names" in ran.err) == (7, True)
    assert world.received(world.other) == []


def test_the_python_interface_has_the_same_rule(world: World) -> None:
    plan = atpub.plan(world.lab.folder / "atpub.yaml")
    with pytest.raises(UnconfirmedServer):
        atpub.apply(plan)
    assert world.received(world.own) == world.received(world.other) == []
