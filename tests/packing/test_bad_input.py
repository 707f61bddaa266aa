"""What pack refuses: each with the shard, the member and its offset, and before it writes anything."""

import io
import os
import socket
import tarfile
from collections.abc import Sequence
from gzip import compress
from pathlib import Path
from typing import Any

import pytest
from tests.packing.folders import msgpack, shards_in, write_samples
from tests.shards.tars import Member, make_tar

from atpub.errors import InvalidInput, Usage
from atpub.packing import sources
from atpub.packing.run import pack_files
from atpub.problems import Problem


def problems(tmp_path: Path, *paths: Path, **options: Any) -> Sequence[Problem]:
    """The problems of packing; nothing was written."""
    with pytest.raises(InvalidInput) as caught:
        pack_files([str(path) for path in paths], tmp_path / "out", name="x", **options)
    assert not (tmp_path / "out").exists() or shards_in(tmp_path / "out") == {}
    return caught.value.problems


@pytest.mark.parametrize(
    ("members", "code", "where"),
    [
        (["0.cls", Member("1.cls", kind=tarfile.SYMTYPE)], "link-member", "1.cls at byte 1,536"),
        (["0.cls", Member("1.cls", kind=tarfile.LNKTYPE)], "link-member", "1.cls at byte 1,536"),
        (["0.cls", Member("1.cls", kind=tarfile.CHRTYPE)], "special-member", "1.cls at byte 1,536"),
        (["0.cls", Member("1.cls", kind=tarfile.BLKTYPE)], "special-member", "1.cls at byte 1,536"),
        (["0.cls", Member("1.cls", kind=tarfile.FIFOTYPE)], "special-member", "1.cls at byte 1,536"),
        (["0.cls", Member("1.cls", kind=b"Q")], "special-member", "1.cls at byte 1,536"),
        (["../0.cls"], "outside-name", "../0.cls at byte 512"),
        (["a/../0.cls"], "outside-name", "a/../0.cls at byte 512"),
        (["/0.cls"], "outside-name", "/0.cls at byte 512"),
        (["0\n.cls"], "bad-name", "at byte 512"),
        (["0."], "bad-name", "0. at byte 512"),
        (["0.__key__"], "bad-name", "0.__key__ at byte 512"),
        (["0\udcff.cls"], "not-utf8", "at byte 512"),
        (["0.cls", "0.CLS"], "tar-duplicate", "0.cls at byte 1,536"),
        (["0.cls", "1.cls", "./0.cls"], "tar-duplicate", "0.cls at byte 2,560"),
        (["0.cls", "0.msgpack"], "mixed-formats", "0.cls at byte 512"),
        (["readme", ".hidden.cls"], "no-samples", "no file of a sample"),
        ([], "no-samples", "no file of a sample"),
    ],
)
def test_members_that_cannot_be_packed(members: list[Member | str], code: str, where: str, tmp_path: Path) -> None:
    file = tmp_path / "a.tar"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT, errors="surrogateescape") as archive:
        for member in members:
            item = Member(member) if isinstance(member, str) else member
            info = tarfile.TarInfo(item.name)
            info.type, info.linkname = item.kind, "0.cls"
            info.size = len(item.data) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(item.data))
    file.write_bytes(buffer.getvalue())
    (found,) = problems(tmp_path, file)
    assert (found.code, found.hint != "") == (code, True)
    assert where in found.message
    assert str(file) in found.message


