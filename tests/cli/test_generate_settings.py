"""`atpub generate` by the settings of pyproject.toml: folders, patterns, what is missing, what is passed over."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.playground import Ran, tree, write_files

SETTINGS = """
[project]
name = "lab"

[tool.atpub.generate]
lexicons = ["lexicons"]
out = "src/lab/records"
package = "lab.records"
"""
Atpub = Callable[..., Ran]
TEXT = {"type": "string"}


def record(nsid: str, **properties: Any) -> str:
    body = {"type": "object", "properties": properties}
    return json.dumps({"lexicon": 1, "id": nsid, "defs": {"main": {"type": "record", "key": "any", "record": body}}})


def ref(nsid: str) -> dict[str, str]:
    return {"type": "ref", "ref": nsid}


FILES = {
    "pyproject.toml": SETTINGS,
    "lexicons/note.json": record("org.lab.note", part=ref("org.lab.shared.part")),
    "lexicons/part.json": record("org.lab.shared.part", deeper=ref("org.lab.shared.deeper")),
    "lexicons/deeper.json": record("org.lab.shared.deeper", text={"type": "string"}),
    "lexicons/alone.json": record("org.lab.shared.alone", text={"type": "string"}),
    "lexicons/other.json": record("org.other.thing", text={"type": "string"}),
}


@pytest.fixture
def project(folder: Path) -> Path:
    write_files(folder, FILES)
    return folder


def modules(folder: Path, package: str = "src/lab/records") -> list[str]:
    found = [path.relative_to(folder / package) for path in (folder / package).rglob("*.py")]
    return sorted(str(path.with_suffix("")).replace("/", ".") for path in found if not path.name.startswith("_"))


def more(*lines: str) -> str:
    return SETTINGS + "\n".join(lines) + "\n"


def test_the_file_says_it_all(project: Path, atpub: Atpub) -> None:
    ran = atpub("generate")
    assert (ran.code, ran.err) == (0, "")
    assert modules(project) == [
        "org.lab.note",
        "org.lab.shared.alone",
        "org.lab.shared.deeper",
        "org.lab.shared.part",
        "org.other.thing",
    ]
    assert atpub("generate", "--check").code == 0


def test_a_flag_goes_before_the_file(project: Path, atpub: Atpub) -> None:
    assert atpub("generate", "--out", "elsewhere", "--package", "elsewhere", "--include", "org.other.*").code == 0
    assert modules(project, "elsewhere") == ["org.other.thing"]
    assert not (project / "src").exists()


def test_included_lexicons_draw_in_what_they_need(project: Path, atpub: Atpub) -> None:
    write_files(project, {"pyproject.toml": more('include = ["org.lab.note"]')})
    assert atpub("generate").code == 0
    assert modules(project) == ["org.lab.note", "org.lab.shared.deeper", "org.lab.shared.part"]
    program = "from lab.records.org.lab.note import Note; Note.from_json({'$type': 'org.lab.note'})"
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(project / "src")}, check=True)


def test_excluded_lexicons_come_only_where_they_are_needed(project: Path, atpub: Atpub) -> None:
    write_files(project, {"pyproject.toml": more('exclude = ["org.lab.shared.*", "org.other.*"]')})
    assert atpub("generate").code == 0
    assert modules(project) == ["org.lab.note", "org.lab.shared.deeper", "org.lab.shared.part"]


def test_what_is_no_longer_included_is_removed(project: Path, atpub: Atpub) -> None:
    atpub("generate")
    assert atpub("generate", "--include", "org.other.*", "--json").json["removed"] == [
        *("org/lab/__init__.py", "org/lab/note.py", "org/lab/shared/__init__.py", "org/lab/shared/alone.py"),
        *("org/lab/shared/deeper.py", "org/lab/shared/part.py"),
    ]


def test_several_folders(project: Path, atpub: Atpub) -> None:
    write_files(project, {"vendor/more.json": record("com.vendor.more", note=ref("org.lab.note"))})
    assert atpub("generate", "--lexicons", "lexicons", "--lexicons", "vendor").code == 0
    assert "com.vendor.more" in modules(project)


def test_a_lexicon_in_two_folders_names_both(project: Path, atpub: Atpub) -> None:
    write_files(project, {"vendor/note.json": FILES["lexicons/note.json"]})
    ran = atpub("generate", "--lexicons", "lexicons", "--lexicons", "vendor")
    assert ran.code == 3
    assert "org.lab.note is also in lexicons/note.json [duplicate-lexicon]" in ran.err
    assert "vendor/note.json:1:" in ran.err


def test_a_pattern_that_matches_nothing(project: Path, atpub: Atpub) -> None:
    ran = atpub("generate", "--include", "org.lba.*", "--include", "org.lab.*")
    assert ran.code == 64
    assert "no lexicon matches org.lba.*" in ran.err


# What is missing, and what is passed over


def test_a_missing_lexicon_is_an_error_that_names_both(project: Path, atpub: Atpub) -> None:
    (project / "lexicons/deeper.json").unlink()
    ran = atpub("generate")
    assert ran.code == 3
    assert (
        "lexicons/part.json:1:172: error: $.defs.main.record.properties.deeper.ref: org.lab.shared.part refers to "
        "org.lab.shared.deeper, which is not at hand: add the lexicon org.lab.shared.deeper [missing-ref]"
    ) in ran.err
    assert not (project / "src").exists()


def test_what_is_missing_may_be_anything_where_that_is_allowed(project: Path, atpub: Atpub) -> None:
    (project / "lexicons/deeper.json").unlink()
    ran = atpub("generate", "--allow-missing", "--json")
    assert ran.code == 0
    assert [warning["code"] for warning in ran.json["warnings"]] == ["missing-ref"]
    program = """
