from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpub.errors import InvalidInput
from atpub.problems import Problem
from atpub.shards.file_facts import FileFacts
from atpub.shards.lock import LOCK_FILE, Lock, LockedFile, StoreFacts, dump_lock, parse_lock, read_lock
from atpub.text.source import Source

A, B = "a" * 64, "b" * 64
HEADER = '{"atpub.lock": 1}\n'
LOCK = Lock(
    {"data/d-1.tar": LockedFile(10, A, 3), "card.pdf": LockedFile(0, B)},
    {"https://x.org/d.tar": A, "s3://lab/d.tar": B},
)
TEXT = f"""\
{HEADER}{{"file": "card.pdf", "size": 0, "sha256": "{B}"}}
{{"file": "data/d-1.tar", "size": 10, "sha256": "{A}", "samples": 3}}
{{"url": "https://x.org/d.tar", "sha256": "{A}"}}
{{"url": "s3://lab/d.tar", "sha256": "{B}"}}
"""


def parse(text: str) -> Lock:
    return parse_lock(Source(LOCK_FILE, text))


def test_it_is_one_line_for_each_file_and_url() -> None:
    assert dump_lock(LOCK) == TEXT
    assert parse(TEXT) == LOCK
    assert dump_lock(Lock()) == HEADER


def test_what_stores_state_comes_with_another_number() -> None:
    """An atpub that does not know these keys says that the lock is newer, in place of a fault in a line."""
    known = StoreFacts(10, 3, '"5f0-1"', "Mon, 30 Nov 2026 12:00:00 GMT")
    lock = Lock({}, LOCK.urls, {"https://x.org/d.tar": known, "s3://lab/d.tar": StoreFacts(size=7)})
    text = dump_lock(lock)
    assert text == (
        '{"atpub.lock": 2}\n'
        f'{{"url": "https://x.org/d.tar", "sha256": "{A}", "size": 10, "samples": 3, "etag": "\\"5f0-1\\"", '
        '"modified": "Mon, 30 Nov 2026 12:00:00 GMT"}\n'
        f'{{"url": "s3://lab/d.tar", "sha256": "{B}", "size": 7}}\n'
    )
    assert parse(text) == lock
    assert dump_lock(Lock({}, LOCK.urls, {"https://x.org/d.tar": StoreFacts()})).startswith(HEADER)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\n\n"),
        TEXT.rstrip("\n"),
        HEADER + "".join(reversed(TEXT.splitlines(keepends=True)[1:])),
        TEXT.replace(": ", ":").replace("{", "{ "),
    ],
)
def test_what_does_not_matter_is_not_refused(text: str) -> None:
    assert parse(text) == LOCK


def test_files_are_sorted_as_a_folder_lists_them() -> None:
    names = ["b", "B", "a/x", "a", "a.tar", "ä", "10", "9", "\udcff", "\U0001f600"]
    listed = list(parse(dump_lock(Lock({name: LockedFile(1, A) for name in names}))).files)
    assert listed == ["10", "9", "B", "a", "a.tar", "a/x", "b", "ä", "\U0001f600", "\udcff"]


def test_what_a_diff_would_not_show_is_escaped() -> None:
    text = dump_lock(Lock({'größe "1"\n\x7f\x9b\u2028\udcff.tar': LockedFile(1, A)}))
    assert r'"größe \"1\"\n\u007f\u009b\u2028\udcff.tar"' in text
    text.encode("utf-8")


digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
# What os.fsdecode can give: every character but surrogates, and single bytes that are not UTF-8.
parts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0") | st.sampled_from("\udc80\udcff{}*\\\"'"),
    min_size=1,
).filter(lambda part: part not in (".", ".."))
paths = st.lists(parts, min_size=1, max_size=3).map("/".join)
files = st.builds(LockedFile, st.integers(0, 2**53 - 1), digests, st.none() | st.integers(0, 2**53 - 1))
url_texts = st.tuples(
    st.sampled_from(["https://lab.example/", "s3://lab/", "gs://lab/"]), st.text("abc-é%2.,'\"", min_size=1)
).map("".join)
locks = st.builds(Lock, st.dictionaries(paths, files, max_size=8), st.dictionaries(url_texts, digests, max_size=8))


@pytest.mark.slow
@given(locks)
def test_reading_what_was_written_gives_the_same(lock: Lock) -> None:
    text = dump_lock(lock)
    assert parse(text) == lock
    assert dump_lock(parse(text)) == text
    assert Source(LOCK_FILE, text.encode().decode()).text == text


@pytest.mark.slow
@given(locks, st.randoms(use_true_random=False))
def test_no_order_matters(lock: Lock, order: random.Random) -> None:
    items, urls = list(lock.files.items()), list(lock.urls.items())
    order.shuffle(items)
    order.shuffle(urls)
    assert dump_lock(Lock(dict(items), dict(urls))) == dump_lock(lock)
    header, *lines = dump_lock(lock).splitlines(keepends=True) if not _breaks(lock) else [HEADER]
    order.shuffle(lines)
    assert parse("".join([header, *lines])) == (lock if not _breaks(lock) else Lock())


def _breaks(lock: Lock) -> bool:
    """Whether str.splitlines would break a line: it knows more line breaks than there are."""
    text = dump_lock(lock)
    return len(text.splitlines()) != text.count("\n")


FILE = '{"file": "d.tar", "size": 1, "sha256": "' + A + '"}'
URL = '{"url": "https://x.org/d.tar", "sha256": "' + A + '"}'

