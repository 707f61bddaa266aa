"""A PDS and a directory on the loopback whose answers are damaged: read by plan, import and `inventory verify`."""

from __future__ import annotations

import json
import random
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Final, cast
from urllib.parse import parse_qs

import libipld

from atpub.atproto.data import Json, NotInDataModel
from atpub.atproto.data import cid_of as record_cid
from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.repo.block import cid_of
from atpub.atproto.repo.car import read_car, snapshot_of, write_car
from atpub.atproto.syntax import Did
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.engine.apply import apply_plan
from atpub.engine.audit.verify import verify
from atpub.engine.plan.model import Options, Plan
from atpub.importing.base import ImportOptions, find_base
from atpub.importing.run import import_records
from atpub.pipeline import measure_data, plan_records, read_manifest
from atpub.repository.interface import Repository
from atpub.repository.local import LocalRepository
from atpub.repository.model import Live
from atpub.repository.pds import connect
from atpub.repository.snapshot import read_all, records_of

DID: Final = Did("did:plc:" + "a" * 24)
MANIFEST: Final = """\
atpub: 1
project: fuzz
account: local
datasets:
  local: {schema: s, name: Local, license: MIT, urls: "https://x.org/a.tar", checksums: sums, rkey: 3jzfcijpj2z2a}
schemas:
  s: {nsid: org.test.s, version: 1.0.0, fields: {image: ndarray, label: integer}}
"""
Damage = Callable[[bytes, random.Random], bytes]

HEADERS: Final = (
    ("Content-Type", "text/html"), ("Content-Type", "application/json; charset=utf-16"), ("Content-Type", "\xff"),
    ("Content-Encoding", "gzip"), ("Content-Encoding", "br"), ("Content-Encoding", "deflate, " * 30 + "gzip"),
    ("Content-Length", "-1"), ("Content-Length", "9" * 30), ("Content-Length", "3"), ("Transfer-Encoding", "chunked"),
    ("Location", "/"), ("Location", "file:///dev/zero"), ("Location", "http://[::1"), ("Location", "http://\xff"),
    ("RateLimit-Remaining", "0"), ("RateLimit-Reset", "9" * 40), ("RateLimit-Limit", "-1"), ("RateLimit-Policy", ";w="),
    ("Retry-After", "9" * 400), ("Date", "x"), ("X", "y" * 70_000), ("X\x00", "z"), ("Set-Cookie", "a=" * 4000),
    ("Atproto-Repo-Rev", "\x7f"), ("Atproto-Content-Labelers", "\udcff"),
)  # fmt: skip
ODD: Final = cast("tuple[Json, ...]", (
    *(None, True, -1, 0, 1 << 62, -(1 << 63), "", "a", "a" * 3000, "\0\r\x1b[2J", "\u202e", "é" * 400, [], {}, [[]]),
    *("at://", f"at://{DID}/org.test.r/..", "did:web:x.org", "9999-99-99T00:00:00Z", "https://u:p@x.org/a.tar?sig=x"),
    *({"$type": "blob"}, {"$link": "b"}, {"$bytes": "="}, [0] * 2000, ["a"] * 500, {str(n): n for n in range(500)}),
    *(json.loads("[" * 200 + "]" * 200), json.loads('{"a":' * 200 + "1" + "}" * 200)),
))  # fmt: skip
STATUSES: Final = (200, 200, 200, 201, 204, 206, 301, 302, 304, 400, 401, 403, 404, 410, 413, 429, 500, 502, 503, 999)


