"""A first manifest, for shards as other tools write them: it is applied unedited, and the second plan is empty."""

import io
import json
import pickle
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.cli.playground import Ran, tree, write_files
from tests.shards.tars import Member, make_tar

webdataset: Any = import_module("webdataset")  # it has no types
msgpack: Any = import_module("msgpack")

Run = Callable[..., Ran]
JPEG = b"\xff\xd8\xff\xe0 a picture"


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def webdataset_writer(folder: Path) -> None:
    for split, count in (("train", 5), ("val", 3)):
        with webdataset.ShardWriter(str(folder / f"{split}-%06d.tar"), maxcount=2, verbose=0) as writer:
            for number in range(count):
                writer.write(
                    {
                        "__key__": f"{split}{number:04d}",
                        "jpg": JPEG,
                        "cls": number,
                        "json": {"caption": f"no. {number}", "id": number, "author": None if number else "me"},
                        "feat.npy": np.zeros((number + 1, 8), np.float32),
                        "txt": "7" if number else "a cat",
                    }
                )


def webdataset_tar_writer(folder: Path) -> None:
    with webdataset.TarWriter(str(folder / "all.tar")) as writer:
        for number in range(3):
            writer.write({"__key__": f"a/{number}", "pyd": {"a": 1}, "npz": {"x": np.zeros(2)}, "index": number})


def img2dataset(folder: Path) -> None:
    for shard in range(2):
        members: list[Member] = []
        for number in range(3):
            key = f"{shard:05d}{number:04d}"
            facts = {
                "caption": f"a cat {number}",
                "url": f"https://example.org/{number}.jpg",
                "key": key,
                "status": "success",
                "error_message": None,
                "width": 256,
                "height": 256,
                "exif": "{}",
                "similarity": 0.25 if number else 1,
                "sha256": "0" * 64,
            }
            members += [
                Member(f"{key}.jpg", JPEG),
                Member(f"{key}.json", json.dumps(facts).encode()),
                Member(f"{key}.txt", f"a cat {number}".encode()),
            ]
        (folder / f"{shard:05d}.tar").write_bytes(make_tar(members, tarfile.GNU_FORMAT))
        (folder / f"{shard:05d}_stats.json").write_text("{}")


