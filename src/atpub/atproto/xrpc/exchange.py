"""An HTTP exchange, whatever library makes it: the request, the limits of waiting, and the error."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import ip_address
from time import monotonic
from typing import Any, Final, Protocol, Self

CONNECT_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 60.0  # without a byte in either direction
TOTAL_SECONDS: Final = 120.0
"""Seconds of waiting in one exchange, however few bytes come meanwhile."""
SLOWEST: Final = 10_000
"""Bytes a second: so many make up for a second of waiting."""
LONGEST_HEAD: Final = 256 * 1024
"""Bytes before the body, interim responses included."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for a connection, for received bytes, for sent bytes, and for a free connection (None: no limit).

    Those for bytes count anew with every byte; `total` is for all waiting together, where less than `SLOWEST` bytes a
    second come or go.
    """

    connect: float = CONNECT_SECONDS
    read: float = SILENCE_SECONDS
    write: float = SILENCE_SECONDS
    pool: float | None = SILENCE_SECONDS
    total: float = TOTAL_SECONDS

    @classmethod
    def of(cls, seconds: float) -> Self:
        """Return the same limit for each of the five."""
        return cls(seconds, seconds, seconds, seconds, seconds)


class RequestSigner(Protocol):
    """The signature of requests, each of which has one of its own."""

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        """Return the headers that sign one request."""
        ...

    def learn(self, url: str, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Learn from a reply; return whether it refuses the request only because of what is known from now on."""
        ...


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that may be sent any number of times: iterating over its content starts anew each time.

    A `signer` signs it anew each time. `redirects` tells whether a public one follows them.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    params: Mapping[str, Any] | None = None
    content: bytes | Iterable[bytes] | None = field(default=None, repr=False)
    timeouts: Timeouts = Timeouts()
    signer: RequestSigner | None = field(default=None, repr=False)
    redirects: bool = True

    @property
    def signed_headers(self) -> Mapping[str, str]:
        """The headers, with the signature of one try."""
        return {**self.headers, **self.signer.headers(self.method, self.url)} if self.signer else self.headers

    @property
    def is_public(self) -> bool:
        """Whether it carries no credentials, and changes nothing."""
        return self.method == "GET" and self.signer is None and "Authorization" not in self.headers


class TransportError(Exception):
    """A request without a response, or a response that breaks off.

    `reason` explains it in a few words; `sent` tells whether the server may have received the request. `code` is that
    of the error that it means: `too-slow` and `response-too-large` name the limit that was passed; `silent` is an
    answer that did not come in time, `redirect-loop` one that redirects too often.
    """

    def __init__(self, reason: str, *, sent: bool, code: str = "unavailable") -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.code = code


class EndlessHead(Exception):
    """A response whose head has more bytes than are read."""


class Patience:
    """The seconds that are left to wait in one exchange, and the bytes that its head may still have (None: it is read).

    Only waiting counts, not what the caller does between two reads. `code` tells which limit was passed.
    """

    def __init__(self, seconds: float) -> None:
        self.code = "unavailable"
        self._total = self._left = seconds
        self._head: int | None = LONGEST_HEAD

    def begin_head(self) -> None:
        """Note that another response is to come."""
        self._head = LONGEST_HEAD

    def begin_body(self) -> None:
        """Note that the head was read: from now on, bytes are content."""
        self._head = None

    @contextmanager
    def waiting(self, timeout: float | None) -> Generator[float]:
        """Yield how long to wait; the time that passes meanwhile counts."""
        if self._left <= 0:
            self.code = "too-slow"
            raise TimeoutError
        start = monotonic()
        try:
            yield min(timeout or self._left, self._left)
        finally:
            self._left -= monotonic() - start
            if self._left <= 0:
                self.code = "too-slow"

    def received(self, size: int) -> None:
        """Count bytes that came; raises EndlessHead where the head has no end."""
        if self._head is None:
            self.sent(size)
            return
        self._head -= size
        if self._head < 0:
            self.code = "response-too-large"
            raise EndlessHead(f"the head of its answer has more than {LONGEST_HEAD:,} bytes")

    def sent(self, size: int) -> None:
        """Count bytes that make up for time."""
        self._left = min(self._total, self._left + size / SLOWEST)
        self.code = "unavailable"

    @property
    def exceeded(self) -> str:
        """What to say where the time is up."""
        return f"less than {SLOWEST:,} bytes a second for {self._total:.0f} seconds"


PATIENCE: Final[ContextVar[Patience | None]] = ContextVar("patience", default=None)
"""The patience of the exchange that this thread is in."""


@contextmanager
def with_patience(patience: Patience) -> Generator[None]:
    """Let all reading and writing in the block use up this patience."""
    token = PATIENCE.set(patience)
    try:
        yield
    finally:
        PATIENCE.reset(token)


def is_loopback(host: str) -> bool:
    """Return whether the host is this machine, so that what is sent there cannot be overheard."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
