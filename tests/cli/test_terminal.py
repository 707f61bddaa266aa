"""atpub in a terminal and without one: colours, the question, streams that are closed, and being stopped."""

import json
import re
from pathlib import Path

import pytest
from tests.cli.lab import Lab
from tests.cli.playground import write_files
from tests.cli.terminal import shell, terminal

pytestmark = pytest.mark.slow

ESCAPE = "\033["


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_in_a_terminal_unless_it_is_not_wanted(lab: Lab, environ: dict[str, str], coloured: bool) -> None:
    with terminal("plan", cwd=lab.folder, **environ) as plan:
        assert plan.end() == 0
    assert (ESCAPE in plan.text) == coloured
    lab.change(("label: integer", "label: int"))
    with terminal("plan", cwd=lab.folder, **environ) as wrong:
        assert wrong.end() == 3
    assert (ESCAPE in wrong.text) == coloured


def test_no_colour_in_json_and_without_a_terminal(lab: Lab) -> None:
    with terminal("plan", "--json", cwd=lab.folder) as plan:
        assert plan.end() == 0
    assert json.loads(plan.text)
    assert ESCAPE not in shell("atpub plan", lab.folder).stdout
    assert ESCAPE not in shell("atpub plan -m nowhere", lab.folder).stderr


def test_yes_applies(lab: Lab) -> None:
    with terminal("apply", cwd=lab.folder) as apply:
        assert "4 to create" in apply.until(r"Apply this\? \[y/N\]: ")
        assert not (lab.folder / ".atpub").exists()
        apply.type("y\n")
        assert apply.end() == 0
    assert "Applied 4 changes" in apply.text
    with terminal("apply", cwd=lab.folder) as again:
        assert again.end() == 0
    assert "Apply this" not in again.text
    assert "Nothing to do" in again.text


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_anything_but_yes_does_not(lab: Lab, answer: str) -> None:
    with terminal("apply", cwd=lab.folder) as apply:
        apply.until("Apply this")
        apply.type(answer)
        assert apply.end() == 1
    assert apply.text.endswith("\nNothing was applied.\n")
    assert not (lab.folder / ".atpub").exists()


@pytest.mark.slow
def test_interrupted_at_the_question(lab: Lab) -> None:
    with terminal("apply", cwd=lab.folder) as apply:
        apply.until("Apply this")
        apply.interrupt()
        assert apply.end() == 130
    assert "\nerror: interrupted [interrupted]\n" in re.sub("\033\\[[0-9;]+m", "", apply.text)
    assert "Traceback" not in apply.text
    assert not (lab.folder / ".atpub").exists()


def test_the_end_of_input_at_the_question(lab: Lab) -> None:
    with terminal("apply", cwd=lab.folder) as apply:
        apply.until("Apply this")
        apply.type("\x04")
        assert apply.end() == 130
    assert not (lab.folder / ".atpub").exists()


def test_interrupted_with_json(lab: Lab) -> None:
    with terminal("apply", "--json", cwd=lab.folder) as apply:
        apply.until("Apply this")
        apply.interrupt()
        assert apply.end() == 130
    assert '"code": "interrupted"' in apply.text


@pytest.mark.slow
def test_closed_streams(lab: Lab) -> None:
    closed = shell("atpub apply <&-", lab.folder)
    assert closed.returncode == 64
    assert "no terminal to ask on" in closed.stderr
    assert shell("atpub plan 2>&-", lab.folder).returncode == 0
    for command in ("atpub plan --json >&-", "atpub --help >&-", "atpub plan <&- >&- 2>&-"):
        assert shell(command, lab.folder).returncode == 1, command
    assert shell("atpub frobnicate 2>&-", lab.folder).returncode == 64
    assert not (lab.folder / ".atpub").exists()


@pytest.mark.parametrize("flags", ["", "--json"])
def test_a_reader_that_goes_away(lab: Lab, flags: str) -> None:
    many = "".join(
        f"  s{number}: {{nsid: org.lab.s{number}, version: 1.0.0, fields: {{a: string}}}}\n" for number in range(500)
    )
    lab.write(f"atpub: 1\nproject: lab\naccount: local\nschemas:\n{many}")
    found = shell(f"atpub plan {flags} | head -1", lab.folder)
    assert found.stdout in ("lab → local (did:web:local.invalid)\n", "{\n")
    assert found.stderr == ""
    wrong = shell(f"atpub plan -m nowhere {flags} | true", lab.folder)
    assert "Traceback" not in wrong.stderr


ON_LINUX = pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")


@ON_LINUX
@pytest.mark.parametrize(
    "command",
    ["plan", "plan --json", "plan --markdown", "validate --json", "manifest-schema", "apply --yes --json", "--help"],
)
def test_a_full_disk(lab: Lab, command: str) -> None:
    full = shell(f"atpub {command} >/dev/full", lab.folder)
    assert full.returncode == 1
    assert "No space left on device [system-error]" in full.stderr
    assert not {"Traceback", "Exception"} & set(full.stderr.split())


def test_a_closed_stdout(lab: Lab) -> None:
    closed = shell("atpub plan >&-", lab.folder)
    assert closed.returncode == 1
    assert "not writable [system-error]" in closed.stderr


