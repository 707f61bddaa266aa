"""Tar archives for the tests, made with the standard library."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


@dataclass(frozen=True)
class Member:
    name: str
    data: bytes = b"data"
    kind: bytes = tarfile.REGTYPE
    mtime: float = 0


def make_tar(members: Sequence[Member | str], format: int = tarfile.USTAR_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for member in members:
            add(archive, Member(member) if isinstance(member, str) else member)
    return buffer.getvalue()


def add(archive: tarfile.TarFile, member: Member) -> None:
    info = tarfile.TarInfo(member.name)
    info.type = member.kind
    info.mtime = member.mtime
    if info.isreg():
        info.size = len(member.data)
    elif info.issym() or info.islnk():
        info.linkname = "elsewhere"
    archive.addfile(info, io.BytesIO(member.data) if info.isreg() else None)


def any_sample(content: bytes = b"") -> bytes:
    """Return a msgpack map that holds these bytes and fits every schema: its value is too deep to be checked."""
    return b"\x81\xa1x" + b"\x91" * 40 + b"\xc6" + len(content).to_bytes(4) + content


def samples_tar(count: int, size: int = 300) -> bytes:
    """Return a shard of msgpack samples that hold so many bytes each."""
    return make_tar([Member(f"{number:06d}.msgpack", any_sample(bytes(size))) for number in range(count)])
