"""Each metadata format of a dataset: what it holds, and that the texts of records act on nothing in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, cast

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from tests.catalog.views import HOSTILE, RAI, URI, dataset, hostile
from tests.report.test_escape import render as to_html

from atpub.catalog.croissant import MOST_SHARDS
from atpub.catalog.formats import FORMATS, render
from atpub.catalog.jsonld import MOST_SHARDS as MOST_IN_PAGE
from atpub.catalog.links import license_url, web_url
from atpub.cli.account_commands import METADATA_FORMATS
from atpub.published.model import DatasetView, ShardView, Size
from atpub.report.escape import UNSAFE, escape_prose

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text("<>&[]()!*_`#|-+=:/.@wh1 \n\\~$^{}", max_size=40)


def rendered(name: str, item: DatasetView) -> Any:
    return json.loads(render(name, item))


def front_matter(item: DatasetView) -> tuple[Any, str]:
    _, head, body = render("hf-card", item).split("---\n", 2)
    return yaml.safe_load(head), body


def test_the_command_offers_every_format() -> None:
    assert tuple(FORMATS) == METADATA_FORMATS


# schema.org

TYPES: dict[str, dict[str, type]] = {
    "Dataset": {"name": str, "description": str, "license": str, "keywords": list, "creator": dict},
    "Organization": {"name": str, "identifier": str},
    "PropertyValue": {"name": str, "description": str},
    "DataDownload": {"name": str, "contentUrl": str, "encodingFormat": str},
}
"""What Google Dataset Search asks for: required and recommended properties of schema.org's types."""


def objects(value: object) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for item in cast("list[object]", value) for found in objects(item)]
    if not isinstance(value, dict):
        return []
    members = cast("dict[str, Any]", value)
    return [members, *objects([*members.values()])]


@pytest.mark.parametrize("item", [dataset(), hostile()], ids=["plain", "hostile"])
def test_jsonld_has_the_shape_of_schema_org(item: DatasetView) -> None:
    made = rendered("jsonld", item)
    assert made["@context"] == "https://schema.org/"
    for found in objects(made):
        for name, kind in TYPES[found["@type"]].items():
            assert isinstance(found[name], kind), (found["@type"], name)
    assert all(web_url(item["contentUrl"]) for item in made.get("distribution", ()))


