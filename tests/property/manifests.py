"""Random manifests that share their ids: what each entry is like (a spec), and the manifest that says so.

A spec names other entries by slot. Whatever is not there in a manifest is left out of what refers to it, so that any
choice of specs makes a legal manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from hypothesis import strategies as st
from tests.engine.apply.publishing import EVENT, NOTE, SELF, sha256_of

from atpub.atproto.data import Json, JsonObject

DID = "did:web:local.invalid"
SHARDS = ("data/0.tar", "data/1.tar", "data/2.tar", "data/3.tar")
TEXTS = ("data/a.txt", "data/b.json", "data/c.unknown")
THEIR_SCHEMA = f"at://{DID}/science.alt.dataset.schema/org.other.thing:1.0.0"
TAKEN = {"g0": "taken zero", "g1": "taken one"}
"""Notes that are there before the first manifest, and that no project owns: their text, by key."""


class Slot(NamedTuple):
    """Where an entry would stand: its section and its identity."""

    section: str
    id: str


SCHEMAS = [
    Slot("schemas", f"org.test.{name}:{version}") for name in "ab" for version in ("1.0.0", "1.1.0", "2.0.0-rc.1")
]
DATASETS = [Slot("datasets", f"d{n}") for n in range(4)]
LENSES = [Slot("lenses", f"l{n}") for n in range(2)]
LABELS = [Slot("labels", text) for text in ("x:1.0.0", "x:1.1.0", "y", "y:1")]
EVENTS = [Slot("records", f"e{n}") for n in range(2)]
NOTES = [Slot("records", f"n{n}") for n in range(4)]
ABOUT = Slot("records", "about")
TAKEN_NOTES = [Slot("records", key) for key in TAKEN]
SLOTS = [*SCHEMAS, *DATASETS, *LENSES, *LABELS, *EVENTS, *NOTES, *TAKEN_NOTES, ABOUT]
RANK = {slot: rank for rank, slot in enumerate(SLOTS)}
VERSIONED = frozenset({*SCHEMAS, *LABELS})


@dataclass(frozen=True, slots=True)
class Schema:
    description: str
    metadata: bool


@dataclass(frozen=True, slots=True)
class Blobs:
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Urls:
    scheme: Literal["https", "s3", "gs"]
    count: int
    checksums: Literal["none", "map", "file"]


@dataclass(frozen=True, slots=True)
class Dataset:
    schema: Slot
    by_uri: bool  # refer to it by its URI, whether it is in the manifest or not
    storage: Blobs | Urls
    tags: tuple[str, ...]
    metadata: bool


@dataclass(frozen=True, slots=True)
class Lens:
    source: Slot
    target: Slot
    commit: str


@dataclass(frozen=True, slots=True)
class Label:
    dataset: Slot
    description: str


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    created_at: str | None
    pins: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    about: Slot
    pins: tuple[Slot, ...]
    file: str | None
    adopt: bool


Spec: TypeAlias = Schema | Dataset | Lens | Label | Event | Note
Specs: TypeAlias = Mapping[Slot, Spec]

_WORDS = st.sampled_from(["one", "two", "grün"])


def _pins(before: Slot) -> st.SearchStrategy[tuple[Slot, ...]]:
    """Slots to refer to by CID: only what comes before, because these references must not go round."""
    return st.lists(st.sampled_from(SLOTS[: RANK[before]]), max_size=2, unique=True).map(tuple)


_SCHEMA = st.builds(Schema, _WORDS, st.booleans())
_BLOBS = st.lists(st.sampled_from(SHARDS), min_size=1, max_size=3, unique=True).map(lambda files: Blobs(tuple(files)))
_URLS = st.builds(
    Urls, st.sampled_from(["https", "s3", "gs"]), st.integers(1, 3), st.sampled_from(["none", "map", "file"])
)
_DATASET = st.builds(
    Dataset,
    st.sampled_from(SCHEMAS),
    st.booleans(),
    st.one_of(_BLOBS, _BLOBS, _URLS),
    st.lists(_WORDS, max_size=2).map(tuple),
    st.booleans(),
)
_LENS = st.builds(Lens, st.sampled_from(SCHEMAS), st.sampled_from(SCHEMAS), _WORDS)
_LABEL = st.builds(Label, st.sampled_from(DATASETS), _WORDS)
_TIMES = st.sampled_from([None, "2020-01-01T00:00:00.000Z"])


def _note(slot: Slot) -> st.SearchStrategy[Spec]:
    text = st.one_of(st.just(TAKEN[slot.id]), _WORDS) if slot.id in TAKEN else _WORDS
    plain = slot.id in TAKEN or slot == ABOUT
    file = st.none() if plain else st.sampled_from([None, *TEXTS, SHARDS[0]])
    pins = st.just(()) if slot.id in TAKEN else _pins(slot)
    return st.builds(Note, text, st.sampled_from(SLOTS), pins, file, st.booleans())


def spec(slot: Slot) -> st.SearchStrategy[Spec]:
    """What the entry in a slot may be like."""
    match slot.section:
        case "schemas":
            return _SCHEMA
        case "datasets":
            return _DATASET
        case "lenses":
            return _LENS
        case "labels":
            return _LABEL
        case _ if slot in EVENTS:
            return st.builds(Event, _WORDS, _TIMES, _pins(slot))
        case _:
            return _note(slot)


@st.composite
def specs(draw: st.DrawFn) -> Specs:
    """The entries of a manifest."""
    return {slot: draw(spec(slot)) for slot in SLOTS if draw(st.booleans())}


@st.composite
def changed(draw: st.DrawFn, before: Specs) -> Specs:
    """The entries of a later manifest: many as they were, some gone, some new or changed."""
    after: dict[Slot, Spec] = {}
    for slot in SLOTS:
        fate = draw(st.sampled_from(["same", "same", "gone", "drawn"]))
        if fate == "same" and slot in before:
            after[slot] = before[slot]
        elif fate == "drawn":
            after[slot] = draw(spec(slot))
    return after


# From specs to a manifest


def manifest(given: Specs, *, project: str = "ours", renamed: bool = False, backwards: bool = False) -> JsonObject:
    """The manifest with these entries; `renamed`: under other keys; `backwards`: in the opposite order."""
    return _Writer(complete(given), renamed).manifest(project, backwards)


def complete(given: Specs) -> Specs:
    """The entries that can stand in a manifest: a label needs its dataset."""
    return {
        slot: item
        for slot, item in given.items()
        if not isinstance(item, Label) or isinstance(given.get(item.dataset), Dataset)
    }


class _Writer:
    def __init__(self, given: Specs, renamed: bool) -> None:
        self._given = given
        self._renamed = renamed

    def manifest(self, project: str, backwards: bool) -> JsonObject:
        sections: dict[str, JsonObject] = {}
        for slot in sorted(self._given, key=RANK.__getitem__, reverse=backwards):
            sections.setdefault(slot.section, {})[self._key(slot)] = self._entry(slot, self._given[slot])
        return {"project": project, "policy": {"max_delete": "100%"}, **sections}

    def _key(self, slot: Slot) -> str:
        return f"{slot.id}-renamed" if self._renamed else slot.id

    def _entry(self, slot: Slot, item: Spec) -> JsonObject:
        match item:
            case Schema():
                return self._schema(slot, item)
            case Dataset():
                return {**self._own_id(slot), **self._dataset(item)}
            case Lens():
                return {**self._own_id(slot), **self._lens(item)}
            case Label():
                return self._label(slot, item)
            case Event():
                return {**self._own_id(slot), "collection": EVENT, "value": self._event(item)}
            case Note():
                collection = SELF if slot == ABOUT else NOTE
                adopt: JsonObject = {"adopt": True} if _adopts(slot, item) else {}
                return {**self._own_id(slot), **adopt, "collection": collection, "value": self._note(slot, item)}

    def _own_id(self, slot: Slot) -> JsonObject:
        return {"id": slot.id} if self._renamed else {}

    def _schema(self, slot: Slot, item: Schema) -> JsonObject:
        nsid, _, version = slot.id.partition(":")
        metadata: JsonObject = {"metadata": {"license": "CC0-1.0"}} if item.metadata else {}
        return {"nsid": nsid, "version": version, "description": item.description, **metadata, **_content(version)}

    def _dataset(self, item: Dataset) -> JsonObject:
        metadata: JsonObject = {"metadata": {"gain": 2}, "metadata_schema": THEIR_SCHEMA} if item.metadata else {}
        schema = _uri(item.schema) if item.by_uri else self._schema_ref(item.schema)
        return {"schema": schema, "tags": [*item.tags], **_storage(item.storage), **metadata}

    def _schema_ref(self, slot: Slot) -> str:
        return self._key(slot) if slot in self._given else THEIR_SCHEMA

    def _lens(self, item: Lens) -> JsonObject:
        code: JsonObject = {"repository": "https://git.test/x", "commit": item.commit, "path": "lens.py:get"}
        source, target = self._schema_ref(item.source), self._schema_ref(item.target)
        return {"source": source, "target": target, "getter": code, "putter": code}

    def _label(self, slot: Slot, item: Label) -> JsonObject:
        name, _, version = slot.id.partition(":")
        versioned: JsonObject = {"version": version} if version else {}
        return {"name": name, "dataset": self._key(item.dataset), "description": item.description, **versioned}

    def _event(self, item: Event) -> JsonObject:
        created: JsonObject = {"createdAt": item.created_at} if item.created_at else {}
        return {"name": item.name, "pins": self._pins(item.pins), **created}

    def _note(self, slot: Slot, item: Note) -> JsonObject:
        if slot.id in TAKEN:
            return {"text": item.text}
        about: JsonObject = {"about": {"$ref": self._address(item.about)}} if item.about in self._given else {}
        file: JsonObject = {"file": {"$blob": item.file}} if item.file else {}
        return {"text": item.text, "pins": self._pins(item.pins), **about, **file}

    def _pins(self, slots: tuple[Slot, ...]) -> list[Json]:
        return [{"$strongRef": self._address(slot)} for slot in slots if slot in self._given]

    def _address(self, slot: Slot) -> str:
        return f"{slot.section}/{self._key(slot)}"


def _adopts(slot: Slot, item: Note) -> bool:
    """A note that is there already must be adopted, unless it is as wanted."""
    return slot.id in TAKEN and (item.adopt or item.text != TAKEN[slot.id])


def adopted(slot: Slot, item: Spec | None) -> bool:
    """Whether an entry takes over what is there."""
    return isinstance(item, Note) and _adopts(slot, item)


def _content(version: str) -> JsonObject:
    """What a sample of a schema's version holds: always the same, because a version never changes."""
    if version == "1.0.0":
        return {"fields": {"image": "ndarray", "label": "integer"}}
    properties: JsonObject = {"image": {"type": "string"}, "labels": {"type": "array", "items": {"type": "integer"}}}
    return {"json_schema": {"type": "object", "properties": properties, "required": ["image"]}}


def _uri(slot: Slot) -> str:
    return f"at://{DID}/science.alt.dataset.schema/{slot.id}"


def _storage(storage: Blobs | Urls) -> JsonObject:
    if isinstance(storage, Blobs):
        return {"blobs": [*storage.files]}
    host = {"https": "cdn.test", "s3": "bucket", "gs": "bucket"}[storage.scheme]
    urls = f"{storage.scheme}://{host}/s-{{0..{storage.count}}}.tar"
    digests: JsonObject = {f"s-{n}.tar": sha256_of(str(n)) for n in range(storage.count + 1)}
    known: dict[str, Json] = {"none": "none", "file": "data/sums.sha256", "map": digests}
    s3: JsonObject = {"s3": {"endpoint": "https://s3.test", "region": "r1"}} if storage.scheme == "s3" else {}
    return {"urls": urls, "checksums": known[storage.checksums], **s3}
