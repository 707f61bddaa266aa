"""Names under evolution: what a package has keeps its Python name when lexicons gain fields and definitions."""

import ast
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.codegen.packages import LEXICONS, linked, read

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.lexicon.model import Lexicon, Lexicons, Object
from atpub.atproto.syntax import Nsid
from atpub_codegen import Names, generate, recorded_names
from atpub_codegen.modules import build_module
from atpub_codegen.name_table import NameTable
from atpub_codegen.names import snake_case

THING = Nsid("com.example.thing")
TEXT: JsonObject = {"type": "string"}
INLINE: JsonObject = {"type": "object", "properties": {"a": TEXT}}
LEFT: JsonObject = {"type": "object", "properties": {"left": TEXT}}
UNION: JsonObject = {"type": "union", "refs": ["#leaf"]}
CHOICES: JsonObject = {"type": "string", "knownValues": ["a"]}
Sources = dict[PurePosixPath, str]


def thing(properties: JsonObject, **definitions: Json) -> JsonObject:
    main: Json = {"type": "object", "properties": properties}
    return {"lexicon": 1, "id": str(THING), "defs": {"main": main, "leaf": INLINE, **definitions}}


def regenerated(document: JsonObject, before: Sources | None = None) -> Sources:
    documents: dict[Nsid, Json] = {THING: document}
    earlier = recorded_names(before[PurePosixPath("_lexicons.py")]) if before else None
    return dict(generate(documents, linked(documents), package="p", earlier=earlier))


def module(files: Sources) -> str:
    return files[PurePosixPath("com/example/thing.py")]


def classes(files: Sources) -> dict[str, str]:
    """The source of every class, alias and constant."""
    body = ast.parse(module(files)).body
    named = {item.name: item for item in body if isinstance(item, ast.ClassDef)}
    aliases = {ast.unparse(item.target): item for item in body if isinstance(item, ast.AnnAssign)}
    return {name: ast.unparse(item) for name, item in {**aliases, **named}.items()}


def attributes(files: Sources) -> dict[str, str]:
    """The attribute of each wire name of the main class."""
    namespace: dict[str, Any] = {}
    (main,) = (
        item for item in ast.parse(module(files)).body if isinstance(item, ast.ClassDef) and item.name == "Thing"
    )
    for item in main.body:
        if isinstance(item, ast.Assign):
            exec(ast.unparse(item), namespace)
    slots: tuple[str, ...] = namespace["__slots__"]
    wire: dict[str, str] = namespace.get("WIRE", {})
    return {wire.get(name, name): name for name in slots}


WIRE = ("banType", "ban_type", "ban-type", "BanType", "banTYPE", "ban_type_2", "banType2", "class", "class_", "$x", "x")


@pytest.mark.slow
@given(st.lists(st.sampled_from(WIRE), unique=True, min_size=1))
def test_fields_keep_their_attributes(wires: list[str]) -> None:
    """Fields are added one by one, in any order, and each keeps the attribute that it got first."""
    found: dict[str, str] = {}
    files: Sources | None = None
    for count in range(1, len(wires) + 1):
        files = regenerated(thing(dict.fromkeys(wires[:count], TEXT)), files)
        now = attributes(files)
        assert now.items() >= found.items()
        assert len({*now.values()}) == count
        found = now


@pytest.mark.parametrize("kind", [INLINE, UNION, CHOICES, {"type": "array", "items": INLINE}], ids=repr)
def test_types_of_fields_keep_their_names(kind: JsonObject) -> None:
    before = regenerated(thing({"part": kind}))
    (name,) = classes(before).keys() - {"Thing", "Leaf", "NSID"}
    definition = f"{'thing' if name.startswith('Thing') else ''}{name.removeprefix('Thing')}"
    grown = thing({"part": kind}, **{definition: LEFT})
    after = regenerated(grown, before)
    assert classes(after)[name] == classes(before)[name]
    assert "left" in classes(after)[f"{name}2"]
    assert regenerated(grown, after) == after
    assert "left" in classes(regenerated(grown))[name]  # without the earlier package, definitions come first


def test_a_class_in_a_class_keeps_its_name() -> None:
    inner: JsonObject = {"type": "object", "properties": {"b": INLINE}}
    before = regenerated(thing({"part": inner}))
    after = regenerated(thing({"part": inner}, thingPart=LEFT, thingPartB=LEFT), before)
    assert classes(before).items() <= classes(after).items()
    assert {"ThingPart2", "ThingPartB2"} == classes(after).keys() - classes(before).keys()


def test_errors_and_definitions_keep_their_names() -> None:
    query: JsonObject = {"type": "query", "errors": [{"name": "NotThere"}]}
    document: JsonObject = {"lexicon": 1, "id": str(THING), "defs": {"main": query, "foo-bar": INLINE}}
    before = regenerated(document)
    grown: JsonObject = {**document, "defs": {"main": query, "foo-bar": INLINE, "fooBar": LEFT, "notThere": LEFT}}
    after = regenerated(grown, before)
    assert classes(before).items() <= classes(after).items()
    assert {"FooBar2", "NotThere2"} == classes(after).keys() - classes(before).keys()


