"""From a manifest to samples: the URI that `atpub apply` prints is what `atpub.load` reads."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.shards.tars import Member, make_tar

import atpub
from atpub.cli.main import run
from atpub.errors import InvalidArgument, RepositoryError, RepositoryNotFound

MANIFEST = """\
atpub: 1
project: lab
account: local
schemas:
  photo:
    nsid: org.lab.photo
    version: 1.0.0
    members: {jpg: image/jpeg, cls: integer, json: {caption: string}, feat.npy: ndarray, txt: "text?"}
datasets:
  photos: {schema: photo, name: Photos, blobs: "data/*.tar"}
"""


def npy(*values: float) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array(values))
    return stream.getvalue()


def photo(key: str, number: int) -> list[Member]:
    files = {
        "cls": str(number).encode(),
        "feat.npy": npy(number, 0.5),
        "jpg": b"\xff\xd8\xff" + bytes([number]),
        "json": json.dumps({"caption": f"No. {number}"}).encode(),
    }
    return [Member(f"{key}.{extension}", data) for extension, data in files.items()]


@pytest.fixture
def uri(capsys: pytest.CaptureFixture[str]) -> str:
    """The URI that applying a manifest prints, in the folder of which the test runs."""
    Path("data").mkdir()
    for shard in range(2):
        numbers = range(3 * shard, 3 * shard + 3)
        members = [member for number in numbers for member in photo(f"a/{number:04}", number)]
        Path(f"data/photos-{shard}.tar").write_bytes(make_tar(members))
    Path("atpub.yaml").write_text(MANIFEST)
    assert run(["apply", "--yes"]) == 0
    found = re.search(r"at://\S+/science\.alt\.dataset\.entry/\w+", capsys.readouterr().out)
    assert found
    return found[0]


def test_every_sample_of_a_printed_uri_typed(uri: str) -> None:
    samples: list[Any] = list(atpub.load(uri))
    assert {type(sample).__name__ for sample in samples} == {"Photo"}
    assert [sample.cls for sample in samples] == list(range(6))
    assert [sample.json for sample in samples] == [{"caption": f"No. {number}"} for number in range(6)]
    assert [sample.jpg for sample in samples] == [b"\xff\xd8\xff" + bytes([number]) for number in range(6)]
    assert [sample.feat_npy.tolist() for sample in samples] == [[number, 0.5] for number in range(6)]
    assert samples[0].txt is None


def test_where_there_is_no_repository(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path.cwd()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with pytest.raises(RepositoryNotFound, match=r"there is no repository in \.atpub.local") as caught:
        atpub.load(uri)
    assert "repository=PATH or AtmosphereClient.local(PATH)" in caught.value.hint
    with pytest.raises(RepositoryNotFound, match="there is no repository in nowhere"):
        atpub.load(uri, repository="nowhere")
    assert list(elsewhere.iterdir()) == []  # looking for one makes none
    folder = here / ".atpub" / "local"
    assert len(list(atpub.load(uri, repository=folder))) == 6
    with atpub.AtmosphereClient.local(folder) as client:
        assert len(list(atpub.load(uri, client=client))) == 6
        with pytest.raises(InvalidArgument, match="names the repository already"):
            atpub.load(uri, client=client, repository=folder)


def test_a_folder_of_another_account(uri: str) -> None:
    other = uri.replace("did:web:local.invalid", "did:web:lab.example")
    with pytest.raises(RepositoryError, match=r"is the repository of did:web:local\.invalid, not of did:web:lab"):
        atpub.load(other, repository=".atpub/local")


def test_pull_saves_the_shards(uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pull", uri, "--out", "copy"]) == 0
    printed = capsys.readouterr()
    key = uri.rpartition("/")[2]
    assert printed.err.splitlines() == [f"saved   {key}-{number:06}.tar (20.5 kB)" for number in range(2)]
    assert printed.out == "copy: 2 shards: 2 saved (41.0 kB)\n"
    saved = sorted(Path("copy").iterdir())
    assert [file.read_bytes() for file in saved] == [Path(f"data/photos-{n}.tar").read_bytes() for n in range(2)]
    assert run(["pull", uri, "--out", "copy", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [shard["status"] for shard in found["shards"]] == ["present", "present"]
    assert atpub.pull(uri, "copy") == saved
    with atpub.AtmosphereClient.local() as client:
        assert len(atpub.pull(uri, tmp_path / "new" / "folder", client=client)) == 2
