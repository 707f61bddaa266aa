"""createdAt: when a record was first planned, later than the records of its series that are there already."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Set
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final, TypeAlias

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import Nsid, RecordPath
from atpub.generated.science.alt.dataset import label, schema
from atpub.repository.model import Record
from atpub.repository.record_table import RecordTable

_CREATED_AT: Final = label.Label.WIRE["created_at"]
_SCHEMA: Final = Nsid(schema.NSID)
_LABEL: Final = Nsid(label.NSID)
VERSION: Final = label.Label.WIRE["version"]
_NEVER: Final = 9999
"""The last year of a datetime: no record can come after a time in it, so such times are ignored."""


PastTimes: TypeAlias = Callable[[Collection[RecordPath]], Mapping[RecordPath, JsonObject]]
"""Finds the values that hold the times of records which were published before, and are not live."""


def no_past_times(_: Collection[RecordPath]) -> Mapping[RecordPath, JsonObject]:
    """Find none."""
    return {}


class CreatedAtClock:
    """A source of times: now, or one second after the latest of a series, so that the newest version is the latest."""

    def __init__(self, now: datetime, live: Mapping[RecordPath, Record], past_times: PastTimes = no_past_times) -> None:
        """Take the time of planning, the live records, and a source of the times of earlier ones."""
        self._now = now.astimezone(UTC).replace(microsecond=0)
        self._live = live
        self._past_times = past_times
        self._latest: dict[tuple[Nsid, str], datetime | None] = {}

    def known(self, paths: Collection[RecordPath]) -> Mapping[RecordPath, JsonObject]:
        """Return the values that hold the times of these records, as far as they are live or were published before."""
        new = [path for path in paths if path not in self._live]
        live = {path: self._live[path].value for path in paths if path in self._live}
        return {**(self._past_times(new) if new else {}), **live}

    @cached_property
    def _table(self) -> RecordTable:
        return RecordTable.of(self._live)

    def next(self, collection: Nsid, series: str | None) -> str:
        """Return the time for a new record of a series; readers compare it as text, so its width is fixed."""
        moment = self._now
        if series is not None:
            latest = self._latest_of(collection, series)
            if latest is not None and latest >= moment:
                moment = latest.replace(microsecond=0) + timedelta(seconds=1)
            self._latest[collection, series] = moment
        return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def _latest_of(self, collection: Nsid, series: str) -> datetime | None:
        """Return the latest time of a series; in a table, without a look at the records of others."""
        if (collection, series) not in self._latest:
            records = self._table.find(_series, {series}, (collection,))
            times = (_parse(record.value.get(_CREATED_AT)) for record in records)
            self._latest[collection, series] = max((time for time in times if time), default=None)
        return self._latest[collection, series]


def by_version(version: Json) -> tuple[tuple[str | int, ...], bool, tuple[str | int, ...]]:
    """Return the sort key of a version: numbers compare as numbers, and a pre-release comes before its release."""
    core, _, pre = str(version or "").partition("+")[0].partition("-")
    return _natural(core), not pre, _natural(pre)


def _natural(text: str) -> tuple[str | int, ...]:
    """Split a text into its parts of text and numbers, in turn."""
    return tuple(int(part) if index % 2 else part for index, part in enumerate(re.split(r"([0-9]+)", text)))


def _series(record: Record) -> Set[str]:
    """Return the series of a record, if it is in one."""
    if record.path.collection == _SCHEMA:
        return {record.path.rkey.rpartition(":")[0]}
    name = record.value.get(label.Label.WIRE["name"]) if record.path.collection == _LABEL else None
    return {name} if isinstance(name, str) else frozenset()


def _parse(text: Json) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo and moment.year < _NEVER else None
    except (ValueError, OverflowError):
        return None
