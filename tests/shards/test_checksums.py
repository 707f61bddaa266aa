from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpub.problems import Place
from atpub.shards.checksums import join_checksums, match_checksums, parse_checksums
from atpub.storage.interface import parse_sha256

A, B, C = (hashlib.sha256(letter).hexdigest() for letter in (b"a", b"b", b"c"))

LINES: list[tuple[str, dict[str, str]]] = [
    (f"{A}  cats.tar", {"cats.tar": A}),
    (f"{A} *cats.tar", {"cats.tar": A}),
    (f"{A} cats.tar", {"cats.tar": A}),
    (f"{A}\tcats.tar", {"cats.tar": A}),
    (f"{A.upper()}  cats.tar", {"cats.tar": A}),
    (f"{A}  my cats (1).tar", {"my cats (1).tar": A}),
    (f"{A}   leading.tar", {" leading.tar": A}),
    (f"{A}  ends in blank ", {"ends in blank ": A}),
    (f"\\{A}  a\\nb\\\\c\\rd.tar", {"a\nb\\c\rd.tar": A}),
    (f"{A}  back\\slash.tar", {"back\\slash.tar": A}),
    (f"SHA256 (cats.tar) = {A}", {"cats.tar": A}),
    (f"SHA256 (cats (1).tar) = {A}", {"cats (1).tar": A}),
    (f"\\SHA256 (a\\nb) = {A}", {"a\nb": A}),
    (f"SHA2-256(cats.tar)= {A}", {"cats.tar": A}),
    (f"{A}  a.tar\r\n{B}  b.tar\r\n", {"a.tar": A, "b.tar": B}),
    (f"\ufeff# made by hand\n\n  \n{A}  a.tar\n", {"a.tar": A}),
    (f"{A}  a.tar\n{A}  a.tar\n", {"a.tar": A}),
    (f"{A}  a\x0bb\u2028c.tar", {"a\x0bb\u2028c.tar": A}),
    ("", {}),
]


@pytest.mark.parametrize(("text", "expected"), LINES)
def test_lines_are_read(text: str, expected: dict[str, str]) -> None:
    parsed = parse_checksums(text, "cats.sha256")
    assert parsed.digests == expected
    assert parsed.problems == ()


@pytest.mark.parametrize("file", ["x/d-0.tar.sha256", "x\\d-0.tar.SHA256", "d-0.tar.sha256sum"])
@pytest.mark.parametrize("text", [A, f"{A.upper()}\n", f"\ufeff{A}  \r\n"])
def test_a_digest_without_a_name_is_that_of_the_shard_beside(file: str, text: str) -> None:
    parsed = parse_checksums(text, file)
    assert (parsed.digests, parsed.problems) == ({"d-0.tar": A}, ())


@pytest.mark.parametrize("file", ["sha256", ".sha256", "d-0.tar", "SHA256SUMS"])
def test_a_digest_without_a_name_in_a_file_of_another_name_is_no_line(file: str) -> None:
    (problem,) = parse_checksums(A, file).problems
    assert problem.code == "checksum-line"


BAD = [
    ("cats.tar", "checksum-line", "not a line", 1),
    (f"{A}", "checksum-line", "not a line", 1),
    (f"{A}  ", "checksum-line", "not a line", 1),
    ("none  cats.tar", "checksum-digest", "'none' is no SHA-256", 1),
    (f"{A[:63]}  cats.tar", "checksum-digest", "no SHA-256", 1),
    (f"{A}0  cats.tar", "checksum-digest", "no SHA-256", 1),
    (f"{A[:32]}  cats.tar", "checksum-digest", "this is MD5", 1),
    (f"{A}{A}  cats.tar", "checksum-digest", "this is SHA-512", 1),
    (f"MD5 (cats.tar) = {A[:32]}", "checksum-digest", "this is MD5", 18),
    (f"SHA512/256 (cats.tar) = {A}", "checksum-digest", "this is SHA512/256", 25),
    (f"SHA256 (cats.tar) = {A[:9]}", "checksum-digest", "no SHA-256", 21),
    (f"\\{A}  a\\tb", "checksum-line", "bad escape", 1),
    (f"\\{A}  a\\", "checksum-line", "bad escape", 1),
]


