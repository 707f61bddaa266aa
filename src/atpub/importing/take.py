"""Taking live values over: the differences between a live record and its entry, written into the manifest's text.

Both the live and the wanted record are put into the form of an entry; what differs is edited in place. Then the edited
manifest is read again: it must describe the live record, and all others as before, or else nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from atpub.manifest.model import PLACEHOLDERS, Address
from atpub.problems import Problem
from atpub.repository.model import Record
from atpub.suggest import suggest
from atpub.text.document import Document, parse
from atpub.text.files import STDIN
from atpub.text.spans import Steps
from atpub.text.yaml_edit import Edit, edit_yaml
from atpub.text.yaml_tree import NotEditable
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
    texts = _edit(changes, documents, planned)
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


def _edit(changes: Iterable[Change], documents: Sequence[Document], planned: _Planned) -> dict[str, str]:
    """Return the text of each file with the edits of all changes."""
    texts = {document.file: document.source.text for document in documents}
    edits: dict[str, list[Edit]] = {}
    edited: dict[Steps, tuple[Change, Document]] = {}
    for change in changes:
        document, found = _edits_of(change, documents, planned)
        edits.setdefault(document.file, []).extend(found)
        edited |= {edit.steps: (change, document) for edit in found}
    for file, wanted in edits.items():
        try:
            texts[file] = edit_yaml(texts[file], wanted)
        except NotEditable as error:
            raise _refuse(*edited[error.steps], str(error)) from None
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


def _edits_of(change: Change, documents: Sequence[Document], planned: _Planned) -> tuple[Document, tuple[Edit, ...]]:
    """Return the file that holds the entry, and the edits of it."""
    section, _, key = change.address.partition("/")
    address = Address(section, key)
    document = next((item for item in documents if item.has(address.steps)), documents[0])
    if document.file == STDIN:
        raise Usage("a manifest from stdin cannot be edited", hint="name its file: -m PATH")
    assert change.before is not None
    if change.after is None:
        return document, ()
    given = _at(document.value, address.steps)
    entry: JsonObject = given if isinstance(given, dict) else {}
    wanted, live = (_body(change, value, entry, planned) for value in (change.after, change.before.value))
    if wanted is None or live is None:
        raise _refuse(change, document, "an entry has no form for it")
    found = (_fit(edit, entry, live) for edit in _differences(wanted, live, ()))
    edits = {edit.steps: edit for edit in found}
    for edit in edits.values():
        if edit.is_removal and _at(entry, edit.steps) is _MISSING:
            raise _refuse(change, document, f"`{edit.steps[0]}` comes from `defaults:`, and is not live")
    return document, tuple(
        Edit((*address.steps, *edit.steps), with_dollars_kept(edit.value), edit.is_removal) for edit in edits.values()
    )


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


def _fit(edit: Edit, entry: JsonObject, live: JsonObject) -> Edit:
    """Return an edit of what the entry itself has: all of a value that is inherited, or a placeholder in it."""
    for depth in range(len(edit.steps)):
        node = _at(entry, edit.steps[: depth + 1])
        is_last = depth == len(edit.steps) - 1
        if node is _MISSING or (isinstance(node, dict) and len(node) == 1 and not PLACEHOLDERS.isdisjoint(node)):
            return edit if is_last else _whole(edit.steps[: depth + 1], live)
        if not is_last and not isinstance(node, dict | list):
            return _whole(edit.steps[: depth + 1], live)
    return edit


def _whole(steps: Steps, live: JsonObject) -> Edit:
    value = _at(live, steps)
    return Edit(steps, is_removal=True) if isinstance(value, _Missing) else Edit(steps, value)


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


def _refuse(change: Change, document: Document | None, reason: str) -> InvalidInput:
    section, _, key = change.address.partition("/")
    place = document.place((section, key), of="key") if document else None
    message = f"{change.address}: the live record cannot be written into its entry: {reason}"
    return InvalidInput((Problem("not-expressible", message, place, _HINT),))
