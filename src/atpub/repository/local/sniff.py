"""The MIME type that a file's first bytes give away, as the reference PDS finds it.

The PDS asks the npm package `file-type` (16.5.4 in PDS 0.4.217, 22.3.0 in 0.5.35) and takes its word over the client's.
The table holds those formats of data sets whose MIME type is the same in both; parquet, avro, arrow, wav and flac are
left out because the two differ, and csv, json, npy, hdf5, safetensors and gguf because neither knows them.
"""

from __future__ import annotations

HEAD_LENGTH = 512

_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"GIF", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"%PDF", "application/pdf"),
    (b"SQLi", "application/x-sqlite3"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
)


def sniff(head: bytes) -> str | None:
    """Return the MIME type of a file that starts with these bytes (512 are enough); None where they do not tell."""
    for magic, mime_type in _MAGIC:
        if head.startswith(magic):
            return mime_type
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return "application/x-tar" if _is_tar(head) else None


def _is_tar(head: bytes) -> bool:
    """Whether the first header block carries the mark of POSIX or GNU tar and its own right checksum."""
    if len(head) < HEAD_LENGTH or head[257:262] != b"ustar":
        return False
    try:
        stored = int(head[148:154].split(b"\0")[0].decode(), 8)
    except ValueError:
        return False
    return stored == sum(head[:148]) + 8 * ord(" ") + sum(head[156:HEAD_LENGTH])
