"""From a manifest on disk to a repository, the way the command line goes, and what the tests put on that way."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml
from tests.repository.samples import read
from tests.shards.tars import Member, any_sample, make_tar

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import Cid, Nsid, RecordPath
from atpub.engine.apply import apply_plan
from atpub.engine.desired.build import build_desired
from atpub.engine.inventory import COLLECTION, Inventory, read_inventories
from atpub.engine.owned_records import read_owned, records_around
from atpub.engine.plan.build import plan_manifest
from atpub.engine.plan.model import Options, Outcome, Plan
from atpub.engine.plan.rebase import rebase
from atpub.engine.plan.serialize import read_plan, saved_document
from atpub.manifest.load import load_manifest
from atpub.repository.interface import BlobSource, Repository
from atpub.repository.model import Create, Delete, Record, Update, Write
from atpub.shards.facts import gather

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
SCHEMA = Nsid("science.alt.dataset.schema")
ENTRY = Nsid("science.alt.dataset.entry")
LABEL = Nsid("science.alt.dataset.label")
LENS = Nsid("science.alt.dataset.lens")
NOTE = Nsid("org.test.note")
EVENT = Nsid("org.test.event")
SELF = Nsid("org.test.self")
COLLECTIONS = (SCHEMA, ENTRY, LABEL, LENS, NOTE, EVENT, SELF, COLLECTION)

_PINS: JsonObject = {"type": "array", "items": {"type": "ref", "ref": "com.atproto.repo.strongRef"}}
_LINK: JsonObject = {"type": "string", "format": "at-uri"}


def _lexicon(nsid: str, key: str, required: list[str], **properties: JsonObject) -> JsonObject:
    record: JsonObject = {"type": "object", "required": [*required], "properties": {**properties}}
    return {"lexicon": 1, "id": nsid, "defs": {"main": {"type": "record", "key": key, "record": record}}}


LEXICONS = {
    NOTE: _lexicon(
        NOTE, "any", ["text"], text={"type": "string", "maxLength": 2_000_000}, about=_LINK, pins=_PINS,
        file={"type": "blob"},
    ),
    EVENT: _lexicon(
        EVENT, "tid", ["name", "createdAt"], name={"type": "string"}, pins=_PINS,
        createdAt={"type": "string", "format": "datetime"},
    ),
    SELF: _lexicon(SELF, "literal:self", ["text"], text={"type": "string"}, about=_LINK, pins=_PINS),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and the bytes of its blobs."""

    plan: Plan
    sources: Mapping[str, BlobSource]


@contextmanager
def scratch() -> Generator[Path]:
    """A folder that goes away, on a disk in memory where there is one: a repository waits for its disk all the time."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="atpub-") as name:
        yield Path(name)


def write_lexicons(folder: Path) -> None:
    """The lexicons of the tests' own records, in `lexicons/`."""
    (folder / "lexicons").mkdir(parents=True, exist_ok=True)
    for nsid, document in LEXICONS.items():
        (folder / "lexicons" / f"{nsid}.json").write_text(json.dumps(document), "utf-8")


def _yaml(value: JsonObject) -> str:
    plain: Json = json.loads(json.dumps(value))  # an Nsid is a str, but PyYAML wants the very class
    return yaml.dump(plain, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)


def write_tar(file: Path, *texts: str) -> Path:
    """A small shard with a sample for each text."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(make_tar([Member(f"{n:03}.msgpack", any_sample(text.encode())) for n, text in enumerate(texts)]))
    return file


def write_manifest(folder: Path, content: JsonObject, name: str = "atpub.yaml") -> Path:
    """A manifest as a YAML file; what every manifest must say is filled in."""
    own: JsonObject = {"atpub": 1, "project": "ours", "account": "local"}
    if (folder / "lexicons").is_dir():
        own["lexicons"] = {"path": "lexicons/"}
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(_yaml({**own, **content}), "utf-8")
    return file


def prepare(manifest: Path, repository: Repository, *, now: datetime = NOW, options: Options | None = None) -> Prepared:
    """The plan of a manifest for a repository."""
    loaded = load_manifest([manifest], environ={})
    facts = gather(loaded)
    desired, warnings = build_desired(loaded, facts, repository.did)
    plan = plan_manifest(
        desired,
        read_owned(repository, records_around(item.path for item in desired)),
        project=loaded.project,
        account=loaded.account or "local",
        now=now,
        policy=loaded.policy,
        options=options,
        warnings=warnings,
    )
    return Prepared(plan, facts.sources)


def carry_out(prepared: Prepared, repository: Repository) -> tuple[Outcome, ...]:
    """Apply a plan."""
    return apply_plan(prepared.plan, repository, prepared.sources)


def publish(manifest: Path, repository: Repository, *, now: datetime = NOW, options: Options | None = None) -> Prepared:
    """Plan and apply a manifest."""
    prepared = prepare(manifest, repository, now=now, options=options)
    carry_out(prepared, repository)
    return prepared


def kept(prepared: Prepared, repository: Repository) -> Prepared:
    """What is left of a plan that was kept as a document until now."""
    saved, _ = read_plan(json.dumps(saved_document(prepared.plan, Path())), "plan.json")
    live = read_owned(repository, records_around(change.path for change in saved.changes))
    return Prepared(rebase(saved, live), prepared.sources)


def everything(repository: Repository) -> dict[RecordPath, Record]:
    """Every record of the collections that the tests write to."""
    return read(repository, *COLLECTIONS)


def inventory(repository: Repository, project: str = "ours") -> Inventory:
    """What a project owns, as the repository says it."""
    found = read_inventories(read(repository, COLLECTION).values())
    return found.get(project) or Inventory(project)


def owned(repository: Repository, project: str = "ours") -> dict[RecordPath, Cid]:
    """The CID of each record that a project owns."""
    return {path: item.cid for path, item in inventory(repository, project).owned.items()}


def write(repository: Repository, *writes: Write) -> None:
    """Another client's commit."""
    head = repository.head()
    repository.apply_writes(writes, head.cid if head else None)


def edit(repository: Repository, path: RecordPath, **fields: str) -> None:
    """Another client changes fields of a record."""
    value = everything(repository)[path].value
    write(repository, Update(path, {**value, **fields}))


def remove(repository: Repository, *paths: RecordPath) -> None:
    """Another client deletes records."""
    write(repository, *(Delete(path) for path in paths))


def put(repository: Repository, values: Mapping[RecordPath, JsonObject]) -> None:
    """Another client writes new records."""
    write(repository, *(Create(path, {"$type": path.collection, **value}) for path, value in values.items()))


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
