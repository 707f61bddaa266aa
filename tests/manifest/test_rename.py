"""An entry under another key, in the text of its manifest: the edits, and what stays as it is."""

from textwrap import dedent

import pytest

from atpub.errors import InvalidInput, Usage
from atpub.manifest.load import ManifestSource
from atpub.manifest.model import Address
from atpub.manifest.rename import Renamed, edit_documents, rename_entry
from atpub.text.document import parse

HEAD = "atpub: 1\nproject: lab\naccount: local\n"
SCHEMA = "schemas:\n  image: {nsid: org.lab.image, version: 1.0.0, fields: {a: integer}}\n"


def rename(
    address: str, key: str, *texts: str, environ: dict[str, str] | None = None, environment: str | None = None
) -> Renamed:
    section, _, name = address.partition("/")
    documents = tuple(parse(text, f"{number}.yaml") for number, text in enumerate(texts))
    return rename_entry(documents, Address(section, name), key, ManifestSource(["."], environ or {}, environment))


def dataset(fields: str, rest: str = "") -> str:
    return f"{HEAD}{SCHEMA}datasets:\n{fields}{rest}"


BLOCK = """\
  # The digits.
  digits:   # of 1998
    schema: image   # of ours
    blobs: data/*.tar

labels:
  'one': {version: 1.0.0, dataset: "digits"}
"""
RENAMED = """\
  # The digits.
  numbers:   # of 1998
    id: digits
    name: digits
    schema: image   # of ours
    blobs: data/*.tar

labels:
  'one': {version: 1.0.0, dataset: "numbers"}
"""


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_only_the_key_its_references_and_new_fields_change(line_break: str) -> None:
    before = dataset(BLOCK).replace("\n", line_break)
    renamed = rename("datasets/digits", "numbers", before)
    assert renamed.texts == {"0.yaml": dataset(RENAMED).replace("\n", line_break)}
    assert renamed.fields == {"id": "digits", "name": "digits"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "  digits: {schema: image, blobs: a.tar}\n",
            "  numbers: {id: digits, name: digits, schema: image, blobs: a.tar}\n",
        ),
        (
            '  "digits": &d {"schema": image, blobs: a.tar}\n',
            '  "numbers": &d {id: digits, name: digits, "schema": image, blobs: a.tar}\n',
        ),
        (
            "  digits:\n    name: Digits\n    id: old\n    schema: image\n    blobs: a.tar\n",
            "  numbers:\n    name: Digits\n    id: old\n    schema: image\n    blobs: a.tar\n",
        ),
        (
            "  digits: &d\n      blobs: a.tar\n      schema: image\n",
            "  numbers: &d\n      id: digits\n      name: digits\n      blobs: a.tar\n      schema: image\n",
        ),
        (
            "  ? digits\n  : schema: image\n    blobs: a.tar\n",
            "  ? numbers\n  : id: digits\n    name: digits\n    schema: image\n    blobs: a.tar\n",
        ),
    ],
    ids=["flow", "anchor and quotes", "id and name", "deep", "explicit key"],
)
def test_layouts(before: str, after: str) -> None:
    assert rename("datasets/digits", "numbers", dataset(before)).texts == {"0.yaml": dataset(after)}


@pytest.mark.parametrize(
    ("old", "key", "quoted"), [("1.0", "true", True), ("a:b", "2", True), ("x", "1.0.0", False), ("null", "a-b", False)]
)
def test_a_key_that_would_be_no_string_is_quoted(old: str, key: str, quoted: bool) -> None:
    text = dataset(f'  "{old}": {{schema: image, blobs: a.tar, name: N}}\n')
    shown = rename(f"datasets/{old}", key, text).texts["0.yaml"]
    assert f'  "{key}": ' in shown
    other = dataset("  y: {schema: image, blobs: a.tar, name: N, id: y}\n")
    assert (f'  "{key}": ' if quoted else f"  {key}: ") in rename("datasets/y", key, other).texts["0.yaml"]


