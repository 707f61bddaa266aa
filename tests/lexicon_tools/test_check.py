"""`atpub check`: a verdict for each record of files and stdin, at its line and JSON path, whatever the bytes are."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.playground import Ran, write_files

from atpub.atproto.lexicon.link import NONE
from atpub.lexicon_tools.records import check_stream

Atpub = Callable[..., Ran]
LEXICON = {
    "lexicon": 1,
    "id": "org.lab.note",
    "defs": {
        "main": {
            "type": "record",
            "key": "tid",
            "record": {
                "type": "object",
                "required": ["text"],
                "properties": {
                    "text": {"type": "string", "maxLength": 5},
                    "list": {"type": "array", "items": {"type": "integer"}},
                    "about": {"type": "ref", "ref": "org.other.thing"},
                },
            },
        }
    },
}


def note(text: object = "hello", **fields: Any) -> dict[str, Any]:
    return {"$type": "org.lab.note", "text": text, **fields}


@pytest.fixture
def project(folder: Path) -> Path:
    write_files(folder, {"lexicons/note.json": json.dumps(LEXICON)})
    return folder


def verdicts(ran: Ran) -> list[tuple[int, bool, list[str]]]:
    return [
        (found["line"], found["valid"], [problem["path"] for problem in found["problems"]])
        for found in ran.json["verdicts"]
    ]


def test_a_record(project: Path, atpub: Atpub) -> None:
    write_files(project, {"a.json": json.dumps(note(), indent=2)})
    ran = atpub("check", "a.json")
    assert (ran.code, ran.out) == (0, "1 record, all valid.\n")
    assert "[missing-ref]" in ran.err
    write_files(project, {"a.json": json.dumps(note("longer", list=[1, "2"]), indent=2)})
    ran = atpub("check", "a.json")
    assert ran.code == 3
    assert ran.out == (
        "a.json:3:11: error: $.text: 6 bytes, at most 5 (maxLength; org.lab.note) [invalid-record]\n"
        '  3 |   "text": "longer",\n'
        "    |           ^\n"
        "a.json:6:5: error: $.list[1]: expected an integer, found a string (type; org.lab.note) [invalid-record]\n"
        '  6 |     "2"\n'
        "    |     ^\n"
        "1 record, 1 invalid.\n"
    )


def test_a_file_that_is_missing_counts_as_no_record(project: Path, atpub: Atpub) -> None:
    write_files(project, {"a.json": json.dumps(note())})
    ran = atpub("check", "a.json", "none.json")
    assert (ran.code, ran.out.splitlines()[-1]) == (3, "1 record, all valid; 1 file not read.")
    found = atpub("check", "none.json", "--json").json
    assert (found["records"], found["invalid"], found["unreadable"]) == (0, 0, 1)


def test_lines_arrays_and_several_files(project: Path, atpub: Atpub) -> None:
    lines = [json.dumps(note()), "", json.dumps(note(7)), '{"$type": ', json.dumps(note("longer"))]
    write_files(project, {"a.jsonl": "\n".join(lines), "b.json": json.dumps([note(), note(8)], indent=1)})
    ran = atpub("check", "a.jsonl", "b.json", "--json")
    assert ran.code == 3
    assert (ran.json["records"], ran.json["invalid"]) == (6, 4)
    assert verdicts(ran) == [
        (1, True, []),
        (3, False, ["$.text"]),
        (4, False, ["$"]),
        (5, False, ["$.text"]),
        (2, True, []),
        (6, False, ["$[1].text"]),
    ]
    places = [problem for found in ran.json["verdicts"] for problem in found["problems"]]
    assert [(place["line"], place["column"]) for place in places] == [(3, 35), (4, 11), (5, 35), (8, 11)]
    assert {found["collection"] for found in ran.json["verdicts"]} == {"org.lab.note", None}


def test_all_places_of_a_problem_count_the_lines_before(project: Path, atpub: Atpub) -> None:
    write_files(project, {"a.jsonl": f'{json.dumps(note())}\n{{"a": 1, "a": 2}}\n'})
    ran = atpub("check", "a.jsonl")
    assert ran.out.startswith("a.jsonl:2:10: error: the key 'a' is given twice: it is first given at a.jsonl:2:2 ")


@pytest.mark.parametrize("indent", [None, 2])
def test_stdin(indent: int | None, project: Path) -> None:
    text = json.dumps(note(7), indent=indent)
    command = [str(Path(sys.executable).with_name("atpub")), "check", "-", "--json"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    (verdict,) = json.loads(done.stdout)["verdicts"]
    assert (verdict["file"], verdict["line"], verdict["valid"]) == ("(stdin)", 1, False)


def test_lexicons_of_the_command_of_the_settings_and_of_atpub(folder: Path, atpub: Atpub) -> None:
    label = {"$type": "science.alt.dataset.label", "name": "digits", "version": 1}
    write_files(folder, {"more/note.json": json.dumps(LEXICON), "a.json": json.dumps([note(), label])})
    ran = atpub("check", "a.json", "--json")
    assert [found["valid"] for found in ran.json["verdicts"]] == [False, False]
    assert "no lexicon for 'org.lab.note' is at hand" in ran.out
    assert "name the folder that has it: --lexicons DIR" in ran.out
    assert "$[1].version" in ran.out
    assert verdicts(atpub("check", "a.json", "--lexicons", "more", "--json"))[0][1]
    write_files(folder, {"pyproject.toml": '[tool.atpub.generate]\nlexicons = ["more"]\n'})
    assert verdicts(atpub("check", "a.json", "--json"))[0][1]


def test_a_broken_lexicon_only_counts_for_its_records(project: Path, atpub: Atpub) -> None:
    write_files(project, {"lexicons/bad.json": '{"lexicon": 1, "id": "org.lab.bad", "defs": {}}'})
    write_files(project, {"a.json": json.dumps([note(), {"$type": "org.lab.bad"}])})
    ran = atpub("check", "a.json", "--json")
    assert (ran.code, [found["valid"] for found in ran.json["verdicts"]]) == (3, [True, False])
    assert "lexicon" in [problem["code"] for problem in ran.json["warnings"]]


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (b"", "json-syntax"),
        (b"[" * 9000 + b"]" * 9000, "json-syntax"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "invalid-record"),
        (b'[{"a":' * 60 + b"1" + b"}]" * 60, "too-deep"),
        (b'{"$type": "org.lab.note", "text": "a", "text": "b"}', "duplicate-key"),
        (b'{"$type": "org.lab.note", "text": NaN}', "json-syntax"),
        (b'{"$type": "org.lab.note", "text": ' + b"9" * 5000 + b"}", "json-syntax"),
        (b'{"$type": "org.lab.note", "text": "\\ud800"}', "invalid-record"),
        (b'{"$type": 7}', "invalid-record"),
        (b"7", "invalid-record"),
        (b"\xff\xfe\x00{", "not-utf8"),
        (b"\x00" * 100, "json-syntax"),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_any_bytes_get_a_verdict(name: str, held: bytes, code: str, project: Path, atpub: Atpub) -> None:
    (project / name).write_bytes(held)
    ran = atpub("check", name, "--json")
    if not held and name == "a.jsonl":
        assert (ran.code, ran.json["records"]) == (0, 0)
        return
    code = "invalid-record" if name == "a.jsonl" and code == "too-deep" else code  # an array is no record of a line
    assert ran.code == 3
    assert {problem["code"] for found in ran.json["verdicts"] for problem in found["problems"]} == {code}


def test_files_that_cannot_be_read(project: Path, atpub: Atpub) -> None:
    write_files(project, {"a.json": json.dumps(note())})
    ran = atpub("check", "nowhere.json", "a.json", "--json")
    assert (ran.code, [found["valid"] for found in ran.json["verdicts"]]) == (3, [False, True])
    assert atpub("check", "lexicons").code == 64
    assert atpub("check").code == 64
    with (project / "huge.json").open("wb") as stream:
        stream.truncate(33 * 1024 * 1024)
    (problem,) = atpub("check", "huge.json", "--json").json["verdicts"][0]["problems"]
    assert problem["code"] == "too-large"


MANIFEST = """\
atpub: 1
project: lab
lexicons: {path: lexicons}
records:
  one: {collection: org.lab.note, rkey: 3jzfcijpj2z2a, value: {text: hello}}
  two: {collection: org.lab.page, rkey: home, value: {text: hello}}
