"""Loaders: published records of any account, read and checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar, overload

from atpub.atmosphere.arguments import Call, warn
from atpub.atmosphere.client import AtmosphereClient, reading_client
from atpub.atmosphere.dataset import Dataset, Shard
from atpub.atmosphere.records import RecordValue
from atpub.atproto.data import Json, JsonObject, bytes_value
from atpub.atproto.syntax import AtUri, RecordPath
from atpub.errors import InvalidArgument, InvalidRecord, RecordNotFound, Usage
from atpub.generated.science.alt.dataset import entry, label, lens, schema
from atpub.manifest.atdata_shape import lexicon_shape, shape_warning
from atpub.manifest.kinds import kind_of_collection
from atpub.problems import Problem
from atpub.progress import OnProgress, ignore
from atpub.published.build import build_schema
from atpub.published.model import FieldView
from atpub.pulling.download import Url, url_of
from atpub.pulling.entries import find_dataset, read_entry, url_shards
from atpub.pulling.run import OnShard, pull_dataset
from atpub.repository.model import Record
from atpub.shards.samples import sample_class, unpacker
from atpub.storage.interface import FileStorage, StoredBlob
from atpub.storage.mirrors import mirror_url, read_mirrors
from atpub.storage.parts import read_parts, without_links
from atpub.storage.registry import find_kind, type_of
from atpub.storage.s3 import s3_info

S = TypeVar("S")


class _Loader:
    """Reads records of one collection."""

    _NSID: str

    def __init__(self, client: AtmosphereClient) -> None:
        """Take the client; it needs no login for what others have published."""
        self.client = client

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.client!r})"

    def get(self, uri: str | AtUri) -> RecordValue:
        """Return the record at a URI; raises InvalidArgument where it is of another kind, and RecordNotFound."""
        call = Call(f"{type(self).__name__}.get")
        found = call.uri("uri", uri)
        if found.collection != self._NSID:
            message = f"{found} is not the URI of a {kind_of_collection(self._NSID).singular} record"
            raise call.refuse("uri", message, f"it goes at://…/{self._NSID}/…")
        return self.client.get_record(found)

    def list_all(self, repo: str | None = None, limit: int | None = None) -> list[RecordValue]:
        """Return all records of this kind of the client's account, or of the DID or handle `repo`, at most `limit`."""
        return self.client.list_records(self._NSID, repo=repo, limit=limit)[0]


class SchemaLoader(_Loader):
    """Reads sample schemas."""

    _NSID = schema.NSID

    def get_typed(self, uri: str | AtUri) -> schema.Schema:
        """Return the record as an object; raises InvalidRecord where it breaks its lexicon."""
        return schema.Schema.from_json(_shape(self.get(uri)))

    def sample_type(self, uri: str | AtUri) -> type[Any]:
        """Make a dataclass from the schema: its fields by their names, required ones first."""
        return _sample_class(self.get(uri))


class LabelLoader(_Loader):
    """Reads labels, and finds datasets by them."""

    _NSID = label.NSID

    def get_typed(self, uri: str | AtUri) -> label.Label:
        """Return the record as an object; raises InvalidRecord where it breaks its lexicon."""
        return label.Label.from_json(dict(self.get(uri)))

    def resolve(self, handle_or_did: str, name: str, version: str | None = None) -> str:
        """Return the URI of the dataset that a label names, of that version or the latest; raises RecordNotFound."""
        fitting = [
            record
            for record in self.list_all(handle_or_did)
            if record.get("name") == name and version in (None, record.get("version")) and "datasetUri" in record
        ]
        if not fitting:
            said = f"{name!r}, version {version}" if version else repr(name)
            raise RecordNotFound(
                f"{handle_or_did} has no label {said}", hint="LabelLoader.list_all lists what is there"
            )
        return str(max(fitting, key=lambda record: str(record.get("createdAt")))["datasetUri"])


class LensLoader(_Loader):
    """Reads lenses; the code that they name is never fetched or run."""

    _NSID = lens.NSID

    def get_typed(self, uri: str | AtUri) -> lens.Lens:
        """Return the record as an object; raises InvalidRecord where it breaks its lexicon."""
        return lens.Lens.from_json(dict(self.get(uri)))

    def find_by_schemas(
        self, source_schema_uri: str, target_schema_uri: str | None = None, repo: str | None = None
    ) -> list[RecordValue]:
        """Return the lenses from one schema, and to the other where that is given."""
        return [
            record
            for record in self.list_all(repo)
            if record.get("sourceSchema") == source_schema_uri
            and target_schema_uri in (None, record.get("targetSchema"))
        ]


