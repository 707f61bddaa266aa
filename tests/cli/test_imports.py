"""What is imported when: help and the version wait for nothing that they do not need."""

import inspect
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests.shards.tars import make_tar

from atpub.cli.commands import COMMANDS, cli
from atpub.cli.groups import load_commands
from atpub.cli.options import load
from atpub.cli.streams import terminal_columns

HEAVY = {
    "atpub.generated",
    "bracex",
    "cryptography",
    "dns",
    "filelock",
    "httpx",
    "jinja2",
    "jsonschema",
    "keyring",
    "libipld",
    "regex",
    "rich",
    "sqlite3",
    "wcmatch",
    "yaml",
}

HELPS = [["--help"], ["--version"], [], *([name, "--help"] for name in COMMANDS)]
AT_URLS = """\
atpub: 1
project: small
schemas:
  s: {nsid: org.example.s, version: 1.0.0, fields: {image: ndarray}}
datasets:
  d: {schema: s, name: Set, license: CC-BY-4.0, urls: "https://cdn.example.org/d-{000..001}.tar", checksums: none}
"""
UNUSED_BY_URLS = {
    *("concurrent.futures", "html", "shutil", "tarfile", "tempfile", "wcmatch"),
    *("atpub.engine.desired.announcements", "atpub.engine.desired.sample_check"),
    *("atpub.atproto.lexicon.model", "atpub.atproto.lexicon.validate", "atpub.generated._lexicons"),
    *("atpub.manifest.schema_builder", "atpub.manifest.structure", "atpub.progress", "atpub.progress_display"),
    *("atpub.shards.checksums", "atpub.shards.measure", "atpub.shards.sample_types", "atpub.text.yaml_errors"),
}
UNUSED_BY_PLANS = {
    *("gzip", "random", "tomllib", "atpub.generation", "atpub.history.folder", "atpub.history.model", "atpub.login"),
    *(
        "atpub.atproto.evolution",
        "atpub.atproto.repo.car",
        "atpub.atproto.repo.mst",
        "atpub.engine.plan.lexicon_changes",
        "atpub.published",
    ),
    *("atpub.report.html", "atpub.report.markdown", "atpub.report.plan_page", "atpub.report.review"),
}


