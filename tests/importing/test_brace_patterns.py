"""Brace notation that stands for exactly the URLs that it was made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpub.importing.brace_patterns import patterns_of
from atpub.shards.braces import expand_braces

NAMES = st.one_of(
    st.text("ab01289-./\\{},$", min_size=1, max_size=12),
    st.builds("{}-{:0{}d}{}".format, st.sampled_from("ab"), st.integers(0, 120), st.integers(1, 3), st.just(".tar")),
)


def run(start: int, count: int, step: int, width: int) -> list[str]:
    return [f"https://a.example/x-{start + number * step:0{width}d}.tar" for number in range(count)]


RUNS = st.builds(run, st.integers(0, 99), st.integers(1, 12), st.integers(1, 3), st.integers(1, 4))


def expanded(patterns: list[str]) -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        names = expand_braces(pattern)
        assert isinstance(names, tuple), names
        found += names
    return found


@given(st.lists(NAMES, max_size=12))
def test_any_urls_come_back_in_their_order(urls: list[str]) -> None:
    assert expanded(patterns_of(urls)) == urls


@given(st.lists(RUNS, max_size=3).map(lambda runs: [url for run in runs for url in run]))
def test_runs_of_numbers_come_back_in_their_order(urls: list[str]) -> None:
    assert expanded(patterns_of(urls)) == urls


@pytest.mark.parametrize(
    ("urls", "patterns"),
    [
        (["a-000.tar", "a-001.tar", "a-002.tar"], ["a-{000..002}.tar"]),
        (["a-8", "a-9", "a-10"], ["a-{8..10}"]),
        (["a-0", "a-2", "a-4"], ["a-{0..4..2}"]),
        (["a-3", "a-2", "a-1"], ["a-{3..1}"]),
        (["a-1", "a-3"], ["a-1", "a-3"]),
        (["train-0", "train-1", "val-0", "val-1"], ["train-{0..1}", "val-{0..1}"]),
        (["x-01-of-20", "x-02-of-20"], ["x-{01..02}-of-20"]),
        (["a-08", "a-9", "a-10"], ["a-08", "a-{9..10}"]),
        (["a", "a"], ["a", "a"]),
        (["{a}", "b\\"], [r"\{a\}", r"b\\"]),
        (["9" * 5000], ["9" * 5000]),
    ],
)
def test_patterns(urls: list[str], patterns: list[str]) -> None:
    assert patterns_of(urls) == patterns
