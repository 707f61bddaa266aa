from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from atpub.errors import InvalidInput
from atpub.manifest.files import read_documents
from atpub.manifest.load import fill_variables
from atpub.problems import Problem
from atpub.text.files import read_source
from atpub.text.merge import merge
from atpub.text.source import MAX_BYTES, decode

SECTIONS = frozenset({"datasets"})


def problems_of(*paths: str | Path) -> tuple[Problem, ...]:
    with pytest.raises(InvalidInput) as caught:
        read_documents(paths)
    return caught.value.problems


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_s_name_is_as_the_user_gave_it(here: Path) -> None:
    (here / "x.yaml").write_bytes(b"\xef\xbb\xbfa: \xc3\xa9")
    (document,) = read_documents(["./x.yaml"])
    assert document.file == "./x.yaml"
    assert document.value == {"a": "é"}
    assert document.source.text == "a: é"


def test_a_folder_is_its_yaml_files_by_name(here: Path) -> None:
    folder = here / "manifests"
    (folder / "inner").mkdir(parents=True)
    (folder / "folder.yaml").mkdir()
    for name in ("b.yml", "a.yaml", "c.json", ".hidden.yaml", "inner/d.yaml", "e.YAML", "f.yaml~"):
        (folder / name).write_text(f"name: {name}")
    assert [document.file for document in read_documents(["manifests"])] == ["manifests/a.yaml", "manifests/b.yml"]


def test_files_and_folders_are_read_in_the_order_given_and_each_file_once(here: Path) -> None:
    (here / "m").mkdir()
    (here / "m/a.yaml").write_text("a: 1")
    (here / "m/b.yaml").write_text("a: 1")
    (here / "link.yaml").symlink_to("m/a.yaml")
    documents = read_documents([Path("m/b.yaml"), "m", "link.yaml", here / "m" / "a.yaml"])
    assert [document.file for document in documents] == ["m/b.yaml", "m/a.yaml"]


def test_a_folder_without_manifests(here: Path) -> None:
    (here / "empty").mkdir()
    (here / "empty" / "a.json").write_text("{}")
    (problem,) = problems_of("empty")
    assert problem.code == "no-manifests"
    assert problem.message == "empty: the folder holds no manifest"
    assert ".yaml or .yml" in problem.hint


def test_a_missing_file() -> None:
    (problem,) = problems_of("no/such.yaml")
    assert (problem.code, problem.message) == ("file-missing", "no/such.yaml does not exist")
    assert problem.hint


def test_a_broken_link_in_a_folder(here: Path) -> None:
    (here / "m").mkdir()
    (here / "m/a.yaml").symlink_to("nowhere")
    (problem,) = problems_of("m")
    assert (problem.code, problem.message) == ("file-missing", "m/a.yaml does not exist")


def test_a_link_to_itself(here: Path) -> None:
    (here / "a.yaml").symlink_to("a.yaml")
    (problem,) = problems_of("a.yaml")
    assert problem.code == "file-unreadable"
    assert "a.yaml: " in problem.message


def test_a_name_that_cannot_be_one() -> None:
    assert [problem.code for problem in problems_of("a\0b", "x" * 5000)] == ["file-unreadable", "file-unreadable"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission(here: Path) -> None:
    (here / "a.yaml").touch(mode=0)
    (problem,) = problems_of("a.yaml")
    assert (problem.code, problem.message) == ("file-unreadable", "a.yaml: Permission denied")


def test_a_file_that_is_too_large_is_not_read(here: Path) -> None:
    with (here / "a.yaml").open("wb") as file:
        file.truncate(1 << 40)  # sparse
    (problem,) = problems_of("a.yaml")
    assert (problem.code, str(problem.place)) == ("too-large", "a.yaml:1:1")
    assert "32 MiB" in problem.message
    assert "folder of files" in problem.hint


def test_a_device_without_end_is_too_large() -> None:
    (problem,) = problems_of("/dev/zero")
    assert (problem.code, str(problem.place)) == ("too-large", "/dev/zero:1:1")


def test_the_largest_size() -> None:
    assert len(decode(b" " * MAX_BYTES, "a.yaml").text) == MAX_BYTES
    with pytest.raises(InvalidInput):
        decode(b" " * (MAX_BYTES + 1), "a.yaml")


def test_a_pipe_is_read(here: Path) -> None:
    os.mkfifo(here / "pipe")
    writer = threading.Thread(target=(here / "pipe").write_text, args=("a: 1",))
    writer.start()
    (document,) = read_documents(["pipe"])
    writer.join()
    assert document.value == {"a": 1}


NOT_UTF8 = [
    (b"a: 1\nb: \xff", 2, 4, "0xFF"),
    (b"a: \xc3\xa9 \xe9t\xe9", 1, 6, "0xE9"),
    (b"\xef\xbb\xbfa: \xe9", 1, 4, "0xE9"),
    ("😀: é".encode() + b"\r\nx\xc0\x80", 2, 2, "0xC0"),
    (b"a: \xed\xa0\x80", 1, 4, "0xED"),
    (b"a: \xc3", 1, 4, "0xC3"),
    ("a: 1".encode("utf-16"), 1, 1, "0xFF"),
]


@pytest.mark.parametrize(("data", "line", "column", "byte"), NOT_UTF8)
def test_bytes_that_are_not_utf8(here: Path, data: bytes, line: int, column: int, byte: str) -> None:
    (here / "a.yaml").write_bytes(data)
    (problem,) = problems_of("a.yaml")
    assert (problem.code, str(problem.place)) == ("not-utf8", f"a.yaml:{line}:{column}")
    assert byte in problem.message
    assert problem.hint == "save the file as UTF-8"


def test_utf16_without_a_mark(here: Path) -> None:
    (here / "a.yaml").write_bytes("a: 1".encode("utf-16-le"))
    (problem,) = problems_of("a.yaml")
    assert (problem.code, str(problem.place)) == ("bad-character", "a.yaml:1:2")
    assert "UTF-8" in problem.hint


def test_every_file_s_problems_are_found_at_once(here: Path) -> None:
    (here / "m").mkdir()
    (here / "m/a.yaml").write_text("a: 1\na: 2")
    (here / "m/b.yaml").write_text("a:\n\tb")
    (here / "m/c.yaml").write_bytes(b"\xff")
    found = [(problem.code, str(problem.place or "")) for problem in problems_of("m", "missing.yaml")]
    assert found == [
        ("duplicate-key", "m/a.yaml:2:1"),
        ("yaml-syntax", "m/b.yaml:2:1"),
        ("not-utf8", "m/c.yaml:1:1"),
        ("file-missing", ""),
    ]


def test_a_bundle_is_read_filled_in_and_merged(here: Path) -> None:
    (here / "m").mkdir()
    (here / "m/a.yaml").write_text("project: ${P}\ndatasets: {a: {id: '${P}', name: '${Q:-x}'}}")
    (here / "m/b.yaml").write_text("project: lab\ndatasets: {b: {name: $$}}")
    bundle = merge(fill_variables(read_documents(["m"]), {"P": "lab", "ATPUB_VARS": "P,Q"}), SECTIONS)
    assert bundle.problems == ()
    assert bundle.value == {"project": "lab", "datasets": {"a": {"id": "${P}", "name": "x"}, "b": {"name": "$"}}}
    assert str(bundle.place(("datasets", "b"), of="key")) == "m/b.yaml:2:12"


def test_a_source_knows_its_file(here: Path) -> None:
    (here / "a.yaml").write_text("a: 1\n")
    assert str(read_source("a.yaml").place(3)) == "a.yaml:1:4"
