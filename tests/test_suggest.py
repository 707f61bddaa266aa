from __future__ import annotations

import pytest

from atpub.suggest import duration, suggest

SECTIONS = ("datasets", "schemas", "labels", "lenses", "records", "createdAt")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("dataset", "did you mean 'datasets'?"),
        ("Datasets", "did you mean 'datasets'?"),
        ("lables", "did you mean 'labels'?"),
        ("created_at", "did you mean 'createdAt'?"),
        ("createdat", "did you mean 'createdAt'?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_a_close_word_is_suggested(word: str, expected: str) -> None:
    assert suggest(word, SECTIONS) == expected


def test_nothing_to_choose_from() -> None:
    assert suggest("datasets", ()) == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (12_000, "3 h 20 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
