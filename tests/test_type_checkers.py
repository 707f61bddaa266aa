"""What users write with the Python API, or with what is generated, passes the strictest settings of two type checkers.

And what they get wrong does not. Each checker runs once, since it reads all of atpub for it.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import lexrpc  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # only its lexicons are used
import pytest

from atpub.atproto.data import Json
from atpub.atproto.lexicon.link import references
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.syntax import Nsid
from tests.codegen.packages import LEXICONS, generated, read

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SOURCES = {
    "usage": "codegen/usage.txt",
    "wrong": "codegen/wrong_usage.txt",
    "models": "codegen/usage_of_models.txt",
    "api": "atmosphere/usage.txt",
    "wrong_api": "atmosphere/wrong_usage.txt",
}
OTHERS = Path(lexrpc.__file__).parent / "lexicons"
"""The lexicons of Bluesky and others, as they are published."""

SOME = ("app.bsky.actor.profile", "app.bsky.embed.images", "app.bsky.richtext.facet", "com.atproto.repo.applyWrites")


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with generated packages and modules that use them, and others that use the Python API."""
    folder = tmp_path_factory.mktemp("typed")
    generated(read(LEXICONS), "every_construct", folder)
    generated(with_references(read(OTHERS), *SOME), "some_published", folder)
    generated({Nsid("com.example.wide"): wide(250)}, "wide", folder)
    generated(read(LEXICONS), "every_model", folder, style="pydantic")
    for name, source in SOURCES.items():
        (folder / f"{name}.py").write_text((ROOT / "tests" / source).read_text("utf-8"), "utf-8")
    return folder


def wide(count: int) -> Json:
    """A lexicon of an object with so many optional fields: a checker must not take exponential time over them."""
    kinds: list[Json] = [
        {"type": "integer"},
        {"type": "string", "maxLength": 10, "knownValues": ["a"]},
        {"type": "array", "items": {"type": "ref", "ref": "#leaf"}},
    ]
    properties: Json = {f"field{number}": kinds[number % len(kinds)] for number in range(count)}
    nullable: Json = [f"field{number}" for number in range(0, count, 7)]
    main: Json = {"type": "object", "properties": properties, "nullable": nullable}
    return {"lexicon": 1, "id": "com.example.wide", "defs": {"main": main, "leaf": {"type": "object"}}}


def with_references(documents: Mapping[Nsid, Json], *names: str) -> dict[Nsid, Json]:
    """The lexicons of those names, and all that they refer to."""
    found: dict[Nsid, Json] = {}
    waiting = [Nsid(name) for name in names]
    while waiting:
        nsid = waiting.pop()
        if nsid not in found:
            found[nsid] = documents[nsid]
            waiting += [target.nsid for _, target, _ in references(parse(documents[nsid], nsid))]
    return found


def wrong_lines(folder: Path) -> set[tuple[str, int]]:
    return {
        (file.name, number)
        for file in folder.glob("*.py")
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if line.endswith("# wrong")
    }


def run(folder: Path, *command: str) -> str:
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "codegen")])
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, "MYPYPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    return done.stdout + done.stderr


def test_mypy_strict(checked: Path, pytestconfig: pytest.Config) -> None:
    assert pytestconfig.cache
    cache = pytestconfig.cache.mkdir("mypy")  # of the standard library and of atpub
    out = run(checked, "mypy", "--strict", "--explicit-package-bases", f"--cache-dir={cache}", "--no-pretty", ".")
    errors = re.findall(r"^(\S+?):(\d+): error: ", out, re.MULTILINE)
    assert {(file, int(line)) for file, line in errors} == wrong_lines(checked), out


def test_pyright_strict(checked: Path) -> None:
    config = {"typeCheckingMode": "strict", "pythonVersion": "3.11", "extraPaths": [str(ROOT / "src")]}
    (checked / "pyrightconfig.json").write_text(json.dumps(config), "utf-8")
    out = run(checked, "basedpyright", "--pythonpath", sys.executable)
    errors = re.findall(r"^ +(\S+?):(\d+):\d+ - (?:error|warning): ", out, re.MULTILINE)
    assert {(Path(file).name, int(line)) for file, line in errors} == wrong_lines(checked), out
