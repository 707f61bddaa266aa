"""`atpub inspect` of URLs and of published datasets: the same report, from as few bytes as it takes."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.cli.playground import Ran, tree
from tests.pulling.servers import ShardServer, running
from tests.shards.tars import FORMATS, Member, make_tar

Run = Callable[..., Ran]
SHARD = make_tar([Member(f"{n:03}.{kind}", b"%d" % n) for n in range(250) for kind in ("cls", "txt")])
LARGE = make_tar([Member(f"{n:03}.bin", bytes(1 << 20)) for n in range(60)])


@pytest.fixture
def server() -> Iterator[ShardServer]:
    with running(ShardServer({"/d-0.tar": SHARD, "/d-1.tar": SHARD, "/large.tar": LARGE})) as made:
        yield made


def survey(ran: Ran, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = ran.json["shards"][number]
    return found


@pytest.mark.parametrize("format", FORMATS)
def test_the_report_of_a_url_is_that_of_the_file(folder: Path, atpub: Run, server: ShardServer, format: int) -> None:
    long = "n" * (90 if format == FORMATS[0] else 300)
    shard = make_tar(["a.txt", f"{long}.txt", "a.txt", Member("b.txt", b"1"), "b.JPG"], format)
    (folder / "d.tar").write_bytes(shard)
    server.files["/d.tar"] = shard
    before = tree(folder)
    local, remote = (
        survey(atpub("inspect", path, "--json", "--samples", "all")) for path in ("d.tar", f"{server.url}/d.tar")
    )
    text = json.dumps(remote).replace(f"{server.url}/", "")
    assert json.loads(text) == local
    assert tree(folder) == before


def test_only_the_first_samples_are_received(atpub: Run, server: ShardServer) -> None:
    ran = atpub("inspect", f"{server.url}/d-{{0..1}}.tar")
    assert ran.code == 0
    assert f"{server.url}/d-0.tar: samples not counted, 100 looked at" in ran.out
    found = survey(atpub("inspect", f"{server.url}/large.tar", "--samples", "2", "--json"))
    assert (found["samples"], found["looked_at"], found["bytes"]) == (None, 2, len(LARGE))
    found = survey(atpub("inspect", f"{server.url}/d-0.tar", "--samples", "all", "--json"))
    assert (found["samples"], found["looked_at"]) == (250, 250)


@pytest.mark.parametrize(
    ("content", "code", "text"),
    [
        (None, "shard-unreadable", "answers 404"),
        (b"<!doctype html><title>Sign in</title>" + bytes(600), "html-page", "HTML page"),
        (gzip.compress(SHARD), "tar-compressed", "gzip-compressed"),
        (b"text " * 200, "not-a-tar", "is not a tar archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs-pointer", "Git LFS pointer"),
        (b"", "tar-empty", "empty file"),
        (SHARD[:2000], "tar-damaged", "cut off or damaged"),
    ],
)
def test_what_is_no_shard(atpub: Run, server: ShardServer, content: bytes | None, code: str, text: str) -> None:
    if content is not None:
        server.files["/x.tar"] = content
    ran = atpub("inspect", f"{server.url}/x.tar", f"{server.url}/d-0.tar", "--json")
    assert ran.code == 1
    (problem,) = survey(ran)["problems"]
    assert problem["code"] == code
    assert text in problem["message"]
    assert survey(ran, 1)["problems"] == []


@pytest.mark.parametrize(
    ("url", "code", "text"),
    [
        ("ftp://bucket/d.tar", 64, "cannot be inspected"),
        ("file:///d.tar", 64, "cannot be inspected"),
        ("s3://bucket", 64, "names no shard"),
        ("http://127.0.0.1:1/", 64, "names no shard"),
        ("http://127.0.0.1:1/d.tar", 1, "cannot be read"),
        ("at://did:web:local.invalid/org.lab.note/a", 64, "is not the URI of a dataset"),
        ("at://", 64, "is not the at:// URI"),
    ],
)
def test_other_urls(atpub: Run, url: str, code: int, text: str) -> None:
    ran = atpub("inspect", url)
    assert ran.code == code
    assert text in ran.out + ran.err


def test_signatures_are_masked(atpub: Run, server: ShardServer) -> None:
    ran = atpub("inspect", f"{server.url}/none.tar?X-Amz-Signature={'a' * 64}")
    assert "aaaa" not in ran.out + ran.err


MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {s: {nsid: org.lab.s, version: 1.0.0, members: {cls: integer, txt: text}}}
datasets:
  files: {schema: s, blobs: d-*.tar}
  urls: {schema: s, urls: "URL/d-{0..1}.tar", checksums: d.sha256}
labels: {l: {name: l, dataset: files, version: 1.0.0}}
"""


def test_published_datasets(folder: Path, atpub: Run, server: ShardServer) -> None:
    for number in range(2):
        (folder / f"d-{number}.tar").write_bytes(SHARD)
    (folder / "d.sha256").write_text("".join(f"{sha256(SHARD).hexdigest()}  d-{n}.tar\n" for n in range(2)))
    (folder / "atpub.yaml").write_text(MANIFEST.replace("URL", server.url))
    done = atpub("apply", "--yes", "--json").out
    uris = sorted({text for text in done.split('"') if re.match("at://.*(entry|label)/", text)})
    assert len(uris) == 3
    for uri in uris:
        ran = atpub("inspect", uri, "--json", "--samples", "all")
        assert (ran.code, ran.json["all"]["samples"]) == (0, 500)
        assert atpub("inspect", uri, "--repository", ".atpub/local").code == 0
    assert atpub("inspect", uris[0], "--repository", "nowhere").code != 0
