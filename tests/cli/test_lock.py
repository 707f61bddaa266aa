"""`atpub lock`, and every command where the data is not: what the lock is for."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.playground import Ran, tree, write_files

Atpub = Callable[..., Ran]

MANIFEST = """\
atpub: 1
project: lab
account: local
schemas:
  image: {nsid: org.lab.image, version: 1.0.0, fields: {label: integer}}
datasets:
  digits:
    schema: image
    blobs: data/**/digits-*.tar
  cats:
    schema: image
    urls: "https://cdn.lab.example/cats-{0..1}.tar"
    checksums: sums/cats.sha256
"""
BLOBS, CHECKSUMS = (9, 12), (13, 16)
"""Line and column in the manifest."""
SHARDS = ("data/digits-0.tar", "data/digits-1.tar", "data/more/digits-2.tar")


@pytest.fixture
def folder(folder: Path) -> Path:
    """A project with shards in two folders, and a checksum file."""
    write_files(folder, {name: {"tar": count} for count, name in enumerate(SHARDS, 1)})
    sums = "".join(f"{str(number) * 64}  cats-{number}.tar\n" for number in range(2))
    write_files(folder, {"atpub.yaml": MANIFEST, "sums/cats.sha256": sums})
    return folder


@pytest.fixture
def lock(folder: Path, atpub: Atpub) -> Path:
    """The project's lock, which is written."""
    assert atpub("lock").code == 0
    return folder / "atpub.lock"


def remove_data(folder: Path) -> None:
    shutil.rmtree(folder / "data")
    shutil.rmtree(folder / "sums")


def change(folder: Path, old: str, new: str, name: str = "atpub.yaml") -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


def planned(atpub: Atpub, *args: str) -> object:
    """What a plan says of records and uploads, but for times."""
    ran = atpub("plan", "--json", *args)
    assert (ran.code, ran.err) == (0, "")
    times = ("after_cid", "value")
    changes = [{key: value for key, value in item.items() if key not in times} for item in ran.json["changes"]]
    return ran.json["digest"], changes, ran.json["uploads"]


def codes(ran: Ran) -> list[tuple[str, str, tuple[int, int]]]:
    """Severity, code and place of each problem of an error in JSON."""
    found = ran.json["error"]["problems"]
    return [(item["severity"], item["code"], (item["line"], item["column"])) for item in found]


def test_lock_writes_one_file_and_says_what_changed(folder: Path, atpub: Atpub) -> None:
    before = tree(folder)
    ran = atpub("lock")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "atpub.lock: 3 files, 2 URLs; 5 added, 0 changed, 0 removed.\n"
    assert tree(folder).keys() - before.keys() == {"atpub.lock"}
    lines = (folder / "atpub.lock").read_text().splitlines()
    assert lines[0] == '{"atpub.lock": 1}'
    starts = [*(f'{{"file": "{name}", "size": ' for name in SHARDS), '{"url": "https://cdn', '{"url": "https://cdn']
    assert all(line.startswith(start) for line, start in zip(lines[1:], starts, strict=True))


