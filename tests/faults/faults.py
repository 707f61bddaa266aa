"""What may happen to a request on its way, to which requests it may happen, and how `apply` ends then."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tests.faults.proxy import Answer, Cut, Exchange, Point, Reply, Server
from tests.faults.world import World, error_reply

Kind = Literal["read", "describe", "login", "upload", "commit"]
"""Of requests: all that reads the repository is one."""
KINDS: tuple[Kind, ...] = ("read", "describe", "login", "upload", "commit")
_KINDS: Mapping[str, Kind] = {
    "describeServer": "describe",
    "createSession": "login",
    "uploadBlob": "upload",
    "applyWrites": "commit",
    "getLatestCommit": "read",
    "getRepo": "read",
    "getRecord": "read",
    "listRecords": "read",
}
_AN_HOUR = 3600


def kind_of(point: Point) -> Kind:
    """The kind of a request; a method that apply has never used before must be given one."""
    return _KINDS[point.method]


Act: TypeAlias = Callable[[Exchange, World], Answer]


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a request, and (where it lasts) to those after it.

    `ends` has the exit codes that it may lead to, by the kind of the request: 6 in place of each error once a commit
    was made, and `undone` in its place where the server had refused the request. A kind that is not there is one to
    which it cannot happen; `not_for` says why.
    """

    name: str
    act: Act
    ends: Mapping[Kind, frozenset[int]]
    lasts: bool = False
    undone: int | None = None
    not_for: str = ""

    def ends_at(self, point: Point, *, done: bool) -> frozenset[int]:
        """How apply may end; `done` is whether the server has carried the request out."""
        codes = self.ends[kind_of(point)]
        return codes if done or self.undone is None else frozenset({self.undone})

    def at(self, point: Point, world: World) -> Strike:
        """The fault at one boundary."""
        return Strike(self, point, world)


class Strike:
    """Meddles at one boundary, or from there on, and knows whether it came to that, and was carried out."""

    def __init__(self, fault: Fault, point: Point, world: World) -> None:
        self.struck = False
        self.done = False
        self._fault = fault
        self._point = point
        self._world = world

    def __call__(self, exchange: Exchange) -> Answer:
        if exchange.point == self._point or (self.struck and self._fault.lasts):
            self.struck = True
            exchange.server = self._noting(exchange.server)
            return self._fault.act(exchange, self._world)
        return exchange.pass_on()

    def _noting(self, server: Server) -> Server:
        """The server, and whether it has done what it was asked at the boundary."""

        def noting(exchange: Exchange) -> Reply:
            reply = server(exchange)
            self.done = self.done or reply.status == 200
            return reply

        return noting


def _all(*codes: int) -> dict[Kind, frozenset[int]]:
    return {kind: frozenset(codes) for kind in KINDS}


def _some(**codes: int | tuple[int, ...]) -> dict[Kind, frozenset[int]]:
    ends: dict[Kind, frozenset[int]] = {}
    for kind in KINDS:
        code = codes.get(kind)
        if code is not None:
            ends[kind] = frozenset(code if isinstance(code, tuple) else (code,))
    return ends


# Connections


def _closed(exchange: Exchange, world: World) -> Answer:
    _ = exchange.body
    return Cut()


def _reply_lost(exchange: Exchange, world: World) -> Answer:
    exchange.pass_on()
    return Cut()


def _broken_off(exchange: Exchange, world: World) -> Answer:
    return Cut(exchange.pass_on())


def _down(exchange: Exchange, world: World) -> Answer:
    world.proxy.down()
    return Cut()


def _gone_after(exchange: Exchange, world: World) -> Answer:
    exchange.pass_on()
    world.proxy.down()
    return Cut()


def _broken_pipe(exchange: Exchange, world: World) -> Answer:
    assert len(exchange.part_of_body(50_000)) == 50_000
    return Cut()


# Gateways and failing servers


def _after(reply: Reply) -> Act:
    """The server has done it; something else is answered."""

    def act(exchange: Exchange, world: World) -> Answer:
        exchange.pass_on()
        return reply

    return act


def _truncated(exchange: Exchange, world: World) -> Answer:
    reply = exchange.pass_on()
    return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers)


_HTML = (("Content-Type", "text/html"),)
_PAGE = b"<!doctype html><title>Welcome</title><h1>Sign in to the airport's network</h1>"


# What a PDS answers by itself


def _refused(status: int, name: str, message: str) -> Act:
    """Nothing is done."""

    def act(exchange: Exchange, world: World) -> Answer:
        _ = exchange.body
        return error_reply(status, name, message)

    return act


def _rate_limited(exchange: Exchange, world: World) -> Answer:
    _ = exchange.body
    headers = {"limit": "5000", "remaining": "0", "reset": str(int(time.time()) + _AN_HOUR), "policy": "5000;w=3600"}
    named = [(f"RateLimit-{name.title()}", value) for name, value in headers.items()]
    return error_reply(429, "RateLimitExceeded", "Rate Limit Exceeded", *named)


def _locked_out(exchange: Exchange, world: World) -> Answer:
    """The session is revoked, and the password with it."""
    _ = exchange.body
    if exchange.point.method == "createSession":
        return error_reply(401, "AuthenticationRequired", "Invalid identifier or password")
    if "Authorization" in exchange.headers:
        return error_reply(400, "ExpiredToken", "Token has been revoked")
    return exchange.pass_on()


# Another client


def _unrelated(exchange: Exchange, world: World) -> Answer:
    """Another client writes just before: another record."""
    place = ("org.test.note", f"theirs-{len(world.foreign)}")
    made = world.write("putRecord", place, record={"$type": place[0], "text": "theirs"})
    world.foreign[place] = made["cid"]
    return exchange.pass_on()


FAULTS = (
    Fault("closed before", _closed, _all(0)),
    Fault("reply lost", _reply_lost, _all(0)),
    Fault("reply broken off", _broken_off, _all(0)),
    Fault("down from then on", _down, _all(1), lasts=True),
    Fault("gone after it was done", _gone_after, _all(1), lasts=True),
    Fault("broken pipe", _broken_pipe, _some(upload=0), not_for="only a blob takes long to send"),
    Fault("500 after", _after(error_reply(500, "InternalServerError", "Internal Server Error")), _all(0), undone=1),
    Fault("502 after", _after(Reply(502, b"<h1>Bad Gateway</h1>", _HTML)), _all(0)),
    Fault("504 after", _after(Reply(504, b"", ())), _some(upload=0, commit=0),
          not_for="a 502 means the same, and is tried on all"),
    Fault("a page in place of the reply", _after(Reply(200, _PAGE, _HTML)),
          _some(read=(0, 1), describe=0, login=1, upload=1, commit=0)),
    Fault("half of the reply's content", _truncated, _some(read=(0, 1), describe=0, login=1, upload=1, commit=0)),
    Fault("429", _rate_limited, _all(8), lasts=True),
    Fault("413", _refused(413, "PayloadTooLargeError", "request entity too large"), _some(upload=1, commit=(0, 1)),
          not_for="only what has a large body is too large"),
    Fault("ExpiredToken", _refused(400, "ExpiredToken", "Token has expired"), _some(upload=0, commit=0),
          not_for="only what is authorized carries a token"),
    Fault("locked out", _locked_out, _some(login=4, upload=4, commit=4), lasts=True,
          not_for="reading needs no password"),
    Fault("BlobNotFound", _refused(400, "BlobNotFound", "Could not find blob: x"), _some(commit=(0, 1)),
          not_for="only records refer to blobs"),
    Fault("an unrelated commit", _unrelated, _all(0)),
)  # fmt: skip
