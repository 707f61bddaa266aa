"""From a request to its response: the URLs that are served, and who may read them from a browser."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

from atpub.atproto.syntax import Nsid
from atpub.atproto.xrpc.exchange import is_loopback
from atpub.errors import AtpubError, BlobNotFound, RepositoryNotFound, Unavailable
from atpub.repository.local import BlockNotFound
from atpub.serving.files import site_response
from atpub.serving.messages import Chunks, Request, RequestError, Response, invalid
from atpub.serving.methods import Methods, QueryString

LOG: Final = logging.getLogger("atpub.serving")

_XRPC: Final = "/xrpc/"
_READS: Final = ("GET", "HEAD")
_ALLOW: Final = "GET, HEAD, OPTIONS"
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:]*)(?::[0-9]*)?")
_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9, -]{1,1000}")
_EXPOSED: Final = "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag"
_ERRORS: Final[Mapping[type[AtpubError], tuple[int, str, str]]] = {
    RepositoryNotFound: (400, "RepoNotFound", "Could not find repo"),
    BlobNotFound: (400, "BlobNotFound", "Blob not found"),
    BlockNotFound: (400, "BlockNotFound", "Could not find blocks"),
    Unavailable: (503, "NotEnoughResources", "try again later"),
}


class StartedChunks:
    """Chunks of which the first was made already; one thread may close them while another makes the next one."""

    def __init__(self, first: bytes | None, rest: Chunks) -> None:
        self._first = first
        self._rest = rest
        self._lock = Lock()

    def __next__(self) -> bytes:
        """Return the next chunk."""
        with self._lock:
            first, self._first = self._first, None
            return next(self._rest) if first is None else first

    def close(self) -> None:
        """Close what the chunks come from."""
        with self._lock:
            self._rest.close()


@dataclass(frozen=True, slots=True)
class Site:
    """All that is served: the methods, and a folder of pages if there is one.

    Pages of `origins` may read it in a browser, as may those of this machine; `*` stands for all pages.
    """

    methods: Methods
    version: str
    catalog: Path | None = None
    origins: frozenset[str] = frozenset()

    def respond(self, request: Request) -> Response:
        """Return the response to a request, with the first chunk of its body made; never raises an exception."""
        try:
            response = _start(self._route(request), request.method)
        except Exception as error:
            response = Response.of_error(_error_of(error))
        return replace(response, headers={**response.headers, **self._cors(request)})

    def _route(self, request: Request) -> Response:
        self._check_host(request.headers.get("host"))
        if request.method == "OPTIONS":
            return Response(204, {"Allow": _ALLOW}, b"", 0)
        if request.path.startswith(_XRPC):
            return self._call(request)
        if request.method not in _READS:
            raise RequestError(405, "InvalidRequest", "nothing can be written here", Allow=_ALLOW)
        account = self.methods.account
        match request.path:
            case "/.well-known/did.json":
                return Response.of_json(self.methods.document())
            case "/.well-known/atproto-did":
                return Response.of_text(account.did)
            case path if self.catalog is not None:
                return site_response(self.catalog, path, request.headers)
            case "/":
                return Response.of_text(f"{account.did}, served read-only by atpub for the AT Protocol: /xrpc/\n")
            case _:
                raise RequestError(404, "NotFound", "there is no such page")

    def _call(self, request: Request) -> Response:
        nsid = request.path.removeprefix(_XRPC)
        if nsid == "_health":
            return Response.of_json({"version": self.version})
        if not Nsid.accepts(nsid):
            raise invalid("the path does not name a method")
        method = self.methods.find(nsid)
        if method is None:
            raise RequestError(501, "MethodNotImplemented", "Method Not Implemented")
        if request.method not in _READS:
            message = f"Incorrect HTTP method ({request.method}) expected GET"
            raise RequestError(405, "InvalidRequest", message, Allow=_ALLOW)
        return method(QueryString(request.query, request.headers))

    def _check_host(self, host: str | None) -> None:
        """Refuse a name that leads here by DNS rebinding, by which any page could read what this machine serves."""
        found = _HOST.fullmatch(host or "localhost")
        name = found[1].lower() if found else ""
        if not is_loopback(name) and name != self.methods.account.handle:
            raise RequestError(421, "InvalidRequest", "this server is localhost, and has no other name")

    def _cors(self, request: Request) -> Mapping[str, str]:
        origin = request.headers.get("origin")
        if not origin or not self._may_read(origin):
            return {"Vary": "Origin"}
        headers = {"Vary": "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _EXPOSED}
        if request.method == "OPTIONS":
            wanted = request.headers.get("access-control-request-headers", "")
            headers["Access-Control-Allow-Methods"] = _ALLOW
            headers["Access-Control-Max-Age"] = "600"
            if _HEADER_NAMES.fullmatch(wanted):
                headers["Access-Control-Allow-Headers"] = wanted
            if "access-control-request-private-network" in request.headers:
                headers["Access-Control-Allow-Private-Network"] = "true"
        return headers

    def _may_read(self, origin: str) -> bool:
        try:
            host = urlsplit(origin).hostname or ""
        except ValueError:
            return False
        return is_loopback(host) or not self.origins.isdisjoint((origin, "*"))


def _start(response: Response, method: str) -> Response:
    """Return the response with the first chunk of its body made, so that an error of it is still told by a status."""
    if isinstance(response.body, bytes):
        return response
    try:
        first = None if method == "HEAD" else next(response.body, None)
    except BaseException:
        response.body.close()
        raise
    return replace(response, body=StartedChunks(first, response.body))


def _error_of(error: Exception) -> RequestError:
    """Return what a client is told of an error; what is this machine's own goes to the log."""
    if isinstance(error, RequestError):
        return error
    for kind, said in _ERRORS.items():
        if isinstance(error, kind):
            return RequestError(*said)
    LOG.error("%s: %s", type(error).__name__, error)
    return RequestError(500, "InternalServerError", "Internal Server Error")
