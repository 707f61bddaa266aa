"""An account on the reference PDS behind a proxy, the command line, and what a look past the proxy shows."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from tests.faults.proxy import Exchange, Meddle, Point, Proxy, Reply, Seen, server_at, untouched
from tests.faults.scene import FLAGS, LARGEST_BODY, Rival, Season, write_scene
from tests.pds.reference import Account, ReferencePds

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import RAW, Cid
from atpub.cli.main import run
from atpub.engine.inventory import COLLECTION

Place: TypeAlias = tuple[str, str]
"""The collection and rkey of a record."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of the command line, and the requests that it sent."""

    code: int
    out: str = field(repr=False)
    err: str
    log: list[Seen] = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def points(self) -> list[Point]:
        """The boundaries, those of one method in their order."""
        return sorted({seen.point for seen in self.log}, key=lambda point: point.method)

    @property
    def commits(self) -> int:
        """How many commits the client was told of."""
        return sum(seen.point.method == "applyWrites" and seen.succeeded for seen in self.log)

    def methods(self) -> list[str]:
        return [seen.point.method for seen in self.log]


@dataclass(frozen=True, slots=True)
class Look:
    """What a repository holds, by the collection and rkey of each record: its CID and its value."""

    records: Mapping[Place, tuple[str, Any]]

    @property
    def owned(self) -> dict[Place, str]:
        """The CID of each record that an inventory lists; none is listed twice."""
        inventories = [value for (collection, _), (_, value) in self.records.items() if collection == COLLECTION]
        entries = [entry for value in inventories for entry in value["entries"]]
        found = {(entry["collection"], entry["rkey"]): entry["cid"] for entry in entries}
        assert len(found) == len(entries)
        return found

    @property
    def cids(self) -> dict[Place, str]:
        """The CID of each record but the inventory's."""
        return {place: cid for place, (cid, _) in self.records.items() if place[0] != COLLECTION}

    @property
    def blobs(self) -> dict[str, Any]:
        """Each blob that a record refers to, by its CID."""
        return {blob["ref"]["$link"]: blob for _, value in self.records.values() for blob in _blobs_in(value)}


