"""Files that stand in for data are refused; an HTML page that is meant is none."""

from pathlib import Path

import pytest

from atpub.problems import Problem
from atpub.shards.measure import measure_files

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PAGE = b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.tar", POINTER, "git-lfs-pointer"),
        ("a.tar", PAGE, "html-page"),
        ("a.tar", b"", "tar-empty"),
        ("a.tar", b"<p>", "not-a-tar"),
        ("a.png", POINTER, "git-lfs-pointer"),
        ("a", POINTER, "git-lfs-pointer"),
        ("a.png", PAGE, "html-page"),
        ("a.pdf", b"\xef\xbb\xbf <!-- x --> <HTML lang=en>", "html-page"),
        ("a.png", b"", "empty-file"),
        ("a.html", PAGE, None),
        ("a.xhtml", PAGE, None),
        ("a.txt", PAGE, None),
        ("a", PAGE, None),
        ("a.svg", b"<svg/>", None),
        ("a.txt", b"version https", None),
    ],
)
def test_a_stand_in_is_refused(tmp_path: Path, name: str, content: bytes, code: str | None) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    (measured,) = measure_files([file], tar=name.endswith(".tar")).values()
    assert (measured.code if isinstance(measured, Problem) else None) == code
    if code == "git-lfs-pointer":
        assert isinstance(measured, Problem)
        assert "git lfs pull" in measured.hint
