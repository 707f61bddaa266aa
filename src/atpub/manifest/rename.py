"""The renaming of an entry: its key, the fields that keep its record as it is, and the references to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
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
from atpub.text.merge import ENVIRONMENTS
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
    root = _check_names(documents, old, key, source.environment)
    fields = dict(_fields_to_keep(documents, old, root))
    texts = edit_documents(documents, old, key, fields, root)
    edited = tuple(parse_source(Source(item.file, texts.get(item.file, item.source.text))) for item in documents)
    is_same = _identities(source.load(edited)) == _identities(before)
    if not (is_same and all(_is_same_in(name, documents, edited, source) for name in _environments(documents))):
        message = f"{old} cannot be renamed in place: it shares fields with other entries by an anchor"
        hint = "rename it by hand, and give it the `id` that it has now"
        raise InvalidInput((Problem("not-editable", message, before.key_place(old.steps), hint),))
    return Renamed(old, Address(old.section, key), texts, fields)


def edit_documents(
    documents: tuple[Document, ...], old: Address, key: str, fields: Mapping[str, str], root: Steps = ()
) -> Mapping[str, str]:
    """Return the new texts of the files that an entry or a reference to it is in.

    The entry gets its fields in the manifest, or in the environments where `root` is one of them.
    """
    edited = ((document, [*_edits(document, old, key, fields, root)]) for document in documents)
    return {document.file: apply_edits(document.source.text, edits) for document, edits in edited if edits}


def _check_names(documents: tuple[Document, ...], old: Address, key: str, environment: str | None) -> Steps:
    """Return the path of what has the entry, the manifest or the environment.

    Raises Usage where there is no such entry, or the new key is taken or malformed.
    """
    found = [item for document in documents for item in _addresses(document)]
    roots = [root for root in ((), (ENVIRONMENTS, environment or "")) if (root, str(old)) in found]
    if not roots:
        known = [address for root, address in found if not root]
        hint = suggest(str(old), known) or (f"the manifest has {short_list(known)}" if known else "it has no entry")
        raise Usage(f"the manifest has no entry {old}", hint=hint)
    if any(address == f"{old.section}/{key}" for _, address in found):
        raise Usage(f"the manifest has an entry {old.section}/{key} already", hint="choose another name")
    if not re.search(KEY, key):
        hint = "letters, digits and . _ : ~ + @ -, with a letter or digit first"
        raise Usage(f"{key!r} cannot be the key of an entry", hint=hint)
    return roots[0]


def _roots(document: Document) -> Iterator[tuple[Steps, JsonObject]]:
    """Yield what may have entries, with its path: the manifest, and each of its environments."""
    value = _object(document.value)
    yield (), value
    yield from (((ENVIRONMENTS, name), _object(item)) for name, item in _object(value.get(ENVIRONMENTS)).items())


def _environments(documents: tuple[Document, ...]) -> frozenset[str]:
    return frozenset(str(root[-1]) for document in documents for root, _ in _roots(document) if root)


def _addresses(document: Document) -> Iterator[tuple[Steps, str]]:
    for root, value in _roots(document):
        for section in SECTIONS & value.keys():
            yield from ((root, f"{section}/{key}") for key in _object(value[section]))


def _fields_to_keep(documents: tuple[Document, ...], old: Address, root: Steps) -> Iterator[tuple[str, str]]:
    """Yield the fields whose values have followed from the key."""
    given: JsonObject = {}
    for value in (value for document in documents for steps, value in _roots(document) if steps in ((), root)):
        given |= _object(_object(value.get(_DEFAULTS)).get(old.section))
        given |= _object(_object(value.get(old.section)).get(old.key))
    for name, sections in (("id", NAMED_BY_KEY), ("name", _NAMED)):
        if old.section in sections and name not in given:
            yield name, old.key


def _edits(document: Document, old: Address, key: str, fields: Mapping[str, str], root: Steps) -> Iterator[TextEdit]:
    """Yield the edits of one file; what cannot be edited is left as it is."""
    editor = YamlEditor(document.source.text)
    edits: list[TextEdit | None] = []
    for found, _ in _roots(document):
        steps, is_own = (*found, *old.steps), bool(found) == bool(root)
        if document.has(steps):
            edits.append(editor.replace_scalar(document.offset(steps, of="key"), key))
            edits += [editor.add_fields(document.offset(steps), fields)] if fields and is_own else []
    for steps, is_address in _references(document, old):
        edits.append(editor.replace_scalar(document.offset(steps), f"{old.section}/{key}" if is_address else key))
    yield from filter(None, edits)


def _references(document: Document, old: Address) -> Iterator[tuple[Steps, bool]]:
    """Yield the paths of the references to an entry, and whether they hold its address, not its key alone."""
    found = (item for root, value in _roots(document) for item in _maps_of_fields(root, value))
    for section, steps, fields in found:
        for name, item in fields.items():
            if REFERENCES.get((section, name)) == old.section and item == old.key:
                yield (*steps, name), False
            elif name != "json_schema":  # its `$ref` is another
                yield from ((found, True) for found in _placeholders(item, str(old), (*steps, name)))


def _maps_of_fields(root: Steps, value: JsonObject) -> Iterator[tuple[str, Steps, JsonObject]]:
    """Yield the fields of each entry below a path, and the defaults, with their section and path."""
    for section in ORDERED_SECTIONS:
        yield section, (*root, _DEFAULTS, section), _object(_object(value.get(_DEFAULTS)).get(section))
        for key, entry in _object(value.get(section)).items():
            yield section, (*root, section, key), _object(entry)


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


def _is_same_in(
    environment: str, before: tuple[Document, ...], after: tuple[Document, ...], source: ManifestSource
) -> bool:
    """Return whether an environment has the same records as before, where it could be loaded then."""
    there = replace(source, environment=environment)
    with suppress(InvalidInput):
        known = _identities(there.load(before))
        try:
            return _identities(there.load(after)) == known
        except InvalidInput:
            return False
    return True


def _identities(manifest: Manifest) -> frozenset[tuple[str, str, str | None]]:
    entries = manifest.entries.values()
    return frozenset((collection_of(item), item.common.id, item.common.rkey) for item in entries)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