class World:
    """One account.

    `foreign` has the CIDs of the records that another client has made in it, and nothing may touch; `contended` the
    places of those of the project that another client has just meddled with, and of which the inventory cannot know.
    `is_touched` says whether anything was written since it was last set to False.
    """

    def __init__(self, pds: ReferencePds, folder: Path) -> None:
        self.pds = pds
        self.account: Account = pds.create_account(f"t{secrets.token_hex(6)}.test")
        self.manifests: Mapping[Season | Rival, Path] = write_scene(folder)
        self.foreign: dict[Place, str] = {}
        self.contended: set[Place] = set()
        self.wrong: list[str] = []
        self.is_touched = True
        self.proxy = Proxy(self._serve)
        self.rival_s = Proxy(self._serve)
        self.target: tuple[str, ...] = ("--account", self.did, "--pds", self.proxy.url)
        self._server = server_at(pds.url)
        self._session: Reply | None = None

    @property
    def did(self) -> str:
        return self.account.did

    def close(self) -> None:
        self.proxy.close()
        self.rival_s.close()

    # The command line

    def run(self, *args: str, meddle: Meddle = untouched) -> Ran:
        """Run a command on a way that is meddled with; the inventory was right after each commit."""
        out, err = io.StringIO(), io.StringIO()
        with self.proxy.watching(meddle) as log, redirect_stdout(out), redirect_stderr(err):
            code = run([*args, *self.target])
        self.check()
        return Ran(code, out.getvalue(), err.getvalue(), log)

    def apply(self, season: Season, meddle: Meddle = untouched) -> Ran:
        return self.run("apply", "-m", str(self.manifests[season]), *FLAGS, meddle=meddle)

    def apply_rival(self, rival: Rival) -> int:
        """The exit code of another client's apply, on a way of their own."""
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            target = ("--account", self.did, "--pds", self.rival_s.url)
            return run(["apply", "-m", str(self.manifests[rival]), *FLAGS, *target])

    def plan(self, season: Season) -> Ran:
        return self.run("plan", "-m", str(self.manifests[season]), "--prune-versions", "--detailed-exitcode", "--json")

    # The server

    def _serve(self, exchange: Exchange) -> Reply:
        """The server takes bodies of a limited size; a login, which takes it half a second, is made once."""
        self.is_touched = self.is_touched or exchange.verb == "POST"
        if exchange.point.method == "createSession":
            if self._session is None:
                self._session = self._server(exchange)
            return self._session
        if exchange.point.method != "applyWrites":
            return self._server(exchange)
        if len(exchange.body) > LARGEST_BODY:
            return error_reply(413, "PayloadTooLargeError", "request entity too large")
        reply = self._server(exchange)
        if reply.status == 200:
            self._check_inventory(look_of(self.pds.content(self.did)), f"after {exchange.point}")
        return reply

    def write(self, method: str, place: Place, **more: object) -> Any:
        """Another client writes, past the proxy."""
        return self._post(method, {"repo": self.did, "collection": place[0], "rkey": place[1], **more})

    def restore(self, look: Look) -> None:
        """Another client makes everything but the foreign records what it was, in one commit."""
        held = look_of(self.pds.content(self.did))
        for cid in look.blobs.keys() - held.blobs.keys():
            self._post("uploadBlob", self._files[cid], look.blobs[cid]["mimeType"])
        writes = [*_writes(held, look, leaving=self.foreign)]
        self._post("applyWrites", {"repo": self.did, "writes": writes, "validate": False})

    @cached_property
    def _files(self) -> dict[str, bytes]:
        """The content of what the manifests may upload, by its CID."""
        contents = [file.read_bytes() for file in (self.manifests["spring"].parent / "data").iterdir()]
        return {Cid.of_digest(sha256(content).digest(), RAW): content for content in contents}

    def _post(self, method: str, body: Mapping[str, object] | bytes, kind: str = "") -> Any:
        self.is_touched = True
        return self.pds.xrpc(f"com.atproto.repo.{method}", body, token=self.account.access_jwt, content_type=kind)

    def remove_foreign(self) -> None:
        """Another client tidies up."""
        for place in self.foreign:
            self.write("deleteRecord", place)
        self.foreign.clear()

    # What must be so

    def look(self) -> Look:
        """What the repository holds now; what is owned is there as listed, and no blob is lost or left over."""
        records, blobs = self.pds.content_and_blobs(self.did)
        look = look_of(records)
        self._check_inventory(look, "at the end")
        self.check()
        _check_blobs(blobs, look)
        return look

    def check(self) -> None:
        assert not self.wrong, "\n".join(self.wrong)

    def _check_inventory(self, look: Look, when: str) -> None:
        """What is owned is there as it is listed; all that is there is owned, or another client's."""
        expected, found = {**look.owned, **self.foreign}, look.cids
        differing = {place for place in {*expected, *found} if expected.get(place) != found.get(place)}
        if differing - self.contended:
            self.wrong.append(f"{when}: the inventory is wrong about {sorted(differing - self.contended)}")


def error_reply(status: int, name: str, message: str, *headers: tuple[str, str]) -> Reply:
    """An XRPC error."""
    body = json.dumps({"error": name, "message": message}).encode()
    return Reply(status, body, (("Content-Type", "application/json; charset=utf-8"), *headers))


def look_of(content: Iterable[Any]) -> Look:
    """What a repository holds, as the server has it."""
    records: dict[Place, tuple[str, Any]] = {}
    for item in content:
        _, _, _, collection, rkey = item["uri"].split("/")
        records[collection, rkey] = item["cid"], item["value"]
    return Look(records)


def _writes(held: Look, wanted: Look, *, leaving: Container[Place]) -> Iterator[JsonObject]:
    """What makes one of the other."""
    for place in held.records.keys() | wanted.records.keys():
        cid, value = wanted.records.get(place, (None, None))
        if place in leaving or (place in held.records and held.records[place][0] == cid):
            continue
        kind = "delete" if cid is None else "update" if place in held.records else "create"
        write: JsonObject = {"collection": place[0], "rkey": place[1], **({} if cid is None else {"value": value})}
        yield {"$type": f"com.atproto.repo.applyWrites#{kind}", **write}


def _check_blobs(found: Sequence[Any], look: Look) -> None:
    """The server gives the bytes of each blob that a record refers to, and keeps no others."""
    assert {blob["cid"]: blob["size"] for blob in found} == {cid: blob["size"] for cid, blob in look.blobs.items()}
    for blob in found:
        assert Cid.of_digest(bytes.fromhex(blob["sha256"]), RAW) == blob["cid"]


def _blobs_in(value: Any) -> Iterator[Any]:
    match value:
        case {"$type": "blob"}:
            yield value
        case dict() | list():
            parts: list[Any] = [*(value.values() if isinstance(value, dict) else value)]
            for part in parts:
                yield from _blobs_in(part)
        case _:
            pass
