"""New lexicons to begin with: valid, without a finding of the linter, and complete enough to generate classes from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import Nsid
from atpub.lexicon_tools.layout import format_json


def starter_text(nsid: Nsid, kind: str) -> str:
    """Return the text of a new lexicon of a kind in `KINDS`."""
    return format_json(json.dumps({"lexicon": 1, "id": nsid, "defs": {"main": KINDS[kind]()}}))


def path_of(nsid: Nsid) -> PurePosixPath:
    """Return the path of a lexicon in a folder of lexicons: `org/lab/note.json`."""
    *folders, name = nsid.segments
    return PurePosixPath(*folders, f"{name}.json")


def _record() -> JsonObject:
    created: JsonObject = {"type": "string", "format": "datetime", "description": "When the record was created."}
    return {
        "type": "record",
        "description": "Describe the record: what it stands for, and who writes it.",
        "key": "tid",
        "record": _object_of(["text", "createdAt"], {"text": _text(), "createdAt": created}),
    }


def _query() -> JsonObject:
    subject: JsonObject = {"type": "string", "format": "at-identifier", "description": "The account asked about."}
    return {
        "type": "query",
        "description": "Describe what the query returns, and whether it needs authentication.",
        "parameters": {"type": "params", "required": ["actor"], "properties": {"actor": subject}},
        "output": _body(["text"], {"text": _text()}),
    }


def _procedure() -> JsonObject:
    return {
        "type": "procedure",
        "description": "Describe what the procedure changes, and who may call it.",
        "input": _body(["text"], {"text": _text()}),
        "output": _body(["uri"], {"uri": {"type": "string", "format": "at-uri", "description": "What was written."}}),
    }


def _object() -> JsonObject:
    return {"description": "Describe what the object stands for.", **_object_of(["text"], {"text": _text()})}


def _text() -> JsonObject:
    return {"type": "string", "maxLength": 3000, "maxGraphemes": 300, "description": "Describe the field."}


def _body(required: list[str], properties: JsonObject) -> JsonObject:
    return {"encoding": "application/json", "schema": _object_of(required, properties)}


def _object_of(required: list[str], properties: JsonObject) -> JsonObject:
    return {"type": "object", "required": [*required], "properties": properties}


KINDS: Final[Mapping[str, Callable[[], JsonObject]]] = {
    "record": _record,
    "query": _query,
    "procedure": _procedure,
    "object": _object,
}
