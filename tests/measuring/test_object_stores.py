"""S3 as moto offers it: checksums that objects have, and those that have none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.servers import QuietHandler, new_bucket, serving, serving_s3
from tests.shards.tars import samples_tar

from atpub.manifest.load import load_manifest
from atpub.measuring import object_stores
from atpub.measuring.measure import measure_shard
from atpub.measuring.model import FailedShard, ShardTask
from atpub.measuring.object_stores import ObjectStore, has_package
from atpub.measuring.store_access import AWS_CREDENTIALS
from atpub.measuring.update import LockUpdate, update_lock
from atpub.shards.lock import read_lock
from atpub.storage.interface import Endpoint

BUCKET = "lab-data"
MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {{image: {{nsid: org.lab.image, version: 1.0.0, fields: {{label: integer}}}}}}
datasets:
  digits:
    schema: image
    urls: {urls}
    s3: {{endpoint: "{endpoint}", region: us-east-1}}
    checksums: {{missing: {missing}}}
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serving_s3() as endpoint:
        yield endpoint


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the server, whose bucket is empty; credentials are in the environment."""
    return new_bucket(endpoint, BUCKET, monkeypatch)


def lock(folder: Path, endpoint: str, missing: str, *keys: str) -> LockUpdate:
    urls = [f"s3://{BUCKET}/{key}" for key in keys]
    (folder / "atpub.yaml").write_text(MANIFEST.format(urls=urls, endpoint=endpoint, missing=missing))
    return update_lock(load_manifest([folder / "atpub.yaml"], environ={}))


def in_hex(content: bytes) -> str:
    return sha256(content).hexdigest()


@pytest.mark.slow
def test_stored_composite_and_plain(s3: Any, endpoint: str, tmp_path: Path) -> None:
    plain, stored = samples_tar(2), samples_tar(3)
    part = samples_tar(20_000)[: 5 << 20].ljust(5 << 20, b"\0") + bytes(1024)
    s3.put_object(Bucket=BUCKET, Key="d-0.tar", Body=stored, ChecksumAlgorithm="SHA256")
    s3.put_object(Bucket=BUCKET, Key="d-1.tar", Body=plain)
    composite = compose(s3, "d-2.tar", part, stored)
    keys = ("d-0.tar", "d-1.tar", "d-2.tar")
    update = lock(tmp_path, endpoint, "store", *keys)
    assert [problem.code for problem in update.failures] == ["no-stated-checksum"] * 2
    assert update.lock.urls == {f"s3://{BUCKET}/d-0.tar": in_hex(stored)}
    update = lock(tmp_path, endpoint, "fetch", *keys)
    assert (update.failures, update.read) == ([], len(plain) + len(composite))
    assert list(update.lock.urls.values()) == [in_hex(stored), in_hex(plain), in_hex(composite)]
    assert update.lock.stored[f"s3://{BUCKET}/d-1.tar"].samples == 2
    again = lock(tmp_path, endpoint, "fetch", *keys)
    assert (again.is_current, again.read) == (True, 0)
    s3.put_object(Bucket=BUCKET, Key="d-1.tar", Body=stored)
    changed = lock(tmp_path, endpoint, "fetch", *keys)
    assert (changed.changed, changed.read) == ([f"s3://{BUCKET}/d-1.tar"], len(stored))


def compose(s3: Any, key: str, *parts: bytes) -> bytes:
    """Upload an object in parts, whose checksum is that of their checksums."""
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key, ChecksumAlgorithm="SHA256")["UploadId"]
    made: list[Any] = []
    for number, body in enumerate(parts, 1):
        named = {"Bucket": BUCKET, "Key": key, "UploadId": upload, "PartNumber": number}
        reply = s3.upload_part(Body=body, ChecksumAlgorithm="SHA256", **named)
        made.append({"PartNumber": number, "ETag": reply["ETag"], "ChecksumSHA256": reply["ChecksumSHA256"]})
    s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": made})
    return b"".join(parts)


@pytest.mark.slow
def test_what_is_not_there(s3: Any, endpoint: str, tmp_path: Path) -> None:
    s3.put_object(Bucket=BUCKET, Key="d-0.tar", Body=samples_tar(2))
    update = lock(tmp_path, endpoint, "fetch", "d-0.tar", "d-1.tar")
    (problem,) = update.failures
    assert problem.code == "shard-missing"
    assert f"s3://{BUCKET}/d-1.tar" in problem.message
    known = read_lock(tmp_path)
    assert known is not None
    assert len(known.urls) == 1