from lab.records.org.lab.shared.part import Part
value = {"$type": "org.lab.shared.part", "deeper": {"anything": [1, None]}}
assert Part.from_json(value).to_json() == value
try:
    Part.from_json({**value, "deeper": 1.5})
except ValueError as error:
    print(error)
"""
    env = {"PYTHONPATH": str(project / "src")}
    done = subprocess.run([sys.executable, "-c", program], env=env, check=True, capture_output=True, text=True)
    assert "$.deeper: 1.5 is a float" in done.stdout
    assert atpub("generate", "--allow-missing", "--strict", "--check").code == 3


def test_a_definition_that_a_lexicon_does_not_have_is_an_error_all_the_same(project: Path, atpub: Atpub) -> None:
    write_files(project, {"lexicons/part.json": record("org.lab.shared.part", deeper=ref("org.lab.note#part"))})
    ran = atpub("generate", "--allow-missing")
    assert ran.code == 3
    assert "refers to org.lab.note#part, which org.lab.note does not define" in ran.err


def test_a_type_that_is_not_known_is_passed_over_with_a_warning(project: Path, atpub: Atpub) -> None:
    space = json.dumps({"lexicon": 1, "id": "org.lab.room", "defs": {"main": {"type": "space", "key": "literal:self"}}})
    write_files(project, {"lexicons/room.json": space})
    ran = atpub("generate")
    assert ran.code == 0
    assert "lexicons/room.json:1:" in ran.err
    assert "warning: $.defs.main.type: 'space' is a type that atpub does not know: passed over" in ran.err
    assert "org.lab.room" not in modules(project)
    write_files(project, {"pyproject.toml": more("strict = true")})
    ran = atpub("generate", "--check")
    assert ran.code == 3
    assert "error: $.defs.main.type: 'space' is a type that atpub does not know" in ran.err


def test_folders_of_lexicons_may_overlap(project: Path, atpub: Atpub) -> None:
    again = atpub("generate", "--lexicons", "lexicons", "--lexicons", "./lexicons")
    assert again.code == 0, again.err


@pytest.mark.slow
def test_a_style_and_classes_of_another_package(project: Path, atpub: Atpub) -> None:
    options = ("--style", "pydantic", "--out", "src/shared", "--package", "shared", "--include", "org.lab.shared.*")
    assert atpub("generate", *options).code == 0
    external = more('style = "pydantic"', 'external = ["org.lab.shared.*=shared"]')
    write_files(project, {"pyproject.toml": external})
    assert atpub("generate").code == 0
    assert modules(project) == ["org.lab.note", "org.other.thing"]
    program = "from lab.records.org.lab.note import Note; Note.model_validate({'$type': 'org.lab.note'})"
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(project / "src")}, check=True)
    ran = atpub("generate", "--style", "pydantc")
    assert (ran.code, "did you mean 'pydantic'?" in ran.err) == (64, True)
    ran = atpub("generate", "--external", "shared")
    assert (ran.code, "expected PATTERN=PACKAGE, found 'shared'" in ran.err) == (64, True)
    ran = atpub("generate", "--external", "org.*=lab.records")
    assert (ran.code, "lab.records is the package itself" in ran.err) == (64, True)


# The file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.atpub", "expected ']'"),
        ("[tool.atpub]\ngenerate = 1", "tool.atpub.generate: expected a table [wrong-setting]"),
        (more("strict = 1"), "tool.atpub.generate.strict: expected true or false"),
        (more('include = ["a", 1]'), "tool.atpub.generate.include: expected a list of strings"),
        (more("exclude = 2020-01-01"), "tool.atpub.generate.exclude: expected a list of strings"),
        (more('lexicon = "lexicons"'), "tool.atpub.generate.lexicon: there is no such setting"),
        (SETTINGS.replace('"src/lab/records"', "[]"), "tool.atpub.generate.out: expected a string"),
    ],
)
def test_a_wrong_file_is_named(project: Path, atpub: Atpub, text: str, said: str) -> None:
    write_files(project, {"pyproject.toml": text})
    before = tree(project)
    ran = atpub("generate")
    assert ran.code == 3
    assert re.search(r"^pyproject\.toml(:\d+:\d+)?: error: ", ran.err, re.MULTILINE)
    assert said in ran.err
    assert tree(project) == before


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('[tool.atpub.generate]\nout = "a\n', "2:9: error: illegal character '\\n' [toml-syntax]"),
        ("[tool.atpub.generate]\nstrict = ", "2:10: error: invalid value [toml-syntax]"),
        ('[tool.x]\nout = 1\n[tool.atpub.generate]\n  "out" = 1\n', "4:4: error: tool.atpub.generate.out: expected"),
        ('[tool.atpub.generate]\nlexicons = "a"\n', "2:1: error: tool.atpub.generate.lexicons"),
    ],
)
def test_what_is_wrong_in_it_has_its_place(project: Path, atpub: Atpub, text: str, shown: str) -> None:
    write_files(project, {"pyproject.toml": text})
    assert f"pyproject.toml:{shown}" in atpub("generate").err


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("lexicons", '["lexicons", "../others"]'),
        ("lexicons", '["/etc"]'),
        ("lexicons", '["lexicons/../../others"]'),
        ("lexicons", '["link"]'),
        ("out", '"../records"'),
        ("out", '"link/records"'),
        ("samples", '["link/atpub.yaml"]'),
    ],
)
def test_no_path_in_the_file_leads_out_of_the_project(
    folder: Path, atpub: Atpub, monkeypatch: pytest.MonkeyPatch, name: str, path: str
) -> None:
    line = f"{name} = {path}"
    text = re.sub(rf"^{name} = .*$", line, SETTINGS, flags=re.MULTILINE) if name in SETTINGS else more(line)
    write_files(folder, {"project/pyproject.toml": text, "project/lexicons/a.json": record("org.lab.a")})
    write_files(folder, {"others/x.json": record("org.lab.x")})
    (folder / "project/link").symlink_to(folder / "others")
    monkeypatch.chdir(folder / "project")
    ran = atpub("generate")
    assert ran.code == 3
    assert "leads out of the folder of pyproject.toml [wrong-setting]" in ran.err
    assert f"--{name}" in ran.err
    assert [file.name for file in (folder / "others").iterdir()] == ["x.json"]
    given = {"lexicons": "link", "out": "link/records", "samples": "link/a.yaml"}
    assert "leads out" not in atpub("generate", f"--{name}", given[name], "--check").err


def test_a_list_is_written_as_one(project: Path, atpub: Atpub) -> None:
    write_files(project, {"pyproject.toml": '[tool.atpub.generate]\nlexicons = "a"\n'})
    assert 'hint: write it as a list: ["a"]' in atpub("generate").err


def test_a_table_of_ours_whose_name_is_misspelt(project: Path, atpub: Atpub) -> None:
    write_files(project, {"pyproject.toml": SETTINGS.replace("generate", "genrate")})
    told = atpub("generate")
    assert told.code == 3
    assert "tool.atpub.genrate: there is no such setting" in told.err
    assert "did you mean 'generate'?" in told.err


def test_a_file_that_is_not_utf8(project: Path, atpub: Atpub) -> None:
    (project / "pyproject.toml").write_bytes(b"[tool]\nx = '\xff'\n")
    assert "pyproject.toml:2:6: error: the byte 0xFF is not UTF-8 [not-utf8]" in atpub("generate").err


def test_a_near_miss_has_a_hint(project: Path, atpub: Atpub) -> None:
    write_files(project, {"pyproject.toml": more('excludes = ["a"]')})
    assert "did you mean 'exclude'?" in atpub("generate").err


def test_a_file_without_a_table_of_ours_is_as_good_as_none(folder: Path, atpub: Atpub) -> None:
    write_files(folder, {**FILES, "pyproject.toml": "[tool.other]\nx = 1\n"})
    ran = atpub("generate")
    assert ran.code == 64
    assert "--out and --package missing" in ran.err


# Samples


MANIFEST = """
atpub: 1
project: lab
schemas:
  digit: {nsid: org.lab.digit, version: 1.0.0, description: A digit., fields: {image: ndarray, label: "integer?"}}