def test_jsonld_of_a_dataset() -> None:
    made = rendered("jsonld", dataset())
    assert made["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    assert (made["datePublished"], made["version"]) == ("2024-05-01", "1.2.0")
    assert [item["contentUrl"] for item in made["distribution"]] == [
        "https://cdn.example.org/x-0.tar",
        "https://cdn.example.org/x-1.tar",
    ]
    assert made["isBasedOn"] == ["https://example.org/a"]


# Croissant


def test_croissant_has_a_record_set_for_each_member() -> None:
    made = rendered("croissant", dataset())
    fields = {item["@id"]: item["field"][1] for item in made["recordSet"]}
    assert {name: field["dataType"] for name, field in fields.items()} == {
        "jpg": "sc:ImageObject",
        "cls": "sc:Integer",
        "webp": "sc:ImageObject",
    }
    sets = {item["@id"]: item for item in made["distribution"] if item["@type"] == "cr:FileSet"}
    assert sets["jpg-files"]["includes"] == "*.jpg"
    assert sets["jpg-files"]["containedIn"] == [{"@id": "shard-0"}, {"@id": "shard-1"}]
    assert "isLiveDataset" not in made


def test_croissant_states_responsible_use() -> None:
    made = rendered("croissant", dataset())
    assert made["conformsTo"] == ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
    assert made["rai:dataLimitations"] == RAI.limitations
    assert made["rai:hasSyntheticData"] is False
    assert made["prov:wasDerivedFrom"] == [{"@id": "https://example.org/a"}]
    assert made["prov:wasGeneratedBy"] == "By hand."
    assert not [name for name in rendered("croissant", dataset(metadata={})) if name.startswith(("rai:", "prov:"))]


def test_croissant_of_msgpack_has_files_alone() -> None:
    item = dataset()
    assert item.schema is not None
    made = rendered("croissant", dataset(schema=replace(item.schema, format="msgpack")))
    assert [found["@type"] for found in made["distribution"]] == ["cr:FileObject"] * 2
    assert "recordSet" not in made


@pytest.mark.parametrize("schema", [None])
def test_a_schema_that_cannot_be_read_leaves_the_files(schema: None) -> None:
    assert "recordSet" not in rendered("croissant", dataset(schema=schema))
    assert "## Fields" not in render("hf-card", dataset(schema=schema))


@pytest.mark.slow
def test_metadata_of_many_shards_stays_small() -> None:
    shards = [ShardView(f"x-{n:05}.tar", f"https://a.test/x-{n:05}.tar", None, "0" * 64, 9) for n in range(25_000)]
    item = dataset(shards=shards, size=Size(None, None, len(shards)))
    made = rendered("croissant", item)
    assert [found["@id"] for found in made["distribution"]] == ["record", "shards"]
    assert len(rendered("jsonld", item)["distribution"]) == MOST_IN_PAGE
    assert all(len(render(name, item)) < 50_000 for name in FORMATS)
    fewer = render("croissant", dataset(shards=shards[:MOST_SHARDS]))
    assert len(fewer) < 700_000


# Others' texts


def test_nothing_ends_a_script_element() -> None:
    for name in ("jsonld", "croissant", "datacite"):
        text = render(name, hostile())
        assert text.isascii()
        assert not UNSAFE.search(text.replace("\n", ""))
        assert not set("<>&") & set(text)
        assert HOSTILE.strip() in {
            value for found in objects(json.loads(text)) for value in found.values() if isinstance(value, str)
        }


@pytest.mark.parametrize("name", ["citation", "hf-card"])
def test_no_character_acts_on_a_terminal(name: str) -> None:
    assert not UNSAFE.search(render(name, hostile()).replace("\n", ""))


def test_yaml_has_the_keys_of_its_format_alone() -> None:
    plain, made = (yaml.safe_load(render("citation", item)) for item in (dataset(), hostile()))
    assert set(made) <= set(plain)
    assert made["title"].startswith("</script>")
    head, _ = front_matter(hostile())
    assert set(head) == {"license", "license_name", "pretty_name", "tags", "size_categories"}
    assert front_matter(dataset())[0] == {
        "license": "cc-by-4.0",
        "pretty_name": "Portraits",
        "tags": ["faces", "images", "webdataset"],
        "size_categories": ["1K<n<10K"],
    }


def elements(markdown: str) -> set[str]:
    html = to_html(markdown)
    assert "onerror" not in re.sub(r">[^<]*<", "><", html)
    return set(re.findall(r"<(\w+)", html))


def test_a_card_has_no_markup_of_others() -> None:
    _, body = front_matter(hostile())
    assert elements(body) <= elements(front_matter(dataset())[1])


@given(TEXTS)
@example(HOSTILE)
@example("a\n===\n1. x\n12) y\n- z")
def test_prose_is_paragraphs(text: str) -> None:
    assert elements(escape_prose(text)) <= {"p"}


# Licenses


@pytest.mark.parametrize(
    ("license", "url"),
    [
        ("CC0-1.0", "https://spdx.org/licenses/CC0-1.0.html"),
        ("https://a.test/license", "https://a.test/license"),
        ("MIT OR Apache-2.0", None),
        ("LicenseRef-own", None),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
def test_the_address_of_a_license(license: str, url: str | None) -> None:
    assert license_url(license) == url
    assert rendered("jsonld", dataset(license=license)).get("license") == (url or license or None)
    assert "license-url" not in yaml.safe_load(render("citation", dataset(license="CC0-1.0")))


def test_what_a_record_lacks_is_left_out() -> None:
    item = dataset(description="", title=" ", labels=(), tags=(), license="", metadata={}, schema=None)
    assert rendered("jsonld", item)["name"] == str(URI)
    assert "abstract" not in yaml.safe_load(render("citation", item))
    for name in FORMATS:
        assert "None" not in render(name, item)
