"""Which definitions may be nested without end: those on a circle of references, those before one, and long chains."""

from tests.codegen.packages import GeneratedPackage, linked

from atpub.atproto.data import Json
from atpub.atproto.lexicon.model import Name
from atpub.atproto.runtime import Value
from atpub.atproto.syntax import Nsid
from atpub_codegen.recursion import SHALLOW, recursive_definitions

THING = Nsid("com.example.thing")


def names(**definitions: Json) -> set[str]:
    document: Json = {"lexicon": 1, "id": str(THING), "defs": definitions}
    return {name.fragment for name in recursive_definitions(linked({THING: document}))}


def holds(*names: str) -> Json:
    """An object that holds others, one of them in a list."""
    ref: dict[str, Json] = {name: {"type": "ref", "ref": f"#{name}"} for name in names[:-1]}
    return {
        "type": "object",
        "properties": {**ref, "all": {"type": "array", "items": {"type": "ref", "ref": f"#{names[-1]}"}}},
    }


def test_a_circle_and_what_leads_to_it() -> None:
    leaf: Json = {"type": "object"}
    assert names(a=holds("leaf"), leaf=leaf) == set()
    assert names(a=holds("a")) == {"a"}
    assert names(a=holds("leaf", "b"), b=holds("c"), c=holds("leaf", "b"), d=holds("leaf"), leaf=leaf) == {
        "a",
        "b",
        "c",
    }


def test_a_union_leads_to_its_members() -> None:
    union: Json = {"type": "object", "properties": {"x": {"type": "union", "refs": ["#a", "#leaf"]}}}
    assert names(a=union, leaf={"type": "object"}) == {"a"}


def test_a_chain_that_is_too_long() -> None:
    links = SHALLOW // 2 + 2  # each is an object that holds a list
    chain: dict[str, Json] = {f"n{n}": holds(f"n{n + 1}") for n in range(links)}
    chain[f"n{links}"] = {"type": "object"}
    found = names(**chain)
    assert "n0" in found
    assert f"n{links}" not in found
    assert f"n{links // 2}" not in found


def test_classes_know_it(everything: GeneratedPackage) -> None:
    def of(module: str, kind: str) -> type[Value]:
        found: type[Value] = getattr(everything.module(module), kind)
        return found

    assert of("com.example.tree", "Tree").MAY_BE_DEEP
    assert of("com.example.everything", "Everything").MAY_BE_DEEP
    assert not of("com.example.subscribe", "Event").MAY_BE_DEEP
    assert of("com.example.find", "FindOutput2").MAY_BE_DEEP
    assert not of("com.example.find", "FindParams").MAY_BE_DEEP
    assert Name(Nsid("com.example.tree")) in recursive_definitions(everything.lexicons)
