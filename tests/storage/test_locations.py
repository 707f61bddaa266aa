from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpub.problems import Problem
from atpub.storage.interface import Location
from atpub.storage.registry import check_locations, parse_location
from atpub.storage.urls import check_pattern

GOOD: list[tuple[str, Location]] = [
    ("https://cdn.lab.example/cats-0.tar", Location("http", "https://cdn.lab.example/cats-0.tar")),
    ("http://10.0.0.1:8080/a.tar?x=1", Location("http", "http://10.0.0.1:8080/a.tar?x=1")),
    ("https://[::1]/a.tar", Location("http", "https://[::1]/a.tar")),
    ("HTTPS://lab.example/A.tar", Location("http", "HTTPS://lab.example/A.tar")),
    (
        "https://lab.example/https://x.example/a,b.tar",
        Location("http", "https://lab.example/https://x.example/a,b.tar"),
    ),
    ("https://lab.example/?id=7", Location("http", "https://lab.example/?id=7")),
    ("https://lab.example/@me/a.tar", Location("http", "https://lab.example/@me/a.tar")),
    ("s3://lab/speech/00.tar", Location("s3", "s3://lab/speech/00.tar")),
    ("S3://lab/a#1?.tar", Location("s3", "s3://lab/a#1?.tar")),
    ("s3://lab/a@b.tar", Location("s3", "s3://lab/a@b.tar")),
    ("gs://lab/a.tar", Location("external", "gs://lab/a.tar")),
    ("hf://datasets/lab/a.tar", Location("external", "hf://datasets/lab/a.tar")),
    ("abfss://box@lab.dfs.core.windows.net/a.tar", Location("external", "abfss://box@lab.dfs.core.windows.net/a.tar")),
    ("doi:10.5281/zenodo.1", Location("external", "doi:10.5281/zenodo.1")),
    ("ark:12345/x", Location("external", "ark:12345/x")),
    ("quux://lab/a.tar", Location("external", "quux://lab/a.tar")),
    ("https://lab.example/a.tar?cols=*", Location("http", "https://lab.example/a.tar?cols=*")),
    ("https://lab.example/a.tar?design=1&keyword=2", Location("http", "https://lab.example/a.tar?design=1&keyword=2")),
    ("https://lab.example/a.tar?token=", Location("http", "https://lab.example/a.tar?token=")),
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
    ("C:/data/cats.tar", "url-scheme"),
    ("https://lab.example/a\\b.tar", "url-backslash"),
    ("localhost:8000/d.tar", "url-scheme"),
    ("lab.example:8000", "url-scheme"),
    ("htps://lab.example/d.tar", "url-scheme"),
    ("http2s://lab.example/d.tar", "url-scheme"),
    ("https://lab.example/d-*.tar", "url-wildcard"),
    ("https://lab.example/d-[0-9].tar", "url-wildcard"),
    ("https://lab.example/d-?.tar", "url-wildcard"),
    ("gs://lab/d-*.tar", "url-wildcard"),
    ("s3://lab/d-*.tar", "url-wildcard"),
    ("a.tar::b.tar", "url-joined"),
    ("https://lab.example/a.tar,https://lab.example/b.tar", "url-joined"),
    ("s3://lab/a.tar|s3://lab/b.tar", "url-joined"),
    ("https://lab.example/a.tar::https://lab.example/b.tar", "url-joined"),
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
    "https://lab.s3.amazonaws.com/a.tar?X-Amz-Security-Token=hunter2",
    "https://lab.s3.amazonaws.com/a.tar?AWSAccessKeyId=hunter2&Expires=1&Signature=hunter2%3D",
    "https://lab.blob.core.windows.net/c/a.tar?sv=2022-11-02&sp=r&sig=hunter2%3D",
    "https://d1.cloudfront.net/a.tar?Expires=1&Signature=hunter2&Key-Pair-Id=hunter2",
    "https://b.oss-x.aliyuncs.com/a.tar?x-oss-credential=hunter2&x-oss-signature=hunter2",
    "https://b.cos.ap.myqcloud.com/a.tar?q-sign-algorithm=sha1&q-ak=hunter2&q-signature=hunter2",
    *(
        f"https://lab.example/a.tar?x=1&{name}=hunter2"
        for name in (
            "token",
            "access_token",
            "private_token",
            "api_key",
            "apikey",
            "password",
            "clientSecret",
            "X%2DAmz%2DSignature",
        )
    ),
    "https://lab.example/a.tar?next=https%3A%2F%2Fx.example%2F%3Ftoken%3Dhunter2",
    "https://lab.example/a.tar?x=1&amp;token=hunter2",
    "s3://lab/a.tar?X-Amz-Signature=hunter2",
    "gs://lab/a.tar?access_token=hunter2",
    "quux://hunter2@lab/a.tar",
    "me:hunter2@lab.example/a.tar",
    "me:hunter2@lab.example:8000/a.tar",
    "data:me:hunter2@lab.example/a.tar",
    "https://me:hunter2%40lab.example/a.tar",
    "https://me:a/hunter2@lab.example/a.tar",
]


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("flaw", ["", " ", "#x"])
def test_a_secret_is_refused_and_never_repeated(text: str, flaw: str) -> None:
    problem = parse_location(text + flaw)
    assert isinstance(problem, Problem)
    assert problem.code in ("credentials-in-url", "signed-url") or flaw
    assert "hunter2" not in problem.message + problem.hint


def test_a_command_is_refused_once_and_not_repeated() -> None:
    problem = check_pattern("pipe:curl -s https://hub.example/x-{0..9}.tar -H 'Authorization:Bearer hunter2'")
    assert problem is not None
    assert (problem.code, "hunter2" in str(problem)) == ("url-scheme", False)


def test_escapes_of_braces_are_no_backslashes() -> None:
    assert check_pattern(r"https://lab.example/a\{{0..9}\}.tar") is None
    for pattern in (r"data\d-{0..9}.tar", r"\\server\share\a.tar"):
        problem = check_pattern(pattern)
        assert problem is not None
        assert (problem.code, pattern in problem.message) == ("url-backslash", True)


@pytest.mark.parametrize(
    ("text", "meant"), [("htps://x/a.tar", "https://"), ("localhost:8000/a.tar", "https://localhost:8000/a.tar")]
)
def test_hints_name_what_was_meant(text: str, meant: str) -> None:
    problem = parse_location(text)
    assert isinstance(problem, Problem)
    assert meant in problem.hint


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
