"""Identities that are remembered for an hour: what is asked again, and when."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.repository.small_server import SmallServer, small_server

from atpub.atproto.identity.cache import IdentityCache, lookup
from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.resolve import Identity
from atpub.atproto.syntax import Did, Handle
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.errors import RepositoryError
from atpub.repository.pds.records import newest_commit

pytestmark = pytest.mark.slow

ALICE = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
RESOLVE = "com.atproto.identity.resolveHandle"
HEAD = "com.atproto.sync.getLatestCommit"
COMMIT = {"cid": "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", "rev": "3jui7kd54zh2y"}
FOUND = ["getLatestCommit"]


class World:
    """A server that is the account's PDS and every directory, and a clock."""

    def __init__(self, server: SmallServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.now = 1_700_000_000.0
        document = {
            "id": ALICE,
            "service": [{"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": server.url}],
        }
        server.answers |= {f"/{ALICE}": (200, document), RESOLVE: (200, {"did": ALICE}), HEAD: (200, COMMIT)}

    @property
    def file(self) -> Path:
        return self.folder / "identities.json"

    def lookup(self, account: str = ALICE, pds: str | None = None) -> list[str]:
        """What is asked for the identity, which has to be the right one."""
        with new_client() as client:
            http = HttpClient(client, lambda _: None, lambda: self.now)
            found, told = lookup(
                account,
                http,
                pds=pds,
                config=ResolverConfig(self.server.url, self.server.url),
                cache=IdentityCache(self.folder, lambda: self.now),
                confirm=lambda known: newest_commit(XrpcClient(known.pds, http), known.did),
            )
        handle = None if account == ALICE else Handle(account)
        assert found == Identity(Did(ALICE), self.server.url, handle)
        methods = self.server.methods()
        assert (told is not None) == (methods[-1:] == FOUND[-1:])
        return methods


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with small_server() as server:
        yield World(server, tmp_path / "cache")


RESOLVED = [f"/{ALICE}"]


def test_no_request_is_sent_within_an_hour(world: World) -> None:
    assert world.lookup() == RESOLVED
    assert world.lookup() == FOUND
    world.now += 3599
    assert world.lookup() == FOUND
    world.now += 1
    assert world.lookup() == RESOLVED
    assert world.lookup() == FOUND


def test_a_clock_that_was_set_back_is_not_believed(world: World) -> None:
    world.lookup()
    world.now -= 1
    assert world.lookup() == RESOLVED


def test_a_server_that_is_named_is_another_question(world: World) -> None:
    world.lookup()
    assert world.lookup(pds=world.server.url) == []
    assert world.lookup("alice.example", world.server.url) == ["resolveHandle"]
    assert world.lookup("alice.example", world.server.url) == FOUND
    with pytest.raises(RepositoryError):
        world.lookup("alice.example", "http://localhost:9")


@pytest.mark.parametrize("answer", [(400, {"error": "RepoNotFound"}), (400, {"error": "RepoTakendown"}), (0, None)])
def test_a_server_that_does_not_have_it_is_not_believed(world: World, answer: tuple[int, object]) -> None:
    world.lookup()
    world.server.answers[HEAD] = answer
    assert set(FOUND) < set(world.lookup())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        "\xff",
        '{"QUESTION": 1}',
        '{"QUESTION": [NOW, "did:plc:x", "nonsense", null]}',
        '{"QUESTION": [NOW, "no DID", "https://pds.example", null]}',
        '{"QUESTION": [NOW, "did:plc:ewvi7nxzyoun6zhxrhs64oiz", "https://pds.example", "no handle"]}',
        '{"QUESTION": ["NOW", "did:plc:ewvi7nxzyoun6zhxrhs64oiz", "https://pds.example", null]}',
    ],
)
def test_a_broken_memory_costs_time_only(world: World, text: str) -> None:
    world.lookup()
    (question,) = json.loads(world.file.read_text())
    world.file.write_text(text.replace("QUESTION", question).replace("NOW", str(world.now)), "latin-1")
    assert world.lookup() == RESOLVED
    assert world.lookup() == FOUND


def test_a_memory_that_cannot_be_written_is_none(world: World) -> None:
    world.folder.write_text("a file, not a folder")
    assert world.lookup() == RESOLVED
    assert world.lookup() == RESOLVED


def test_what_is_too_old_is_forgotten(world: World) -> None:
    world.lookup("alice.example", world.server.url)
    world.now += 4000
    world.lookup()
    assert len(json.loads(world.file.read_text())) == 1
    assert [path.name for path in world.folder.iterdir()] == ["identities.json"]