@dataclass(frozen=True)
class Answer:
    """A status, a body, and headers beside or in place of the usual ones."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = "application/json"


def _json(value: object, status: int = 200) -> Answer:
    return Answer(json.dumps(value).encode(), status)


Spoil = Callable[[str, Answer], Answer]


class _Handler(BaseHTTPRequestHandler):
    spoil: Spoil

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        name = path.rpartition("/")[2]
        answer = type(self).spoil(name, _valid_answer(name, parse_qs(query)))
        headers = {"Content-Length": str(len(answer.body)), "Content-Type": answer.kind, **dict(answer.headers)}
        text = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        self.close_connection = True
        with suppress(OSError):  # the reader has heard enough
            self.wfile.write(f"HTTP/1.1 {answer.status} x\r\n{text}\r\n".encode("utf-8", "surrogateescape"))
            self.wfile.write(answer.body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@cache
def _server() -> str:
    """Start the server, once in a process; return its URL."""
    listening = _Server(("127.0.0.1", 0), _Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    return f"http://localhost:{listening.server_address[1]}"


@cache
def _repository() -> tuple[Live, bytes]:
    """Return a small repository that atpub has written, and its CAR file."""
    with tempfile.TemporaryDirectory() as name, closing(LocalRepository(Path(name, "local"), DID)) as repository:
        apply_plan(_plan(repository, _write_manifest(Path(name))), repository, {})
        stream = BytesIO()
        repository.export_car(stream)
        return read_all(repository), stream.getvalue()


def valid_car() -> bytes:
    """Return the CAR file of the small repository."""
    return _repository()[1]


def _valid_answer(name: str, query: Mapping[str, list[str]]) -> Answer:
    """Return what a sound server says of the small repository."""
    live, car = _repository()
    assert live.head is not None
    items = {str(path): (record.cid, record.value) for path, record in live.records.items()}
    records = [{"uri": f"at://{DID}/{path}", "cid": cid, "value": value} for path, (cid, value) in items.items()]
    collection, rkey = (query.get(key, [""])[0] for key in ("collection", "rkey"))
    match name.removeprefix("com.atproto."):
        case "sync.getLatestCommit":
            return _json({"cid": live.head.cid, "rev": live.head.rev})
        case "sync.getRepo":
            return Answer(car, kind="application/vnd.ipld.car")
        case "repo.listRecords":
            return _json({"records": [item for item in records if f"/{collection}/" in item["uri"]]})
        case "repo.getRecord":
            found = [item for item in records if str(item["uri"]).endswith(f"/{collection}/{rkey}")]
            return _json(found[0]) if found else _json({"error": "RecordNotFound"}, 400)
        case "repo.describeRepo":
            return _json({"did": DID, "handle": "x.test", "didDoc": {}, "collections": [], "handleIsCorrect": True})
        case str(last) if last == DID:
            service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": _server()}
            return _json({"id": DID, "alsoKnownAs": ["at://x.test"], "service": [service]})
        case _:
            return _json({"error": "MethodNotImplemented"}, 501)


# The cases


def damage_car(car: bytes, chance: random.Random, damage: Damage) -> bytes:
    """Damage a block of a CAR file, and make every CID that leads to it right again."""
    read = read_car(car)
    (root,), blocks = read.roots, dict(read.blocks)
    old = chance.choice(list(blocks))
    block = blocks.pop(old)
    queue = [(old, _mutate_block(block, chance) if chance.random() < 0.7 else damage(block, chance))]
    while queue:
        old, block = queue.pop()
        new = cid_of(block)
        root = new if old == root else root
        above = [cid for cid, other in blocks.items() if old in other]
        queue += [(cid, blocks.pop(cid).replace(old, new)) for cid in above]
        blocks[new] = block
    return b"".join(write_car(root, blocks.items()))


def _mutate_block(block: bytes, chance: random.Random) -> bytes:
    return libipld.encode_dag_cbor(_mutate(libipld.decode_dag_cbor(block), chance))


def _mutate(value: Json, chance: random.Random) -> Json:
    """Return the value with one part replaced by something odd."""
    match value:
        case dict() if value and chance.random() < 0.9:
            key = chance.choice(list(value))
            if chance.random() < 0.1:
                return {**value, chance.choice(["", "$type", "$link", "k" * 9000]): chance.choice(ODD)}
            return {**value, key: _mutate(value[key], chance)}
        case list() if value and chance.random() < 0.8:
            at = chance.randrange(len(value))
            return [*value[:at], _mutate(value[at], chance), *value[at + 1 :]]
        case _:
            return chance.choice(ODD)


def _mutate_json(body: bytes, chance: random.Random) -> bytes:
    """Change a part of a JSON answer; a record that it holds has the CID of its new value."""
    value = _mutate(json.loads(body), chance)
    records = value.get("records") if isinstance(value, dict) else None
    for item in records if isinstance(records, list) else ():
        record = item.get("value") if isinstance(item, dict) else None
        if isinstance(item, dict) and isinstance(record, dict) and chance.random() < 0.9:
            with suppress(NotInDataModel, ValueError):
                item["cid"] = record_cid(record)
    return json.dumps(value).encode()


def run_car(_: Path, content: bytes) -> object:
    """Read a repository out of a CAR file."""
    snapshot = snapshot_of(read_car(content), DID)
    return records_of(snapshot)


def run_server(folder: Path, chance: random.Random, damage: Damage) -> None:
    """Read from a server that damages some of its answers, in one of three ways."""
    only_lists, share = chance.random() < 0.4, chance.choice((0.2, 0.5, 1))

    def spoil(name: str, answer: Answer) -> Answer:
        if name == DID and chance.random() < 0.8:
            return answer  # else most cases would end there
        if only_lists and name.endswith("getRepo"):
            return _json({"error": "MethodNotImplemented"}, 501)
        return _spoil(answer, chance, damage) if chance.random() < share else answer

    _Handler.spoil = staticmethod(spoil)
    config = ResolverConfig(plc=_server(), resolver=_server())
    http = HttpClient(new_client(), sleep=lambda _: None)
    file = _write_manifest(folder)
    with closing(connect(DID, config=config, http=http, cache=folder / "cache", identity_cache=folder)) as repository:
        match chance.randrange(3):
            case 0:
                _plan(repository, file)
            case 1:
                verify(read_all(repository), "fuzz")
            case _:
                options = ImportOptions((), everything=True)
                base = find_base([str(file)], None, None, None, options, (DID, None), {})
                import_records(base, options, lambda _: repository)


def _spoil(answer: Answer, chance: random.Random, damage: Damage) -> Answer:
    match chance.randrange(6):
        case 0:
            return replace(answer, status=chance.choice(STATUSES))
        case 1:
            return replace(answer, headers=(chance.choice(HEADERS),), status=chance.choice(STATUSES))
        case 2 | 3 | 4 if not answer.kind.endswith("car"):
            return replace(answer, body=_mutate_json(answer.body, chance))
        case 2 | 3 | 4:
            return replace(answer, body=damage_car(answer.body, chance, damage))
        case _:
            return replace(answer, body=damage(answer.body, chance))


def _write_manifest(folder: Path) -> Path:
    file = folder / "atpub.yaml"
    file.write_text(MANIFEST)
    (folder / "sums").write_text(f"{'ab' * 32}  a.tar\n")
    return file


def _plan(repository: Repository, file: Path) -> Plan:
    manifest = read_manifest([file], None, {})
    facts = measure_data(manifest)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return plan_records(manifest, facts, repository, account="fuzz", now=now, options=Options())