class DatasetLoader(_Loader):
    """Reads datasets: where their shards are, what is said of them, and their samples."""

    _NSID = entry.NSID

    def get_typed(self, uri: str | AtUri) -> entry.Entry:
        """Return the record as an object; raises InvalidRecord where it breaks its lexicon."""
        return entry.Entry.from_json(_shape(self.get(uri)))

    def get_parts(self, uri: str | AtUri) -> list[RecordValue]:
        """Return the records of the dataset, in the order of their shards: one, unless it is published in parts.

        `uri` is that of any part. Raises InvalidRecord where the parts do not fit together, and RecordNotFound.
        """
        record = self.get(uri)

        def read(path: RecordPath) -> RecordValue:
            return self.client.get_record(AtUri.of(record.uri.authority, path))

        return [part for _, part in read_parts(record.uri, record, read)]

    def get_storage_type(self, uri: str | AtUri) -> str:
        """Return where the shards are: "http", "s3", "blobs" or "external"; raises InvalidArgument otherwise."""
        storage = read_entry(self.get(uri)).storage
        kind = find_kind(storage)
        if kind is None:
            raise _refuse(uri, f"its storage {type_of(storage)} is unknown", "a newer atpub may know it")
        return kind.name

    def get_urls(self, uri: str | AtUri) -> list[str]:
        """Return the URLs of the shards, one each; raises InvalidArgument where they are blobs.

        Those in S3 are http(s) URLs where the record names an endpoint, as readers expect them, else s3:// URLs.
        """
        shards = [url_shards(read_entry(part)) for part in self.get_parts(uri)]
        if None in shards:
            raise _refuse(uri, "its shards are blobs, not at URLs", "call get_blob_urls")
        return [shard.http_url or shard.url for found in shards for shard in found or ()]

    def get_s3_info(self, uri: str | AtUri) -> dict[str, Any]:
        """Return the bucket, keys, region and endpoint of shards in S3; raises InvalidArgument for other storage."""
        first, *others = [s3_info(read_entry(part).storage) for part in self.get_parts(uri)]
        if first is None:
            raise _refuse(uri, "its shards are not in S3", "call get_storage_type")
        return {**first, "keys": [key for found in (first, *others) for key in (found or {}).get("keys", ())]}

    def get_blobs(self, uri: str | AtUri) -> list[dict[str, Any]]:
        """Return the blob entries of the record, in order; raises InvalidArgument where the shards are at URLs."""
        return [item.to_json() for part in self.get_parts(uri) for item in _blobs(part)]

    def get_blob_urls(self, uri: str | AtUri) -> list[str]:
        """Return the URL of each blob, in order; raises InvalidArgument where the shards are at URLs."""
        parts = self.get_parts(uri)
        account = self.client.account_of(parts[0].uri.authority)
        return [url_of(account.blob_source(item.blob.cid)) for part in parts for item in _blobs(part)]

    def get_metadata(self, uri: str | AtUri) -> dict[str, Any] | None:
        """Return the publisher's metadata of the dataset (contentMetadata); None where there is none.

        Old records have it in `metadata`, as msgpack, or as atdata 0.7 writes it, as an object.
        """
        return _metadata(self.get(uri))

    @overload
    def to_dataset(self, uri: str | AtUri, sample_type: type[S], *, decode: bool = False) -> Dataset[S]: ...
    @overload
    def to_dataset(self, uri: str | AtUri, *, decode: bool = False) -> Dataset[Any]: ...
    def to_dataset(
        self, uri: str | AtUri, sample_type: type[Any] | None = None, *, decode: bool = False
    ) -> Dataset[Any]:
        """Return the dataset at a URI, whose samples can be read; without a class, make one from its schema.

        `decode` makes images of members that hold one, in place of bytes.
        """
        parts = self.get_parts(uri)
        record = parts[0]
        kind, fields = sample_type, None
        if kind is None:
            schema = SchemaLoader(self.client).get(read_entry(record).schema_ref)
            kind, fields = _sample_class(schema), _schema_fields(schema)
        shards = [shard for part in parts for shard in self._shards(record.uri, read_entry(part))]
        return Dataset[Any].of_record(
            record.uri, dict(record), shards, _metadata(record), kind, fields=fields, decode=decode
        )

    def _shards(self, uri: AtUri, found: entry.Entry) -> Iterator[Shard]:
        kind = find_kind(found.storage)
        if isinstance(kind, FileStorage):
            account = self.client.account_of(uri.authority)
            for item in kind.read(found.storage):
                yield Shard(account.blob_source(item.blob.cid), item.blob.cid.sha256)
        else:
            folders = read_mirrors(found.content_metadata)
            for shard in url_shards(found) or ():
                url = Url(shard.http_url or shard.url)
                yield Shard(url, shard.sha256, tuple(Url(mirror_url(item, url)) for item in folders))


