"""Taking live values over: the differences between a live record and its entry, written into the manifest's text.

Both the live and the wanted record are put into the form of an entry; what differs is edited in place. Then the edited
manifest is read again: it must describe the live record, and all others as before, or else nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from atpub.atomic_files import write_text
from atpub.atproto.data import Json, JsonObject, blobs_in, cid_of, encode
from atpub.desired import desired_records, measure_data
from atpub.engine.desired.model import Desired
from atpub.engine.plan.model import Change, Plan
from atpub.engine.plan.resolve import desired_cids
from atpub.errors import InvalidInput, RecordNotFound, Usage
from atpub.importing import entry_writers as writers
from atpub.importing.entries import write_body
from atpub.manifest.files import read_documents
from atpub.manifest.kinds import Form
from atpub.manifest.load import ManifestSource
from atpub.manifest.model import PLACEHOLDERS
from atpub.problems import Problem
from atpub.repository.model import Record
from atpub.suggest import suggest
from atpub.text.document import Document, parse
from atpub.text.files import STDIN
from atpub.text.merge import ENVIRONMENTS
from atpub.text.spans import Steps
from atpub.text.yaml_edit import Edit, edit_yaml
from atpub.text.yaml_tree import NotEditable, YamlNode, read_tree
from atpub.text.yaml_writer import with_dollars_kept

_HINT: Final = "edit the entry by hand, or restore yours: atpub apply"
_HAND: Final = "the edited manifest would not give exactly this record"


@dataclass(frozen=True, slots=True)
class EditedFile:
    """A file of the manifest, before and after."""

    file: str
    before: str
    after: str


def take_theirs(addresses: Sequence[str], plan: Plan, source: ManifestSource) -> tuple[EditedFile, ...]:
    """Return the files of a manifest edited so that its entries describe the live records, which the plan has.

    Raises InvalidInput where an entry cannot say what is live, RecordNotFound where the record was deleted, and Usage
    for an address that the manifest does not have.
    """
    documents = read_documents(source.paths)
    planned = _Planned.of(plan)
    changes = [_find(address, planned) for address in dict.fromkeys(addresses)]
    texts = _edit(changes, documents, planned, source.environment)
    edited = tuple(
        EditedFile(item.file, item.source.text, texts[item.file])
        for item in documents
        if texts[item.file] != item.source.text
    )
    if any(change.after is not None for change in changes):
        _check(changes, documents, texts, plan, source)
    return edited


def write_files(files: Iterable[EditedFile]) -> None:
    """Write the edited files, each whole or not at all."""
    for item in files:
        file = Path(item.file).resolve()  # within the manifest's folder, or else it would not have been read
        mode = file.stat().st_mode
        write_text(file, item.after)
        file.chmod(mode)


@dataclass(frozen=True, slots=True)
class _Planned:
    """The changes of a plan by their addresses, and the addresses by the records' URIs."""

    changes: Mapping[str, Sequence[Change]]
    addresses: Mapping[str, str]

    @classmethod
    def of(cls, plan: Plan) -> _Planned:
        changes: dict[str, list[Change]] = {}
        for change in plan.changes:
            changes.setdefault(change.address, []).append(change)
        return cls(changes, {str(change.uri): change.address for change in plan.changes})


def _edit(
    changes: Iterable[Change], documents: Sequence[Document], planned: _Planned, environment: str | None
) -> dict[str, str]:
    """Return the text of each file with the edits of all changes."""
    texts = {document.file: document.source.text for document in documents}
    tree_of = cache(read_tree)
    edits: dict[str, list[Edit]] = {}
    edited: dict[tuple[str, Steps], tuple[Change, _Part]] = {}
    for change in changes:
        for part, found in _edits_of(change, _parts(change, documents, environment, tree_of), planned):
            edits.setdefault(part.document.file, []).extend(found)
            edited |= {(part.document.file, edit.steps): (change, part) for edit in found}
    for file, wanted in edits.items():
        try:
            texts[file] = edit_yaml(texts[file], wanted)
        except NotEditable as error:
            raise _refuse(*edited[file, error.steps], str(error)) from None
    return texts


