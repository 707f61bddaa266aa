"""README and docs match the code: manifest, examples, commands, options and variables."""

import doctest
import re
import shlex
from pathlib import Path

import click
import pytest

from atpub import errors
from atpub.cli.commands import COMMANDS, cli
from atpub.manifest.load import load_manifest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = "\n".join(page.read_text("utf-8") for page in PAGES)
SOURCE = "\n".join(path.read_text("utf-8") for path in (ROOT / "src/atpub").rglob("*.py"))


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_manifest(tmp_path: Path) -> None:
    (text,) = blocks("yaml")
    (tmp_path / "atpub.yaml").write_text(text)
    manifest = load_manifest([tmp_path / "atpub.yaml"], environ={})
    assert [str(address) for address in manifest.entries] == ["schemas/digit", "datasets/digits", "labels/digits-1"]


@pytest.mark.parametrize("page", ["python", "lexicons"])
def test_python(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = doctest.testfile(str(ROOT / f"docs/how-to/{page}.md"), module_relative=False)
    assert found.attempted > 3
    assert found.failed == 0


def test_commands_table() -> None:
    rows = re.findall(r"^\| `atpub ([a-z-]+)` \| (.+) \|$", README, re.MULTILINE)
    assert rows == [*COMMANDS.items()]


SHELL = "\n".join((*blocks("sh", TEXT), *re.findall(r"^ +- run: (.+)$", "\n".join(blocks("yaml", TEXT)), re.MULTILINE)))
LINES = re.findall(r"^(?:ATPUB_PASSWORD=… )?(atpub .*?) *(?:(?:#|&&|[|>]).*)?$", SHELL, re.MULTILINE)


@pytest.mark.parametrize("line", LINES)
def test_command_lines_parse(line: str) -> None:
    name, *arguments = shlex.split(line)[1:]
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    command.make_parser(click.Context(command, help_option_names=["-h", "--help"])).parse_args(arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_options_and_variables_are_known() -> None:
    """Find each option and variable that the text names in a command or in the source."""
    options = {option for name in COMMANDS for option in options_of(cli.get_command(click.Context(cli), name))}
    own = re.sub(r"`tar [^`]+`", "", TEXT)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", own)) <= {*options, "--help"}
    assert {name for name in re.findall(r"\bATPUB_[A-Z]+\b", TEXT) if f'"{name}"' not in SOURCE} == set()


def options_of(command: click.Command | None) -> set[str]:
    assert command is not None
    own = {option for parameter in command.params for option in parameter.opts}
    nested = command.commands.values() if isinstance(command, click.Group) else ()
    return own.union(*map(options_of, nested))


def test_every_exit_code_is_listed() -> None:
    listed = {int(code) for code in re.findall(r"^  (\d+) ", cli.epilog or "", re.MULTILINE)}
    assert {getattr(getattr(errors, name), "exit_code", 0) for name in dir(errors)} <= listed


def test_targets() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {"".join(found) for found in re.findall(r"`make ([a-z]+)`|^make ([a-z]+) +#", README, re.MULTILINE)}
    assert targets == {"quickstart", "test", "docs"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
