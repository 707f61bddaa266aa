"""What the lock says stands in for what is not there, and is held against what is."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from tests.shards.tars import samples_tar

from atpub.atproto.data import cid_of
from atpub.atproto.syntax import Did
from atpub.engine.desired.build import build_desired
from atpub.engine.desired.model import Desired
from atpub.manifest.load import load_manifest
from atpub.manifest.model import Address, Manifest
from atpub.problems import Problem
from atpub.shards.facts import Facts, LocalShards, gather
from atpub.shards.lock import Lock, LockedFile, dump_lock, parse_lock
from atpub.text.source import Source

DID = Did("did:web:lab.example")
URL = "https://cdn.example.org/cats-{0..2}.tar"
URLS = [f"https://cdn.example.org/cats-{number}.tar" for number in range(3)]
MANIFEST = f"""\
atpub: 1
project: lab
schemas:
  image: {{nsid: org.lab.image, version: 1.0.0, fields: {{label: integer}}}}
datasets:
  digits:
    schema: image
    blobs: data/digits-*.tar
  cats:
    schema: image
    urls: "{URL}"
    checksums: cats.sha256
  dogs:
    schema: image
    urls: https://cdn.example.org/dogs.tar
    checksums: {{dogs.tar: {"d" * 64}}}
lexicons: {{path: lexicons/}}
records:
  card:
    collection: org.lab.card
    value: {{text: {{$blob: card.txt}}, shard: {{$blob: data/digits-0.tar}}}}
"""
CARD = """{"lexicon": 1, "id": "org.lab.card", "defs": {"main": {"type": "record", "key": "any", "record":
  {"type": "object", "properties": {"text": {"type": "blob"}, "shard": {"type": "blob"}}}}}}"""
BLOBS, CHECKSUMS, TEXT = 8, 12, 21
"""The lines of the manifest where these stand."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "atpub.yaml").write_text(MANIFEST, "utf-8")
    (tmp_path / "lexicons").mkdir()
    (tmp_path / "lexicons/card.json").write_text(CARD, "utf-8")
    (tmp_path / "data").mkdir()
    for number in range(4):
        (tmp_path / f"data/digits-{number}.tar").write_bytes(samples_tar(number + 1))
    (tmp_path / "card.txt").write_text("a card", "utf-8")
    (tmp_path / "cats.sha256").write_text("".join(f"{n}{'a' * 63}  cats-{n}.tar\n" for n in range(3)), "utf-8")
    return tmp_path


def manifest(folder: Path) -> Manifest:
    return load_manifest([folder / "atpub.yaml"], environ={})


def facts(folder: Path, lock: Lock | None = None, *, locked: bool = False) -> Facts:
    return gather(manifest(folder), lock=lock, locked=locked)


@pytest.fixture
def lock(folder: Path) -> Lock:
    """The lock of the folder as it is, written and read again."""
    return parse_lock(Source("atpub.lock", dump_lock(facts(folder).lock)))


def desired(folder: Path, found: Facts) -> tuple[Desired, ...]:
    return build_desired(manifest(folder), found, DID)[0]


def remove_data(folder: Path) -> None:
    shutil.rmtree(folder / "data")
    (folder / "card.txt").unlink(missing_ok=True)
    (folder / "cats.sha256").unlink()


def told(found: Facts) -> list[tuple[str, str, int]]:
    """Severity, code and line of each problem."""
    return [(item.severity, item.code, item.place.line if item.place else -1) for item in found.problems]


def only(found: Facts) -> Problem:
    (problem,) = found.problems
    return problem


def test_a_lock_has_what_the_records_are_made_of(folder: Path, lock: Lock) -> None:
    tars = {f"data/digits-{n}.tar": LockedFile(*_measured(folder / f"data/digits-{n}.tar"), n + 1) for n in range(4)}
    assert lock.files == {**tars, "card.txt": LockedFile(*_measured(folder / "card.txt"))}
    assert lock.urls == {url: f"{number}{'a' * 63}" for number, url in enumerate(URLS)}


def _measured(path: Path) -> tuple[int, str]:
    content = path.read_bytes()
    return len(content), hashlib.sha256(content).hexdigest()