def _find(address: str, planned: _Planned) -> Change:
    """Return the change of an address, whose record is live."""
    found = planned.changes.get(address)
    if not found:
        hint = (
            suggest(address, [*planned.changes]) or "give an address as `atpub drift` shows it, such as datasets/digits"
        )
        raise Usage(f"the manifest has no record {address}", hint=hint)
    change = found[0]
    if change.action in ("delete", "forget", "keep"):
        message = f"{address} has no entry in the manifest any more"
        raise Usage(message, hint=f"import the record: atpub import {change.uri}")
    if len(found) > 1:
        problem = f"{address} is published in {len(found)} parts: its live records cannot be taken over"
        raise InvalidInput((Problem("not-expressible", problem, None, _HINT),))
    if change.before is None:
        what = "was deleted by another client" if change.drift else "is not published"
        raise RecordNotFound(f"{address} {what}", hint="remove its entry, or restore the record: atpub apply")
    return change


# What differs, in the form of an entry


@dataclass(frozen=True, slots=True)
class _Part:
    """What a file has of an entry, at a path: in the manifest, or in the environment that was chosen."""

    document: Document
    steps: Steps
    node: YamlNode

    @property
    def fields(self) -> JsonObject:
        """The fields, those included that merge keys bring."""
        value = _at(self.document.value, self.steps)
        return value if isinstance(value, dict) else {}


def _parts(
    change: Change,
    documents: Sequence[Document],
    environment: str | None,
    tree_of: Callable[[str], YamlNode | None],
) -> Sequence[_Part]:
    """Return the parts of an entry, first that whose fields count."""
    if any(document.file == STDIN for document in documents):
        raise Usage("a manifest from stdin cannot be edited", hint="name its file: -m PATH")
    section, _, key = change.address.partition("/")
    ends = [(ENVIRONMENTS, environment, section, key)] if environment else []
    found: list[_Part] = []
    for steps in (*ends, (section, key)):
        document = next((item for item in documents if item.has(steps)), None)
        node = document and _node_at(tree_of(document.source.text), steps)
        found += [_Part(document, steps, node)] if document and node else []
    if not found:
        raise _refuse(change, None, "it is not written in the manifest")
    return found


def _node_at(node: YamlNode | None, steps: Steps) -> YamlNode | None:
    """Return the node that is written at a path; None where an alias or a merge key is in the way."""
    for step in steps:
        number = node.find(step) if node else None
        if node is None or number is None:
            return None
        node = node.items[number][1]
    return node


def _edits_of(change: Change, parts: Sequence[_Part], planned: _Planned) -> Iterator[tuple[_Part, Sequence[Edit]]]:
    """Yield the edits of each part of an entry: a value is edited where it is, and a new one put in the last part."""
    assert change.before is not None
    if change.after is None:
        return
    entry: JsonObject = {key: value for part in reversed(parts) for key, value in part.fields.items()}
    wanted, live = (_body(change, value, entry, planned) for value in (change.after, change.before.value))
    if wanted is None or live is None:
        raise _refuse(change, parts[-1], "an entry has no form for it")
    differences = [(_find_part(edit, parts), edit) for edit in _differences(wanted, live, ())]
    for part in parts:
        fitted = (_fit(edit, part.node, live) for its, edit in differences if its is part)
        edits = {edit.steps: edit for edit in fitted}
        for edit in edits.values():
            if edit.is_removal and _node_at(part.node, edit.steps) is None:
                origin = "a merge key" if edit.steps[0] in part.fields else "`defaults:`"
                raise _refuse(change, part, f"`{edit.steps[0]}` comes from {origin}, and is not live")
        yield part, [replace(edit, steps=(*part.steps, *edit.steps)) for edit in edits.values()]


def _find_part(edit: Edit, parts: Sequence[_Part]) -> _Part:
    """Return the part that has the field of an edit, else the entry in the manifest itself."""
    return next((part for part in parts if edit.steps[0] in part.fields), parts[-1])


