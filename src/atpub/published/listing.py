"""The datasets of an account, and how each stands to the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Literal, TypeAlias

from atpub.atproto.syntax import AtUri
from atpub.engine.plan.model import Action, Change
from atpub.generated.science.alt.dataset import entry
from atpub.published.model import DatasetView, Published

State: TypeAlias = Literal["up to date", "changed", "not published", "to be removed", "not owned", "not in the project"]

_STATES: Final[Mapping[Action, State]] = {
    "unchanged": "up to date",
    "keep": "up to date",
    "update": "changed",
    "adopt": "not owned",
    "create": "not published",
    "delete": "to be removed",
    "forget": "to be removed",
}


@dataclass(frozen=True, slots=True)
class ListedDataset:
    """A dataset in a list; address and state are those of a manifest, None where there is no manifest."""

    uri: AtUri
    title: str
    samples: int | None
    bytes: int | None
    shards: int | None
    labels: Sequence[str]
    address: str | None = None
    state: State | None = None


def list_datasets(published: Published, changes: Iterable[Change] | None = None) -> list[ListedDataset]:
    """List the published datasets in the order of their creation; with the changes of a plan, those to come, too."""
    planned: dict[str, list[Change]] = {}
    for change in sorted(changes or (), key=attrgetter("part")):
        if change.path.collection == entry.NSID:
            planned.setdefault(change.address, []).append(change)
    by_uri = {parts[0].uri: parts for parts in planned.values()}
    live = [_listed(item, by_uri.pop(item.uri, []), has_manifest=changes is not None) for item in published.datasets]
    return live + [_planned(parts[0]) for parts in by_uri.values() if parts[0].after is not None]


def _listed(item: DatasetView, parts: Sequence[Change], *, has_manifest: bool) -> ListedDataset:
    return ListedDataset(
        item.uri,
        item.title,
        item.size.samples,
        item.size.bytes,
        item.size.shards,
        [" ".join(filter(None, (label.name, label.version))) for label in item.labels],
        parts[0].address if parts else None,
        _state(parts) if parts else "not in the project" if has_manifest else None,
    )


def _planned(change: Change) -> ListedDataset:
    assert change.after is not None
    size = change.after.get("size")
    stated = entry.DatasetSize.from_json(size) if isinstance(size, dict) else None
    return ListedDataset(
        change.uri,
        str(change.after.get("name", "")),
        stated.samples if stated else None,
        stated.bytes if stated else None,
        stated.shards if stated else None,
        (),
        change.address,
        _STATES[change.action],
    )


def _state(parts: Sequence[Change]) -> State:
    """Return how the parts of a dataset stand: as the first one that is not up to date."""
    first = next((change for change in parts if _STATES[change.action] != "up to date"), parts[0])
    return _STATES[first.action]
