"""Generating, importing and checking the lexicons that lexrpc ships, against MarshalX's `atproto` on the same files.

Bounds: generation at most half of its time and under 100 MB; the package with every record class imported in at most a
sixth of the time that its models take.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from tests.benchmarks.harness import compare

BIN = Path(sys.executable).parent
LEXICONS = Path(str(import_module("lexrpc").__file__)).parent / "lexicons"
CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
MODELS = "import atproto_client.models as models; [getattr(models, name) for name in dir(models)]"


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run to the end, quietly, with bytecode cached as for a user."""
    subprocess.run(command, cwd=cwd, env=CLEAN, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)


def peak(*command: str | Path) -> int:
    """The most memory that a process holds, in bytes."""
    process = subprocess.Popen(command, env=CLEAN, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * 1024


def readable(folder: Path) -> Path:
    """A copy of the lexicons without the three that the peer cannot parse."""
    parse: Any = import_module("atproto_lexicon.parser").lexicon_parse_file  # it has no types
    for file in sorted(LEXICONS.rglob("*.json")):
        try:
            parse(file)
        except Exception as error:
            print(f"  left out: {json.loads(file.read_bytes())['id']} ({type(error).__name__} in the peer)")
            continue
        target = folder / file.relative_to(LEXICONS)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return folder


def records(folder: Path) -> Sequence[str]:
    """The modules of a generated package that have a record."""
    found = (path for path in folder.rglob("*.py") if "(runtime.RecordBase)" in path.read_text("utf-8"))
    parts = (path.relative_to(folder.parent).with_suffix("").parts for path in found)
    return sorted(".".join(part for part in path if part != "__init__") for path in parts)


def bench() -> None:
    """Whole processes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lexicons = readable(folder / "lexicons")
        ours, fresh = folder / "ours", count()
        command = (BIN / "atpub", "generate", "--lexicons", lexicons, "--package", "ours", "--out")

        def generate() -> None:
            run(*command, folder / f"ours{next(fresh)}")

        def peer() -> None:
            theirs = folder / f"theirs{next(fresh)}"
            theirs.mkdir()
            run(BIN / "atproto", "gen", "--lexicon-dir", lexicons, "models", "--output-dir", theirs)

        compare("atpub generate", generate, "atproto gen models", peer, runs=9)
        print("  bound: ratio 0.50")
        print(f"  peak memory: {peak(*command, ours) / 1e6:.0f} MB (bound: 100 MB)")
        names = records(ours)
        imports = f"import importlib; [importlib.import_module(name) for name in {names!r}]"
        found = compare(
            f"import {len(names)} record classes",
            lambda: run(sys.executable, "-c", imports, cwd=folder),
            "import atproto_client.models, all loaded",
            lambda: run(sys.executable, "-c", MODELS),
            runs=9,
        )
        print(f"  bound: ratio {1 / 6:.2f}; both with the start of Python, found {found.ratio:.2f}")
        check(folder)


def check(folder: Path) -> None:
    """All of the lexicons, under both type checkers at their strictest."""
    package = folder / "checked"
    run(BIN / "atpub", "generate", "--lexicons", LEXICONS, "--package", "checked", "--out", package)
    source = Path(__file__).parents[2]
    config = {"typeCheckingMode": "strict", "pythonVersion": "3.11", "extraPaths": [str(source / "src")]}
    (folder / "pyrightconfig.json").write_text(json.dumps({**config, "include": ["checked"]}), "utf-8")
    mypy = ("-m", "mypy", "--strict", "--explicit-package-bases", f"--cache-dir={folder / 'cache'}", "checked")
    for checker in (mypy, ("-m", "basedpyright", "--pythonpath", sys.executable)):
        start = time.perf_counter()
        environment = {**CLEAN, "MYPYPATH": str(source / "src")}
        done = subprocess.run([sys.executable, *checker], cwd=folder, env=environment, capture_output=True, text=True)
        took = time.perf_counter() - start
        last = done.stdout.strip().splitlines()[-1]
        print(f"{checker[1]} in strict mode: {last} ({took:.0f} s)")
        assert done.returncode == 0, done.stdout
