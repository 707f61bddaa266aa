"""Charts: values → bars."""

from __future__ import annotations

from math import inf, isfinite, nan

from hypothesis import given
from hypothesis import strategies as st

from atpub.catalog.charts import sample_charts, shard_chart
from atpub.catalog.model import Scalar


def test_classes_are_counted_in_order() -> None:
    (chart,) = sample_charts({"cls": [2, 0, 1, 2, 2]})
    assert [(bar.label, bar.value) for bar in chart.bars] == [("0", "1"), ("1", "1"), ("2", "3")]
    assert chart.alternative == "cls: 0: 1; 1: 1; 2: 3"


def test_words_are_counted_the_most_frequent_first() -> None:
    (chart,) = sample_charts({"breed": ["siamese", "tabby", "tabby", "a breed with a very long name"]})
    assert [bar.label for bar in chart.bars] == ["tabby", "siamese", "a breed with a ve…"]


def test_numbers_make_a_histogram() -> None:
    (chart,) = sample_charts({"weight": [number / 7 for number in range(100)]})
    assert chart.ends == ("0", "14.14")
    assert sum(int(bar.value) for bar in chart.bars) == 100


def test_texts_that_differ_and_few_numbers_make_none() -> None:
    assert sample_charts({"txt": [f"text {n}" for n in range(50)], "x": [1.5, 2.5], "empty": []}) == []


def test_sizes_of_shards_are_columns_and_many_share_one() -> None:
    assert shard_chart([5]) is None
    few = shard_chart([10, 20])
    assert few is not None
    assert [bar.value for bar in few.bars] == ["10 B", "20 B"]
    many = shard_chart([*range(25_000)])
    assert many is not None
    assert len(many.bars) <= 48
    assert many.bars[-1].label.endswith("to 24999")


SCALARS = st.one_of(
    st.text(max_size=3), st.integers(), st.floats(), st.sampled_from([10**400, inf, -inf, nan, 1.7e308, -1.7e308])
)


@given(st.lists(SCALARS, max_size=40))
def test_any_values_make_bars_that_fit(values: list[Scalar]) -> None:
    for chart in sample_charts({"x": values, "n": [value for value in values if not isinstance(value, str)]}):
        for bar in chart.bars:
            assert all(isfinite(part) and part >= 0 for part in bar[:4])
            assert bar.x + bar.width <= chart.width + 0.1
            assert bar.y + bar.height <= chart.height + 0.1
