"""Several projects in one run: each is validated, planned and applied by itself, with one exit code."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest
from tests.cli.lab import ENTRY, LABEL, Lab, edited, path

from atpub.atproto.syntax import Nsid, deterministic_tid
from atpub.cli.run.projects import group_by_project

NAMES = ("-m", "atpub.yaml", "-m", "other.yaml")


@pytest.fixture
def two(lab: Lab) -> Lab:
    """A second project beside the small one, in the same account."""
    text = lab.manifest.replace("project: lab", "project: other").replace("org.lab.image", "org.other.image")
    text = text.replace("  digits:", "  numbers:").replace("dataset: digits", "dataset: numbers")
    text = text.replace("  cats:", "  dogs:").replace("name: digits,", "name: numbers,")
    (lab.folder / "other.yaml").write_text(text)
    return lab


def test_each_is_applied(two: Lab) -> None:
    assert two.run("validate", *NAMES).out == "lab: 4 records, all valid.\n\nother: 4 records, all valid.\n"
    planned = two.plan("--json", "--detailed-exitcode", *NAMES)
    assert planned.code == 2
    assert planned.json["format_version"] == "1.0"
    assert [(item["project"], item["pending"], len(item["changes"])) for item in planned.json["projects"]] == [
        ("lab", True, 4),
        ("other", True, 4),
    ]
    applied = two.apply("--json", *NAMES)
    assert applied.code == 0
    assert [len(item["outcomes"]) for item in applied.json["projects"]] == [4, 4]
    assert (len(two.live(ENTRY)), len(two.live(LABEL))) == (4, 2)
    assert two.plan("--detailed-exitcode", *NAMES).code == 0
    assert two.plan(*NAMES).out.count("Nothing to do: 4 records up to date.") == 2


def test_one_empty_line_is_between_them(two: Lab) -> None:
    pending = [two.plan(*form, *NAMES).out for form in ((), ("--markdown",))]
    two.apply(*NAMES)
    for text in (*pending, two.plan(*NAMES).out, two.plan("--markdown", *NAMES).out):
        assert "\n\n\n" not in text
        assert not text.endswith("\n\n")


def test_one_that_fails_keeps_none_of_the_others(two: Lab) -> None:
    two.change(("version: 1.0.0\n    description", "version: one\n    description"))
    ran = two.apply("--json", *NAMES)
    assert ran.code == 3
    failed, applied = ran.json["projects"]
    assert (failed["project"], failed["error"]["code"]) == ("lab", "invalid-input")
    assert (applied["project"], {item["status"] for item in applied["outcomes"]}) == ("other", {"applied"})
    assert "project lab\natpub.yaml:8:14: error" in ran.err
    assert two.apply("-m", "other.yaml", "-m", "atpub.yaml").code == 3


def test_a_refusal_goes_before_pending_changes(two: Lab) -> None:
    two.apply()
    two.change(("label: integer", "label: string"))
    assert two.plan("--detailed-exitcode", *NAMES).code == 7


def test_options_that_are_about_one_project(two: Lab) -> None:
    for option in (("--out", "plan.json"), ("--only", "datasets/digits"), ("--forget", "datasets/digits")):
        ran = two.plan(*option, *NAMES)
        assert ran.code == 64
        assert f"{option[0]} is about one project, and the manifests are of lab, other" in ran.err
    assert two.apply("--digest", "0" * 64, *NAMES).code == 64


def test_drift_of_each(two: Lab) -> None:
    assert two.apply(*NAMES).code == 0
    assert two.run("drift", *NAMES).out.count("No drift: 4 owned records compared.") == 2
    two.write_elsewhere(edited(two, path(ENTRY, deterministic_tid(Nsid(ENTRY), "numbers"))))
    ran = two.run("drift", "--json", *NAMES)
    assert ran.code == 2
    assert [(item["project"], [change["address"] for change in item["changes"]]) for item in ran.json["projects"]] == [
        ("lab", []),
        ("other", ["datasets/numbers"]),
    ]
    two.change(("version: 1.0.0\n    description", "version: one\n    description"))
    assert two.run("drift", *NAMES).code == 3
    for options in (("--json", "--changes-only"), ("--watch",)):
        assert f"{options[-1]} is about one project" in two.run("drift", *options, *NAMES).err


COMMANDS = (
    *("undo --list", "lock", "verify", "list", "destroy --yes", "inventory verify", "rename datasets/digits numbers"),
    *("import --all", "import --take datasets/digits", "export --format citation", "show datasets/digits"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_one_project(command: str, two: Lab) -> None:
    (two.folder / "manifests").mkdir()
    (two.folder / "other.yaml").rename(two.folder / "manifests/other.yaml")
    ran = two.run(*command.split(), "-m", "atpub.yaml", "-m", "./manifests/")
    assert ran.code == 64
    assert "this command takes one project: atpub.yaml is of 'lab', and ./manifests/ is of 'other'" in ran.err


def test_which_paths_are_one_manifest(two: Lab) -> None:
    (two.folder / "common.yaml").write_text("policy: {max_delete: 3}\n")
    (two.folder / "more.yaml").write_text("project: lab\n")
    (two.folder / "broken.yaml").write_text("a: [\n")
    assert group_by_project(["common.yaml", "atpub.yaml", "more.yaml", "other.yaml"]) == {
        "lab": ("atpub.yaml", "more.yaml", "common.yaml"),
        "other": ("other.yaml", "common.yaml"),
    }
    for paths in (
        *([], ["atpub.yaml"], ["common.yaml", "atpub.yaml"], ["-", "atpub.yaml"], ["atpub.yaml", "broken.yaml"]),
        ["atpub.yaml", "nowhere.yaml", "other.yaml"],
    ):
        assert group_by_project(paths) == {"": tuple(paths)}
    assert "is given in two files" not in two.plan("-m", "common.yaml", *NAMES).err


def test_two_projects_in_one_folder_are_a_mistake(two: Lab) -> None:
    assert "[conflicting-key]" in two.plan("-m", ".").err


def test_a_plan_through_pipes(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-m -` reads the manifest from stdin, `--out -` prints the plan, and `apply -` reads it."""

    def stdin(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode()), isatty=lambda: False))

    stdin(lab.manifest)
    planned = lab.plan("-m", "-", "--out", "-")
    assert planned.code == 0, planned.err
    stdin(planned.out)
    assert lab.run("apply", "-").code == 0
    assert len(lab.live(ENTRY)) == 2


def test_a_dash_is_no_file(lab: Lab) -> None:
    assert lab.apply().code == 0
    metadata = ("export", "--format", "jsonld", "datasets/cats")
    assert lab.run(*metadata, "--out", "-").out == lab.run(*metadata).out
    lab.without("labels:")
    assert lab.run("import", "--all", "--out", "-").out == lab.run("import", "--all").out != ""
    assert lab.run("export", "--car", "-").code == 64
    assert not (lab.folder / "-").exists()
