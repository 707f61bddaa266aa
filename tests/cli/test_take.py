"""`atpub import --take`: live values in the manifest's text, and a plan that changes no record afterwards."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.cli.lab import CATS, DIGITS, ENTRY, LABEL, MANIFEST, Lab
from tests.engine.apply.publishing import NOTE, write_lexicons

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import RecordPath
from atpub.repository.model import Delete, Update

NOTES = """\

lexicons: {path: lexicons}

records:
  # A note.
  hello:
    collection: org.test.note
    value:
      text: "hello"   # as it is said
      about: {$ref: datasets/cats}
      more:
        deep: [1, {x: 'y'}]   # deep
"""
LENS = """\

lenses:
  same:
    source: image
    target: image
    getter: {repository: "https://x.example/r", commit: abc1234, path: get.py}
    putter: {repository: "https://x.example/r", commit: abc1234, path: put.py}
    language: python   # of both
"""


def edit(lab: Lab, path: RecordPath, change: Callable[[Any], object]) -> None:
    """Another client changes a record."""
    value: JsonObject = {**lab.live(path.collection)[path]}
    change(value)
    lab.write_elsewhere(Update(path, value))


def only(lab: Lab, collection: str) -> RecordPath:
    (path,) = lab.live(collection)
    return path


CASES: dict[str, tuple[str, str, Callable[[Lab], RecordPath], Callable[[Any], object], tuple[tuple[str, str], ...]]] = {
    "texts and lists of a dataset": (
        MANIFEST,
        "datasets/digits",
        lambda _: DIGITS,
        lambda value: value.update(name="Numbers", tags=["digits", "ten"], license="MIT"),
        (("name: Digits", "name: Numbers"), ("[digits]", "[digits, ten]"), ("*.tar\n", "*.tar\n    license: MIT\n")),
    ),
    "fields removed, and a name that is the key": (
        MANIFEST,
        "datasets/digits",
        lambda _: DIGITS,
        lambda value: (value.pop("tags"), value.update(name="digits")),
        (("    name: Digits\n", ""), ("    tags: [digits]\n", "")),
    ),
    "an inherited value": (
        MANIFEST.replace("schemas:", "defaults:\n  datasets: {license: MIT, tags: [a]}   # for all\n\nschemas:"),
        "datasets/cats",
        lambda _: CATS,
        lambda value: value.update(license="CC0-1.0", tags=["a", "b"]),
        (("checksums: none", "checksums: none\n    tags:\n      - a\n      - b\n    license: CC0-1.0"),),
    ),
    "an inherited map": (
        MANIFEST.replace("schemas:", "defaults:\n  datasets:\n    metadata: {a: 1, b: {c: 2}}\n\nschemas:"),
        "datasets/cats",
        lambda _: CATS,
        lambda value: value["contentMetadata"]["b"].update(c=3),
        (("checksums: none", "checksums: none\n    metadata:\n      a: 1\n      b:\n        c: 3"),),
    ),
    "values of a merge key": (
        MANIFEST.replace("schemas:", "x-common: &common {license: MIT, tags: [a, b]}\n\nschemas:").replace(
            "checksums: none", "checksums: none\n    <<: *common\n    metadata: {<<: {a: {b: 1}}, c: 2}"
        ),
        "datasets/cats",
        lambda _: CATS,
        lambda value: (
            value.update(license="CC0-1.0", tags=["a", "c"]),
            value["contentMetadata"].update(a={"b": 2}, c=3),
        ),
        (("c: 2}", "c: 3, a: {b: 2}}\n    tags:\n      - a\n      - c\n    license: CC0-1.0"),),
    ),
    "an alias": (
        MANIFEST.replace("[digits]", "&tags [digits]").replace(
            "checksums: none", "checksums: none\n    tags: *tags # c"
        ),
        "datasets/cats",
        lambda _: CATS,
        lambda value: value.update(tags=["digits", "cats"]),
        (("tags: *tags # c", "tags: # c\n      - digits\n      - cats"),),
    ),
    "shards at other URLs": (
        MANIFEST,
        "datasets/cats",
        lambda _: CATS,
        lambda value: (value["storage"]["shards"].pop(), value["size"].update(shards=2)),
        (("{0..2}", "{0..1}"),),
    ),
    "a label on one line": (
        MANIFEST,
        "labels/digits-1",
        lambda lab: only(lab, LABEL),
        lambda value: value.update(description="The first: ever"),
        (("1.0.0}", '1.0.0, description: "The first: ever"}'),),
    ),
    "a lens": (
        MANIFEST + LENS,
        "lenses/same",
        lambda lab: only(lab, "science.alt.dataset.lens"),
        lambda value: (value.update(language="python3"), value["getterCode"].update(path="new.py")),
        (("get.py", "new.py"), ("python   # of", "python3   # of")),
    ),
    "a record": (
        MANIFEST + NOTES,
        "records/hello",
        lambda lab: only(lab, NOTE),
        lambda value: (value.update(text="bye $${X}"), value["more"]["deep"][1].update(x="z")),
        (('"hello"   # as', '"bye $$$${X}"   # as'), ("'y'}]   #", "'z'}]   #")),
    ),
    "a reference in a record": (
        MANIFEST + NOTES,
        "records/hello",
        lambda lab: only(lab, NOTE),
        lambda value: (value.update(about="at://did:plc:aliceaaaaaaaaaaaaaaaaaaa/a.b.c/d"), value.pop("more")),
        (
            ("{$ref: datasets/cats}", "at://did:plc:aliceaaaaaaaaaaaaaaaaaaa/a.b.c/d"),
            ("      more:\n        deep: [1, {x: 'y'}]   # deep\n", ""),
        ),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_take(case: Any, lab: Lab) -> None:
    manifest, address, find, change, edits = case
    write_lexicons(lab.folder)
    lab.write(manifest)
    assert lab.apply().code == 0
    edit(lab, find(lab), change)
    assert lab.run("drift").code == 2
    ran = lab.run("import", "--take", address)
    assert ran.code == 0, ran
    for old, new in edits:
        assert manifest.count(old) == 1, old
        manifest = manifest.replace(old, new)
    assert (lab.folder / "atpub.yaml").read_text() == manifest
    assert "Taken over from the live record" in ran.out
    assert not [item for item in lab.plan("--json").json["changes"] if item["action"] != "unchanged"]
    assert lab.run("drift").code == 0
    assert "Nothing to take" in lab.run("import", "--take", address).out
    assert lab.plan("--detailed-exitcode").code == 2, "the inventory has not noted it"
    assert lab.apply().out.startswith("Updated the inventory; lab is up to date.\n")
    assert lab.plan("--detailed-exitcode").code == 0


def inherited_removed(lab: Lab) -> None:
    lab.write(MANIFEST.replace("schemas:", "defaults:\n  datasets: {license: MIT}\n\nschemas:"))
    lab.apply()
    edit(lab, CATS, lambda value: value.pop("license"))


def merged_removed(lab: Lab) -> None:
    lab.change(("checksums: none", "checksums: none\n    <<: {license: MIT}"))
    lab.apply()
    edit(lab, CATS, lambda value: value.pop("license"))


def shared(lab: Lab) -> None:
    lab.change(("[digits]", "&tags [digits]"), ("checksums: none", "checksums: none\n    tags: *tags"))
    lab.apply()
    edit(lab, DIGITS, lambda value: value.update(tags=["digits", "cats"]))


def other_blobs(lab: Lab) -> None:
    lab.apply()
    edit(lab, DIGITS, lambda value: value["storage"]["blobs"].pop())


def unknown_fields(lab: Lab) -> None:
    lab.apply()
    edit(lab, CATS, lambda value: value.update(colour="red"))


def another_time(lab: Lab) -> None:
    lab.apply()
    edit(lab, CATS, lambda value: value.update(schemaRef=3))


def deleted(lab: Lab) -> None:
    lab.apply()
    lab.write_elsewhere(Delete(CATS))


def gone(lab: Lab) -> None:
    lab.apply()
    lab.without("labels:")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prepare", "address", "code", "message"),
    [
        (inherited_removed, "datasets/cats", 3, "`license` comes from `defaults:`"),
        (merged_removed, "datasets/cats", 3, "`license` comes from a merge key"),
        (shared, "datasets/digits", 3, "other entries share what would be edited"),
        (other_blobs, "datasets/digits", 3, "cannot be written into its entry"),
        (unknown_fields, "datasets/cats", 3, "would not give exactly this record"),
        (another_time, "datasets/cats", 3, "an entry has no form for it"),
        (deleted, "datasets/cats", 1, "datasets/cats was deleted by another client"),
        (gone, "labels/digits:1.0.0", 64, "has no entry in the manifest any more"),
        (deleted, "datasets/cat", 64, "did you mean 'datasets/cats'?"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_cannot_be_taken_changes_nothing(
    prepare: Callable[[Lab], None], address: str, code: int, message: str, lab: Lab
) -> None:
    prepare(lab)
    before = (lab.folder / "atpub.yaml").read_text()
    ran = lab.run("import", "--take", address)
    assert (ran.code, message in ran.err) == (code, True), ran
    assert (lab.folder / "atpub.yaml").read_text() == before


def test_several_entries_in_several_files(lab: Lab) -> None:
    lab.apply()
    head, labels = MANIFEST.split("labels:")
    (lab.folder / "manifests").mkdir()
    (lab.folder / "manifests" / "a.yaml").write_text(head)
    (lab.folder / "manifests" / "b.yaml").write_text(f"labels:{labels}")
    (lab.folder / "manifests" / "b.yaml").chmod(0o640)
    for name in ("data", ".atpub"):
        (lab.folder / name).rename(lab.folder / "manifests" / name)
    (lab.folder / "manifests" / ".atpub").rename(lab.folder / ".atpub")
    given = ("-m", "manifests", "--account", "local:.atpub/local")
    edit(lab, DIGITS, lambda value: value.update(name="Numbers"))
    edit(lab, only(lab, LABEL), lambda value: value.update(description="First"))
    ran = lab.run("import", *given, "--take", "datasets/digits", "--take", "labels/digits-1", "--json")
    assert [item["file"] for item in ran.json["files"]] == ["manifests/a.yaml", "manifests/b.yaml"], ran
    assert "+    name: Numbers" in ran.json["files"][0]["diff"]
    assert "description: First" in (lab.folder / "manifests" / "b.yaml").read_text()
    assert (lab.folder / "manifests" / "b.yaml").stat().st_mode & 0o777 == 0o640
    assert lab.run("drift", *given).code == 0


def test_of_an_environment_what_it_sets_is_edited_there(lab: Lab) -> None:
    lab.write(f"{MANIFEST}\nenvironments:\n  trial: {{datasets: {{cats: {{license: MIT, tags: [a]}}}}}}\n")
    assert lab.apply("--env", "trial").code == 0
    edit(lab, CATS, lambda value: value.update(license="CC0-1.0", description="Cats."))
    options = "--env trial --account local"
    told = lab.run("drift", *options.split()).out
    assert f"To keep theirs: atpub import --take datasets/cats {options}\nTo keep yours: atpub apply {options}" in told
    assert lab.run("import", "--env", "trial", "--take", "datasets/cats").code == 0
    taken = (lab.folder / "atpub.yaml").read_text()
    lab.change(("license: MIT", "license: CC0-1.0"), ("checksums: none", "checksums: none\n    description: Cats."))
    assert taken == lab.manifest


def test_take_goes_without_uris(lab: Lab) -> None:
    ran = lab.run("import", "--take", "datasets/digits", f"at://lab.example/{ENTRY}/x")
    assert (ran.code, "--take edits the manifest that is there" in ran.err) == (64, True)


def test_the_next_apply_counts_no_change_of_the_record_that_was_taken(lab: Lab) -> None:
    assert lab.apply().code == 0
    edit(lab, DIGITS, lambda value: value.update(name="Numbers"))
    assert lab.run("import", "--take", "datasets/digits").code == 0
    again = lab.apply()
    assert "committed the inventory as " in again.err
    edit(lab, DIGITS, lambda value: value.update(name="Figures"))
    ((field,),) = (item["fields"] for item in lab.run("drift", "--json", "--changes-only").json)
    assert field == {"path": "name", "applied": "Numbers", "live": "Figures", "wanted": "Numbers"}
    edit(lab, DIGITS, lambda value: value.update(name="Numbers"))
    assert again.out.startswith("Updated the inventory; ")
    assert "Undid the apply" in (undone := lab.run("undo", "--yes")).out
    assert "only the inventory changed" in undone.out
