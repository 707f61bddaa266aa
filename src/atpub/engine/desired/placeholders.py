"""Filling in the placeholders of a value: `{$ref: …}`, `{$strongRef: …}`, `{$blob: …}` and `{$literal: …}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from atpub.atproto.data import Blob, Json, JsonObject
from atpub.atproto.mime_types import ANY_BYTES, mime_type_of
from atpub.atproto.syntax import AtUri, Did, RecordPath
from atpub.engine.desired.model import BlobFile, Steps, StrongRef
from atpub.generated.com.atproto.repo import strong_ref
from atpub.manifest.model import PLACEHOLDERS, blob_argument, placeholder
from atpub.shards.file_facts import FileFacts
from atpub.suggest import suggest

NO_CID: Final = ""
"""Stands for the CID of a strong reference until the plan knows it."""

_OF_DATA: Final = frozenset({"$type", "$link", "$bytes"})
"""The keys with a `$` that the data model defines; it reserves all others."""


@dataclass(slots=True)
class Filled:
    """The results of filling in a record: its references and blobs, its errors (`problems`) and odd keys (`doubts`).

    `missing` has the paths of placeholders that could not be filled in; their problems are reported already.
    """

    refers_to: set[RecordPath] = field(default_factory=set[RecordPath])
    strong_refs: list[StrongRef] = field(default_factory=list[StrongRef])
    blobs: list[BlobFile] = field(default_factory=list[BlobFile])
    problems: list[tuple[Steps, str, str]] = field(default_factory=list[tuple[Steps, str, str]])
    doubts: list[tuple[Steps, str, str]] = field(default_factory=list[tuple[Steps, str, str]])
    missing: list[Steps] = field(default_factory=list[Steps])


@dataclass(frozen=True, slots=True)
class Filler:
    """The data that fills in placeholders: the path of every entry and the facts of every file."""

    did: Did
    paths: Mapping[str, RecordPath]  # by address
    files: Mapping[str, tuple[Path, FileFacts]]

    def fill_object(self, value: JsonObject, filled: Filled, steps: Steps = ()) -> JsonObject:
        """Return the object with its placeholders filled in."""
        for key in value:
            if key.startswith("$") and key not in _OF_DATA:
                message = f"{key!r} is no placeholder here: it is published as it stands"
                filled.doubts.append(((*steps, key), message, _meant(key)))
        return {key: self.fill(item, filled, (*steps, key)) for key, item in value.items()}

    def fill(self, value: Json, filled: Filled, steps: Steps) -> Json:
        """Return the value with its placeholders filled in."""
        found = placeholder(value)
        if found is not None:
            return self._placeholder(*found, filled, steps)
        if isinstance(value, dict):
            return self.fill_object(value, filled, steps)
        if isinstance(value, list):
            return [self.fill(item, filled, (*steps, index)) for index, item in enumerate(value)]
        return value

    def refer(self, address: str, filled: Filled) -> str | None:
        """Return the at:// URI of an entry; None where no entry has that address."""
        path = self.paths.get(address)
        if path is None:
            return None
        filled.refers_to.add(path)
        return str(AtUri.of(self.did, path))

    def _placeholder(self, name: str, argument: Json, filled: Filled, steps: Steps) -> Json:
        if name == "$literal":
            return argument
        if name == "$blob":
            return self._blob(argument, filled, steps)
        address = str(argument)
        uri = self.refer(address, filled)
        if uri is None:
            hint = suggest(address, self.paths) or "give the section and key, such as datasets/digits"
            filled.missing.append(steps)
            filled.problems.append((steps, f"there is no {address!r} in the manifest", hint))
            return address
        if name == "$ref":
            return uri
        filled.strong_refs.append(StrongRef(steps, self.paths[address]))
        return strong_ref.StrongRef(uri=uri, cid=NO_CID).to_json()

    def _blob(self, argument: Json, filled: Filled, steps: Steps) -> Json:
        named = blob_argument(argument)
        if named is None:
            filled.missing.append(steps)
            hint = "write {$blob: FILE}, or {$blob: {file: FILE, mimeType: text/csv}}"
            filled.problems.append((steps, "$blob takes a file, or a map of `file` and `mimeType`", hint))
            return {}
        if named.file not in self.files:  # its problem is known already
            filled.missing.append(steps)
            return {}
        path, facts = self.files[named.file]
        sniffed = None if facts.mime_type == ANY_BYTES else facts.mime_type
        guess = named.mime_type or sniffed or mime_type_of(named.file) or ANY_BYTES
        blob = Blob(facts.cid, guess, facts.size)
        named_only = named.mime_type is None and sniffed is None
        filled.blobs.append(BlobFile(steps, blob, path, sniffed=True, named=named_only))
        return blob.to_json()


def _meant(key: str) -> str:
    """Suggest what a key with a `$` was meant to be."""
    if key in PLACEHOLDERS:
        return f"a placeholder is alone in its map: {{{key}: …}}"
    return suggest(key, sorted(PLACEHOLDERS)) or "where it is meant, say so: {$literal: …} around its map"
