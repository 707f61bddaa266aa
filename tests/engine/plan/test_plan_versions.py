"""The order of versions, as far as a new one is published together with others."""

from __future__ import annotations

import random

import pytest

from atpub.atproto.data import Json
from atpub.engine.plan.created_at import by_version

ORDERS: list[list[Json]] = [
    [
        None,
        "0.9.0",
        "0.10.0",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0",
        "1.0.1",
        "10.0.0",
    ],
    ["", "1", "1.2", "1.10", "2"],
    ["2023-12-31", "2024-01-05", "2024-01-31", "2024-11-01"],
    ["v1", "v2", "v10"],
    ["first", "second"],
    ["1.0.0+build.9", "1.0.1+build.1"],
]


@pytest.mark.parametrize("versions", ORDERS)
def test_order(versions: list[Json]) -> None:
    mixed = [*versions]
    random.Random(1).shuffle(mixed)
    assert sorted(mixed, key=by_version) == versions


def test_anything_can_be_compared() -> None:
    found: list[Json] = [None, "", "x", "1", "1x", "x1", "-", "-1", "1-", "+", "é2", "1.0.0-", 3, ["1"], "٣"]
    assert len(sorted(found, key=by_version)) == len(found)


def test_a_build_makes_no_difference() -> None:
    assert by_version("1.0.0+a") == by_version("1.0.0+b") == by_version("1.0.0")
