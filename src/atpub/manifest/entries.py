"""The entries of a manifest: from maps whose structure is right to typed values, with what is wrong between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import TYPE_CHECKING, cast

from atpub.atproto.data import Json, JsonObject, whole
from atpub.atproto.lexicon.formats import valid_key
from atpub.atproto.syntax import AtUri, Nsid, Rkey, SyntaxViolation
from atpub.errors import InvalidRecord
from atpub.generated import LEXICONS
from atpub.generated.dev.atpub import inventory, rai
from atpub.generated.science.alt.dataset import label
from atpub.manifest.fields import json_schema
from atpub.manifest.kinds import COLLECTIONS, collection_of
from atpub.manifest.members import members_schema
from atpub.manifest.model import (
    Address,
    ChecksumFiles,
    ChecksumMap,
    Common,
    DatasetEntry,
    Entry,
    FileShards,
    LabelEntry,
    LensEntry,
    Missing,
    NoChecksums,
    RecordEntry,
    SchemaEntry,
    SchemaRef,
    Shards,
    UrlShards,
    key_type,
)
from atpub.manifest.schema import (
    ANNOUNCE,
    CONTENT_METADATA,
    DATASET_FIELDS,
    LABEL_FIELDS,
    LENS_FIELDS,
    METADATA_SCHEMA,
    MIRRORS,
    PARTS,
    RAI,
    SCHEMA_FIELDS,
    SIZE,
)
from atpub.problems import Place, Problem
from atpub.storage import mirrors, parts
from atpub.storage.interface import texts
from atpub.storage.registry import CHECKSUMS_KEY, FILE_KEY, FILES, MISSING_KEY, URLS_KEY, option_keys, read_endpoint
from atpub.suggest import suggest
from atpub.text.document import Document
from atpub.text.merge import MergedDocument
from atpub.text.spans import Steps

if TYPE_CHECKING:
    from atpub.atproto.lexicon.model import Lexicons

_CONTENT = "give one of `fields`, `members`, `json_schema` and `file`"
_RESERVED = {
    parts.KEY: "leave it out: atpub writes it where a dataset has `parts:`",
    rai.NSID: f"write it as `{RAI}:` of the dataset",
    mirrors.KEY: f"write them as `{MIRRORS}:` of the dataset",
}
"""What to do in place of keys of metadata that have a meaning."""
_NO_CHECKSUMS = "add `checksums: FILE` (made by sha256sum), `checksums: {missing: fetch}`, or `checksums: none`"


@dataclass(frozen=True, slots=True)
class _Content:
    """A sample's JSON Schema, and where each part of it stands."""

    value: JsonObject
    place: Callable[[Steps], Place]


