"""Samples of tars in every dialect: `atpub.load`, `atpub inspect` and the `webdataset` package read the same ones.

Where we read others, we say why. None of them writes a file, and a hostile tar does not fill the memory.
"""

from __future__ import annotations

import io
import itertools
import tarfile
import tracemalloc
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.cli.playground import tree
from tests.shards.tars import FORMATS, Member, make_tar

from atpub.inspection.files import survey_files
from atpub.pulling.sources import chunks_of
from atpub.shards.sample_groups import NotASampleError, group_samples
from atpub.shards.survey import ShardSurvey
from atpub.shards.tar_stream import read_members

group_by_keys: Any = import_module("webdataset.tariterators").group_by_keys  # it has no types
tar_file_iterator: Any = import_module("webdataset.tariterators").tar_file_iterator

Samples = list[tuple[str, Mapping[str, bytes]]]

ORDERS: dict[str, list[Member | str]] = {
    "side by side": ["0.jpg", "0.cls", "1.jpg", "1.cls"],
    "scattered": ["0.jpg", "1.jpg", "0.cls", "1.cls"],
    "dots in names": ["a.b.c", "v1.2/0.x", "v1.2/0.y.z", "0..x", "x.", "..x", "a.b/c"],
    "leading dots": [".hidden", "./0.x", "./.1.x", "../2.x", "a/.b.x", ".d/0.x"],
    "no extension": ["README", "0.x", "LICENSE", "0.y"],
    "folders": [Member("d", kind=tarfile.DIRTYPE), "d/0.x", Member("d/e.f", kind=tarfile.DIRTYPE), "d/e.f/1.x"],
    "macOS": ["._0.x", "0.x", "d/._1.x", "d/1.x", ".DS_Store", "__MACOSX/0.x"],
    "upper case": ["0.JPG", "0.Cls", "1.jpg", "1.CLS"],
    "metadata": ["__meta__", "__index__/0.x", "__a__.x", "__b__.tar/0.x", "0.x"],
    "links": ["0.x", Member("0.y", kind=tarfile.SYMTYPE), Member("1.x", kind=tarfile.LNKTYPE), "1.y"],
    "devices": ["0.x", Member("p.x", kind=tarfile.FIFOTYPE), Member("c.x", kind=tarfile.CHRTYPE), "1.x"],
    "old file types": [Member("0.x", kind=tarfile.AREGTYPE), Member("1.x", kind=tarfile.CONTTYPE), "2.x"],
    "empty files": [Member("0.x", b""), Member("1.x", bytes(512)), Member("2.x", bytes(513))],
    "duplicates": ["0.x", "0.X"],
    "duplicates apart": ["0.x", "1.x", "0.x"],
    "NFC and NFD": [*(unicodedata.normalize(form, "é.x") for form in ("NFC", "NFD")), "猫.x", "🐈/0.x"],
    "spaces and signs": ["a b.x", "a\\b.x", "a:b.x", "-.x", "~.x", "%41.x", " .x"],
    "no sample": ["README", Member("d", kind=tarfile.DIRTYPE)],
    "nothing": [],
    "key of a webdataset": ["0.__key__", "0.x"],
    "a long name": [f"{'n' * 90}/{'m' * 90}.x", "0.x"],
}
LONG: dict[str, list[Member | str]] = {
    "very long names": [f"{'n' * 300}.x", f"{'n' * 300}.y", f"{'d/' * 200}0.x", "0.x"],
    "a fraction of a second": [Member("0.x", mtime=1.5), Member("1.x", mtime=-1)],
}


def raw(name: bytes, data: bytes = b"", **fields: Any) -> bytes:
    """Return a member with these fields in its header, however strange."""
    info = tarfile.TarInfo("0")
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT)[-512:])
    block[:100] = name.ljust(100, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data + bytes(-len(data) % 512)


def pax(records: dict[str, str], name: str = "0.x", data: bytes = b"data") -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.pax_headers = records
    return info.tobuf(tarfile.PAX_FORMAT) + data + bytes(-len(data) % 512)


def old_sparse() -> bytes:
    """Return a sparse member of the old GNU format: 1,000 zeros, then 512 bytes."""
    block = bytearray(raw(b"0.x", bytes([7]) * 512, type=tarfile.GNUTYPE_SPARSE))
    block[386:410] = b"%011o\0%011o\0" % (1000, 512)
    block[483:495] = b"%011o\0" % 1512
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block)


