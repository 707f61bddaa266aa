"""Saving and verifying shards in S3, as moto offers it: path-style URLs of the endpoint, and a line that is cut."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from tests.pulling.lines import CutLine
from tests.pulling.test_pull import ENTRY, NOW, SCHEMA, URI, statuses, write
from tests.servers import new_bucket, serving_s3

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri
from atpub.generated import LEXICONS
from atpub.pulling.entries import find_dataset, parse_dataset_uri
from atpub.pulling.partial import FOLDER
from atpub.pulling.run import PulledDataset, pull_dataset
from atpub.repository.local import LocalRepository
from atpub.verifying.batches import BatchReader
from atpub.verifying.model import Verification
from atpub.verifying.repositories import Repositories
from atpub.verifying.run import select_uris, verify_records

pytestmark = pytest.mark.slow

BUCKET = "lab-data"
CONTENT = os.urandom(3 << 20)
KEYS = {"train/d-0.tar": CONTENT, "train/d 1+%.tar": b"one"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serving_s3() as endpoint:
        yield endpoint


@pytest.fixture
def line(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CutLine]:
    """A line to a store with the shards."""
    with closing(new_bucket(endpoint, BUCKET, monkeypatch)) as client:
        for key, content in KEYS.items():
            client.put_object(Bucket=BUCKET, Key=key, Body=content, ChecksumAlgorithm="SHA256", ACL="public-read")
    with closing(CutLine(endpoint)) as made:
        yield made


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[LocalRepository]:
    with closing(LocalRepository(tmp_path / "repository")) as made:
        yield made


def publish(repository: LocalRepository, endpoint: str | None, *keys: str, digests: bool = True) -> None:
    shards: list[JsonObject] = [
        {
            "key": key,
            "checksum": {"algorithm": "sha256", "digest": sha256(KEYS[key] if digests else b"").hexdigest()},
        }
        for key in keys or KEYS
    ]
    place = {"endpoint": endpoint} if endpoint else {}
    storage = {"$type": "science.alt.dataset.storageS3", "bucket": BUCKET, **place, "shards": shards}
    write(repository, ENTRY, {"name": "x", "schemaRef": SCHEMA, "createdAt": NOW, "storage": storage})


def pull(repository: LocalRepository, out: Path) -> PulledDataset:
    return pull_dataset(find_dataset(parse_dataset_uri(URI), lambda _: repository), out)


def verify(repository: LocalRepository, *, deep: bool = False) -> Verification:
    repositories = Repositories(lambda _: repository)
    selection = select_uris([AtUri.parse(URI)], repositories)
    return verify_records(selection, LEXICONS.lexicons, repositories, BatchReader(), deep=deep)


def shard_codes(found: Verification) -> list[str]:
    return [item.code for item in found.findings if item.path[:1] == ("storage",)]


def test_shards_are_pulled(repository: LocalRepository, line: CutLine, tmp_path: Path) -> None:
    publish(repository, line.url)
    pulled = pull(repository, tmp_path / "out")
    assert statuses(pulled) == ["saved", "saved"], pulled.error
    assert [file.read_bytes() for file in pulled.files] == list(KEYS.values())
    assert statuses(pull(repository, tmp_path / "out")) == ["present", "present"]


def test_a_cut_line_is_continued(repository: LocalRepository, line: CutLine, tmp_path: Path) -> None:
    publish(repository, line.url, "train/d-0.tar")
    line.cuts = [1 << 20, 1 << 20]
    pulled = pull(repository, tmp_path / "out")
    assert (statuses(pulled), line.cuts) == (["saved"], []), pulled.error
    assert pulled.files[0].read_bytes() == CONTENT


def test_a_later_run_continues(repository: LocalRepository, line: CutLine, tmp_path: Path) -> None:
    publish(repository, line.url, "train/d-0.tar")
    line.cuts = [1 << 20] + [1] * 30
    assert statuses(pull(repository, tmp_path / "out")) == ["failed"]
    line.cuts = []
    (partial,) = [path for path in (tmp_path / "out" / FOLDER).iterdir() if path.name != "lock"]
    begun = partial.stat().st_size
    (item,) = pull(repository, tmp_path / "out").shards
    assert (item.status, item.continued) == ("saved", begun)
    assert 0 < begun < len(CONTENT)
    assert item.file.read_bytes() == CONTENT


def test_without_an_endpoint_the_environment_has_one(
    repository: LocalRepository, line: CutLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is cut is continued, by obstore or else by atpub."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", line.url)
    publish(repository, None)
    line.cuts = [1 << 20, 1 << 20]
    pulled = pull(repository, tmp_path / "out")
    assert statuses(pulled) == ["saved", "saved"], pulled.error
    assert [file.read_bytes() for file in pulled.files] == list(KEYS.values())
    assert shard_codes(verify(repository)) == []


def test_shards_are_verified(repository: LocalRepository, line: CutLine) -> None:
    publish(repository, line.url)
    assert shard_codes(verify(repository)) == []
    assert shard_codes(verify(repository, deep=True)) == ["not-a-tar", "not-a-tar"]


def test_the_digests_that_the_store_states_are_compared(repository: LocalRepository, line: CutLine) -> None:
    publish(repository, line.url, digests=False)
    found = verify(repository)
    assert shard_codes(found) == ["shard-checksum", "shard-checksum"]
    assert found.size == 0
