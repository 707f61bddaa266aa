"""The check of an imported manifest: read it, build and resolve its records, compare them with the live ones."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from atpub.atproto.data import JsonObject, cid_of
from atpub.atproto.syntax import RecordPath
from atpub.desired import desired_records, measure_data
from atpub.engine.plan.resolve import desired_cids
from atpub.errors import InvalidInput
from atpub.importing.entry_writers import CREATED_AT
from atpub.importing.model import ImportRequest
from atpub.manifest.load import fill_variables, load_documents
from atpub.manifest.model import Address
from atpub.manifest.schema import SIZE
from atpub.problems import Problem
from atpub.repository.model import Record
from atpub.text.document import Document, parse

_FILE: Final = "what was imported"
Entries = Mapping[Address, tuple[Record, JsonObject]]


@dataclass(frozen=True, slots=True)
class Checked:
    """One problem for each record that differs from its entry."""

    problems: Mapping[RecordPath, Problem]


def check(request: ImportRequest, text: str, entries: Entries) -> Checked:
    """Find entries that differ from their live records; raises InvalidInput for problems outside of entries."""
    document = parse(text, _FILE)
    loaded = load_documents([*request.documents, *fill_variables([document], {})], request.manifest.folder)
    if loaded.problems:
        return _by_entry(loaded.problems, document, entries)
    ours = {address: item for address, item in loaded.manifest.entries.items() if address in entries}
    manifest = replace(loaded.manifest, entries=ours)
    try:
        desired, _ = desired_records(manifest, measure_data(manifest), request.live.did)
    except InvalidInput as error:
        return _by_entry(error.problems, document, entries)
    cids = desired_cids(desired, request.live.records)
    values = {item.path: item.value for item in desired}
    live = request.live.records
    later_parts = [item for item in desired if item.part.number > 1]
    torn = {item.address for item in later_parts if item.path not in live or cids[item.path] != live[item.path].cid}
    return Checked(
        {
            record.path: Problem("not-expressible", "record cannot be expressed as a manifest entry")
            for address, (record, _) in entries.items()
            if address in torn
            or (cids.get(record.path) != record.cid and not _adds_size(values.get(record.path), record, request))
        }
    )


def _adds_size(value: JsonObject | None, record: Record, request: ImportRequest) -> bool:
    """Return whether an entry adds but to the size of a record of atdata 0.7, which is written anew in any case."""
    if value is None or request.live.records[record.path].cid == record.cid:
        return False
    added, stated = value.get(SIZE), record.value.get(SIZE, {})
    own = {CREATED_AT: record.value[CREATED_AT], **value}
    if not isinstance(added, dict) or not isinstance(stated, dict) or not stated.items() <= added.items():
        return False
    return cid_of({**own, SIZE: stated}) == cid_of({**record.value, SIZE: stated})


def _by_entry(problems: Iterable[Problem], document: Document, entries: Entries) -> Checked:
    """Map entries to their first problem, by the lines of the entry."""
    starts = sorted((document.place(address.steps, of="key").line, address) for address in entries)
    found: dict[RecordPath, Problem] = {}
    errors = [problem for problem in problems if problem.severity == "error"]
    for problem in errors:
        if problem.place is not None and problem.place.file == _FILE:
            index = bisect_right(starts, problem.place.line, key=lambda start: start[0]) - 1
            if index >= 0:
                found.setdefault(entries[starts[index][1]][0].path, problem)
    if not found:
        raise InvalidInput(tuple(errors))
    return Checked(found)
