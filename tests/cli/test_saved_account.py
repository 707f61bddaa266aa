"""Which account and server a saved plan is applied to, and who gets a password: never one that the file alone names."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from tests.cli.lab import Lab
from tests.cli.playground import Ran
from tests.repository.small_server import SmallServer, small_server

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import Did, Nsid, RecordPath, Rkey
from atpub.engine.plan.serialize import seal
from atpub.repository.local import LocalRepository
from atpub.repository.model import Create

DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
CREATE = "com.atproto.server.createSession"
PASSWORD = "the-password"


def serve(server: SmallServer, did: str, folder: Path) -> None:
    """Let a server have an account's repository, and its identity; it takes no password."""
    car = BytesIO()
    with closing(LocalRepository(folder, Did(did))) as local:
        first = RecordPath(Nsid("org.lab.note"), Rkey("one"))
        commit = local.apply_writes([Create(first, {"$type": "org.lab.note"})], None)
        local.export_car(car)
    service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": server.url}
    document = {"id": did, "service": [service]}
    server.answers |= {
        f"/{did}": (200, document),
        "/.well-known/did.json": (200, document),
        "com.atproto.sync.getLatestCommit": (200, {"cid": commit.head.cid, "rev": commit.head.rev}),
        "com.atproto.sync.getRepo": (200, car.getvalue()),
        CREATE: (401, {"error": "AuthenticationRequired"}),
    }


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallServer]:
    """The server of the user's own account, which is also the PLC directory."""
    with small_server() as server:
        serve(server, DID, tmp_path_factory.mktemp("own"))
        monkeypatch.setenv("ATPUB_PLC", server.url)
        yield server


@pytest.fixture
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallServer]:
    """A server with an account of its own: its operator can change the file."""
    with small_server() as server:
        serve(server, other_did(server), tmp_path_factory.mktemp("other"))
        yield server


def other_did(server: SmallServer) -> str:
    return f"did:web:localhost%3A{server.url.rpartition(':')[2]}"


@pytest.fixture
def apply(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Applies the saved plan with a password in the environment."""

    def apply(**environ: str) -> Ran:
        with monkeypatch.context() as patch:
            patch.setenv("ATPUB_PASSWORD", PASSWORD)
            for name, value in environ.items():
                patch.setenv(name, value)
            return lab.run("apply", "plan.json")

    return apply


def passwords(server: SmallServer) -> list[str]:
    return [asked.json["password"] for asked in server.asked if asked.what == CREATE]


def test_the_server_is_the_account_s_own(
    lab: Lab, own: SmallServer, other: SmallServer, apply: Callable[..., Ran]
) -> None:
    assert lab.plan("--account", DID, "--out", "plan.json").code == 0
    file = lab.folder / "plan.json"
    forged: JsonObject = {**json.loads(file.read_text()), "pds": other.url, "target": {"pds": other.url}}
    file.write_text(json.dumps(forged))
    assert apply(ATPUB_ACCOUNT=DID).code == 5
    file.write_text(json.dumps(seal(forged)))
    assert apply(ATPUB_ACCOUNT=DID).code == 4
    assert (passwords(own), other.asked) == ([PASSWORD], [])


def test_the_account_is_the_run_s(lab: Lab, own: SmallServer, other: SmallServer, apply: Callable[..., Ran]) -> None:
    assert lab.plan("--account", other_did(other), "--out", "plan.json").code == 0
    other.asked.clear()
    for refused in (apply(), apply(ATPUB_PDS=own.url)):
        assert refused.code == 64
        assert "ATPUB_PASSWORD is not sent to an account that only the plan names" in refused.err
    mine = apply(ATPUB_ACCOUNT=DID)
    assert mine.code == 7
    assert f"{DID} is {DID}, and not {other_did(other)}" in mine.err
    assert (passwords(own), other.asked) == ([], [])


def test_the_server_may_be_the_run_s(lab: Lab, own: SmallServer, apply: Callable[..., Ran]) -> None:
    assert lab.plan("--account", DID, "--out", "plan.json").code == 0
    own.answers.pop(f"/{DID}")
    assert apply(ATPUB_ACCOUNT=DID, ATPUB_PDS=own.url).code == 4
    assert passwords(own) == [PASSWORD]


def test_a_plan_for_a_folder_goes_to_that_folder_alone(lab: Lab, own: SmallServer, apply: Callable[..., Ran]) -> None:
    assert lab.plan("--out", "plan.json").code == 0
    for account in (DID, "local:elsewhere"):
        refused = apply(ATPUB_ACCOUNT=account)
        assert refused.code == 7
        assert f"the plan is for local, and not for {account}" in refused.err
    assert apply(ATPUB_ACCOUNT="local").code == 0
    assert not (lab.folder / "elsewhere").exists()
    assert own.asked == []


def test_a_plan_for_an_account_goes_to_no_folder(lab: Lab, own: SmallServer, apply: Callable[..., Ran]) -> None:
    assert lab.plan("--account", DID, "--out", "plan.json").code == 0
    assert apply(ATPUB_ACCOUNT="local").code == 7
    assert not (lab.folder / ".atpub").exists()
