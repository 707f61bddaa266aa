"""`atpub lex format`: one layout, the same JSON, and nothing written where a file is no lexicon."""

import json
from collections.abc import Callable
from pathlib import Path

import lexrpc  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # only its lexicons are used
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.playground import Ran, tree, write_files

from atpub.lexicon_tools.layout import WIDTH, format_json

Atpub = Callable[..., Ran]
PUBLISHED = sorted((Path(lexrpc.__file__).parent / "lexicons").rglob("*.json"))

MIXED = (
    '{"id": "org.lab.note", "defs": {"part": {"properties": {}, "type": "object"}, "main": {"record": {"properties": '
    '{"text": {"description": "Said.", "maxLength": 1e2, "type": "string", "own": 1}}, "type": "object"}, '
    '"key": "tid", "type": "record"}}, "lexicon": 1}'
)
TIDY = """\
{
  "lexicon": 1,
  "id": "org.lab.note",
  "defs": {
    "main": {
      "type": "record",
      "key": "tid",
      "record": {
        "type": "object",
        "properties": {
          "text": {
            "type": "string",
            "maxLength": 1e2,
            "description": "Said.",
            "own": 1
          }
        }
      }
    },
    "part": {
      "type": "object",
      "properties": {}
    }
  }
}
"""


def test_the_layout() -> None:
    assert format_json(MIXED) == TIDY


@pytest.mark.slow
def test_the_published_lexicons_stay_equal_and_most_lines_as_they_are() -> None:
    kept = total = 0
    for file in PUBLISHED:
        text = file.read_text("utf-8")
        formatted = format_json(text)
        assert json.loads(formatted) == json.loads(text)
        assert format_json(formatted) == formatted
        kept += len({*text.splitlines()} & {*formatted.splitlines()})
        total += len({*text.splitlines()})
    assert kept / total > 0.9


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["type", "defs", "items"]), inner),
    max_leaves=30,
)


@pytest.mark.slow
@given(VALUES, st.sampled_from([None, 2]))
def test_any_json_stays_equal(value: object, indent: int | None) -> None:
    formatted = format_json(json.dumps(value, indent=indent))
    assert json.loads(formatted) == value
    assert format_json(formatted) == formatted
    assert formatted.encode().decode().isprintable() or "\n" in formatted


def test_short_values_share_a_line() -> None:
    lines = format_json(json.dumps({"lexicon": 1, "id": "org.lab.note", "defs": {"a": {"refs": ["x" * 30] * 9}}}))
    assert max(map(len, lines.splitlines())) <= WIDTH


def test_files_are_written_once(folder: Path, atpub: Atpub) -> None:
    write_files(folder, {"lexicons/a.json": MIXED, "lexicons/b.json": TIDY})
    ran = atpub("lex", "format", "--check")
    assert (ran.code, ran.out) == (1, "")
    assert "1 file to format:" in ran.err
    assert "lexicons/a.json" in ran.err
    assert atpub("lex", "format", "--check", "--json").json["error"]["files"] == ["lexicons/a.json"]
    assert (folder / "lexicons/a.json").read_text() == MIXED
    ran = atpub("lex", "format")
    assert (ran.code, ran.out, ran.err) == (0, "lexicons/a.json\n2 lexicons: 1 formatted.\n", "")
    assert (folder / "lexicons/a.json").read_bytes() == TIDY.encode()
    assert atpub("lex", "format").out == "2 lexicons: nothing to format.\n"
    assert atpub("lex", "format", "--check").code == 0
    assert atpub("lex", "format", "--json").json["written"] == []


@pytest.mark.parametrize(
    "text", [f"\ufeff{TIDY}", TIDY.replace("\n", "\r\n"), TIDY.rstrip()], ids=["bom", "crlf", "end"]
)
def test_line_ends_and_marks_are_part_of_the_layout(text: str, folder: Path, atpub: Atpub) -> None:
    (folder / "note.json").write_bytes(text.encode())
    assert atpub("lex", "format", "note.json").code == 0
    assert (folder / "note.json").read_bytes() == TIDY.encode()


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (b'{"lexicon": 1,}', "json-syntax"),
        (b'{"lexicon": 1, "id": "a", "id": "b"}', "duplicate-key"),
        (b"[" * 300 + b"]" * 300, "too-deep"),
        (b"[" * 9000 + b"]" * 9000, "json-syntax"),
        (b'{"lexicon": NaN}', "json-syntax"),
        (b'{"dependencies": {}}', "lexicon"),
        (b"[]", "lexicon"),
        (bytes(range(256)), "not-utf8"),
    ],
)
def test_nothing_is_written_where_a_file_is_no_lexicon(held: bytes, code: str, folder: Path, atpub: Atpub) -> None:
    write_files(folder, {"lexicons/a.json": MIXED})
    (folder / "lexicons/b.json").write_bytes(held)
    before = tree(folder)
    ran = atpub("lex", "format", "--json")
    assert ran.code == 3
    assert [problem["code"] for problem in ran.json["error"]["problems"]] == [code]
    assert tree(folder) == before


def test_a_symlink_may_not_leave_the_folder(folder: Path, atpub: Atpub) -> None:
    write_files(folder, {"lexicons/a.json": MIXED, "secret.json": MIXED})
    (folder / "lexicons/out.json").symlink_to(folder / "secret.json")
    ran = atpub("lex", "format")
    assert (ran.code, "[outside-folder]" in ran.err) == (3, True)
    (folder / "lexicons/out.json").unlink()
    (folder / "lexicons/in.json").symlink_to("a.json")
    assert atpub("lex", "format").code == 0
    assert (folder / "lexicons/in.json").is_symlink()
    assert (folder / "lexicons/in.json").read_text() == TIDY
