"""What goes over the wire: reading takes no credentials and changes nothing, and a password goes to the login only."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.faults.conftest import NewWorld
from tests.faults.proxy import Seen
from tests.faults.scene import FLAGS
from tests.faults.world import Ran, World
from tests.pds.reference import PASSWORD

pytestmark = pytest.mark.pds

SPELLINGS = {PASSWORD, quote(PASSWORD, safe=""), base64.b64encode(PASSWORD.encode()).decode()}


def holds_secrets(seen: Seen) -> bool:
    """Whether there is the password in it, or anything to log in with."""
    named = any(name.lower() in ("authorization", "cookie", "proxy-authorization") for name in seen.headers)
    return named or any(spelling.encode() in seen.wire for spelling in SPELLINGS)


def only_reads(ran: Ran) -> bool:
    return {seen.verb for seen in ran.log} <= {"GET"} and not any(map(holds_secrets, ran.log))


@pytest.fixture
def world(new_world: NewWorld) -> World:
    return new_world()


def test_validate_sends_no_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATPUB_ACCOUNT", world.did)
    monkeypatch.setenv("ATPUB_PDS", world.proxy.url)
    world.target = ()
    ran = world.run("validate", "-m", str(world.manifests["spring"]))
    assert ran.code == 0, ran.err
    assert ran.log == []


@pytest.mark.parametrize("by", ["DID", "handle"])
def test_plan_only_reads(world: World, by: str) -> None:
    """With nothing there, with all to be changed, and with nothing to be done."""
    if by == "handle":
        world.target = ("--account", world.account.handle, "--pds", world.proxy.url)
    before = world.plan("spring")
    assert world.apply("spring").code == 0
    plans = [before, world.plan("autumn"), world.plan("spring")]
    assert [ran.code for ran in plans] == [2, 2, 0]
    assert all(ran.log and only_reads(ran) for ran in plans)


def test_apply_of_what_is_applied_only_reads(world: World) -> None:
    assert world.apply("spring").code == 0
    again = world.apply("spring")
    assert again.code == 0
    assert again.log
    assert only_reads(again)


def test_a_refused_plan_only_reads(world: World) -> None:
    world.write("putRecord", ("org.test.note", "same"), record={"$type": "org.test.note", "text": "theirs"})
    refused = world.apply("spring")
    assert refused.code == 7
    assert only_reads(refused)


def test_the_password_goes_to_the_login_only(world: World) -> None:
    ran = world.apply("spring")
    assert ran.code == 0, ran.err
    assert ran.methods().count("createSession") == 1
    for seen in ran.log:
        head, _, body = seen.wire.partition(b"\r\n\r\n")
        is_login = seen.point.method == "createSession"
        assert not any(spelling.encode() in head for spelling in SPELLINGS)
        assert (PASSWORD.encode() in body) == is_login
        assert ("Authorization" in seen.headers) == (seen.verb == "POST" and not is_login), seen.point
    assert PASSWORD not in ran.out + ran.err


def test_no_token_is_printed_or_kept(world: World, tmp_path: Path) -> None:
    ran = world.run("apply", "-m", str(world.manifests["spring"]), *FLAGS)
    headers = (seen.headers.get("Authorization", "") for seen in ran.log)
    tokens = {header.removeprefix("Bearer ") for header in headers if header}
    assert tokens
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    for secret in {*tokens, PASSWORD}:
        assert secret not in ran.out + ran.err
        assert not any(secret.encode() in content for content in written)