PROBLEMS = [
    ("", "lock-header", 0, 0, "begins with"),
    ("\n\n", "lock-header", 0, 0, "begins with"),
    (FILE, "lock-header", 1, 1, 'begins with the line {"atpub.lock": 1}'),
    ('\n{"atpub.lock": 0}', "lock-header", 2, 1, "begins with"),
    ('{"atpub.lock": true}', "lock-header", 1, 1, "begins with"),
    ('{"atpub.lock": 1.0}', "lock-header", 1, 1, "begins with"),
    ('{"atpub.lock": 1, "x": 1}', "lock-header", 1, 1, "begins with"),
    ('{"atpub.lock": 3}\nwhatever', "lock-header", 1, 1, "of version 3, which is newer"),
    (HEADER + "file: d.tar", "lock-syntax", 2, 1, "expecting value"),
    (HEADER + FILE[:-1], "lock-syntax", 2, len(FILE), "expecting ',' delimiter"),
    (HEADER + FILE + " x", "lock-syntax", 2, len(FILE) + 2, "extra data"),
    (HEADER + "<<<<<<< ours", "lock-syntax", 2, 1, "expecting value"),
    (HEADER + FILE.replace("1", "NaN", 1), "lock-syntax", 2, 27, "NaN"),
    (HEADER + FILE.replace("{", '{"size": 2, ', 1), "lock-syntax", 2, 30, f"first given at {LOCK_FILE}:2:2"),
    (HEADER + "[" * 100_000, "lock-syntax", 2, 1, ""),
    (HEADER + "null", "lock-entry", 2, 1, "`file` or `url`"),
    (HEADER + "[]", "lock-entry", 2, 1, "`file` or `url`"),
    (HEADER + "\n " + '{"size": 1}', "lock-entry", 3, 2, "`file` or `url`"),
    (HEADER + URL.replace("{", '{"file": "x", "size": 0, '), "lock-entry", 2, 33, "no 'url'"),
    (HEADER + FILE.replace("}", ', "mtime": 1}'), "lock-entry", 2, len(FILE) + 11, "no 'mtime'"),
    (HEADER + '{"file": "d.tar", "size": 1}', "lock-entry", 2, 1, "`sha256` is missing"),
    (HEADER + FILE.replace("1", "-1", 1), "lock-entry", 2, 27, "whole number"),
    (HEADER + FILE.replace("1", "1.0", 1), "lock-entry", 2, 27, "whole number"),
    (HEADER + FILE.replace("1", "true", 1), "lock-entry", 2, 27, "whole number"),
    (HEADER + FILE.replace("1", "9007199254740992", 1), "lock-entry", 2, 27, "whole number"),
    (HEADER + FILE.replace("}", ', "samples": null}'), "lock-entry", 2, len(FILE) + 13, "whole number"),
    (HEADER + FILE.replace(A, A.upper()), "lock-entry", 2, 40, "lower case"),
    (HEADER + FILE.replace(A, "none"), "lock-entry", 2, 40, "64 hexadecimal"),
    *(
        (HEADER + FILE.replace("d.tar", path), "lock-entry", 2, 10, "inside the manifest's folder")
        for path in ("", ".", "..", "/d.tar", "../d.tar", "a/../d", "./d.tar", "a//d.tar", "a/", r"\u0000", r"\ud800")
    ),
    (HEADER + URL.replace("https:", ""), "lock-entry", 2, 9, "not a URL"),
    (HEADER + URL.replace("d.tar", r"\ud800"), "lock-entry", 2, 9, "expected a URL"),
    (f"{HEADER}{FILE}\n\n{FILE}", "lock-duplicate", 4, 1, "d.tar is given twice: it is first given at line 2"),
    (f"{HEADER}{URL}\n{URL.replace(A, B)}", "lock-duplicate", 3, 1, "first given at line 2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "column", "message"), PROBLEMS)
def test_what_is_wrong_is_named_with_its_place(text: str, code: str, line: int, column: int, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert (problem.code, problem.place.line, problem.place.column) == (code, line, column)
    assert message in problem.message
    assert problem.hint


def test_every_problem_is_found() -> None:
    text = f"{HEADER}<<<<<<< ours\n{FILE}\n=======\n{FILE.replace(A, B)}\n>>>>>>> theirs\n{{}}\n"
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    found = [(problem.place and problem.place.line, problem.code) for problem in caught.value.problems]
    assert found == [
        (2, "lock-syntax"), (4, "lock-syntax"), (5, "lock-duplicate"), (6, "lock-syntax"), (7, "lock-entry")
    ]  # fmt: skip
    assert "merge" in caught.value.problems[0].hint


@pytest.mark.slow
@given(st.text() | st.lists(st.sampled_from([*'{}[]",:\n', "file", "url", "size", '"', FILE, URL, "1"])).map("".join))
def test_any_other_text_is_refused_politely(text: str) -> None:
    assert all(problem.place and problem.place.line > 1 and problem.hint for problem in _problems(HEADER + text))


def _problems(text: str) -> tuple[Problem, ...]:
    try:
        lock = parse(text)
    except InvalidInput as error:
        return error.problems
    assert parse(dump_lock(lock)) == lock
    return ()


def test_a_lock_is_read_beside_the_manifest(tmp_path: Path) -> None:
    assert read_lock(tmp_path) is None
    (tmp_path / LOCK_FILE).write_text(TEXT, "utf-8")
    assert read_lock(tmp_path) == LOCK
    (tmp_path / LOCK_FILE).write_bytes(b"\xff")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        read_lock(tmp_path)


def test_facts_come_back_as_they_were_measured() -> None:
    tar, plain = FileFacts(10, A, 3), FileFacts(0, B, None, "application/octet-stream")
    assert LockedFile.of(tar).facts(tar=True) == tar
    assert LockedFile.of(plain).facts(tar=False) == plain
    assert LockedFile.of(tar).facts(tar=False) == FileFacts(10, A, None, "application/x-tar")
    assert LockedFile.of(plain).facts(tar=True) is None