def _body(change: Change, value: JsonObject, entry: JsonObject, planned: _Planned) -> JsonObject | None:
    """Return a record in the form of its entry; blobs are named by their CIDs, which shows whether they differ."""

    def refer(uri: str, section: str) -> str:
        found, _, key = planned.addresses.get(uri, "").partition("/")
        return key if found == section else uri

    section, _, key = change.address.partition("/")
    form: Form = _FORMS.get(section, "records")
    if section == "schemas" and not {"fields", "members"} & entry.keys():
        form = "json_schema"
    blobs = {blob.cid: str(blob.cid) for blob in blobs_in(value)} if section == "datasets" else {}
    body = write_body(form, Record(change.path, cid_of(value), value), key, refer, writers.Writer(blobs))
    if body is not None and form != "records" and writers.CREATED_AT in entry:
        return {**body, writers.CREATED_AT: value.get(writers.CREATED_AT)}
    return body


_FORMS: Final[Mapping[str, Form]] = {
    "schemas": "fields",
    "datasets": "datasets",
    "labels": "labels",
    "lenses": "lenses",
}


def _differences(old: Json, new: Json, steps: Steps) -> Iterator[Edit]:
    """Yield what makes one value the other; lists of another length are written whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, item in new.items():
            if key in old:
                yield from _differences(old[key], item, (*steps, key))
            else:
                yield Edit((*steps, key), item)
        yield from (Edit((*steps, key), is_removal=True) for key in old if key not in new)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, item in enumerate(new):
            yield from _differences(old[index], item, (*steps, index))
    elif encode(old) != encode(new):
        yield Edit(steps, new)


class _Missing:
    """The place of a value that is not there."""


_MISSING: Final = _Missing()


def _at(value: Json, steps: Steps) -> Json | _Missing:
    for step in steps:
        if isinstance(value, dict) and step in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return _MISSING
    return value


def _fit(edit: Edit, entry: YamlNode, live: JsonObject) -> Edit:
    """Return an edit of what is written in the entry: all of a value that is inherited, an alias, or a placeholder."""
    for depth in range(1, len(edit.steps)):
        steps = edit.steps[:depth]
        node = _node_at(entry, steps)
        if node is None or node.kind in ("scalar", "alias") or _is_placeholder(node):
            value = _at(live, steps)
            return Edit(steps, is_removal=True) if isinstance(value, _Missing) else _literal(steps, value)
    return edit if edit.is_removal else _literal(edit.steps, edit.value)


def _is_placeholder(node: YamlNode) -> bool:
    return node.kind == "map" and [key.text for key, _ in node.items if key] in [[name] for name in PLACEHOLDERS]


def _literal(steps: Steps, value: Json) -> Edit:
    return Edit(steps, with_dollars_kept(value))


# The check


def _check(
    changes: Iterable[Change],
    documents: Sequence[Document],
    texts: Mapping[str, str],
    plan: Plan,
    source: ManifestSource,
) -> None:
    """Raise InvalidInput unless the edited manifest describes the live records, and the others as before."""
    taken = {change.path: change for change in changes}
    before = {item.path: item.value for item in _make_desired(documents, plan, source)}
    edited = [parse(texts[item.file], item.file) for item in documents]
    first = next(iter(taken.values()))
    try:
        desired = _make_desired(edited, plan, source)
    except InvalidInput as error:
        raise _refuse(first, None, error.problems[0].message) from None
    live = {change.path: change.before for change in plan.changes if change.before}
    cids = desired_cids(desired, live)
    for path, change in taken.items():
        if cids.get(path) != change.before_cid:
            raise _refuse(change, None, _HAND)
    others = {item.path: item.value for item in desired if item.path not in taken}
    if others != {path: value for path, value in before.items() if path not in taken}:
        raise _refuse(first, None, "other entries share what would be edited")


def _make_desired(documents: Iterable[Document], plan: Plan, source: ManifestSource) -> tuple[Desired, ...]:
    manifest = replace(source.load(documents), account=plan.account)
    return desired_records(manifest, measure_data(manifest), plan.did)[0]


def _refuse(change: Change, part: _Part | None, reason: str) -> InvalidInput:
    place = part.document.place(part.steps, of="key") if part else None
    message = f"{change.address}: the live record cannot be written into its entry: {reason}"
    return InvalidInput((Problem("not-expressible", message, place, _HINT),))