def test_references_in_every_file_and_form() -> None:
    entries = dedent("""\
        records:
          about:
            collection: com.example.any
            value: {a: [{$ref: schemas/image}, {$literal: {$ref: schemas/image}}], b: {$strongRef: 'schemas/image'}}
        """)
    defaults = "defaults: {datasets: {schema: image, metadata_schema: &s image}}\n"
    files = (
        f"{HEAD}{SCHEMA}",
        f"datasets:\n  a: {{blobs: a.tar, description: image}}\n  b: {{blobs: b.tar, schema: other}}\n{defaults}",
        "schemas: {other: {nsid: org.lab.other, version: 1.0.0, fields: {a: integer}}}\n",
        'lenses:\n  l: {source: image, target: "other", getter: {}, putter: {}}\n',
        entries,
    )
    documents = tuple(parse(text, f"{number}.yaml") for number, text in enumerate(files))
    texts = edit_documents(documents, Address("schemas", "image"), "picture", {})
    assert texts == {
        "0.yaml": files[0].replace("  image: {", "  picture: {"),
        "1.yaml": files[1].replace(
            "{schema: image, metadata_schema: &s image}", "{schema: picture, metadata_schema: &s picture}"
        ),
        "3.yaml": files[3].replace("source: image", "source: picture"),
        "4.yaml": files[4]
        .replace("[{$ref: schemas/image}", "[{$ref: schemas/picture}")
        .replace("'schemas/image'", "'schemas/picture'"),
    }


def test_schemas_and_labels_keep_their_identity_without_an_id() -> None:
    text = dataset("  digits: {schema: image, blobs: a.tar}\n", "labels: {one: {version: 1.0.0, dataset: digits}}\n")
    assert rename("schemas/image", "picture", text).fields == {}
    assert rename("labels/one", "first", text).fields == {"name": "one"}


ENVIRONMENTS = """\
labels: {one: {version: 1.0.0, dataset: digits}}
environments:
  staging:
    datasets:
      digits: {license: MIT}
      more: {schema: image, blobs: b.tar}
    labels: {one: {dataset: digits}, two: {version: 1.0.0, dataset: more}}
  small: {datasets: {digits: null, more: {schema: image, blobs: c.tar}}, labels: {one: null}}
"""


def test_environments_follow() -> None:
    text = dataset("  digits: {schema: image, blobs: a.tar}\n", ENVIRONMENTS)
    renamed = rename("datasets/digits", "numbers", text)
    assert renamed.texts["0.yaml"] == text.replace("digits", "numbers").replace(
        "numbers: {schema", "numbers: {id: digits, name: digits, schema"
    )
    with pytest.raises(Usage, match="has an entry datasets/more already"):
        rename("datasets/digits", "more", text)
    with pytest.raises(Usage, match="has no entry datasets/more"):
        rename("datasets/more", "others", text)
    renamed = rename("datasets/more", "others", text, environment="staging")
    assert renamed.texts["0.yaml"] == text.replace("more: {", "others: {id: more, name: more, ").replace(
        "dataset: more", "dataset: others"
    )


@pytest.mark.parametrize(
    ("address", "key", "message"),
    [
        ("datasets/digit", "numbers", "the manifest has no entry datasets/digit"),
        ("defaults/datasets", "numbers", "the manifest has no entry defaults/datasets"),
        ("datasets/digits", "cats", "the manifest has an entry datasets/cats already"),
        ("datasets/digits", "digits", "the manifest has an entry datasets/digits already"),
        ("datasets/digits", "a b", "'a b' cannot be the key of an entry"),
    ],
)
def test_what_cannot_be_renamed(address: str, key: str, message: str) -> None:
    rest = "  cats: {schema: image, blobs: c.tar}\ndefaults: {datasets: {license: MIT}}\n"
    with pytest.raises(Usage) as caught:
        rename(address, key, dataset("  digits: {schema: image, blobs: a.tar}\n", rest))
    assert caught.value.message == message
    assert caught.value.hint


def test_a_map_that_entries_share_is_not_edited() -> None:
    text = dataset("  a: &a {schema: image, blobs: a.tar}\n  b: *a\n")
    with pytest.raises(InvalidInput) as caught:
        rename("datasets/a", "c", text)
    assert {problem.code for problem in caught.value.problems} <= {"not-editable", "duplicate-id"}
    with pytest.raises(InvalidInput) as caught:
        rename("datasets/b", "c", text)
    assert [problem.code for problem in caught.value.problems] == ["not-editable"]


def test_a_reference_by_a_variable_is_told() -> None:
    text = dataset(
        "  a: {schema: image, blobs: a.tar}\n", 'labels: {one: {version: 1.0.0, dataset: "${ATPUB_VAR_D}"}}\n'
    )
    with pytest.raises(InvalidInput) as caught:
        rename("datasets/a", "b", text, environ={"ATPUB_VAR_D": "a"})
    assert [problem.code for problem in caught.value.problems] == ["dangling-reference"]
