"""HTTP/1.1 messages: the head of a request as a value, and the head of a response as bytes (RFC 9110, RFC 9112)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import unquote_to_bytes, urlsplit

from atpub.atproto.data import Json

END_OF_HEAD: Final = b"\r\n\r\n"
LONGEST_HEAD: Final = 16 * 1024
"""The most bytes of a request's line and headers."""
MOST_HEADERS: Final = 100
LONGEST_BODY: Final = 64 * 1024
"""The most bytes of a request's body that are read, to be discarded: no method that is served takes a body."""

_REQUEST_LINE: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/([0-9])\.([0-9])", re.ASCII)
_FIELD: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", re.ASCII)
_UNSAFE_IN_FIELD: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What would end a header, or is not allowed in it; a blob's MIME type may have it."""
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)
_ONCE: Final = frozenset(("host", "content-length", "range", "origin"))


class RequestError(Exception):
    """A request that is refused: the status, and the name and message of its error in XRPC's JSON form."""

    def __init__(self, status: int, name: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def invalid(message: str) -> RequestError:
    """Return the error of a request that breaks a rule."""
    return RequestError(400, "InvalidRequest", message)


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request: path and query as they were sent, headers with lower-case names.

    `body_length` is None where the body has no stated length, or is longer than LONGEST_BODY.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    keep_alive: bool = True
    body_length: int | None = 0


class Chunks(Protocol):
    """The chunks of a body, to be closed at the end or when they are not wanted any more."""

    def __next__(self) -> bytes:
        """Return the next chunk."""
        ...

    def close(self) -> None:
        """Close what the chunks come from."""
        ...


@dataclass(frozen=True, slots=True)
class Response:
    """A response; `length` is the number of bytes of its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes | Chunks
    length: int

    @classmethod
    def of_json(cls, value: Json, status: int = 200, **headers: str) -> Response:
        """Return a response with JSON."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(status, {"Content-Type": "application/json; charset=utf-8", **headers}, body, len(body))

    @classmethod
    def of_text(cls, text: str, status: int = 200) -> Response:
        """Return a response with plain text."""
        body = text.encode()
        return cls(status, {"Content-Type": "text/plain; charset=utf-8"}, body, len(body))

    @classmethod
    def of_error(cls, error: RequestError) -> Response:
        """Return the response that tells of an error (AT Protocol specification: HTTP API, "Error Responses")."""
        return cls.of_json({"error": error.name, "message": error.message}, error.status, **error.headers)


def parse_request(head: bytes) -> Request:
    """Return the request with that head, without its final empty line; raises RequestError."""
    first, *lines = head.lstrip(b"\r\n").decode("latin-1").split("\r\n")
    found = _REQUEST_LINE.fullmatch(first)
    if found is None:
        raise invalid("the request line is malformed")
    method, target, major, minor = found.groups()
    if major != "1":
        raise RequestError(505, "InvalidRequest", f"HTTP/{major}.{minor} is not supported")
    headers = _parse_headers(lines)
    if minor != "0" and "host" not in headers:
        raise invalid("the header Host is missing")
    path, query = _split_target(target)
    options = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    return Request(method, path, query, headers, minor != "0" and "close" not in options, _body_length(headers))


def _parse_headers(lines: list[str]) -> dict[str, str]:
    if len(lines) > MOST_HEADERS:
        raise RequestError(431, "InvalidRequest", f"the request has more than {MOST_HEADERS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None or _UNSAFE_IN_FIELD.search(found[2]):
            raise invalid("a header is malformed")
        name, value = found[1].lower(), found[2]
        if name in headers and name in _ONCE:
            raise invalid(f"the header {name} is given twice")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _split_target(target: str) -> tuple[str, str]:
    """Return path and query of a request target in origin-form or absolute-form."""
    if target == "*":  # OPTIONS * is about the server as a whole
        return "/", ""
    if not target.startswith("/"):
        try:
            url = urlsplit(target)
        except ValueError:
            raise invalid("the request target is malformed") from None
        if url.scheme not in ("http", "https"):
            raise invalid("the request target is malformed")
        return url.path or "/", url.query
    path, _, query = target.partition("#")[0].partition("?")
    return path, query


def _body_length(headers: Mapping[str, str]) -> int | None:
    if "transfer-encoding" in headers or "expect" in headers:
        return None
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdecimal()):
        raise invalid("the header Content-Length is malformed")
    return int(text) if len(text) < 10 and int(text) <= LONGEST_BODY else None


def head_bytes(response: Response, *, keep_alive: bool) -> bytes:
    """Return the status line and the headers of a response, with the empty line after them."""
    headers = {
        "Date": formatdate(usegmt=True),
        "Content-Length": str(response.length),
        "Connection": "keep-alive" if keep_alive else "close",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
        **response.headers,
    }
    if response.status == 204:
        del headers["Content-Length"]
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {_UNSAFE_IN_FIELD.sub(' ', value)}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", "")).encode("latin-1", "replace")


def decode_percent(text: str) -> str:
    """Return text without its percent-encoding; raises RequestError for a bad escape, and for what is no UTF-8."""
    if _BAD_ESCAPE.search(text):
        raise invalid("the URL has a malformed percent-encoding")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise invalid("the URL is not UTF-8") from None


def parse_query(query: str) -> list[tuple[str, str]]:
    """Return the names and values of a query string, in their order; raises RequestError."""
    parts = (part.replace("+", " ").partition("=") for part in query.split("&") if part)
    return [(decode_percent(name), decode_percent(value)) for name, _, value in parts]


def parse_range(headers: Mapping[str, str], size: int, etag: str | None = None) -> tuple[int, int] | None:
    """Return start and length of the range of bytes that is asked for; None where the whole is to be sent.

    Only single ranges are kept to: a server may ignore others (RFC 9110, section 14.2). Raises RequestError for a range
    that begins behind the end.
    """
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None or not (found[1] or found[2]) or headers.get("if-range", etag) != etag:
        return None
    if found[1] and found[2] and int(found[2]) < int(found[1]):
        return None
    start = int(found[1]) if found[1] else max(0, size - int(found[2]))
    stop = min(int(found[2]) + 1, size) if found[1] and found[2] else size
    if start >= size:
        message = f"the range is beyond the {size:,} bytes that there are"
        raise RequestError(416, "InvalidRequest", message, Content_Range=f"bytes */{size}")
    return start, stop - start
