"""The order of records: each after those that it refers to; in writing, no blob loses its last record."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

from atpub.atproto.data import Json, blobs_in
from atpub.atproto.syntax import Cid, RecordPath
from atpub.engine.plan.model import Change, Plan

N = TypeVar("N", bound=Hashable)
Group: TypeAlias = tuple[Change, ...]
"""Changes that belong in one commit."""


def targets_first(nodes: Iterable[N], targets: Mapping[N, Sequence[N]]) -> list[N]:
    """Sort nodes so that each follows what it refers to; where references form a circle, the given order decides."""
    ordered: dict[N, None] = {}
    started: set[N] = set()
    for node in nodes:
        stack = [(node, False)]
        while stack:
            current, complete = stack.pop()
            if complete:
                ordered[current] = None
            elif current not in started:
                started.add(current)
                stack.append((current, True))
                stack.extend((target, False) for target in reversed(targets[current]))
    return list(ordered)


def references(value: Json, uris: Mapping[str, N]) -> set[N]:
    """Return which of the records with these URIs a value refers to."""
    found: set[N] = set()
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
        elif isinstance(part, str) and part in uris:
            found.add(uris[part])
    return found


def commit_order(plan: Plan) -> list[Group]:
    """Return the changes that write something, in the order of writing.

    Creates and updates come first, what refers after what it refers to; then deletes, the other way round. Where
    references leave it open, they come in the order of their paths: it is that of the inventory and of the repository's
    tree, so that a batch touches few inventory records and few nodes. What gains a blob comes before what loses it, or
    in one group with it: without a holder, the blob is lost.
    """
    pending = [change for change in plan.changes if change.writes or change.path in plan.inventory_changes]
    made = [change for change in pending if change.action != "delete"]
    gone = [change for change in pending if change.action == "delete"]
    depths = {**_depths(made), **_depths(gone[::-1])}
    made.sort(key=lambda change: (depths[change.path], change.path))
    gone.sort(key=lambda change: (depths[change.path], change.path), reverse=True)
    return [*_without_losses(made), *((change,) for change in gone)]


def _depths(changes: Sequence[Change]) -> Mapping[RecordPath, int]:
    """Return the length of each change's longest chain of references within the changes, which come targets first."""
    uris = {str(change.uri): change.path for change in changes}
    depths: dict[RecordPath, int] = {}
    for change in changes:
        before = change.before.value if change.before else None
        targets = references(before if change.after is None else change.after, uris)
        depths[change.path] = 1 + max((depths.get(target, -1) for target in targets), default=-1)
    return depths


def _without_losses(changes: Sequence[Change]) -> list[Group]:
    """Put changes that gain a blob before those that lose it; changes that exchange blobs form one group."""
    gainers: dict[Cid, list[RecordPath]] = {}
    losses: dict[RecordPath, set[Cid]] = {}
    for change in changes:
        before, after = _blobs(change.before.value if change.before else None), _blobs(change.after)
        if change.after is not None:
            losses[change.path] = before - after
            for cid in after - before:
                gainers.setdefault(cid, []).append(change.path)
    needs = {path: [item for cid in lost for item in gainers.get(cid, ())] for path, lost in losses.items()}
    if not any(needs.values()):
        return [(change,) for change in changes]
    by_path = {change.path: change for change in changes}
    for change in changes:
        pins = [reference.target for reference in change.strong_refs if reference.target in by_path]
        needs.setdefault(change.path, []).extend(pins)
    place = {path: index for index, path in enumerate(by_path)}
    return [
        tuple(by_path[path] for path in sorted(group, key=place.__getitem__)) for group in _components(by_path, needs)
    ]


def _blobs(value: Json) -> set[Cid]:
    return {blob.cid for blob in blobs_in(value)}


def _components(nodes: Iterable[N], needs: Mapping[N, Collection[N]]) -> Iterator[list[N]]:
    """Yield groups of nodes that need each other, each after the groups that it needs (Tarjan's algorithm)."""
    index: dict[N, int] = {}
    lowest: dict[N, int] = {}
    stack: dict[N, None] = {}
    for root in nodes:
        work = [] if root in index else [(root, iter(needs[root]))]
        while work:
            node, rest = work[-1]
            if node not in index:
                index[node] = lowest[node] = len(index)
                stack[node] = None
            found = next(rest, None)
            if found is None:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[node])
                if lowest[node] == index[node]:
                    yield _pop(stack, node)
            elif found not in index:
                work.append((found, iter(needs[found])))
            elif found in stack:
                lowest[node] = min(lowest[node], index[found])


def _pop(stack: dict[N, None], last: N) -> list[N]:
    group: list[N] = []
    while not group or group[-1] != last:
        group.append(stack.popitem()[0])
    return group
