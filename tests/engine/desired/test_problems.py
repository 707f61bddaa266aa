"""What is wrong with a manifest's records is told with its place in the manifest, all of it at once."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.atproto.lexicon.tables import read_yaml
from tests.engine.desired.manifests import HEAD, build, problems

from atpub.atproto.lexicon.model import BlobType, Name, Object
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidInput
from atpub.generated import LEXICONS
from atpub.generated.science.alt.dataset import storage_blobs
from atpub.problems import Problem
from atpub.storage.blobs import LARGEST_SHARD

FILE = Path(__file__).parent / "cases/problems.yaml"


CASES: list[dict[str, Any]] = read_yaml(FILE)


@contextmanager
def huge_tar(file: Path) -> Generator[None]:
    """A shard of more than 50 MiB, which takes up no room."""
    info = tarfile.TarInfo("a.msgpack")
    info.size = 52_428_800
    with file.open("wb") as stream:
        stream.write(info.tobuf(tarfile.USTAR_FORMAT))
        stream.truncate(512 + info.size + 1024)
    yield
    file.unlink()


def test_a_shard_that_is_too_large_is_refused_before_any_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(*_: object, **__: object) -> None:
        raise AssertionError("files are read")

    monkeypatch.setattr("atpub.shards.measure.measure_files", measure)
    with huge_tar(folder / "data/huge.tar"):
        text = 'datasets: {d: {schema: "at://did:plc:a/b.c.d/e", blobs: ["data/0.tar", data/huge.tar]}}'
        (problem,) = problems(folder, text)
    assert problem.code == "shard-too-large"
    assert problem.message.startswith("data/huge.tar has")


def test_the_limit_is_that_of_the_lexicon() -> None:
    found = LEXICONS.lexicons.find(Name(Nsid(storage_blobs.NSID), "blobEntry"))
    assert isinstance(found, Object)
    blob = found.properties["blob"]
    assert isinstance(blob, BlobType)
    assert blob.max_size == LARGEST_SHARD


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_problems(folder: Path, case: dict[str, Any]) -> None:
    if case.get("huge"):
        with huge_tar(folder / "data/huge.tar"):
            found = problems(folder, case["manifest"])
    else:
        found = problems(folder, case["manifest"])
    shown = [("!" if problem.severity == "warning" else "") + problem.code for problem in found]
    assert shown == [expected["code"] for expected in case["problems"]], found
    for problem, expected in zip(found, case["problems"], strict=True):
        check(problem, expected, folder, case["manifest"])


def check(problem: Problem, expected: dict[str, str], folder: Path, manifest: str) -> None:
    assert re.search(expected.get("words", "."), problem.message, re.DOTALL), problem.message
    assert re.search(re.escape(expected.get("hint", "")), problem.hint), problem.hint
    assert problem.place is not None
    if "at" in expected:
        name = expected.get("file", "atpub.yaml")
        text = (folder / name).read_text("utf-8") if name != "atpub.yaml" else HEAD + manifest
        assert (problem.place.file, problem.place.line, problem.place.column) == place_of(
            text, expected["at"], folder / name
        )
        assert problem.place.text == text.split("\n")[problem.place.line - 1]


def place_of(text: str, part: str, file: Path) -> tuple[str, int, int]:
    """File, line and column at which a part of a text stands, for the first time."""
    before = text[: text.index(part)]
    return str(file), before.count("\n") + 1, len(before) - before.rfind("\n")


def test_errors_bring_the_warnings_along(folder: Path) -> None:
    text = (
        "datasets:\n"
        '  d: {schema: "at://did:plc:a/b.c.d/e", urls: "s3://bucket/0.tar", checksums: none}\n'
        "records:\n"
        "  n: {collection: org.test.note, value: {text: 1}}\n"
    )
    with pytest.raises(InvalidInput) as caught:
        build(folder, text)
    assert {(problem.code, problem.severity) for problem in caught.value.problems} == {
        ("s3-endpoint", "warning"),
        ("invalid-record", "error"),
    }


def test_warnings_alone_do_not_stop(folder: Path) -> None:
    schema = "{nsid: org.test.s, version: 1.0.0, json_schema: {type: object, properties: {x: {type: 'null'}}}}"
    found, warnings = build(folder, f"schemas: {{s: {schema}}}")
    assert [*found] == ["schemas/s"]
    assert [problem.code for problem in warnings] == ["lossy-type"]