def test_without_any_data_the_records_are_the_same(folder: Path, lock: Lock) -> None:
    here = facts(folder, lock, locked=True)
    before = desired(folder, here)
    remove_data(folder)
    gone = facts(folder, lock, locked=True)
    assert (here.problems, gone.problems) == ((), ())
    assert desired(folder, gone) == before
    assert [cid_of(item.value) for item in desired(folder, gone)] == [cid_of(item.value) for item in before]
    assert gone.lock == here.lock == lock
    assert (gone.shards, gone.files) == (here.shards, here.files)


def test_the_bytes_are_where_the_files_are(folder: Path, lock: Lock) -> None:
    everything = facts(folder, lock).sources
    assert {source.path.name for source in everything.values()} == {*(f"digits-{n}.tar" for n in range(4)), "card.txt"}
    (folder / "data/digits-1.tar").unlink()
    (folder / "card.txt").unlink()
    found = facts(folder, lock)
    assert found.absent == {folder / "data/digits-1.tar", folder / "card.txt"}
    assert {source.path.name for source in found.sources.values()} == {f"digits-{n}.tar" for n in (0, 2, 3)}
    assert [path.name for path, _ in _shards(found)] == [f"digits-{n}.tar" for n in range(4)]
    remove_data(folder)
    assert facts(folder, lock).sources == {}


def _shards(found: Facts) -> tuple[tuple[Path, object], ...]:
    shards = found.shards[Address("datasets", "digits")]
    assert isinstance(shards, LocalShards)
    return shards.files


def test_bytes_that_are_elsewhere_too_are_not_missing(folder: Path) -> None:
    shutil.copy(folder / "data/digits-0.tar", folder / "data/digits-9.tar")
    lock = facts(folder).lock
    (folder / "data/digits-0.tar").unlink()
    found = facts(folder, lock)
    assert found.sources[_cid(found, "digits-0.tar")].path == folder / "data/digits-9.tar"


def _cid(found: Facts, name: str) -> str:
    return next(facts.cid for path, facts in found.files.values() if path.name == name)


def test_what_is_there_counts_and_is_compared(folder: Path, lock: Lock) -> None:
    (folder / "data/digits-1.tar").write_bytes(samples_tar(7))
    (folder / "card.txt").write_text("another card", "utf-8")
    (folder / "cats.sha256").write_text("".join(f"{'b' * 64}  cats-{n}.tar\n" for n in range(3)), "utf-8")
    places = [("lock-differs", BLOBS), ("lock-differs", CHECKSUMS), ("lock-differs", TEXT)]
    found = facts(folder, lock)
    assert told(found) == [("warning", *place) for place in places]
    assert [item.message for item in found.problems] == [
        "other data than in atpub.lock: data/digits-1.tar",
        f"other checksums than in atpub.lock: {', '.join(URLS)}",
        "other data than in atpub.lock: card.txt",
    ]
    assert all("run `atpub lock`" in item.hint for item in found.problems)
    assert found.lock == facts(folder).lock
    assert told(facts(folder, lock, locked=True)) == [("error", *place) for place in places]
    assert facts(folder, found.lock, locked=True).problems == ()


def test_new_data_is_news_only_where_all_must_be_locked(folder: Path, lock: Lock) -> None:
    for number in range(4, 14):
        (folder / f"data/digits-{number}.tar").write_bytes(samples_tar(1))
    assert facts(folder, lock).problems == ()
    problem = only(facts(folder, lock, locked=True))
    assert problem.code == "not-locked"
    names = ", ".join(f"data/digits-{number}.tar" for number in (10, 11, 12, 13, 4))
    assert problem.message == f"not in atpub.lock: {names} and 5 more"
    partial = Lock({}, {URLS[0]: lock.urls[URLS[0]]})
    assert told(facts(folder, partial, locked=True)) == [
        ("error", "not-locked", BLOBS),
        ("error", "not-locked", CHECKSUMS),
        ("error", "not-locked", TEXT),
        ("error", "not-locked", TEXT),
    ]
    assert facts(folder, partial, locked=True).problems[1].message == f"not in atpub.lock: {URLS[1]}, {URLS[2]}"


