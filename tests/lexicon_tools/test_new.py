"""`atpub lex new`: a start of each kind that lints clean and generates, and never replaces a file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.playground import Ran, tree, write_files

from atpub.lexicon_tools.layout import format_json
from atpub.lexicon_tools.starters import KINDS

Atpub = Callable[..., Ran]
NAMES = {"record": "note", "query": "getNote", "procedure": "putNote", "object": "part"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_start_lints_clean_and_generates(kind: str, folder: Path, atpub: Atpub) -> None:
    nsid = f"org.lab.{NAMES[kind]}"
    file = folder / f"lexicons/org/lab/{NAMES[kind]}.json"
    ran = atpub("lex", "new", nsid, "--kind", kind)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"lexicons/org/lab/{NAMES[kind]}.json: a new {kind}.\n"
    assert format_json(file.read_text()) == file.read_text()
    assert atpub("lex", "lint", "--strict").out == "1 lexicon: nothing found.\n"
    assert atpub("generate", "--out", "lab", "--package", "lab", "--strict").code == 0


def test_the_folder_of_the_settings(folder: Path, atpub: Atpub) -> None:
    write_files(folder, {"pyproject.toml": '[tool.atpub.generate]\nlexicons = ["schemas"]\n'})
    assert atpub("lex", "new", "org.lab.note", "--json").json["written"] == ["schemas/org/lab/note.json"]
    assert atpub("lex", "new", "org.lab.note", "--lexicons", "more", "--json").json["written"] == [
        "more/org/lab/note.json"
    ]


def test_no_file_is_replaced(folder: Path, atpub: Atpub) -> None:
    assert atpub("lex", "new", "org.lab.note").code == 0
    (folder / "lexicons/org/lab/link.json").symlink_to("note.json")
    write_files(
        folder, {"lexicons/other.json": '{"lexicon": 1, "id": "org.lab.other", "defs": {"a": {"type": "object"}}}'}
    )
    before = tree(folder)
    for name in ("note", "link", "other"):
        ran = atpub("lex", "new", f"org.lab.{name}")
        assert (ran.code, "[in-the-way]" in ran.err) == (1, True), ran.err
    assert tree(folder) == before


def test_nothing_is_written_outside_the_folder(folder: Path, atpub: Atpub) -> None:
    write_files(folder, {"elsewhere/a.txt": "", "lexicons/a.txt": ""})
    (folder / "lexicons/org").symlink_to(folder / "elsewhere")
    ran = atpub("lex", "new", "org.lab.note")
    assert (ran.code, "[outside-folder]" in ran.err) == (3, True)
    assert not (folder / "elsewhere/lab").exists()


@pytest.mark.parametrize("nsid", ["note", "org.lab", "org.lab.../x", "org.lab.no-te", "", "org.lab." + "x" * 400])
def test_a_wrong_name(nsid: str, folder: Path, atpub: Atpub) -> None:
    ran = atpub("lex", "new", nsid)
    assert (ran.code, tree(folder)) == (64, {})


def test_an_unusual_name_is_told(folder: Path, atpub: Atpub) -> None:
    ran = atpub("lex", "new", "org.lab.notes")
    assert (ran.code, "[plural-record]" in ran.err) == (0, True)
