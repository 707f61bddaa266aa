"""Judge metadata files by the libraries of their formats; runs in an environment of its own, see `test_judges.py`.

For each line `[[format, file], …]` of stdin, writes a line to stdout: a list of problems for each file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def judge_croissant(file: Path) -> Iterator[str]:
    """The three checks of NeurIPS: valid JSON, a dataset that loads, and the first record of each RecordSet."""
    mlcroissant: Any = import_module("mlcroissant")

    json.loads(file.read_text("utf-8"))
    dataset = mlcroissant.Dataset(jsonld=str(file))
    yield from map(str, dataset.metadata.ctx.issues.errors)
    for records in dataset.metadata.record_sets:
        record = next(iter(dataset.records(record_set=records.uuid)))
        if set(record) != {f"{records.uuid}/key", f"{records.uuid}/content"}:
            yield f"{records.uuid}: {record}"


def judge_croissant_file(file: Path) -> Iterator[str]:
    """Validate the description alone, of shards that are not there."""
    mlcroissant: Any = import_module("mlcroissant")

    yield from map(str, mlcroissant.Dataset(jsonld=str(file)).metadata.ctx.issues.errors)


def judge_datacite(file: Path) -> Iterator[str]:
    schema: Any = import_module("datacite.schema45")
    yield from (str(error.message) for error in schema.validator.iter_errors(json.loads(file.read_text("utf-8"))))


def judge_citation(file: Path) -> Iterator[str]:
    jsonschema: Any = import_module("jsonschema")
    yaml: Any = import_module("yaml")
    spec = find_spec("cffconvert")  # its schema alone: the package needs a jsonschema of long ago
    assert spec is not None
    assert spec.submodule_search_locations
    schema = Path(spec.submodule_search_locations[0], "schemas/1.2.0/schema.json")
    validator = jsonschema.Draft7Validator(
        json.loads(schema.read_text("utf-8")), format_checker=jsonschema.FormatChecker()
    )
    yield from (error.message for error in validator.iter_errors(yaml.safe_load(file.read_text("utf-8"))))


def judge_hf_card(file: Path) -> Iterator[str]:
    hub: Any = import_module("huggingface_hub")
    card = hub.DatasetCard.load(file)
    if not card.data.pretty_name or not card.text.strip():
        yield "the card has no name or no text"


JUDGES: dict[str, Callable[[Path], Iterator[str]]] = {
    "croissant": judge_croissant,
    "croissant-file": judge_croissant_file,
    "datacite": judge_datacite,
    "citation": judge_citation,
    "hf-card": judge_hf_card,
}


def judge(name: str, file: str) -> list[str]:
    try:
        return [*JUDGES[name](Path(file))]
    except Exception as error:  # whatever the library says of the file
        return [f"{type(error).__name__}: {error}"]


if __name__ == "__main__":
    for line in sys.stdin:
        asked: Any = json.loads(line)
        print(json.dumps([judge(name, file) for name, file in asked]), flush=True)