def test_locked_without_a_lock(folder: Path) -> None:
    problem = only(facts(folder, None, locked=True))
    assert (problem.code, str(problem.place)) == ("no-lock", str(folder / "atpub.lock"))
    (folder / "atpub.yaml").write_text("atpub: 1\nproject: lab\n", "utf-8")
    assert facts(folder, None, locked=True).problems == ()


def test_what_is_neither_here_nor_locked(folder: Path, lock: Lock) -> None:
    remove_data(folder)
    nothing = [("error", "no-match", BLOBS), ("error", "file-missing", TEXT), ("error", "file-missing", TEXT)]
    nothing.append(("error", "file-missing", CHECKSUMS))
    for known in (None, Lock()):
        found = facts(folder, known)
        assert sorted(told(found)) == sorted(nothing)
        assert all("run `atpub lock`" in item.hint for item in found.problems)
    partial = Lock(lock.files, {URLS[0]: lock.urls[URLS[0]]})
    problem = only(facts(folder, partial))
    assert (problem.code, problem.place and problem.place.line) == ("file-missing", CHECKSUMS)
    assert (
        problem.message == f"cats.sha256 is not here, and atpub.lock does not have the checksum of {URLS[1]}, {URLS[2]}"
    )


def test_a_checksum_file_that_is_there_and_wrong_is_not_replaced(folder: Path, lock: Lock) -> None:
    (folder / "cats.sha256").write_text("what?", "utf-8")
    assert "checksum-line" in {problem.code for problem in facts(folder, lock).problems}


def test_a_shard_that_was_locked_as_a_plain_file_needs_its_samples(folder: Path, lock: Lock) -> None:
    card = "".join(MANIFEST.partition("lexicons:")[1:])
    (folder / "atpub.yaml").write_text(f"atpub: 1\nproject: lab\n{card}", "utf-8")
    plain = facts(folder).lock
    assert plain.files["data/digits-0.tar"].samples is None
    (folder / "atpub.yaml").write_text(MANIFEST, "utf-8")
    assert "other data than in atpub.lock: data/digits-0.tar" in {
        item.message for item in facts(folder, plain).problems
    }
    (folder / "data/digits-0.tar").unlink()
    problem = only(facts(folder, plain))
    assert (problem.code, problem.place and problem.place.line) == ("file-missing", BLOBS)
    assert problem.message == "data/digits-0.tar is not here, and atpub.lock has it without its samples"
    # The other way round, nothing is missing: a shard's lock is enough for a plain file.
    (folder / "atpub.yaml").write_text(f"atpub: 1\nproject: lab\n{card}", "utf-8")
    assert facts(folder, lock, locked=True).problems == ()
    assert facts(folder, lock).files["data/digits-0.tar"][1].samples is None


def test_two_checksums_of_one_url_cannot_both_be_right(folder: Path) -> None:
    more = f'  more: {{schema: image, urls: "{URL}", checksums: more.sha256}}\n'
    (folder / "atpub.yaml").write_text(MANIFEST.replace("  dogs:\n", f"{more}  dogs:\n"), "utf-8")
    (folder / "more.sha256").write_text((folder / "cats.sha256").read_text("utf-8"), "utf-8")
    assert facts(folder).problems == ()
    (folder / "more.sha256").write_text("".join(f"{'b' * 64}  cats-{n}.tar\n" for n in range(3)), "utf-8")
    problem = only(facts(folder))
    assert problem.code == "checksum-conflict"
    assert problem.message == f"another checksum than in another dataset: {', '.join(URLS)}"


def test_only_what_the_manifest_names_is_in_its_lock(folder: Path, lock: Lock) -> None:
    more = Lock(
        {**lock.files, "data/other.tar": LockedFile(1, "a" * 64, 1)}, {**lock.urls, "https://x.org/x": "a" * 64}
    )
    assert facts(folder, more, locked=True).lock == lock
    remove_data(folder)
    assert facts(folder, more, locked=True).lock == lock