def test_what_is_gone_leaves_its_name_to_others() -> None:
    before = regenerated(thing({"part": INLINE}))
    moved = thing({"part": {"type": "ref", "ref": "#thingPart"}}, thingPart=INLINE)
    assert regenerated(moved, before) == regenerated(moved)


@pytest.mark.parametrize(
    "names",
    [
        '"""',
        "NAMES = 5",
        'NAMES = "[]"',
        'NAMES = "{\\"a\\": 1}"',
        "NAMES = f()",
        'NAMES = \'{"com.example.thing": {"main": "class"}}\'',
    ],
)
def test_damaged_names_are_passed_over(names: str) -> None:
    whole = regenerated(thing({}))
    assert regenerated(thing({}), {PurePosixPath("_lexicons.py"): names}) == whole


@pytest.mark.slow
@given(
    st.dictionaries(
        st.sampled_from(["main", "leaf", "main/properties/a/"]), st.sampled_from(["Thing", "NSID", "len", "x"])
    )
)
def test_any_recorded_names_give_sound_code(names: dict[str, str]) -> None:
    documents: dict[Nsid, Json] = {THING: thing({"a": TEXT})}
    files = dict(generate(documents, linked(documents), package="p", earlier={THING: names}))
    found: Iterable[str] = classes(files)
    assert len([*found]) == 3


def test_unusual_fields_and_all_types_are_recorded() -> None:
    files = regenerated(thing({"ban_type": TEXT}))
    assert recorded_names(files[PurePosixPath("_lexicons.py")]) == {
        THING: {"leaf": "Leaf", "main": "Thing", "main/properties/ban_type/": "ban_type"}
    }


NSIDS = [
    *("com.example.thing", "com.example.thing.list", "com.example.thing.dict.part", "com.example.thing.listX"),
    *("com.example.fooBar", "com.example.fooBAR", "com.example.foobar", "com.ex-ample.thing", "load.example.thing"),
]


@pytest.mark.slow
@given(st.lists(st.sampled_from(NSIDS), unique=True, min_size=2))
def test_lexicons_keep_their_modules(nsids: list[str]) -> None:
    """Lexicons are added one by one, in any order, and each keeps the module that it got first."""
    found: dict[str, str] = {}
    names: Names = {}
    for count in range(1, len(nsids) + 1):
        own = Lexicons({Nsid(nsid): Lexicon(Nsid(nsid), {"main": Object()}) for nsid in nsids[:count]})
        table = NameTable.of({"p": own}, own, names)
        names = {nsid: build_module(lexicon, table).names for nsid, lexicon in own.by_nsid.items()}
        now = {str(nsid): module for nsid, (_, module) in table.modules.items()}
        assert now.items() >= found.items()
        assert len({*now.values()}) == count
        for module in now.values():  # none hides what a module above it needs
            parts = module.split(".")
            above = {".".join(parts[:depth]) for depth in range(1, len(parts)) if parts[depth] in ("list", "dict")}
            assert above.isdisjoint(now.values())
        found = now


@pytest.mark.slow
def test_whole_packages_keep_their_names() -> None:
    """Each object gains optional fields that want the attributes of others, each lexicon gains definitions."""
    documents = read(LEXICONS)
    before = generate(documents, linked(documents), package="p")
    names = recorded_names(before[PurePosixPath("_lexicons.py")])
    grown = {nsid: gained(document, names.get(nsid, {})) for nsid, document in documents.items()}
    after = generate(grown, linked(grown), package="p", earlier=names)
    kept = recorded_names(after[PurePosixPath("_lexicons.py")])
    assert all(kept[nsid].items() >= names[nsid].items() for nsid in names)
    assert sum(map(len, kept.values())) > 2 * sum(map(len, names.values()))
    for path, text in before.items():
        if path.name != "_lexicons.py":
            assert interface(text) <= interface(after[path])


def gained(document: Json, names: Mapping[str, str]) -> Json:
    """A lexicon with new optional fields and new definitions, each of which wants a name that is taken."""
    copied: Any = fields_gained(document)
    copied["defs"] |= {
        name: INLINE for name in names.values() if name.isascii() and name.isidentifier() and name not in copied["defs"]
    }
    return copied  # type: ignore[no-any-return]


def fields_gained(value: Json) -> Json:
    if isinstance(value, list):
        return [fields_gained(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {name: fields_gained(item) for name, item in value.items()}
    properties = value.get("properties")
    if value.get("type") == "object" and isinstance(properties, dict):
        new = {snake_case(name): TEXT for name in properties} | {f"{name}2": TEXT for name in properties}
        made["properties"] = {**new, **properties}
    return made


def interface(source: str) -> set[str]:
    """Every class and its attributes with their types, and every alias and constant."""
    found: set[str] = set()
    for item in ast.parse(source).body:
        if isinstance(item, ast.ClassDef):
            wire = [ast.unparse(part) for part in item.body if isinstance(part, ast.AnnAssign)]
            found |= {item.name, *(f"{item.name}.{part}" for part in wire)}
        elif isinstance(item, ast.AnnAssign) and ast.unparse(item.target) != "__all__":
            found.add(ast.unparse(item))
    return found
