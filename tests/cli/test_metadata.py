"""`atpub export --format` and `atpub croissant`."""

from __future__ import annotations

import json

import pytest
import yaml
from tests.cli.lab import MANIFEST, Lab

from atpub.catalog.formats import FORMATS

RAI = """\
    license: CC-BY-4.0
    rai:
      limitations: Ten digits.
      biases: None known.
      personalSensitiveInformation: None.
      useCases: Tests.
      socialImpact: None.
      hasSyntheticData: false
      provenance:
        derivedFrom: ["https://example.org/"]
        generatedBy: By hand.
"""
COMPLETE = MANIFEST.replace("    blobs: data", f"{RAI}    blobs: data")


@pytest.fixture
def applied(lab: Lab) -> Lab:
    lab.write(COMPLETE)
    assert lab.run("apply", "--yes").code == 0
    return lab


@pytest.mark.parametrize("name", FORMATS)
def test_a_dataset_by_its_address(name: str, applied: Lab) -> None:
    ran = applied.run("export", "--format", name, "datasets/digits")
    assert ran.code == 0
    assert "Ten of them." in ran.out
    assert applied.run("export", "--format", name, "digits").out == ran.out
    written = applied.run("export", "--format", name, "digits", "--out", "a/file")
    assert written.code == 0
    assert (applied.folder / "a/file").read_text("utf-8") == ran.out


def test_the_label_is_the_version(applied: Lab) -> None:
    assert yaml.safe_load(applied.run("export", "--format", "citation", "digits").out)["version"] == "1.0.0"


def test_a_dataset_by_its_uri(applied: Lab) -> None:
    by_address = json.loads(applied.run("croissant", "digits").out)
    (applied.folder / "atpub.yaml").unlink()
    assert json.loads(applied.run("export", "--format", "croissant", by_address["url"]).out) == by_address
    assert applied.run("croissant", by_address["url"]).json == by_address


def test_blobs_are_where_their_files_are(applied: Lab) -> None:
    files = [item for item in applied.run("croissant", "digits").json["distribution"] if "contentUrl" in item]
    assert all((applied.folder / item["contentUrl"]).stat().st_size > 0 for item in files)


def test_a_file_is_not_replaced_unasked(applied: Lab) -> None:
    before = (applied.folder / "atpub.yaml").read_text()
    ran = applied.run("export", "--format", "hf-card", "digits", "--out", "atpub.yaml")
    assert (ran.code, "already exists" in ran.err) == (1, True)
    assert (applied.folder / "atpub.yaml").read_text() == before
    assert applied.run("croissant", "digits", "--out", "x").code == 0
    assert applied.run("croissant", "cats", "--out", "x", "--overwrite").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("export", 64, "either --car or --format"),
        ("export --car a --format croissant", 64, "either --car or --format"),
        ("export digits --car a", 64, "whole repository"),
        ("export --format croissant", 64, "2 datasets: datasets/digits, datasets/cats"),
        ("export --format croissant schemas/image", 64, "not a dataset"),
        ("export --format croissant digit", 64, "no entry 'digit'"),
        ("export --format nothing digits", 64, "'nothing'"),
        ("croissant at://did:web:local.invalid/science.alt.dataset.entry/3jqfcqzm3fo2j", 1, "there is no record"),
        ("croissant --check --out x", 64, "reads the manifest alone"),
        ("croissant --check at://did:web:local.invalid/science.alt.dataset.entry/a", 64, "reads the manifest alone"),
        ("croissant --check digit", 64, "no dataset 'digit'"),
    ],
)
def test_wrong_usage(arguments: str, code: int, message: str, applied: Lab) -> None:
    ran = applied.run(*arguments.split())
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert not (applied.folder / "a").exists()


# What NeurIPS requires


def test_a_complete_dataset(lab: Lab) -> None:
    lab.write(COMPLETE)
    ran = lab.run("croissant", "--check", "digits")
    assert ran.code == 0
    assert ran.out == "1 dataset: every field that NeurIPS requires is there.\n"
    assert "croissant-no-records" in ran.err


FIELDS = [line.split(":")[0].strip() for line in RAI.splitlines() if not line.endswith(":")]


@pytest.mark.parametrize("field", [*FIELDS, "description"])
def test_each_missing_field_has_its_place(field: str, lab: Lab) -> None:
    lines = COMPLETE.splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if line.strip().startswith(f"{field}:") and n > 10)
    lab.write("".join(lines[:number] + lines[number + 1 :]))
    ran = lab.run("croissant", "--check", "digits")
    assert ran.code == 3
    assert ran.err.count("[croissant-missing]") == 1
    inner = {"derivedFrom": "provenance:", "generatedBy": "provenance:", "license": "digits:", "description": "digits:"}
    above = next(n for n, line in enumerate(lab.manifest.splitlines(), 1) if line.strip() == inner.get(field, "rai:"))
    assert f"atpub.yaml:{above}:" in ran.err
    assert f"{field} is missing" in ran.err


def test_all_datasets_are_checked(lab: Lab) -> None:
    lab.write(COMPLETE)
    ran = lab.run("croissant", "--check")
    assert ran.code == 3
    assert ran.err.count("datasets/cats: ") == ran.err.count("[croissant-missing]") + 1
