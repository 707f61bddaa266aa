"""From handles and DIDs to servers: with the reference PDS, and for the rest of the world with a function."""

import json
from collections.abc import Iterator, Mapping

import httpx
import pytest
from tests.atproto.identity.dns_server import Dns, dns_server
from tests.pds.reference import Account, ReferencePds
from tests.repository.pds_servers import Way

from atpub.atproto.data import Json
from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.resolve import Identity, resolve
from atpub.atproto.syntax import Did, Handle
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import TransportClient, base_url
from atpub.errors import AtpubError, RepositoryNotFound, Unavailable, Usage

ABSENT = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
ALICE = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
DOCUMENT: dict[str, Json] = {
    "id": ALICE,
    "alsoKnownAs": ["at://alice.example"],
    "service": [
        {"id": "#other", "type": "Other", "serviceEndpoint": "https://other.example"},
        {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": "https://pds.example/"},
    ],
}


@pytest.fixture(autouse=True, scope="module")
def empty_dns() -> Iterator[Dns]:
    """A DNS server that knows no name, for `NO_DNS`: no test asks those of the system."""
    with dns_server() as server:
        NO_DNS["dns"] = server.address
        yield server


NO_DNS: dict[str, str] = {}


def found(server: ReferencePds, account: str, **places: str) -> Identity:
    """What the server and its PLC directory say, and no other server."""
    known = {"plc": server.plc_url, "resolver": server.url, "well_known": f"{server.url}/.well-known/atproto-did"}
    known |= NO_DNS
    way = Way()
    with TransportClient(httpx.Client(transport=way)) as client:
        return resolve(account, HttpClient(client, way.nap), config=ResolverConfig(**(known | places)))


def operate(server: ReferencePds, did: str, **changes: object) -> None:
    """Change what the PLC directory says; the stub takes anything."""
    with httpx.Client() as client:
        operation = client.get(f"{server.plc_url}/{did}/log/last").json()
        client.post(f"{server.plc_url}/{did}", json=operation | changes).raise_for_status()


# The reference PDS and a PLC directory


def test_a_did_leads_to_its_server(server: ReferencePds, account: Account) -> None:
    assert found(server, account.did) == Identity(Did(account.did), server.url)


@pytest.mark.parametrize("spelling", ["{}", "@{}"])
def test_a_handle_leads_to_its_did_and_server(server: ReferencePds, account: Account, spelling: str) -> None:
    expected = Identity(Did(account.did), server.url, Handle(account.handle))
    assert found(server, spelling.format(account.handle)) == expected
    assert found(server, spelling.format(account.handle.upper())) == expected


def test_a_named_server_is_the_only_one_asked(server: ReferencePds, account: Account) -> None:
    way = Way()
    with TransportClient(httpx.Client(transport=way)) as client:
        http = HttpClient(client, way.nap)
        assert resolve(account.did, http, pds=server.url) == Identity(Did(account.did), server.url)
        assert way.methods() == []
        by_handle = resolve(account.handle, http, pds=f"{server.url}/")
        assert by_handle == Identity(Did(account.did), server.url, Handle(account.handle))
        assert way.methods() == ["resolveHandle"]
        with pytest.raises(RepositoryNotFound, match=r"the handle absent\.test leads to no account"):
            resolve("absent.test", http, pds=server.url)


def test_an_unregistered_handle_is_not_found(server: ReferencePds) -> None:
    with pytest.raises(RepositoryNotFound, match=r"the handle absent\.test leads to no account"):
        found(server, "absent.test")


def test_an_unregistered_did_is_not_found(server: ReferencePds) -> None:
    with pytest.raises(RepositoryNotFound, match=f"there is no account {ABSENT}"):
        found(server, ABSENT)


def test_an_account_that_was_given_up_is_not_found(server: ReferencePds, account: Account) -> None:
    operate(server, account.did, type="plc_tombstone")
    with pytest.raises(RepositoryNotFound, match="there is no account"):
        found(server, account.did)


def test_a_handle_has_to_be_claimed(server: ReferencePds, account: Account) -> None:
    operate(server, account.did, alsoKnownAs=["https://elsewhere.example", "at://other.test"])
    with pytest.raises(RepositoryNotFound, match="which does not claim that handle") as caught:
        found(server, account.handle)
    assert caught.value.hint == "name the account by its DID"
    assert found(server, account.did).pds == server.url


def test_a_did_needs_a_server(server: ReferencePds, account: Account) -> None:
    operate(server, account.did, services={})
    with pytest.raises(RepositoryNotFound, match="has no server"):
        found(server, account.did)


@pytest.mark.parametrize("endpoint", ["ftp://pds.example", "https://pds.example/path", "pds.example", ""])
def test_a_server_needs_a_usable_address(server: ReferencePds, account: Account, endpoint: str) -> None:
    operate(server, account.did, services={"atproto_pds": {"type": "AtprotoPersonalDataServer", "endpoint": endpoint}})
    with pytest.raises(Unavailable, match="names no usable server"):
        found(server, account.did)


def test_a_directory_that_is_away_is_no_verdict(server: ReferencePds, account: Account) -> None:
    with pytest.raises(Unavailable, match=r"cannot reach http://localhost:9/.*: connection refused"):
        found(server, account.did, plc="http://localhost:9")
    with pytest.raises(Unavailable, match="cannot reach http://localhost:9"):
        found(server, account.handle, resolver="http://localhost:9")


# The rest of the world


def asked(account: str, pages: Mapping[str, httpx.Response | str]) -> tuple[Identity, list[str]]:
    """The identity and the pages that were asked for; the domain of a page that is not there does not answer."""
    visited: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        visited.append(url)
        if url not in pages:
            raise httpx.ConnectError("Name or service not known")
        page = pages[url]
        return httpx.Response(200, text=page) if isinstance(page, str) else page

    with TransportClient(httpx.Client(transport=httpx.MockTransport(answer))) as client:
        return resolve(account, HttpClient(client, sleep=lambda _: None), config=ResolverConfig(**NO_DNS)), visited


WELL_KNOWN = "https://alice.example/.well-known/atproto-did"
RESOLVER = "https://public.api.bsky.app/xrpc/com.atproto.identity.resolveHandle?handle=alice.example"
PLC = f"https://plc.directory/{ALICE}"


def test_a_handle_is_asked_for_at_its_own_domain() -> None:
    identity, visited = asked("alice.example", {WELL_KNOWN: f"{ALICE}\n", PLC: json.dumps(DOCUMENT)})
    assert identity == Identity(Did(ALICE), "https://pds.example", Handle("alice.example"))
    assert visited == [WELL_KNOWN, PLC]


@pytest.mark.parametrize("page", [None, "<html>", "", httpx.Response(404), httpx.Response(500)], ids=repr)
def test_a_handle_is_else_asked_for_at_the_resolver(page: httpx.Response | str | None) -> None:
    pages: dict[str, httpx.Response | str] = {RESOLVER: json.dumps({"did": ALICE}), PLC: json.dumps(DOCUMENT)}
    identity, visited = asked("alice.example", pages | ({} if page is None else {WELL_KNOWN: page}))
    assert identity.did == ALICE
    assert visited == [WELL_KNOWN, RESOLVER, PLC]


def test_a_page_may_be_somewhere_else() -> None:
    moved = httpx.Response(301, headers={"Location": "https://www.alice.example/did"})
    pages: dict[str, httpx.Response | str] = {WELL_KNOWN: moved}
    pages |= {"https://www.alice.example/did": ALICE, PLC: json.dumps(DOCUMENT)}
    assert asked("alice.example", pages)[0].did == ALICE


@pytest.mark.parametrize(
    ("did", "url"),
    [
        ("did:web:lab.example", "https://lab.example/.well-known/did.json"),
        ("did:web:localhost%3A8080", "http://localhost:8080/.well-known/did.json"),
    ],
)
def test_a_did_web_is_at_its_domain(did: str, url: str) -> None:
    identity, visited = asked(did, {url: json.dumps(DOCUMENT | {"id": did})})
    assert identity == Identity(Did(did), "https://pds.example")
    assert visited == [url]


@pytest.mark.parametrize(
    "did",
    [
        "did:key:zQ3shunBKsXixLxKtC5qeSG9E4J5RkGN57im31pcTzbNQnm5w",
        "did:web:lab.example:users:a",
        "did:web:lab.example%3A8443",
        "did:web:lab%2Eexample",
        "did:web:user%40lab.example",
        "did:web:lab.example%2Fother",
        "did:web:lab",
        "did:web:10.0.0.1",
        "did:web:localhost%3A8080%2Fother",
        "did:plc:alice",
        "did:plc:ALICEaaaaaaaaaaaaaaaaaaa",
        "did:plc:aliceaaaaaaaaaaaaaaaaaa1",
        "did:plc:..%2Faliceaaaaaaaaaaaaaa",
    ],
)
def test_other_dids_are_none_of_the_at_protocol(did: str) -> None:
    with pytest.raises(RepositoryNotFound, match="did:plc or did:web"):
        asked(did, {})


def test_a_service_may_be_named_in_full() -> None:
    document = json.dumps(DOCUMENT).replace("#atproto_pds", f"{ALICE}#atproto_pds")
    assert asked(ALICE, {PLC: document})[0].pds == "https://pds.example"


@pytest.mark.parametrize(
    ("page", "error"),
    [
        ("<html>", "is no DID document"),
        ("[]", "is not the document of"),
        (json.dumps(DOCUMENT | {"id": ABSENT}), "is not the document of"),
        (httpx.Response(500), "answers 500"),
        (httpx.Response(403), "answers 403"),
        ("x" * 2_000_000, "has more than"),
        (json.dumps(DOCUMENT | {"service": "none"}), "has no server"),
        (json.dumps(DOCUMENT | {"service": [1, {"id": "#atproto_pds"}]}), "has no server"),
        ('{"id": ' + "[" * 100_000, "is no DID document"),
    ],
    ids=range(9),
)
def test_a_document_is_checked(page: httpx.Response | str, error: str) -> None:
    with pytest.raises(AtpubError, match=error):
        asked(ALICE, {PLC: page})


def test_half_a_surrogate_pair_is_no_handle() -> None:
    page = json.dumps(DOCUMENT | {"alsoKnownAs": ["at://\ud800", "\udfff", "at://alice.example"]})
    identity = asked(ALICE, {PLC: page})[0]
    assert identity.pds == "https://pds.example"
    assert asked("alice.example", {WELL_KNOWN: ALICE, PLC: page})[0].handle == "alice.example"
    with pytest.raises(RepositoryNotFound, match="does not claim that handle"):
        asked("alice.example", {WELL_KNOWN: ALICE, PLC: page.replace("alice.example", "\\ud800.example")})


@pytest.mark.parametrize(
    "account", ["", "alice", "did:", "alice.example/x", "https://alice.example", "at://alice.example"]
)
def test_what_is_no_name_is_a_usage_error(account: str) -> None:
    with pytest.raises(Usage, match="is not an account"):
        asked(account, {})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pds.example",
        "ftp://pds.example",
        "https://",
        "https://a:b@pds.example",
        "https://x/y",
        "https://x?y",
        "http://[",
    ],
)
def test_what_is_no_server_is_a_usage_error(url: str) -> None:
    with pytest.raises(Usage, match="is not the address of a server"):
        base_url(url)


def test_a_server_s_address_is_its_origin() -> None:
    assert base_url("https://PDS.example:443/") == "https://pds.example"
    assert base_url("http://localhost:2583") == "http://localhost:2583"
    assert base_url("http://[::1]:2583/") == "http://[::1]:2583"
