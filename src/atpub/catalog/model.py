"""A catalog: datasets with the samples that their pages show. Texts are other people's, as the records have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from atpub.published.model import DatasetView

ValueKind: TypeAlias = Literal["text", "image", "audio", "array", "bytes"]
Scalar: TypeAlias = str | int | float


@dataclass(frozen=True, slots=True)
class SampleValue:
    """A field of a sample as a page shows it: its text, and the `data:` URL of an image or of sound.

    `is_small` is an image of few pixels, which is shown enlarged.
    """

    name: str
    kind: ValueKind
    text: str
    url: str | None = None
    is_small: bool = False

    @property
    def lines(self) -> list[str]:
        """The lines of its text."""
        return self.text.split("\n")


@dataclass(frozen=True, slots=True)
class SampleView:
    """A sample of a shard as a page shows it."""

    key: str
    values: Sequence[SampleValue]


@dataclass(frozen=True, slots=True)
class SampleSet:
    """The first samples of a dataset; `columns` has the numbers and short texts of all `looked_at`, by field.

    `problem` says why there are none, or no more.
    """

    shown: Sequence[SampleView] = ()
    looked_at: int = 0
    columns: Mapping[str, Sequence[Scalar]] = field(default_factory=dict[str, Sequence[Scalar]])
    problem: str | None = None

    @property
    def has_sound(self) -> bool:
        """Whether a page shows players, which need room."""
        return any(value.kind == "audio" and value.url for sample in self.shown for value in sample.values)


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A dataset of a catalog: the address that a manifest gives it, and its samples (None: not asked for)."""

    dataset: DatasetView
    address: str | None = None
    samples: SampleSet | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """The datasets of one or more accounts, under a title."""

    title: str
    entries: Sequence[CatalogEntry]
