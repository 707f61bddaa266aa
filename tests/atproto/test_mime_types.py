"""MIME types from first bytes; the expectations were taken from `file-type` 16.5.4 and 22.3.0, where the two agree."""

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile
import zlib

import pytest
from tests.repository.samples import tar_of

from atpub.atproto.mime_types import accepts, mime_type_of, sniff, suffix_of


def zip_of(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, b"\x93NUMPY\x01\x00")
    return buffer.getvalue()


def gnu_tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("x" * 200))
    return buffer.getvalue()


def database() -> bytes:
    with sqlite3.connect(":memory:") as db:
        db.execute("create table t (a)")
        content = db.serialize()
    db.close()
    return content


def png() -> bytes:
    chunks = (
        (b"IHDR", bytes.fromhex("00000001000000010800000000")),
        (b"IDAT", zlib.compress(bytes(2))),
        (b"IEND", b""),
    )
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks:
        content += len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
    return content


KNOWN = {
    "svg with a prolog": (b'<?xml version="1.0"?><svg/>', "application/xml"),
    "tar": (tar_of(b"x"), "application/x-tar"),
    "gnu tar": (gnu_tar(), "application/x-tar"),
    "zip": (zip_of("a.txt"), "application/zip"),
    "empty zip": (b"PK\x05\x06" + bytes(18), "application/zip"),
    "npz": (zip_of("arr_0.npy"), "application/zip"),
    "gzip": (gzip.compress(b"x"), "application/gzip"),
    "tar.gz": (gzip.compress(tar_of(b"x")), "application/gzip"),
    "bzip2": (bz2.compress(b"x"), "application/x-bzip2"),
    "xz": (lzma.compress(b"x"), "application/x-xz"),
    "zstd": (bytes.fromhex("28b52ffd2001090000") + b"x", "application/zstd"),
    "7z": (bytes.fromhex("377abcaf271c0004") + bytes(24), "application/x-7z-compressed"),
    "sqlite": (database(), "application/x-sqlite3"),
    "pdf": (b"%PDF-1.7\n" + bytes(5000), "application/pdf"),
    "png": (png(), "image/png"),
    "jpeg": (bytes.fromhex("ffd8ffe000104a46494600") + bytes(20), "image/jpeg"),
    "gif": (b"GIF89a" + bytes(20), "image/gif"),
    "webp": (b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(30), "image/webp"),
}
BROKEN_TAR = tar_of(b"x")[:148] + b"0000000\0" + tar_of(b"x")[156:]
UNKNOWN = {
    "nothing": b"",
    "csv": b"a,b\n1,2\n",
    "json": b'{"a": 1}',
    "npy": b"\x93NUMPY\x01\x00",
    "hdf5": b"\x89HDF\r\n\x1a\n",
    "zeros": bytes(1024),
    "tar with another checksum": BROKEN_TAR,
}


@pytest.mark.parametrize(("head", "mime_type"), KNOWN.values(), ids=KNOWN)
def test_known_formats(head: bytes, mime_type: str) -> None:
    assert sniff(head) == sniff(head[:512]) == mime_type


@pytest.mark.parametrize("head", UNKNOWN.values(), ids=UNKNOWN)
def test_other_bytes_say_nothing(head: bytes) -> None:
    assert sniff(head) is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.webp", "image/webp"),
        ("data/A.CSV", "text/csv"),
        ("a.csv.gz", "application/gzip"),
        ("a.tar.gz", "application/gzip"),
        ("a.unknown", None),
        ("folder.csv/README", None),
    ],
)
def test_names_by_their_last_suffix(name: str, found: str | None) -> None:
    assert mime_type_of(name) == found


@pytest.mark.parametrize(
    ("mime_type", "suffix"),
    [
        ("image/jpeg", ".jpg"),
        ("image/webp", ".webp"),
        ("Text/CSV; charset=utf-8", ".csv"),
        ("application/octet-stream", ".bin"),
        ("application/x-tar", ".tar"),
        ("no/such", ".bin"),
        ("", ".bin"),
    ],
)
def test_the_suffix_of_a_type(mime_type: str, suffix: str) -> None:
    assert suffix_of(mime_type) == suffix


@pytest.mark.parametrize(
    ("patterns", "mime_type", "fits"),
    [
        ((), "a/b", True),
        (("*/*",), "a/b", True),
        (("image/*",), "image/png", True),
        (("image/*",), "imagery/png", False),
        (("image/*",), "image", False),
        (("image/png", "text/plain"), "text/plain", True),
        (("image/png",), "image/png+x", False),
        (("image/p*",), "image/png", False),
        (("*",), "image/png", False),
    ],
)
def test_a_mime_type_fits_a_pattern(patterns: tuple[str, ...], mime_type: str, fits: bool) -> None:
    assert accepts(patterns, mime_type) is fits
