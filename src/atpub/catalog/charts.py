"""Charts of samples and shards: values → bars, and bars → the geometry of an SVG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final, NamedTuple

from atpub.catalog.model import Scalar
from atpub.suggest import pluralize, size

_MOST_CATEGORIES: Final = 12
_MOST_CHARTS: Final = 6
_BINS: Final = 12
_FEWEST_NUMBERS: Final = 8
_MOST_COLUMNS: Final = 48
_LONGEST_LABEL: Final = 18
_WIDTH, _HEIGHT, _ROW = 320, 96, 22
_LABEL_WIDTH, _COUNT_WIDTH, _MARGIN, _LETTER = 140, 44, 12, 7


class Bar(NamedTuple):
    """A bar: its position and size in the SVG, its label, and its value in words."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart: rows with a label each, or columns with the two ends of their axis."""

    title: str
    bars: Sequence[Bar]
    width: int
    height: int
    ends: tuple[str, str] | None = None

    @property
    def alternative(self) -> str:
        """The chart in words."""
        return f"{self.title}: {'; '.join(f'{bar.label}: {bar.value}' for bar in self.bars)}"


def sample_charts(columns: Mapping[str, Sequence[Scalar]]) -> list[Chart]:
    """Return the charts of the fields that have few distinct values, or numbers."""
    charts = (_field_chart(name, values) for name, values in columns.items())
    return [chart for chart in charts if chart is not None][:_MOST_CHARTS]


def _field_chart(name: str, values: Sequence[Scalar]) -> Chart | None:
    counts = Counter(values)
    numbers = [value for value in values if not isinstance(value, str)]
    is_numeric = len(numbers) == len(values)
    if len(counts) <= _MOST_CATEGORIES and len(counts) < len(values):
        ordered = sorted(numbers) if is_numeric else [value for value, _ in counts.most_common()]
        return _rows(name, [(_shorten(str(value)), counts[value]) for value in dict.fromkeys(ordered)])
    if is_numeric and len(numbers) >= _FEWEST_NUMBERS:
        return _histogram(name, numbers)
    return None


def _histogram(name: str, numbers: Sequence[int | float]) -> Chart | None:
    try:
        finite = [value for value in map(float, numbers) if isfinite(value)]
    except OverflowError:
        return None
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    width = (high - low) / _BINS
    if not isfinite(width) or width <= 0:
        return None
    counts = Counter(min(int((value - low) / width), _BINS - 1) for value in finite)
    edges = [low + width * number for number in range(_BINS + 1)]
    bars = [(f"{edges[at]:.4g} to {edges[at + 1]:.4g}", counts[at], f"{counts[at]:,}") for at in range(_BINS)]
    return _columns(name, bars, (f"{low:.4g}", f"{high:.4g}"))


def shard_chart(sizes: Sequence[int]) -> Chart | None:
    """Return the chart of the sizes of shards in their order; of many, each column is the largest of some."""
    if len(sizes) < 2:
        return None
    step = -(-len(sizes) // _MOST_COLUMNS)
    groups = [(at, max(sizes[at : at + step])) for at in range(0, len(sizes), step)]
    last = len(sizes) - 1
    bars = [
        (f"shard {at}" if step == 1 else f"shards {at} to {min(at + step - 1, last)}", most, size(most))
        for at, most in groups
    ]
    title = f"Sizes of {pluralize(len(sizes), 'shard')}, up to {size(max(sizes))}"
    return _columns(title, bars, ("shard 0", f"shard {last:,}"))


def _rows(title: str, counts: Sequence[tuple[str, int]]) -> Chart:
    most = max(count for _, count in counts)
    start = min(_LABEL_WIDTH, _MARGIN + _LETTER * max(len(label) for label, _ in counts))
    room = _WIDTH - start - _COUNT_WIDTH
    bars = [
        Bar(start, _ROW * number, round(room * count / most, 1), _ROW - 6, label, f"{count:,}")
        for number, (label, count) in enumerate(counts)
    ]
    return Chart(title, bars, _WIDTH, _ROW * len(bars))


def _columns(title: str, values: Sequence[tuple[str, int, str]], ends: tuple[str, str]) -> Chart:
    return Chart(title, [*_column_bars(values)], _WIDTH, _HEIGHT, ends)


def _column_bars(values: Sequence[tuple[str, int, str]]) -> Iterator[Bar]:
    most = max(count for _, count, _ in values) or 1
    step = _WIDTH / len(values)
    for number, (label, count, words) in enumerate(values):
        height = round(_HEIGHT * count / most, 1)
        yield Bar(round(step * number, 2), round(_HEIGHT - height, 1), round(step * 0.86, 2), height, label, words)


def _shorten(text: str) -> str:
    return f"{text[: _LONGEST_LABEL - 1]}…" if len(text) > _LONGEST_LABEL else text
