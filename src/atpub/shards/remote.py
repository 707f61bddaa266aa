"""Shards at URLs, with their checksums, and those whose checksums `atpub lock` is to find."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from atpub.manifest.model import ChecksumFiles, ChecksumMap, NoChecksums, UrlShards
from atpub.problems import Place, Problem
from atpub.shards.lock import LOCK_FILE, StoreFacts
from atpub.storage.interface import Endpoint, Location
from atpub.storage.parts import total
from atpub.suggest import short_list

RUN_LOCK: Final = f"run `atpub lock`, and commit {LOCK_FILE}"


@dataclass(frozen=True, slots=True)
class RemoteShards:
    """Shards at URLs, each with its SHA-256 (None: it was said that there is none), and what the lock has of each."""

    shards: tuple[tuple[Location, str | None], ...]
    stored: tuple[StoreFacts, ...] = ()

    def __len__(self) -> int:
        return len(self.shards)

    def __getitem__(self, part: slice) -> RemoteShards:
        return RemoteShards(self.shards[part], self.stored[part])

    @property
    def size(self) -> int | None:
        """The bytes of all shards, where the lock has them of each."""
        return total([facts.size for facts in self.stored])

    @property
    def samples(self) -> int | None:
        """The samples of all shards, where the lock has them of each."""
        return total([facts.samples for facts in self.stored])


@dataclass(frozen=True, slots=True)
class AskedShard:
    """A shard whose checksum `atpub lock` finds: from its store, or else (`fetch`) by reading it.

    `place` is where the manifest says so.
    """

    url: str
    location: Location
    endpoint: Endpoint
    missing: Literal["fetch", "store"]
    place: Place


def asked_shards(
    shards: UrlShards, located: Mapping[str, Location], place: Callable[[], Place]
) -> tuple[AskedShard, ...]:
    """Return those of the URLs without a checksum whose checksums `atpub lock` is to find.

    `place` is asked only if there are any: to find one, the manifest is parsed again.
    """
    missing = shards.checksums.missing if isinstance(shards.checksums, ChecksumFiles) else None
    if missing is None or missing == "none" or not located:
        return ()
    here = place()
    return tuple(AskedShard(url, location, shards.endpoint, missing, here) for url, location in located.items())


def states_checksums(shards: UrlShards) -> bool:
    """Return whether the manifest states checksums, or names files that do."""
    stated = shards.checksums
    return isinstance(stated, ChecksumMap) or (isinstance(stated, ChecksumFiles) and bool(stated.patterns))


def may_have_none(shards: UrlShards) -> bool:
    """Return whether the manifest says that shards without a checksum are published without one."""
    none = isinstance(shards.checksums, ChecksumFiles) and shards.checksums.missing == "none"
    return none or isinstance(shards.checksums, NoChecksums)


def not_found_yet(asked: Sequence[AskedShard], known: Mapping[str, str]) -> Sequence[Problem]:
    """Return the problem of the shards whose checksums `atpub lock` has not found yet."""
    left = [shard.url for shard in asked if shard.url not in known]
    if not left:
        return ()
    message = f"{LOCK_FILE} does not have the checksum of {len(left):,} of {len(asked):,} shards: {short_list(left)}"
    return (Problem("checksum-not-locked", message, hint=RUN_LOCK),)
