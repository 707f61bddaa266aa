"""Names: of attributes, classes, constants, modules and files, whatever the lexicon calls them."""

import importlib
import keyword
import re
import sys
from itertools import product
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.codegen.packages import GeneratedPackage, generated, linked

from atpub.atproto.data import Json
from atpub.atproto.syntax import Nsid
from atpub_codegen import generate
from atpub_codegen.names import distinct, module_of, modules_of, pascal_case, snake_case
from atpub_codegen.source import docstring, quote

ATTRIBUTES = {
    "createdAt": "created_at",
    "created-at": "created_at",
    "created_at": "created_at",
    "HTTPServerURL": "http_server_url",
    "storageS3": "storage_s3",
    "aB2C": "a_b2_c",
    "list": "list",
    "type": "type",
    "match": "match",
    "class": "class_",
    "from": "from_",
    "None": "none",
    "self": "self_",
    "cls": "cls_",
    "extra": "extra_",
    "_extra": "extra_",
    "load": "load_",
    "fromJson": "from_json_",
    "__init__": "init",
    "1st": "field_1st",
    "$type": "type",
    "größe": "größe",
    "ﬁeld": "field",
    "ｃｌａｓｓ": "class_",
    "²": "field_2",
    "名前": "名前",
    "a b\n.c": "a_b_c",
    "😀": "field",
    "": "field",
}


@pytest.mark.parametrize(("wire", "attribute"), ATTRIBUTES.items())
def test_attributes(wire: str, attribute: str) -> None:
    assert snake_case(wire) == attribute


@given(st.text(st.characters(codec=None)))
@example("İ")
@example("ŉ")
@example("\u0345a")
@example("℘")
def test_every_name_becomes_an_identifier(name: str) -> None:
    for found in (snake_case(name), pascal_case(name)):
        assert found.isidentifier()
        assert not keyword.iskeyword(found)
        assert not found.startswith("_")
        namespace: dict[str, object] = {}
        exec(f"{found} = 1", namespace)
        assert found in namespace  # Python itself has no other spelling for it


@given(
    st.sets(st.sampled_from(["fooBar", "foo_bar", "foo-bar", "FooBar", "foo_bar_2", "fooBar2", "foo_bar2", "_fooBar"]))
)
def test_names_that_meet_get_numbers(names: set[str]) -> None:
    found = distinct(names)
    assert found.keys() == names
    assert len({*found.values()}) == len(names)
    if "fooBar" in names:
        assert found["fooBar"] == "foo_bar"
    elif "foo_bar" in names and not names & {"foo_bar2", "fooBar2"}:
        assert found["foo_bar"] == "foo_bar"


@given(st.text(st.characters(codec=None)))
@example('"""')
@example("\\")
@example('\\"')
@example("\u202e\x00\n\ud800 {{ x }} {% raw %}")
def test_no_text_breaks_out_of_a_literal_or_a_docstring(text: str) -> None:
    assert eval(quote(text)) == text
    assert quote(text).isascii()
    namespace: dict[str, object] = {}
    source = f"def f():\n    {docstring(text, 4)}\n    return 1\n"
    exec(source.encode(), namespace)
    shown = eval("f()", namespace), eval("f.__doc__", namespace)
    assert shown[0] == 1
    assert isinstance(shown[1], str)
    assert re.sub(r"\s", "", shown[1]).isprintable() or not text.isprintable()


SEGMENT = st.from_regex(r"[a-zA-Z]([a-zA-Z0-9-]{0,20}[a-zA-Z0-9])?", fullmatch=True)
NSIDS = st.tuples(SEGMENT, SEGMENT, st.from_regex(r"[a-zA-Z][a-zA-Z0-9]{0,20}", fullmatch=True)).map(".".join).map(Nsid)


@pytest.mark.slow
@given(st.sets(NSIDS, min_size=1, max_size=4))
@example({Nsid("com.example.con"), Nsid("com.example.Con"), Nsid("aux.nul.prn")})
def test_every_lexicon_gets_a_file_of_its_own_inside_the_package(nsids: set[Nsid]) -> None:
    definitions: Json = {"main": {"type": "token"}}
    documents: dict[Nsid, Json] = {nsid: {"lexicon": 1, "id": str(nsid), "defs": definitions} for nsid in nsids}
    paths = list(generate(documents, linked(documents), package="p"))
    modules = modules_of(nsids)
    assert len({module.lower() for module in modules.values()}) == len(nsids)
    assert len({str(path).lower() for path in paths}) == len(paths)
    for path in paths:
        assert not path.is_absolute()
        assert not {"..", "con.py", "nul.py", "aux.py", "prn.py", "con", "nul", "aux", "prn"} & {*path.parts}
    for nsid, module in modules.items():
        assert all(part.isidentifier() for part in module.split("."))
        assert module.startswith(module_of(nsid))


