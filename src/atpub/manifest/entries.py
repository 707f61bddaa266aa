"""The entries of a manifest: from maps whose structure is right to typed values, with what is wrong between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from atpub.errors import Place, Problem
from atpub.generated.science.alt.dataset import entry, label, lens, schema
from atpub.lexicon.data import Json, JsonObject
from atpub.lexicon.model import Lexicons
from atpub.lexicon.validate import valid_key
from atpub.manifest import fields as sample_fields
from atpub.manifest.bundle import Bundle
from atpub.manifest.document import Document
from atpub.manifest.model import (
    Address,
    BlobShards,
    ChecksumFile,
    ChecksumMap,
    Common,
    DatasetEntry,
    Entry,
    LabelEntry,
    LensEntry,
    NoChecksums,
    RecordEntry,
    SchemaEntry,
    SchemaRef,
    Shards,
    UrlShards,
)
from atpub.manifest.outline import Steps
from atpub.manifest.schema import DATASET_FIELDS, LABEL_FIELDS, LENS_FIELDS, SCHEMA_FIELDS
from atpub.manifest.suggest import suggest
from atpub.syntax import AtUri, Nsid, Rkey, SyntaxViolation

_COLLECTIONS: Final = {"schemas": schema.NSID, "datasets": entry.NSID, "labels": label.NSID, "lenses": lens.NSID}
_NO_CHECKSUMS = "add `checksums: FILE` (made by sha256sum), a map of SHA-256 by file name, or `checksums: none`"


class EntryReader:
    """Reads the sections of a manifest, noting every problem."""

    def __init__(
        self,
        bundle: Bundle,
        value: JsonObject,
        lexicons: Lexicons,
        read_json: Callable[[str, Steps], Document | None],
        problems: list[Problem],
    ) -> None:
        """Take the whole manifest, and what reads the JSON file that an entry names."""
        self._bundle = bundle
        self._value = value
        self._lexicons = lexicons
        self._read_json = read_json
        self._problems = problems

    def entries(self) -> Iterator[Entry]:
        """Every entry that can be used, schemas first."""
        readers: Mapping[str, Callable[[Address, JsonObject], Entry | None]] = {
            "schemas": self._schema,
            "datasets": self._dataset,
            "lenses": self._lens,
            "labels": self._label,
            "records": self._record,
        }
        paths: dict[tuple[str, str], Address] = {}
        for section, read in readers.items():
            defaults = _object(_object(self._value.get("defaults")).get(section))
            for key, given in _object(self._value.get(section)).items():
                found = read(Address(section, key), {**defaults, **_object(given)})
                if found is not None and self._is_first(found, paths):
                    yield found

    # Each kind

    def _schema(self, address: Address, given: JsonObject) -> SchemaEntry | None:
        steps = address.steps
        text, version = str(given["nsid"]), str(given["version"])
        if not Nsid.accepts(text):
            self._note("wrong-form", f"{text!r} is not a valid NSID", (*steps, "nsid"), "for example org.lab.image")
            return None
        nsid = Nsid(text)
        content = self._content(address, given)
        name = str(given.get("name") or _pascal_case(nsid.name))
        if not name.isidentifier():
            hint = "readers make a class of it: letters, digits and _ only, no digit first"
            self._note("wrong-form", f"{name!r} is not a Python identifier", (*steps, "name"), hint)
        common = self._common(address, given, f"{nsid}:{version}")
        if content is None or common is None:
            return None
        document, value, content_steps = content

        def place(inner: Steps) -> Place:
            return document.place(inner) if document else self._bundle.place((*content_steps, *inner))

        return SchemaEntry(common, nsid, name, version, value, _own(given, SCHEMA_FIELDS), place)

    def _content(self, address: Address, given: JsonObject) -> tuple[Document | None, JsonObject, Steps] | None:
        ways = [name for name in ("fields", "json_schema", "file") if name in given]
        if len(ways) != 1:
            message = f"{address} has {' and '.join(ways)}" if ways else f"{address} does not say what a sample holds"
            self._note("one-of", message, address.steps, "give one of `fields`, `json_schema` and `file`", key=True)
            return None
        steps = (*address.steps, ways[0])
        match ways[0], given[ways[0]]:
            case "file", str(name):
                document = self._read_json(name, steps)
                return None if document is None else (document, _object(document.value), steps)
            case "json_schema", dict(value):
                return None, value, steps
            case _:
                made = sample_fields.json_schema(_object(given["fields"]))
                for field, message, hint in made.problems:
                    self._note("bad-field", message, (*steps, field), hint)
                return None if made.problems else (None, made.content, steps)

    def _dataset(self, address: Address, given: JsonObject) -> DatasetEntry | None:
        shards = self._shards(address, given)
        referred = self._reference(address, given, "schema", "schemas")
        about = self._reference(address, given, "metadata_schema", "schemas") if "metadata_schema" in given else None
        common = self._common(address, given, address.key)
        if shards is None or referred is None or common is None:
            return None
        fields = _own({"name": address.key, **given}, DATASET_FIELDS)
        metadata = _object(given["metadata"]) if "metadata" in given else None
        return DatasetEntry(common, referred, shards, fields, metadata, about)

    def _shards(self, address: Address, given: JsonObject) -> Shards | None:
        ways = [name for name in ("blobs", "urls") if name in given]
        if len(ways) != 1:
            message = f"{address} has {' and '.join(ways)}" if ways else f"{address} does not say where its shards are"
            self._note("one-of", message, address.steps, "give either `blobs` or `urls`", key=True)
            return None
        if ways == ["blobs"]:
            for name in ("checksums", "s3"):
                if name in given:
                    message = f"{name!r} goes with `urls`; the CID of a blob is its checksum"
                    self._note("not-for-blobs", message, (*address.steps, name), "remove it", key=True)
            blobs = given["blobs"]
            return BlobShards(_texts(_object(blobs).get("files") if isinstance(blobs, dict) else blobs))
        if "checksums" not in given:
            self._note("no-checksum", f"{address} has URLs without checksums", (*address.steps, "urls"), _NO_CHECKSUMS)
            return None
        s3 = _object(given.get("s3"))
        region, endpoint = s3.get("region"), s3.get("endpoint")
        return UrlShards(
            _texts(given["urls"]),
            _checksums(given["checksums"]),
            region if isinstance(region, str) else None,
            endpoint if isinstance(endpoint, str) else None,
        )

    def _label(self, address: Address, given: JsonObject) -> LabelEntry | None:
        fields = _own({"name": address.key, **given}, LABEL_FIELDS)
        version = fields.get(label.Label.WIRE["version"])
        name = str(fields[label.Label.WIRE["name"]])
        common = self._common(address, given, f"{name}:{version}" if version else name)
        referred = self._reference(address, given, "dataset", "datasets")
        return None if common is None or referred is None else LabelEntry(common, referred, fields)

    def _lens(self, address: Address, given: JsonObject) -> LensEntry | None:
        source = self._reference(address, given, "source", "schemas")
        target = self._reference(address, given, "target", "schemas")
        common = self._common(address, given, address.key)
        if source is None or target is None or common is None:
            return None
        fields = _own({"name": address.key, **given}, LENS_FIELDS)
        return LensEntry(common, source, target, _object(given["getter"]), _object(given["putter"]), fields)

    def _record(self, address: Address, given: JsonObject) -> RecordEntry | None:
        text, steps = str(given["collection"]), (*address.steps, "collection")
        if not Nsid.accepts(text):
            self._note("wrong-form", f"{text!r} is not a valid NSID", steps)
            return None
        collection = Nsid(text)
        if self._lexicons.record(collection) is None:
            known = [nsid for nsid in self._lexicons.by_nsid if self._lexicons.record(nsid)]
            hint = suggest(text, known) or "add its lexicon under `lexicons: {path: …}`"
            self._note("unknown-lexicon", f"there is no lexicon for records of {text}", steps, hint)
            return None
        value = _object(given["value"])
        if "$type" in value and value["$type"] != collection:
            message = f"the record's $type is not {collection}"
            self._note("wrong-type", message, (*address.steps, "value", "$type"), "leave it out: it is filled in")
        common = self._common(address, given, address.key, collection)
        return None if common is None else RecordEntry(common, collection, value)

    # What all of them have

    def _common(
        self, address: Address, given: JsonObject, default_id: str, collection: Nsid | None = None
    ) -> Common | None:
        rkey = given.get("rkey")
        if rkey is not None and not Rkey.accepts(str(rkey)):
            hint = "1 to 512 of letters, digits and . _ : ~ -"
            self._note("wrong-form", f"{rkey!r} is not a valid record key", (*address.steps, "rkey"), hint)
            return None
        record = self._lexicons.record(collection or Nsid(_COLLECTIONS[address.section]))
        if rkey is not None and record is not None and not valid_key(record.key, str(rkey)):
            message = f"{rkey!r} is not a record key of the type {record.key}, which the lexicon asks for"
            self._note("wrong-form", message, (*address.steps, "rkey"), "leave it out: it follows from the id")
            return None
        return Common(
            address,
            str(given.get("id") or default_id),
            None if rkey is None else Rkey(str(rkey)),
            given.get("protect") is True,
            given.get("adopt") is True,
        )

    def _reference(self, address: Address, given: JsonObject, name: str, section: str) -> SchemaRef | None:
        text, steps = str(given[name]), (*address.steps, name)
        if text.startswith("at://"):
            try:
                return AtUri.parse(text)
            except SyntaxViolation as violation:
                self._note("wrong-form", str(violation), steps)
                return None
        known = _object(self._value.get(section))
        if text not in known:
            hint = suggest(text, known) or f"add it under `{section}:`, or give the at:// URI of a published one"
            self._note("dangling-reference", f"there is no {section}/{text}", steps, hint)
            return None
        return Address(section, text)

    def _is_first(self, found: Entry, paths: dict[tuple[str, str], Address]) -> bool:
        address = found.common.address
        collection = found.collection if isinstance(found, RecordEntry) else _COLLECTIONS[address.section]
        first = paths.setdefault((collection, found.common.id), address)
        if first != address:
            message = f"{address} has the same identity as {first}: {found.common.id!r}"
            hint = "give one of them another version or `id`"
            self._note("duplicate-id", message, address.steps, hint, key=True)
        return first == address

    def _note(self, code: str, message: str, steps: Steps, hint: str = "", *, key: bool = False) -> None:
        place = self._bundle.place(steps, of="key" if key else "value")
        self._problems.append(Problem(code, message, place, hint))


def _own(given: JsonObject, names: frozenset[str]) -> JsonObject:
    return {name: value for name, value in given.items() if name in names}


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _checksums(value: Json) -> ChecksumFile | ChecksumMap | NoChecksums:
    if isinstance(value, dict):
        return ChecksumMap({name: str(digest) for name, digest in value.items()})
    return NoChecksums() if value == "none" else ChecksumFile(str(value))


def _pascal_case(name: str) -> str:
    return name[:1].upper() + name[1:]
