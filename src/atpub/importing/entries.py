"""Live records → a manifest whose plan is empty: each entry in the most readable form that describes its record.

Forms are tried: the manifest is read, its records are built and resolved against the live ones, and each entry whose
record differs from the live record is written in its next form, or left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from atpub.atproto.data import Json, JsonObject, blobs_in, cid_of
from atpub.atproto.syntax import Cid, Nsid, RecordPath
from atpub.engine.desired.announcements import CATALOGS, announcement_path, is_announcement
from atpub.engine.desired.model import record_key
from atpub.generated.science.alt.dataset import label
from atpub.importing import entry_writers as forms
from atpub.importing.check import Checked, Entries, check
from atpub.importing.keys import choose_keys, key_of
from atpub.importing.model import BlobDownload, ImportedEntry, ImportRequest, ImportResult
from atpub.importing.names import blob_files, names_of
from atpub.importing.parts import JoinedParts, first_part, join_parts
from atpub.manifest.atdata_shape import lexicon_shape, shape_warning
from atpub.manifest.kinds import (
    ORDERED_SECTIONS,
    RECORDS,
    Form,
    collection_of,
    has_own_section,
    kind_of_collection,
    section_of_form,
)
from atpub.manifest.model import Address
from atpub.manifest.schema import ANNOUNCE, PARTS
from atpub.problems import Problem
from atpub.repository.model import Record
from atpub.text.yaml_writer import with_dollars_kept, yaml_text

DEEPEST: Final = 90
"""The deepest nesting of lists and maps in a record, without the levels of the manifest itself."""
MANY: Final = 8
"""The number of checksums above which they go into a file of their own, if files are allowed."""


class Importer:
    """The search for the entries of records; save `blobs` before you call `make`."""

    def __init__(self, request: ImportRequest) -> None:
        """Leave out the records that cannot be imported."""
        self._request = request
        self._warnings: list[Problem] = []
        self._records = {record.path: record for record in sorted(request.records, key=lambda record: record.path)}
        self._reshape()
        self._leave_out_unsupported()
        self._joined = dict(self._join_parts())
        self._forms: dict[RecordPath, tuple[Form, ...]] = {
            path: _possible_forms(record, with_files=request.with_files) for path, record in self._records.items()
        }
        for path in [path for path in self._joined if self._forms[path][0] != "datasets"]:
            self._part(path)
        self._announced = dict(self._fold_announcements())
        self._keys = self._choose_keys()
        self._files = dict(self._named_blobs()) if request.with_files else {}

    @property
    def blobs(self) -> tuple[BlobDownload, ...]:
        """The blobs that the manifest will name as files, each once."""
        return tuple(self._files.values())

    def _named_blobs(self) -> Iterator[tuple[Cid, BlobDownload]]:
        seen: set[Cid] = set()
        for path, record in self._records.items():
            for item in blob_files(section_of_form(self._forms[path][0]), self._keys[path], record.value):
                if item.blob.cid not in seen:  # several records may refer to one blob
                    seen.add(item.blob.cid)
                    yield item.blob.cid, item

    def make(self) -> ImportResult:
        """Make the manifest; it leaves out records that no form describes exactly."""
        while True:
            entries = dict(self._entries())
            checked = check(self._request, yaml_text(self._document(entries)), entries)
            if not checked.problems:
                return self._import(entries)
            self._try_otherwise(checked)

    def _reshape(self) -> None:
        """Put records that atdata 0.7 wrote into the shape of their lexicons: entries describe valid records only."""
        for path, record in self._records.items():
            value = lexicon_shape(record.value)
            if value is not record.value:
                self._records[path] = replace(record, value=value, cid=cid_of(value))
                remedy = "its entry describes the valid record, which the plan shows as a change"
                self._warnings.append(shape_warning(str(self._request.uri(path)), remedy))

    # Datasets of several parts

    def _join_parts(self) -> Iterator[tuple[RecordPath, JoinedParts]]:
        """Put one record in the place of the parts of each dataset, whichever of them are imported."""
        live, did = self._request.live.records, self._request.live.did
        for path in {first_part(did, record) for record in self._records.values()}:
            joined = join_parts(did, live[path], live) if path in live else None
            if joined is not None:
                for part in joined.parts:
                    self._records.pop(part.path, None)
                self._records[path] = joined.record
                yield path, joined

    def _fold_announcements(self) -> Iterator[tuple[RecordPath, Mapping[str, Record]]]:
        """Take out the pointers that `announce:` of an imported dataset gives; yield them by their catalogs."""
        for path, owned in self._request.owned.items():
            if path not in self._records or self._forms[path][0] != "datasets" or owned.part > 1:
                continue
            uri, value = self._request.uri(path), self._records[path].value
            pointers = {name: self._records.get(announcement_path(name, owned.id)) for name in CATALOGS}
            found = {
                name: pointer
                for name, pointer in pointers.items()
                if pointer and pointer.path in self._request.owned and is_announcement(name, uri, value, pointer.value)
            }
            for pointer in found.values():
                del self._records[pointer.path], self._forms[pointer.path]
            if found:
                yield path, found

    def _unfold_announcements(self, path: RecordPath) -> None:
        """Put the pointers to a dataset back, each as a record of its own."""
        for pointer in self._announced.pop(path).values():
            self._records[pointer.path], self._forms[pointer.path] = pointer, RECORDS.forms
        self._keys = self._choose_keys()

    def _part(self, path: RecordPath) -> None:
        """Put the parts of a dataset back, each as a record of its own."""
        for record in self._joined.pop(path).parts:
            self._records[record.path], self._forms[record.path] = record, RECORDS.forms

    # Left out

    def _leave_out_unsupported(self) -> None:
        unknown: Counter[Nsid] = Counter()
        for path, record in list(self._records.items()):
            if self._request.manifest.lexicons.record(path.collection) is None:
                unknown[path.collection] += 1
                del self._records[path]
            elif _depth(record.value) > DEEPEST:
                del self._records[path]
                self._leave_out("too-deep", path, f"its lists and maps are nested more than {DEEPEST} levels deep")
        for collection, count in sorted(unknown.items()):
            what = f"{count:,} record{'' if count == 1 else 's'} of {collection}: there is no lexicon for them"
            hint = "name the folder of the project's lexicons: --lexicons DIR"
            self._warnings.append(Problem("unknown-lexicon", f"left out {what}", None, hint, "warning"))

    def _leave_out(self, code: str, path: RecordPath, reason: str) -> None:
        hint = "" if path in self._request.owned else "it does not change: plans change only owned records"
        message = f"left out {self._request.uri(path)}: {reason}"
        self._warnings.append(Problem(code, message, None, hint, "warning"))

    def _try_otherwise(self, checked: Checked) -> None:
        for path, problem in checked.problems.items():
            rest = self._forms[path][1:]
            if path in self._announced:
                self._unfold_announcements(path)
            if path in self._joined:
                self._part(path)
                self._keys = self._choose_keys()
            elif rest:
                self._forms[path] = rest
            else:
                del self._records[path], self._forms[path]
                self._leave_out(problem.code, path, problem.message)

    # Keys

    def _choose_keys(self) -> dict[RecordPath, str]:
        """Choose the key of each record; an owned record's key is its id if possible."""
        keys: dict[RecordPath, str] = {}
        by_section: defaultdict[str, list[RecordPath]] = defaultdict(list)
        for path in self._records:
            by_section[section_of_form(self._forms[path][0])].append(path)
        for section, paths in by_section.items():
            taken = {address.key for address in self._request.manifest.entries if address.section == section}
            owned = {path: [self._id_key(path), *self._names(path)] for path in paths if path in self._request.owned}
            keys |= choose_keys(owned, taken)
            taken |= {keys[path] for path in owned}
            keys |= choose_keys({path: self._names(path) for path in paths if path not in owned}, taken)
        return keys

    def _names(self, path: RecordPath) -> list[str]:
        return names_of(self._records[path], self._forms[path][0])

    def _id_key(self, path: RecordPath) -> str:
        """Return the id of an owned record as a key; empty if it cannot be one."""
        name = self._request.owned[path].id
        return name if key_of(name) == name else ""

    # Entries

    def _entries(self) -> Iterator[tuple[Address, tuple[Record, JsonObject]]]:
        """Write the entry of each record in the first form that has not failed."""
        addresses = self._addresses()
        named = {str(self._request.uri(path)): (at, self._records[path].cid) for path, at in addresses.items()}

        def refer(uri: str, section: str) -> str:
            address, _ = named.get(uri, (None, None))
            return address.key if address and address.section == section else uri

        # An entry that fits other accounts needs the bytes of its blobs.
        files = {cid: item.file.as_posix() for cid, item in self._files.items()}
        writer = forms.Writer(files, named) if self._request.with_files else forms.Writer()
        ids = self._ids()
        for path, address in addresses.items():
            record = self._records[path]
            body = write_body(self._forms[path][0], record, address.key, refer, writer)
            assert body is not None, "forms that a record cannot have are out of the question"
            parts: JsonObject = {PARTS: self._joined[path].shards} if path in self._joined else {}
            announce: JsonObject = {ANNOUNCE: [*self._announced[path]]} if path in self._announced else {}
            more = {**body, **parts, **announce, **self._treatment(path)}
            yield address, (record, {**self._identity(record, address, body, ids), **more})

    def _ids(self) -> set[tuple[Nsid, str]]:
        """Return the identities in use: those of owned records, and those of the present manifest."""
        there = {(collection_of(item), item.common.id) for item in self._request.manifest.entries.values()}
        return there | {(path.collection, item.id) for path, item in self._request.owned.items()}

    def _addresses(self) -> Mapping[RecordPath, Address]:
        """Choose the address of each entry; a key in use in another section is made longer."""
        used = {*self._request.manifest.entries}
        addresses: dict[RecordPath, Address] = {}
        sections = {path: section_of_form(forms_[0]) for path, forms_ in self._forms.items()}
        fallbacks = {
            path for path in sections if sections[path] == RECORDS.section and has_own_section(path.collection)
        }
        # Entries in another section than their own come last.
        for path in sorted(sections, key=lambda path: path in fallbacks):
            section = sections[path]
            address = Address(section, self._keys[path])
            number = 1
            while address in used:
                suffix = f"-{number}" if number > 1 else ""
                address = Address(section, f"{path.collection.name}-{self._keys[path]}{suffix}")
                number += 1
            used.add(address)
            addresses[path] = address
        order = {path: (ORDERED_SECTIONS.index(address.section), address.key) for path, address in addresses.items()}
        return {path: addresses[path] for path in sorted(addresses, key=lambda path: order[path])}

    def _identity(self, record: Record, address: Address, body: JsonObject, ids: set[tuple[Nsid, str]]) -> JsonObject:
        """Return the entry's `id` and `rkey`, unless they follow from its other fields."""
        path, owned = record.path, self._request.owned.get(record.path)
        owned = None if owned and owned.part > 1 else owned  # alone, a part cannot have the id that all have
        usual = _usual_id(address, body)
        identity = owned.id if owned else usual
        if owned is None and (path.collection, identity) in ids:
            identity = key_of(f"{usual}-{path.rkey}")
        ids.add((path.collection, identity))
        made: JsonObject = {} if identity == usual else {"id": identity}
        known = self._request.manifest.lexicons.record(path.collection)
        if known is None or record_key(known.key, path.collection, identity) != path.rkey:
            made["rkey"] = path.rkey
        return made

    def _treatment(self, path: RecordPath) -> JsonObject:
        owned = self._request.owned.get(path)
        if owned is None:
            return {"adopt": True} if self._request.adopt else {}
        return {"protect": True} if owned.protect else {}

    # The document

    def _document(self, entries: Entries) -> JsonObject:
        made: JsonObject = {"atpub": 1, **self._request.header}
        sections: dict[str, JsonObject] = defaultdict(dict)
        for address, (_, body) in entries.items():
            identity = {"id": body["id"]} if "id" in body else {}  # `id` takes no variables
            kept = with_dollars_kept({name: item for name, item in body.items() if name != "id"})
            assert isinstance(kept, dict)
            sections[address.section][address.key] = {**identity, **kept}
        return {**made, **sections}

    def _import(self, entries: dict[Address, tuple[Record, JsonObject]]) -> ImportResult:
        files: dict[str, str] = {}
        for address, (record, body) in entries.items():
            checksums = body.get("checksums")
            if self._request.beside and isinstance(checksums, dict) and len(checksums) > MANY:
                name = f"{address.key}.sha256"
                files[name] = "".join(f"{digest}  {shard}\n" for shard, digest in checksums.items())
                entries[address] = (record, {**body, "checksums": name})
        made = tuple(ImportedEntry(address, self._request.uri(record.path)) for address, (record, _) in entries.items())
        warnings = (*self._warnings, *_warn_unnamed(entries))
        pointers = frozenset(pointer.path for found in self._announced.values() for pointer in found.values())
        return ImportResult(self._text(entries), made, warnings, files, pointers)

    def _text(self, entries: Entries) -> str:
        """Format the document, with a blank line before each section."""
        document = self._document(entries)
        head = {name: item for name, item in document.items() if name not in ORDERED_SECTIONS}
        parts = [yaml_text(head), *(yaml_text({name: document[name]}) for name in ORDERED_SECTIONS if name in document)]
        return "\n".join(parts)


