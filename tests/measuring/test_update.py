"""Updating a lock from Python: what it holds, and how it differs from the lock before it."""

from pathlib import Path

from tests.cli.playground import write_files

from atpub.manifest.load import load_manifest
from atpub.measuring.update import update_lock

MANIFEST = """\
atpub: 1
project: lab
account: local
schemas: {image: {nsid: org.lab.image, version: 1.0.0, fields: {label: integer}}}
datasets: {digits: {schema: image, name: Digits, blobs: "digits-*.tar"}}
"""


def test_update(tmp_path: Path) -> None:
    (tmp_path / "atpub.yaml").write_text(MANIFEST)
    write_files(tmp_path, {"digits-0.tar": {"tar": 2}, "digits-1.tar": {"tar": 3}})
    manifest = load_manifest([tmp_path / "atpub.yaml"], environ={})
    first = update_lock(manifest)
    assert first.file == tmp_path / "atpub.lock"
    assert first.added == ["digits-0.tar", "digits-1.tar"]
    written = first.file.stat().st_mtime_ns
    second = update_lock(manifest)
    assert (second.added, second.changed, second.removed, second.absent) == ([], [], [], [])
    assert second.file.stat().st_mtime_ns == written
    (tmp_path / "digits-1.tar").unlink()
    assert update_lock(manifest).absent == ["digits-1.tar"]
    assert update_lock(manifest, prune=True).removed == ["digits-1.tar"]
