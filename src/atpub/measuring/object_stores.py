"""S3, Google Cloud Storage and Azure, read through obstore (extra `stores`); boto3 (extra `s3`) asks S3 for digests."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from typing import Any, Final
from urllib.parse import unquote

from atpub.measuring.model import ShardFailure, ShardTask
from atpub.measuring.store_access import (
    AWS_CREDENTIALS,
    access_hint,
    allows_http,
    lacks_account,
    signature_options,
)
from atpub.measuring.stores import BrokenOff, Stated, changed
from atpub.pulling.digests import amazon_digest
from atpub.shards.lock import StoreFacts
from atpub.storage.interface import Endpoint

_CHUNK: Final = 1 << 20
_RETRIES: Final[Any] = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}
_EXTRAS: Final = {"boto3": "s3", "obstore": "stores"}
_GONE: Final = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
_PRIVATE: Final = frozenset({"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
_HINT: Final = "check the bucket, the key, the region and the credentials in the environment"


_making: Final = Lock()
"""Held while a client is made: boto3's sessions are not safe for threads."""


@cache
def has_package(name: str) -> bool:
    """Return whether a package is installed."""
    return find_spec(name) is not None


class ObjectStore:
    """A bucket or container."""

    def ask(self, task: ShardTask) -> Stated:
        """Ask for the digest, size and validators of an object; raises ShardFailure."""
        if _is_s3(task) and has_package("boto3"):
            return _ask_s3(task)
        if task.missing == "store" and _is_s3(task):
            raise _missing_extra(task, "boto3")
        try:
            with _Failures(task):
                store, key = _open(task)
                found: Mapping[str, Any] = store.head(key)
        except BrokenOff as error:
            raise _unavailable(task, error) from None
        return Stated(None, _facts(found["size"], found.get("e_tag"), found.get("last_modified")))

    def open(self, task: ShardTask, stated: Stated, start: int) -> Generator[bytes]:
        """Yield the bytes from a position on; raises BrokenOff and ShardFailure."""
        options: dict[str, Any] = {"if_match": stated.facts.etag} if stated.facts.etag else {}
        if start:
            options["range"] = {"offset": start}
        try:
            with _Failures(task):
                store, key = _open(task)
                reply = store.get(key, options=options)
        except BrokenOff as error:
            if start:
                raise
            raise _unavailable(task, error) from None  # obstore has tried several times
        if stated.facts.etag and reply.meta.get("e_tag") not in (None, stated.facts.etag):
            raise changed(task)  # not every store heeds If-Match
        with _Failures(task):
            for chunk in reply.stream(min_chunk_size=_CHUNK):
                yield bytes(chunk)


