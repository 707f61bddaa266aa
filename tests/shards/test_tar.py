from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import re
import shutil
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shards.tars import FORMATS, Member, make_tar, samples_tar

from atpub.problems import Problem
from atpub.shards.headers import Member as TarMember
from atpub.shards.headers import is_header, plain_members
from atpub.shards.tar import TarFacts, read_tar

LONG = "n" * 150

COUNTED: list[tuple[list[Member | str], int, int, set[str]]] = [
    (["0.msgpack", "1.msgpack"], 2, 2, {"msgpack"}),
    (["0.jpg", "0.json", "1.jpg", "1.json"], 2, 4, {"jpg", "json"}),
    (["0.JPG", "0.json"], 1, 2, {"jpg", "json"}),
    (["a/0.x", "b/0.x"], 2, 2, {"x"}),
    (["./0.x", "./1.x"], 2, 2, {"x"}),
    (["0.seg.png", "0.txt"], 1, 2, {"seg.png", "txt"}),
    (["v1.2/0.x", "v1.2/1.x"], 2, 2, {"x"}),
    (["README", "0.x"], 1, 2, {"x"}),
    (["0.x", "README", "0.y"], 1, 3, {"x", "y"}),
    ([".hidden", "0.x"], 1, 2, {"x"}),
    (["__meta__", "__index__/0.x", "0.x"], 1, 3, {"x"}),
    ([Member("d", kind=tarfile.DIRTYPE), "d/0.x"], 1, 1, {"x"}),
    ([Member("0.x", kind=tarfile.AREGTYPE), "1.x"], 2, 2, {"x"}),
    ([f"{LONG[:90]}/{LONG[:90]}.x", "1.x"], 2, 2, {"x"}),
    (["ü.x", "猫.x"], 2, 2, {"x"}),
    ([Member("0.x", b""), Member("1.x", b"1" * 512), Member("2.x", b"1" * 513)], 3, 3, {"x"}),
]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("members", "samples", "files", "extensions"), COUNTED)
def test_samples_are_counted(
    members: list[Member | str], samples: int, files: int, extensions: set[str], format: int
) -> None:
    facts = read_tar(io.BytesIO(make_tar(members, format)), "d.tar")
    assert facts == TarFacts(samples, files, frozenset(extensions))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("members", "samples", "notes"),
    [
        (["0.x", "1.x", "0.y"], 2, (("scattered-samples", "0"),)),
        (["0.x", "1.x", "0.y", "1.y", "0.z", "2.x", "2.y"], 3, (("scattered-samples", "0"),)),
        ([Member("0.x", kind=tarfile.SYMTYPE), "1.x"], 1, (("link-member", "0.x"),)),
        (["0.x", Member("1.x", kind=tarfile.LNKTYPE)], 1, (("link-member", "1.x"),)),
        (["0.x", Member("README", kind=tarfile.SYMTYPE)], 1, ()),
    ],
)
def test_what_readers_take_otherwise_is_noted(
    members: list[Member | str], samples: int, notes: tuple[tuple[str, str], ...], format: int
) -> None:
    facts = read_tar(io.BytesIO(make_tar(members, format)), "d.tar")
    assert isinstance(facts, TarFacts)
    assert (facts.samples, facts.notes) == (samples, notes)


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_are_read_whole(format: int) -> None:
    names = [f"{LONG}-{number}.{LONG}" for number in range(3)]
    facts = read_tar(io.BytesIO(make_tar(names, format)), "d.tar")
    assert facts == TarFacts(3, 3, frozenset({LONG}))


