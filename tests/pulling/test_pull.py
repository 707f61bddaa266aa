"""Saving shards: from a real server that resets, ignores ranges and lies, and into folders that hold something."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock
from tests.pulling.servers import ShardServer, running

from atpub.atproto.syntax import AtUri
from atpub.errors import Busy, FileConflict, OSFailure, OversizedResponse, RecordNotFound, Unavailable, Usage
from atpub.progress import Advanced, Completed, Ended, Failed, Progress, Started
from atpub.pulling.entries import find_dataset, parse_dataset_uri
from atpub.pulling.partial import FOLDER
from atpub.pulling.run import PulledDataset, PulledShard, pull_dataset
from atpub.repository.local import LocalRepository
from atpub.repository.model import Create

pytestmark = pytest.mark.slow

ENTRY = "science.alt.dataset.entry"
LABEL = "science.alt.dataset.label"
SCHEMA = "at://did:web:local.invalid/science.alt.dataset.schema/org.lab.image:1.0.0"
NOW = "2024-01-01T00:00:00.000Z"
CONTENT = os.urandom(3 << 20)
HALF = len(CONTENT) // 2
URI = f"at://did:web:local.invalid/{ENTRY}/3jzfcijpj2z2a"


@pytest.fixture
def server() -> Iterator[ShardServer]:
    with running(ShardServer({"/d-0.tar": CONTENT, "/d-1.tar": b"one"})) as made:
        yield made


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[LocalRepository]:
    with closing(LocalRepository(tmp_path / "repository")) as made:
        yield made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def write(repository: LocalRepository, collection: str, value: dict[str, Any], rkey: str = "3jzfcijpj2z2a") -> None:
    path = AtUri.parse(f"at://did:web:local.invalid/{collection}/{rkey}").path
    assert path is not None
    head = repository.head()
    repository.apply_writes([Create(path, {"$type": collection, **value})], head.cid if head else None)


def entry_of(urls: Sequence[str], digests: Sequence[str | None], **more: Any) -> dict[str, Any]:
    shards = [
        {"url": url, "checksum": {"algorithm": "sha256" if digest else "none", "digest": digest or ""}}
        for url, digest in zip(urls, digests, strict=True)
    ]
    storage = {"$type": "science.alt.dataset.storageHttp", "shards": shards}
    return {"name": "x", "schemaRef": SCHEMA, "createdAt": NOW, "storage": storage, **more}


def publish(repository: LocalRepository, server: ShardServer, *names: str, checksums: bool = True, **more: Any) -> None:
    digests = [sha256(server.files.get(f"/{name}", b"")).hexdigest() if checksums else None for name in names]
    write(repository, ENTRY, entry_of([f"{server.url}/{name}" for name in names], digests, **more))


def pull(repository: LocalRepository, out: Path, **options: Any) -> PulledDataset:
    return pull_dataset(find_dataset(parse_dataset_uri(URI), lambda _: repository), out, **options)


def statuses(pulled: PulledDataset) -> list[str]:
    return [item.status for item in pulled.shards]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_shards_are_saved_and_kept(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    publish(repository, server, "d-0.tar", "d-1.tar")
    told: list[str] = []

    def tell(item: PulledShard) -> None:
        told.append(item.file.name)

    first = pull(repository, out, on_shard=tell)
    assert (statuses(first), told) == (["saved", "saved"], ["d-0.tar", "d-1.tar"])
    assert (out / "d-0.tar").read_bytes() == CONTENT
    assert names(out) == ["d-0.tar", "d-1.tar"]
    server.requests.clear()
    assert statuses(pull(repository, out)) == ["present", "present"]
    assert server.requests == []


def test_what_a_reset_left_is_continued(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    publish(repository, server, "d-0.tar")
    server.breaks = [HALF, 1 << 20]
    assert statuses(pull(repository, out)) == ["saved"]
    assert (out / "d-0.tar").read_bytes() == CONTENT
    asked = [wanted for _, wanted in server.requests]
    assert asked[0] is None
    assert len(asked) == 3
    assert all(wanted is not None and wanted.startswith("bytes=") for wanted in asked[1:])


def test_what_an_earlier_run_left_is_continued(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    publish(repository, server, "d-0.tar")
    server.breaks = [HALF, 0, 0, 0]
    failed = pull(repository, out)
    assert statuses(failed) == ["failed"]
    assert isinstance(failed.error, Unavailable)
    assert names(out) == [FOLDER]
    (partial,) = [path for path in (out / FOLDER).iterdir() if path.name != "lock"]
    begun = partial.stat().st_size
    assert 0 < begun <= HALF
    server.requests.clear()
    (item,) = pull(repository, out).shards
    assert (item.status, item.continued) == ("saved", begun)
    assert server.requests == [("/d-0.tar", f"bytes={begun}-")]
    assert (out / "d-0.tar").read_bytes() == CONTENT
    assert names(out) == ["d-0.tar"]


@pytest.mark.parametrize("content_range", ["bytes 5-9/10", "lines 1-2/3", "bytes */*"])
@pytest.mark.parametrize("has_ranges", [False, True])
def test_without_ranges_it_starts_anew(
    repository: LocalRepository, server: ShardServer, out: Path, has_ranges: bool, content_range: str
) -> None:
    publish(repository, server, "d-0.tar")
    server.has_ranges, server.content_range = has_ranges, content_range
    server.breaks = [HALF]
    if has_ranges:
        server.breaks += [0]  # the answer with the wrong range is dropped unread
    mark = sha256(CONTENT).hexdigest()[:32]
    (out / FOLDER).mkdir(parents=True)
    (out / FOLDER / f"{mark}.d-0.tar").write_bytes(CONTENT[:HALF])
    (item,) = pull(repository, out).shards
    assert (item.status, item.continued) == ("saved", 0)
    assert (out / "d-0.tar").read_bytes() == CONTENT


@pytest.mark.parametrize("rest", [b"", b"other bytes"], ids=["too long", "other bytes"])
def test_a_part_of_something_else_is_dropped(
    repository: LocalRepository, server: ShardServer, out: Path, rest: bytes
) -> None:
    publish(repository, server, "d-0.tar")
    mark = sha256(CONTENT).hexdigest()[:32]
    (out / FOLDER).mkdir(parents=True)
    (out / FOLDER / f"{mark}.d-0.tar").write_bytes(rest or CONTENT + b"more")
    assert statuses(pull(repository, out)) == ["saved"]
    assert (out / "d-0.tar").read_bytes() == CONTENT


def test_a_whole_part_takes_no_request(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    publish(repository, server, "d-0.tar")
    mark = sha256(CONTENT).hexdigest()[:32]
    (out / FOLDER).mkdir(parents=True)
    (out / FOLDER / f"{mark}.d-0.tar").write_bytes(CONTENT)
    assert statuses(pull(repository, out)) == ["saved"]
    assert server.requests == []


def test_wrong_bytes_get_no_name(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    publish(repository, server, "d-0.tar", "d-1.tar")
    server.files["/d-0.tar"] = CONTENT[:-1] + b"!"
    pulled = pull(repository, out)
    assert statuses(pulled) == ["failed", "saved"]  # one that fails leaves the others alone
    assert "d-0.tar is not what its checksum says" in str(pulled.error)
    assert names(out) == ["d-1.tar"]
    assert [path for path, _ in server.requests].count("/d-0.tar") == 1


@pytest.mark.parametrize("length", [len(CONTENT) + 5, len(CONTENT) - 5])
def test_a_wrong_length(repository: LocalRepository, server: ShardServer, out: Path, length: int) -> None:
    publish(repository, server, "d-0.tar", checksums=length < len(CONTENT))
    server.length = length
    pulled = pull(repository, out)
    assert statuses(pulled) == ["failed"]
    assert isinstance(pulled.error, Unavailable)
    assert names(out) == []


def test_a_length_beyond_the_bytes_that_the_checksum_proves(
    repository: LocalRepository, server: ShardServer, out: Path
) -> None:
    publish(repository, server, "d-0.tar")
    server.length = len(CONTENT) + 5
    assert statuses(pull(repository, out)) == ["saved"]  # it breaks off, but is whole


def test_statuses(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    publish(repository, server, "d-1.tar")
    server.states = [503, 429]
    assert statuses(pull(repository, out)) == ["saved"]
    del server.files["/d-1.tar"]
    (out / "d-1.tar").unlink()
    server.requests.clear()
    pulled = pull(repository, out)
    assert "d-1.tar answers 404" in str(pulled.error)
    assert len(server.requests) == 1


def test_progress_of_shards_continued_kept_and_failed(
    repository: LocalRepository, server: ShardServer, out: Path
) -> None:
    publish(repository, server, "d-0.tar", "d-1.tar", "gone.tar")
    left = out / FOLDER / f"{sha256(CONTENT).hexdigest()[:32]}.d-0.tar"
    left.parent.mkdir(parents=True)
    left.write_bytes(CONTENT[:HALF])
    (out / "d-1.tar").write_bytes(b"one")
    sent: list[Progress] = []
    pull(repository, out, on_progress=sent.append)
    assert (sent[0], sent[-1]) == (Started("download", 3), Ended("download"))
    moved = [item for item in sent if isinstance(item, Advanced)]
    assert {(item.file, item.size, item.known) for item in moved} == {("d-0.tar", len(CONTENT), HALF)}
    assert HALF < moved[0].done < moved[-1].done == len(CONTENT)
    assert {item for item in sent if isinstance(item, Completed | Failed)} == {
        Completed("download", "d-0.tar", len(CONTENT)),
        Completed("download", "d-1.tar", 3, is_known=True),
        Failed("download", "gone.tar"),
    }


def test_many_failures_end_it(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    publish(repository, server, *(f"lost-{number}.tar" for number in range(200)))
    found = statuses(pull(repository, out))
    assert 10 <= found.count("failed") <= 13  # three others are on their way
    assert found.count("skipped") == 200 - found.count("failed")


@pytest.mark.parametrize("checksums", [True, False])
def test_another_file_is_never_replaced(
    repository: LocalRepository, server: ShardServer, out: Path, checksums: bool
) -> None:
    publish(repository, server, "d-0.tar", "d-1.tar", "d-2.tar", checksums=checksums)
    out.mkdir()
    (out / "d-0.tar").write_bytes(b"mine")
    (out / "d-1.tar").mkdir()
    (out / "d-2.tar").symlink_to("nowhere")
    server.files["/d-2.tar"] = b"two"
    pulled = pull(repository, out)
    assert statuses(pulled) == ["failed"] * 3
    assert {type(item.error) for item in pulled.shards} == {FileConflict}
    assert (out / "d-0.tar").read_bytes() == b"mine"
    assert names(out) == ["d-0.tar", "d-1.tar", "d-2.tar"]


def test_a_file_that_appears_meanwhile_is_not_replaced(
    repository: LocalRepository, server: ShardServer, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(repository, server, "d-1.tar")
    fsync = os.fsync

    def sync(descriptor: int) -> None:
        (out / "d-1.tar").write_bytes(b"mine")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    assert statuses(pull(repository, out)) == ["failed"]
    assert (out / "d-1.tar").read_bytes() == b"mine"


def test_without_checksums(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    publish(repository, server, "d-0.tar", checksums=False)
    server.breaks = [HALF]
    assert statuses(pull(repository, out)) == ["saved"]
    assert [wanted for _, wanted in server.requests] == [None, None]  # nothing proves that the parts fit
    assert (out / "d-0.tar").read_bytes() == CONTENT
    assert statuses(pull(repository, out)) == ["present"]  # by its size


@pytest.mark.parametrize("length", [None, 0], ids=["stated", "unknown"])
def test_the_bytes_in_all_are_limited(
    repository: LocalRepository, server: ShardServer, out: Path, length: int | None
) -> None:
    publish(repository, server, "d-0.tar", size={"bytes": 1000})
    server.length = length
    pulled = pull(repository, out)
    assert isinstance(pulled.error, OversizedResponse)
    assert "more than 1,000 bytes in all" in str(pulled.error)
    assert names(out) == []
    assert statuses(pull(repository, out, max_bytes=len(CONTENT))) == ["saved"]
    with pytest.raises(Usage, match="0 is no number of bytes"):
        pull(repository, out, max_bytes=0)


def test_a_full_disk_is_noticed_first(
    repository: LocalRepository, server: ShardServer, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(repository, server, "d-0.tar")

    def disk_usage(_: Path) -> SimpleNamespace:
        return SimpleNamespace(free=10)

    monkeypatch.setattr("shutil.disk_usage", disk_usage)
    pulled = pull(repository, out)
    assert isinstance(pulled.error, OSFailure)
    assert names(out) == []


def test_one_process_at_a_time(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    publish(repository, server, "d-1.tar")
    (out / FOLDER).mkdir(parents=True)
    with FileLock(out / FOLDER / "lock"), pytest.raises(Busy, match="another process writes to"):
        pull(repository, out)
    assert statuses(pull(repository, out)) == ["saved"]


def test_symlinks_are_not_followed(repository: LocalRepository, server: ShardServer, out: Path, tmp_path: Path) -> None:
    publish(repository, server, "d-1.tar")
    out.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (out / FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileConflict, match="is a symlink"):
        pull(repository, out)
    (out / FOLDER).unlink()
    (out / FOLDER).mkdir()
    target = tmp_path / "precious"
    target.write_bytes(b"precious")
    (out / FOLDER / f"{sha256(b'one').hexdigest()[:32]}.d-1.tar").symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        pull(repository, out)
    assert target.read_bytes() == b"precious"


@pytest.mark.parametrize(
    "paths",
    [
        ("..%2F..%2Fevil.tar", "ok.tar"),
        ("%2e%2e", "ok.tar"),
        (".bashrc", "ok.tar"),
        ("a%00.tar", "ok.tar"),
        ("a%5C..%5Cb.tar", "ok.tar"),
        ("a%0Ab.tar", "ok.tar"),
        ("%E2%80%AEa.tar", "ok.tar"),
        ("content?file=1", "content?file=2"),
        ("A.tar", "a.tar"),
        ("nul.tar", "ok.tar"),
        ("C:x.tar", "ok.tar"),
        ("x" * 300, "ok.tar"),
        ("", "ok.tar"),
    ],
)
def test_names_of_others_never_leave_the_folder(
    repository: LocalRepository, server: ShardServer, out: Path, paths: tuple[str, str], tmp_path: Path
) -> None:
    server.files = {f"/d/{path}": path.encode() for path in paths}
    publish(repository, server, *(f"d/{path}" for path in paths))
    before = names(tmp_path)
    assert statuses(pull(repository, out)) == ["saved", "saved"]
    assert names(out) == ["3jzfcijpj2z2a-000000.tar", "3jzfcijpj2z2a-000001.tar"]
    assert names(tmp_path) == sorted([*before, "out"])


def test_plain_names_are_kept(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    paths = ("cats%20and-dogs_0.tar", "Katzen-%C3%A4.tar.gz", "x")
    server.files = {f"/{path}": b"1" for path in paths}
    publish(repository, server, *paths)
    pull(repository, out)
    assert names(out) == ["Katzen-ä.tar.gz", "cats and-dogs_0.tar", "x"]


def test_a_key_as_a_name(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    value = entry_of([f"{server.url}/?a", f"{server.url}/?b"], [sha256(b"1").hexdigest()] * 2)
    server.files = {"/?a": b"1", "/?b": b"1"}
    write(repository, ENTRY, value, "..:~key")
    dataset = find_dataset(parse_dataset_uri(f"at://did:web:local.invalid/{ENTRY}/..:~key"), lambda _: repository)
    assert pull_dataset(dataset, out).error is None
    assert names(out) == ["_key-000000.tar", "_key-000001.tar"]


def test_labels_and_other_uris(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    publish(repository, server, "d-1.tar")
    write(repository, LABEL, {"name": "x", "datasetUri": URI, "createdAt": NOW})
    found = find_dataset(parse_dataset_uri(URI.replace(ENTRY, LABEL)), lambda _: repository)
    assert str(found.uri) == URI
    for text in ("https://a.test", "at://did:web:local.invalid", SCHEMA):
        with pytest.raises(Usage):
            find_dataset(parse_dataset_uri(text), lambda _: repository)
    with pytest.raises(RecordNotFound):
        find_dataset(parse_dataset_uri(f"{URI[:-1]}b"), lambda _: repository)


@pytest.mark.parametrize("url", ["hdfs://bucket/x.tar", "file:///etc/passwd", "pipe:cat x"])
def test_what_no_store_offers_is_refused_first(repository: LocalRepository, url: str) -> None:
    write(repository, ENTRY, {**entry_of([], []), "storage": {
        "$type": "science.alt.dataset.storageExternal", "urls": [url]}})  # fmt: skip
    with pytest.raises(Usage, match=f"^{url[:4]}"):
        find_dataset(parse_dataset_uri(URI), lambda _: repository)


@pytest.mark.parametrize("url", ["gs://bucket/x.tar", "az://box/x.tar", "s3://bucket/x.tar"])
def test_an_object_store_takes_a_package(
    repository: LocalRepository, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr("atpub.measuring.object_stores.has_package", {"obstore": False}.get)
    write(repository, ENTRY, {**entry_of([], []), "storage": {
        "$type": "science.alt.dataset.storageExternal", "urls": [url]}})  # fmt: skip
    with pytest.raises(Usage) as raised:
        find_dataset(parse_dataset_uri(URI), lambda _: repository)
    assert raised.value.message == f"{url} cannot be read without the package obstore"
    assert raised.value.hint == "pip install 'atpub[stores]'"


@pytest.mark.parametrize("content", [b"", b"x"])
def test_small_shards(repository: LocalRepository, server: ShardServer, out: Path, content: bytes) -> None:
    server.files["/d-1.tar"] = content
    publish(repository, server, "d-1.tar")
    assert statuses(pull(repository, out)) == ["saved"]
    assert (out / "d-1.tar").read_bytes() == content


def with_mirrors(*urls: str) -> dict[str, Any]:
    return {"contentMetadata": {"dev.atpub.mirrors": {"urls": list(urls)}}}


def test_mirrors_are_tried_in_order(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    good = server.files["/d-1.tar"]
    server.files |= {"/wrong/d-1.tar": good[:-1] + b"?", "/good/d-1.tar": good}
    folders = [f"{server.url}/{name}" for name in ("none/", "wrong", "good/", "never/")]
    publish(repository, server, "d-1.tar", **with_mirrors(*folders))
    del server.files["/d-1.tar"]
    pulled = pull(repository, out, max_bytes=len(good))
    assert statuses(pulled) == ["saved"], pulled.error
    assert (out / "d-1.tar").read_bytes() == good
    assert [path for path, _ in server.requests] == [f"{name}/d-1.tar" for name in ("", "/none", "/wrong", "/good")]


def test_a_mirror_continues_what_broke_off(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    good = server.files["/mirror/d-0.tar"] = server.files["/d-0.tar"]
    publish(repository, server, "d-0.tar", **with_mirrors(f"{server.url}/mirror"))
    server.breaks = [len(good) // 2, 0]
    pulled = pull(repository, out, max_bytes=len(good))
    assert statuses(pulled) == ["saved"], pulled.error
    assert (out / "d-0.tar").read_bytes() == good
    path, wanted = server.requests[-1]
    assert (path, wanted is not None) == ("/mirror/d-0.tar", True)


def test_no_mirror_has_it(repository: LocalRepository, server: ShardServer, out: Path) -> None:
    publish(repository, server, "gone.tar", **with_mirrors(f"{server.url}/a", "hdfs://b/c"))
    (item,) = pull(repository, out).shards
    assert isinstance(item.error, Unavailable)
    gone, url = f"{server.url}/gone.tar answers 404", f"{server.url}/a/gone.tar answers 404"
    store = "hdfs://b/c/gone.tar is in no store that atpub can read"
    assert item.error.message == f"{gone}; of its mirrors, {url}; {store}"


@pytest.mark.parametrize("url", ["http://xn--/d-0.tar", "http://[/d-0.tar"])
def test_a_malformed_url_is_a_failure(repository: LocalRepository, out: Path, url: str) -> None:
    write(repository, ENTRY, entry_of([url], [None]))
    failed = pull(repository, out)
    assert statuses(failed) == ["failed"]
    assert isinstance(failed.error, Unavailable)
