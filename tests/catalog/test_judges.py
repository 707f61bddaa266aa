"""Every metadata format, judged by the library of its own: mlcroissant, DataCite's schema, CFF's, and the Hub's.

The libraries need pandas, SciPy and 400 MB: they are installed once, into an environment beside that of the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from threading import Timer
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

import pytest
from filelock import FileLock
from tests.catalog.views import MANIFESTS, dataset, example_datasets, hostile, published_datasets
from tests.servers import serving

from atpub.catalog.croissant import MOST_SHARDS
from atpub.catalog.formats import FORMATS, render
from atpub.engine.desired.licenses import COMMON
from atpub.published.model import DatasetView, ShardView

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
EXAMPLES = ("lenses", "members", "quickstart", "records", "s3", "schemas", "urls")
WITH_SHARDS = {"members", "quickstart"}

Judge: TypeAlias = Callable[[Iterable[tuple[str, str]]], list[list[str]]]


@pytest.fixture(scope="session")
def python() -> Path:
    """The Python of the environment, which is made where there is none for these requirements."""
    requirements = HERE / "judges.txt"
    digest = sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = Path(sys.prefix) / f"judges-{digest}"
    found = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    with FileLock(f"{folder}.lock"):
        if not (folder / ".complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
            pip = (sys.executable, "-m", "pip", "--python", found, "--disable-pip-version-check", "install", "--quiet")
            subprocess.run([*pip, "--no-deps", "--requirement", requirements], check=True)
            (folder / ".complete").touch()
    return found


@pytest.fixture(scope="module")
def judging(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """The libraries in a process that judges for all tests: to import them takes longer than to judge."""
    environ = {**os.environ, "CROISSANT_CACHE": str(tmp_path_factory.mktemp("croissant")), "HF_HUB_OFFLINE": "1"}
    command = [python, HERE / "judge.py"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True) as process:
        yield process


@pytest.fixture
def judge(judging: subprocess.Popen[str], tmp_path: Path) -> Judge:
    """What the libraries say of (format, text) pairs: a list of problems for each."""

    def ask(texts: Iterable[tuple[str, str]]) -> list[list[str]]:
        files: list[tuple[str, str]] = []
        for number, (name, text) in enumerate(texts):
            file = tmp_path / f"{number}-{FORMATS[name.removesuffix('-file')].file_name}"
            file.write_text(text, "utf-8")
            files.append((name, str(file)))
        assert judging.stdin is not None
        assert judging.stdout is not None
        deadline = Timer(300, judging.kill)
        deadline.start()
        judging.stdin.write(f"{json.dumps(files)}\n")
        judging.stdin.flush()
        found: list[list[str]] = json.loads(judging.stdout.readline())
        deadline.cancel()
        return found

    return ask


def texts(item: DatasetView, croissant: str = "croissant") -> list[tuple[str, str]]:
    names = [name for name in FORMATS if name != "jsonld"]
    return [(croissant if name == "croissant" else name, render(name, item)) for name in names]


def assert_valid(judge: Judge, given: list[tuple[str, str]]) -> None:
    for (name, text), problems in zip(given, judge(given), strict=True):
        assert problems == [], (name, text)


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples(example: str, judge: Judge, tmp_path: Path) -> None:
    kind = "croissant" if example in WITH_SHARDS else "croissant-file"
    assert_valid(judge, [pair for item in example_datasets(example, tmp_path) for pair in texts(item, kind)])


def test_every_example_is_judged() -> None:
    assert sorted(path.parent.name for path in MANIFESTS.glob("*/atpub.yaml")) == [*EXAMPLES]


@pytest.fixture
def server(tmp_path: Path) -> Generator[str]:
    """A web server with the shards of an example, and the blobs of a repository as a PDS serves them."""
    blobs = tmp_path / "repository/blobs"

    class Handler(SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            url = urlsplit(path)
            cid = parse_qs(url.query).get("cid")
            return str(blobs / cid[0] if cid else MANIFESTS / "members/data" / Path(url.path).name)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(Handler) as url:
        yield url


def test_records_stream_from_a_web_server_and_a_pds(server: str, judge: Judge, tmp_path: Path) -> None:
    shutil.copytree(MANIFESTS / "members", tmp_path / "members", ignore=shutil.ignore_patterns(".atpub"))
    manifest = tmp_path / "members/atpub.yaml"
    blobs, urls = manifest.read_text(), sorted((tmp_path / "members/data").glob("*.tar"))
    digests = {file.name: sha256(file.read_bytes()).hexdigest() for file in urls}
    manifest.write_text(
        f"{blobs}\n  served:\n    schema: swatch\n    license: CC0-1.0\n"
        f"    urls: {json.dumps([f'{server}/{name}' for name in digests])}\n    checksums: {json.dumps(digests)}\n"
    )
    found = {item.title: item for item in published_datasets(manifest, tmp_path / "repository")}
    method = f"{server}/xrpc/com.atproto.sync.getBlob?did=did:web:local.invalid&cid="
    pds = found["Swatches of colour"].with_blob_sources(lambda cid: f"{method}{cid}")
    given = [("croissant", render("croissant", item)) for item in (found["served"], pds)]
    assert all(text.count("cr:RecordSet") == 4 for _, text in given)
    assert_valid(judge, given)


def test_a_wrong_checksum_is_found(judge: Judge, server: str) -> None:
    """The judge reads the shards: it is not satisfied by any description."""
    name = next((MANIFESTS / "members/data").glob("*.tar")).name
    shard = ShardView(name, f"{server}/{name}", None, "0" * 64, None)
    ((problem, *_),) = judge([("croissant", render("croissant", dataset(shards=[shard])))])
    assert "Download(shard-0)" in problem


def test_what_records_of_others_may_hold(judge: Judge) -> None:
    plain = dataset()
    many = [ShardView(f"x-{n}.tar", f"https://a.test/x-{n}.tar", None, "0" * 64, 9) for n in range(MOST_SHARDS + 1)]
    empty = dataset(description="", title="", labels=(), tags=(), license="", metadata={}, schema=None)
    unchecked = dataset(shards=[replace(shard, sha256=None) for shard in plain.shards])
    items = [plain, hostile(), empty, unchecked, dataset(shards=many), dataset(license="MIT OR Apache-2.0")]
    assert_valid(judge, [pair for item in items for pair in texts(item, "croissant-file")])


def test_every_usual_license_fits_every_format(judge: Judge) -> None:
    names = ("citation", "datacite")
    assert_valid(judge, [(name, render(name, dataset(license=found))) for found in sorted(COMMON) for name in names])
