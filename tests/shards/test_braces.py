from __future__ import annotations

import re
import time
from os.path import commonprefix

import pytest
from braceexpand import braceexpand
from hypothesis import given
from hypothesis import strategies as st

from atpub.problems import Problem
from atpub.shards.braces import PatternTotal, expand_braces, expand_keeping_escapes, readable_pattern, unescape

EXPANDED: list[tuple[str, list[str]]] = [
    ("plain.tar", ["plain.tar"]),
    ("d-{0..2}.tar", ["d-0.tar", "d-1.tar", "d-2.tar"]),
    ("d-{08..11}", ["d-08", "d-09", "d-10", "d-11"]),
    ("{000000..000002}", ["000000", "000001", "000002"]),
    ("{1..010}", [f"{n:03d}" for n in range(1, 11)]),
    ("{0..10..5}", ["0", "5", "10"]),
    ("{3..1}", ["3", "2", "1"]),
    ("{5..5}", ["5"]),
    ("{-1..1}", ["-1", "0", "1"]),
    ("{a..e..2}", ["a", "c", "e"]),
    ("{C..A}", ["C", "B", "A"]),
    ("{train,val}.tar", ["train.tar", "val.tar"]),
    ("{a,b}{0..1}", ["a0", "a1", "b0", "b1"]),
    ("x{a,b{1..2}}", ["xa", "xb1", "xb2"]),
    ("d{,.bak}", ["d", "d.bak"]),
    ("${a,b}", ["$a", "$b"]),
    (r"\${a,b}", ["$a", "$b"]),
    (r"\{a,b\}", ["{a,b}"]),
    (r"{a\,b,c}", ["a,b", "c"]),
    (r"a\\{1..2}", ["a\\1", "a\\2"]),
    ("a,b", ["a,b"]),
    ("", []),
]


@pytest.mark.parametrize(("pattern", "expected"), EXPANDED)
def test_a_pattern_stands_for_these(pattern: str, expected: list[str]) -> None:
    assert expand_braces(pattern) == tuple(expected)


REFUSED = [
    ("a{", "brace-unbalanced", "the `{` at character 2 is never closed"),
    ("{a,b", "brace-unbalanced", "character 1"),
    ("{a{0..1}", "brace-unbalanced", "the `{` at character 1 is never closed"),
    ("a}b", "brace-unbalanced", "the `}` at character 2 was never opened"),
    (r"{a,b\}", "brace-unbalanced", "character 1"),
    ("d-{}.tar", "brace-literal", "`{}` is neither a range nor a list"),
    ("d-{000-009}.tar", "brace-literal", "`{000-009}`"),
    ("d-{0..}.tar", "brace-literal", "`{0..}`"),
    ("{0...5}", "brace-literal", "`{0...5}`"),
    ("{x,{y}}", "brace-literal", "`{y}`"),
    ("{1..{2,3}}", "brace-literal", "`{1..2}`"),
    ("{a..Z}", "brace-range", "mixes upper and lower case"),
    ("{A..z..2}", "brace-range", "`{A..z..2}`"),
    ("{0..100000}", "brace-too-many", "more than 100,000 shards"),
    ("{0..999999999999999999}", "brace-too-many", "100,000"),
    ("{1..400}{1..400}", "brace-too-many", "100,000"),
    ("{1..99}" * 20, "brace-too-many", "100,000"),
    ("{" * 100_000, "brace-depth", "deeper than 50"),
    ("{a," * 60 + "}" * 60, "brace-depth", "deeper than 50"),
]


@pytest.mark.parametrize(("pattern", "code", "message"), REFUSED)
def test_a_bad_pattern_is_a_problem(pattern: str, code: str, message: str) -> None:
    problem = expand_braces(pattern)
    assert isinstance(problem, Problem)
    assert problem.code == code
    assert message in problem.message
    assert len(problem.message) < 300
    assert problem.hint
    assert problem.place is None


def test_the_limit_is_exact_and_costs_nothing() -> None:
    assert expand_braces("{1..100000}") == tuple(map(str, range(1, 100_001)))
    assert expand_braces("{1..5}", limit=5) == tuple("12345")
    assert isinstance(expand_braces("{1..6}", limit=5), Problem)
    started = time.process_time()
    for pattern in ("{0..9999999999999}", "{1..99999}" * 1000, "x" * 2000 + "{1..99999}", "{a,b}" * 5000):
        assert isinstance(expand_braces(pattern), Problem)
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    ("patterns", "problems"),
    [
        (["{00000..99999}"] * 3, [None, None, None]),
        (["{00000..99999}"] * 4, [None, None, None, "brace-too-many"]),
        (["x" * 250 + "{00000..99999}"] * 3, [None, None, "brace-too-many"]),
        (["a"] * 3 + ["{0..", "{0..9999999}"], [None] * 5),
    ],
)
def test_many_patterns_have_a_limit_in_all(patterns: list[str], problems: list[str | None]) -> None:
    total = PatternTotal()
    found = [total.exceed([pattern]) for pattern in patterns]
    assert [problem and problem.code for problem in found] == problems


