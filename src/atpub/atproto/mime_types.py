"""The MIME type of a file: by its first bytes, as the reference PDS finds it, or else by its name.

The PDS asks the npm package `file-type` (16.5.4 in PDS 0.4.217, 22.3.0 in 0.5.35) and takes its word over the client's.
The table holds those formats of data sets whose MIME type is the same in both; parquet, avro, arrow, wav and flac are
left out because the two differ, and csv, json, npy, hdf5, safetensors and gguf because neither knows them.

The table of names is atpub's own: the one of the machine differs between a laptop and a slim image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

HEAD_LENGTH: Final = 512
ANY_BYTES: Final = "application/octet-stream"
"""The MIME type of bytes of which nothing is known."""

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
    (b"<?xml ", "application/xml"),
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_TYPES: Final[Mapping[str, str]] = {
    "application/gzip": "gz tgz",
    "application/json": "json",
    "application/ld+json": "jsonld",
    "application/geo+json": "geojson",
    "application/jsonl": "jsonl ndjson",
    "application/octet-stream": "bin npy npz pkl pt safetensors gguf",
    "application/pdf": "pdf",
    "application/postscript": "ps eps",
    "application/rtf": "rtf",
    "application/toml": "toml",
    "application/vnd.apache.arrow.file": "arrow feather",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.sqlite3": "sqlite sqlite3 db",
    "application/wasm": "wasm",
    "application/x-7z-compressed": "7z",
    "application/x-bzip2": "bz2",
    "application/x-hdf5": "h5 hdf5",
    "application/x-netcdf": "nc",
    "application/x-ipynb+json": "ipynb",
    "application/x-sh": "sh",
    "application/x-tar": "tar",
    "application/x-tex": "tex",
    "application/x-xz": "xz",
    "application/xml": "xml",
    "application/yaml": "yaml yml",
    "application/zip": "zip",
    "application/zstd": "zst",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/midi": "mid midi",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg oga opus",
    "audio/wav": "wav",
    "font/otf": "otf",
    "font/ttf": "ttf",
    "font/woff2": "woff2",
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/jpeg": "jpg jpeg jpe",
    "image/jp2": "jp2",
    "image/jxl": "jxl",
    "image/png": "png apng",
    "image/svg+xml": "svg",
    "image/tiff": "tif tiff",
    "image/vnd.microsoft.icon": "ico",
    "image/webp": "webp",
    "model/gltf+json": "gltf",
    "model/gltf-binary": "glb",
    "model/stl": "stl",
    "text/calendar": "ics",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "html htm",
    "text/javascript": "js mjs",
    "text/markdown": "md markdown",
    "text/plain": "txt text log",
    "text/tab-separated-values": "tsv",
    "text/vtt": "vtt",
    "text/x-python": "py",
    "video/mp4": "mp4 m4v",
    "video/mpeg": "mpeg mpg",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
}
_BY_SUFFIX: Final = {suffix: mime_type for mime_type, suffixes in _TYPES.items() for suffix in suffixes.split()}


def mime_type_of(name: str) -> str | None:
    """Return the MIME type that the last suffix of a file's name stands for; None for a suffix not in the table."""
    return _BY_SUFFIX.get(name.rpartition("/")[2].rpartition(".")[2].lower())


def suffix_of(mime_type: str) -> str:
    """Return the usual suffix of the files of a MIME type, such as `.jpg`; `.bin` for a type not in the table."""
    essence = mime_type.partition(";")[0].strip().lower()
    return f".{_TYPES.get(essence, 'bin').partition(' ')[0]}"


def accepts(patterns: tuple[str, ...], mime_type: str) -> bool:
    """Return whether a MIME type matches a pattern (`*/*`, `image/*`, or the type itself); no patterns accept all."""
    kind, slash, _ = mime_type.partition("/")
    group = f"{kind}{slash}*"
    return not patterns or any(pattern in (mime_type, group, "*/*") for pattern in patterns)


def sniff(head: bytes) -> str | None:
    """Return the MIME type of a file that starts with these bytes (512 are enough); None where they do not tell."""
    head = head.removeprefix(_BYTE_ORDER_MARK)
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
