"""Files as the bodies of responses, and a folder of files as a site; what is outside of the folder is never sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, Final

from atpub.atproto.mime_types import ANY_BYTES, mime_type_of
from atpub.serving.messages import RequestError, Response, decode_percent, parse_range

_CHUNK: Final = 256 * 1024
_INDEX: Final = "index.html"
_NO_BLOCKING: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""A pipe in the folder is opened without waiting for its writer."""


class FileChunks:
    """The next bytes of a file in chunks; raises OSError where there are fewer."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        self._stream = stream
        self._left = length

    def __next__(self) -> bytes:
        """Return the next chunk."""
        if not self._left:
            raise StopIteration
        chunk = self._stream.read(min(self._left, _CHUNK))
        if not chunk:
            raise OSError("the file has become shorter")
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def file_response(path: Path, part: tuple[int, int], size: int, headers: Mapping[str, str]) -> Response:
    """Return the response with a range of a file's bytes."""
    start, length = part
    stream = path.open("rb")
    stream.seek(start)
    headers = {**headers, "Content-Range": f"bytes {start}-{start + length - 1}/{size}"}
    return Response(206, headers, FileChunks(stream, length), length)


def site_response(folder: Path, path: str, request_headers: Mapping[str, str]) -> Response:
    """Return the file that a URL's path names in a folder; raises RequestError where there is none to be sent."""
    file = _find(folder, path)
    is_folder = path.endswith("/")
    if file.is_dir() is not is_folder:
        raise _not_found() if is_folder else RequestError(308, "Moved", "this is a folder", Location=f"{path}/")
    if is_folder:
        file = _find(folder, f"{path}{_INDEX}")
    stream, size = _open(file)
    headers = {"Content-Type": _content_type(file.name), "Accept-Ranges": "bytes"}
    try:
        part = parse_range(request_headers, size)
        start, length = part or (0, size)
        stream.seek(start)
    except BaseException:
        stream.close()
        raise
    if part:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    return Response(206 if part else 200, headers, FileChunks(stream, length), length)


def _find(folder: Path, path: str) -> Path:
    """Return the file or folder at a path, symlinks followed; hidden names are not there, nor is what is outside."""
    names = [decode_percent(name) for name in path.removeprefix("/").removesuffix("/").split("/")]
    if path == "/":
        names = []
    if any(not name or name.startswith(".") or not name.isprintable() or set(name) & {*"/\\"} for name in names):
        raise _not_found()
    try:
        found = folder.joinpath(*names).resolve(strict=True)
        inside = found.is_relative_to(folder.resolve(strict=True))
    except (OSError, RuntimeError):  # not there, a loop of symlinks, or a name that is too long
        raise _not_found() from None
    if not inside:
        raise _not_found()
    return found


def _open(file: Path) -> tuple[BinaryIO, int]:
    """Return a regular file, opened, and its size."""
    try:
        stream = os.fdopen(os.open(file, os.O_RDONLY | _NO_BLOCKING), "rb")
    except OSError:
        raise _not_found() from None
    found = os.fstat(stream.fileno())
    if not S_ISREG(found.st_mode):
        stream.close()
        raise _not_found()
    return stream, found.st_size


def _content_type(name: str) -> str:
    found = mime_type_of(name) or ANY_BYTES
    return f"{found}; charset=utf-8" if found.startswith("text/") else found


def _not_found() -> RequestError:
    return RequestError(404, "NotFound", "there is no such page")
