"""The body of a response, decompressed piece by piece: two kilobytes on the wire may stand for gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

ENCODINGS: Final = "gzip, deflate"
"""The content codings that a request asks for (RFC 9110: Accept-Encoding)."""

_PIECE: Final = 256 * 1024
_WINDOWS: Final = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_ZLIB: Final = 8  # the compression method in the first byte of a zlib stream; some servers send "deflate" without it


class BodyError(Exception):
    """A body that is not what its Content-Encoding says, or is encoded more than once."""


def decode(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Return the content in pieces of limited size; raises BodyError.

    `encoding` is the Content-Encoding. A list of several codings is refused: each multiplies the size.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return iter(chunks)
    if name not in _WINDOWS:
        raise BodyError(f"its Content-Encoding is {name[:40]!r}; atpub reads gzip or deflate, once")
    return _decompress(chunks, name)


def _decompress(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    decoder = None
    try:
        for chunk in filter(None, chunks):
            decoder = decoder or zlib.decompressobj(_window(name, chunk))
            while chunk and not decoder.eof:
                yield decoder.decompress(chunk, _PIECE)
                chunk = decoder.unconsumed_tail
    except zlib.error:
        raise BodyError(f"it is not {name}, as its Content-Encoding says") from None
    if decoder is not None and not decoder.eof:
        raise BodyError(f"its {name} ends too early")


def _window(name: str, first: bytes) -> int:
    is_raw = name == "deflate" and first[0] & 15 != _ZLIB
    return -zlib.MAX_WBITS if is_raw else _WINDOWS[name]
