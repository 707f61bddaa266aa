"""Handles, by real servers on this machine: DNS, pages, and the resolver that is asked last."""

import socket
from collections.abc import Mapping

import dns.rcode
import pytest
from tests.atproto.identity.dns_server import GARBAGE, SILENT, TRUNCATED, Said, dns_server
from tests.repository.small_server import SmallServer, small_server

from atpub.atproto.data import Json
from atpub.atproto.identity import dns as our_dns
from atpub.atproto.identity import handles
from atpub.atproto.identity.dns import did_in_dns
from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.resolve import Identity, resolve
from atpub.atproto.syntax import Did, Handle
from atpub.atproto.xrpc.exchange import Timeouts
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.errors import AtpubError, RepositoryNotFound, Unavailable, Usage

ALICE = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
BOB = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
HANDLE = Handle("alice.example")
NAME = "_atproto.alice.example"
PAGE = "/.well-known/atproto-did"
RESOLVE = "com.atproto.identity.resolveHandle"


def document(did: str, *handles: str, pds: str = "https://pds.example") -> Json:
    service: Json = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": pds}
    return {"id": did, "alsoKnownAs": [f"at://{handle}" for handle in handles], "service": [service]}


def looked_up(server: SmallServer, says: Mapping[str, Said], account: str = HANDLE, whole: str = "") -> Identity:
    """The identity, with this server as PLC directory, handle's page and resolver in one."""
    with dns_server(says, [whole]) as names, new_client() as client:
        places = ResolverConfig(server.url, server.url, f"{server.url}{PAGE}", names.address)
        return resolve(account, HttpClient(client, lambda _: None), config=places)


@pytest.mark.parametrize(
    "texts",
    [
        [f"did={ALICE}"],
        [f"did={ALICE}", f"did={ALICE}"],
        ["v=spf1 -all", f"did={ALICE}", "did", "DID=did:web:other.example"],
        ["did=nonsense", f"did={ALICE}"],
        ["did=did:plc:|ewvi7nxzyoun6zhxrhs64oiz"],
    ],
    ids=["one", "the same twice", "among others", "beside nonsense", "in two strings"],
)
def test_the_dns_is_asked_first(texts: list[str]) -> None:
    with small_server({f"/{ALICE}": (200, document(ALICE, HANDLE))}) as server:
        assert looked_up(server, {NAME: texts}) == Identity(Did(ALICE), "https://pds.example", HANDLE)
        assert [asked.what for asked in server.asked] == [f"/{ALICE}"]


def test_an_answer_that_is_cut_off_is_asked_for_again() -> None:
    with dns_server({NAME: TRUNCATED}, [f"did={ALICE}"]) as names:
        assert did_in_dns(HANDLE, names.address) == ALICE
        assert names.asked == [NAME, f"{NAME} over TCP"]


def test_two_dids_are_none() -> None:
    with small_server({PAGE: (200, ALICE.encode())}) as server:
        with pytest.raises(RepositoryNotFound, match=f"name several DIDs: {BOB}, {ALICE}") as caught:
            looked_up(server, {NAME: [f"did={ALICE}", f"did={BOB}"]})
        assert "leave one" in caught.value.hint
        assert server.asked == []


