import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.pds import reference
from tests.pds.reference import VERSIONS, Account, ReferencePds, Unreachable, XrpcError, install, serve
from tests.pds.servers import Servers

pytestmark = pytest.mark.pds


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_health_tells_the_version(reference_pds: ReferencePds) -> None:
    health = reference_pds.xrpc("_health")
    assert health == {"version": reference_pds.version}
    assert reference_pds.version.startswith(VERSIONS)


def test_each_account_has_its_own_did_in_the_plc_stub(reference_pds: ReferencePds, pds_account: Account) -> None:
    (alice,) = reference_pds.accounts
    assert alice.handle == "alice.test"
    assert alice.did != pds_account.did
    found = reference_pds.xrpc("com.atproto.repo.describeRepo", params={"repo": pds_account.did})
    assert found["handleIsCorrect"]
    assert found["didDoc"]["service"][0]["serviceEndpoint"] == reference_pds.url


def test_create_session(reference_pds: ReferencePds, pds_account: Account) -> None:
    login = {"identifier": pds_account.handle, "password": pds_account.password}
    session = reference_pds.xrpc("com.atproto.server.createSession", login)
    assert session["did"] == pds_account.did
    login["password"] = "wrong"
    with pytest.raises(XrpcError, match="AuthenticationRequired") as refusal:
        reference_pds.xrpc("com.atproto.server.createSession", login)
    assert refusal.value.status == 401


def test_a_did_of_one_s_own_needs_a_token(reference_pds: ReferencePds) -> None:
    with pytest.raises(XrpcError, match="Missing auth to create account with did"):
        reference_pds.create_account("own.test", did="did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")


def test_write_and_read_a_record(reference_pds: ReferencePds, pds_account: Account) -> None:
    collection = "com.example.note"
    value = {"$type": collection, "text": "ü × 1", "n": 2**53 - 1, "deep": {"list": [True, None, ""]}}
    write = {"$type": "com.atproto.repo.applyWrites#create", "collection": collection, "rkey": "one", "value": value}
    written = reference_pds.xrpc(
        "com.atproto.repo.applyWrites", {"repo": pds_account.did, "writes": [write]}, token=pds_account.access_jwt
    )
    where: dict[str, str | int] = {"repo": pds_account.did, "collection": collection, "rkey": "one"}
    record = reference_pds.xrpc("com.atproto.repo.getRecord", params=where)
    assert record["value"] == value
    assert record["cid"] == written["results"][0]["cid"]
    commit = reference_pds.xrpc("com.atproto.sync.getLatestCommit", params={"did": pds_account.did})
    assert commit == written["commit"]


def test_a_tar_is_recognised_and_comes_back(reference_pds: ReferencePds, pds_account: Account) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo("000.txt")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"hello"))
    blob = reference_pds.xrpc("com.atproto.repo.uploadBlob", file.getvalue(), token=pds_account.access_jwt)["blob"]
    assert blob["mimeType"] == "application/x-tar"
    assert blob["size"] == len(file.getvalue())

    record = {"$type": "com.example.file", "blob": blob}
    request = {"repo": pds_account.did, "collection": "com.example.file", "record": record}
    reference_pds.xrpc("com.atproto.repo.createRecord", request, token=pds_account.access_jwt)
    where: dict[str, str | int] = {"did": pds_account.did, "cid": blob["ref"]["$link"]}
    assert reference_pds.xrpc("com.atproto.sync.getBlob", params=where) == file.getvalue()


def test_options_and_end(reference_pds: ReferencePds) -> None:
    version = _series(reference_pds)
    with serve(version, accounts=("ann.test", "bob.test"), rate_limits=True, blob_limit=1000) as pds:
        assert pds.pid != reference_pds.pid
        assert _is_running(pds.pid)
        ann, bob = pds.accounts
        assert (ann.handle, bob.handle) == ("ann.test", "bob.test")
        pds.xrpc("com.atproto.repo.uploadBlob", bytes(1000), token=ann.access_jwt)
        with pytest.raises(XrpcError) as refusal:
            pds.xrpc("com.atproto.repo.uploadBlob", bytes(1001), token=ann.access_jwt)
        assert refusal.value.status == 413
        create: dict[str, object] = {"$type": "com.atproto.repo.applyWrites#create", "collection": "a.b.c", "value": {}}
        above_an_hour = {"repo": ann.did, "writes": [create] * (5000 // 3 + 1)}
        with pytest.raises(XrpcError, match="RateLimitExceeded") as refusal:
            pds.xrpc("com.atproto.repo.applyWrites", above_an_hour, token=ann.access_jwt)
        assert refusal.value.status == 429
    assert not _is_running(pds.pid)


def test_uploads_that_break_off_do_not_end_it(reference_pds: ReferencePds, pds_account: Account) -> None:
    place = urlsplit(reference_pds.url)
    head = (
        "POST /xrpc/com.atproto.repo.uploadBlob HTTP/1.1",
        "Host: localhost",
        "Content-Type: text/plain",
        "Content-Length: 1000000",
        f"Authorization: Bearer {pds_account.access_jwt}",
        "",
        "ab",
    )
    for number in range(100):  # each breaks off at another moment
        with socket.create_connection((place.hostname, place.port)) as connection:
            connection.sendall("\r\n".join(head).encode())
            time.sleep(number / 5000)
    assert reference_pds.xrpc("_health") == {"version": reference_pds.version}


def test_no_server_outlives_a_killed_parent(reference_pds: ReferencePds) -> None:
    script = [sys.executable, str(Path(reference.__file__)), "serve", _series(reference_pds)]
    with subprocess.Popen(script, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid: int = json.loads(parent.stdout.readline())["pid"]
        assert _is_running(pid)
        parent.send_signal(signal.SIGKILL)
    for _ in range(100):
        if not _is_running(pid):
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the server was left behind")


def test_a_server_that_is_shared_ends_after_the_last(tmp_path: Path) -> None:
    """How it is shared does not depend on its version: one is enough."""
    with closing(Servers(tmp_path)) as first:
        server = first(VERSIONS[-1])
        with closing(Servers(tmp_path)) as second:
            assert second(VERSIONS[-1]) == server
        assert server.xrpc("_health") == {"version": server.version}
    assert not _is_running(server.pid)
    with closing(Servers(tmp_path)) as later:
        assert later(VERSIONS[-1]).pid != server.pid


@pytest.mark.slow
def test_unreachable_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("v0_5", "sqlite-shim", "left-out"):
        (tmp_path / part).mkdir()
        for source in (reference.HERE / part).iterdir():
            if source.is_file():
                (tmp_path / part / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(reference, "HERE", tmp_path)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    with pytest.raises(Unreachable, match="ECONNREFUSED"):
        install("0.5")


def test_lock_files_name_no_registry() -> None:
    for lock in reference.HERE.glob("v*/package-lock.json"):
        packages = json.loads(lock.read_text())["packages"]
        for name, package in packages.items():
            assert package.get("resolved", "file:").startswith("file:"), name
            assert name == "" or "resolved" in package or "integrity" in package, name


def _series(pds: ReferencePds) -> str:
    return next(version for version in VERSIONS if pds.version.startswith(version))
