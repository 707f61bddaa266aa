"""Pages of documentation that run: the files of a page are written, and its commands are run in one folder.

- A line "`name`:" before a fenced block: the block is that file.
- A `console` block: each line that begins with `$ ` is a command, and the lines below are what it prints.
- "in a copy of `manifests/NAME`": the folder begins as a copy of that one.
"""

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

from atpub import redact
from atpub.cli.main import run

ROOT = Path(__file__).parents[1]

_BLOCK = re.compile(
    r"^(?:`(?P<name>[\w./-]+)`:\n\n)?```(?P<language>\w+)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE
)
_COPY = re.compile(r"in\sa\scopy\sof\s\[?`(manifests/\w+)`")
_PLAIN = re.compile(r"atpub [\w\s./:=@%,+'-]*")  # nothing that only a shell does
_VARYING = (
    (re.compile(r"\bbafyrei[a-z2-7]+…?"), "RECORD-CID"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\b\d{8}-\d{6}-\d{6}\b"), "APPLY"),
    (re.compile(r"(?<=[Dd]igest.)[ `]*[0-9a-f]{64}"), "DIGEST"),
    (re.compile(r"^uploaded .*\n", re.MULTILINE), ""),  # in any order
    (re.compile(r"(?<=\bas )3[a-z2-7]{12}\b"), "REVISION"),
    (re.compile(r"\b\d+(\.\d+)? (ms|s)\b|\b\d+(\.\d+)? [kMG]?B/s"), "DURATION"),
)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a page's commands: a home of their own, and this Python's commands first."""
    given = {name: value for name, value in os.environ.items() if not name.startswith(("ATPUB_", "XDG_"))}
    path = os.pathsep.join((str(Path(sys.executable).parent), given["PATH"]))
    home = folder.parent / f"{folder.name}-home"
    home.mkdir(exist_ok=True)
    return {**given, "PATH": path, "HOME": str(home), "COLUMNS": "100", "NO_COLOR": "1"}


def run_command(command: str, folder: Path) -> str:
    """Run a command, and return the lines that a terminal shows."""
    code, printed = run_atpub(command, folder) if _PLAIN.fullmatch(command) else run_bash(command, folder)
    return printed.replace(str(folder), "/home/you/squares") + (f"(exit code {code})\n" if code else "")


def run_atpub(command: str, folder: Path) -> tuple[int, str]:
    """Run atpub in this process, which has it imported: a process of its own takes five times as long."""
    printed = io.StringIO()
    with (
        patch.dict(os.environ, environment(folder), clear=True),
        patch.object(sys, "stdin", io.StringIO()),
        patch.object(redact, "_hidden", set[str]()),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        code = run(shlex.split(command)[1:])
    return code, printed.getvalue()


def run_bash(command: str, folder: Path) -> tuple[int, str]:
    """Run a command in bash."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
    )
    return done.returncode, done.stdout


def run_console(body: str, folder: Path) -> str:
    """Run the commands of a console block, and return the block with what they print now."""
    commands = re.findall(r"^\$ ((?:.*\\\n)*.*\n)", body, re.MULTILINE)
    return "".join(f"$ {command}{run_command(command, folder)}" for command in commands)


def run_page(page: str, folder: Path) -> str:
    """Write the files and run the commands of a page, and return the page with what the commands print now."""
    if copied := _COPY.search(page):
        shutil.copytree(ROOT / copied[1], folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".atpub"))

    def run_block(block: re.Match[str]) -> str:
        if name := block["name"]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(block["body"], "utf-8")
        if block["language"] != "console":
            return block[0]
        return f"```console\n{run_console(block['body'], folder)}```"

    return _BLOCK.sub(run_block, page)


def normalize(page: str) -> str:
    """Return a page without what differs between two runs: times, what is computed from them, and orders."""
    for pattern, name in _VARYING:
        page = pattern.sub(name, page)
    return page
