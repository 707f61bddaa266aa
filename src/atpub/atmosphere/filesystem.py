"""The shards of published datasets as an fsspec file system, of the protocol `at`."""

from __future__ import annotations

import errno
import weakref
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from os import PathLike
from typing import Any, Final, NoReturn

import fsspec  # type: ignore[import-untyped]
from fsspec.implementations.dirfs import DirFileSystem  # type: ignore[import-untyped]

from atpub.atmosphere.arguments import Call
from atpub.atmosphere.client import AtmosphereClient, reading_client
from atpub.atproto.syntax import AtUri
from atpub.errors import RecordNotFound, RepositoryNotFound, Usage
from atpub.pulling.entries import PublishedDataset, PublishedShard, find_dataset
from atpub.pulling.shard_file import ShardSource
from atpub.suggest import short_list

_PROTOCOL: Final = "at://"
_EXAMPLE: Final = "such as at://lab.example.org/science.alt.dataset.entry/3jzfcijpj2z2a/digits-000000.tar"
_SEGMENTS: Final = 3  # of the URI of a record: authority, collection, key


class AtFileSystem(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The shards of published datasets, to read: `at://AUTHORITY/COLLECTION/KEY/NAME`, names as `atpub pull` gives.

    Datasets are read once. Files are verified: see `ShardSource.open`.
    """

    protocol = "at"
    cachable = False  # a client may be closed

    def __init__(
        self,
        *,
        client: AtmosphereClient | None = None,
        repository: str | PathLike[str] | None = None,
        verify: bool = True,
        **options: Any,
    ) -> None:
        """Take what `atpub.load` takes, and whether to verify."""
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType]  # fsspec has no types
        self._client = client
        self._repository = repository
        self._verify = verify
        self._datasets: dict[str, PublishedDataset] = {}
        self._read_at: dict[str, datetime] = {}
        self._stack = ExitStack()
        weakref.finalize(self, self._stack.close)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(path).removeprefix(_PROTOCOL).rstrip("/")

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List the shards of a dataset, or one of them; raises FileNotFoundError, and Usage for another path."""
        folder, name = _split(self._strip_protocol(path))
        dataset = self._dataset(folder)
        shards = dataset.shards if name is None else [_find(dataset, name)]
        return [_info(folder, shard) if detail else f"{folder}/{shard.name}" for shard in shards]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return the name, size and SHA-256 of a shard, or that a dataset is a folder; raises FileNotFoundError.

        If the record has no size of the shard, its server is asked.
        """
        folder, name = _split(self._strip_protocol(path))
        dataset = self._dataset(folder)
        if name is None:
            return {"name": folder, "size": 0, "type": "directory"}
        shard = _find(dataset, name)
        return {**_info(folder, shard), "size": ShardSource(dataset, shard).stated_size()}

    def modified(self, path: str) -> datetime:
        """Return when the record of the dataset was read: no record says when a shard changed. DuckDB asks for it."""
        folder, _ = _split(self._strip_protocol(path))
        self._dataset(folder)
        return self._read_at[folder]

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: Any = None,
        **_: Any,
    ) -> Any:
        if mode != "rb":
            self._refuse()
        folder, name = _split(self._strip_protocol(path))
        dataset = self._dataset(folder)
        if name is None:
            raise IsADirectoryError(errno.EISDIR, f"is a dataset: add the name of a shard, {_names(dataset)}", path)
        return ShardSource(dataset, _find(dataset, name)).open(verify=self._verify)

    def _dataset(self, folder: str) -> PublishedDataset:
        """Read a dataset, once; raises FileNotFoundError where there is none."""
        if folder not in self._datasets:
            call = Call("open_fs")
            uri = call.uri("uri", _PROTOCOL + folder)
            try:
                reader = self._stack.enter_context(reading_client(call, uri, self._client, self._repository))
                self._read_at[folder] = datetime.now(UTC)
                self._datasets[folder] = find_dataset(uri, lambda at: reader.account_of(at.authority).repository)
            except (RecordNotFound, RepositoryNotFound) as error:
                raise FileNotFoundError(errno.ENOENT, error.message, str(uri)) from error
        return self._datasets[folder]

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.EROFS, "published shards are read-only: `atpub apply` publishes others")

    mkdir = makedirs = rmdir = rm_file = cp_file = touch = pipe_file = put_file = mv = rm = _rm = _refuse


def open_dataset(
    uri: AtUri, client: AtmosphereClient | None, repository: str | PathLike[str] | None, *, verify: bool
) -> Any:
    """Return the file system of one dataset, whose paths are the names of shards; raises FileNotFoundError."""
    inner, root = AtFileSystem(client=client, repository=repository, verify=verify), str(uri).removeprefix(_PROTOCOL)
    inner.ls(root, detail=False)
    return DirFileSystem(path=root, fs=inner)


def _split(path: str) -> tuple[str, str | None]:
    """Return the URI of a dataset, without its protocol, and the name of a shard; raises Usage for another path."""
    parts = path.split("/")
    if len(parts) not in (_SEGMENTS, _SEGMENTS + 1):
        raise Usage(f"{(_PROTOCOL + path)[:200]!r} is not the URI of a dataset or of a shard in it", hint=_EXAMPLE)
    return "/".join(parts[:_SEGMENTS]), parts[_SEGMENTS] if len(parts) > _SEGMENTS else None


def _find(dataset: PublishedDataset, name: str) -> PublishedShard:
    found = next((shard for shard in dataset.shards if shard.name == name), None)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, f"the dataset has no such shard; it has {_names(dataset)}", name)
    return found


def _names(dataset: PublishedDataset) -> str:
    return short_list([shard.name for shard in dataset.shards])


def _info(folder: str, shard: PublishedShard) -> Mapping[str, Any]:
    return {"name": f"{folder}/{shard.name}", "size": shard.size, "type": "file", "sha256": shard.sha256}
