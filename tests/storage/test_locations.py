from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpub.errors import Problem
from atpub.storage.interface import Location
from atpub.storage.registry import check_locations, parse_location

GOOD: list[tuple[str, Location]] = [
    ("https://cdn.lab.example/cats-0.tar", Location("http", "https://cdn.lab.example/cats-0.tar")),
    ("http://10.0.0.1:8080/a.tar?x=1", Location("http", "http://10.0.0.1:8080/a.tar?x=1")),
    ("https://[::1]/a.tar", Location("http", "https://[::1]/a.tar")),
    ("HTTPS://lab.example/A.tar", Location("http", "HTTPS://lab.example/A.tar")),
    ("https://lab.example/?id=7", Location("http", "https://lab.example/?id=7")),
    ("https://lab.example/@me/a.tar", Location("http", "https://lab.example/@me/a.tar")),
    ("s3://lab/speech/00.tar", Location("s3", "s3://lab/speech/00.tar")),
    ("S3://lab/a#1?.tar", Location("s3", "s3://lab/a#1?.tar")),
    ("s3://lab/a@b.tar", Location("s3", "s3://lab/a@b.tar")),
    ("gs://lab/a.tar", Location("external", "gs://lab/a.tar")),
    ("hf://datasets/lab/a.tar", Location("external", "hf://datasets/lab/a.tar")),
    ("sftp://me@lab.example/a.tar", Location("external", "sftp://me@lab.example/a.tar")),
]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_a_url_has_a_kind(text: str, expected: Location) -> None:
    assert parse_location(text) == expected


BAD = [
    ("", "url-scheme"),
    ("data/cats-0.tar", "url-scheme"),
    ("/data/cats-0.tar", "url-scheme"),
    ("C:\\data\\cats.tar", "url-scheme"),
    ("//cdn.lab.example/a.tar", "url-scheme"),
    ("file:///data/cats-0.tar", "url-scheme"),
    ("pipe:cat%20a.tar", "url-scheme"),
    ("https://lab.example/a b.tar", "url-blank"),
    ("https://lab.example/a.tar\n", "url-blank"),
    (" https://lab.example/a.tar", "url-blank"),
    ("https://lab.example/a\u00a0b.tar", "url-blank"),
    ("https://lab.example/\x00.tar", "url-blank"),
    ("s3://lab/a b.tar", "url-blank"),
    ("https:///a.tar", "url-host"),
    ("https:a.tar", "url-host"),
    ("http://:80/a.tar", "url-host"),
    ("s3:///a.tar", "url-host"),
    ("s3:lab/a.tar", "url-host"),
    ("https://lab.example:port/a.tar", "url-invalid"),
    ("https://lab.example:99999/a.tar", "url-invalid"),
    ("https://[::1/a.tar", "url-invalid"),
    ("https://lab.example", "url-path"),
    ("https://lab.example/", "url-path"),
    ("s3://lab", "url-path"),
    ("s3://lab/", "url-path"),
    ("s3://lab/folder/", "url-path"),
    ("https://lab.example/a.tar#part", "url-fragment"),
    ("gs://lab/a.tar#", "url-fragment"),
]


@pytest.mark.parametrize(("text", "code"), BAD)
def test_a_bad_url_is_a_problem(text: str, code: str) -> None:
    problem = parse_location(text)
    assert isinstance(problem, Problem)
    assert problem.code == code


SECRETS = [
    "https://me:hunter2@lab.example/a.tar",
    "https://hunter2@lab.example/a.tar",
    "https://:hunter2@lab.example/a.tar",
    "https://a@hunter2@lab.example/a.tar",
    "HTTPS://me:hunter2@lab.example/a.tar",
    "sftp://me:hunter2@lab.example/a.tar",
    "s3://KEY:hunter2@lab/a.tar",
    "https://lab.s3.amazonaws.com/a.tar?X-Amz-Date=1&X-Amz-Signature=hunter2",
    "https://storage.googleapis.com/lab/a.tar?x-goog-signature=hunter2&x=1",
]


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("flaw", ["", " ", "#x"])
def test_a_secret_is_refused_and_never_repeated(text: str, flaw: str) -> None:
    problem = parse_location(text + flaw)
    assert isinstance(problem, Problem)
    assert problem.code == "url-secret" or flaw
    assert "hunter2" not in problem.message + problem.hint


@pytest.mark.parametrize("text", ["file://me:hunter2@host/a", "https://me:hunter2@/a.tar", "https://me:hunter2@x:y/a"])
def test_other_problems_do_not_repeat_it_either(text: str) -> None:
    problem = parse_location(text)
    assert isinstance(problem, Problem)
    assert "hunter2" not in str(problem)


@given(st.text() | st.text("https3:/@#?.[]%a ", max_size=30))
def test_no_text_raises(text: str) -> None:
    shard = parse_location(text)
    if isinstance(shard, Location) and shard.kind != "s3":
        assert shard.url == text


def test_shards_of_one_dataset_are_in_one_place() -> None:
    http, other = Location("http", "https://x/a.tar"), Location("http", "http://y/b.tar")
    assert check_locations([]) == ()
    assert check_locations([http, other]) == ()
    assert check_locations([Location("s3", "s3://lab/a"), Location("s3", "s3://lab/b")]) == ()


def test_mixed_kinds_are_a_problem() -> None:
    (problem,) = check_locations(
        [Location("http", "https://x/a.tar"), Location("s3", "s3://lab/b"), Location("external", "gs://c/d")]
    )
    assert problem.code == "mixed-storage"
    assert "gs://c/d and https://x/a.tar and s3://lab/b" in problem.message
    assert problem.hint


def test_mixed_buckets_are_a_problem() -> None:
    (problem,) = check_locations([Location("s3", "s3://lab/a"), Location("s3", "s3://other/b")])
    assert (problem.code, "lab, other" in problem.message) == ("mixed-buckets", True)
