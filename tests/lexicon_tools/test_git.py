"""Lexicons at git revisions, for `lex breaking` and `lex pull`: real repositories, read with git."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.playground import Ran

from atpub.errors import OSFailure, Usage
from atpub.lexicon_tools.git import read_revision, split_revision

Atpub = Callable[..., Ran]
NOTE = {"lexicon": 1, "id": "org.lab.note", "defs": {"main": {"type": "token", "description": "A note."}}}


def git(*arguments: str) -> None:
    settings = ("-c", "user.name=lab", "-c", "user.email=lab@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *settings, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(folder: Path) -> Path:
    """A git repository with one commit: a folder of one lexicon, and files that are none."""
    files = {"lexicons/org/lab/note.json": json.dumps(NOTE).encode(), "other/ä b.json": b"\xff", "other/x.txt": b""}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "other/link.json").symlink_to("/etc/hostname")
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", "first")):
        git(*arguments)
    return folder


@pytest.mark.parametrize(
    "text", ["--output=x:lexicons", "-x:a", "HEAD;ls:a", "a b:c", "$(id):a", "at://a.bc", "lexicons"]
)
def test_what_is_no_revision_is_not_given_to_git(text: str) -> None:
    assert split_revision(text) is None
    with pytest.raises(Usage, match="names no revision"):
        read_revision(text)


def test_files_are_read_without_a_checkout_and_links_are_not_followed(repository: Path) -> None:
    assert read_revision("HEAD:lexicons") == {"lexicons/org/lab/note.json": json.dumps(NOTE).encode()}
    assert read_revision("HEAD:other") == {"other/ä b.json": b"\xff"}
    assert [*read_revision("HEAD:")] == ["lexicons/org/lab/note.json", "other/ä b.json"]


def test_paths_are_relative_to_the_current_folder(
    repository: Path, atpub: Atpub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "lexicons")
    assert [*read_revision("HEAD:org")] == ["org/lab/note.json"]
    ran = atpub("lex", "pull", "org.lab.note", "--from", "HEAD:org", "--lexicons", "pulled")
    assert (ran.code, ran.err) == (0, "")
    assert atpub("lex", "breaking", "HEAD:org", "pulled").code == 0


def test_the_one_lexicon_of_a_folder_is_missed_when_it_is_gone(repository: Path, atpub: Atpub) -> None:
    (repository / "lexicons/org/lab/note.json").unlink()
    text = json.dumps({**NOTE, "id": "org.lab.page"})
    (repository / "lexicons/org/lab/page.json").write_text(text, "utf-8")
    ran = atpub("lex", "breaking", "HEAD:lexicons", "lexicons")
    assert (ran.code, "[lexicon-removed]" in ran.out) == (1, True)
    one = atpub("lex", "breaking", "HEAD:lexicons/org/lab/note.json", "lexicons/org/lab/page.json")
    assert (one.code, "[lexicon-removed]" in one.out) == (0, False)


def test_a_file_that_is_no_text_is_a_warning_in_old_and_passed_over_by_pull(repository: Path, atpub: Atpub) -> None:
    ran = atpub("lex", "breaking", "HEAD:", "lexicons")
    assert (ran.code, "[not-utf8]" in ran.err) == (0, True)
    assert atpub("lex", "pull", "org.lab.note", "--from", "HEAD:.", "--lexicons", "pulled").code == 0


def test_without_git_the_message_names_the_way_out(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(OSFailure, match="git cannot be run") as caught:
        read_revision("HEAD:lexicons")
    assert "folder of lexicons" in caught.value.hint
