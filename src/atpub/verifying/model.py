"""Findings about published records, and where the bytes are that these list: plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, Self, TypeAlias

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri
from atpub.problems import Problem
from atpub.pulling.download import Source
from atpub.repository.model import Record
from atpub.shards.sample_types import SampleTypes

Steps: TypeAlias = tuple[str | int, ...]
FindingSeverity: TypeAlias = Literal["error", "unchecked", "note"]
"""Wrong; not known, such as with a server that is down; or worth a look."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about a record: what it says, the place within the record, and the record's address in the manifest.

    Message and hint show no secrets of URLs, and no line of more than 2,000 characters.
    """

    code: str
    uri: str
    message: str
    hint: str = ""
    path: Steps = ()
    severity: FindingSeverity = "error"
    address: str | None = None

    def __post_init__(self) -> None:
        """Redact and shorten the message and the hint, as a problem does."""
        tidy = Problem(self.code, self.message, hint=self.hint)
        object.__setattr__(self, "message", tidy.message)
        object.__setattr__(self, "hint", tidy.hint)


@dataclass(frozen=True, slots=True)
class Verification:
    """The numbers of records, shards and other blobs that were looked at, and every finding; `size` is bytes read."""

    records: int
    shards: int
    blobs: int
    size: int
    findings: Sequence[Finding]

    def count(self, severity: FindingSeverity) -> int:
        """Return the number of findings of a severity."""
        return sum(item.severity == severity for item in self.findings)


@dataclass(frozen=True, slots=True)
class PublishedRecord:
    """A record to verify: its URI with the DID, and its address in the manifest, if it has one there."""

    uri: AtUri
    record: Record
    address: str | None = None

    def finding(
        self,
        code: str,
        message: str,
        hint: str = "",
        path: Steps = (),
        severity: FindingSeverity = "error",
    ) -> Finding:
        """Return a finding about it."""
        return Finding(code, str(self.uri), message, hint, path, severity, self.address)


Depth: TypeAlias = Literal["head", "sample", "whole"]
"""How much is read: nothing but its size, the first sample, or every byte."""


@dataclass(frozen=True, slots=True)
class DataLocation:
    """Where the bytes of a blob or a shard are, how many are read at most, and how deeply; it can be pickled.

    `name` is what messages call it, `size` what the record states of a blob. A shard is a tar.
    """

    source: Source
    name: str
    depth: Depth
    most: int
    size: int | None = None
    is_tar: bool = False


Fault: TypeAlias = Literal[
    "", "missing", "refused", "web-page", "redirect-loop", "oversized", "unreachable", "skipped", "unreadable"
]
"""Why there are no bytes; empty where there are."""
UNKNOWN: Final[frozenset[Fault]] = frozenset(("unreachable", "skipped", "unreadable"))
"""The faults that say nothing about the bytes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found at a location; what is not known is None.

    `sha256` is computed from the bytes, or as the store states it. `samples` were counted; `tar` is the code and the
    message of what is wrong with a tar. `hint` is what may help, where the store says more than the fault.
    """

    fault: Fault = ""
    reason: str = ""
    size: int | None = None
    sha256: str | None = None
    samples: int | None = None
    first: SampleTypes | None = None
    tar: tuple[str, str] | None = None
    read: int = 0
    hint: str = ""

    def to_json(self) -> JsonObject:
        """Return it as JSON, which a worker sends back."""
        return {**asdict(self), "first": self.first.to_json() if self.first else None}

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> Self:
        """Return what `to_json` gave."""
        known: dict[str, Any] = {item.name: value[item.name] for item in fields(cls)}
        known["first"] = SampleTypes.of_json(value["first"])
        known["tar"] = tuple(value["tar"]) if value["tar"] else None
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Held:
    """A blob or a shard that a record lists: its place in the record, and what the record says of it.

    `content` is the JSON Schema of a shard's samples, None for other blobs and where there is none at hand.
    """

    owner: PublishedRecord
    path: Steps
    location: DataLocation
    sha256: str | None = None
    content: JsonObject | None = None

    @property
    def kind(self) -> Literal["shard", "blob"]:
        """What it is called."""
        return "shard" if self.location.is_tar else "blob"
