"""Bad input, by tables of YAML: every problem at its exact place, at once, with a code and a hint; nothing is written.

A case has a manifest, other files, arguments and the problems expected, as `line:column code` of the manifest or
`file:line:column code` of another file; `text` are fragments of what people are shown. «a63» stands for 63 times a.
"""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.atproto.lexicon.tables import read_yaml, written_out
from tests.cli.lab import Lab
from tests.cli.playground import Ran, tree, write_files

CASES = Path(__file__).parent / "cases"
Case = dict[str, Any]

# What these say is all that there is to say.
WITHOUT_HINT = {"bad-checksum", "file-missing", "lexicon", "no-match", "unknown-type", "url-path"} | {
    "duplicate-lexicon",
    "missing-ref",
}


def cases() -> Iterator[Any]:
    for file in sorted(CASES.glob("*.yaml")):
        table: dict[str, Case] = read_yaml(file)
        for name, case in table.items():
            yield pytest.param(case, id=f"{file.stem}: {name}")


def shown(problem: dict[str, Any]) -> str:
    """A problem as the tables write it."""
    place = ":".join(str(problem[key]) for key in ("file", "line", "column") if problem[key] is not None)
    return f"{place.removeprefix('atpub.yaml:')} {problem['code']}".strip()


def prepare(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write a case's files and set its environment; its command line."""
    files = {name: written_out(text) if isinstance(text, str) else text for name, text in case.get("files", {}).items()}
    if "manifest" in case:
        files["atpub.yaml"] = written_out(case["manifest"])
    write_files(folder, files)
    for name, value in case.get("environ", {}).items():
        monkeypatch.setenv(name, value)
    return shlex.split(case.get("args", "plan --account local"))


@pytest.mark.slow
@pytest.mark.parametrize("case", list(cases()))
def test_bad_input(case: Case, folder: Path, atpub: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = case.keys() - {"manifest", "files", "args", "environ", "exit", "problems", "text", "no_text"}
    assert not unknown, unknown
    args = prepare(case, folder, monkeypatch)
    before = tree(folder)

    told = atpub(*args)
    assert told.out == ""
    assert "Traceback" not in told.err
    assert told.code == case.get("exit", 3), told.err
    for fragment in case.get("text", []):
        assert fragment in told.err
    for fragment in case.get("no_text", []):
        assert fragment not in told.err

    as_json = atpub(*args, "--json")
    assert as_json.code == case.get("exit", 3)
    assert as_json.json["error"]["message"]
    assert as_json.json["error"]["hint"] or told.code == 3
    if told.code == 3:
        problems = as_json.json["error"]["problems"]
        assert [shown(problem) for problem in problems] == case["problems"], told.err
        assert [problem for problem in problems if not problem["message"]] == []
        assert [problem for problem in problems if not problem["hint"] and problem["code"] not in WITHOUT_HINT] == []
        for problem in problems:
            if problem["line"] is not None:
                assert f"{problem['file']}:{problem['line']}:{problem['column']}: {problem['severity']}: " in told.err
    assert tree(folder) == before


HOSTILE = "x\x1b[2J\u202e\x9b\n::error::y"


@pytest.mark.parametrize(
    "args",
    [
        [HOSTILE],
        ["plan", f"--{HOSTILE}"],
        ["plan", HOSTILE],
        ["plan", "--account", HOSTILE],
        ["plan", "--account", f"local:{HOSTILE}"],
        ["plan", "--pds", HOSTILE, "--account", "lab.example"],
        ["plan", "--env", HOSTILE],
        ["plan", "--only", HOSTILE],
        ["plan", "--forget", HOSTILE],
        ["plan", "-m", HOSTILE],
        ["plan", "--out", f"{HOSTILE}/plan.json"],
        ["validate", "-m", f"{HOSTILE}.yaml"],
        ["apply", HOSTILE],
        ["apply", "--digest", HOSTILE],
        ["import", HOSTILE],
        ["import", "--all", "--project", HOSTILE],
        ["inventory", HOSTILE],
        ["inventory", "verify", "--project", HOSTILE],
        ["generate", "--lexicons", HOSTILE],
        ["generate", "--package", HOSTILE],
        ["whoami", "--account", HOSTILE],
        ["export", "--car", f"{HOSTILE}/x"],
    ],
    ids=lambda args: " ".join(args[:2]).replace(HOSTILE, "…"),
)
@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
def test_no_argument_acts_on_a_terminal_or_a_log(lab: Lab, args: list[str], flags: list[str]) -> None:
    (lab.folder / f"{HOSTILE.replace('/', '')}.yaml").write_text("atpub: 2\nproject: '\x07'\n")
    ran = lab.run(*args, *flags)
    for printed in (ran.out, ran.err):
        assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", printed), ascii(printed)
        assert not re.search(r"^\s*::", printed, re.MULTILINE), printed
