"""The rule for files that a manifest names: regular files, inside its folder, whatever symlinks lead there."""

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from atpub.errors import InvalidInput
from atpub.manifest.files import read_documents
from atpub.manifest.load import load_valid_subset
from atpub.problems import Problem
from atpub.shards.facts import gather
from atpub.shards.lock import read_lock
from atpub.text.paths import refuse

SECRET = "SECRET=hunter2"
HEAD = "atpub: 1\nproject: lab\n"
RECORD = "records: {org.lab.x: {collection: com.atproto.lexicon.schema, value: {f: {$blob: NAME}}}}"
NAMED: Mapping[str, str] = {
    "file:": "schemas: {s: {nsid: org.lab.s, version: 1.0.0, file: link.json}}",
    "lexicons:": "lexicons: {path: lexicons}",
    "folder of lexicons:": "lexicons: {path: folder}",
    "$blob:": RECORD.replace("NAME", "link.json"),
    "$blob in a folder:": RECORD.replace("NAME", "folder/a.json"),
    "checksums:": "datasets: {d: {name: D, license: MIT, schema: s, urls: https://x.org/a.tar, checksums: link.json}}\n"
    "schemas: {s: {nsid: org.lab.s, version: 1.0.0, fields: {image: ndarray}}}",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.json").write_text(SECRET)
    folder = tmp_path / "manifest"
    (folder / "lexicons").mkdir(parents=True)
    for link in ("link.json", "lexicons/link.json"):
        (folder / link).symlink_to(outside / "a.json")
    (folder / "folder").symlink_to(outside)
    return folder


def problems(folder: Path, text: str) -> list[Problem]:
    (folder / "atpub.yaml").write_text(f"{HEAD}{text}\n")
    loaded = load_valid_subset([folder / "atpub.yaml"], environ={})
    return [*loaded.problems, *gather(loaded.manifest).problems]


@pytest.mark.parametrize("text", NAMED.values(), ids=NAMED)
def test_a_symlink_to_the_outside_is_not_read(folder: Path, text: str) -> None:
    found = [problem for problem in problems(folder, text) if problem.code == "outside-folder"]
    assert len(found) == 1
    assert found[0].place
    assert str(found[0].place).startswith(f"{folder / 'atpub.yaml'}:3:")
    assert "copy the file into the folder" in found[0].hint
    assert SECRET not in str(found)


@pytest.mark.parametrize("text", NAMED.values(), ids=NAMED)
def test_a_pipe_blocks_nothing(folder: Path, text: str) -> None:
    for name in ("link.json", "lexicons/link.json", "folder"):
        (folder / name).unlink()
    (folder / "folder").mkdir()
    for name in ("link.json", "lexicons/link.json", "folder/a.json"):
        os.mkfifo(folder / name)
    assert [problem.code for problem in problems(folder, text)][:1] == ["not-a-regular-file"]


def test_a_symlink_within_the_folder_is_read(folder: Path) -> None:
    (folder / "inner").symlink_to("lexicons")
    (folder / "lexicons/link.json").unlink()
    (folder / "lexicons/link.json").write_text("{}")
    assert refuse(folder / "inner/link.json", folder) is None


def test_a_lock_elsewhere_is_not_read(folder: Path) -> None:
    (folder / "atpub.lock").symlink_to(folder / "link.json")
    with pytest.raises(InvalidInput) as caught:
        read_lock(folder)
    assert [problem.code for problem in caught.value.problems] == ["outside-folder"]


@pytest.mark.parametrize("named", ["atpub.yaml", ""])
def test_a_manifest_that_leads_elsewhere_is_not_shown(folder: Path, named: str) -> None:
    (folder / "atpub.yaml").symlink_to("/proc/self/environ")
    with pytest.raises(InvalidInput) as caught:
        read_documents([folder / named])
    (problem,) = caught.value.problems
    assert problem.code == "outside-folder"
    assert problem.place
    assert problem.place.text == ""


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="a folder of Linux")
def test_a_manifest_in_memory_is_in_a_folder_like_others() -> None:
    """Of all in /dev, only streams may be links."""
    with TemporaryDirectory(dir="/dev/shm") as folder:
        (link := Path(folder) / "atpub.yaml").symlink_to("/proc/self/environ")
        with pytest.raises(InvalidInput) as caught:
            read_documents([link])
        assert [problem.code for problem in caught.value.problems] == ["outside-folder"]


def test_a_pipe_in_a_folder_of_manifests_blocks_nothing(folder: Path) -> None:
    os.mkfifo(folder / "a.yaml")
    with pytest.raises(InvalidInput) as caught:
        read_documents([folder])
    assert [problem.code for problem in caught.value.problems] == ["not-a-regular-file"]


LONG = "k" * 300


@pytest.mark.parametrize(
    "text",
    [
        f"lexicons: {{path: {LONG}}}",
        RECORD.replace("NAME", LONG),
        RECORD.replace("NAME", f"{LONG}/a.json"),
        f"schemas: {{s: {{nsid: org.lab.s, version: 1.0.0, file: {LONG}.json}}}}",
        *(
            "schemas: {s: {nsid: org.lab.s, version: 1.0.0, fields: {a: integer}}}\n"
            f"datasets: {{d: {{name: D, license: MIT, schema: s, {data}}}}}"
            for data in (
                f"blobs: {LONG}.tar",
                f"blobs: '{LONG}/*.tar'",
                f"blobs: 'a/{{{LONG},b}}.tar'",
                f"urls: https://x.org/a.tar, checksums: {LONG}",
            )
        ),
    ],
)
def test_a_name_that_is_too_long_has_a_place(folder: Path, text: str) -> None:
    found = [problem for problem in problems(folder, text) if LONG in problem.message or "too long" in problem.message]
    assert found
    assert all(problem.place and problem.place.line > 2 for problem in found)
