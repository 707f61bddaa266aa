"""The values of a plan: they can be shown, saved and applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from atpub.atproto.data import Encoded, JsonObject
from atpub.atproto.syntax import AtUri, Cid, Did, RecordPath
from atpub.engine.desired.model import BlobFile, StrongRef
from atpub.engine.inventory import Inventory, Owned
from atpub.manifest.model import Policy
from atpub.problems import Problem
from atpub.repository.model import Head, Record
from atpub.storage.parts import WHOLE, Part

Action: TypeAlias = Literal["create", "update", "delete", "keep", "adopt", "forget", "unchanged"]
ACTIONS: Final[tuple[Action, ...]] = ("create", "update", "delete", "keep", "adopt", "forget", "unchanged")


@dataclass(frozen=True, slots=True)
class Drift:
    """An edit made outside this project: the CID that it applied, and the live one (None: deleted)."""

    applied: Cid
    live: Cid | None
    value: JsonObject | None = field(default=None, repr=False, compare=False)
    """The record that was applied; None where it is not known on this machine."""


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one record; those of the parts of a dataset have the same address and id.

    `after` is the value to write, None where nothing is written. `after_cid` is None where there is no record
    afterwards, and where only the server decides it: `unknown` then says why.
    """

    address: str
    action: Action
    id: str
    path: RecordPath
    uri: AtUri
    before: Record | None
    after: JsonObject | None = None
    after_cid: Cid | None = None
    unknown: str = ""
    drift: Drift | None = None
    protect: bool = False
    part: Part = WHOLE
    digest_cid: Cid | None = None
    strong_refs: tuple[StrongRef, ...] = ()
    open_blobs: tuple[BlobFile, ...] = ()
    sniffed_blobs: tuple[BlobFile, ...] = ()
    """The blobs of `after` whose MIME type the server decides, with the announced one; `open_blobs` are among them."""
    created_at: str | None = None
    """The field of `after` whose time is not the manifest's, where there is one."""
    encoded: Encoded | None = field(default=None, repr=False, compare=False)
    """The encoding of `after`, where it is known."""
    undoes: bool = False
    """Whether it puts a record back as it was before a past apply."""

    def __repr__(self) -> str:
        return f"Change({self.action} {self.address!r}, {str(self.uri)!r})"

    @property
    def before_cid(self) -> Cid | None:
        """The CID of the live record."""
        return self.before.cid if self.before else None

    @property
    def word(self) -> str:
        """The action, or `restore`: a create of what was deleted outside the project, or by an apply that is undone."""
        return "restore" if self.action == "create" and (self.drift or self.undoes) else self.action

    @property
    def writes(self) -> bool:
        """Whether the record itself is written or deleted."""
        return self.after is not None or self.action == "delete"

    @property
    def pending(self) -> bool:
        """Whether there is anything to do about the record."""
        return self.action not in ("unchanged", "keep")

    @property
    def was_left(self) -> bool:
        """Whether a saved plan leaves the record alone although others have modified it since: see `rebase`."""
        return self.action == "keep" and self.digest_cid is not None


@dataclass(frozen=True, slots=True)
class Upload:
    """A blob whose bytes the repository does not have; `target` as of `BlobFile`.

    It is a `repair` where live records refer to the blob already: its file is gone or damaged.
    """

    cid: Cid
    size: int
    mime_type: str
    file: Path
    target: Path | None = None
    repair: bool = False

    @property
    def source(self) -> str:
        """The file, and where it really is: `data/a.tar -> /disk/a.tar`."""
        return f"{self.file} -> {self.target}" if self.target else str(self.file)


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of applying a plan, the inventory's own writes included (points: see the PDS's rate limits)."""

    points: int
    writes: int
    commits: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A safety rule's refusal of something that the manifest asks for."""

    address: str
    uri: AtUri | None
    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What the policy of a manifest and the options of a plan allow: see `Policy` and `Options`."""

    max_delete: int | float = Policy().max_delete
    delete_drifted: bool = False
    allow_replace_all: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes that make a repository hold a manifest's records, planned at the head that was read."""

    project: str
    account: str
    did: Did
    head: Head | None
    changes: tuple[Change, ...]
    uploads: tuple[Upload, ...]
    refusals: tuple[Refusal, ...]
    warnings: tuple[Problem, ...]
    cost: Cost
    digest: str
    inventory: Inventory
    inventory_changes: Mapping[RecordPath, Owned | None]
    rules: Rules = Rules()
    left_out: tuple[str, ...] = ()
    """The addresses of pending changes that the user left out."""
    unmanaged: tuple[AtUri, ...] = ()
    """Other records in the collections that were read: no project owns them, and the manifest does not name them."""

    def __repr__(self) -> str:
        parts = [f"{self.project or 'no project'!r} → {self.account!r}"]
        parts += [f"{count} {action}" for action, count in self.summary.items() if count]
        parts += [f"{len(self.refusals)} refused"] if self.refusals else []
        return f"Plan({', '.join(parts)})"

    @property
    def pending(self) -> bool:
        """Whether there is anything to do."""
        return any(change.pending for change in self.changes) or bool(self.inventory_changes or self.repairs)

    @property
    def drifted(self) -> tuple[Change, ...]:
        """The changes of records that were modified or deleted outside the project."""
        return tuple(change for change in self.changes if change.drift)

    @property
    def repairs(self) -> tuple[Upload, ...]:
        """The uploads that put the bytes of live records' blobs back."""
        return tuple(upload for upload in self.uploads if upload.repair)

    @property
    def summary(self) -> Mapping[Action, int]:
        """How many records each action concerns."""
        return {action: sum(change.action == action for change in self.changes) for action in ACTIONS}

    @property
    def pending_words(self) -> Mapping[str, int]:
        """How many records are to be created, restored, updated and so on, without the words that concern none."""
        counts = Counter(change.word for change in self.changes if change.pending)
        return {word: counts[word] for word in (*ACTIONS[:1], "restore", *ACTIONS[1:]) if counts[word]}


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a plan: what a user allows or selects. Each but `approved` is a flag of the command line."""

    delete_drifted: bool = False
    prune_versions: bool = False
    allow_replace_all: bool = False
    allow_breaking: bool = False
    approved: frozenset[str] = frozenset()  # changes of lexicons, as `LexiconChange.approval` names them
    forget: frozenset[str] = frozenset()  # addresses and URIs
    only: frozenset[str] = frozenset()  # addresses, with * for any text
    exclude: frozenset[str] = frozenset()


Status: TypeAlias = Literal["applied", "unchanged", "failed", "pending"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one change: the record's CID afterwards, if there is a record, and the error if it failed.

    An unchanged record has an error if others have modified it since it was planned: it is not as the manifest says.
    """

    change: Change
    status: Status
    cid: Cid | None
    error: str | None = None

    def __repr__(self) -> str:
        error = f", {self.error!r}" if self.error else ""
        return f"Outcome({self.status}: {self.change.action} {self.change.address!r}, {str(self.change.uri)!r}{error})"
