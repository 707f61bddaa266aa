"""Atomic writes: whole or not at all, and only over files of the same kind."""

import re
from pathlib import Path

import pytest

from atpub.atomic_files import new_folder, replacing, require_own
from atpub.errors import FileConflict


def test_a_new_folder_is_whole_or_absent(tmp_path: Path) -> None:
    out = tmp_path / "src/lab/records"

    def fail() -> None:
        with new_folder(out) as new:
            (new / "note.py").write_text("")
            raise OSError(28, "No space left on device", str(new / "other.py"))

    with pytest.raises(OSError, match="No space left") as caught:
        fail()
    assert caught.value.filename == str(out)
    assert list(out.parent.iterdir()) == []
    with new_folder(out) as new:
        (new / "note.py").write_text("")
        assert not out.exists()
    assert [path.name for path in out.parent.rglob("*")] == ["records", "note.py"]


def test_a_file_keeps_its_content_on_an_error(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")

    def fail() -> None:
        with replacing(file) as new:
            new.write_text("new")
            raise OSError(28, "No space left on device", str(new))

    with pytest.raises(OSError, match="No space left") as caught:
        fail()
    assert caught.value.filename == str(file)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert file.read_text() == "old"


def test_only_files_of_a_kind_are_replaced(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    require_own(file, "a list", re.compile(rb"- "))
    file.write_text("- item")
    require_own(file, "a list", re.compile(rb"- "))
    file.write_text("text")
    with pytest.raises(FileConflict, match="exists and is not a list"):
        require_own(file, "a list", re.compile(rb"- "))
