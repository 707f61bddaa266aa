"""Records as atdata 0.7 writes them, which their lexicons do not allow: read as they are, and written anew as valid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.playground import Ran
from tests.engine.apply.publishing import ENTRY, SCHEMA

from atpub.atmosphere import AtmosphereClient, DatasetLoader, SchemaLoader
from atpub.atproto.data import Json, JsonObject
from atpub.atproto.lexicon.validate import validate_record
from atpub.atproto.syntax import Nsid, RecordPath, Rkey
from atpub.errors import AtpubWarning
from atpub.generated import LEXICONS
from atpub.repository.filter import RecordFilter
from atpub.repository.local import LocalRepository
from atpub.repository.model import LOCAL_DID, Create
from atpub.target import FOLDER

URI = f"at://{LOCAL_DID}"
TIME = "2026-01-02T03:04:05.678901+00:00"
NDARRAY = "https://alt.science/schemas/atdata-ndarray-bytes/1.0.0#/$defs/ndarray"
KEYS = ("3jzfcijpj2z2a", "3jzfcijpj2z2b", "3jzfcijpj2z2c", "3jzfcijpj2z2d", "3jzfcijpj2z2e")


def schema(name: str, **properties: Json) -> JsonObject:
    """As `LexSchemaRecord.to_record` writes it."""
    arrays: JsonObject = {"arrayFormatVersions": {"ndarrayBytes": "1.0.0"}} if "image" in properties else {}
    held: JsonObject = {
        "$type": "science.alt.dataset.schema#jsonSchemaFormat",
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": properties,
        "required": [*properties],
        **arrays,
    }
    common: JsonObject = {"$type": SCHEMA, "name": name, "version": "1.0.0", "schemaType": "jsonSchema"}
    return {**common, "schema": held, "createdAt": TIME, "atdataSchemaVersion": 1}


def dataset(name: str, number: int, **more: Json) -> JsonObject:
    """As `LexDatasetEntry.to_record` writes it."""
    shards: Json = [
        {"url": f"https://a.example/{name}-{n}.tar", "checksum": {"algorithm": "sha256", "digest": f"{n:064x}"}}
        for n in range(number)
    ]
    storage: JsonObject = {"$type": "science.alt.dataset.storageHttp", "shards": shards}
    about: JsonObject = {"$type": ENTRY, "name": name, "schemaRef": f"{URI}/{SCHEMA}/{KEYS[0]}"}
    return {**about, "storage": storage, "createdAt": TIME, **more}


RECORDS: dict[str, tuple[Nsid, JsonObject]] = {
    KEYS[0]: (SCHEMA, schema("Image", image={"$ref": NDARRAY}, label={"type": "integer"})),
    KEYS[1]: (SCHEMA, schema("Text", text={"type": "string", "description": "what it says"})),
    KEYS[2]: (ENTRY, dataset("cats", 2, metadata={"split": "train", "custom": {"epoch": 10}})),
    KEYS[3]: (ENTRY, dataset("dogs", 1, metadata={"split": "test"}, contentMetadata={"gain": 3}, size={"samples": 9})),
    KEYS[4]: (ENTRY, dataset("birds", 1)),
}


@pytest.fixture
def repository(folder: Path) -> Iterator[LocalRepository]:
    with closing(LocalRepository(Path(FOLDER), LOCAL_DID)) as found:
        writes = [Create(RecordPath(nsid, Rkey(key)), value) for key, (nsid, value) in RECORDS.items()]
        found.apply_writes(writes, None)
        yield found


def records(repository: LocalRepository) -> dict[str, JsonObject]:
    return {
        path.rkey: record.value
        for path, record in repository.read(RecordFilter(frozenset((SCHEMA, ENTRY)))).records.items()
    }


def imported(atpub: Callable[..., Ran]) -> Ran:
    return atpub("import", "--all", "--adopt", "--account", "local", "--project", "lab", "--out", "atpub.yaml")


def test_import_plan_and_adopt(repository: LocalRepository, atpub: Callable[..., Ran]) -> None:
    made = imported(atpub)
    assert made.code == 0
    assert made.err.count("[atdata-shape]") == 4
    assert "left out" not in made.err
    text = Path("atpub.yaml").read_text()
    assert "image: ndarray" in text
    assert "  cats:\n    rkey: 3jzfcijpj2z2c\n    schema: image\n" in text
    assert "    size:\n      samples: 9\n" in text
    plan = atpub("plan")
    assert plan.code == 0
    assert plan.err.count("[atdata-shape]") == 4
    assert plan.out.count('+ schema.draft: "draft-07"') == 2
    assert '+ contentMetadata: {"split": "train", "custom": {"epoch": 10}}\n' in plan.out
    assert '- metadata: {"split": "train", "custom": {"epoch": 10}}\n' in plan.out
    assert "5 to adopt" in plan.out
    assert atpub("apply", "--yes").code == 0
    again = atpub("plan")
    assert (again.code, again.err) == (0, "")
    values = records(repository)
    assert [validate_record(LEXICONS.lexicons, value) for value in values.values()] == [()] * 5
    assert all(value["createdAt"] == TIME for value in values.values())
    assert values[KEYS[4]] == RECORDS[KEYS[4]][1]
    assert values[KEYS[3]]["contentMetadata"] == {"split": "test", "gain": 3}
    held, sample = RECORDS[KEYS[0]][1]["schema"], values[KEYS[0]]["schema"]
    assert isinstance(held, dict)
    assert isinstance(sample, dict)
    content = {key: item for key, item in held.items() if key not in ("$type", "arrayFormatVersions")}
    assert sample == {**held, "draft": "draft-07", "content": content}


def test_another_content_is_another_version(repository: LocalRepository, atpub: Callable[..., Ran]) -> None:
    imported(atpub)
    manifest = Path("atpub.yaml")
    manifest.write_text(manifest.read_text().replace("label: integer", "label: string"))
    assert "[immutable-version]" in atpub("plan").err + atpub("plan").out


def test_typed_reading(repository: LocalRepository) -> None:
    with AtmosphereClient.local(FOLDER) as client:
        schemas, datasets = SchemaLoader(client), DatasetLoader(client)
        with pytest.warns(AtpubWarning, match="shape that atdata 0.7 writes"):
            found = schemas.get_typed(f"{URI}/{SCHEMA}/{KEYS[1]}")
        assert found.name == "Text"
        with pytest.warns(AtpubWarning, match="shape that atdata 0.7 writes"):
            typed = datasets.get_typed(f"{URI}/{ENTRY}/{KEYS[3]}")
        assert (typed.metadata, typed.content_metadata) == (None, {"split": "test", "gain": 3})
        assert datasets.get_typed(f"{URI}/{ENTRY}/{KEYS[4]}").name == "birds"
        dataset = datasets.to_dataset(f"{URI}/{ENTRY}/{KEYS[2]}")
        assert dataset.sample_type.__name__ == "Image"
        assert dataset.metadata == {"split": "train", "custom": {"epoch": 10}}
        assert datasets.get_metadata(f"{URI}/{ENTRY}/{KEYS[3]}") == {"split": "test", "gain": 3}
