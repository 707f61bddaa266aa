"""The wheel, installed where there is no checkout, on every Python that is here; and what the sdist holds."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
VERSIONS = ("3.11", "3.12", "3.13")


def run(*command: str | Path, cwd: Path, expect: int = 0) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == expect, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def interpreter(version: str) -> str:
    """A Python of that version: the one that runs the tests, or one on the path (not the shim of one that is not)."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    for folder in os.get_exec_path():
        found = shutil.which(f"python{version}", path=folder)
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    pytest.skip(f"there is no Python {version} here")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return next(out.glob("*.whl"))


@pytest.mark.parametrize("version", VERSIONS)
def test_wheel(version: str, wheel: Path, tmp_path: Path) -> None:
    run(interpreter(version), "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python, atpub = scripts / "python", scripts / "atpub"
    # The pip of the tests installs there: to install another one first takes as long as all the rest.
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "--no-compile", "--constraint", ROOT / "constraints.txt", wheel, cwd=tmp_path)

    home = tmp_path / "elsewhere"
    shutil.copytree(ROOT / "manifests", home, ignore=shutil.ignore_patterns(".atpub"))
    where = Path(run(python, "-c", "import atpub; print(atpub.__file__)", cwd=home).strip())
    assert tmp_path / "venv" in where.parents

    assert "3 records, all valid" in run(atpub, "validate", "-m", "quickstart", cwd=home)
    run(atpub, "plan", "-m", "quickstart", "--detailed-exitcode", cwd=home, expect=2)
    applied = json.loads(run(atpub, "apply", "-m", "quickstart", "--yes", "--json", cwd=home))
    assert {outcome["status"] for outcome in applied["outcomes"]} == {"applied"}
    run(atpub, "plan", "-m", "quickstart", "--detailed-exitcode", cwd=home)

    out = ("--lexicons", "records/lexicons", "--out", "made", "--package", "made")
    run(atpub, "generate", *out, cwd=home)
    run(atpub, "generate", *out, "--check", cwd=home)
    shown = run(python, "-c", "from made.org.example.note import Note; print(Note.KEY)", cwd=home)
    assert shown.strip() == "tid"


def test_the_sdist_holds_what_its_makefile_names(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    words = re.findall(r"[\w./-]+", (ROOT / "Makefile").read_text())
    named = {word for word in words if (ROOT / word).is_file()}
    assert {"constraints.txt", "pyproject.toml"} < named
    assert {*named, "Makefile", ".ci/run"} - held == set()