"""


def test_samples_alone(folder: Path, atpub: Atpub) -> None:
    write_files(folder, {"atpub.yaml": MANIFEST})
    ran = atpub("generate", "--samples", "atpub.yaml", "--out", "lab", "--package", "lab")
    assert (ran.code, ran.err) == (0, "")
    assert sorted(path.name for path in (folder / "lab").iterdir()) == ["__init__.py", "samples.py"]
    assert "import" not in (folder / "lab/__init__.py").read_text()
    text = (folder / "lab/samples.py").read_text()
    assert "class Digit:" in text
    assert "    image: Array\n    label: int | None = None\n" in text
    assert atpub("generate", "--samples", "atpub.yaml", "--out", "lab", "--package", "lab", "--check").code == 0


def test_samples_beside_records(project: Path, atpub: Atpub) -> None:
    write_files(project, {"atpub.yaml": MANIFEST, "pyproject.toml": more('samples = ["atpub.yaml"]')})
    assert atpub("generate").code == 0
    assert {"samples", "org.lab.note"} <= set(modules(project))


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("atpub: 1\nproject: lab\n", 64, "atpub.yaml has no sample schemas"),
        (MANIFEST.replace("ndarray", "tensor"), 3, "did you mean 'ndarray'?"),
        (MANIFEST.replace("label:", "class:"), 3, "'class' cannot name a Python attribute"),
    ],
)
def test_samples_that_cannot_be(folder: Path, atpub: Atpub, text: str, code: int, said: str) -> None:
    write_files(folder, {"atpub.yaml": text})
    ran = atpub("generate", "--samples", "atpub.yaml", "--out", "lab", "--package", "lab")
    assert ran.code == code
    assert said in ran.err
    assert not (folder / "lab").exists()


@pytest.mark.parametrize("style", ["classes", "pydantic"])
def test_a_check_names_the_changes_that_break_those_who_use_the_classes(
    project: Path, atpub: Atpub, style: str
) -> None:
    write_files(project, {"pyproject.toml": more(f'style = "{style}"')})
    assert atpub("generate").code == 0
    write_files(project, {"lexicons/alone.json": record("org.lab.shared.alone", text={"type": "integer"})})
    ran = atpub("generate", "--check")
    assert ran.code != 0
    assert "org.lab.shared.alone $.defs.main.record.properties.text" in ran.err
    assert "breaks readers of old records, writers and readers of new records [type-changed]" in ran.err
    found = atpub("generate", "--check", "--json").json
    assert [item["code"] for item in found["breaking"]] == ["type-changed"]
    assert any(name.endswith("alone.py") for name in found["error"]["files"])
    write_files(project, {"lexicons/alone.json": record("org.lab.shared.alone", text={"type": "string"}, more=TEXT)})
    compatible = atpub("generate", "--check", "--json").json
    assert (compatible["breaking"], bool(compatible["error"]["files"])) == ([], True)