def packed(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("0.x", content)
    return buffer.getvalue()


TAR = samples_tar(3)
LAST = TAR[: 3 * 1024]

BROKEN = [
    (gzip.compress(TAR), "tar-compressed", "d.tar is gzip-compressed: a PDS blob must be an uncompressed tar"),
    (bz2.compress(TAR), "tar-compressed", "bzip2"),
    (lzma.compress(TAR), "tar-compressed", "xz"),
    (packed(TAR), "tar-compressed", "zip"),
    (b"\x28\xb5\x2f\xfd" + bytes(600), "tar-compressed", "zstd"),
    (b"", "tar-empty", "is an empty file"),
    (bytes(10240), "tar-empty", "holds nothing"),
    (make_tar([]), "tar-empty", "holds nothing"),
    (make_tar(["README", "LICENSE"]), "tar-empty", "holds 2 files, none of a sample"),
    (make_tar([Member("d", kind=tarfile.DIRTYPE)]), "tar-empty", "holds nothing"),
    (b"hello", "not-a-tar", "is not a tar archive"),
    (b"x" * 10240, "not-a-tar", "is not a tar archive"),
    (b"\0" * 511 + b"x", "not-a-tar", "is not a tar archive"),
    (TAR[:100], "not-a-tar", "is not a tar archive"),
    (LAST, "tar-damaged", "at byte 3,072 of 3,072, after 3 files"),
    (LAST + bytes(100), "tar-damaged", "at byte 3,072 of 3,172"),
    (LAST[:-1], "tar-damaged", "at byte 3,071 of 3,071"),
    (LAST[:2200], "tar-damaged", "after 2 files"),
    (LAST[:600], "tar-damaged", "after 1 file"),
    (LAST + b"x" * 1024, "tar-damaged", "at byte 3,072 of 4,096"),
    (TAR + TAR, "tar-trailing", "goes on after the archive's end"),
    (TAR + bytes(3 << 20) + b"x", "tar-trailing", "goes on after the archive's end"),
    (make_tar(["0.x", "0.x"]), "tar-duplicate", "has '0.x' twice in one sample"),
    (make_tar(["0.jpg", "0.JPG"]), "tar-duplicate", "'0.JPG' twice"),
    (make_tar([f"{LONG}.x", "1.x"], tarfile.PAX_FORMAT)[:700], "tar-damaged", "cut off"),
    (make_tar(["0.x", f"{LONG}.x"], tarfile.GNU_FORMAT)[:1600], "tar-damaged", "after 1 file"),
]


@pytest.mark.parametrize(("content", "code", "message"), BROKEN)
def test_what_readers_cannot_use_is_a_problem(content: bytes, code: str, message: str) -> None:
    problem = read_tar(io.BytesIO(content), "d.tar")
    assert isinstance(problem, Problem)
    assert (problem.code, message in problem.message) == (code, True), problem.message
    assert problem.hint


def test_one_block_of_zeros_is_an_end() -> None:
    assert read_tar(io.BytesIO(LAST + bytes(512)), "d.tar") == TarFacts(3, 3, frozenset({"msgpack"}))


def oracle(content: bytes) -> list[str]:
    """The keys of the samples, by `tarfile` and the rule of WebDataset's documentation."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        names = [member.name for member in archive.getmembers() if member.isreg()]
    keys = [re.match(r"^((?:.*/|)[^.]+)[.]([^/]*)$", name) for name in names if not re.match(r"__[^/]*__($|/)", name)]
    return [key for key, _ in itertools.groupby(found[1] for found in keys if found)]


SEGMENTS = st.text("ab._é", min_size=1, max_size=4) | st.sampled_from([LONG, LONG[:99], "__m__"])
NAMES = st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join)
KINDS = st.sampled_from([tarfile.REGTYPE] * 6 + [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE])
SIZES = st.sampled_from([0, 1, 511, 512, 513, 3000])
MEMBERS = st.builds(Member, NAMES, SIZES.map(lambda size: b"d" * size), KINDS, st.sampled_from([0, 1.5, 2**33]))
SHARDS = st.tuples(st.lists(MEMBERS, max_size=8), st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))


@pytest.mark.slow
@given(SHARDS)
def test_counts_are_those_of_tarfile(shard: tuple[list[Member], int]) -> None:
    content = make_tar(*shard)
    facts = read_tar(io.BytesIO(content), "d.tar")
    if isinstance(facts, TarFacts):
        assert facts.samples == len(set(oracle(content)))
        apart = len(oracle(content)) > facts.samples
        assert apart == any(note.code == "scattered-samples" for note in facts.notes)
    else:
        assert facts.code in ("tar-duplicate", "tar-empty")
        assert facts.code == "tar-duplicate" or not oracle(content)


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"Q"])
def test_special_members_are_visited_and_not_counted(kind: bytes) -> None:
    content = make_tar(["0.x", Member("1.x", kind=kind), Member("d", kind=tarfile.DIRTYPE), "0.y"])
    seen: list[TarMember] = []
    facts = read_tar(io.BytesIO(content), "a.tar", seen.append)
    assert isinstance(facts, TarFacts)
    assert (facts.samples, facts.files) == (1, 2)
    assert [(item.name, item.is_special) for item in seen] == [("0.x", False), ("1.x", True), ("0.y", False)]


@pytest.mark.slow
@given(SHARDS)
def test_plain_members_are_those_of_tarfile(shard: tuple[list[Member], int]) -> None:
    content = make_tar(*shard)
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        members = archive.getmembers()
    found: list[TarMember] = []
    plain = plain_members(io.BytesIO(content))
    try:
        while True:
            found.append(next(plain))
    except StopIteration as end:
        stopped: int = end.value
    before = [member for member in members if member.offset < stopped]
    assert [(item.name, item.is_link) for item in found] == [
        (member.name, not member.isreg()) for member in before if not member.isdir()
    ]
    files = [member for member in before if member.isreg()]
    regular = [(item.start, item.size) for item in found if not item.is_link]
    assert regular == [(member.offset_data, member.size) for member in files]
    assert stopped in [member.offset for member in members] or len(before) == len(members)


@pytest.mark.slow
@given(SHARDS, st.data())
def test_damage_never_raises_and_is_never_missed_by_a_cut(shard: tuple[list[Member], int], data: st.DataObject) -> None:
    content = make_tar(*shard)
    changes = data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=4))
    spoiled = bytearray(content)
    for place, byte in changes:
        spoiled[place] = byte
    assert isinstance(read_tar(io.BytesIO(spoiled), "d.tar"), (TarFacts, Problem))
    end = len(content.rstrip(b"\0"))
    cut = data.draw(st.integers(0, end))
    assert isinstance(read_tar(io.BytesIO(content[:cut]), "d.tar"), Problem)


@given(st.binary(max_size=2000))
def test_no_bytes_raise(content: bytes) -> None:
    assert isinstance(read_tar(io.BytesIO(content), "d.tar"), Problem)


def test_a_negative_size_is_damage_not_an_endless_loop() -> None:
    # CVE-2025-8194: older `tarfile`s go back and forth for ever.
    info = tarfile.TarInfo("0.x")
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    for size in (-512, -1024, -(1 << 40)):
        block[124:136] = b"\xff" + (256**11 + size).to_bytes(11, "big")
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        problem = read_tar(io.BytesIO(make_tar(["a.x"])[:1024] + bytes(block) + bytes(1024)), "d.tar")
        assert isinstance(problem, Problem)
        assert problem.code == "tar-damaged"


def test_is_header_knows_a_checksum() -> None:
    assert is_header(TAR[:512])
    assert not is_header(TAR[:511])
    assert not is_header(b"x" + TAR[1:512])
    assert not is_header(bytes(512))
    high = tarfile.TarInfo("\udcff" * 150 + "/" + "\udcff" * 98)  # its bytes add up to more than 65,521
    assert is_header(high.tobuf(tarfile.USTAR_FORMAT, "ascii", "surrogateescape"))


@pytest.mark.skipif(not shutil.which("tar"), reason="needs tar")
@pytest.mark.parametrize("format", ["ustar", "gnu", "pax", "v7", "oldgnu"])
def test_what_the_real_tar_writes_is_read(tmp_path: Path, format: str) -> None:
    folder = tmp_path / "train"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(b"j" * number * 300)
        (folder / f"{number}.json").write_text("{}")
    shard = tmp_path / "d.tar"
    subprocess.run(["tar", "--sort=name", f"--format={format}", "-cf", shard, "train"], cwd=tmp_path, check=True)
    with shard.open("rb") as stream:
        assert read_tar(stream, "d.tar") == TarFacts(5, 10, frozenset({"jpg", "json"}))


def test_only_headers_are_read(tmp_path: Path) -> None:
    shard = tmp_path / "d.tar"
    with shard.open("wb") as stream:
        for number in range(3):
            info = tarfile.TarInfo(f"{number}.x")
            info.size = 4 << 30
            stream.write(info.tobuf(tarfile.USTAR_FORMAT))
            stream.seek(info.size, io.SEEK_CUR)  # 12 GiB of holes
        stream.write(bytes(1024))
    started = time.process_time()
    with shard.open("rb") as stream:
        assert read_tar(stream, "d.tar") == TarFacts(3, 3, frozenset({"x"}))
    assert time.process_time() - started < 5


def test_extensions_are_bounded() -> None:
    facts = read_tar(io.BytesIO(make_tar([f"{number}.{number}" for number in range(300)])), "d.tar")
    assert isinstance(facts, TarFacts)
    assert (facts.samples, len(facts.extensions)) == (300, 100)
