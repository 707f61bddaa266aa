"""The source that is generated: as it reads, always the same, and nothing in it that a lexicon has smuggled in."""

import ast
import inspect
import random
import subprocess
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import get_args

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from tests.codegen.packages import LEXICONS, GeneratedPackage, generated, linked, read, write

from atpub.atproto.data import Json
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidRecord
from atpub_codegen import MARK, generate

THING = Nsid("com.example.thing")


class Source(SingleFileSnapshotExtension):
    """A snapshot that reads like the file that it is of, and that no tool takes for Python."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


SHOWN = ("everything", "defs", "tree", "hostile", "tokens", "find", "pick", "upload", "subscribe", "ancient")


@pytest.mark.parametrize("name", SHOWN)
def test_a_module(everything: GeneratedPackage, snapshot: SnapshotAssertion, name: str) -> None:
    assert inspect.getsource(everything.module(f"com.example.{name}")) == snapshot(extension_class=Source)


def test_the_package(everything: GeneratedPackage, snapshot: SnapshotAssertion) -> None:
    names = [str(name) for name in everything.files]
    files = {str(name): text for name, text in everything.files.items()}
    shown = "\n".join([*names, "", files["__init__.py"], files["com/__init__.py"]])
    assert shown == snapshot(extension_class=Source)


def shuffled(value: Json, chance: random.Random) -> Json:
    """The same JSON with the keys of its objects in another order; lists have an order that means something."""
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: shuffled(value[key], chance) for key in chance.sample(sorted(value), len(value))}


@pytest.mark.parametrize("seed", range(3))
def test_no_order_of_files_or_keys_changes_anything(everything: GeneratedPackage, seed: int) -> None:
    chance = random.Random(seed)
    documents = read(LEXICONS)
    names = chance.sample(sorted(documents), len(documents))
    others: dict[Nsid, Json] = {name: shuffled(documents[name], chance) for name in names}
    again = generate(others, linked(others), package=everything.name)
    assert dict(again) == dict(everything.files)
    assert list(again) == list(everything.files)


def test_every_file_says_where_it_is_from(everything: GeneratedPackage) -> None:
    for path, text in everything.files.items():
        if path.suffix == ".py":
            assert text.startswith(MARK)
            assert "`atpub generate`" in text.splitlines()[0]
            assert text.endswith("\n")
            assert "\n\n\n\n" not in text
    files = generate(read(LEXICONS), everything.lexicons, package="p", command="make generated")
    assert all("`make generated`" in text for path, text in files.items() if path.suffix == ".py")


def test_nothing_unseen_stands_in_the_source(everything: GeneratedPackage) -> None:
    for path, text in everything.files.items():
        assert {unicodedata.category(character) for character in text if character != "\n"}.isdisjoint(
            {"Cc", "Cf", "Cs", "Zl", "Zp"}
        ), path
        assert not any(line != line.rstrip() for line in text.splitlines()), path


def test_the_formatter_changes_nothing(everything: GeneratedPackage, tmp_path: Path) -> None:
    """But where names are longer than a line."""
    formatted = {path: text for path, text in everything.files.items() if path.name not in ("names.py", "_lexicons.py")}
    write(formatted, tmp_path / everything.name)
    for command in (["format", "--check"], ["check", "--select=E5,E7,E9,F,I,PIE,RET,UP,W"]):
        options = ["--isolated", "--no-cache", "--line-length=120", "--target-version=py311"]
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *options, "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_a_lexicon_adds_nothing_but_what_it_defines(everything: GeneratedPackage) -> None:
    """Every statement at the top of every module is of a kind that a template writes, and calls nothing else."""
    allowed = {"reader", "Query", "Procedure", "Subscription", "Package"}
    for path, text in everything.files.items():
        if path.suffix != ".py":
            continue
        for node in ast.parse(text).body:
            match node:
                case ast.Import():
                    assert node.names[0].name == "builtins", path
                case ast.ImportFrom(module=module):
                    assert (module or "").split(".")[0] in {
                        "__future__",
                        "atpub",
                        "collections",
                        "typing",
                        everything.name,
                    }
                case ast.Expr(value=value):
                    assert isinstance(value, ast.Constant)
                case ast.AnnAssign(value=ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name))):
                    assert name in allowed
                case ast.AnnAssign(value=value) | ast.Assign(value=value):
                    assert value
                    assert not any(isinstance(part, ast.Call | ast.Lambda) for part in ast.walk(value))
                case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=[ast.Assign()]):
                    assert {*map(type, body)} == {ast.ImportFrom, ast.AnnAssign}
                case _:
                    assert isinstance(node, ast.ClassDef | ast.FunctionDef)


def test_exports_are_what_a_user_needs(everything: GeneratedPackage) -> None:
    for name in everything.modules:
        module = everything.module(name)
        for exported in getattr(module, "__all__", ()):
            assert hasattr(module, exported)
    assert everything.module("com.example.pick").__all__ == [
        *("METHOD", "NSID", "One", "PickInput", "PickInputMember", "PickOutput")
    ]


def lexicon(nsid: str, **definitions: Json) -> dict[Nsid, Json]:
    return {Nsid(nsid): {"lexicon": 1, "id": nsid, "defs": dict(definitions)}}


def text_of(files: Mapping[PurePosixPath, str], name: str) -> str:
    return next(text for path, text in files.items() if str(path) == name)


@pytest.mark.parametrize(
    "word", ["Mapping", "Any", "Literal[", "TypeAlias", "ClassVar", "final", "runtime.", "builtins.", "Final"]
)
def test_words_of_a_description_import_nothing(word: str) -> None:
    token = lexicon("com.example.thing", word={"type": "token", "description": f"About {word} and so on."})
    text = text_of(generate(token, linked(token), package="p"), "com/example/thing.py")
    imports = [node for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)]
    assert [(node.module, [name.name for name in node.names]) for node in imports] == [
        ("__future__", ["annotations"]),
        ("typing", ["Final"]),
    ]


def test_only_what_may_be_absent_has_a_default_that_readers_take() -> None:
    count: Json = {"type": "integer", "default": 3}
    counts = lexicon(
        "com.example.thing", main={"type": "object", "required": ["a"], "properties": {"a": count, "b": count}}
    )
    text = text_of(generate(counts, linked(counts), package="p"), "com/example/thing.py")
    assert [line.strip() for line in text.splitlines() if "Readers" in line] == [
        '"""Readers take 3 where it is absent."""'
    ]


def test_lists_in_lists_as_deep_as_a_lexicon_may_have_them(tmp_path: Path) -> None:
    definitions: dict[str, Json] = {"leaf": {"type": "object"}}
    for depth in (7, 8, 21, 50):
        leaf: Json = {"type": "ref", "ref": "#leaf"}
        number: Json = {"type": "integer", "maximum": 3}
        for _ in range(depth):
            leaf, number = {"type": "array", "items": leaf}, {"type": "array", "items": number}
        definitions[f"of{depth}"] = {"type": "object", "properties": {"leaf": leaf, "number": number}}
        definitions[f"named{depth}"] = leaf
    package = generated(lexicon("com.example.lists", **definitions), "lists", tmp_path)
    module = package.module("com.example.lists")
    for depth in (7, 8, 21, 50):
        kind = getattr(module, f"Of{depth}")
        value: Json = {"leaf": nested(depth, {}), "number": nested(depth, 3)}
        assert kind.from_json(value).to_json() == value
        with pytest.raises(InvalidRecord, match="4, at most 3"):
            kind.from_json({"number": nested(depth, 4)})


def nested(depth: int, value: Json) -> Json:
    for _ in range(depth):
        value = [value]
    return value


def test_a_list_of_one_that_holds_itself(tmp_path: Path) -> None:
    lists: dict[str, Json] = {
        name: {"type": "array", "items": {"type": "ref", "ref": f"#{of}"}}
        for name, of in {"a": "b", "b": "c", "c": "d", "d": "c", "e": "e", "early": "e"}.items()
    }
    module = generated(lexicon("com.example.circles", **lists), "circles", tmp_path).module("com.example.circles")
    assert module.load_a([[[[]]]]) == [[[[]]]]
    assert get_args(module.Early) == (module.E,)


@pytest.mark.slow
def test_a_union_of_thousands(tmp_path: Path) -> None:
    names = [f"member{number}" for number in range(1500)]
    union: Json = {"type": "union", "refs": [f"#{name}" for name in names]}
    definitions: dict[str, Json] = {name: {"type": "object"} for name in names}
    definitions["main"] = {"type": "object", "properties": {"any": union}}
    module = generated(lexicon("com.example.many", **definitions), "many", tmp_path).module("com.example.many")
    value: Json = {"any": {"$type": "com.example.many#member1499"}}
    assert isinstance(module.Many.from_json(value).any, module.Member1499)


def test_no_lexicons_give_an_empty_package() -> None:
    assert [str(path) for path in generate({}, Lexicons({}), package="p")] == ["__init__.py", "_lexicons.py"]


def test_a_lexicon_of_which_python_has_no_use_gets_no_module() -> None:
    permissions: Json = {"type": "permission-set", "permissions": []}
    documents = lexicon("com.example.permissions", main=permissions)
    files = generate(documents, linked(documents), package="p")
    assert [str(path) for path in files] == ["__init__.py", "_lexicons.py"]
    assert "com.example.permissions" in text_of(files, "_lexicons.py")


def test_a_package_may_refer_to_another(everything: GeneratedPackage, tmp_path: Path) -> None:
    documents = lexicon(
        "org.other.thing",
        main={
            "type": "record",
            "key": "tid",
            "record": {
                "type": "object",
                "required": ["point", "word"],
                "properties": {
                    "point": {"type": "ref", "ref": "com.example.everything#point"},
                    "places": {"type": "ref", "ref": "com.example.everything#places"},
                    "word": {"type": "ref", "ref": "com.example.moves#word"},
                    "either": {"type": "union", "refs": ["com.example.defs#pair", "#own"], "closed": True},
                },
            },
        },
        own={"type": "object", "properties": {"thing": {"type": "ref", "ref": "#main"}}},
    )
    other = generated(documents, "other_package", tmp_path, {everything.name: everything.lexicons})
    thing = other.module("org.other.thing")
    assert f'_USES = ("{everything.name}",)' in text_of(other.files, "__init__.py")
    assert list(other.module().LEXICONS.documents) == ["org.other.thing"]
    value = {"$type": "org.other.thing", "point": {"x": 1, "y": 2}, "word": "abc", "places": [{"x": 0, "y": 0}]}
    loaded = thing.Thing.from_json(value)
    assert loaded.to_json() == value
    assert isinstance(loaded.point, everything.module("com.example.everything").Point)
    with pytest.raises(InvalidRecord) as caught:
        thing.Thing.from_json({**value, "point": {}, "word": "abcd", "either": {"$type": "x.y.z"}})
    assert sorted(problem.message for problem in caught.value.problems) == [
        "$.either.$type: 'x.y.z' is not one of com.example.defs#pair, org.other.thing#own (union; org.other.thing)",
        "$.point.x: is required and missing (required; com.example.everything#point)",
        "$.point.y: is required and missing (required; com.example.everything#point)",
        "$.word: 4 bytes, at most 3 (maxLength; com.example.moves#word)",
    ]


@pytest.mark.parametrize("name", ["com.example.thing#b", "com.example.other"])
def test_lexicons_that_are_not_linked_are_refused(name: str) -> None:
    documents = lexicon("com.example.thing", main={"type": "object", "properties": {"a": {"type": "ref", "ref": name}}})
    loose = Lexicons({THING: parse(documents[THING], "thing.json")})
    with pytest.raises(ValueError, match=f"com.example.thing refers to {name}, which is no type of value"):
        generate(documents, loose, package="p")
