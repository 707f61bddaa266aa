"""The fields of a record that was modified outside the project: as last applied, as live, and as the manifest wants it.

An inventory has only the CID of what was applied. The value comes from a store of applied records; where no store has
it, the comparison is of the live and the wanted values alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal, TypeAlias, cast

from atpub.atproto.data import Json, JsonObject, encode
from atpub.atproto.lexicon.json_node import step
from atpub.atproto.syntax import Cid
from atpub.engine.plan.model import Change, Plan

Side: TypeAlias = Literal["applied", "live", "wanted"]
Sides: TypeAlias = Mapping[Side, Json]

_SCHEMA = "science.alt.dataset.schema"
_COPY = "schema.content."


@dataclass(frozen=True, slots=True)
class FieldEdit:
    """A field that is not the same on all sides; a side that lacks the field is not in `sides`."""

    path: str
    sides: Sides

    def to_json(self) -> JsonObject:
        """Return the path and the value of each side that has the field."""
        return {"path": self.path, **{str(side): value for side, value in self.sides.items()}}


def with_applied_values(plan: Plan, find: Callable[[Cid], JsonObject | None]) -> Plan:
    """Return the plan whose drift has the values that were applied, as far as `find` knows them by their CIDs."""
    if not plan.drifted:
        return plan
    return replace(plan, changes=tuple(_add_applied(change, find) for change in plan.changes))


def live_as_applied(plan: Plan) -> Iterator[tuple[Cid, JsonObject]]:
    """Yield the project's records that are live as it applied them, with their CIDs.

    So are those that an apply of the plan only lists: adopted ones, and edits that the manifest has taken over.
    """
    owned = plan.inventory.owned
    for change in plan.changes:
        is_listed = change.action == "adopt" or change.path in owned
        applied = owned[change.path].cid if change.path in owned else None
        if change.before and is_listed and change.before.cid in (applied, change.after_cid):
            yield change.before.cid, change.before.value


def _add_applied(change: Change, find: Callable[[Cid], JsonObject | None]) -> Change:
    if change.drift is None:
        return change
    return replace(change, drift=replace(change.drift, value=find(change.drift.applied)))


def drift_fields(change: Change) -> tuple[FieldEdit, ...]:
    """Return the fields of a drifted record that differ between the known sides; none where the record was deleted.

    A record that is to be deleted or left alone has no wanted side. A sample's schema, which its record holds twice, is
    compared once.
    """
    if change.drift is None or change.before is None:
        return ()
    values: dict[Side, JsonObject | None] = {
        "applied": change.drift.value,
        "live": change.before.value,
        "wanted": change.after,
    }
    found = tuple(compare({side: value for side, value in values.items() if value is not None}))
    if change.path.collection != _SCHEMA:
        return found
    sides = {item.path: item.sides for item in found}
    return tuple(item for item in found if not _repeats(item, sides))


def _repeats(item: FieldEdit, sides: Mapping[str, Sides]) -> bool:
    """Return whether the field is the copy of one that differs likewise."""
    rest = item.path.removeprefix(_COPY)
    return rest != item.path and sides.get(f"schema.{rest}") == item.sides


def compare(sides: Sides) -> Iterator[FieldEdit]:
    """Yield the fields that differ between two or three values, in the order in which the sides first have them."""
    yield from _compare(sides, len(sides), "")


def _compare(sides: Sides, count: int, path: str) -> Iterator[FieldEdit]:
    """Yield the differences at a path and below it, of which there should be `count` sides."""
    if len(sides) == count and len({encode(value) for value in sides.values()}) < 2:
        return
    if len(sides) == count and all(isinstance(value, dict) for value in sides.values()):
        objects = cast("Mapping[Side, JsonObject]", sides)
        for key in dict.fromkeys(key for value in objects.values() for key in value):
            inner = f"{path}{step(key)}" if path else step(key).removeprefix(".")
            yield from _compare({side: value[key] for side, value in objects.items() if key in value}, count, inner)
    elif len(sides) == count and all(isinstance(value, list) for value in sides.values()):
        yield from _compare_lists(cast("Mapping[Side, list[Json]]", sides), count, path)
    else:
        yield FieldEdit(path, sides)


def _compare_lists(lists: Mapping[Side, list[Json]], count: int, path: str) -> Iterator[FieldEdit]:
    """Yield the differences between lists, without the items that all of them begin or end with."""
    start = _common(lists)
    rests: dict[Side, list[Json]] = {side: items[start:] for side, items in lists.items()}
    same_length = len({*map(len, rests.values())}) == 1
    end = 0 if same_length else _common(_reverse(rests))
    middles: dict[Side, list[Json]] = {side: items[: len(items) - end] for side, items in rests.items()}
    for index in range(max(map(len, middles.values()))):
        sides: dict[Side, Json] = {side: items[index] for side, items in middles.items() if index < len(items)}
        yield from _compare(sides, count, f"{path}[{start + index}]")


def _reverse(lists: Mapping[Side, list[Json]]) -> Mapping[Side, list[Json]]:
    return {side: items[::-1] for side, items in lists.items()}


def _common(lists: Mapping[Side, list[Json]]) -> int:
    """Return the number of items that all lists begin with."""
    rows = zip(*lists.values(), strict=False)
    return sum(1 for _ in takewhile(lambda row: len({*map(encode, row)}) == 1, rows))