def test_escapes_are_kept_for_globs() -> None:
    assert expand_keeping_escapes(r"a\*{1..2}\{") == (r"a\*1\{", r"a\*2\{")
    assert unescape(r"a\*1\{\\") == r"a*1{" + "\\"


PARTS = st.sampled_from(
    ["{", "}", "{", "}", ",", "..", "\\", "$", "a", "c", "B", "0", "1", "09", "-2", "{1..3}", "{a,b}"]
)
PATTERNS = st.lists(PARTS, max_size=14).map("".join)


@given(PATTERNS)
def test_what_is_accepted_means_the_same_as_in_webdataset(pattern: str) -> None:
    ours = expand_braces(pattern)
    try:
        theirs = list(braceexpand(pattern))
    except ValueError:
        assert isinstance(ours, Problem)
        assert ours.code == "brace-unbalanced"
        return
    if isinstance(ours, Problem):
        # Braces left in the text by braceexpand are never what a list of shards means.
        assert ours.code == "brace-range" or any(re.search("[{}]", text) for text in theirs)
    else:
        assert list(ours) == [text for text in theirs if text]


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(0, 7), st.integers(1, 4))
def test_ranges_mean_the_same_as_in_webdataset(first: int, last: int, step: int, width: int) -> None:
    for pattern in (f"{{{first}..{last}..{step}}}", f"{{{first:0{width}d}..{last:0{width}d}}}"):
        assert expand_braces(pattern) == tuple(braceexpand(pattern))


@given(st.text())
def test_no_text_raises(pattern: str) -> None:
    assert isinstance(expand_braces(pattern), (tuple, Problem))


READABLE = [
    ["https://x/d.tar"],
    ["https://x/d-0.tar", "https://x/d-1.tar"],
    ["d-2.tar", "d-11.tar"],
    ["a-0.tar", "b-1.tar"],
    ["https://x/train/0.tar", "https://x/test/1.tar"],
    ["s3://lab/a,b/0.tar", "s3://lab/a,b/1.tar"],
    [f"d-{n:06d}.tar" for n in range(500)],
]

UNREADABLE = [
    (["d-1.tar", "d-11.tar"], "d-1.tar has nothing where the others differ, after 'd-1'"),
    (["d.tar", "d.tar"], "d.tar is listed more than once"),
    (["d-1.tar", "d-2.tar", "d-1.tar"], "d-1.tar is listed more than once"),
    (["train.tar", "train-2.tar"], "train.tar has nothing"),
    (["ab", "cd"], "neither a common start nor a common end"),
    (["d-{0}.tar"], "brace or backslash"),
    (["d\\0.tar", "d\\1.tar"], "brace or backslash"),
    (["d-1,2.tar", "d-3.tar"], "a comma"),
]


@pytest.mark.parametrize("urls", READABLE)
def test_atdata_finds_these_shards(urls: list[str]) -> None:
    assert readable_pattern(urls) is None
    assert as_atdata_reads(urls) == urls


@pytest.mark.parametrize(("urls", "reason"), UNREADABLE)
def test_atdata_does_not_find_these(urls: list[str], reason: str) -> None:
    found = readable_pattern(urls)
    assert found is not None
    assert reason in found


def as_atdata_reads(urls: list[str]) -> list[str]:
    """What atdata 0.7 does with an entry's URLs, told plainly: `_hf_api._shards_to_wds_url`, then `braceexpand`."""
    pattern = " ".join(urls)
    prefix = commonprefix(urls)  # noqa: RUF071
    suffix = commonprefix([url[::-1] for url in urls])[::-1]  # noqa: RUF071
    spare = min(map(len, urls)) - len(prefix)
    if len(suffix) > spare:
        suffix = urls[0][len(urls[0]) - spare :]
    middles = [url[len(prefix) : len(url) - len(suffix)] for url in urls]
    if len(urls) > 1 and (prefix or suffix) and all(middles):
        pattern = f"{prefix}{{{','.join(middles)}}}{suffix}"
    return list(braceexpand(pattern))


@given(st.lists(st.text("ab01,-.", min_size=1, max_size=6), min_size=1, max_size=5, unique=True), st.booleans())
def test_a_reason_is_given_exactly_where_atdata_fails(names: list[str], urls: bool) -> None:
    shards = [f"https://x/{name}.tar" for name in names] if urls else names
    assert (readable_pattern(shards) is None) == (as_atdata_reads(shards) == shards)


def test_many_urls_are_checked_fast() -> None:
    urls = [f"https://cdn.lab.example/some/folder/cats-{n:06d}.tar" for n in range(100_000)]
    started = time.process_time()
    assert readable_pattern(urls) is None
    assert time.process_time() - started < 20


@pytest.mark.slow
@given(st.from_regex(r"[a-z$,.]{0,3}\{0{0,2}[0-9]{1,2}\.\.0{0,2}[0-9]{1,2}\}[a-z$,.]{0,3}", fullmatch=True))
def test_one_range_means_what_it_means_to_webdataset(pattern: str) -> None:
    assert expand_braces(pattern) == tuple(braceexpand(pattern))