def test_sparse_members(tmp_path: Path) -> None:
    info = tarfile.TarInfo("0.bin")
    info.type = tarfile.GNUTYPE_SPARSE
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    (found,) = problems(tmp_path, tmp_path / "a.tar")
    assert (found.code, found.message) == ("sparse-member", f"{tmp_path}/a.tar: 0.bin is a sparse file")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (make_tar([Member("0.cls", bytes(2000))])[:1024], "tar-damaged"),
        (compress(make_tar(["0.cls"])), "tar-compressed"),
        (b"no tar", "not-a-tar"),
        (make_tar(["0.cls"]) * 2, "tar-trailing"),
    ],
    ids=["cut off", "gzip", "text", "two tars"],
)
def test_broken_tars(content: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    assert [item.code for item in problems(tmp_path, tmp_path / "a.tar")] == [code]


def test_links_and_pipes_in_folders(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", {"0": {"cls": b"0"}})
    (folder / "1.cls").symlink_to(folder / "0.cls")
    (folder / "more").symlink_to(tmp_path)
    (folder / ".more").symlink_to(tmp_path)
    os.mkfifo(folder / "3.cls")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "4.cls"))
        found = problems(tmp_path, folder)
    assert {(Path(item.message.split(" is ")[0]).name, item.code) for item in found} == {
        *(("1.cls", "link-member"), ("more", "link-member"), ("3.cls", "special-member"), ("4.cls", "special-member"))
    }


def test_what_is_no_sample_is_left_out(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", {"0": {"cls": b"0"}, ".git/1": {"cls": b""}, "__meta__/2": {"cls": b""}})
    for name in (".DS_Store", "._0.cls", "Thumbs.db", "README"):
        (folder / name).write_bytes(b"")
    packed = pack_files([str(folder)], tmp_path / "out")
    assert [shard.samples for shard in packed.shards] == [1]
    (warning,) = packed.warnings
    assert (warning.code, warning.severity) == ("left-out", "warning")
    assert warning.message.startswith("2 files of no sample left out")


def test_tars_among_other_files(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", {"0": {"cls": b"0"}})
    (folder / "b.tar").write_bytes(make_tar(["1.cls"]))
    assert [item.code for item in problems(tmp_path, folder)] == ["mixed-sources"]


def test_a_sample_that_is_too_large(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", {"0": {"bin": bytes(512)}, "1": {"bin": bytes(513)}})
    (found,) = problems(tmp_path, folder, max_size=2048)
    assert found.code == "sample-too-large"
    assert "a/1.bin: sample '1' takes 2,560 bytes, and a shard has at most 2,048" in found.message


def test_a_sample_that_is_too_large_when_converted(tmp_path: Path) -> None:
    fields = {f"f{number}": number for number in range(9)}
    (tmp_path / "a.tar").write_bytes(make_tar([Member("0.msgpack", msgpack.packb(fields))]))
    assert [item.code for item in problems(tmp_path, tmp_path / "a.tar", max_size=4096)] == ["sample-too-large"]


def test_many_problems_are_not_all_collected(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(make_tar([f"../{number}.cls" for number in range(200)]))
    assert len(problems(tmp_path, tmp_path / "a.tar")) == 100


def test_the_number_of_files_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_FILES", 2)
    folder = write_samples(tmp_path / "a", {str(number): {"cls": b"0"} for number in range(3)})
    assert [item.code for item in problems(tmp_path, folder)] == ["too-many-files"]


@pytest.mark.parametrize("name", ["", ".x", "a/b", "..", "a\nb"])
def test_bad_names(name: str, tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", {"0": {"cls": b"0"}})
    with pytest.raises(Usage, match="cannot begin the names of shards"):
        pack_files([str(folder)], tmp_path / "out", name=name)


def test_a_name_is_asked_for_where_there_are_several(tmp_path: Path) -> None:
    folders = [write_samples(tmp_path / name, {name: {"cls": b"0"}}) for name in "ab"]
    with pytest.raises(Usage, match="the shards could be named a or b"):
        pack_files([str(folder) for folder in folders], tmp_path / "out")


def test_the_same_folder_twice(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", {"0": {"cls": b"0"}})
    assert [item.code for item in problems(tmp_path, folder, folder)] == ["tar-duplicate"]


def test_shards_do_not_go_into_their_source(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "a", {"0": {"cls": b"0"}})
    for out in (folder, folder / "shards"):
        with pytest.raises(Usage, match="is inside of"):
            pack_files([str(folder)], out)
    assert [item.name for item in folder.iterdir()] == ["0.cls"]
