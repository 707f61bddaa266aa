"""Any value of the data model that a record holds is said by an entry, or left out with a reason: never changed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from tests.engine.apply.publishing import NOTE, NOW, scratch, write_lexicons
from tests.text.test_yaml_writer import TEXTS

from atpub.atproto.data import Json, JsonObject, cid_of
from atpub.atproto.syntax import Nsid, RecordPath, Rkey
from atpub.engine.desired.build import build_desired
from atpub.engine.inventory import Owned
from atpub.engine.plan.build import plan_manifest
from atpub.importing.entries import DEEPEST, Importer
from atpub.importing.model import ImportRequest, ImportResult
from atpub.manifest.load import load_documents, load_manifest
from atpub.repository.model import LOCAL_DID, Live, Record
from atpub.shards.facts import gather
from atpub.text.document import parse

CID = "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm"
BLOB: JsonObject = {"$type": "blob", "ref": {"$link": CID.replace("bafy", "bafk")}, "mimeType": "x/y", "size": 5}
LINK: JsonObject = {"$link": CID}


def raw_bytes(raw: bytes) -> JsonObject:
    return {"$bytes": b64encode(raw).decode().rstrip("=")}


def like_a_placeholder(name: str) -> JsonObject:
    return {name: "datasets/digits"}


SPECIAL: st.SearchStrategy[Json] = st.one_of(
    st.binary(max_size=20).map(raw_bytes),
    st.just(LINK),
    st.just(BLOB),
    st.sampled_from(["$ref", "$strongRef", "$blob", "$literal"]).map(like_a_placeholder),
    st.sampled_from(["${X}", "$$", "$${X:-a}", "no", "1e3", "at://did:web:local.invalid/org.test.note/a"]),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), TEXTS, SPECIAL)
KEYS = TEXTS.filter(lambda key: not key.startswith("$"))
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def folder() -> Generator[Path]:
    with scratch() as path:
        write_lexicons(path)
        yield path


def note(rkey: str, **fields: Json) -> Record:
    return record(NOTE, rkey, {"text": "x", **fields})


def record(collection: str, rkey: str, value: JsonObject) -> Record:
    whole: JsonObject = {"$type": str(collection), **value}
    return Record(RecordPath(Nsid(collection), Rkey(rkey)), cid_of(whole), whole)


def imported(folder: Path, *records: Record, owned: tuple[Owned, ...] = (), adopt: bool = False) -> ImportResult:
    """What comes of an import of these records, the only ones in their repository, for the project `ours`."""
    header: JsonObject = {"project": "ours", "lexicons": {"path": "lexicons"}}
    own = parse('{atpub: 1, project: ours, lexicons: {path: "lexicons"}}', "own.yaml")
    live = Live(LOCAL_DID, None, {item.path: item for item in records})
    manifest = load_documents([own], folder).manifest
    return Importer(
        ImportRequest(records, live, {item.path: item for item in owned}, manifest, (), header, adopt=adopt)
    ).make()


def actions(folder: Path, made: ImportResult, *records: Record) -> dict[str, str]:
    """What a plan of the manifest would do, with the environment full of variables."""
    (folder / "made.yaml").write_text(made.text, "utf-8")
    manifest = load_manifest([folder / "made.yaml"], environ={"X": "filled in"})
    desired, _ = build_desired(manifest, gather(manifest), LOCAL_DID)
    live = Live(LOCAL_DID, None, {item.path: item for item in records})
    plan = plan_manifest(desired, live, project="ours", account="local", now=NOW)
    assert not plan.refusals
    return {str(change.path): change.action for change in plan.changes}


@pytest.mark.slow
@settings(max_examples=150)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
@example({"a": {"$ref": "x"}, "b": [{"$literal": {"$literal": 1}}], "c": {"$blob": {"d": "${X}"}}})
def test_any_value_is_said_exactly_or_left_out(folder: Path, fields: JsonObject) -> None:
    found = record(NOTE, "a", {**fields, "text": "x"})
    made = imported(folder, found)
    event(made.warnings[0].message.partition(": ")[2][:60] if made.warnings else "said")
    if made.warnings:
        assert not made.entries
        assert made.warnings[0].hint
    else:
        assert actions(folder, made, found) == {"org.test.note/a": "unchanged"}


def test_usual_values_are_never_left_out(folder: Path) -> None:
    found = note("a", blob=BLOB, link={"$link": CID}, raw={"$bytes": "AQID"}, odd={"$ref": "x"}, variable="${X} $$ $")
    made = imported(folder, found)
    assert made.warnings == ()
    assert actions(folder, made, found) == {"org.test.note/a": "unchanged"}


def test_what_cannot_be_said_is_left_out_with_a_reason(folder: Path) -> None:
    deep: Json = "x"
    for _ in range(DEEPEST + 1):
        deep = [deep]
    records = [
        record("org.unknown.thing", "a", {}),
        record("org.unknown.thing", "b", {}),
        record(NOTE, "invalid", {"text": 5}),
        note("deep", deep=deep),
        record("org.test.event", "no-tid", {"name": "x", "createdAt": "2024-05-01T12:00:00.000Z"}),
        note("other", **{"$type": "a.b.c"}),
        note("fine"),
    ]  # fmt: skip
    made = imported(folder, *records)
    assert [str(entry.address) for entry in made.entries] == ["records/fine"]
    found = {problem.code: problem for problem in made.warnings}
    assert found.keys() == {"unknown-lexicon", "invalid-record", "too-deep", "wrong-form", "wrong-type"}
    assert "2 records of org.unknown.thing" in found["unknown-lexicon"].message
    assert {problem.severity for problem in made.warnings} == {"warning"}


def test_the_same_records_give_the_same_text_in_any_order(folder: Path) -> None:
    records = [note("a", x="1"), note("b"), record("org.test.self", "self", {"text": "x"})]
    assert imported(folder, *records) == imported(folder, *reversed(records))


def test_identity_and_protection_are_those_of_the_inventory(folder: Path) -> None:
    found = [note("a"), note("b")]
    owned = (Owned("one", found[0].path, found[0].cid, protect=True), Owned("b", found[1].path, found[1].cid))
    made = imported(folder, *found, owned=owned, adopt=True)
    assert made.text.partition("records:\n")[2] == (
        "  b:\n    collection: org.test.note\n    value:\n      text: x\n"
        "  one:\n    rkey: a\n    collection: org.test.note\n    value:\n      text: x\n    protect: true\n"
    )


def test_adopted_are_only_those_that_are_not_owned(folder: Path) -> None:
    made = imported(folder, note("a"), note("b"), owned=(Owned("a", note("a").path, note("a").cid),), adopt=True)
    assert made.text.count("adopt: true") == 1
    assert actions(folder, made, note("a"), note("b"))["org.test.note/b"] == "adopt"


SAMPLE: JsonObject = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"image": {"$ref": "https://alt.science/schemas/atdata-ndarray-bytes/1.0.0#/$defs/ndarray"}},
    "required": ["image"],
}
ARRAYS: JsonObject = {"arrayFormatVersions": {"ndarrayBytes": "1.0.0"}}
FORMAT: JsonObject = {"$type": "science.alt.dataset.schema#jsonSchemaFormat"}


def schema(rkey: str, sample: JsonObject) -> Record:
    value: JsonObject = {
        "name": "My_Sample",
        "version": "1.0.0",
        "schemaType": "jsonSchema",
        "atdataSchemaVersion": 1,
        "createdAt": "2024-05-01T12:00:00.000Z",
        "schema": {**FORMAT, **sample},
    }
    return record("science.alt.dataset.schema", rkey, value)


def test_schemas_that_others_have_published_under_keys_of_their_own(folder: Path) -> None:
    whole: JsonObject = {**SAMPLE, "draft": "draft-07", "content": SAMPLE, **ARRAYS}
    found = [schema("3jzfcijpj2z2a", whole), schema("3jzfcijpj2z2b", whole)]
    made = imported(folder, *found)
    assert [problem.code for problem in made.warnings] == ["no-nsid", "no-nsid"]
    assert [entry.address.section for entry in made.entries] == ["schemas", "schemas"]
    assert made.text.count("    fields:\n      image: ndarray\n") == 2
    assert made.text.count("    rkey: 3jzfcijpj2z2") == 2
    assert set(actions(folder, made, *found).values()) == {"unchanged"}


def test_a_schema_in_a_shape_that_no_lexicon_has_is_left_out(folder: Path) -> None:
    made = imported(folder, schema("3jzfcijpj2z2a", {"type": "object"}))
    assert made.entries == ()
    (problem,) = made.warnings
    assert problem.code == "invalid-record"
    assert "content: is required" in problem.message


def test_what_refers_to_a_schema_that_is_kept_as_it_is_names_its_uri(folder: Path) -> None:
    entry: JsonObject = {
        "name": "Cats & dogs",
        "schemaRef": "at://did:web:local.invalid/science.alt.dataset.schema/3jzfcijpj2z2a",
        "storage": {
            "$type": "science.alt.dataset.storageHttp",
            "shards": [
                {"url": f"https://a.example/{n}.tar", "checksum": {"algorithm": "sha256", "digest": f"{n:064x}"}}
                for n in range(3)
            ],
        },
        "createdAt": "2024-05-01T12:00:00.000Z",
    }
    found = record("science.alt.dataset.entry", "3jzfcijpj2z2c", {**entry, "size": {"shards": 3}})
    other = record("science.alt.dataset.entry", "3jzfcijpj2z2d", {**entry, "size": {"shards": 4}})
    made = imported(folder, found, other)
    assert made.warnings == ()
    assert [str(item.address) for item in made.entries] == [
        "datasets/cats-dogs-3jzfcijpj2z2c",
        "records/cats-dogs-3jzfcijpj2z2d",
    ]
    assert "schema: at://did:web:local.invalid" in made.text
    assert "urls: https://a.example/{0..2}.tar" in made.text
    assert set(actions(folder, made, found, other).values()) == {"unchanged"}
