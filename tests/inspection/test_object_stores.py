"""`atpub inspect` of S3 as moto offers it: the report of the file, from its first bytes, and what is not there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.playground import Ran
from tests.servers import new_bucket, serving_s3
from tests.shards.tars import Member, make_tar, samples_tar

from atpub.measuring.object_stores import has_package

BUCKET = "lab-shards"
Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serving_s3() as endpoint:
        yield endpoint


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the server, whose bucket is empty; endpoint and credentials are in the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    return new_bucket(endpoint, BUCKET, monkeypatch)


def is_missing(_: str) -> bool:
    return False


@pytest.mark.slow
def test_the_report_is_that_of_the_file(s3: Any, atpub: Run, tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"d-{number}.tar").write_bytes(samples_tar(150 + number))
        s3.put_object(Bucket=BUCKET, Key=f"a b/d-{number}.tar", Body=samples_tar(150 + number))
    options = ("--json", "--samples", "all")
    local, remote = (atpub("inspect", f"{prefix}d-{{0..1}}.tar", *options) for prefix in ("", f"s3://{BUCKET}/a b/"))
    assert (local.code, remote.code) == (0, 0)
    assert json.loads(remote.out.replace(f"s3://{BUCKET}/a b/", "")) == local.json


@pytest.mark.slow
def test_only_the_first_samples_are_received(s3: Any, atpub: Run) -> None:
    shard = make_tar([Member(f"{number}.bin", bytes(1 << 20)) for number in range(20)])
    s3.put_object(Bucket=BUCKET, Key="large.tar", Body=shard)
    (found,) = atpub("inspect", f"s3://{BUCKET}/large.tar", "--samples", "2", "--json").json["shards"]
    assert (found["samples"], found["looked_at"], found["bytes"]) == (None, 2, len(shard))


def test_what_is_not_there(s3: Any, atpub: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket=BUCKET, Key="empty.tar", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="text.tar", Body=b"text " * 200)
    names = {"none": "shard-missing", "empty": "tar-empty", "text": "not-a-tar"}
    ran = atpub("inspect", *(f"s3://{BUCKET}/{name}.tar" for name in names), "s3://no-bucket/d.tar", "--json")
    assert ran.code == 1
    codes = [shard["problems"][0]["code"] for shard in ran.json["shards"]]
    assert codes == [*names.values(), "shard-missing"]
    monkeypatch.setattr("atpub.measuring.object_stores.has_package", is_missing)
    ran = atpub("inspect", f"s3://{BUCKET}/none.tar", "gs://bucket/d.tar")
    assert ran.code == 1
    assert (ran.out, ran.err.count("extra-missing")) == ("", 2)
    assert "pip install 'atpub[stores]'" in ran.err
    assert has_package("obstore")
