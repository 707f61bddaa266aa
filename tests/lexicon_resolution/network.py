"""Accounts that publish lexicons, on this machine: a DNS server, and a server that is PLC directory and PDS in one."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from urllib.parse import parse_qs

from tests.atproto.identity.dns_server import Dns, Said, dns_server
from tests.repository import small_server
from tests.repository.small_server import Asked, SmallServer

from atpub.atproto.data import Json, JsonObject, cid_of, encode
from atpub.atproto.repo import mst
from atpub.atproto.repo.block import cid_of as block_cid
from atpub.atproto.repo.car import write_car
from atpub.atproto.repo.commit import sign_commit
from atpub.atproto.repo.signing import SigningKey
from atpub.atproto.syntax import Cid, Did, Tid
from atpub.manifest.lexicon_lock import COLLECTION

ALICE = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
BOB = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
GET = "com.atproto.sync.getRecord"
KEYS = {ALICE: SigningKey.of_hex("11" * 32), BOB: SigningKey.of_hex("22" * 32)}


def lexicon(nsid: str, *refs: str, **more: Json) -> JsonObject:
    """An object with a field for each reference."""
    properties: JsonObject = {f"field{index}": {"type": "ref", "ref": ref} for index, ref in enumerate(refs)}
    return {"lexicon": 1, "id": nsid, "defs": {"main": {"type": "object", "properties": properties}}, **more}


def record(value: JsonObject) -> JsonObject:
    return {"$type": COLLECTION, **value}


def cid(value: JsonObject) -> Cid:
    return cid_of(record(value))


def proof(did: str, records: Mapping[str, JsonObject], nsid: str, key: SigningKey | None = None) -> bytes:
    """What com.atproto.sync.getRecord answers with, in a repository of these lexicons, by their rkeys."""
    blocks = {f"{COLLECTION}/{name}".encode(): encode(value) for name, value in records.items()}
    tree = mst.update(mst.EMPTY, {path: block_cid(block) for path, block in blocks.items()})
    commit = sign_commit(key or KEYS[did], Did(did), tree.cid, Tid("3jzfcijpj2z2a"))
    wanted = f"{COLLECTION}/{nsid}".encode()
    found = [(block_cid(blocks[wanted]), blocks[wanted])] if wanted in blocks else []
    root = block_cid(commit)
    return b"".join(write_car(root, chain([(root, commit)], mst.way(tree, wanted), found)))


@dataclass
class Network:
    """The accounts' records by DID and NSID, and what the servers were asked."""

    dns: Dns
    server: SmallServer
    names: dict[str, Said]
    records: dict[str, dict[str, JsonObject]] = field(default_factory=dict[str, dict[str, JsonObject]])

    def publish(self, did: str, *lexicons: JsonObject) -> None:
        """Put lexicons into an account's repository, and the account into the DNS of their authorities."""
        for value in lexicons:
            nsid = str(value["id"])
            self.records.setdefault(did, {})[nsid] = record(value)
            self.names["_lexicon." + ".".join(reversed(nsid.split(".")[:-1]))] = [f"did={did}"]

    def answer(self, asked: Asked) -> small_server.Said:
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        return 200, proof(query["did"], self.records.get(query["did"], {}), query["rkey"])

    def asked(self) -> list[str]:
        """What was asked since the last call, DNS first."""
        names, requests = list(self.dns.asked), list(self.server.asked)
        self.dns.asked.clear()
        self.server.asked.clear()
        return [*names, *(parse_qs(item.query).get("rkey", [item.what])[0] for item in requests)]

    @property
    def environ(self) -> dict[str, str]:
        return {"ATPUB_DNS": self.dns.address, "ATPUB_PLC": self.server.url}


def document(did: str, pds: str, **more: Any) -> JsonObject:
    service: Json = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": pds}
    multibase = KEYS[did].did_key.removeprefix("did:key:")
    key: Json = {"id": f"{did}#atproto", "type": "Multikey", "controller": did, "publicKeyMultibase": multibase}
    return {"id": did, "alsoKnownAs": [], "verificationMethod": [key], "service": [service], **more}


@contextmanager
def lexicon_network() -> Generator[Network]:
    names: dict[str, Said] = {}
    with dns_server() as dns, small_server.small_server() as server:
        dns.says = names
        network = Network(dns, server, names)
        server.answers |= {f"/{did}": (200, document(did, server.url)) for did in (ALICE, BOB)}
        server.answers[GET] = network.answer
        yield network


def lock_of(did: str, *lexicons: JsonObject, roots: tuple[str, ...]) -> str:
    """The lock as JavaScript writes it."""
    found = {
        str(item["id"]): {"uri": f"at://{did}/{COLLECTION}/{item['id']}", "cid": cid(item)}
        for item in sorted(lexicons, key=lambda item: str(item["id"]))
    }
    return json.dumps({"version": 1, "lexicons": sorted(roots), "resolutions": found}, indent=2)
