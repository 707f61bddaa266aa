"""What a store is asked about a shard, and what came of it: plain values that go to other processes and come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, cast

from atpub.atproto import data
from atpub.atproto.data import Json, JsonObject
from atpub.problems import Problem
from atpub.shards.lock import StoreFacts
from atpub.storage.interface import NO_ENDPOINT, Endpoint

ASK_SECONDS: Final = 30.0
"""How long to wait for an answer, and for more bytes of one."""
UNREAD: Final = "shard-unread"
"""The code of a shard that a check leaves unread."""


@dataclass(frozen=True, slots=True)
class KnownShard:
    """What an earlier measurement found; `is_recent` where it is of a run that broke off."""

    sha256: str
    facts: StoreFacts
    is_recent: bool = False


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A shard to be measured: its URL, and `address`, where HTTP offers it.

    Without a digest in its store it is read, unless `missing` is `store`; with `is_check` it is never read.
    """

    url: str
    address: str | None
    missing: Literal["fetch", "store"] = "fetch"
    endpoint: Endpoint = NO_ENDPOINT
    known: KnownShard | None = None
    is_check: bool = False
    seconds: float = ASK_SECONDS


@dataclass(frozen=True, slots=True)
class MeasuredShard:
    """A shard whose digest was found: known and unchanged, stated by its store, or read.

    `warning` says what is wrong with a shard that was read, and has no samples that can be counted.
    """

    url: str
    sha256: str
    facts: StoreFacts
    source: Literal["known", "stated", "read"]
    warning: Problem | None = None


@dataclass(frozen=True, slots=True)
class FailedShard:
    """A shard whose digest was not found; with the code `UNREAD`, it would have to be read."""

    url: str
    problem: Problem


Outcome: TypeAlias = MeasuredShard | FailedShard


class ShardFailure(Exception):
    """The end of measuring one shard, with its problem."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(code, message, hint=hint)


def dump_outcomes(outcomes: Sequence[Outcome]) -> bytes:
    """Return outcomes as one compact block (DAG-CBOR)."""
    return data.encode([outcome_json(outcome) for outcome in outcomes])


def load_outcomes(block: bytes) -> Sequence[Outcome]:
    """Parse the block of `dump_outcomes`."""
    import libipld

    return [parse_outcome(value) for value in cast("list[JsonObject]", libipld.decode_dag_cbor(block))]


def outcome_json(outcome: Outcome) -> JsonObject:
    """Return an outcome as JSON."""
    if isinstance(outcome, FailedShard):
        return {"url": outcome.url, "problem": _problem_json(outcome.problem)}
    value: JsonObject = {"url": outcome.url, "sha256": outcome.sha256, "source": outcome.source}
    if outcome.warning:
        value["warning"] = _problem_json(outcome.warning)
    return {**value, **outcome.facts.to_json()}


def parse_outcome(value: JsonObject) -> Outcome:
    """Parse the JSON of an outcome; raises ValueError, KeyError or TypeError for other JSON."""
    url = str(value["url"])
    if "problem" in value:
        return FailedShard(url, _problem(value["problem"]))
    warning = replace(_problem(value["warning"]), severity="warning") if "warning" in value else None
    source = cast("Literal['known', 'stated', 'read']", value["source"])
    return MeasuredShard(url, str(value["sha256"]), StoreFacts.of_json(value), source, warning)


def _problem_json(problem: Problem) -> JsonObject:
    return {"code": problem.code, "message": problem.message, "hint": problem.hint}


def _problem(value: Json) -> Problem:
    if not isinstance(value, dict):
        raise TypeError("a problem is an object")
    return Problem(str(value["code"]), str(value["message"]), hint=str(value["hint"]))