@pytest.mark.parametrize(("line", "code", "message", "column"), BAD)
def test_a_bad_line_is_a_problem_at_its_place(line: str, code: str, message: str, column: int) -> None:
    parsed = parse_checksums(f"{B}  fine.tar\r\n{line}\r\n{C}  also.tar", "cats.sha256")
    assert parsed.digests == {"fine.tar": B, "also.tar": C}
    (problem,) = parsed.problems
    assert problem.code == code
    assert message in problem.message
    assert problem.place == Place("cats.sha256", 2, column, line)
    assert problem.hint


def test_every_bad_line_is_reported() -> None:
    parsed = parse_checksums("x\ny\nz  a\n", "f")
    assert [problem.place.line for problem in parsed.problems if problem.place] == [1, 2, 3]


def test_two_digests_of_one_name_conflict() -> None:
    parsed = parse_checksums(f"{A}  a.tar\n{B}  a.tar\n", "f")
    (problem,) = parsed.problems
    assert (problem.code, problem.place and problem.place.line) == ("checksum-conflict", 2)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    parse_checksums(text, "f")


@given(st.dictionaries(st.text(min_size=1).filter(lambda name: "\0" not in name), st.binary(), max_size=5))
def test_what_sha256sum_writes_is_read_back(files: dict[str, bytes]) -> None:
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    plain = "".join(gnu_line(name, digest) for name, digest in digests.items())
    assert parse_checksums(plain, "f").digests == digests
    tagged = "".join(tagged_line(name, digest) for name, digest in digests.items())
    assert parse_checksums(tagged, "f").digests == digests


def escaped(name: str) -> tuple[str, str]:
    shown = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return ("\\" if shown != name else ""), shown


def gnu_line(name: str, digest: str) -> str:
    mark, shown = escaped(name)
    return f"{mark}{digest}  {shown}\n"


