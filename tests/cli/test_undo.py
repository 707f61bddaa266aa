"""`atpub undo`: each kind of change and its way back, to the same CIDs and the same ownership."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.lab import CATS, DIGITS, ENTRY, LABEL, SCHEMA, Lab, edited, path
from tests.repository.samples import read

from atpub.atproto.syntax import Cid, Nsid, RecordPath
from atpub.engine.inventory import COLLECTION as INVENTORY
from atpub.engine.inventory import Owned, read_inventories
from atpub.history.folder import History
from atpub.repository.model import Create, Delete

FREE = path(LABEL, "3kfree2222222")


def state(lab: Lab) -> tuple[Mapping[RecordPath, Cid], Mapping[RecordPath, Owned]]:
    """The CID of every record, and what the inventory lists."""
    with closing(lab.repository()) as repository:
        found = [read(repository, Nsid(name)) for name in (SCHEMA, ENTRY, LABEL)]
        inventories = read_inventories(read(repository, INVENTORY).values())
        cids = {record.path: record.cid for records in found for record in records.values()}
        return cids, inventories["lab"].owned if inventories else {}


def undo(lab: Lab, *args: str, code: int = 0) -> str:
    ran = lab.run("undo", "--yes", *args)
    assert ran.code == code, ran.err
    return ran.out + ran.err


# What changes the project after its first apply; each returns the flags of the next one.


def create(lab: Lab) -> tuple[str, ...]:
    lab.write(f"{lab.manifest}  digits-2: {{name: digits, dataset: digits, version: 2.0.0}}\n")
    return ()


def update(lab: Lab) -> tuple[str, ...]:
    lab.change(("name: Digits", "name: Numbers"))
    return ()


def update_of_shards(lab: Lab) -> tuple[str, ...]:
    lab.change(("data/digits-*.tar", "data/digits-0.tar"))
    return ()


def delete(lab: Lab) -> tuple[str, ...]:
    lab.without("labels:")
    return ("--prune-versions",)


def delete_all(lab: Lab) -> tuple[str, ...]:
    lab.without("labels:", "datasets:", "schemas:")
    return ("--prune-versions",)


def forget(lab: Lab) -> tuple[str, ...]:
    lab.without("labels:")
    return ("--forget", "labels/digits:1.0.0")


def adopt(lab: Lab) -> tuple[str, ...]:
    value = next(iter(lab.live(LABEL).values()))
    lab.write_elsewhere(Create(FREE, {**value, "version": "3.0.0"}))
    lab.write(
        f"{lab.manifest}  free: {{name: digits, dataset: digits, version: 3.0.1, rkey: 3kfree2222222, adopt: true}}\n"
    )
    return ()


def rename(lab: Lab) -> tuple[str, ...]:
    lab.change(("  cats:\n", "  felines:\n"))
    return ()


def protect(lab: Lab) -> tuple[str, ...]:
    lab.change(("    name: Digits\n", "    name: Digits\n    protect: true\n"))
    return ()


def drift(lab: Lab) -> tuple[str, ...]:
    lab.write_elsewhere(edited(lab, CATS))
    return update(lab)


def deleted_elsewhere(lab: Lab) -> tuple[str, ...]:
    lab.write_elsewhere(Delete(CATS))
    return update(lab)


CHANGES: tuple[Callable[[Lab], tuple[str, ...]], ...] = (
    *(create, update, update_of_shards, delete, delete_all, forget, adopt, rename, protect, drift, deleted_elsewhere),
)


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_each_change_and_back(lab: Lab, change: Callable[[Lab], tuple[str, ...]]) -> None:
    lab.apply()
    flags = change(lab)
    before = state(lab)
    ran = lab.apply(*flags)
    assert ran.code == 0, ran.err
    after = state(lab)
    assert after != before
    undo(lab)
    assert state(lab) == before
    undo(lab)  # the undo
    assert state(lab) == after
    undo(lab)
    assert state(lab) == before


def test_undo_of_the_first_apply_and_of_destroy(lab: Lab) -> None:
    lab.apply()
    published = state(lab)
    undo(lab)
    assert state(lab) == ({}, {})
    undo(lab)
    assert state(lab) == published
    assert lab.run("destroy", "--yes").code == 0
    undo(lab)
    assert state(lab) == published
    assert lab.plan("--detailed-exitcode").code == 0


def test_an_entry_that_is_put_back_gets_its_time_and_cid_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.apply()
    published, manifest = state(lab), lab.manifest
    assert lab.apply(*delete_all(lab)).code == 0
    assert state(lab) == ({}, {})
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    lab.write(manifest)
    assert lab.apply().code == 0
    assert state(lab) == published


def test_another_account_gets_the_same_times(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.apply()
    published = state(lab)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    assert lab.apply("--account", "local:other").code == 0
    Path(".atpub/local").rename("old")
    Path("other").rename(".atpub/local")
    assert state(lab) == published


def test_what_was_changed_since_is_refused(lab: Lab) -> None:
    lab.apply()
    update(lab)
    before = state(lab)
    lab.apply()
    name = History(Path()).names()[-1]
    lab.write_elsewhere(edited(lab, DIGITS))
    text = undo(lab, code=7)
    assert "datasets/digits was changed since that apply [changed-since]" in text
    undo(lab, "--force")
    assert state(lab) == before
    assert "nothing to do" in undo(lab, name)  # by its name, an apply that is undone already


def test_protection_holds(lab: Lab) -> None:
    protect(lab)
    lab.apply()
    assert "[protected]" in undo(lab, code=7)
    assert "[protected]" in undo(lab, "--force", code=7)


def test_a_blob_that_is_gone_is_named(lab: Lab) -> None:
    lab.apply()
    published = state(lab)
    assert lab.run("destroy", "--yes").code == 0
    shard = lab.folder / "data/digits-0.tar"
    content = shard.read_bytes()
    shard.write_bytes(b"another")
    text = undo(lab, code=7)
    assert text.count("[blob-gone]") == 1
    assert "hint: put data/digits-0.tar back as it was" in text
    assert f"({'application/x-tar'}, {len(content) / 1000:.1f} kB)" in text
    shard.rename(lab.folder / "data/moved.tar")
    lab.change(("data/digits-*.tar", "data/*.tar"))
    (lab.folder / "data/moved.tar").write_bytes(content)  # the manifest knows it now; the history does not
    undo(lab)
    assert state(lab) == published


def test_the_list_and_names(lab: Lab) -> None:
    assert lab.run("undo", "--list").out == "No apply is kept.\n"
    assert "no apply to local" in undo(lab, code=64)
    lab.apply()
    update(lab)
    lab.apply()
    undo(lab)
    listed = lab.run("undo", "--list", "--json").json["applies"]
    assert [item["summary"] for item in listed] == [{"update": 1}, {"update": 1}, {"create": 4}]
    assert listed[0]["undoes"] == listed[1]["name"]
    assert f"1 update (undo of {listed[1]['name']})" in lab.run("undo", "--list").out
    assert "names 3 applies" in undo(lab, listed[0]["name"][:4], code=64)
    assert "no apply 1999" in undo(lab, "1999", code=64)
    done = lab.run("undo", "--yes", "--json").json
    assert (done["undoes"], [item["action"] for item in done["outcomes"]]) == (listed[0]["name"], ["update"])


def test_what_is_made_again_is_called_a_restore(lab: Lab) -> None:
    lab.apply()
    lab.apply(*deleted_elsewhere(lab))
    assert lab.run("destroy", "--yes").code == 0
    assert "4 to restore." in undo(lab)
    listed = [item["summary"] for item in lab.run("undo", "--list", "--json").json["applies"]]
    assert listed == [{"restore": 4}, {"delete": 4}, {"restore": 1, "update": 1}, {"create": 4}]


def test_a_damaged_file_hides_no_other(lab: Lab) -> None:
    lab.apply()
    update(lab)
    before = state(lab)
    lab.apply()
    (lab.folder / ".atpub/history/19990101-000000-000000.jsonl.gz").write_bytes(b"?")
    listed = lab.run("undo", "--list")
    assert listed.out.count("\n") == 3
    assert "[bad-history]" in listed.err
    undo(lab)
    assert state(lab) == before


def test_an_apply_to_another_account_is_not_undone(lab: Lab) -> None:
    lab.apply()
    lab.apply("--account", "local:other")
    name = History(Path()).names()[-1]
    assert f"the apply {name} was to local:other" in undo(lab, name, code=64)
    undo(lab, "--account", "local:other")
    assert state(lab) != ({}, {})
    undo(lab)
    assert state(lab) == ({}, {})


@pytest.mark.parametrize(
    ("step", "done"), [(update, "1 record restored."), (create, "1 record deleted."), (delete, "1 record restored.")]
)
def test_it_says_what_it_has_done(lab: Lab, step: Callable[[Lab], tuple[str, ...]], done: str) -> None:
    lab.apply()
    lab.apply(*step(lab))
    assert f": {done}\n" in undo(lab)


def test_what_writes_nothing_leaves_no_history(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.apply("--no-history")
    lab.plan()
    lab.apply()
    assert not (lab.folder / ".atpub/history").exists()
    update(lab)
    (lab.folder / ".atpub/local/repo.sqlite").chmod(0o400)
    monkeypatch.setattr("atpub.repository.local.LocalRepository.apply_writes", _fail)
    assert lab.apply().code == 1
    assert not History(lab.folder).names()
    assert (lab.folder / ".atpub/history/.gitignore").read_text() == "*\n"


def test_a_history_that_cannot_be_written_is_told_before_uploads(lab: Lab) -> None:
    (lab.folder / ".atpub").mkdir()
    (lab.folder / ".atpub/history").write_text("a file")
    ran = lab.apply()
    assert (ran.code, "cannot write .atpub/history" in ran.err, "--no-history" in ran.err) == (1, True, True), ran
    assert "uploaded" not in ran.err
    assert lab.apply("--no-history").code == 0


def test_a_history_that_cannot_be_read_is_a_warning_of_the_plan(lab: Lab) -> None:
    (lab.folder / ".atpub").mkdir()
    (lab.folder / ".atpub/history").symlink_to("history")
    ran = lab.plan()
    assert ran.code == 0, ran.err
    assert "warning: cannot read .atpub/history" in ran.err
    assert " create " in ran.out


def _fail(*_: object) -> None:
    from atpub.errors import Unavailable

    raise Unavailable("no")


_KILLED = """
import os, signal, sys
from atpub.repository.local import LocalRepository
from atpub.cli.main import run
inner = LocalRepository.apply_writes
def killed(self, *args):
    if sys.argv[1] == "after":
        inner(self, *args)
    os.kill(os.getpid(), signal.SIGKILL)
LocalRepository.apply_writes = killed
run(["apply", "--yes", "--reproducible"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_kill_at_a_commit_loses_neither_history_nor_records(lab: Lab, when: str) -> None:
    lab.apply()
    update(lab)
    before = state(lab)
    died = subprocess.run([sys.executable, "-c", _KILLED, when], cwd=lab.folder, capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL
    assert len(History(lab.folder).names()) == 2
    assert (state(lab) == before) == (when == "before")
    undo(lab)
    assert state(lab) == before


@pytest.mark.slow
def test_a_thousand_records(lab: Lab) -> None:
    labels = "".join(f"  n{n}: {{name: n{n}, dataset: digits, version: 1.0.0}}\n" for n in range(1000))
    lab.write(lab.manifest.replace("account: local", "account: local\npolicy: {max_delete: 2000}") + labels)
    assert lab.apply().code == 0
    before = state(lab)
    assert len(before[0]) > 1000
    lab.change(("name: Digits", "name: Numbers"))
    lab.without("labels:")
    assert lab.apply("--prune-versions").code == 0
    undo(lab)
    assert state(lab) == before