@overload
def load(
    uri: str | AtUri,
    sample_type: type[S],
    *,
    client: AtmosphereClient | None = None,
    repository: str | PathLike[str] | None = None,
    decode: bool = False,
) -> Dataset[S]: ...
@overload
def load(
    uri: str | AtUri,
    *,
    client: AtmosphereClient | None = None,
    repository: str | PathLike[str] | None = None,
    decode: bool = False,
) -> Dataset[Any]: ...
def load(
    uri: str | AtUri,
    sample_type: type[Any] | None = None,
    *,
    client: AtmosphereClient | None = None,
    repository: str | PathLike[str] | None = None,
    decode: bool = False,
) -> Dataset[Any]:
    """Load the published dataset at a URI, of an entry or of a label; iterating gives typed samples.

    Without `sample_type`, the class is made from the published schema. `repository` is the folder of a local
    repository, if it is not `./.atpub/local`. `decode` makes images of members that hold one, in place of bytes.
    Reading needs the extra `atpub[samples]`, and no login. Every shard is checked against its checksum as it is read.
    Raises InvalidArgument where the URI is of another kind, RecordNotFound, RepositoryNotFound, and InvalidRecord.
    """
    call = Call("load")
    found = call.uri("uri", uri)
    with reading_client(call, found, client, repository) as reader:
        if found.collection == label.NSID:
            found = call.uri("uri", LabelLoader(reader).get_typed(found).dataset_uri)
        loader = DatasetLoader(reader)
        if sample_type is None:
            return loader.to_dataset(found, decode=decode)
        return loader.to_dataset(found, sample_type, decode=decode)


def pull(
    uri: str | AtUri,
    folder: str | PathLike[str],
    *,
    client: AtmosphereClient | None = None,
    repository: str | PathLike[str] | None = None,
    max_bytes: int | None = None,
    on_shard: OnShard = lambda _: None,
    on_progress: OnProgress = ignore,
) -> list[Path]:
    """Save the shards of the published dataset at a URI as files in a folder, and return them, as `atpub pull` does.

    All are tried, then the first failure is raised; calling again continues. `repository` is the folder of a local
    repository, if it is not `./.atpub/local`; `on_shard` is told the outcome of each shard, and `on_progress` the bytes
    (`atpub.progress_bar` shows them). Raises InvalidArgument, Usage for URIs and URLs of other kinds, RecordNotFound,
    FileConflict where a file is not the shard, Unavailable, and OversizedResponse beyond `max_bytes`.
    """
    call = Call("pull")
    found = call.uri("uri", uri)
    with reading_client(call, found, client, repository) as reader:
        dataset = find_dataset(found, lambda at: reader.account_of(at.authority).repository)
        pulled = pull_dataset(dataset, Path(folder), max_bytes=max_bytes, on_shard=on_shard, on_progress=on_progress)
    if pulled.error:
        raise pulled.error
    return pulled.files


def open_fs(
    uri: str | AtUri,
    *,
    client: AtmosphereClient | None = None,
    repository: str | PathLike[str] | None = None,
    verify: bool = True,
) -> Any:
    """Return an fsspec file system of the shards of the dataset at a URI, of an entry or a label; it needs `atpub[fs]`.

    Its paths are the names that `pull` gives: `fs.ls("")`, `fs.open("digits-000000.tar")`. Files are read-only. With
    `verify`, reading a file to its end compares its checksum, and the first seek back makes a temporary copy that is
    verified whole; without, seeking asks the server for a range, and nothing is compared. `repository` is the folder
    of a local repository, if it is not `./.atpub/local`. Raises InvalidArgument, Usage where there is no fsspec,
    and FileNotFoundError where there is no dataset.
    """
    found = Call("open_fs").uri("uri", uri)
    try:
        from atpub.atmosphere.filesystem import open_dataset  # fsspec is an extra
    except ModuleNotFoundError as error:
        if error.name != "fsspec":
            raise
        raise Usage("open_fs needs fsspec", hint="pip install 'atpub[fs]'") from None
    return open_dataset(found, client, repository, verify=verify)


def _sample_class(record: RecordValue) -> type[Any]:
    content = _object(record.get("schema"))
    return sample_class(str(record.get("name", "Sample")), _object(content.get("content")) or content)


def _schema_fields(record: RecordValue) -> Sequence[FieldView] | None:
    """Return the fields of a schema; None where its record breaks its lexicon."""
    assert record.uri.path is not None
    try:
        return build_schema(record.uri, Record(record.uri.path, record.cid, dict(record))).fields
    except InvalidRecord:
        return None


def _shape(record: RecordValue) -> JsonObject:
    """Return the record in the shape of its lexicon; warn where it is in that of atdata 0.7."""
    value = lexicon_shape(stored := dict(record))
    if value is not stored:
        warn(f"{shape_warning(str(record.uri)).message}: it is read in the lexicon's")
    return value


def _refuse(uri: str | AtUri, message: str, hint: str) -> InvalidArgument:
    return InvalidArgument((Problem("bad-argument", f"uri: {uri}: {message}", hint=hint),))


def _blobs(record: RecordValue) -> Sequence[StoredBlob]:
    """Return the blob entries of a record, in order; raises InvalidArgument where the shards are at URLs."""
    storage = read_entry(record).storage
    kind = find_kind(storage)
    if not isinstance(kind, FileStorage):
        raise _refuse(record.uri, "its shards are not blobs", "call get_urls")
    return kind.read(storage)


def _metadata(record: RecordValue) -> JsonObject | None:
    """Return a dataset's metadata, wherever its record holds it."""
    content, old = without_links(_object(record.get("contentMetadata"))), _object(record.get("metadata"))
    if "$bytes" in old:
        old = _object(unpacker()(bytes_value(str(old["$bytes"]))))
    return {**old, **content} or None


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
