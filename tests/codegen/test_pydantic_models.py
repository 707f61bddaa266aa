"""Models of pydantic: the verdicts of the classes, the same CIDs, and nothing of atpub's in them."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import libipld
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from pydantic import TypeAdapter, ValidationError
from tests.atproto.lexicon.tables import table
from tests.codegen.edges import edges, named
from tests.codegen.packages import LEXICONS, GeneratedPackage, generated, linked, read
from tests.codegen.test_generated_verdicts import cid, classes, model_of, name_of
from tests.codegen.values import changed

from atpub.atproto.data import Json, JsonObject, leaves
from atpub.atproto.lexicon.formats import FORMATS
from atpub.atproto.runtime import RecordBase, Value
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidRecord
from atpub.testing import documents
from atpub_codegen import STYLES, generate

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
CID = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"


def model(package: GeneratedPackage, kind: type[Value]) -> Any:
    """The model of what a class was generated from; None for the input of a method that is a union."""
    return getattr(package.module(kind.__module__.partition(".")[2]), kind.__name__, None)


def check(package: GeneratedPackage, kind: type[Value], value: Json) -> bool:
    """Whether the value is valid, on which the class and the model agree."""
    counterpart = model(package, kind)
    try:
        kind.from_json(value)
    except InvalidRecord:
        with pytest.raises(ValidationError):
            counterpart.model_validate(value)
        return False
    loaded = counterpart.model_validate(value)
    assert cid(loaded.to_json()) == cid(value)
    assert counterpart.model_validate(loaded.to_json()) == loaded
    return True


def values(package: GeneratedPackage, kind: type[Value]) -> Iterator[Json]:
    if issubclass(kind, RecordBase):
        return named(name_of(kind), package.lexicons)
    return edges(model_of(package, kind), package.lexicons)


@pytest.mark.slow
def test_they_agree_at_every_edge_of_every_type(everything: GeneratedPackage, models: GeneratedPackage) -> None:
    kinds = [kind for kind in everything.classes if model(models, kind)]
    assert {kind.__name__ for kind in everything.classes} - {kind.__name__ for kind in kinds} == {"PickInput"}
    verdicts = [check(models, kind, value) for kind in kinds for value in islice(values(everything, kind), 0, None, 5)]
    assert verdicts.count(True) > 500
    assert verdicts.count(False) > 3000


@pytest.mark.slow
@settings(max_examples=100, suppress_health_check=SLOW, deadline=None)
@given(drawn=st.data())
def test_they_agree_on_any_value(everything: GeneratedPackage, models: GeneratedPackage, drawn: DataObject) -> None:
    kind = drawn.draw(classes(everything).filter(lambda found: model(models, found) is not None), label="class")
    value = drawn.draw(documents(kind), label="value")
    if drawn.draw(st.booleans(), label="change it"):
        value = drawn.draw(changed(value), label="changed")
    check(models, kind, value)


def test_nothing_of_atpub_is_needed(models: GeneratedPackage) -> None:
    for path, text in models.files.items():
        for node in ast.walk(ast.parse(text)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [item.name for item in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.partition(".")[0] in ("atpub", "libipld")], path
    assert "ignore" not in models.files[next(path for path in models.files if path.name == "_runtime.py")]


def test_the_formatter_changes_nothing(models: GeneratedPackage) -> None:
    for command in (["format", "--check"], ["check", "--select=E7,E9,F,I,PIE,RET,UP,W"]):
        options = ["--isolated", "--no-cache", "--line-length=120", "--target-version=py311"]
        arguments = [sys.executable, "-m", "ruff", *command, *options, models.name]  # beside it are other tests' files
        (folder,) = models.module().__path__
        done = subprocess.run(arguments, cwd=Path(folder).parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_the_same_lexicons_give_the_same_bytes(models: GeneratedPackage) -> None:
    backwards = dict(reversed(read(LEXICONS).items()))
    again = generate(backwards, linked(backwards), package=models.name, style=STYLES["pydantic"])
    assert {**again} == {**models.files}


def test_both_styles_have_the_same_names(everything: GeneratedPackage, models: GeneratedPackage) -> None:
    """Except for the attributes that pydantic has a use for."""
    for kind in everything.classes:
        if counterpart := model(models, kind):
            fields = counterpart.model_fields
            assert {*map(plain, fields)} == {*map(plain, kind.__slots__)}


# Methods


def test_every_method_is_described_as_for_classes(everything: GeneratedPackage, models: GeneratedPackage) -> None:
    names = [name for name in everything.modules if hasattr(everything.module(name), "METHOD")]
    assert len(names) > 8
    for name in names:
        ours: Any = everything.module(name).METHOD
        theirs: Any = models.module(name).METHOD
        assert (type(theirs).__name__, theirs.nsid) == (type(ours).__name__, ours.nsid)
        assert theirs.errors == tuple(error.code for error in ours.errors)
        assert getattr(theirs, "encoding", None) == getattr(ours, "encoding", None)
        for field in ("parameters", "input"):
            kind = getattr(ours, field, None)
            assert (kind and kind.__name__) in (getattr(getattr(theirs, field, None), "__name__", None), "PickInput")


OUTPUTS: list[tuple[str, Json, bool]] = [
    ("find", {"found": [{"x": 1, "y": 2}], "first": {"name": "one"}}, True),
    ("find", {"found": [{"y": 2}]}, False),
    ("move", [{"steps": [{"by": {"steps": []}}]}], True),
    ("move", [{"steps": []}, {"steps": []}, {"steps": []}], False),
    ("pick", {"$type": "com.example.pick#one", "x": 0}, True),
    ("pick", {"$type": "com.example.pick#one", "x": -1}, False),
    ("pick", {"x": 0}, False),
    ("ping", {"a": 1}, True),
    ("poke", None, True),
    ("say", "abc", True),
    ("say", "abcd", False),
]


@pytest.mark.parametrize(("name", "value", "is_valid"), OUTPUTS, ids=repr)
def test_an_output_is_read(
    everything: GeneratedPackage, models: GeneratedPackage, name: str, value: Json, is_valid: bool
) -> None:
    ours, theirs = (package.module(f"com.example.{name}").METHOD.output for package in (everything, models))
    if is_valid:
        assert shown(theirs(value)) == shown(ours(value))
        return
    for read_it, error in ((ours, InvalidRecord), (theirs, ValidationError)):
        with pytest.raises(error):
            read_it(value)


def shown(value: Any) -> Any:
    """A value as JSON."""
    if value.__class__ is list:
        return [*map(shown, value)]
    return value.to_json() if hasattr(value, "to_json") else value


def test_the_input_of_a_union_is_any_member_and_bytes_are_not_read(models: GeneratedPackage) -> None:
    pick, runtime = models.module("com.example.pick"), models.module("_runtime")
    assert isinstance(pick.One(x=1), pick.METHOD.input)
    assert pick.METHOD.input is runtime.Model
    with pytest.raises(TypeError, match="is bytes, not dict"):
        models.module("com.example.get_bytes").METHOD.output({})


def plain(attribute: str) -> str:
    return re.sub("_+", "_", attribute).strip("_")


# Values made in Python


@pytest.fixture
def module(models: GeneratedPackage) -> Any:
    return models.module("com.example.everything")


def made(module: Any, **more: Any) -> Any:
    point = module.Point(x=1, y=2)
    needed = {"must_text": "t", "must_null": None, "must_null_point": None, "must_point": point, "must_tags": ["a"]}
    return module.Everything(**needed, must_union=point, must_anything={"a": 1}, **more)


def test_fields_are_given_by_attribute_and_written_by_wire_name(module: Any) -> None:
    value = made(module).to_json()
    assert value == {
        "$type": "com.example.everything",
        "mustText": "t",
        "mustNull": None,
        "mustNullPoint": None,
        "mustPoint": {"x": 1, "y": 2},
        "mustTags": ["a"],
        "mustUnion": {"$type": "com.example.everything#point", "x": 1, "y": 2},
        "mustAnything": {"a": 1},
    }
    assert module.Everything.model_validate(value) == made(module)
    assert made(module).model_dump() == made(module).to_json()
    assert module.Everything.model_validate_json(made(module).model_dump_json()) == made(module)


def test_absent_is_not_null(module: Any, models: GeneratedPackage) -> None:
    absent = models.module("_runtime").ABSENT
    assert "nullText" not in made(module, null_text=absent).to_json()
    assert made(module, null_text=None).to_json()["nullText"] is None
    assert "text" not in made(module, text=None).to_json()
    value = made(module, text="x", null_text="x")
    value.text, value.null_text = None, None
    assert "text" not in value.to_json()
    assert value.to_json()["nullText"] is None
    assert made(module).null_text is absent
    with pytest.raises(ValidationError):
        module.Everything.model_validate({**made(module).to_json(), "text": None})


def test_links_bytes_and_blobs(module: Any, models: GeneratedPackage) -> None:
    runtime = models.module("_runtime")
    value = made(module, raw=b"raw", link=runtime.CidLink(CID))
    assert value.to_json()["raw"] == {"$bytes": "cmF3"}
    assert value.to_json()["link"] == {"$link": CID}
    assert module.Everything.model_validate(value.to_json()) == value
    blob = runtime.Blob("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy", "image/png", 3)
    assert made(module, picture=blob).picture.to_json() == blob.to_json()
    with pytest.raises(ValidationError):
        made(module, picture=runtime.Blob(CID, "image/png", 3))


@pytest.mark.parametrize("wrong", [{"must_tags": "a"}, {"text": 7}, {"must_point": None}, {"seven": True}], ids=repr)
def test_a_wrong_value_is_refused(module: Any, wrong: JsonObject) -> None:
    with pytest.raises((ValidationError, TypeError)):
        module.Everything(**{**made(module).__dict__, **wrong})


def test_what_the_lexicon_does_not_name_is_kept(module: Any) -> None:
    """Also where it has the name of an attribute."""
    value = {**made(module).to_json(), "must_text": "other", "more": {"$link": CID}}
    loaded = module.Everything.model_validate(value)
    assert loaded.must_text == "t"
    assert loaded.to_json() == value


def test_a_time_is_written_in_utc(models: GeneratedPackage) -> None:
    timestamp = models.module("_runtime").timestamp
    assert timestamp(datetime(2026, 1, 2, 3, tzinfo=UTC)) == "2026-01-02T03:00:00.000Z"
    with pytest.raises(ValueError, match="time zone"):
        timestamp(datetime(2026, 1, 2))


def test_a_record_is_loaded_by_its_type(models: GeneratedPackage, module: Any) -> None:
    loaded = models.module().load(made(module).to_json())
    assert type(loaded) is module.Everything
    with pytest.raises(LookupError, match=r"every_model has no record of the \$type 'com\.example\.nothing'"):
        models.module().load({"$type": "com.example.nothing"})
    with pytest.raises(LookupError, match=r"a record has a \$type"):
        models.module().load({"text": "a"})


def test_every_model_has_a_json_schema(everything: GeneratedPackage, models: GeneratedPackage, module: Any) -> None:
    for kind in everything.classes:
        if counterpart := model(models, kind):
            assert counterpart.model_json_schema()
    point = module.Point.model_json_schema()["$defs"]["Point"]
    assert point["properties"]["x"] == {"title": "X", "type": "integer"}


RESERVED = ("copy", "json", "dict", "schema", "validate", "modelDump", "modelConfig", "modelFields", "NSID", "self")


def test_no_field_hides_what_pydantic_has(tmp_path: Path) -> None:
    properties: Json = {name: {"type": "string"} for name in RESERVED}
    main: Json = {"type": "object", "properties": properties}
    annotated: Json = {"type": "object", "properties": {}}
    lexicon: Json = {"lexicon": 1, "id": "org.lab.thing", "defs": {"main": main, "annotated": annotated}}
    package = generated({Nsid("org.lab.thing"): lexicon}, "reserved_models", tmp_path, style="pydantic")
    thing = package.module("org.lab.thing").Thing
    value = dict.fromkeys(RESERVED, "x")
    assert thing.model_validate(value).to_json() == value
    assert thing(copy_="x", json_="y", model_dump_="z").to_json() == {"copy": "x", "json": "y", "modelDump": "z"}


@pytest.mark.slow
@pytest.mark.parametrize("length", range(60, 110, 3))
def test_any_text_stays_a_literal(length: int, tmp_path: Path) -> None:
    """Also one that looks like a default or a list, near the width of a line."""
    text = ' = ["' + "x" * length
    kind: Json = {"type": "string", "const": text}
    properties: Json = {"must": kind, "may": kind, "all": {"type": "ref", "ref": "#all"}}
    main: Json = {"type": "object", "required": ["must"], "properties": properties}
    constants: Json = {"type": "array", "items": kind}
    lexicon: Json = {"lexicon": 1, "id": "org.lab.thing", "defs": {"main": main, "all": constants}}
    package = generated({Nsid("org.lab.thing"): lexicon}, f"texts_{length}", tmp_path, style="pydantic")
    value = {"must": text, "may": text, "all": [text]}
    assert package.module("org.lab.thing").Thing.model_validate(value).to_json() == value


# The runtime, beside atpub's own functions


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name: str, models: GeneratedPackage) -> None:
    is_valid = models.module("_runtime")._FORMATS[name]
    texts = [text for _, text in leaves(table("formats.yaml")) if isinstance(text, str)]
    assert len(texts) > 200
    for text in texts:
        assert is_valid(text) == FORMATS[name](text), text


PARTS = (b"\x01", b"\x12", b" ", b"\x71", b"\x80\x01", b"\x81\x00", b"\x00", b"@", b"A")
BEGINNINGS = st.lists(st.sampled_from(PARTS), max_size=6)


@pytest.mark.slow
@given(BEGINNINGS, st.binary(max_size=70))
def test_what_has_the_form_of_a_link(models: GeneratedPackage, beginning: list[bytes], rest: bytes) -> None:
    raw = b"".join(beginning) + rest
    assert models.module("_runtime")._is_link(raw) == (libipld.encode_dag_cbor(raw)[:1] == b"\xd8")


def test_a_union_of_a_body_is_told_apart_by_its_type(tmp_path: Path) -> None:
    """As a field's is: of a plain union, pydantic takes the member that fits, and that is one of any type."""
    text: Json = {"type": "string"}
    union: Json = {"type": "union", "refs": ["#one", "#two"]}
    body: Json = {"encoding": "application/json", "schema": union}
    defs: Json = {
        "main": {"type": "procedure", "input": body, "output": body},
        "one": {"type": "object", "properties": {"a": text}},
        "two": {"type": "object", "required": ["b"], "properties": {"b": text}},
    }
    document: Json = {"lexicon": 1, "id": "org.lab.do", "defs": defs}
    module = generated({Nsid("org.lab.do"): document}, "models_of_bodies", tmp_path, style="pydantic").module(
        "org.lab.do"
    )
    value = {"$type": "org.lab.do#two", "b": "x"}
    for alias in (module.DoInputMember, module.DoOutput):
        union_of = TypeAdapter[Any](alias)
        assert type(union_of.validate_python(value)) is module.Two
        assert union_of.dump_python(union_of.validate_python(value)) == value
        with pytest.raises(ValidationError):
            union_of.validate_python({"b": "x"})