def write_body(form: Form, record: Record, key: str, refer: forms.Refer, writer: forms.Writer) -> JsonObject | None:
    """Write the entry of a record in a form; return None if it cannot have this form."""
    match form:
        case "fields" | "json_schema":
            return forms.schema_body(record.path, record.value, writer, by_fields=form == "fields")
        case "datasets":
            return forms.dataset_body(key, record.value, refer, writer)
        case "labels":
            return forms.label_body(key, record.value, refer, writer)
        case "lenses":
            return forms.lens_body(key, record.value, refer, writer)
        case "records":
            return forms.records_body(record.path, record.value, writer)


def _possible_forms(record: Record, *, with_files: bool) -> tuple[Form, ...]:
    """Return the forms that a record can have, best first."""
    files = {blob.cid: "file" for blob in blobs_in(record.value)} if with_files else {}
    known = kind_of_collection(record.path.collection).forms
    possible: tuple[Form, ...] = tuple(
        form for form in known if write_body(form, record, "", lambda uri, _: uri, forms.Writer(files))
    )
    return possible if known == RECORDS.forms else (*possible, *RECORDS.forms)


def _warn_unnamed(entries: Entries) -> Iterator[Problem]:
    """Warn about schemas without an NSID, which were given one."""
    for address, (record, body) in entries.items():
        nsid = str(body.get("nsid"))
        if nsid.startswith(forms.UNNAMED):
            message = f"{address}: the record key {record.path.rkey} holds no NSID; {nsid} stands in for it"
            hint = "replace it by one of your own; the record keeps its URI"
            yield Problem("no-nsid", message, None, hint, "warning")


def _usual_id(address: Address, body: JsonObject) -> str:
    """Return the default id of an entry."""
    match address.section:
        case "schemas":
            return f"{body['nsid']}:{body['version']}"
        case "labels":
            name, version = body.get("name", address.key), body.get(label.Label.WIRE["version"])
            return f"{name}:{version}" if version else str(name)
        case _:
            return address.key


def _depth(value: Json) -> int:
    deepest, stack = 0, [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, dict | list):
            deepest = max(deepest, depth)
            stack.extend((inner, depth + 1) for inner in (item.values() if isinstance(item, dict) else item))
    return deepest
