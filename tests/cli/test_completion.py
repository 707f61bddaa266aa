"""Completion in real shells: commands, options, addresses and environments."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.playground import Ran, write_files

pytestmark = pytest.mark.slow

MANIFEST = """\
atpub: 1
project: lab
account: local
environments: {staging: {account: staging.lab.example}}
schemas: {image: {nsid: org.lab.image, version: 1.0.0, fields: {text: string}}}
datasets:
  digits: {schema: image, urls: "https://cdn.lab.example/d.tar", checksums: none}
  broken: {schema: nowhere}
"""
BASH = """\
eval "$(atpub completion bash)"
COMP_WORDS=({words} "{word}"); COMP_CWORD={index}
_atpub_completion atpub
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def env(folder: Path) -> dict[str, str]:
    """The environment of a shell that finds atpub."""
    write_files(folder, {"atpub.yaml": MANIFEST})
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def complete(words: list[str], env: dict[str, str]) -> list[str]:
    script = BASH.format(words=" ".join(words[:-1]), word=words[-1], index=len(words) - 1)
    return shell(["bash", "--norc", "-c", script], env)


def shell(args: list[str], env: dict[str, str]) -> list[str]:
    return subprocess.run(args, env=env, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["atpub", "ins"], ["inspect"]),
        (["atpub", "inventory", "v"], ["verify"]),
        (["atpub", "plan", "--prune"], ["--prune-versions"]),
        (["atpub", "show", "dat"], ["datasets/digits"]),
        (["atpub", "plan", "--only", "schemas/"], ["schemas/image"]),
        (["atpub", "plan", "--env", ""], ["staging"]),
        (["atpub", "plan", "-m", "missing.yaml", "--env", ""], [""]),
    ],
)
def test_bash(env: dict[str, str], words: list[str], expected: list[str]) -> None:
    assert complete(words, env) == expected


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish(env: dict[str, str]) -> None:
    script = "atpub completion fish | source; complete --do-complete 'atpub show dat'"
    assert [line.split("\t")[0] for line in shell(["fish", "--no-config", "-c", script], env)] == ["datasets/digits"]


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh(env: dict[str, str]) -> None:
    script = """
autoload -U compinit; compinit -u
eval "$(atpub completion zsh)"
compadd() { print -rl -- ${(P)@[-1]} }
words=(atpub show dat); CURRENT=3
_atpub_completion
"""
    assert shell(["zsh", "-f", "-c", script], env) == ["datasets/digits"]


def test_the_shells_stand_on_one_line(atpub: Callable[..., Ran]) -> None:
    found = atpub("completion")
    assert (found.code, found.err.splitlines()[0]) == (
        64,
        "error: missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish [usage]",
    )