def gnu_tar(folder: Path) -> None:
    files = folder / "files/n01"
    files.mkdir(parents=True)
    for number in range(3):
        (files / f"{number}.jpg").write_bytes(JPEG)
        (files / f"{number}.cls").write_text(f"{number}\n")
        (files / f"{number}.seg.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    subprocess.run(["tar", "--sort=name", "-cf", folder / "set-0.tar", "-C", folder / "files", "."], check=True)
    shutil.rmtree(folder / "files")


def python_tarfile(folder: Path) -> None:
    with tarfile.open(folder / "cifar10.tar", "w") as archive:  # pax
        for number, text in enumerate(["true", "7.5", "null", "7"]):
            for name, data in ((f"ä/{number:03d}.json", text), (f"ä/{number:03d}.TXT", "ü")):
                info = tarfile.TarInfo(name)
                info.size = len(data.encode())
                archive.addfile(info, io.BytesIO(data.encode()))
    shutil.copy(folder / "cifar10.tar", folder / "cifar100.tar")


def msgpack_samples(folder: Path) -> None:
    samples: list[dict[str, Any]] = [
        {"image": npy(np.zeros((8, 8), np.uint8)), "label": 3, "score": 1, "tags": ["a"], "note": None},
        {"image": npy(np.zeros((8, 9), np.uint8)), "label": 4, "score": 0.5, "tags": [], "note": "x", "more": "y"},
    ]
    members = [Member(f"{number:06d}.msgpack", msgpack.packb(sample)) for number, sample in enumerate(samples)]
    (folder / "digits-000000.tar").write_bytes(make_tar(members))


def msgpack_of_any_types(folder: Path) -> None:
    samples: list[dict[str, Any]] = [
        {"info": {"a": 1}, "value": 1, "many": [1, "a"]},
        {"info": {}, "value": "x", "many": []},
    ]
    members = [Member(f"{number:06d}.msgpack", msgpack.packb(sample)) for number, sample in enumerate(samples)]
    (folder / "any.tar").write_bytes(make_tar(members))


def hugging_face(folder: Path) -> None:
    for split in ("train", "test"):
        (folder / split).mkdir()
        for shard in range(2):
            members = [
                member
                for number in range(2)
                for member in (Member(f"{number}.jpg", JPEG), Member(f"{number}.cls", str(number).encode()))
            ]
            (folder / split / f"{shard:05d}-of-00002.tar").write_bytes(make_tar(members))


def partial_members(folder: Path) -> None:
    """Members that some samples lack, hostile names, and a pickle."""
    members = [
        Member("0.jpg", JPEG),
        Member("0.true", b"1"),
        Member("0.a b#c", b"x"),
        Member("1.jpg", b"\x89PNG\r\n\x1a\n"),
        Member("1.json", b'{"a b": 1, "${HOME}": "x", "yes": true}'),
        Member("1.pickle", pickle.dumps({"a": 1}, 0)),
        Member("1.heat.npy", npy(np.zeros((2, 2)))),
    ]
    (folder / "odd [1]{x},y.tar").write_bytes(make_tar(members))
    (folder / "odd [2]{x},y.tar").write_bytes(make_tar(members))


PRODUCERS = [
    *(webdataset_writer, webdataset_tar_writer, img2dataset, gnu_tar, python_tarfile, msgpack_samples),
    *(msgpack_of_any_types, hugging_face, partial_members),
]


def written(folder: Path) -> Any:
    return yaml.safe_load((folder / "atpub.yaml").read_text())


@pytest.fixture
def my_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = folder / "My data (2)"
    (made / "data").mkdir(parents=True)
    monkeypatch.chdir(made)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("produce", PRODUCERS, ids=lambda produce: produce.__name__)
def test_the_first_manifest_is_applied_unedited(produce: Callable[[Path], None], my_set: Path, atpub: Run) -> None:
    produce(my_set / "data")
    made = atpub("init", "data")
    assert made.code == 0, made.err
    assert "next: atpub apply --account local --yes\n" in made.out
    applied = atpub("apply", "--account", "local", "--yes")
    assert applied.code == 0, f"{applied.err}{(my_set / 'atpub.yaml').read_text()}"
    again = atpub("plan", "--detailed-exitcode")
    assert again.code == 0, again.out


def test_the_members_of_samples_that_webdataset_wrote(my_set: Path, atpub: Run) -> None:
    webdataset_writer(my_set / "data")
    assert atpub("init", "data").code == 0
    manifest = written(my_set)
    assert manifest["project"] == "my-data-2"
    assert manifest["account"] == "local"
    (schema,) = manifest["schemas"].values()
    assert schema["nsid"] == "org.example.myData2"
    assert schema["members"] == {
        "jpg": "image/jpeg",
        "cls": "integer",
        "json": {"caption": "string", "id": "integer", "author": "string?"},
        "feat.npy": {"ndarray": {"dtype": "float32", "shape": [None, 8]}},
        "txt": "text",
    }
    assert {key: entry["blobs"] for key, entry in manifest["datasets"].items()} == {
        "train": "data/train-*.tar",
        "val": "data/val-*.tar",
    }


def test_the_fields_of_msgpack_samples(my_set: Path, atpub: Run) -> None:
    msgpack_samples(my_set / "data")
    assert atpub("init", "data").code == 0
    (schema,) = written(my_set)["schemas"].values()
    # Readers want the optional fields last, and `more` and `note` are stored first.
    assert schema["fields"] == {
        "image": {"ndarray?": {"dtype": "uint8", "shape": [8, None]}},
        "label": "integer?",
        "score": "number?",
        "tags": "[string]?",
        "note": "string?",
        "more": "string?",
    }
    assert "      # image, label, score, tags\n" in (my_set / "atpub.yaml").read_text()


def test_datasets_of_folders_and_of_names(my_set: Path, atpub: Run) -> None:
    hugging_face(my_set / "data")
    (my_set / "data/part3.tar").write_bytes(make_tar([Member("0.txt", b"a")]))
    assert atpub("init", "data").code == 0
    manifest = written(my_set)
    assert {key: (entry["schema"], entry["blobs"]) for key, entry in manifest["datasets"].items()} == {
        "part3": ("part3", "data/part3.tar"),
        "test": ("test", "data/test/*.tar"),
        "train": ("test", "data/train/*.tar"),
    }
    assert {key: entry["nsid"] for key, entry in manifest["schemas"].items()} == {
        "part3": "org.example.myData2Part3",
        "test": "org.example.myData2Test",
    }


def test_the_name_of_the_schema_and_of_the_manifest_can_be_given(my_set: Path, atpub: Run) -> None:
    gnu_tar(my_set / "data")
    made = atpub("init", "data", "--nsid", "org.lab.photo", "--out", "data/lab.yaml", "--json")
    assert made.code == 0
    assert made.json["schemas"][0]["nsid"] == "org.lab.photo"
    assert made.json["datasets"][0]["shards"] == ["set-0.tar"]
    text = (my_set / "data/lab.yaml").read_text()
    assert "change it" not in text
    assert atpub("validate", "-m", "data/lab.yaml").code == 0
    assert atpub("init", "data", "--nsid", "photo", "--out", "b.yaml").code == 64


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("big", "sha256sum data/big-*.tar > big.sha256"),
        ("my big\nproject: x", "sha256sum \"'data/my big\\nproject: x-'*.tar\" > my-big-project-x.sha256"),
    ],
)
def test_shards_that_are_too_large_for_blobs(name: str, command: str, my_set: Path, atpub: Run) -> None:
    (my_set / f"data/{name}-1.tar").write_bytes(make_tar([Member("1.jpg", JPEG)]))
    with (my_set / f"data/{name}-0.tar").open("wb") as file:
        info = tarfile.TarInfo("0.jpg")
        info.size = 512 * 110_000
        file.write(info.tobuf(tarfile.USTAR_FORMAT) + JPEG)
        file.truncate(512 * 110_003)
    (my_set / f"data/{name}.sha256").write_text("")
    made = atpub("init", "data")
    assert (made.code, "too large for blobs" in made.out) == (0, True), made.err
    text = (my_set / "atpub.yaml").read_text()
    assert "datasets" not in written(my_set)
    assert written(my_set)["project"] == "my-data-2"
    assert f"#   {command}\n" in text
    assert "for `checksums:` of datasets with `urls:`:\n  #   " in text
    assert atpub("apply", "--account", "local", "--yes").code == 0