@pytest.mark.parametrize("absent", [("boto3",), ("obstore",), ("boto3", "obstore")])
def test_without_the_extras(absent: tuple[str, ...], s3: Any, endpoint: str, tmp_path: Path, monkeypatch: Any) -> None:
    """Shards are read without boto3, and over HTTP without both packages; else a hint says what to install."""

    def has_package(name: str) -> bool:
        return name not in absent

    monkeypatch.setattr("atpub.measuring.object_stores.has_package", has_package)
    for name in absent:
        monkeypatch.setitem(sys.modules, name, None)
    s3.put_object(Bucket=BUCKET, Key="d-0.tar", Body=samples_tar(2), ACL="public-read")
    update = lock(tmp_path, endpoint, "fetch", "d-0.tar")
    if absent == ("obstore",):
        (problem,) = update.failures
        assert (problem.code, problem.hint) == ("extra-missing", "pip install 'atpub[stores]'")
    else:
        assert list(update.lock.urls.values()) == [in_hex(samples_tar(2))]
    if absent == ("boto3",):
        (tmp_path / "atpub.lock").unlink()
        (problem,) = lock(tmp_path, endpoint, "store", "d-0.tar").failures
        assert (problem.code, problem.hint) == ("extra-missing", "pip install 'atpub[s3]'")


@pytest.fixture
def fresh() -> Iterator[None]:
    """Forget the stores and clients that other tests have made, and let others forget those of this one."""
    caches = (object_stores.open_session, object_stores.open_s3_client, object_stores.open_s3_store)
    for cache in caches * 2:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_credentials_of_a_profile(s3: Any, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 finds credentials outside of the environment; obstore signs its requests with the same ones."""
    s3.put_object(Bucket=BUCKET, Key="d-0.tar", Body=samples_tar(2))
    (tmp_path / "credentials").write_text("[lab]\naws_access_key_id = KEYOFLAB\naws_secret_access_key = testing\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    update = lock(tmp_path, endpoint, "fetch", "d-0.tar")
    assert (update.failures, update.read) == ([], len(samples_tar(2)))
    store = object_stores.open_s3_store(BUCKET, Endpoint("us-east-1", endpoint))
    assert store.credential_provider.credentials.access_key == "KEYOFLAB"


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("has_key", [True, False])
def test_credentials_without_boto3(has_key: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_other(name: str) -> bool:
        return name != "boto3"

    monkeypatch.setattr("atpub.measuring.object_stores.has_package", is_other)
    for name in AWS_CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    if has_key:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    store = object_stores.open_s3_store(BUCKET, Endpoint())
    assert ("skip_signature" in store.config) is not has_key


class Refusing(QuietHandler):
    """A server that answers with the status that a bucket's name ends with, and names a bucket's region."""

    def do_HEAD(self) -> None:
        self.send_response(int(self.path.split("/")[1].rpartition("-")[2]))
        self.send_header("x-amz-bucket-region", "eu-central-1" if "far" in self.path else "us-west-2")
        self.end_headers()


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("has_boto3", [True, False])
@pytest.mark.parametrize(
    ("bucket", "has_key", "code", "said"),
    [
        ("lab-403", True, "shard-private", "what the credentials in the environment permit"),
        ("lab-403", False, "shard-private", "has no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("lab-404", True, "shard-missing", "check the bucket, the key, the region and the credentials"),
        ("far-301", True, "shard-unavailable", "region"),
    ],
)
def test_what_a_newcomer_reads(
    has_boto3: bool, bucket: str, has_key: bool, code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_there(name: str) -> bool:
        return has_boto3 or name != "boto3"

    monkeypatch.setattr("atpub.measuring.object_stores.has_package", is_there)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    for name in (*AWS_CREDENTIALS, "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    if has_key:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALAB")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    with serving(Refusing) as url:
        found = measure_shard(ShardTask(f"s3://{bucket}/d.tar", None, endpoint=Endpoint(None, url)))
    assert isinstance(found, FailedShard)
    text = f"{found.problem.message}; {found.problem.hint}"
    assert (found.problem.code, said in text) == (code, True), text
    assert not any(secret in text for secret in ("AKIALAB", "hunter2"))
    if bucket == "far-301" and has_boto3:
        assert "is not in the region us-west-2, but in eu-central-1; give `s3: {region: eu-central-1}`" in text


def test_an_account_of_azure_without_public_access(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(Refusing) as url:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "lab")
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", url)
        found = measure_shard(ShardTask("az://lab-409/d.tar", None))
    assert isinstance(found, FailedShard)
    assert found.problem.code == "shard-private"


@pytest.mark.parametrize(
    "url",
    ["gs://no-such-bucket-here/d-0.tar", "abfss://container@account.dfs.core.windows.net/d-0.tar", "hf://lab/d.tar"],
)
def test_a_store_that_cannot_be_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers at the proxy; whatever obstore says of that is the failure of the shard."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    outcome = measure_shard(ShardTask(url, None))
    assert isinstance(outcome, FailedShard)
    assert outcome.problem.code == ("unknown-store" if url.startswith("hf:") else "shard-unavailable")
    assert url in outcome.problem.message


def test_packages() -> None:
    assert has_package("obstore")
    assert not has_package("no_such_package")
    assert ObjectStore()
