"""Lexicons that mean no good: right code, or an error with file and JSON path; never a file outside the folder."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.playground import Ran, write_files

Atpub = Callable[..., Ran]
NAMES = [
    *("class", "def", "None", "self", "cls", "data", "value", "known", "out", "print", "list", "dict", "str", "type"),
    *("__init__", "__slots__", "__class__", "__dict__", "_extra", "extra", "check", "load", "from_json", "to_json"),
    *("NSID", "KEY", "WIRE", "WITHIN", "fooBar", "foo_bar", "FooBar", "FOO_BAR", "foo-bar", "foo bar", "foo.bar", ""),
    *(
        "1st",
        "é",
        "e\u0301",
        "名",
        "\u202e",
        "ﬁ",
        "fi",
        "a\n",
        '"""',
        "'",
        "\\",
        "{{ x }}",
        "{% raw %}",
        "__import__('os')",
    ),
]
TEXTS = [
    '"""\nimport os\n"""',
    "'''",
    "\\",
    'ends with a quote"',
    "\\N{BULLET} \\x41 \\",
    "{{ 7 * 7 }} {% for x in y %} {# #}",
    "# type: ignore\n\r\x0b\x0c\x1c\u2028\u2029\x00",
    "\ud800",
    "%s {0} {name!r}",
    "x" * 10_000,
]
BAD_IDS = ["../../etc.passwd", "org.lab.../x", "/org.lab.thing", "org/lab/thing", "org.lab.thing\n", "C:\\x.y.z", ""]


def lexicon(nsid: str, main: Any, **definitions: Any) -> str:
    return json.dumps({"lexicon": 1, "id": nsid, "defs": {"main": main, **definitions}})


def record(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "record", "key": "any", "record": {"type": "object", "properties": properties}, **more}


@pytest.fixture
def generate(atpub: Atpub, folder: Path) -> Callable[[str], Ran]:
    """Generates from one lexicon file, and sees that what came of it is Python and stands where it should."""

    def generate(text: str) -> Ran:
        write_files(folder, {"lexicons/x.json": text})
        ran = atpub("generate", "--out", "out/made", "--package", "made")
        files = [path for path in folder.rglob("*") if path.is_file() and path.name != "x.json"]
        assert all(path.is_relative_to(folder / "out/made") for path in files)
        assert bool(files) == (ran.code == 0)
        for path in files:
            if path.suffix == ".py":
                ast.parse(path.read_text("utf-8"))
        return ran

    return generate


def use(folder: Path, program: str) -> str:
    """Runs a program that may import what was generated."""
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=folder / "out", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_names_of_every_kind(generate: Callable[[str], Ran], folder: Path) -> None:
    assert generate(lexicon("org.lab.thing", record({name: {"type": "string"} for name in NAMES}))).code == 0
    value = {"$type": "org.lab.thing", **{name: name.strip() for name in NAMES}}
    program = f"""
from made.org.lab.thing import Thing
value = {value!r}
assert Thing.from_json(value).to_json() == value
assert len(Thing.__slots__) == {len(set(NAMES))}
assert all(name.isidentifier() for name in Thing.__slots__)
"""
    use(folder, program)


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:20]))
def test_texts_stay_text(generate: Callable[[str], Ran], folder: Path, text: str) -> None:
    said = "x" if "\ud800" in text else text  # half of a character can be in a description, but in no value
    choices = {"type": "string", "description": text, "knownValues": [said], "default": said}
    enum = {"type": "string", "enum": [said, "y"], "description": text}
    token = {"type": "token", "description": text}
    assert generate(lexicon("org.lab.thing", record({"a": choices, "b": enum}, description=text), t=token)).code == 0
    value = {"$type": "org.lab.thing", "b": said}
    use(folder, f"from made.org.lab.thing import Thing; assert Thing.from_json({value!r}).to_json() == {value!r}")


def test_half_of_a_character_is_no_value(generate: Callable[[str], Ran]) -> None:
    ran = generate(lexicon("org.lab.thing", record({"a": {"type": "string", "enum": ["\ud800"]}})))
    assert ran.code == 3
    assert "$.defs.main.record.properties.a.enum: '\\ud800' holds" in ran.err


