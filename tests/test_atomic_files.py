"""Atomic writes: whole or not at all, and only over files of the same kind."""

import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from atpub.atomic_files import edit_texts, new_file, new_folder, open_new, replacing, require_own, write_text
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
        with replacing(file) as stream:
            stream.write(b"new")
            raise OSError(28, "No space left on device", stream.name)

    with pytest.raises(OSError, match="No space left") as caught:
        fail()
    assert caught.value.filename == str(file)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert file.read_text() == "old"


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_came_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_links: bool) -> None:
    if not has_links:
        monkeypatch.setattr(os, "link", no_links)

    def write() -> None:
        with new_file(tmp_path / "a.txt") as stream:
            stream.write(b"new")
            (tmp_path / "a.txt").write_text("old")

    write_text(tmp_path / "new.txt", "new", overwrite=False)
    with pytest.raises(FileConflict):
        write()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "old", "new.txt": "new"}


@pytest.mark.parametrize("has_links", [True, False])
def test_a_new_file_is_whole_or_absent_and_replaces_none(
    has_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_links:
        monkeypatch.setattr(os, "link", no_links)
    file = tmp_path / "a.txt"

    def write(content: bytes, error: OSError | None = None) -> None:
        with new_file(file) as stream:
            stream.write(content)
            if error:
                error.filename = stream.name
                raise error

    with pytest.raises(OSError, match="No space left") as caught:
        write(b"new", OSError(28, "No space left on device"))
    assert caught.value.filename == str(file)
    assert list(tmp_path.iterdir()) == []
    write(b"new")
    before = file.stat()
    write(b"new")
    with pytest.raises(FileConflict, match="exists and differs"):
        write(b"newer")
    assert (file.read_bytes(), file.stat().st_ino) == (b"new", before.st_ino)
    assert list(tmp_path.iterdir()) == [file]


def no_links(*_: object) -> None:
    raise OSError(95, "Operation not supported")


def test_only_files_of_a_kind_are_replaced(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    require_own(file, "a list", re.compile(rb"- "))
    file.write_text("- item")
    require_own(file, "a list", re.compile(rb"- "))
    file.write_text("text")
    with pytest.raises(FileConflict, match="exists and is not a list"):
        require_own(file, "a list", re.compile(rb"- "))


def test_a_planted_symlink_is_not_written_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precious, file = tmp_path / "precious", tmp_path / "a.txt"
    precious.write_text("precious")
    for name in ("a.txt", ".a.txt.new", ".atpub-00"):
        (tmp_path / name).symlink_to(precious)
    write_text(file, "new")
    assert (file.is_symlink(), file.read_text()) == (False, "new")
    monkeypatch.setattr("atpub.atomic_files.os.urandom", {8: b"\0"}.get)  # as if an attacker had guessed it
    with pytest.raises(FileExistsError) as caught:
        write_text(file, "newer")
    assert caught.value.filename == str(file)
    (tmp_path / ".atpub-00").unlink()
    (tmp_path / ".atpub-00").symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        write_text(file, "newer")
    assert not (tmp_path / "nowhere").exists()
    assert (precious.read_text(), file.read_text()) == ("precious", "new")


def test_concurrent_writers_do_not_mix_their_files(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    texts = [letter * 200_000 for letter in "abcdefgh"]
    with ThreadPoolExecutor(len(texts)) as pool:
        for _ in range(5):
            list(pool.map(write_text, [file] * len(texts), texts))
            assert file.read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_with_the_longest_name_can_be_replaced(tmp_path: Path) -> None:
    write_text(tmp_path / ("a" * 255), "new")


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
def test_a_private_file_is_its_owners_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        write_text(tmp_path / "a", "")
        write_text(tmp_path / "b", "", private=True)
        with open_new(tmp_path, "c-", private=True) as stream:
            assert stat.S_IMODE(os.fstat(stream.fileno()).st_mode) == 0o600
    finally:
        os.umask(umask)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"] == [0o666, 0o600]


def test_several_files_are_edited_or_none(tmp_path: Path) -> None:
    first = tmp_path / "a"
    first.write_text("before")
    with pytest.raises(FileNotFoundError):
        edit_texts({first: "after", tmp_path / "absent/b": "after"})
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a", "before")]
    edit_texts({first: "after"})
    assert first.read_text() == "after"
