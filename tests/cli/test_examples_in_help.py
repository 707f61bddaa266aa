"""The examples in each command's help: every command has some, each parses, and each that needs no network runs."""

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from tests.cli.playground import Ran, write_files

from atpub.cli.commands import cli
from atpub.cli.examples import EXAMPLES
from atpub.cli.groups import load_commands

ROOT = Path(__file__).parents[2]
REMOTE = "lab.example.org"
ASKS = {("apply",): "--yes", ("destroy",): "--yes", ("undo",): "--yes", ("inventory", "rebuild"): "--yes"}
PARTS = re.compile(r"&&|\d?> \S+|#.*|\bATPUB_PASSWORD=\S+")


def commands(group: click.Group, prefix: str = "") -> Iterator[str]:
    for name, command in load_commands(group).items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} ")
        else:
            yield prefix + name


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_examples_are_in_one_list(name: str, atpub: Callable[..., Ran]) -> None:
    assert len(re.findall(r"^ *Examples?:", atpub(*name.split(), "--help").out, re.MULTILINE)) == 1


def runs(line: str) -> list[list[str]]:
    """The arguments of each atpub on a line of a shell: without redirections, variables and comments."""
    found = re.search(r'^eval "\$\((.*)\)"', line)
    return [shlex.split(part)[1:] for part in PARTS.split(found[1] if found else line) if part and part.strip()]


# They run until they are stopped, need a terminal, start a browser, or are about files that their own tests write.
ELSEWHERE = ("atpub serve", "atpub mcp", "atpub approve", "atpub open", "atpub croissant", "atpub lex", "atpub check")
LINES = [line for lines in EXAMPLES.values() for line in lines]


def test_every_command_has_examples() -> None:
    assert EXAMPLES.keys() == set(commands(cli))


@pytest.mark.parametrize(("name", "lines"), EXAMPLES.items(), ids=list(EXAMPLES))
def test_an_example_is_of_its_command_and_in_its_help(
    name: str, lines: tuple[str, ...], atpub: Callable[..., Ran]
) -> None:
    text = atpub(*name.split(), "--help").out
    for line in lines:
        assert f"atpub {name}" in line
        assert f"  {line}\n" in text


@pytest.mark.parametrize("line", LINES)
def test_an_example_parses(line: str) -> None:
    for arguments in runs(line):
        context = click.Context(cli, info_name="atpub", help_option_names=["-h", "--help"])
        name, command, rest = cli.resolve_command(context, arguments)
        while isinstance(command, click.Group):
            name, command, rest = command.resolve_command(context, rest)
        assert command is not None
        command.make_parser(click.Context(command, context, name)).parse_args(list(rest))


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in LINES if REMOTE not in line and not line.startswith(ELSEWHERE)])
def test_an_example_runs(line: str, folder: Path, atpub: Callable[..., Ran]) -> None:
    prepare(folder, line, atpub)
    for arguments in runs(line):
        asked = next((flag for name, flag in ASKS.items() if tuple(arguments[: len(name)]) == name), None)
        ran = atpub(*arguments, *([asked] if asked and asked not in arguments else []))
        assert ran.code == 0, ran.err


def prepare(folder: Path, line: str, atpub: Callable[..., Ran]) -> None:
    """The quickstart, applied and locked; for `pack` and `init`, a folder of pictures or of shards alone."""
    shutil.copytree(ROOT / "manifests/quickstart/data", folder / "data")
    if line.startswith(("atpub pack", "atpub init")):
        write_files(folder, {"pictures/0.txt": "zero", "pictures/0.json": "{}"})
        if line.startswith("atpub pack"):
            shutil.rmtree(folder / "data")
        return
    shutil.copy(ROOT / "manifests/quickstart/atpub.yaml", folder)
    shutil.copytree(ROOT / "manifests/quickstart/data", folder / "manifests/data")
    shutil.copy(ROOT / "manifests/quickstart/atpub.yaml", folder / "manifests/datasets.yaml")
    write_files(
        folder,
        {
            "lexicons/org/lab/note.json": '{"lexicon": 1, "id": "org.lab.note", "defs": {"main": {"type": "record", '
            '"key": "tid", "record": {"type": "object", "properties": {"text": {"type": "string"}}}}}}',
            "pyproject.toml": '[tool.atpub.generate]\nout = "src/lab_records"\npackage = "lab_records"\n',
        },
    )
    assert atpub("lock").code == 0
    if "plan" not in line:
        assert atpub("apply", "--yes").code == 0
    if line == "atpub apply plan.json":
        (folder / "atpub.yaml").write_text((folder / "atpub.yaml").read_text().replace("Handwritten digits", "Digits"))
        assert atpub("plan", "--out", "plan.json").code == 0
    if line == "atpub generate --check":
        assert atpub("generate").code == 0
