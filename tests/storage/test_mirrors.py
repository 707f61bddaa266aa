"""Mirrors: the URLs of shards there, and those that a record names."""

import pytest

from atpub.storage.mirrors import KEY, mirror_url, read_mirrors


@pytest.mark.parametrize(
    ("folder", "url", "found"),
    [
        ("https://m.test/x", "https://a.test/y/d-0.tar", "https://m.test/x/d-0.tar"),
        ("https://m.test/x/", "https://a.test/d%201.tar?v=2", "https://m.test/x/d%201.tar"),
        ("https://m.test", "s3://bucket/y/d 1+%.tar", "https://m.test/d%201%2B%25.tar"),
        ("s3://bucket/x", "https://a.test/y/d%201%2B%25.tar", "s3://bucket/x/d 1+%.tar"),
        ("gs://bucket/x", "az://box/d-0.tar", "gs://bucket/x/d-0.tar"),
    ],
)
def test_a_mirror_has_files_of_the_same_names(folder: str, url: str, found: str) -> None:
    assert mirror_url(folder, url) == found


@pytest.mark.parametrize("value", [None, 1, {}, {KEY: 1}, {KEY: {}}, {KEY: {"urls": []}}, {KEY: {"urls": ["x y"]}}])
def test_mirrors_that_break_their_lexicon_are_none(value: object) -> None:
    assert read_mirrors(value) == ()  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
