"""`atpub drift`: what other clients have changed, and nothing else."""

import json

import pytest
from syrupy.assertion import SnapshotAssertion
from tests.cli.lab import CATS, DIGITS, Lab, edited
from tests.cli.test_output import applied, changed, drifted, drifted_and_gone, shown

from atpub.repository.model import Delete


@pytest.mark.parametrize("flags", [(), ("--json",), ("--json", "--changes-only"), ("--markdown",)], ids=" ".join)
def test_drift(flags: tuple[str, ...], lab: Lab, snapshot: SnapshotAssertion) -> None:
    drifted(lab)
    assert shown(lab.run("drift", *flags)) == snapshot


def test_without_drift_the_changes_of_the_manifest_are_not_shown(lab: Lab, snapshot: SnapshotAssertion) -> None:
    changed(lab)
    assert shown(lab.run("drift")) == snapshot
    assert lab.run("drift", "--json", "--changes-only").json == []
    assert "No drift." in lab.run("drift", "--markdown").out


def test_our_own_edit_is_shown_beside_theirs(lab: Lab) -> None:
    applied(lab)
    lab.write_elsewhere(edited(lab, DIGITS))
    lab.change(("name: Digits", "name: Numbers"))
    (change,) = lab.run("drift", "--json", "--changes-only").json
    assert {item["path"]: (item["applied"], item["live"], item["wanted"]) for item in change["fields"]} == {
        "name": ("Digits", "Digits", "Numbers"),
        "description": ("Ten of them.", "Edited by hand.", "Ten of them."),
    }


def test_what_another_machine_applied_is_compared_two_way(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    drifted(lab)
    monkeypatch.setenv("XDG_CACHE_HOME", str(lab.folder / "another"))
    ran = lab.run("drift", "--json", "--changes-only")
    assert [(item["kind"], item["applied_known"]) for item in ran.json] == [("modified", False), ("deleted", False)]
    assert ran.json[0]["fields"] == [{"path": "description", "live": "Edited by hand.", "wanted": "Ten of them."}]
    assert "the applied value is not known on this machine" in lab.run("drift").out


def test_a_plan_learns_what_another_machine_applied(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    applied(lab)
    monkeypatch.setenv("XDG_CACHE_HOME", str(lab.folder / "another"))
    assert lab.run("drift").code == 0
    lab.write_elsewhere(edited(lab, DIGITS))
    (change,) = lab.run("drift", "--json", "--changes-only").json
    assert change["fields"][0]["applied"] == "Ten of them."


def test_a_record_that_left_the_manifest_has_no_wanted_side(lab: Lab) -> None:
    drifted_and_gone(lab)
    (change,) = lab.run("drift", "--json", "--changes-only").json
    assert (change["action"], change["fields"]) == ("delete", [{"path": "description", "live": "Edited by hand."}])
    assert "--take" not in lab.run("drift").out


def test_a_saved_plan_tells_drift(lab: Lab) -> None:
    applied(lab)
    lab.write_elsewhere(edited(lab, DIGITS), Delete(CATS))
    lab.plan("--out", "plan.json")
    saved = json.loads((lab.folder / "plan.json").read_text())
    assert saved["summary"]["drift"] == 2
    ran = lab.run("apply", "plan.json", "--account", "local")
    assert (ran.code, "deleted by another client" in ran.err) == (0, True), ran
    assert lab.run("drift").code == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--json", "--markdown"), "--json and --markdown exclude each other"),
        (("--changes-only",), "--changes-only is about --json"),
        (("--watch", "--markdown"), "--watch prints text"),
        (("--watch",), "a folder has none"),
    ],
)
def test_flags_that_do_not_go_together(flags: tuple[str, ...], message: str, lab: Lab) -> None:
    ran = lab.run("drift", *flags)
    assert (ran.code, message in ran.err + ran.out) == (64, True), ran
