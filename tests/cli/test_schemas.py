"""`atpub manifest-schema` and `atpub lex schema`: the schemas that editors use, and the lexicons that they take in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.playground import Ran, write_files

from atpub.lexicon_tools.file_schema import lexicon_schema

Atpub = Callable[..., Ran]


def note(nsid: str, **fields: Any) -> str:
    record = {"type": "object", "properties": fields}
    return json.dumps({"lexicon": 1, "id": nsid, "defs": {"main": {"type": "record", "key": "tid", "record": record}}})


def collections(ran: Ran) -> set[str]:
    listed = ran.json["$defs"]["entry:records"]["properties"]["collection"]["anyOf"]
    return {item["const"] for item in listed if item.get("const", "").startswith("org.lab.")}


def test_lexicons_of_the_manifest_here_or_named_or_of_folders(folder: Path, atpub: Atpub) -> None:
    manifest = "atpub: 1\nproject: lab\nlexicons: {path: lex}\n"
    write_files(folder, {"a/atpub.yaml": manifest, "a/lex/x.json": note("org.lab.named")})
    assert collections(atpub("manifest-schema")) == set()
    assert collections(atpub("manifest-schema", "-m", "a/atpub.yaml")) == {"org.lab.named"}
    write_files(
        folder, {"atpub.yaml": manifest, "lex/y.json": note("org.lab.here"), "more/z.json": note("org.lab.more")}
    )
    assert collections(atpub("manifest-schema")) == {"org.lab.here"}
    assert collections(atpub("manifest-schema", "--lexicons", "more")) == {"org.lab.here", "org.lab.more"}


def test_a_folder_without_lexicons_is_named(folder: Path, atpub: Atpub) -> None:
    (folder / "empty").mkdir()
    ran = atpub("manifest-schema", "--lexicons", "empty")
    assert (ran.code, ran.out) == (64, "")
    assert "empty has no lexicons (*.json) in it" in ran.err


def test_broken_lexicons_are_warnings(folder: Path, atpub: Atpub) -> None:
    write_files(folder, {"lex/bad.json": '{"lexicon": 1}', "lex/good.json": note("org.lab.good")})
    ran = atpub("manifest-schema", "--lexicons", "lex")
    assert (ran.code, collections(ran)) == (0, {"org.lab.good"})
    assert "lex/bad.json:1:1: warning: $.id: is required and missing [lexicon]" in ran.err


def test_texts_of_lexicons_are_limited(folder: Path, atpub: Atpub) -> None:
    write_files(folder, {"lex/long.json": note("org.lab.long", a={"type": "string", "description": "x\x1b" * 9999})})
    ran = atpub("manifest-schema", "--lexicons", "lex")
    assert len(ran.out) < 90_000
    assert "\x1b" not in ran.out


def test_the_schema_of_lexicons(atpub: Atpub) -> None:
    assert atpub("lex", "schema").json == lexicon_schema()
