"""Ctrl-C while a plan is applied: a process that presses it itself, at one of its uploads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.lab import Lab
from tests.cli.playground import write_files

from atpub.cli.interrupt import Interrupt, continuing
from atpub.errors import Interrupted

PRESS = """
import itertools, os, signal, sys, time
from atpub.cli.main import main
from atpub.repository.local import LocalRepository

upload, numbers = LocalRepository.upload_blob, itertools.count(1)

def pressed(self, source, mime_type, **known):
    if next(numbers) == 2:
        for _ in range(int(sys.argv[2])):
            os.kill(os.getpid(), getattr(signal, sys.argv[1]))
            time.sleep(0.5)  # until the main thread has taken note of it
    return upload(self, source, mime_type, **known)

LocalRepository.upload_blob = pressed
main(["apply", "--yes", *sys.argv[3:]])
"""


def pressing(folder: Path, name: str, times: int, *flags: str) -> subprocess.CompletedProcess[str]:
    """Apply, with a signal so many times."""
    command = [sys.executable, "-c", PRESS, name, str(times), *flags]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def many(lab: Lab) -> Lab:
    """More shards than are uploaded at once."""
    write_files(lab.folder, {f"data/digits-{number}.tar": {"tar": number + 2} for number in range(12)})
    return lab


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize(
    ("name", "times"), [("SIGINT", 1), ("SIGINT", 2), ("SIGTERM", 1), ("SIGTERM", 2), ("SIGHUP", 1)]
)
def test_it_stops_and_goes_on_later(many: Lab, name: str, times: int, flags: tuple[str, ...]) -> None:
    ran = pressing(many.folder, name, times, *flags)
    assert ran.returncode == 130, ran.stderr
    assert "press Ctrl-C again to stop at once" in ran.stderr
    assert "error: interrupted [interrupted]" in ran.stderr
    assert ran.stderr.count("uploaded") < 12
    assert json.loads(ran.stdout)["error"]["code"] == "interrupted" if flags else not ran.stdout
    assert "continues where it stopped" in ran.stderr if times == 1 else "continues from what was applied" in ran.stderr
    with_head = many.repository()
    assert with_head.head() is None
    with_head.close()
    assert many.apply().code == 0
    assert many.plan("--detailed-exitcode").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_of_several_projects_the_json_has_all_until_the_stop(many: Lab, times: int) -> None:
    schemas = many.manifest[: many.manifest.index("datasets:")].replace("project: lab", "project: first")
    (many.folder / "first.yaml").write_text(schemas.replace("org.lab.image", "org.first.image"))
    (many.folder / "last.yaml").write_text(schemas.replace("project: first", "project: last"))
    named = [word for name in ("first", "atpub", "last") for word in ("-m", f"{name}.yaml")]
    ran = pressing(many.folder, "SIGTERM", times, "--json", *named)
    assert ran.returncode == 130, ran.stderr
    done, stopped = json.loads(ran.stdout)["projects"]
    assert (done["project"], [item["status"] for item in done["outcomes"]]) == ("first", ["applied"])
    assert (stopped["project"], stopped["error"]["code"]) == ("lab", "interrupted")


@pytest.mark.slow
def test_nohup_goes_on(many: Lab) -> None:
    command = ["nohup", sys.executable, "-c", PRESS, "SIGHUP", "1"]
    ran = subprocess.run(command, cwd=many.folder, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


STOPPED = """
import os, signal, sys
from atpub.cli import failures, prepare
from atpub.cli.main import main

def stop(*args, **options):
    os.kill(os.getpid(), signal.SIGTERM)

def stop_again(value, print_json=failures.print_json):
    os.kill(os.getpid(), signal.SIGHUP)
    print_json(value)

prepare.open_repository, failures.print_json = stop, stop_again
main(["plan", "--json"])
"""


@pytest.mark.slow
def test_a_stop_while_reading_is_reported_though_another_signal_comes(lab: Lab) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", STOPPED], cwd=lab.folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, json.loads(ran.stdout)["error"]["code"]) == (130, "interrupted"), ran.stderr
    assert "Traceback" not in ran.stderr


def test_two_signals_at_once_are_one_stop(capsys: pytest.CaptureFixture[str]) -> None:
    interrupt, stops = Interrupt(), list[str]()
    for _ in range(3):
        interrupt.press(lambda: stops.append("at once"))
    assert (interrupt(), stops) == (True, [])
    assert capsys.readouterr().err.count("press Ctrl-C again") == 1


def test_what_the_next_run_continues_with() -> None:
    with pytest.raises(Interrupted) as raised, continuing("what is missing"):
        raise KeyboardInterrupt
    assert raised.value.hint == "run it again: it continues with what is missing"