def test_fields_keep_their_wire_names(everything: GeneratedPackage) -> None:
    names = everything.module("com.example.names")
    for kind in (names.Names, names.Required, names.Objects):
        assert len({*kind.WIRE.values()}) == len(kind.WIRE) == len(kind.__slots__)
    assert names.Names.WIRE["foo_bar"] == "fooBar"
    assert names.Names.WIRE["class_"] == "class"
    assert names.Names.WIRE["extra_"] == "extra"
    value = dict(zip(names.Required.WIRE.values(), range(100), strict=False))
    loaded = names.Required.from_json(value)
    assert loaded.to_json() == value
    assert [getattr(loaded, name) for name in names.Required.WIRE] == list(value.values())
    assert names.Required(**dict(zip(names.Required.WIRE, value.values(), strict=True))) == loaded


def test_constants_and_classes_with_names_that_are_taken(everything: GeneratedPackage) -> None:
    tokens, defs = everything.module("com.example.tokens"), everything.module("com.example.defs")
    values = {name: getattr(tokens, name) for name in tokens.__all__ if name != "A"}
    assert values.pop("NSID") == values.pop("TOKENS") == "com.example.tokens"
    assert sorted(values.values()) == sorted(
        f"com.example.tokens#{name}"
        for name in ("METHOD", "NSID", "a", "calm", "final", "foo-bar", "fooBar", "method", "none", "nsid")
    )
    found = defs.List.from_json({"any": {"list": [1]}, "mapping": {}, "none": {"x": 1}})
    assert found == defs.List(any=defs.Any2(list=[1]), mapping=defs.Mapping2(), none=defs.None_(x=1))
    assert get_args(defs.Boxes) == (defs.BoxesItem2,)


def test_modules_with_names_that_are_taken(everything: GeneratedPackage) -> None:
    found = {
        everything.module(f"com.example.{name}").NSID: name
        for name in ("foo_bar", "foo_bar_2", "foobar", "aux_", "con_.nul_", "class_.import_")
    }
    assert found.keys() == {
        *("com.example.fooBar", "com.example.FooBar", "com.example.foobar"),
        *("com.example.aux", "com.example.con.nul", "com.example.class.import"),
    }
    assert everything.module("com.field_4chan.thing").NSID == "com.4chan.thing"


def test_a_lexicon_may_be_named_like_something_in_another_ones_module(everything: GeneratedPackage) -> None:
    for name in everything.modules:
        everything.module(name)
    main = everything.module("com.example.everything")
    assert main.load_places.NSID == "com.example.everything.loadPlaces"
    assert main.final_.NSID == "com.example.everything.final"
    value = {"places": [{"x": 0, "y": 0}]}
    assert main.load_places.LoadPlaces.from_json(value).places == [main.Point(x=0, y=0)]


@pytest.mark.slow
def test_any_module_can_be_imported_first(everything: GeneratedPackage) -> None:
    modules = everything.modules
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == everything.name}
    try:
        for name in modules:
            importlib.import_module(f"{everything.name}.{name}".rstrip("."))
            for loaded in [other for other in sys.modules if other.partition(".")[0] == everything.name]:
                del sys.modules[loaded]
    finally:
        sys.modules.update(kept)


def test_annotations_can_be_evaluated(everything: GeneratedPackage) -> None:
    """But where lists in two modules are lists of each other: each would need the other first."""
    for kind in everything.classes:
        if kind.NSID != "com.example.tree":
            assert {*get_type_hints(kind.__init__)} == {*kind.__init__.__annotations__}


BUILTINS = ("bool", "bytes", "dict", "int", "isinstance", "len", "list", "str", "List")


def test_a_lexicon_may_be_named_like_a_builtin_that_another_ones_module_needs(tmp_path: Path) -> None:
    text: Json = {"type": "string"}
    properties: Json = {"a": text, "b": {"type": "array", "items": text, "minLength": 1}}
    definitions: Json = {"main": {"type": "object", "nullable": ["a"], "properties": properties}}
    nsids = [Nsid("com.example.thing"), *(Nsid(f"com.example.thing.{name}") for name in BUILTINS)]
    documents: dict[Nsid, Json] = {nsid: {"lexicon": 1, "id": str(nsid), "defs": definitions} for nsid in nsids}
    package = generated(documents, "like_builtins", tmp_path)
    assert {package.module(name).NSID for name in package.modules if name.startswith("com.example.thing")} >= {*nsids}
    for kind in package.classes:
        assert kind.from_json({"a": None, "b": ["x"]}).to_json() == {"a": None, "b": ["x"]}
        assert {*get_type_hints(kind.__init__)} == {"a", "b", "return"}
    assert module_of(Nsid("com.example.list")) == "com.example.list"


def test_no_lexicon_is_in_the_way_of_the_samples() -> None:
    names = {Nsid(name) for name in ("samples.example.thing", "com.samples.thing")}
    assert {*modules_of(names).values()} == {"samples_.example.thing", "com.samples.thing"}


def test_thousands_of_names_that_meet() -> None:
    names = ["a" + "".join(signs) for signs in product("-.", repeat=12)]
    assert {*distinct(names).values()} == {"a", *(f"a_{number}" for number in range(2, 4097))}