@ON_LINUX
def test_a_full_disk_for_errors(lab: Lab) -> None:
    wrong = shell("atpub plan -m nowhere --json >/dev/full", lab.folder)
    assert wrong.returncode == 3
    assert "No space left on device" in wrong.stderr
    assert shell("atpub plan 2>/dev/full", lab.folder).returncode == 0


def test_an_encoding_that_lacks_characters(lab: Lab) -> None:
    lab.change(("name: Digits", "name: Ziffern, schön 😀"))
    told = shell("atpub plan", lab.folder, PYTHONIOENCODING="latin-1")
    assert (told.returncode, told.stderr) == (0, "")
    assert "lab ? local" in told.stdout
    as_json = shell("atpub plan --json", lab.folder, PYTHONIOENCODING="latin-1")
    assert json.loads(as_json.stdout)["project"] == "lab"
    lab.change(("schema: image\n    name", "schema: schön\n    name"))
    wrong = shell("atpub plan --json", lab.folder, PYTHONIOENCODING="ascii")
    assert wrong.returncode == 3
    assert json.loads(wrong.stdout)["error"]["problems"][0]["message"] == "there is no schemas/schön"


def test_nothing_written_where_nothing_can_be(lab: Lab) -> None:
    write_files(lab.folder, {".atpub": "a file, not a folder"})
    found = shell("atpub apply --yes --json", lab.folder)
    assert found.returncode == 1
    assert "Not a directory" in json.loads(found.stdout)["error"]["message"]
    assert (lab.folder / ".atpub").read_text() == "a file, not a folder"


def test_no_home(lab: Lab) -> None:
    found = shell("env -u HOME -u XDG_CACHE_HOME atpub plan", lab.folder)
    assert (found.returncode, found.stderr) == (0, "")


def test_an_empty_folder(tmp_path: Path) -> None:
    for command in ("validate", "plan", "apply --yes"):
        found = shell(f"atpub {command} --json", tmp_path)
        assert found.returncode == 64
        assert json.loads(found.stdout)["error"]["hint"].startswith("name the manifest, -m PATH")
    assert list(tmp_path.iterdir()) == []


def test_stdin_and_stdout_have_a_name(lab: Lab) -> None:
    from_stdin = shell("mv atpub.yaml text && atpub plan -m - --json < text", lab.folder)
    assert json.loads(from_stdin.stdout)["summary"]["create"] == 4, from_stdin.stderr
    wrong = shell("echo 'atpub: 2' | atpub validate -m -", lab.folder)
    assert wrong.stderr.startswith("(stdin):1:1: error:")
    lab.write()
    piped = shell("atpub plan --out - | atpub apply -", lab.folder)
    assert "Applied 4 changes" in piped.stdout, piped.stderr
    assert "4 to create" in piped.stderr
    assert not (lab.folder / "-").exists()
    assert shell("atpub plan --out - --json", lab.folder).returncode == 64
    assert shell("atpub apply - <&-", lab.folder).returncode in (1, 3, 64)


@pytest.mark.parametrize(
    ("args", "coloured"), [(["--color", "never", "plan"], False), (["plan", "--color=never"], False)]
)
def test_the_option_for_colours_goes_before_the_environment(lab: Lab, args: list[str], coloured: bool) -> None:
    with terminal(*args, cwd=lab.folder, FORCE_COLOR="1") as plan:
        assert plan.end() == 0
    assert (ESCAPE in plan.text) == coloured


def test_colours_without_a_terminal_if_they_are_asked_for(lab: Lab) -> None:
    assert ESCAPE in shell("atpub plan --color always", lab.folder, NO_COLOR="1").stdout
    assert ESCAPE in shell("atpub --color always plan -m nowhere", lab.folder).stderr
    assert ESCAPE not in shell("atpub plan --color auto", lab.folder).stdout


def test_a_terminal_is_told_how_to_learn_more_about_an_error(lab: Lab) -> None:
    lab.change(("label: integer", "label: int"))
    with terminal("plan", cwd=lab.folder) as wrong:
        assert wrong.end() == 3
    assert "atpub explain bad-field says more" in wrong.text
    assert "atpub explain" not in shell("atpub plan", lab.folder).stderr
    with terminal("plan", "--json", cwd=lab.folder) as json_error:
        assert json_error.end() == 3
    assert "atpub explain" not in json_error.text


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_the_lines_of_a_plan_fit_the_terminal(lab: Lab, columns: int) -> None:
    assert lab.apply().code == 0
    lab.change(
        ("Ten of them.", "Ten of them, " * 20),
        ("{0..2}", "{0..3}"),
        ("labels:\n", "labels:\n  a-label-with-a-very-long-key-0001: {name: a, dataset: digits, version: 1.0.0}\n"),
    )
    with terminal("plan", "--color", "never", cwd=lab.folder, COLUMNS=str(columns)) as plan:
        assert plan.end() == 0
    lines = plan.text.splitlines()
    digest = next(line for line in lines if line.startswith("Digest:"))
    assert max(len(line) for line in lines if line != digest) <= max(columns, 55)
    assert ("at://" in plan.text) == (columns == 120)
    with terminal("plan", "--long", "--color", "never", cwd=lab.folder, COLUMNS=str(columns)) as long:
        assert long.end() == 0
    assert ("Ten of them, " * 20).strip() in long.text
    assert "at://" in long.text
