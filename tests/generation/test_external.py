"""Packages that refer to the classes of other generated packages."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atpub.errors import InvalidRecord, Usage
from atpub.generation.package import compare, generate_package, update
from atpub.generation.settings import Settings, parse_rule


def record(nsid: str, **refs: str) -> dict[str, Any]:
    properties = {name: {"type": "ref", "ref": ref} for name, ref in refs.items()} | {"text": {"type": "string"}}
    body = {"type": "object", "required": [*refs], "properties": properties}
    return {"lexicon": 1, "id": nsid, "defs": {"main": {"type": "record", "key": "any", "record": body}}}


BASE = [record("org.base.part"), record("org.base.whole", part="org.base.part")]
STRONG = {
    "uri": "at://did:web:a.example/org.base.part/a",
    "cid": "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "src"), *sys.path])
    before = {*sys.modules}
    yield tmp_path
    for name in {*sys.modules} - before:
        if name.startswith("external_"):
            del sys.modules[name]


def settings(
    folder: Path, package: str, lexicons: list[dict[str, Any]], *external: str, style: str = "classes"
) -> Settings:
    source = folder / f"lexicons-{package}"
    source.mkdir(exist_ok=True)
    for number, lexicon in enumerate(lexicons):
        (source / f"{number}.json").write_text(json.dumps(lexicon))
    rules = tuple(map(parse_rule, external))
    return Settings((source,), folder / "src" / package.replace(".", "/"), package, external=rules, style=style)


def generated(settings: Settings) -> list[str]:
    files = generate_package(settings, {}).files
    update(compare(files, settings.out))
    compare(generate_package(settings, {}).files, settings.out).check()
    importlib.invalidate_caches()
    return sorted(str(path) for path in files if not path.name.startswith("_"))


def test_classes_of_another_package_are_used(folder: Path) -> None:
    generated(settings(folder, "external_base", BASE))
    lab = [*BASE, record("org.lab.note", whole="org.base.whole", about="com.atproto.repo.strongRef")]
    assert generated(settings(folder, "external_lab", lab, "org.base.*=external_base")) == ["org/lab/note.py"]
    note: Any = importlib.import_module("external_lab.org.lab.note")
    whole: Any = importlib.import_module("external_base.org.base.whole")
    value = {
        "$type": "org.lab.note",
        "about": STRONG,
        "whole": {"$type": "org.base.whole", "part": {"$type": "org.base.part"}},
    }
    loaded = note.Note.from_json(value)
    assert type(loaded.whole) is whole.Whole
    assert loaded.to_json() == value
    assert type(loaded.about).__module__ == "atpub.generated.com.atproto.repo.strong_ref"
    with pytest.raises(InvalidRecord, match=r"\$\.whole\.part: is required and missing"):
        note.Note.from_json({**value, "whole": {"$type": "org.base.whole"}})


def test_atpubs_own_package(folder: Path) -> None:
    strong: Any = {
        "lexicon": 1,
        "id": "com.atproto.repo.strongRef",
        "defs": {"main": {"type": "object", "properties": {}}},
    }
    lab = [strong, record("org.lab.note", about="com.atproto.repo.strongRef")]
    assert len(generated(settings(folder, "external_lab", lab))) == 2
    assert generated(settings(folder, "external_lab", lab, "com.atproto.*=atpub.generated")) == ["org/lab/note.py"]


def test_packages_of_packages_and_the_first_pattern(folder: Path) -> None:
    generated(settings(folder, "external_base", BASE))
    generated(settings(folder, "external_more.deep", BASE[:1]))
    lab = [record("org.lab.note", whole="org.base.whole", part="org.base.part")]
    rules = ("org.base.part=external_more.deep", "org.base.*=external_base")
    assert generated(settings(folder, "external_lab", lab, *rules)) == ["org/lab/note.py"]
    generated(settings(folder, "external_top", [record("org.top.x", note="org.lab.note")], "org.lab.*=external_lab"))
    part: Any = {"$type": "org.base.part"}
    note = {"$type": "org.lab.note", "part": part, "whole": {"$type": "org.base.whole", "part": part}}
    module: Any = importlib.import_module("external_top.org.top.x")
    loaded = module.X.from_json({"$type": "org.top.x", "note": note})
    assert type(loaded.note.part).__module__ == "external_more.deep.org.base.part"
    assert type(loaded.note.whole.part).__module__ == "external_base.org.base.part"


def test_the_names_that_the_other_package_has(folder: Path) -> None:
    """A class got a number when its package was generated: it has it here, too."""
    kind: Any = {"type": "object", "properties": {}}
    inline = {"type": "object", "properties": {"part": kind}}
    document: Any = {"lexicon": 1, "id": "org.base.thing", "defs": {"main": inline}}
    base = settings(folder, "external_base", [document])
    generated(base)
    document["defs"]["thingPart"] = kind
    generated(settings(folder, "external_base", [document]))
    lab = [record("org.lab.note", part="org.base.thing#thingPart")]
    made = settings(folder, "external_lab", lab, "org.base.*=external_base")
    generated(made)
    assert "_thing.ThingPart2" in (made.out / "org/lab/note.py").read_text()


def test_another_version_in_another_package_is_named(folder: Path) -> None:
    """A class there refuses what the lexicon here allows: that is an error in the value, and no crash."""
    generated(settings(folder, "external_base", [record("org.base.part", more="org.base.part"), BASE[1]]))
    generated(settings(folder, "external_more", BASE))
    lab = [record("org.lab.note", whole="org.base.whole", part="org.base.part")]
    rules = ("org.base.part=external_more", "org.base.*=external_base")
    generated(settings(folder, "external_lab", lab, *rules))
    note: Any = importlib.import_module("external_lab.org.lab.note")
    part: Any = {"$type": "org.base.part"}
    value = {"$type": "org.lab.note", "part": part, "whole": {"$type": "org.base.whole", "part": part}}
    with pytest.raises(InvalidRecord, match=r"one of the versions of org\.base\.part") as caught:
        note.Note.from_json(value)
    assert "from the same lexicons" in caught.value.problems[0].hint
    with pytest.raises(InvalidRecord, match=r"\$\.part: is required and missing"):
        note.Note.from_json({"$type": "org.lab.note", "whole": value["whole"]})


@pytest.mark.parametrize(
    ("rule", "message", "hint"),
    [
        ("org.base.*=external_nothing", "there is no generated package external_nothing", "generate it first"),
        ("org.bass.*=external_base", "external_base has no lexicon that matches org.bass.*", "it has org.base.part"),
        ("org.base.*=external_base", "external_base has no org.base.whole, which org.lab.note refers to", "pattern"),
    ],
)
def test_what_the_package_lacks(folder: Path, rule: str, message: str, hint: str) -> None:
    generated(settings(folder, "external_base", BASE[:1]))
    lab = [*BASE, record("org.lab.note", whole="org.base.whole")]
    with pytest.raises(Usage) as caught:
        generate_package(settings(folder, "external_lab", lab, rule), {})
    assert message in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize("text", ["", "org.base.*", "=lab", "org.base.*=", "org.base.*=../lab", "org.base.*=lab.class"])
def test_a_wrong_rule(text: str) -> None:
    with pytest.raises(Usage, match="expected PATTERN=PACKAGE"):
        parse_rule(text)


def test_nothing_of_the_other_package_is_run(folder: Path) -> None:
    generated(settings(folder, "external_base", BASE))
    (folder / "src/external_base/__init__.py").write_text("raise SystemExit('imported')")
    lab = [record("org.lab.note", part="org.base.part")]
    assert generate_package(settings(folder, "external_lab", lab, "org.base.*=external_base"), {}).files