SAYS_NOTHING: dict[str, tuple[Said, str]] = {
    "no such name": (dns.rcode.NXDOMAIN, f"DNS has no {NAME}"),
    "no record": ([], f"DNS has no TXT record of {NAME}"),
    "nonsense": (["did=nonsense"], f"the TXT record of {NAME} names no DID"),
    "of others": (["v=spf1 -all"], f"the TXT record of {NAME} names no DID"),
    "failed": (dns.rcode.SERVFAIL, f"DNS fails for {NAME}: "),
    "refused": (dns.rcode.REFUSED, f"DNS fails for {NAME}: "),
    "garbage": (GARBAGE, f"DNS gives no answer for {NAME} within"),
    "silent": (SILENT, f"DNS gives no answer for {NAME} within"),
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(our_dns, "SECONDS", 1.0)
    monkeypatch.setattr(handles, "_WELL_KNOWN_TIMEOUTS", Timeouts.of(0.5))


@pytest.mark.slow
@pytest.mark.parametrize("case", SAYS_NOTHING)
@pytest.mark.usefixtures("impatient")
def test_then_its_page_then_the_resolver(case: str) -> None:
    says, reason = SAYS_NOTHING[case]
    with small_server({f"/{ALICE}": (200, document(ALICE, HANDLE))}) as server:
        server.answers |= {PAGE: (200, f"{ALICE}\n".encode())}
        assert looked_up(server, {NAME: says}).did == ALICE
        assert [asked.what for asked in server.asked] == [PAGE, f"/{ALICE}"]
        server.asked.clear()
        server.answers |= {PAGE: (404, b""), RESOLVE: (200, {"did": ALICE})}
        assert looked_up(server, {NAME: says}).did == ALICE
        assert [asked.what for asked in server.asked] == [PAGE, RESOLVE, f"/{ALICE}"]
        server.answers |= {RESOLVE: (400, {"error": "InvalidRequest", "message": "Unable to resolve handle"})}
        with pytest.raises(RepositoryNotFound) as caught:
            looked_up(server, {NAME: says})
    message = caught.value.message
    assert message.startswith(f"the handle {HANDLE} leads to no account: ")
    assert reason in message
    assert f"{server.url}{PAGE} answers 404" in message
    assert caught.value.hint


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_silent_page_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, small_server() as server, dns_server() as names:
        server.answers |= {RESOLVE: (200, {"did": ALICE}), f"/{ALICE}": (200, document(ALICE, HANDLE))}
        page = f"http://127.0.0.1:{silent.getsockname()[1]}{PAGE}"
        with new_client() as client:
            places = ResolverConfig(server.url, server.url, page, names.address)
            assert resolve(HANDLE, HttpClient(client), config=places).did == ALICE


def test_a_resolver_that_is_away_is_no_verdict() -> None:
    with dns_server() as names, new_client() as client:
        places = ResolverConfig("http://localhost:9", "http://localhost:9", "http://localhost:9", names.address)
        with pytest.raises(Unavailable) as caught:
            resolve(HANDLE, HttpClient(client, lambda _: None), config=places)
    assert caught.value.message == (
        f"the handle {HANDLE} cannot be looked up: cannot reach http://localhost:9: connection refused; "
        f"DNS has no {NAME}; http://localhost:9 cannot be reached: connection refused"
    )
    assert "ATPUB_RESOLVER" in caught.value.hint


def test_a_record_has_to_be_claimed_back() -> None:
    with (
        small_server({f"/{ALICE}": (200, document(ALICE, "other.example"))}) as server,
        pytest.raises(RepositoryNotFound, match="which does not claim that handle"),
    ):
        looked_up(server, {NAME: [f"did={ALICE}"]})


@pytest.mark.parametrize(
    ("status", "error"), [(404, RepositoryNotFound), (410, RepositoryNotFound), (500, Unavailable)]
)
def test_what_the_directory_says_is_told(status: int, error: type[AtpubError]) -> None:
    with small_server({f"/{ALICE}": (status, {})}) as server:
        with pytest.raises(error, match=ALICE) as caught:
            looked_up(server, {NAME: [f"did={ALICE}"]})
        assert server.url in caught.value.message
        assert caught.value.hint


def test_a_did_web_may_have_a_port() -> None:
    with small_server() as server:
        did = f"did:web:localhost%3A{server.url.rpartition(':')[2]}"
        server.answers["/.well-known/did.json"] = (200, document(did, HANDLE))
        assert looked_up(server, {NAME: [f"did={did}"]}) == Identity(Did(did), "https://pds.example", HANDLE)


@pytest.mark.parametrize(
    "server", ["dns.example", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:dns", "1.2.3", "[::1", ""]
)
def test_what_is_no_dns_server_is_a_usage_error(server: str) -> None:
    with pytest.raises(Usage, match="is not the address of a DNS server"):
        did_in_dns(HANDLE, server)


@pytest.mark.parametrize(
    ("server", "found"),
    [
        ("9.9.9.9", ("9.9.9.9", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_a_dns_server_is_an_address(server: str, found: tuple[str, int]) -> None:
    assert our_dns._address(server) == found  # pyright: ignore[reportPrivateUsage]
