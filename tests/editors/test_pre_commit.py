"""The hooks that `.pre-commit-hooks.yaml` declares, run by pre-commit in a repository that uses them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.editors.conftest import EXAMPLE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / ".pre-commit-hooks.yaml"
IDS = ("atpub-lex-lint", "atpub-lex-format", "atpub-generate-check", "atpub-validate")
NAMES = ("atpub lex lint", "atpub lex format", "atpub generate --check", "atpub validate")
NOTE = Path("lexicons/org/example/note.json")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a manifest, lexicons and generated classes, that uses the hooks.

    `language: system` takes the atpub at hand, where users of the hooks get one that is installed from the clone.
    """
    project = tmp_path / "project"
    shutil.copytree(EXAMPLE.parent, project)
    (project / "pyproject.toml").write_text('[tool.atpub.generate]\nout = "lab_records"\npackage = "lab_records"\n')
    repository = tmp_path / "hooks"
    repository.mkdir()
    shutil.copy(HOOKS, repository)
    revision = commit(repository)
    listed = [{"id": name, "language": "system", "args": ["--strict"] if "lint" in name else []} for name in IDS]
    settings = {"repos": [{"repo": str(repository), "rev": revision, "hooks": listed}]}
    (project / ".pre-commit-config.yaml").write_text(json.dumps(settings))
    run(project, "atpub", "generate")
    run(project, "atpub", "lex", "format")
    commit(project)
    return project


def commit(folder: Path) -> str:
    run(folder, "git", "init", "--quiet")
    run(folder, "git", "add", ".")
    who = ("-c", "user.name=lab", "-c", "user.email=lab@example.org")
    run(folder, "git", *who, "commit", "--quiet", "--message=All")
    return run(folder, "git", "rev-parse", "HEAD").stdout.strip()


def run(folder: Path, *command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command with this environment's programs first on the path."""
    home = {"PRE_COMMIT_HOME": str(folder.parent / "pre-commit"), "GIT_CONFIG_GLOBAL": os.devnull}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **home, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def results(output: str) -> dict[str, str]:
    """Each hook's name and result."""
    lines = [line for line in output.splitlines() if line.startswith("atpub ") and "...." in line]
    return {line.partition("....")[0]: line.rpartition(".")[2].removeprefix("(no files to check)") for line in lines}


def test_hooks_pass_are_skipped_and_name_what_is_wrong(project: Path) -> None:
    assert results(run(project, "pre-commit", "run", "--all-files").stdout) == dict.fromkeys(NAMES, "Passed")
    (project / "notes.txt").write_text("text")
    (project / "settings.json").write_text("{}")
    run(project, "git", "add", ".")
    skipped = dict.fromkeys(NAMES, "Skipped") | {"atpub validate": "Passed"}  # any JSON file may be a schema
    assert results(run(project, "pre-commit", "run").stdout) == skipped

    note = json.loads((project / NOTE).read_text())
    note["defs"]["main"]["record"]["properties"]["mood"] = {"type": "string"}
    (project / NOTE).write_text(json.dumps(note))
    (project / "atpub.yaml").write_text((project / "atpub.yaml").read_text().replace("text: These", "test: These"))
    run(project, "git", "add", ".")
    done = run(project, "pre-commit", "run", code=1)
    assert results(done.stdout) == dict.fromkeys(NAMES, "Failed")
    for said in ("[unlimited-string]", "files were modified by this hook", "note.py is stale", "[invalid-record]"):
        assert said in done.stdout, done.stdout
    assert (project / NOTE).read_text().count("\n") > 20
