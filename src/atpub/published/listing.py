"""The datasets of an account, and how each stands to the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Literal, TypeAlias

from atpub.atproto.data import Json
from atpub.atproto.syntax import AtUri
from atpub.engine.plan.model import Action, Change
from atpub.generated.dev.atpub import parts as lexicon
from atpub.generated.science.alt.dataset import entry
from atpub.published.model import DatasetView, Published
from atpub.storage.parts import read_links, total

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
    live = [_describe(item, by_uri.pop(item.uri, []), has_manifest=changes is not None) for item in published.datasets]
    return live + [_describe_planned(parts) for parts in by_uri.values() if parts[0].after is not None]


def _describe(item: DatasetView, parts: Sequence[Change], *, has_manifest: bool) -> ListedDataset:
    return ListedDataset(
        item.uri,
        item.title,
        item.size.samples,
        item.size.bytes,
        item.size.shards,
        [*map(str, item.labels)],
        parts[0].address if parts else None,
        _state(parts) if parts else "not in the project" if has_manifest else None,
    )


def _describe_planned(parts: Sequence[Change]) -> ListedDataset:
    first = parts[0]
    records = [change.after for change in parts if change.after is not None]
    links = read_links(records[0])
    sizes = [_stated_size(record) for record in records]
    whole = [links.size] if isinstance(links, lexicon.Parts) and links.size else sizes
    return ListedDataset(
        first.uri,
        str(records[0].get("name", "")),
        total([stated.samples for stated in whole]),
        total([stated.bytes for stated in whole]),
        total([stated.shards for stated in sizes]),
        (),
        first.address,
        _STATES[first.action],
    )


def _stated_size(record: Mapping[str, Json]) -> entry.DatasetSize:
    size = record.get("size")
    return entry.DatasetSize.from_json(size) if isinstance(size, dict) else entry.DatasetSize()


def _state(parts: Sequence[Change]) -> State:
    """Return how the parts of a dataset stand: as the first one that is not up to date."""
    first = next((change for change in parts if _STATES[change.action] != "up to date"), parts[0])
    return _STATES[first.action]
