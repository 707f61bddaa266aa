"""Completion, hover texts and diagnostics of editors, by the language servers that they use."""

from pathlib import Path

import pytest
from tests.editors.conftest import EXAMPLE
from tests.editors.language_server import CURSOR, LanguageServer

pytestmark = pytest.mark.pds

FIRST_LINE = "# yaml-language-server: $schema=./atpub.schema.json\n"
HEAD = f"{FIRST_LINE}atpub: 1\nproject: lab\n"
NOTE = f"{HEAD}records:\n  first:\n    collection: org.example.note\n"
LEXICON = '{\n  "lexicon": 1,\n  "id": "org.example.x",\n  "defs": {\n'


def test_keys_of_a_manifest_are_completed(yaml_server: LanguageServer, manifest: Path) -> None:
    found = yaml_server.complete(manifest, f"{HEAD}{CURSOR}")
    assert found.keys() == {
        *("account", "did", "pds", "environments", "defaults", "policy", "lexicons"),
        *("schemas", "datasets", "labels", "lenses", "records"),
    }
    assert found["account"]["documentation"].startswith("Where to publish")


def test_collections_are_completed(yaml_server: LanguageServer, manifest: Path) -> None:
    found = yaml_server.complete(manifest, f"{HEAD}records:\n  first:\n    collection: {CURSOR}")
    assert found.keys() == {
        *("org.example.note", "org.example.profile"),
        *("com.atproto.lexicon.schema", "cx.vmx.matadisco", "science.alt.dataset.lensVerification"),
    }
    assert found["org.example.note"]["documentation"] == "A note about another record."


def test_fields_of_a_record_are_completed(yaml_server: LanguageServer, manifest: Path) -> None:
    found = yaml_server.complete(manifest, f"{NOTE}    value:\n      text: x\n      {CURSOR}")
    assert {name: found[name].get("documentation") for name in ("subject", "tags", "createdAt")} == {
        "subject": "The record that the note is about.",
        "tags": "Words to find the note by.",
        "createdAt": "When the note was written.",
    }
    assert "text" not in found


def test_placeholders_are_completed_where_they_are_usual(yaml_server: LanguageServer, manifest: Path) -> None:
    found = yaml_server.complete(manifest, f"{NOTE}    value:\n      subject:\n        {CURSOR}")
    assert found.keys() == {"$ref", "$literal"}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"      te{CURSOR}xt: x\n", "What the note says."),
        (f"      subject: {{$re{CURSOR}f: datasets/x}}\n", "The at:// URI of another entry, such as datasets/digits."),
    ],
)
def test_hover_shows_what_a_field_means(yaml_server: LanguageServer, manifest: Path, line: str, shown: str) -> None:
    assert shown in yaml_server.hover(manifest, f"{NOTE}    value:\n{line}")


def test_hover_shows_what_a_key_means(yaml_server: LanguageServer, manifest: Path) -> None:
    assert "the name of their inventory" in yaml_server.hover(manifest, HEAD.replace("proj", f"proj{CURSOR}"))


def test_problems_of_a_manifest_have_their_places(yaml_server: LanguageServer, manifest: Path) -> None:
    wrong = "    value:\n      text: 3\n      tags: x\n    colection: y\n"
    assert yaml_server.diagnose(manifest, f"{NOTE}{wrong}") == [
        '7:5 Missing property "subject".',
        '8:13 Incorrect type. Expected "string".',
        '9:13 Incorrect type. Expected "array".',
        "10:5 Property colection is not allowed.",
    ]


def test_a_valid_manifest_has_none(yaml_server: LanguageServer, manifest: Path) -> None:
    assert yaml_server.diagnose(manifest, f"{FIRST_LINE}{EXAMPLE.read_text('utf-8')}") == []


def test_keywords_of_a_lexicon_are_completed(json_server: LanguageServer, lexicon_file: Path) -> None:
    found = json_server.complete(lexicon_file, f'{LEXICON}"main": {{"type": "record", "{CURSOR}"}}}}}}')
    assert found.keys() == {"description", "key", "record"}
    assert found["record"]["documentation"] == "The record's fields: an object."


def test_types_are_completed_where_they_can_be(json_server: LanguageServer, folder: Path) -> None:
    main = json_server.complete(folder / "main.json", f'{LEXICON}"main": {{"type": "{CURSOR}"}}}}}}')
    named = json_server.complete(folder / "named.json", f'{LEXICON}"other": {{"type": "{CURSOR}"}}}}}}')
    items = f'{LEXICON}"a": {{"type": "array", "items": {{"type": "{CURSOR}"}}}}}}}}'
    inner = json_server.complete(folder / "inner.json", items)
    assert main.keys() - named.keys() == {f'"{kind}"' for kind in PRIMARY}
    assert inner.keys() - named.keys() == {'"ref"', '"union"', '"unknown"'}
    assert named.keys() - inner.keys() == {'"token"'}


PRIMARY = ("permission-set", "procedure", "query", "record", "subscription")


def test_hover_shows_what_a_keyword_means(json_server: LanguageServer, folder: Path) -> None:
    text = f'{LEXICON}"a": {{"type": "string", "max{CURSOR}Length": 3}}}}}}'
    assert "The most bytes in UTF" in json_server.hover(folder / "string.json", text)
    text = text.replace("string", "array")
    assert "The most items" in json_server.hover(folder / "array.json", text)


def test_problems_of_a_lexicon_have_their_places(json_server: LanguageServer, lexicon_file: Path) -> None:
    record = '{"type": "object",\n"properties": {"a": {"type": "float"}}}'
    found = json_server.diagnose(lexicon_file, f'{LEXICON}"main": {{"type": "record", "record": {record}}}}}}}')
    assert [line.partition(":")[0] + line[line.index(" ") :][:38] for line in found] == [
        '5 Missing property "key".',
        "6 Value is not accepted. Valid values: ",
    ]


def test_a_valid_lexicon_has_none(json_server: LanguageServer, lexicon_file: Path) -> None:
    note = EXAMPLE.parent / "lexicons/org/example/note.json"
    assert json_server.diagnose(lexicon_file, note.read_text("utf-8")) == []


def test_yaml_servers_read_lexicons_too(yaml_server: LanguageServer, lexicon_file: Path) -> None:
    before = '{"$schema": "./lexicon.schema.json", "lexicon": 1, "id": "org.example.x", "defs": {"a": {"type": '
    found = yaml_server.diagnose(lexicon_file, f'{before}"ref"}}}}}}')
    assert [line.partition(" ")[0] for line in found] == [f"1:{len(before) + 1}"]
