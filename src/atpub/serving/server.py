"""HTTP/1.1 on a socket of this machine's loopback: bounded in time and memory, whatever clients do."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from atpub.errors import OSFailure
from atpub.serving.messages import (
    END_OF_HEAD,
    LONGEST_HEAD,
    Request,
    RequestError,
    Response,
    head_bytes,
    parse_request,
)
from atpub.serving.site import LOG, Site

HOST: Final = "127.0.0.1"
MOST_CONNECTIONS: Final = 128
_WORKERS: Final = 8
_BUFFER: Final = 256 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServerTimeouts:
    """How many seconds a client may take: until its next request, to send one, and to receive what fills the buffer.

    `linger` is how long the end of a connection waits for the client's.
    """

    idle: float = 60.0
    request: float = 10.0
    chunk: float = 30.0
    linger: float = 2.0


DEFAULT_TIMEOUTS: Final = ServerTimeouts()


def listen(port: int) -> socket.socket:
    """Return a socket that listens on the loopback, at a free port for 0; raises OSFailure."""
    try:
        return socket.create_server((HOST, port), backlog=MOST_CONNECTIONS)
    except OSError as error:
        hint = "--port 0 takes a free port" if error.errno == errno.EADDRINUSE else "name another port with --port"
        raise OSFailure(f"cannot listen on {HOST}:{port}: {error.strerror or error}", hint=hint) from None


def url_of(listening: socket.socket) -> str:
    """Return the URL of a socket that listens."""
    return f"http://{HOST}:{listening.getsockname()[1]}"


async def serve(
    site: Site, listening: socket.socket, stop: asyncio.Event, timeouts: ServerTimeouts = DEFAULT_TIMEOUTS
) -> None:
    """Answer requests until `stop` is set; then close every connection, and wait for the threads."""
    with ThreadPoolExecutor(_WORKERS, "atpub-serve") as pool:
        connections = _Connections(site, pool, timeouts)
        server = await asyncio.start_server(connections.accept, sock=listening, limit=LONGEST_HEAD)
        try:
            await stop.wait()
        finally:
            server.close()
            await connections.close()
            await server.wait_closed()


class _Connections:
    """The open connections; what may block is done in the pool's threads."""

    def __init__(self, site: Site, pool: ThreadPoolExecutor, timeouts: ServerTimeouts) -> None:
        self._site = site
        self._pool = pool
        self._timeouts = timeouts
        self._tasks = set[asyncio.Task[None]]()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a new connection."""
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            _set_up(writer)
            if len(self._tasks) > MOST_CONNECTIONS:
                await self._send_error(RequestError(503, "NotEnoughResources", "too many connections"), writer)
            else:
                await self._answer_all(reader, writer)
            await self._finish(reader, writer)
        except (OSError, asyncio.IncompleteReadError):  # the client has gone, or is too slow
            pass
        finally:
            writer.transport.abort()

    async def close(self) -> None:
        """Break off what is not finished."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        keep_alive = True
        while keep_alive:
            try:
                request = await _read_request(reader, self._timeouts)
            except RequestError as error:
                await self._send_error(error, writer)
                return
            if request is None:
                return
            response = await self._run(partial(self._site.respond, request))
            keep_alive = request.keep_alive and request.body_length is not None
            await self._send(response, writer, keep_alive=keep_alive, is_head=request.method == "HEAD")

    async def _send(self, response: Response, writer: asyncio.StreamWriter, *, keep_alive: bool, is_head: bool) -> None:
        body = response.body
        writer.write(head_bytes(response, keep_alive=keep_alive))
        if isinstance(body, bytes):
            writer.write(b"" if is_head else body)
            await self._drain(writer)
            return
        try:
            sent = 0
            while not is_head and (chunk := await self._run(partial(next, body, None))) is not None:
                sent += len(chunk)
                writer.write(chunk)
                await self._drain(writer)
            if not is_head and sent != response.length:
                raise EOFError(f"{sent:,} bytes instead of {response.length:,}")
        except Exception as error:
            if not isinstance(error, (ConnectionError, TimeoutError)):
                LOG.error("%s: %s", type(error).__name__, error)
            raise ConnectionAbortedError from error
        finally:
            body.close()

    async def _send_error(self, error: RequestError, writer: asyncio.StreamWriter) -> None:
        await self._send(Response.of_error(error), writer, keep_alive=False, is_head=False)

    async def _finish(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Close a connection once the client has the last response: bytes that were not read would reset it."""
        writer.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeouts.linger):
                while await reader.read(LONGEST_HEAD):
                    pass
        writer.close()
        async with asyncio.timeout(self._timeouts.chunk):
            await writer.wait_closed()

    async def _drain(self, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(self._timeouts.chunk):
            await writer.drain()

    async def _run(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function)


def _set_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.set_write_buffer_limits(high=_BUFFER)
    found: socket.socket = writer.get_extra_info("socket")
    # Nagle's algorithm would let a body that follows its head wait 40 ms for the client.
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def _read_request(reader: asyncio.StreamReader, timeouts: ServerTimeouts) -> Request | None:
    """Read a request and discard its body; None where the client has closed, or sends nothing for long.

    Raises RequestError.
    """
    try:
        async with asyncio.timeout(timeouts.idle):
            first = await reader.readexactly(1)
    except (TimeoutError, asyncio.IncompleteReadError):
        return None
    try:
        async with asyncio.timeout(timeouts.request):
            head = first + await reader.readuntil(END_OF_HEAD)
            request = parse_request(head.removesuffix(END_OF_HEAD))
            await reader.readexactly(request.body_length or 0)
    except asyncio.LimitOverrunError:
        message = f"the head of the request has more than {LONGEST_HEAD:,} bytes"
        raise RequestError(431, "InvalidRequest", message) from None
    except TimeoutError:
        raise RequestError(408, "InvalidRequest", "the request did not come in time") from None
    return request