def tagged_line(name: str, digest: str) -> str:
    mark, shown = escaped(name)
    return f"{mark}SHA256 ({shown}) = {digest}\n"


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs coreutils")
@pytest.mark.parametrize("option", ["--text", "--binary", "--tag"])
def test_the_real_sha256sum_is_understood(tmp_path: Path, option: str) -> None:
    names = ["cats-0.tar", "with blank.tar", "back\\slash.tar", "new\nline.tar", "ünïcode.tar"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    run = subprocess.run(["sha256sum", option, *names], cwd=tmp_path, capture_output=True, check=True)
    parsed = parse_checksums(run.stdout.decode(), "f")
    assert parsed.digests == {name: hashlib.sha256(name.encode()).hexdigest() for name in names}


def test_a_digest_has_64_hexadecimal_digits() -> None:
    assert parse_sha256(A.upper()) == A
    for bad in ("", "none", A[:-1], A + "0", f" {A}", f"{A}\n", "g" * 64, "٠" * 64):
        assert parse_sha256(bad) is None


CDN = "https://cdn.lab.example/v1/train"

MATCHES = [
    # the shard's own name
    (["a.tar"], {"a.tar": A}, [A]),
    ([f"{CDN}/a.tar"], {f"{CDN}/a.tar": A, "a.tar": B}, [A]),
    # the end of its path, the longest first
    ([f"{CDN}/a.tar"], {"a.tar": A}, [A]),
    ([f"{CDN}/a.tar"], {"a.tar": B, "train/a.tar": A}, [A]),
    ([f"{CDN}/a.tar"], {"./train/a.tar": A}, [A]),
    ([f"{CDN}/a.tar?download=1"], {"a.tar": A}, [A]),
    ([f"{CDN}/my%20cats.tar"], {"my cats.tar": A}, [A]),
    ([f"{CDN}/my%20cats.tar"], {"my%20cats.tar": A}, [A]),
    (["s3://lab/speech/0.tar"], {"speech/0.tar": A}, [A]),
    (["s3://lab/speech/0?.tar"], {"0?.tar": A}, [A]),
    (["x/train/0.tar", "x/test/0.tar"], {"train/0.tar": A, "test/0.tar": B}, [A, B]),
    # the last segment
    ([f"{CDN}/a.tar"], {"/home/me/build/a.tar": A}, [A]),
    ([f"{CDN}/a.tar"], {"https://mirror.example/a.tar": A}, [A]),
    # several names, one digest
    ([f"{CDN}/a.tar"], {"x/a.tar": A, "y/a.tar": A}, [A]),
    # the same shard twice is no doubt
    (["a.tar", "a.tar"], {"x/a.tar": A}, [A]),
]


@pytest.mark.parametrize(("shards", "digests", "expected"), MATCHES)
def test_a_shard_finds_its_digest(shards: list[str], digests: dict[str, str], expected: list[str]) -> None:
    matched = match_checksums(shards, digests)
    assert matched.problems == ()
    assert list(matched.digests.values()) == expected


UNSURE = [
    ([f"{CDN}/a.tar"], {"x/a.tar": A, "y/a.tar": B}, "'x/a.tar' and 'y/a.tar' both fit"),
    (["x/train/0.tar", "x/test/0.tar"], {"0.tar": A}, "'0.tar' fits 2 shards"),
    (["./a.tar"], {"a.tar": A, "/a.tar": B}, "both fit"),
]


@pytest.mark.parametrize(("shards", "digests", "why"), UNSURE)
def test_doubt_is_a_problem(shards: list[str], digests: dict[str, str], why: str) -> None:
    matched = match_checksums(shards, digests)
    assert matched.digests == {}
    assert set(matched.ambiguous) == set(shards)
    assert all(problem.code == "checksum-ambiguous" and why in problem.message for problem in matched.problems)


def test_all_missing_shards_are_named() -> None:
    shards = [f"{CDN}/{n}.tar" for n in range(8)]
    matched = match_checksums(shards, {"0.tar": A, "unrelated.tar": B})
    assert matched.digests == {shards[0]: A}
    assert matched.missing == tuple(shards[1:])
    (problem,) = matched.problems
    assert problem.code == "checksum-missing"
    assert problem.message.startswith("7 of 8 shards have no checksum")
    assert shards[1] in problem.message


@pytest.mark.slow
@given(
    st.lists(st.text("ab/.:?%20s", max_size=8)), st.dictionaries(st.text("ab/.:s", max_size=8), st.sampled_from([A, B]))
)
def test_every_shard_is_accounted_for_once(shards: list[str], digests: dict[str, str]) -> None:
    matched = match_checksums(shards, digests)
    assert sorted([*matched.digests, *matched.missing, *matched.ambiguous]) == sorted(set(shards))
    assert all(matched.digests[shard] == digests[shard] for shard in shards if shard in digests)


@pytest.mark.parametrize("name", [r".\out\d-0.tar", "d-0.tar ", "D-0.TAR", "d_0.tar"])
def test_a_name_that_nearly_matches_is_suggested(name: str) -> None:
    (problem,) = match_checksums(["https://cdn.lab.example/d-0.tar"], {name: "a" * 64}).problems
    assert f"a checksum of '{name}'" in problem.hint


def test_the_name_of_another_shard_is_not_suggested() -> None:
    shards = [f"https://cdn.lab.example/{name}.tar" for name in ("a", "b")]
    (problem,) = match_checksums(shards, {"a.tra": "a" * 64, "b.tar": "b" * 64}).problems
    assert "a checksum of 'a.tra'" in problem.hint


@pytest.mark.parametrize("shard", ["data/a\u0308-0.tar", "https://x.org/%C3%A4-0.tar", "https://x.org/a%CC%88-0.tar"])
@pytest.mark.parametrize("name", ["a\u0308-0.tar", "\u00e4-0.tar"])
def test_composed_and_decomposed_letters_match(shard: str, name: str) -> None:
    assert match_checksums([shard], {name: "a" * 64}).digests == {shard: "a" * 64}


def test_checksum_files_are_joined() -> None:
    files = [parse_checksums(f"{letter * 64}  d-{number}.tar\n", "x") for letter, number in ("a0", "b1", "a0")]
    joined = join_checksums(files)
    assert (dict(joined.digests), joined.problems) == ({"d-0.tar": "a" * 64, "d-1.tar": "b" * 64}, ())
    (problem,) = join_checksums([*files, parse_checksums(f"{'c' * 64}  d-0.tar", "y")]).problems
    assert problem.code == "checksum-conflict"