def test_lock_again_touches_nothing(folder: Path, lock: Path, atpub: Atpub) -> None:
    before = lock.stat()
    assert atpub("lock").out == "atpub.lock: 3 files, 2 URLs, all up to date.\n"
    remove_data(folder)
    assert atpub("lock").out == "atpub.lock: 3 files, 2 URLs, all up to date.\n"
    assert (lock.stat().st_ino, lock.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_lock_counts_what_changed(folder: Path, lock: Path, atpub: Atpub) -> None:
    write_files(folder, {SHARDS[0]: {"tar": 9}, "data/digits-9.tar": {"tar": 1}})
    change(folder, "cats-{0..1}", "cats-{0..0}")
    (folder / SHARDS[1]).unlink()
    text = (folder / "atpub.lock").read_text()
    assert atpub("lock", "--json").json == {
        "format_version": "1.0",
        "failures": [],
        "warnings": [],
        "bytes_read": 0,
        "lock": "atpub.lock",
        "files": 4,
        "urls": 1,
        "added": ["data/digits-9.tar"],
        "changed": [SHARDS[0]],
        "removed": ["https://cdn.lab.example/cats-1.tar"],
        "absent": [SHARDS[1]],
    }
    (folder / "atpub.lock").write_text(text)
    assert atpub("lock").out == "atpub.lock: 4 files, 1 URL; 1 added, 1 changed, 1 removed.\n"


def test_a_manifest_without_data_has_an_empty_lock(folder: Path, atpub: Atpub) -> None:
    change(folder, "datasets:", "x-datasets:")
    (folder / "atpub.yaml").write_text(MANIFEST.partition("datasets:")[0])
    assert atpub("validate", "--locked").code == 0
    assert atpub("lock").out == "atpub.lock: nothing to lock, all up to date.\n"
    assert (folder / "atpub.lock").read_text() == '{"atpub.lock": 1}\n'


def test_without_data_plan_is_the_same(folder: Path, lock: Path, atpub: Atpub) -> None:
    before = planned(atpub)
    remove_data(folder)
    assert planned(atpub) == before
    assert planned(atpub, "--locked") == before
    assert "Uploads: 3 blobs" in atpub("plan").out
    assert atpub("validate", "--locked").code == 0


def test_without_data_apply_does_what_needs_none(folder: Path, lock: Path, atpub: Atpub) -> None:
    assert atpub("apply", "--yes").code == 0
    remove_data(folder)
    ran = atpub("apply", "--yes")
    assert ran.code == 0
    assert "Nothing to do" in ran.out
    change(folder, "blobs:", "description: The same blobs.\n    blobs:")
    ran = atpub("apply", "--yes")
    assert (ran.code, "Applied 1 change" in ran.out) == (0, True)
    assert atpub("plan", "--detailed-exitcode").code == 0


def test_without_data_apply_names_every_file_that_it_needs(folder: Path, lock: Path, atpub: Atpub) -> None:
    (folder / SHARDS[0]).unlink()
    (folder / SHARDS[2]).unlink()
    before = tree(folder)
    ran = atpub("apply", "--yes", "--json")
    assert ran.code == 1
    assert all(name in ran.json["error"]["message"] for name in (SHARDS[0], SHARDS[2]))
    assert SHARDS[1] not in ran.json["error"]["message"]
    assert tree(folder) == before, "nothing was written"
    assert atpub("plan", "--json").json["summary"]["create"] == 3


def test_only_blobs_that_are_not_published_are_needed(folder: Path, lock: Path, atpub: Atpub) -> None:
    assert atpub("apply", "--yes").code == 0
    write_files(folder, {"data/digits-9.tar": {"tar": 9}})
    for name in SHARDS:
        (folder / name).unlink()
    assert [upload["file"] for upload in atpub("plan", "--json").json["uploads"]] == ["data/digits-9.tar"]
    assert atpub("apply", "--yes").code == 0


def test_what_is_there_and_differs_is_a_warning(folder: Path, lock: Path, atpub: Atpub) -> None:
    write_files(folder, {SHARDS[0]: {"tar": 9}})
    change(folder, "1111", "ffff", "sums/cats.sha256")
    ran = atpub("validate", "--json")
    assert (ran.code, [item["code"] for item in ran.json["warnings"]]) == (0, ["lock-differs", "lock-differs"])
    ran = atpub("plan")
    assert ran.code == 0
    assert "atpub.yaml:9:12: warning: other data than in atpub.lock: data/digits-0.tar [lock-differs]" in ran.err
    assert "hint: run `atpub lock`, and commit atpub.lock" in ran.err


@pytest.mark.parametrize("command", [["validate"], ["plan"], ["apply", "--yes"]])
def test_locked_makes_it_an_error(folder: Path, lock: Path, atpub: Atpub, command: list[str]) -> None:
    write_files(folder, {SHARDS[0]: {"tar": 9}, "data/digits-9.tar": {"tar": 1}})
    change(folder, "1111", "ffff", "sums/cats.sha256")
    before = tree(folder)
    ran = atpub(*command, "--json", "--locked")
    assert ran.code == 3
    assert sorted(codes(ran)) == [
        ("error", "lock-differs", BLOBS),
        ("error", "lock-differs", CHECKSUMS),
        ("error", "not-locked", BLOBS),
    ]
    assert tree(folder) == before
    assert atpub("lock").code == 0
    assert atpub(*command, "--locked").code == 0


def test_locked_needs_a_lock(folder: Path, atpub: Atpub) -> None:
    ran = atpub("plan", "--locked")
    assert ran.code == 3
    assert "atpub.lock: error: there is no atpub.lock [no-lock]" in ran.err


def test_a_difference_does_not_hide_an_error(folder: Path, lock: Path, atpub: Atpub) -> None:
    write_files(folder, {SHARDS[0]: {"tar": 9}})
    manifest = folder / "atpub.yaml"
    label = 'labels: {l: {dataset: "at://did:plc:a/b.c.d/e", version: "1\\0"}}\n'
    manifest.write_text(manifest.read_text() + label)
    ran = atpub("validate", "--json")
    assert [code for _, code, _ in codes(ran)] == ["lock-differs", "nul-in-text"]


def test_a_shard_that_is_too_large_is_refused_before_it_is_compared(folder: Path, lock: Path, atpub: Atpub) -> None:
    write_files(folder, {SHARDS[0]: {"huge": 52_429_312}})
    assert [code for _, code, _ in codes(atpub("validate", "--json"))] == ["shard-too-large"]


def test_what_is_not_here_stays_until_it_is_pruned(folder: Path, lock: Path, atpub: Atpub) -> None:
    (folder / SHARDS[2]).unlink()
    ran = atpub("lock")
    assert "all up to date" in ran.out
    assert ran.err == f"missing here, kept in the lock: {SHARDS[2]} (--prune removes them)\n"
    assert atpub("lock", "--prune").out == "atpub.lock: 2 files, 2 URLs; 0 added, 0 changed, 1 removed.\n"
    (folder / "sums/cats.sha256").unlink()
    kept = lock.read_text()
    assert codes(atpub("lock", "--prune", "--json")) == [("error", "file-missing", CHECKSUMS)]
    assert lock.read_text() == kept


def test_without_a_lock_the_hint_names_it(folder: Path, atpub: Atpub) -> None:
    remove_data(folder)
    ran = atpub("plan", "--json")
    assert [(code, place) for _, code, place in codes(ran)] == [("no-match", BLOBS), ("file-missing", CHECKSUMS)]
    assert all("run `atpub lock` there" in item["hint"] for item in ran.json["error"]["problems"])
    assert not (folder / "atpub.lock").exists()


def test_a_broken_lock_is_told_by_line_and_column(folder: Path, lock: Path, atpub: Atpub) -> None:
    change(folder, '"samples": 1}', '"samples": "1"}', "atpub.lock")
    for command in ("validate", "plan", "lock"):
        ran = atpub(command)
        assert ran.code == 3
        column = lock.read_text().splitlines()[1].index('"1"') + 1
        assert f"atpub.lock:2:{column}: error: `samples`: expected a whole number" in ran.err
        assert "atpub lock --prune" in ran.err
    assert atpub("lock", "--prune").out.endswith("5 added, 0 changed, 0 removed.\n")
    assert atpub("plan", "--locked").code == 0


def test_a_lock_that_cannot_be_made_is_not_written(folder: Path, lock: Path, atpub: Atpub) -> None:
    before = tree(folder)
    write_files(folder, {"data/digits-9.tar": "no tar"})
    ran = atpub("lock")
    assert (ran.code, "not-a-tar" in ran.err) == (3, True)
    (folder / "data/digits-9.tar").unlink()
    assert tree(folder) == before


def test_the_lock_is_beside_the_manifest(folder: Path, atpub: Atpub, tmp_path: Path) -> None:
    write_files(folder, {"lab/one.yaml": "atpub: 1\nproject: lab\n"})
    shutil.move(folder / "atpub.yaml", folder / "lab/two.yaml")
    for name in ("data", "sums"):
        shutil.move(folder / name, folder / "lab" / name)
    assert atpub("lock", "-m", "lab").out.startswith(f"{Path('lab/atpub.lock')}: 3 files")
    held = (folder / "lab/atpub.lock").read_text()
    assert f'"file": "{SHARDS[0]}"' in held
    assert atpub("plan", "-m", "lab", "--locked").code == 0
    assert atpub("lock", "-m", "lab/two.yaml").out.endswith("all up to date.\n")
    assert atpub("lock", "-m", "lab/one.yaml").out.endswith("0 added, 0 changed, 5 removed.\n"), "no more than it names"


def test_a_symlinked_lock_is_replaced_and_not_written_through(folder: Path, lock: Path, atpub: Atpub) -> None:
    shutil.move(lock, folder / "elsewhere.lock")
    lock.symlink_to("elsewhere.lock")
    write_files(folder, {"data/digits-9.tar": {"tar": 1}})
    assert atpub("lock").code == 0
    assert not lock.is_symlink()
    assert "digits-9" in lock.read_text()
    assert "digits-9" not in (folder / "elsewhere.lock").read_text()


def test_a_check_writes_nothing_and_says_it_by_its_exit_code(folder: Path, atpub: Atpub) -> None:
    before = tree(folder)
    ran = atpub("lock", "--check")
    assert (ran.code, ran.err) == (2, "")
    assert ran.out == "atpub.lock: out of date: 3 files, 2 URLs; 5 added, 0 changed, 0 removed.\n"
    assert tree(folder) == before
    assert atpub("lock").code == 0
    assert atpub("lock", "--check").code == 0
    write_files(folder, {"data/digits-0.tar": {"tar": 9}})
    assert atpub("lock", "--check", "--json").json["changed"] == ["data/digits-0.tar"]
    assert atpub("lock", "--check").code == 2


def test_a_store_that_does_not_answer(folder: Path, atpub: Atpub) -> None:
    """The files are locked all the same; plan says what to run."""
    change(folder, "https://cdn.lab.example/", "http://127.0.0.1:1/")
    change(folder, "checksums: sums/cats.sha256", "checksums: {missing: fetch}")
    ran = atpub("lock")
    assert ran.code == 1
    assert ran.out == "atpub.lock: 3 files; 3 added, 0 changed, 0 removed; 2 URLs not measured.\n"
    assert "[shard-unavailable]" in ran.err
    assert "http://127.0.0.1:1/cats-0.tar cannot be read: connection refused" in ran.err
    assert atpub("lock", "--json").json["failures"][0]["code"] == "shard-unavailable"
    assert codes(atpub("plan", "--json")) == [("error", "checksum-not-locked", CHECKSUMS)]
    assert atpub("lock").out == "atpub.lock: 3 files, unchanged; 2 URLs not measured.\n"