"""
ACCOUNT = "at://did:web:local.invalid"


@pytest.fixture
def published(project: Path, atpub: Atpub) -> Path:
    """A folder with two published records: one breaks its lexicon by now, and the lexicon of the other is gone."""
    lexicon = json.dumps(LEXICON).replace(', "about": {"type": "ref", "ref": "org.other.thing"}', "")
    page = lexicon.replace("org.lab.note", "org.lab.page").replace('"tid"', '"any"')
    write_files(project, {"lexicons/note.json": lexicon, "lexicons/page.json": page, "atpub.yaml": MANIFEST})
    assert atpub("apply", "--yes", "--account", "local").code == 0
    assert atpub("export", "--car", "lab.car", "--account", "local").code == 0
    later = lexicon.replace('"maxLength": 5', '"maxLength": 2').replace('"tid"', '"nsid"')
    write_files(project, {"lexicons/note.json": later})
    (project / "lexicons/page.json").unlink()
    return project


@pytest.mark.parametrize("source", ["lab.car", ACCOUNT])
def test_a_repository(source: str, published: Path, atpub: Atpub) -> None:
    note = f"{ACCOUNT}/org.lab.note/3jzfcijpj2z2a"
    ran = atpub("check", source)
    assert (ran.code, ran.out) == (
        3,
        (
            f"{note}: error: $: the record key '3jzfcijpj2z2a' is not of the type nsid (key; org.lab.note) "
            "[invalid-record]\n"
            f"{note}: error: $.text: 5 bytes, at most 2 (maxLength; org.lab.note) [invalid-record]\n"
            "2 records, 1 invalid.\n"
        ),  # the other one is the inventory
    )
    assert f"{source}: warning: 1 record not checked, as no lexicon is at hand: org.lab.page [no-lexicon]" in ran.err
    found = atpub("check", source, "--json").json
    assert (found["records"], found["invalid"], found["unreadable"]) == (2, 1, 0)
    assert [problem["code"] for problem in found["warnings"]] == ["no-lexicon"]
    (invalid,) = (verdict for verdict in found["verdicts"] if not verdict["valid"])
    assert (invalid["file"], invalid["line"], invalid["uri"]) == (source, None, note)


def test_a_collection_and_a_record_of_an_account(published: Path, atpub: Atpub) -> None:
    for uri in (f"{ACCOUNT}/org.lab.note", f"{ACCOUNT}/org.lab.note/3jzfcijpj2z2a"):
        ran = atpub("check", uri, "--repository", ".atpub/local")
        assert (ran.code, ran.out.splitlines()[-1]) == (3, "1 record, 1 invalid.")
    for uri, code in {
        f"{ACCOUNT}/org.lab.note/3jzfcijpj2z2b": "record-not-found",
        f"{ACCOUNT}/org.lab.page": "usage",
        "at://nowhere": "usage",
    }.items():
        ran = atpub("check", uri)
        assert (ran.code in {1, 64}, f"[{code}]" in ran.err) == (True, True)
    assert atpub("check", "lab.car", "--repository", ".atpub/local").code == 64


def test_a_damaged_repository_hides_no_other_file(published: Path, atpub: Atpub) -> None:
    (published / "bad.car").write_bytes((published / "lab.car").read_bytes()[:300])
    write_files(published, {"a.json": json.dumps(note(""))})
    ran = atpub("check", "bad.car", "none.car", "a.json")
    assert (ran.code, ran.out.splitlines()[-1]) == (3, "1 record, all valid; 2 files not read.")
    assert "error: bad.car: the CAR file is not a whole repository" in ran.out


def test_nothing_in_a_record_acts_on_a_terminal(project: Path, atpub: Atpub) -> None:
    write_files(project, {"a.jsonl": json.dumps(note("\x1b[31m" * 9, **{"a\n::error::": 1.5}), ensure_ascii=False)})
    ran = atpub("check", "a.jsonl")
    assert ran.code == 3
    assert "\x1b" not in ran.out
    assert not [line for line in ran.out.splitlines() if line.startswith("::")]


def test_lines_are_read_one_by_one() -> None:
    """Hence a file may be larger than the memory."""

    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            text = b'{"$type": "org.lab.note"}\n'
            buffer[: len(text)] = text
            return len(text)

    found = check_stream(NONE, io.BufferedReader(Endless(), 26), "endless")
    assert [next(found).line for _ in range(1000)] == [*range(1, 1001)]
