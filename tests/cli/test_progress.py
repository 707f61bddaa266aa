"""Progress of real commands: bars in a terminal, nothing elsewhere or where it is not wanted."""

import json
import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest
from pyte.modes import LNM
from tests.cli.terminal import shell, terminal

pytestmark = pytest.mark.slow

MANIFEST = """\
atpub: 1
project: large
schemas:
  s: {nsid: org.example.s, version: 1.0.0, members: {bin: bytes}}
datasets:
  d: {schema: s, name: Set, license: CC-BY-4.0, blobs: "d-*.tar"}
"""
SHARD, SHARDS = 50_000_000, 32  # zeros that take no room on the disk, and about a second to hash on one core
BAR = "Hashing [0-9]+"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A dataset that takes a while to hash, however many cores there are: commands run on one of them."""
    (tmp_path / "atpub.yaml").write_text(MANIFEST)
    for number in range(SHARDS):
        header = tarfile.TarInfo(f"{number}.bin")
        header.size = SHARD - 20_000
        with (tmp_path / f"d-{number:02}.tar").open("wb") as file:
            file.write(header.tobuf())
            file.truncate(SHARD // 512 * 512)
    if not hasattr(os, "sched_setaffinity"):
        yield tmp_path
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield tmp_path
    finally:
        os.sched_setaffinity(0, cores)


def cache(folder: Path, name: str) -> dict[str, str]:
    """An environment in which nothing is measured yet."""
    return {"XDG_CACHE_HOME": str(folder / name), "COLUMNS": "80", "LINES": "24"}


def shown(text: str) -> pyte.Screen:
    screen = pyte.Screen(200, 50)
    screen.set_mode(LNM)
    pyte.Stream(screen).feed(text)
    return screen


def test_bars_of_validate_in_a_terminal(folder: Path) -> None:
    time.sleep(2.05)  # for so long, the cache trusts no file
    with terminal("validate", cwd=folder, **cache(folder, "a")) as run:
        bars = [line for line in shown(run.until(BAR)).display if line.strip()]
        assert "B/s" in bars[-1]
        assert " of 1.6 GB" in bars[-1]
        assert all(".tar" in bar for bar in bars[:-1])
        assert run.end() == 0
    screen = shown(run.text)
    assert not any("Hashing" in line or ".tar" in line for line in screen.display)
    assert any("large: 2 records, all valid" in line for line in screen.display)
    assert not screen.cursor.hidden
    with terminal("validate", cwd=folder, **cache(folder, "a")) as again:  # all is known
        assert again.end() == 0
    assert "Hashing" not in again.text


@pytest.mark.parametrize("option", ["-q", "--json"])
def test_no_bars_if_they_are_not_wanted(folder: Path, option: str) -> None:
    with terminal("validate", option, cwd=folder, **cache(folder, "b")) as run:
        assert run.end() == 0
    assert "Hashing" not in run.text
    assert "\033[?25l" not in run.text


def test_output_and_bars_do_not_mix(folder: Path) -> None:
    environ = cache(folder, "c")
    found = shell("atpub validate", folder, **environ)
    assert found.stdout == "large: 2 records, all valid; 1 warning.\n"
    assert "\033" not in found.stderr
    with terminal("plan", "--account", "local", "--json", cwd=folder, **environ) as plan:
        assert plan.end() == 0, plan.text
    assert json.loads(plan.text[plan.text.index('{\n  "format_version"') :])


def test_ctrl_c_leaves_a_clean_terminal(folder: Path) -> None:
    with terminal("validate", cwd=folder, **cache(folder, "d")) as run:
        run.until(BAR)
        run.interrupt()
        assert run.end() == 130
    screen = shown(run.text)
    assert not any(".tar" in line for line in screen.display)
    assert not screen.cursor.hidden


def test_the_question_of_apply_comes_after_the_bars(folder: Path) -> None:
    with terminal("apply", cwd=folder, ATPUB_ACCOUNT="local", **cache(folder, "e")) as apply:
        text = apply.until(r"Apply this\? \[y/N\]: ")
        assert "Hashing" in text
        assert not any("Hashing" in line for line in shown(text).display)
        apply.type("n\n")
        assert apply.end() == 1
    assert "Hashing" not in apply.text.partition("Apply this")[2]
