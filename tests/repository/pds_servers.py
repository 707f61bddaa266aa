"""Reference PDSes for the tests of this folder, repositories on them, and what can go wrong on the way there."""

import secrets
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
from tests.pds.reference import Account, ReferencePds
from tests.pds.servers import Servers as Servers

from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import TransportClient
from atpub.repository.pds import PdsRepository, connect

Send = Callable[[httpx.Request], httpx.Response]
Meddle = Callable[[httpx.Request, Send], httpx.Response]


def new_account(server: ReferencePds) -> Account:
    return server.create_account(f"t{secrets.token_hex(6)}.test")


def untouched(request: httpx.Request, send: Send) -> httpx.Response:
    return send(request)


class Way(httpx.BaseTransport):
    """The way to a server, which keeps every request and on which a test may meddle."""

    def __init__(self, meddle: Meddle = untouched) -> None:
        self.meddle = meddle
        self.requests: list[httpx.Request] = []
        self.naps: list[float] = []
        self.refused = 0
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        response = rewound(self.meddle(request, self._inner.handle_request))
        self.refused += response.status_code == 429
        return response

    def close(self) -> None:
        self._inner.close()

    def nap(self, seconds: float) -> None:
        self.naps.append(seconds)

    def methods(self) -> list[str]:
        """The last part of each method's name, in the order of the requests since the last call."""
        names = [method_of(request) for request in self.requests]
        self.requests.clear()
        return names


def method_of(request: httpx.Request) -> str:
    return request.url.path.rpartition(".")[2]


def rewound(response: httpx.Response) -> httpx.Response:
    """The response, to be read again where a test has read it; its connection has nothing more to say."""
    if response.is_closed and not isinstance(response.stream, httpx.ByteStream):
        response.stream = httpx.ByteStream(response.content)
        response.headers.pop("content-encoding", None)
    return response


def answer(response: httpx.Response, content: bytes) -> httpx.Response:
    """The response with another body."""
    response.close()
    kept = {name: value for name, value in response.headers.items() if name in ("content-type",)}
    return httpx.Response(response.status_code, headers=kept, content=content)


class OnServer:
    """Opens repositories on a server, and closes them when the stack is closed."""

    def __init__(self, server: ReferencePds, stack: ExitStack) -> None:
        self._server = server
        self._stack = stack

    def __call__(self, account: Account, way: Way | None = None, cache: Path | None = None) -> PdsRepository:
        return self._stack.enter_context(closing(repository_on(self._server, account, way, cache)))

    def connect(
        self, account: str, *, password: str | Callable[[], str | None] | None = None, by_plc: bool = False
    ) -> PdsRepository:
        url = None if by_plc else self._server.url
        opened = connect(account, pds=url, config=ResolverConfig(plc=self._server.plc_url), password=password)
        return self._stack.enter_context(closing(opened))


def repository_on(
    server: ReferencePds, account: Account, way: Way | None = None, cache: Path | None = None
) -> PdsRepository:
    """The account's repository; on a `way` of the test's own, pauses take no time."""
    http = None if way is None else HttpClient(TransportClient(httpx.Client(transport=way)), sleep=way.nap)
    return connect(account.did, pds=server.url, password=account.password, cache=cache, http=http)
