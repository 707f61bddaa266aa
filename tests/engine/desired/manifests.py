"""From the text of a manifest to the records that it wants, or its problems."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import Did
from atpub.engine.desired.build import build_desired
from atpub.engine.desired.model import Desired
from atpub.errors import InvalidInput
from atpub.manifest.load import load_manifest
from atpub.problems import Problem
from atpub.shards.facts import gather

ALICE = Did("did:plc:aliceaaaaaaaaaaaaaaaaaaa")
HEAD = "atpub: 1\nproject: ours\nlexicons: {path: lexicons/}\n"
NAMED_LEXICON: JsonObject = {
    "lexicon": 1,
    "id": "org.test.named",
    "defs": {"main": {"type": "record", "key": "nsid", "record": {"type": "object", "properties": {}}}},
}


def build(folder: Path, text: str) -> tuple[Mapping[str, Desired], tuple[Problem, ...]]:
    """The records by address, and warnings; raises InvalidInput."""
    file = folder / "atpub.yaml"
    file.write_text(HEAD + text, "utf-8")
    manifest = load_manifest([file], environ={})
    found, warnings = build_desired(manifest, gather(manifest), ALICE)
    return {str(item.address): item for item in found}, warnings


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    """Everything that is wrong or doubtful."""
    try:
        return build(folder, text)[1]
    except InvalidInput as error:
        return error.problems


def value(folder: Path, text: str, address: str) -> JsonObject:
    """The record of one entry."""
    return build(folder, text)[0][address].value
