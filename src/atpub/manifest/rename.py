"""The renaming of an entry: its key, the fields that keep its record as it is, and the references to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.errors import InvalidInput, Usage
from atpub.manifest.kinds import NAMED_BY_KEY, ORDERED_SECTIONS, SECTIONS, collection_of
from atpub.manifest.load import ManifestSource
from atpub.manifest.model import Address, Manifest, placeholder
from atpub.manifest.schema import KEY, METADATA_SCHEMA
from atpub.problems import Problem
from atpub.suggest import short_list, suggest
from atpub.text.document import Document, parse_source
from atpub.text.source import Source
from atpub.text.spans import Steps
from atpub.text.yaml_edit import TextEdit, YamlEditor, apply_edits

REFERENCES: Final[Mapping[tuple[str, str], str]] = {
    ("datasets", "schema"): "schemas",
    ("datasets", "metadata_schema"): "schemas",
    ("datasets", METADATA_SCHEMA): "schemas",
    ("labels", "dataset"): "datasets",
    ("lenses", "source"): "schemas",
    ("lenses", "target"): "schemas",
}
"""The section whose key a field holds, by the section and name of the field."""

_NAMED: Final = frozenset(("datasets", "labels", "lenses"))
"""The sections whose entries have their key as name, unless they state one."""
_DEFAULTS: Final = "defaults"


@dataclass(frozen=True, slots=True)
class Renamed:
    """The new texts of the files that change, and the fields that the entry got."""

    old: Address
    new: Address
    texts: Mapping[str, str]
    fields: Mapping[str, str]


def rename_entry(documents: tuple[Document, ...], old: Address, key: str, source: ManifestSource) -> Renamed:
    """Return the texts in which an entry has another key, and the same record; raises Usage or InvalidInput."""
    before = source.load(documents)
    _check_names(documents, old, key)
    fields = dict(_fields_to_keep(documents, old))
    texts = edit_documents(documents, old, key, fields)
    edited = (parse_source(Source(item.file, texts.get(item.file, item.source.text))) for item in documents)
    if _identities(source.load(tuple(edited))) != _identities(before):
        message = f"{old} cannot be renamed in place: it shares fields with other entries by an anchor"
        hint = "rename it by hand, and give it the `id` that it has now"
        raise InvalidInput((Problem("not-editable", message, before.key_place(old.steps), hint),))
    return Renamed(old, Address(old.section, key), texts, fields)


def edit_documents(
    documents: tuple[Document, ...], old: Address, key: str, fields: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the new texts of the files that an entry or a reference to it is in."""
    edited = ((document, [*_edits(document, old, key, fields)]) for document in documents)
    return {document.file: apply_edits(document.source.text, edits) for document, edits in edited if edits}


def _check_names(documents: tuple[Document, ...], old: Address, key: str) -> None:
    """Raise Usage where there is no such entry, or the new key is taken or malformed."""
    known = [f"{section}/{name}" for document in documents for section, name in _addresses(document)]
    if str(old) not in known:
        hint = suggest(str(old), known) or (f"the manifest has {short_list(known)}" if known else "it has no entry")
        raise Usage(f"the manifest has no entry {old}", hint=hint)
    if f"{old.section}/{key}" in known:
        raise Usage(f"the manifest has an entry {old.section}/{key} already", hint="choose another name")
    if not re.search(KEY, key):
        hint = "letters, digits and . _ : ~ + @ -, with a letter or digit first"
        raise Usage(f"{key!r} cannot be the key of an entry", hint=hint)


def _addresses(document: Document) -> Iterator[tuple[str, str]]:
    for section, entries in _object(document.value).items():
        if section in SECTIONS:
            yield from ((section, key) for key in _object(entries))


def _fields_to_keep(documents: tuple[Document, ...], old: Address) -> Iterator[tuple[str, str]]:
    """Yield the fields whose values have followed from the key."""
    given: JsonObject = {}
    for document in documents:
        value = _object(document.value)
        given |= _object(_object(value.get(_DEFAULTS)).get(old.section))
        given |= _object(_object(value.get(old.section)).get(old.key))
    for name, sections in (("id", NAMED_BY_KEY), ("name", _NAMED)):
        if old.section in sections and name not in given:
            yield name, old.key


def _edits(document: Document, old: Address, key: str, fields: Mapping[str, str]) -> Iterator[TextEdit]:
    """Yield the edits of one file; what cannot be edited is left as it is."""
    editor = YamlEditor(document.source.text)
    edits: list[TextEdit | None] = []
    if document.has(old.steps):
        edits.append(editor.replace_scalar(document.offset(old.steps, of="key"), key))
        edits += [editor.add_fields(document.offset(old.steps), fields)] if fields else []
    for steps, is_address in _references(document, old):
        edits.append(editor.replace_scalar(document.offset(steps), f"{old.section}/{key}" if is_address else key))
    yield from filter(None, edits)


def _references(document: Document, old: Address) -> Iterator[tuple[Steps, bool]]:
    """Yield the paths of the references to an entry, and whether they hold its address, not its key alone."""
    for section, steps, fields in _maps_of_fields(_object(document.value)):
        for name, item in fields.items():
            if REFERENCES.get((section, name)) == old.section and item == old.key:
                yield (*steps, name), False
            elif name != "json_schema":  # its `$ref` is another
                yield from ((found, True) for found in _placeholders(item, str(old), (*steps, name)))


def _maps_of_fields(value: JsonObject) -> Iterator[tuple[str, Steps, JsonObject]]:
    """Yield the fields of each entry, and the defaults, with their section and path."""
    for section in ORDERED_SECTIONS:
        yield section, (_DEFAULTS, section), _object(_object(value.get(_DEFAULTS)).get(section))
        for key, entry in _object(value.get(section)).items():
            yield section, (section, key), _object(entry)


def _placeholders(value: Json, address: str, steps: Steps) -> Iterator[Steps]:
    """Yield the paths of the addresses in `$ref` and `$strongRef`."""
    match placeholder(value), value:
        case ("$ref" | "$strongRef" as name, found), _ if found == address:
            yield (*steps, name)
        case None, dict():
            for key, item in value.items():
                yield from _placeholders(item, address, (*steps, key))
        case None, list():
            for index, item in enumerate(value):
                yield from _placeholders(item, address, (*steps, index))
        case _:
            pass


def _identities(manifest: Manifest) -> frozenset[tuple[str, str, str | None]]:
    entries = manifest.entries.values()
    return frozenset((collection_of(item), item.common.id, item.common.rkey) for item in entries)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
