"""XRPC: the typed methods of a server over HTTP (AT Protocol specification: HTTP API).

Each call builds a request, sends it, and reads the reply; the first and the last touch no network. What is public is
asked for without credentials, and where credentials go the connection is private.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from atpub.atproto.auth.access import Access
from atpub.atproto.data import Json, loads
from atpub.atproto.runtime import Nothing, Procedure, Query, Raw, Value
from atpub.atproto.xrpc.errors import breach, failure, printable, uncertainty
from atpub.atproto.xrpc.exchange import (
    SILENCE_SECONDS,
    TOTAL_SECONDS,
    HttpRequest,
    Timeouts,
    TransportError,
    is_loopback,
)
from atpub.atproto.xrpc.http import HttpClient, NoResponse, Outcome, Reply, ResponseTooLarge
from atpub.atproto.xrpc.rate_limits import RateLimits
from atpub.atproto.xrpc.transport import HttpResponse
from atpub.errors import AuthenticationFailed, OutcomeUnknown, OversizedResponse, Unavailable

P = TypeVar("P", bound=Value)
O = TypeVar("O")  # noqa: E741 - the output, as in atpub.atproto.runtime

_SILENT = "see whether the address is right and the server up, then run it again"
_SLOWEST_STORE = 1_000_000  # bytes a second at which a server may put a blob away once it has it


class UploadBody(Protocol):
    """The bytes of an upload: iterating starts anew each time."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """Return the bytes in chunks."""
        ...


@dataclass(slots=True)
class Traits:
    """What the replies of a server show of its software: the reference PDS, which runs on Express, keeps to swaps."""

    keeps_swaps: bool = False

    def note(self, reply: Reply | HttpResponse) -> None:
        """Record what a reply shows."""
        self.keeps_swaps = reply.headers.get("x-powered-by") == "Express"


@dataclass(frozen=True, slots=True)
class XrpcClient:
    """The methods of the server at `base`, such as `https://pds.example`."""

    base: str
    http: HttpClient
    rate_limits: RateLimits = field(default_factory=RateLimits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    traits: Traits = field(default_factory=Traits)

    def query(self, method: Query[P, O], params: P, access: Access | None = None) -> O:
        """Return the output of a query; raises Unavailable after three tries."""
        outcome = self.http.send(self._get(method, params, access=access), retry="if-failed")
        self._note(method.nsid, outcome)
        return self._output(method.nsid, method.output, outcome)

    @contextmanager
    def stream(self, method: Query[P, Raw], params: P) -> Generator[Iterator[bytes], None, None]:
        """Yield the bytes that a query answers with, as they come; raises Unavailable where they break off."""
        as_it_is = {"Accept-Encoding": "identity"}
        answer = self.http.stream(self._get(method, params, as_it_is))
        self._note(method.nsid, answer)
        if not isinstance(answer, HttpResponse):
            yield iter((self._reply(method.nsid, answer).body,))
            return
        try:
            yield self._chunks(method.nsid, answer)
        finally:
            answer.close()

    def procedure(self, method: Procedure[P, O], input: P, access: Access | None = None) -> O:
        """Return the output of a procedure that does no harm when it is carried out twice: it is tried three times."""
        outcome = self.http.send(self._post(method, input, access), retry="if-failed")
        self._note(method.nsid, outcome)
        return self._output(method.nsid, method.output, outcome)

    def write(self, method: Procedure[P, O], body: bytes, access: Access) -> O:
        """Return the output of a procedure that is sent once, its input as `encode_input` returns it.

        Raises OutcomeUnknown where the reply does not say enough.
        """
        if access.server != self.base:
            return self._at(access.server).write(method, body, access)
        outcome = self.http.send(self._send(method, body, access), retry="if-unsent")
        self._note(method.nsid, outcome)
        unknown = uncertainty(self._where(method.nsid), outcome)
        if unknown is not None:
            raise unknown
        reply = self._reply(method.nsid, outcome)
        try:
            return method.output(loads(reply.body))
        except ValueError as error:
            raise OutcomeUnknown(self._misfit(method.nsid, error)) from None

    def upload(self, method: Procedure[Nothing, O], body: UploadBody, mime_type: str, access: Access) -> O:
        """Return the output of a procedure that takes bytes; three tries, since the same bytes twice are one blob."""
        if access.server != self.base:
            return self._at(access.server).upload(method, body, mime_type, access)
        outcome = self.http.send(self._put(method, body, mime_type, access), retry="if-failed")
        self._note(method.nsid, outcome)
        return self._output(method.nsid, method.output, outcome)

    def require_privacy(self) -> None:
        """Raise AuthenticationFailed unless what is sent to the server stays private on its way."""
        url = urlsplit(self.base)
        if url.scheme != "https" and not is_loopback(url.hostname or ""):
            raise AuthenticationFailed(
                f"passwords and tokens are not sent to {self.base}: others could read them on the way",
                hint=f"use https://{url.netloc}",
            )

    def _at(self, server: str) -> XrpcClient:
        """Return the same account's methods at another server."""
        return replace(self, base=server)

    # Building requests

    def _get(
        self,
        method: Query[P, O],
        params: P,
        headers: Mapping[str, str] | None = None,
        access: Access | None = None,
    ) -> HttpRequest:
        request = HttpRequest("GET", self._url(method.nsid), headers or {}, params.to_json(), timeouts=self.timeouts)
        return self._authorize(request, access)

    def _post(self, method: Procedure[P, O], input: P, access: Access | None) -> HttpRequest:
        return self._send(method, None if isinstance(input, Nothing) else encode_input(input), access)

    def _send(self, method: Procedure[P, O], body: bytes | None, access: Access | None) -> HttpRequest:
        headers = {} if body is None else {"Content-Type": method.encoding}
        request = HttpRequest("POST", self._url(method.nsid), headers, content=body, timeouts=self.timeouts)
        return self._authorize(request, access)

    def _put(self, method: Procedure[Nothing, O], body: UploadBody, mime_type: str, access: Access) -> HttpRequest:
        headers = {"Content-Type": mime_type, "Content-Length": str(body.size)}
        patience = SILENCE_SECONDS + body.size / _SLOWEST_STORE
        timeouts = Timeouts(read=patience, pool=None, total=patience + TOTAL_SECONDS)
        request = HttpRequest("POST", self._url(method.nsid), headers, content=body, timeouts=timeouts)
        return self._authorize(request, access)

    def _authorize(self, request: HttpRequest, access: Access | None) -> HttpRequest:
        """Return a request with credentials: those of each try, or a bearer token."""
        if access is None:
            return request
        self.require_privacy()
        if access.signer is not None:
            return replace(request, signer=access.signer)
        return replace(request, headers={**request.headers, "Authorization": f"Bearer {access.token}"})

    def _url(self, nsid: str) -> str:
        return f"{self.base}/xrpc/{nsid}"

    # Reading replies

    def _output(self, nsid: str, output: Callable[[Json], O], outcome: Outcome) -> O:
        reply = self._reply(nsid, outcome)
        try:
            return output(loads(reply.body or b"null"))  # no output is no body
        except ValueError as error:
            raise Unavailable(self._misfit(nsid, error), hint=f"is {self.base} a PDS?") from None

    def _reply(self, nsid: str, outcome: Outcome) -> Reply:
        """Return the reply, where it is a success; else raises what it means."""
        match outcome:
            case Reply(status=status) if 200 <= status < 300:
                return outcome
            case Reply():
                raise failure(self._where(nsid), outcome, self.http.clock())
            case NoResponse(sent=False):
                raise Unavailable(f"cannot reach {self.base}: {outcome.reason}", hint=_SILENT)
            case NoResponse():
                message = f"no answer from {self._where(nsid)}: {outcome.reason}"
                raise breach(outcome.code)(message, hint=_SILENT)
            case ResponseTooLarge():
                raise OversizedResponse(f"{self._where(nsid)}: the answer has more than {outcome.longest:,} bytes")

    def _chunks(self, nsid: str, response: HttpResponse) -> Iterator[bytes]:
        try:
            yield from response.chunks()
        except TransportError as error:
            raise breach(error.code)(f"the answer of {self._where(nsid)} breaks off: {error.reason}") from None

    def _note(self, nsid: str, outcome: Outcome | HttpResponse) -> None:
        if isinstance(outcome, Reply | HttpResponse):
            self.rate_limits.note(nsid, outcome, self.http.clock())
            self.traits.note(outcome)

    def _misfit(self, nsid: str, error: ValueError) -> str:
        return f"{self._where(nsid)}: the answer does not fit its lexicon: {printable(str(error))}"

    def _where(self, nsid: str) -> str:
        return f"{nsid} at {self.base}"


def encode_input(input: Value) -> bytes:
    """Return the JSON that is sent for a procedure's input."""
    return json.dumps(input.to_json(), ensure_ascii=False, separators=(",", ":")).encode()