FAILURES = {
    "nothing": (["init"], 64, "[usage]"),
    "no such file": (["init", "nowhere"], 3, "nowhere names no file"),
    "an empty folder": (["init", "empty"], 3, "empty holds no .tar file"),
    "a URL": (["init", "https://example.org/a.tar"], 3, "is a URL"),
    "a broken tar": (["init", "broken"], 3, "broken/b.tar is cut off or damaged at byte"),
    "two samples in one": (["init", "twice"], 3, "twice in one sample"),
    "no samples": (["init", "none"], 3, "[tar-empty]"),
    "a mixture": (["init", "mixed"], 3, "mixes msgpack with other members"),
    "a field that is no attribute": (
        ["init", "field"],
        3,
        "field: readers make attributes of fields, and cannot of a b",
    ),
    "data elsewhere": (["init", "good", "--out", "empty/m.yaml"], 3, "is outside of the manifest's folder"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failures_write_nothing(case: str, folder: Path, atpub: Run) -> None:
    args, code, text = FAILURES[case]
    good = {"members": {"0.txt": "a"}}
    write_files(
        folder,
        {
            "empty": {"folder": True},
            "good/a.tar": good,
            "broken/a.tar": good,
            "broken/b.tar": {"bytes": make_tar([Member("0.txt", bytes(2000))])[:1024].hex()},
            "twice/a.tar": {"bytes": make_tar([Member("0.txt"), Member("0.TXT")]).hex()},
            "none/a.tar": {"bytes": make_tar([Member("README")]).hex()},
            "field/a.tar": {"members": {"0.msgpack": "\x81\xa3a b\x07"}},
            "mixed/a.tar": {"members": {"0.msgpack": "\x81\xa1a\x07", "0.txt": "a"}},
        },
    )
    before = tree(folder)
    ran = atpub(*args)
    assert (ran.code, ran.out) == (code, "")
    assert text in ran.err
    assert tree(folder) == before


def test_a_manifest_is_never_overwritten(folder: Path, atpub: Run) -> None:
    write_files(folder, {"a.tar": {"members": {"0.txt": "a"}}, "atpub.yaml": "mine"})
    ran = atpub("init", "a.tar")
    assert (ran.code, ran.out) == (1, "")
    assert "atpub.yaml already exists [in-the-way]" in ran.err
    (folder / "dangling.yaml").symlink_to("elsewhere.yaml")
    assert atpub("init", "a.tar", "--out", "dangling.yaml").code == 1
    assert (folder / "atpub.yaml").read_text() == "mine"


def test_other_tools_words(atpub: Run) -> None:
    assert "did you mean 'init'?" in atpub("new").err
    assert "did you mean 'inspect'?" in atpub("peek").err
    assert "did you mean 'show'?" in atpub("info").err


def test_a_manifest_on_stdout(folder: Path, atpub: Run) -> None:
    write_files(folder, {"a.tar": {"members": {"0.txt": "a"}}})
    before = tree(folder)
    ran = atpub("init", "a.tar", "--out", "-")
    assert (ran.code, yaml.safe_load(ran.out)["datasets"]["a"]["blobs"]) == (0, "a.tar")
    assert tree(folder) == before


def test_a_file_whose_name_is_not_utf8(folder: Path, atpub: Run) -> None:
    write_files(folder, {"a.tar": {"members": {"0.txt": "a"}}})
    try:
        (folder / "a.tar").rename(folder / "b\udcff.tar")
    except OSError:
        pytest.skip("this file system wants UTF-8")
    ran = atpub("init", ".")
    assert (ran.code, "[not-utf8]" in ran.err) == (3, True)
    assert atpub("inspect", ".").code == 0
    assert not (folder / "atpub.yaml").exists()


def test_the_schema_for_editors_is_that_of_the_command_and_is_never_overwritten(atpub: Run, folder: Path) -> None:
    webdataset_tar_writer(folder)
    ran = atpub("init", "all.tar", "--json")
    assert (ran.code, ran.json["editor_schema"]) == (0, "atpub.schema.json")
    assert Path("atpub.yaml").read_text("utf-8").startswith("# yaml-language-server: $schema=./atpub.schema.json\n")
    assert Path("atpub.schema.json").read_text("utf-8") == atpub("manifest-schema").out
    Path("atpub.schema.json").write_text("{}", "utf-8")
    assert atpub("init", "all.tar", "--out", "other.yaml", "--json").json["editor_schema"] is None
    assert Path("atpub.schema.json").read_text("utf-8") == "{}"
    printed = atpub("init", "all.tar", "--out", "-")
    assert "yaml-language-server" not in printed.out


def test_a_manifest_that_is_in_the_way_leaves_no_schema(atpub: Run, folder: Path) -> None:
    webdataset_tar_writer(folder)
    Path("atpub.yaml").write_text("", "utf-8")
    assert atpub("init", "all.tar").code == 1
    assert not Path("atpub.schema.json").exists()