class EntryReader:
    """Reads the sections of a manifest, noting every problem."""

    def __init__(
        self,
        bundle: MergedDocument,
        value: JsonObject,
        own_lexicons: Lexicons | None,
        read_json: Callable[[str, Steps], Document | None],
        problems: list[Problem],
    ) -> None:
        """Take the whole manifest, and what reads the JSON file that an entry names."""
        self._bundle = bundle
        self._value = value
        self._own_lexicons = own_lexicons
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
        text, version = str(given["nsid"]), str(given["version"])
        nsid = self._nsid(text, (*address.steps, "nsid"))
        content = self._content(address, given)
        common = self._common(address, given, f"{text}:{version}")
        name = str(given.get("name") or (_pascal_case(nsid.name) if nsid else ""))
        if name and not _is_name(name):
            hint = "readers make a class of it: letters, digits and _ only, no digit first, and no word of Python's own"
            where = "name" if "name" in given else "nsid"
            self._note("wrong-form", f"{name!r} cannot name a Python class", (*address.steps, where), hint)
        if nsid is None or content is None or common is None:
            return None
        if not {"fields", "members"} & given.keys() and not self._is_json_schema(content):
            return None
        self._check_properties(content)
        return SchemaEntry(common, nsid, name, version, content.value, _own(given, SCHEMA_FIELDS), content.place)

    def _is_json_schema(self, content: _Content) -> bool:
        from atpub.manifest.structure import faults_of_json_schema  # most schemas are given by their fields

        found = [
            Problem("bad-json-schema", fault.message, content.place(fault.steps), fault.hint)
            for fault in faults_of_json_schema(content.value)
        ]
        self._problems.extend(found)
        return not found

    def _check_properties(self, content: _Content) -> None:
        for field in _object(content.value.get("properties")):
            if not _is_name(field):
                hint = "readers make an attribute of it: letters, digits and _ only, and no word of Python's own"
                place = content.place(("properties", field))
                message = f"{field!r} cannot name a Python attribute"
                self._problems.append(Problem("bad-field", message, place, hint))

    def _content(self, address: Address, given: JsonObject) -> _Content | None:
        ways = [name for name in ("fields", "members", "json_schema", "file") if name in given]
        if len(ways) != 1:
            message = f"{address} has {' and '.join(ways)}" if ways else f"{address} does not say what a sample holds"
            self._note("one-of", message, address.steps, _CONTENT, key=True)
            return None
        steps = (*address.steps, ways[0])
        match ways[0], given[ways[0]]:
            case "file", str(name):
                document = self._read_json(name, steps)
                return None if document is None else _Content(_object(document.value), document.place)
            case "json_schema", dict(value):
                return _Content(value, lambda inner: self._bundle.place((*steps, *inner)))
            case _:
                build = members_schema if ways == ["members"] else json_schema
                made = build(_object(given[ways[0]]))
                for keys, message, hint in made.problems:
                    self._note("bad-field", message, (*steps, *keys), hint, key=not keys)
                # The second step into what was made is the property, whose key is the first into what was written.
                content = _Content(
                    made.content,
                    lambda inner: self._bundle.place((*steps, *(made.keys.get(str(key), key) for key in inner[1:2]))),
                )
                return None if made.problems else content

    def _dataset(self, address: Address, given: JsonObject) -> DatasetEntry | None:
        shards = self._shards(address, given)
        referred = self._reference(address, given, "schema", "schemas")
        described = self._name_of(address, given, "metadata_schema", METADATA_SCHEMA)
        about = self._reference(address, given, described, "schemas") if described in given else None
        metadata_key = self._name_of(address, given, "metadata", CONTENT_METADATA)
        common = self._common(address, given, address.key)
        if shards is None or referred is None or common is None:
            return None
        fields = _own({"name": address.key, **given}, DATASET_FIELDS)
        metadata = self._metadata(address, given, metadata_key)
        size = _object(given[SIZE]) if SIZE in given else None
        count, names = whole(given.get(PARTS)), texts(given.get(ANNOUNCE, []))
        return DatasetEntry(common, referred, shards, fields, metadata, about, size, count, names, metadata_key)

    def _metadata(self, address: Address, given: JsonObject, name: str) -> JsonObject | None:
        """Return the dataset's contentMetadata, which it gives under a name; None where it has none."""
        metadata = _object(given.get(name))
        for key, hint in _RESERVED.items():
            if key in metadata:
                steps = (*address.steps, name, key)
                self._note("reserved", f"the key {key} is one that atpub writes itself", steps, hint)
        if RAI in given:
            self._check_rai(address, given[RAI])
            metadata = {**metadata, rai.NSID: given[RAI]}
        if MIRRORS in given:
            self._check_mirrors(address, texts(given[MIRRORS]))
            folders: Json = {"urls": given[MIRRORS]}
            metadata = _object({**metadata, mirrors.KEY: folders})
        return metadata if {name, RAI, MIRRORS} & given.keys() else None

    def _check_mirrors(self, address: Address, urls: Sequence[str]) -> None:
        for index, url in enumerate(urls):
            if problem := mirrors.check_mirror(url):
                self._note(problem.code, problem.message, (*address.steps, MIRRORS, index), problem.hint)

    def _check_rai(self, address: Address, given: Json) -> None:
        try:
            rai.Rai.from_json(given)
        except InvalidRecord as error:
            for problem in error.problems:
                steps = (*address.steps, RAI, *problem.path)
                self._note("invalid-record", f"{address}.{RAI}: {problem.message}", steps, problem.hint)

    def _name_of(self, address: Address, given: JsonObject, name: str, lexicon_name: str) -> str:
        """Return the name that a field of a dataset is given by: the manifest's or the lexicon's; note if by both."""
        if name in given and lexicon_name in given:
            message = f"{address} has {name} and {lexicon_name}, which are the same field"
            self._note("one-of", message, (*address.steps, lexicon_name), "give one of them", key=True)
        return lexicon_name if lexicon_name in given else name

    def _shards(self, address: Address, given: JsonObject) -> Shards | None:
        ways = [name for name in (FILES.key, URLS_KEY) if name in given]
        if len(ways) != 1:
            message = f"{address} has {' and '.join(ways)}" if ways else f"{address} does not say where its shards are"
            self._note("one-of", message, address.steps, f"give either `{FILES.key}` or `{URLS_KEY}`", key=True)
            return None
        if ways == [FILES.key]:
            for name in given.keys() & {CHECKSUMS_KEY, MIRRORS, *option_keys()}:
                message = f"{name!r} goes with `{URLS_KEY}`; the PDS has the blobs, and the CID of each is its checksum"
                self._note("not-for-blobs", message, (*address.steps, name), "remove it", key=True)
            return FileShards(FILES.patterns(given[FILES.key]))
        if CHECKSUMS_KEY not in given:
            steps = (*address.steps, URLS_KEY)
            self._note("no-checksum", f"{address} has URLs without checksums", steps, _NO_CHECKSUMS)
        checksums = _checksums(given.get(CHECKSUMS_KEY, "none"))
        if isinstance(checksums, ChecksumMap):
            for name in checksums.digests.keys() & {FILE_KEY, MISSING_KEY}:
                message = f"{name!r} does not go with checksums by file name"
                where = (*address.steps, CHECKSUMS_KEY, name)
                self._note("one-of", message, where, "write all checksums into a file", key=True)
        return UrlShards(texts(given[URLS_KEY]), checksums, read_endpoint(given))

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
        collection = self._collection(str(given["collection"]), (*address.steps, "collection"))
        if collection is None:
            return None
        value = _object(given["value"])
        if "$type" in value and value["$type"] != collection:
            message = f"the record's $type is not {collection}"
            self._note("wrong-type", message, (*address.steps, "value", "$type"), "leave it out: it is filled in")
        common = self._common(address, given, address.key, collection)
        return None if common is None else RecordEntry(common, collection, value)

    def _collection(self, text: str, steps: Steps) -> Nsid | None:
        collection = self._nsid(text, steps)
        if collection is None:
            return None
        if collection == inventory.NSID:
            hint = "remove the entry: atpub writes these records itself"
            self._note("reserved", f"records of {text} say what projects own", steps, hint)
            return None
        if key_type(collection, self._own_lexicons) is None:
            lexicons = self._own_lexicons or LEXICONS.lexicons
            known = [nsid for nsid in lexicons.by_nsid if lexicons.record(nsid)]
            hint = suggest(text, known) or "add its lexicon under `lexicons: {path: …}`"
            self._note("unknown-lexicon", f"there is no lexicon for records of {text}", steps, hint)
            return None
        return collection

    # What all of them have

    def _nsid(self, text: str, steps: Steps) -> Nsid | None:
        if Nsid.accepts(text):
            return Nsid(text)
        hint = "a domain name backwards, then a name: for example org.lab.image"
        self._note("wrong-form", f"{text!r} is not a valid NSID", steps, hint)
        return None

    def _common(
        self, address: Address, given: JsonObject, default_id: str, collection: Nsid | None = None
    ) -> Common | None:
        rkey = given.get("rkey")
        if rkey is not None and not Rkey.accepts(str(rkey)):
            hint = "1 to 512 of letters, digits and . _ : ~ -"
            self._note("wrong-form", f"{rkey!r} is not a valid record key", (*address.steps, "rkey"), hint)
            return None
        kind = key_type(collection or COLLECTIONS[address.section], self._own_lexicons)
        if rkey is not None and kind is not None and not valid_key(kind, str(rkey)):
            message = f"{rkey!r} is not a record key of the type {kind}, which the lexicon asks for"
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
                hint = "for example at://did:plc:…/science.alt.dataset.schema/org.lab.image:1.0.0"
                self._note("wrong-form", str(violation), steps, hint)
                return None
        known = _object(self._bundle.value.get(section))
        if text not in known:
            hint = suggest(text, known) or f"add it under `{section}:`, or give the at:// URI of a published one"
            self._note("dangling-reference", f"there is no {section}/{text}", steps, hint)
        return Address(section, text)

    def _is_first(self, found: Entry, paths: dict[tuple[str, str], Address]) -> bool:
        address = found.common.address
        first = paths.setdefault((collection_of(found), found.common.id), address)
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


def _checksums(value: Json) -> ChecksumFiles | ChecksumMap | NoChecksums:
    match value:
        case dict() if value and value.keys() <= {FILE_KEY, MISSING_KEY}:
            missing = cast("Missing | None", value.get(MISSING_KEY))
            return ChecksumFiles(texts(value.get(FILE_KEY, [])), missing)
        case dict():
            return ChecksumMap({name: str(digest) for name, digest in value.items()})
        case "none":
            return NoChecksums()
        case _:
            return ChecksumFiles((str(value),))


def _is_name(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text)


def _pascal_case(name: str) -> str:
    return name[:1].upper() + name[1:]