def imported(program: str, folder: Path | None = None) -> set[str]:
    found = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint('=>', *sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return set(found.stdout.rpartition("=> ")[2].split())


def run(*args: str) -> str:
    return f"from atpub.cli.main import run\nrun({list(args)!r})"


@pytest.fixture(scope="module")
def after_helps() -> list[set[str]]:
    """What is imported once each help was shown, of all in one process: it starts once, and what was shown stays."""
    program = f"import sys\nfrom atpub.cli.main import run\nfor args in {HELPS!r}: run(args); print('=>', *sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return [set(line.split()[1:]) for line in found.splitlines() if line.startswith("=> ")]


def test_the_package_runs_as_a_module() -> None:
    found = subprocess.run([sys.executable, "-m", "atpub", "--version"], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("atpub ")


@pytest.mark.parametrize("number", range(len(HELPS)), ids=[*map(str, HELPS)])
def test_help_imports_nothing_heavy(number: int, after_helps: list[set[str]]) -> None:
    assert len(after_helps) == len(HELPS)
    assert after_helps[number] & HEAVY == set(), "of this help, unless it is that of an earlier one"
    assert "atpub.cli.main" in after_helps[number]


def test_the_program_slows_the_collector_before_it_imports_the_command_line() -> None:
    assert imported("import atpub.__main__") & {"atpub.cli", "click"} == set()
    program = "import atexit, gc\nfrom atpub.__main__ import main\natexit.register(lambda: print(gc.get_threshold()))"
    found = subprocess.run([sys.executable, "-c", f"{program}\nmain()", "--version"], capture_output=True, text=True)
    assert "(500000, " in found.stdout


def test_help_imports_no_command(after_helps: list[set[str]]) -> None:
    assert HELPS[0] == ["--help"]
    assert after_helps[0] & {"logging", "pathlib", "shutil", "atpub.cli.data_commands", "atpub.cli.examples"} == set()


@pytest.mark.parametrize("columns", ["", "x", "0", "-5", "100"])
def test_the_width_is_that_of_the_standard_library(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal_columns() == shutil.get_terminal_size().columns


def test_a_usage_error_imports_nothing_heavy() -> None:
    assert imported(run("frobnicate")) & HEAVY <= {"libipld"}


def test_importing_the_package_imports_nothing_of_it() -> None:
    assert {name for name in imported("import atpub") if name.startswith("atpub")} == {"atpub"}
    assert imported("import atpub") & (HEAVY | {"click"}) == set()


def test_loading_records_imports_no_lexicons() -> None:
    value = {"name": "x", "content": {"a": [1, "b", None]}, "$type": "science.alt.dataset.schema"}
    program = f"from atpub.generated import load\ntry: load({value!r})\nexcept Exception: print('refused')"
    assert "atpub.atproto.lexicon.model" in imported(program), "to say what is wrong"
    program = "from atpub.generated.dev.atpub.rai import Rai\nRai.load({'more': {'a': [1, 'b', None]}})"
    assert imported(program) & {"atpub.atproto.lexicon.model", "atpub.generated._lexicons"} == set()


def test_a_plan_for_a_local_repository_imports_no_network() -> None:
    unused = {"httpx", "jinja2", "jsonschema", "license_expression", "atpub.engine.apply"}
    assert imported(run("plan", "-m", "manifests/lenses", "--account", "local")) & unused == set()


def test_validating_imports_no_plan_and_no_repository() -> None:
    unused = {"httpx", "cryptography", "jinja2", "sqlite3", "atpub.pipeline", "atpub.engine.plan", "atpub.login"}
    unused |= {"atpub.measuring.update", "wcmatch"}
    assert imported(run("validate", "-m", "manifests/lenses")) & unused == set()


def test_validating_shards_at_urls_imports_nothing_that_reads_files(tmp_path: Path) -> None:
    (tmp_path / "atpub.yaml").write_text(AT_URLS)
    unused = UNUSED_BY_URLS | {
        "logging",
        "traceback",
        "atpub.atomic_files",
        "atpub.manifest.lexicon_files",
        "atpub.repository.model",
    }
    assert imported(run("validate", "-m", str(tmp_path))) & unused == set()


def test_a_short_run_draws_nothing_and_imports_no_rich(tmp_path: Path) -> None:
    (tmp_path / "atpub.yaml").write_text(
        AT_URLS.replace('urls: "https://cdn.example.org/d-{000..001}.tar", checksums: none', 'blobs: "*.tar"')
    )
    (tmp_path / "d.tar").write_bytes(make_tar(["a.msgpack"]))
    found = imported(run("validate", "-m", str(tmp_path)))
    assert "atpub.shards.measure" in found
    assert found & {"rich", "rich.live"} == set()


def test_planning_shards_at_urls_imports_only_the_steps_of_it(tmp_path: Path) -> None:
    (tmp_path / "atpub.yaml").write_text(AT_URLS)
    found = imported(run("plan", "--account", "local"), tmp_path)
    assert "atpub.report.plan" in found
    assert found & {*UNUSED_BY_URLS, *UNUSED_BY_PLANS} == set()


@pytest.mark.slow
def test_generating_imports_no_generated_classes() -> None:
    found = imported(run("generate", "--check"))
    assert "jinja2" in found
    assert found & {"atpub.generated", "httpx", "jsonschema"} == set()


def commands(group: click.Group) -> Iterator[click.Command]:
    for command in load_commands(group).values():
        if isinstance(command, click.Group):
            yield from commands(command)
        else:
            yield command


@pytest.mark.parametrize("command", list(commands(cli)), ids=lambda command: command.name)
def test_a_runner_takes_the_options_of_its_command(command: click.Command) -> None:
    declared = inspect.getclosurevars(command.callback).nonlocals["runner"] if command.callback else ""
    signature = inspect.signature(load(declared))
    signature.bind(**{item.name: None for item in command.params if item.name and item.expose_value})