@pytest.mark.parametrize("nsid", BAD_IDS)
def test_no_id_leads_out_of_the_folder(generate: Callable[[str], Ran], nsid: str) -> None:
    ran = generate(lexicon(nsid, record({})))
    assert ran.code == 3
    assert "lexicons/x.json:1:" in ran.err
    assert "$.id: " in ran.err
    assert "is not a valid NSID" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("nsid", ["com.os.import", "org.class.def", "typing.any.final", "org.con.aux"])
def test_ids_that_are_words_of_python(generate: Callable[[str], Ran], folder: Path, nsid: str) -> None:
    assert generate(lexicon(nsid, record({"a": {"type": "string"}}))).code == 0
    program = """
import importlib, made, pkgutil
for found in pkgutil.walk_packages(made.__path__, "made."):
    importlib.import_module(found.name)
"""
    use(folder, program)


def test_references_that_go_round(generate: Callable[[str], Ran], folder: Path) -> None:
    def ref(name: str) -> dict[str, str]:
        return {"type": "ref", "ref": name}

    main = record({"tree": ref("#tree"), "nest": ref("#nest")})
    branches = {"left": ref("#tree"), "all": {"type": "array", "items": ref("#tree")}, "main": ref("#main")}
    tree = {"type": "object", "properties": branches}
    nest = {"type": "array", "items": ref("#nest")}
    assert generate(lexicon("org.lab.thing", main, tree=tree, nest=nest)).code == 0
    value: dict[str, Any] = {"$type": "org.lab.thing", "nest": [[], [[]]]}
    value["tree"] = {"left": {"all": [{}]}, "main": {"$type": "org.lab.thing"}}
    use(folder, f"from made.org.lab.thing import Thing; assert Thing.from_json({value!r}).to_json() == {value!r}")


@pytest.mark.slow
def test_a_long_chain_of_lists(generate: Callable[[str], Ran], folder: Path) -> None:
    refs = [{"type": "ref", "ref": f"#d{number + 1}"} for number in range(600)]
    lists = {f"d{number}": {"type": "array", "items": ref} for number, ref in enumerate(refs)}
    main = record({"a": {"type": "ref", "ref": "#d0"}})
    assert generate(lexicon("org.lab.thing", main, **lists, d600={"type": "integer"})).code == 0
    use(folder, "from made.org.lab.thing import Thing; Thing.from_json({'$type': 'org.lab.thing', 'a': [[[]]]})")


@pytest.mark.slow
def test_ten_thousand_properties(generate: Callable[[str], Ran], folder: Path) -> None:
    assert generate(lexicon("org.lab.thing", record({f"p{n}": {"type": "integer"} for n in range(10_000)}))).code == 0
    program = """
from made.org.lab.thing import Thing
value = {"$type": "org.lab.thing", **{f"p{n}": n for n in range(10_000)}}
assert Thing.from_json(value).to_json() == value
"""
    use(folder, program)


@pytest.mark.parametrize("depth", [65, 1_000, 100_000])
@pytest.mark.parametrize(
    ("opening", "closing"),
    [('{"type": "array", "items": ', "}"), ('{"type": "object", "properties": {"a": ', "}}")],
    ids=["arrays", "objects"],
)
def test_nesting_without_end(generate: Callable[[str], Ran], opening: str, closing: str, depth: int) -> None:
    deep = opening * depth + '{"type": "integer"}' + closing * depth
    ran = generate('{"lexicon": 1, "id": "org.lab.thing", "defs": {"main": ' + deep + "}}")
    assert ran.code == 3
    assert "lexicons/x.json:1:" in ran.err
    assert "nested deeper than 64 levels" in ran.err or "too-deep" in ran.err or "json-syntax" in ran.err


def test_a_key_that_is_there_twice(generate: Callable[[str], Ran]) -> None:
    ran = generate('{"lexicon": 1, "id": "org.lab.thing",\n "id": "org.lab.other", "defs": {}}')
    assert ran.code == 3
    assert "lexicons/x.json:2:2: error: the key 'id' is given twice" in ran.err


def test_a_reference_to_nothing(generate: Callable[[str], Ran]) -> None:
    ran = generate(lexicon("org.lab.thing", record({"a": {"type": "ref", "ref": "#nothing"}})))
    assert ran.code == 3
    assert "$.defs.main.record.properties.a.ref: org.lab.thing refers to org.lab.thing#nothing, which" in ran.err
