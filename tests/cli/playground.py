"""A folder to run the command line in: files from a table's short notation, and what a run printed."""

import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from gzip import compress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.shards.tars import Member, make_tar, samples_tar

from atpub.cli.main import run


@dataclass(frozen=True)
class Ran:
    """What a run left: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def capture_runs(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Return a function that runs the command line in this process, without a terminal."""

    def atpub(*args: str) -> Ran:
        capsys.readouterr()
        code = run(list(args))
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return atpub


def huge_tar(path: Path, size: int) -> None:
    """A shard of so many bytes (a multiple of 512) that takes no room on the disk."""
    info = tarfile.TarInfo("000000.msgpack")
    info.size = size - 3 * 512
    with path.open("wb") as file:
        file.write(info.tobuf(tarfile.USTAR_FORMAT))
        file.truncate(size)


def write_files(folder: Path, files: Mapping[str, Any]) -> None:
    """Text as it is; `{tar: 3}` is a shard of three samples, `{gzip: 3}` the same gzipped; the others as below."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        match content:
            case str():
                path.write_text(content)
            case {"tar": int(count)}:
                path.write_bytes(samples_tar(count, size=1))
            case {"members": _}:
                members: dict[str, str] = content["members"]
                path.write_bytes(make_tar([Member(name, text.encode("latin-1")) for name, text in members.items()]))
            case {"gzip": int(count)}:
                path.write_bytes(compress(samples_tar(count, size=1)))
            case {"huge": int(size)}:
                huge_tar(path, size)
            case {"bytes": str(digits)}:
                path.write_bytes(bytes.fromhex(digits))
            case {"text": str(text), "times": int(times)}:
                with path.open("w") as file:  # in pieces: it may be large
                    for _ in range(times // 1000):
                        file.write(text * 1000)
            case {"folder": True}:
                path.mkdir()
            case _:
                raise ValueError(f"{name}: {content!r}")


def tree(folder: Path) -> dict[str, str]:
    """Every file and folder, with what it holds: two trees are equal where nothing was written."""
    return {str(path.relative_to(folder)): _held(path) for path in sorted(folder.rglob("*"))}


def _held(path: Path) -> str:
    if path.is_dir():
        return "folder"
    return str(path.stat().st_size) if path.stat().st_size > 1 << 20 else sha256(path.read_bytes()).hexdigest()