END = bytes(1024)
SOUND = make_tar(["0.x", "0.y", "1.x", "1.y"])
FILES = SOUND[: 8 * 512]
RAW: dict[str, bytes] = {
    "empty file": b"",
    "only zeros": bytes(10240),
    "no end": FILES,
    "one block of zeros at the end": FILES + bytes(512),
    "zeros in the middle": FILES[: 4 * 512] + END + FILES[4 * 512 :] + END,
    "one block of zeros in the middle": FILES[: 4 * 512] + bytes(512) + FILES[4 * 512 :] + END,
    "concatenated": SOUND + make_tar(["2.x"]),
    "cut off in a header": FILES[: 4 * 512 + 100],
    "cut off in data": FILES[: 5 * 512 + 2],
    "cut off in padding": FILES[: 5 * 512 + 100],
    "damaged in the middle": FILES[: 4 * 512] + b"\1" * 512 + FILES[5 * 512 :] + END,
    "damaged at the start": b"\1" * 512 + FILES[512:] + END,
    "text": b"not a tar " * 100,
    "old GNU sparse": old_sparse() + raw(b"1.x", b"a") + END,
    "pax sparse": pax({"GNU.sparse.map": "1000,4", "GNU.sparse.size": "1004", "GNU.sparse.numblocks": "1"}) + END,
    "pax size": pax({"size": "4"}, data=b"data") + raw(b"1.x", b"a") + END,
    "pax comment": pax({"comment": "é" * 5000}) + raw(b"1.x", b"a") + END,
    "global pax": make_tar(["0.x"])[:1024] + b"".join((tarfile.TarInfo.create_pax_global_header({"a": "b"}), END)),
    "bytes that are no UTF-8": raw(b"\xff.x", b"a") + raw(b"\xff.y", b"b") + END,
    "a name of 100 bytes": raw(b"n" * 98 + b".x", b"a") + END,
    "a folder of old archives": raw(b"d/", type=tarfile.AREGTYPE) + raw(b"d/0.x", b"a") + END,
    "an unknown type": raw(b"0.x", b"a", type=b"Z") + raw(b"1.x", b"b", type=b"V") + END,
    "base-256 numbers": raw(b"0.x", b"a", uid=1 << 40) + raw(b"1.x", b"b") + END,
    "a link with a size": raw(b"0.x", b"", type=tarfile.LNKTYPE) + raw(b"1.x", b"b") + END,
}

CASES: dict[str, bytes] = {
    **{
        f"{name}, {('ustar', 'GNU', 'pax')[at]}": make_tar(members, dialect)
        for (name, members), (at, dialect) in itertools.product(ORDERS.items(), enumerate(FORMATS))
    },
    **{
        f"{name}, {('GNU', 'pax')[at]}": make_tar(members, dialect)
        for (name, members), (at, dialect) in itertools.product(LONG.items(), enumerate(FORMATS[1:]))
    },
    **RAW,
}

# What we refuse, and `webdataset` reads in part without a word.
STRICTER = {"damaged in the middle", "cut off in a header"}


def theirs(content: bytes) -> tuple[Samples, Exception | None]:
    """Return the samples of the `webdataset` package, and what ended its reading."""
    found: Samples = []
    files = ({**file, "__url__": ""} for file in tar_file_iterator(io.BytesIO(content)))
    try:
        for sample in group_by_keys(files):
            found.append((sample["__key__"], {name: data for name, data in sample.items() if name[:2] != "__"}))
    except Exception as error:
        return found, error
    return found, None


def ours(path: Path) -> tuple[Samples, Exception | None]:
    """Return the bytes of our samples, and what ended the reading."""
    found: Samples = []
    members = read_members(chunks_of(path), lambda _: None)
    try:
        found.extend(group_samples((file.name, file.data) for file in members if file.data is not None))
    except (tarfile.TarError, NotASampleError) as error:
        return found, error
    return found, None


@pytest.mark.parametrize("name", CASES)
def test_readers_agree(name: str, tmp_path: Path) -> None:
    path = tmp_path / "d.tar"
    path.write_bytes(CASES[name])
    before = tree(tmp_path)
    (our_samples, our_error), (their_samples, their_error) = ours(path), theirs(CASES[name])
    (survey,) = survey_files([path], None)
    assert tree(tmp_path) == before
    if their_error is not None:
        assert our_error is not None, their_error
        assert our_samples[: len(their_samples)] == their_samples
        return
    if our_error is not None:
        assert name in STRICTER
        assert their_samples[: len(our_samples)] == our_samples
        return
    assert our_samples == their_samples
    check_survey(survey, their_samples)


def check_survey(survey: ShardSurvey, samples: Samples) -> None:
    """Assert that the survey counts these samples, or says why not."""
    codes = {problem.code for problem in survey.problems}
    counted = survey.samples == len(samples) and set(survey.fields) == {name for _, files in samples for name in files}
    assert counted or codes & {"scattered-samples", "tar-damaged", "tar-trailing", "tar-duplicate", "not-a-tar"}, codes


def header(kind: bytes, size: int) -> bytes:
    return raw(b"././@LongLink", type=kind, size=size)


def endless(*start: bytes, then: bytes) -> Iterator[bytes]:
    """Yield chunks without an end: more than a memory holds."""
    yield b"".join(start)
    yield from itertools.repeat(then)


MIB = bytes(1 << 20)
HOSTILE: dict[str, Callable[[], Iterator[bytes]]] = {
    "a long name without an end": lambda: endless(header(tarfile.GNUTYPE_LONGNAME, 1 << 32), then=MIB),
    "a pax header without an end": lambda: endless(header(tarfile.XHDTYPE, 1 << 32), then=MIB),
    "a global pax header without an end": lambda: endless(header(tarfile.XGLTYPE, 1 << 32), then=MIB),
    "pax headers without an end": lambda: endless(then=pax({"comment": "x" * 1000})[:2048]),
    "long names without an end": lambda: endless(then=header(tarfile.GNUTYPE_LONGNAME, 512) + b"a" * 512),
    "a file of a terabyte": lambda: endless(raw(b"0.x", size=1 << 40), then=MIB),
    "a sparse file of a terabyte": lambda: iter(
        [pax({"GNU.sparse.map": "0,1", "GNU.sparse.size": str(1 << 40), "GNU.sparse.numblocks": "1"}), END]
    ),
    "a sparse map without an end": lambda: endless(
        pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})[:1024],
        raw(b"0.x", size=1 << 30),
        then=b"9" * 511 + b"\n",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_tar_is_refused_in_bounded_memory(name: str) -> None:
    chunks = HOSTILE[name]()
    tracemalloc.start()
    try:
        with pytest.raises(tarfile.TarError):
            for _ in read_members(chunks, lambda _: None):
                pass
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