class _Failures:
    """A block in which obstore's errors are those of a shard: read again where the connection breaks off."""

    def __init__(self, task: ShardTask) -> None:
        self._task = task

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Raise ShardFailure or BrokenOff in place of an error of obstore."""
        if error is None or isinstance(error, ShardFailure):
            return  # obstore need not be there
        from obstore import exceptions

        match error:
            case FileNotFoundError():
                raise ShardFailure("shard-missing", f"{self._task.url} is not there", _HINT) from None
            case exceptions.PreconditionError():
                raise changed(self._task) from None
            case (
                exceptions.PermissionDeniedError()
                | exceptions.UnauthenticatedError()
                | exceptions.AlreadyExistsError()  # Azure answers 409 where an account permits no public access
            ):
                hint = access_hint(self._task.url, is_public=_is_public(self._task))
                raise ShardFailure("shard-private", f"{self._task.url} may not be read", hint) from None
            case exceptions.BaseError() | OSError():
                raise BrokenOff(_first_line(error)) from None
            case _:
                pass


def _unavailable(task: ShardTask, error: BaseException) -> ShardFailure:
    return ShardFailure("shard-unavailable", f"{task.url} cannot be read: {_first_line(error)}", _HINT)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _is_s3(task: ShardTask) -> bool:
    return task.url.startswith("s3:")


def _missing_extra(task: ShardTask, package: str) -> ShardFailure:
    hint = f"pip install 'atpub[{_EXTRAS[package]}]'"
    return ShardFailure("extra-missing", f"{task.url} cannot be read without the package {package}", hint)


def _open(task: ShardTask) -> tuple[Any, str]:
    """Return the store that holds an object, and its key there."""
    if not has_package("obstore"):
        raise _missing_extra(task, "obstore")
    scheme, _, rest = task.url.partition("://")
    bucket, _, key = rest.partition("/")
    with _making:
        if scheme == "s3":
            return open_s3_store(bucket, task.endpoint), key
        if lacks_account(task.url):
            hint = "set AZURE_STORAGE_ACCOUNT_NAME; the form of the URL is az://CONTAINER/PATH"
            raise ShardFailure("azure-account", f"the storage account of {task.url} is not known", hint)
        return open_other_store(f"{'gs' if scheme == 'gcs' else scheme}://{bucket}"), unquote(key)


def _is_public(task: ShardTask) -> bool:
    """Return whether requests for an object are made without credentials."""
    return not _has_aws_credentials() if _is_s3(task) else signature_options(task.url).get("skip_signature", False)


@cache
def open_s3_store(bucket: str, endpoint: Endpoint) -> Any:
    """Return the store of a bucket, signed with the credentials of the environment where there are any."""
    from obstore.store import S3Store

    options: dict[str, Any] = {"region": _region(endpoint)}
    if endpoint.endpoint:
        options |= {"endpoint": endpoint.endpoint, "virtual_hosted_style_request": False}
    if not _has_aws_credentials():
        options["skip_signature"] = True
    elif has_package("boto3"):  # which also knows profiles, and those of other places that obstore does not look at
        options["credential_provider"] = import_module("obstore.auth.boto3").Boto3CredentialProvider(open_session())
    is_plain = (endpoint.endpoint or "").startswith("http:")
    return S3Store(bucket, client_options={"allow_http": is_plain}, retry_config=_RETRIES, **options)


@cache
def open_other_store(url: str) -> Any:
    """Return the store of a bucket of Google or a container of Azure."""
    from obstore.store import from_url

    options: dict[str, Any] = dict(signature_options(url))
    if allows_http(url):
        options["client_options"] = {"allow_http": True}
    return from_url(url, retry_config=_RETRIES, **options)


def _has_aws_credentials() -> bool:
    """Return whether the environment has credentials; without them, requests are those of the public."""
    if has_package("boto3"):
        return open_session().get_credentials() is not None
    return not AWS_CREDENTIALS.isdisjoint(os.environ)


@cache
def open_session() -> Any:
    """Return boto3's session, which finds credentials and the region."""
    return import_module("boto3").session.Session()


@cache
def open_s3_client(endpoint: Endpoint) -> Any:
    """Return a client of S3, which is safe for threads."""
    signature = {} if _has_aws_credentials() else {"signature_version": import_module("botocore").UNSIGNED}
    retries = {"mode": "standard", "max_attempts": 4}
    config = import_module("botocore.config").Config(max_pool_connections=64, retries=retries, **signature)
    return open_session().client("s3", endpoint_url=endpoint.endpoint, region_name=_region(endpoint), config=config)


def _region(endpoint: Endpoint) -> str:
    """Return the region of a bucket: boto3 and obstore look for it at different places."""
    found = endpoint.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if found is None and has_package("boto3"):
        found = open_session().region_name  # that of the profile
    return found or "us-east-1"


def _ask_s3(task: ShardTask) -> Stated:
    errors: Any = import_module("botocore.exceptions")
    bucket, _, key = task.url.partition("://")[2].partition("/")
    try:
        with _making:
            client = open_s3_client(task.endpoint)
        found = client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    except errors.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        there = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
        if there not in (None, _region(task.endpoint)):
            hint = f"give `s3: {{region: {there}}}` in the manifest, or set AWS_REGION"
            message = f"{task.url} is not in the region {_region(task.endpoint)}, but in {there}"
            raise ShardFailure("shard-unavailable", message, hint) from None
        kind = "shard-missing" if code in _GONE else "shard-private" if code in _PRIVATE else "shard-unavailable"
        hint = access_hint(task.url, is_public=_is_public(task)) if kind == "shard-private" else _HINT
        raise ShardFailure(kind, f"{task.url}: S3 answers {code}", hint) from None
    except errors.BotoCoreError as error:
        raise _unavailable(task, error) from None
    digest = amazon_digest(found.get("ChecksumSHA256", ""), found.get("ETag", ""))
    return Stated(digest, _facts(found["ContentLength"], found.get("ETag"), found.get("LastModified")))


def _facts(size: int, etag: str | None, modified: datetime | None) -> StoreFacts:
    stated = format_datetime(modified.astimezone(UTC), usegmt=True) if modified else None
    return StoreFacts(size, None, etag, stated)
