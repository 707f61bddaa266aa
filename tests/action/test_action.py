"""The GitHub action: its scripts run as its steps run them, from a pull request to the merge and the night after."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.action.forge import Forge
from tests.cli.lab import DIGITS, Lab, edited
from tests.pds.reference import Account, ReferencePds

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/github-actions.md").read_text("utf-8")
ACTION: Any = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
SECRET = "app-password"

CATS = """\
  cats:
    schema: image
    urls: "https://cdn.lab.example/cats-{0..2}.tar"
    checksums: none
"""

Job = dict[str, str]


def run(job: Job, lab: Lab, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script of a step in the checkout."""
    given = {**job, "COMMAND": command, **variables}
    ran = subprocess.run(
        ["sh", str(ROOT / "action/run.sh")],
        cwd=lab.folder,
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert SECRET not in ran.stdout + ran.stderr
    return ran


def outputs(job: Job) -> dict[str, str]:
    file = Path(job["GITHUB_OUTPUT"])
    return dict(line.split("=", 1) for line in file.read_text().splitlines()) if file.exists() else {}


def comment(job: Job) -> None:
    """Run the last step of the action, with the outputs of the one before."""
    found = outputs(job)
    given = {**job, "MARKDOWN": found["markdown"], "PENDING": found["pending"]}
    subprocess.run([sys.executable, str(ROOT / "action/comment.py")], env=given, timeout=60, check=True)


@pytest.mark.slow
def test_the_life_of_a_pull_request(lab: Lab, forge: Forge, environment: Job) -> None:
    lab.apply()
    lab.change(("name: Digits", "name: Figures"))
    planned = run(environment, lab, "plan")
    assert planned.returncode == 0, planned.stderr
    comment(environment)
    lab.change(("description: Ten of them.", "description: All ten."))
    run(environment, lab, "plan")
    comment(environment)
    (found,) = forge.comments
    assert found["body"].startswith("<!-- atpub-plan: lab -->\n### atpub plan: `lab` → `local`\n\n**1 to update, ")
    assert '+ description: "All ten."' in found["body"]

    digest = json.loads(Path(outputs(environment)["plan"]).read_text())["digest"]
    refused = run(environment, lab, "apply", DIGEST="0" * 64)
    assert refused.returncode == 5, refused.stderr
    applied = run(environment, lab, "apply", DIGEST=digest, ATPUB_PASSWORD=SECRET)
    assert applied.returncode == 0, applied.stderr
    assert "Applied 1 change" in applied.stdout
    assert "\n    Applied 1 change" in Path(environment["GITHUB_STEP_SUMMARY"]).read_text("utf-8")

    run(environment, lab, "plan")
    assert outputs(environment)["pending"] == "false"
    comment(environment)
    assert "**Nothing to do, 4 unchanged.**" in found["body"]
    assert forge.requests.count("POST /repos/lab/data/issues/7/comments") == 1


@pytest.mark.pds
@pytest.mark.slow
def test_on_a_server(
    lab: Lab, forge: Forge, environment: Job, reference_pds: ReferencePds, pds_account: Account
) -> None:
    server = {"ATPUB_PDS": reference_pds.url, "ATPUB_PLC": reference_pds.plc_url, "ATPUB_ACCOUNT": pds_account.did}
    planned = run(environment, lab, "plan", **server)
    assert planned.returncode == 0, planned.stderr
    comment(environment)
    assert "**4 to create.**" in forge.comments[0]["body"]
    password = {"ATPUB_PASSWORD": pds_account.password}
    applied = run(environment, lab, "apply", **server, **password)
    assert applied.returncode == 0, applied.stderr
    assert pds_account.password not in applied.stdout + applied.stderr
    assert "Applied 4 changes" in applied.stdout
    assert run(environment, lab, "drift", **server).returncode == 0
    verified = run(environment, lab, "verify", **server)  # no server has the URLs of the manifest's other dataset
    assert (verified.returncode, "no findings, 3 not checked" in verified.stdout) == (1, True)

    entries = {"repo": pds_account.did, "collection": "science.alt.dataset.entry"}
    record = reference_pds.xrpc("com.atproto.repo.listRecords", params=entries)["records"][0]
    body = {**entries, "rkey": record["uri"].rpartition("/")[2], "record": {**record["value"], "description": "Mine."}}
    reference_pds.xrpc("com.atproto.repo.putRecord", body, token=pds_account.access_jwt)
    drifted = run(environment, lab, "drift", **server)
    assert drifted.returncode == 2
    assert "Mine." in drifted.stdout


@pytest.mark.slow
def test_a_refused_plan_fails_and_is_commented(lab: Lab, forge: Forge, environment: Job) -> None:
    lab.apply()
    lab.without("datasets:", "labels:")
    lab.change(("project: lab", "project: lab\npolicy: {max_delete: 0}"))
    ran = run(environment, lab, "plan")
    assert ran.returncode == 7
    assert "::error file=atpub.yaml," in ran.stderr
    comment(environment)
    assert "refused: this plan cannot be applied" in forge.comments[0]["body"]
    assert run(environment, lab, "apply").returncode == 7


@pytest.mark.slow
def test_an_invalid_manifest_fails_before_any_comment(lab: Lab, environment: Job) -> None:
    (lab.folder / "a b").mkdir()
    (lab.folder / "a b/x.yaml").write_text("datasets: 5\n")
    ran = run(environment, lab, "plan", MANIFEST="atpub.yaml\n\na b\n", ENVIRONMENT="")
    assert ran.returncode == 3
    assert "::error file=a b/x.yaml,line=1" in ran.stderr
    assert outputs(environment) == {}
    assert run(environment, lab, "plan", LOCKED="true").returncode == 3, "there is no lock"
    assert run(environment, lab, "no").returncode == 64


@pytest.mark.slow
@pytest.mark.parametrize("command", ["verify", "drift"])
def test_the_night_after(lab: Lab, environment: Job, command: str) -> None:
    lab.change((CATS, ""))
    lab.apply()
    ran = run(environment, lab, command)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert Path(environment["GITHUB_STEP_SUMMARY"]).read_text("utf-8").startswith("\n    ")


@pytest.mark.slow
def test_drift_at_night_fails_and_is_in_the_summary(lab: Lab, environment: Job) -> None:
    lab.apply()
    lab.write_elsewhere(edited(lab, DIGITS))
    ran = run(environment, lab, "drift")
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "1 record modified outside this project." in ran.stdout
    assert '\n              live    "Edited by hand."' in Path(environment["GITHUB_STEP_SUMMARY"]).read_text("utf-8")


def test_no_step_runs_an_input_and_only_apply_gets_the_password() -> None:
    steps = ACTION["runs"]["steps"]
    assert all("${{" not in step["run"] for step in steps)
    secret = [(step["name"], name) for step in steps for name, value in step["env"].items() if "password" in value]
    assert secret == [("Run atpub", "ATPUB_PASSWORD")]
    assert steps[1]["env"]["ATPUB_PASSWORD"] == "${{ inputs.command == 'apply' && inputs.password || '' }}"
    script = (ROOT / "action/run.sh").read_text()
    assert "(unset ATPUB_PASSWORD && atpub plan" in script


def test_inputs_are_described_and_used() -> None:
    text = (ROOT / "action.yml").read_text("utf-8")
    for name, given in ACTION["inputs"].items():
        assert given["description"]
        assert f"inputs.{name}" in text, name
    scripts = "".join(file.read_text() for file in (ROOT / "action").iterdir())
    for step in ACTION["runs"]["steps"]:
        for variable in step["env"].keys() - {"ATPUB_ACCOUNT", "ATPUB_PDS", "ATPUB_PASSWORD"}:
            assert variable in scripts, variable
        assert re.findall(r"action/\w+\.\w+", step["run"])


def test_the_page_has_every_input_and_output() -> None:
    rows = set(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE))
    assert rows == {*ACTION["inputs"], *ACTION["outputs"]}


def jobs_of(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [*workflow.get("jobs", {}).values()]


def test_workflows_of_the_pages_use_known_inputs_and_pinned_actions() -> None:
    text = PAGE + (ROOT / "docs/how-to/other-ci.md").read_text("utf-8")
    blocks: list[Any] = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.M)]
    steps: list[dict[str, Any]] = []
    for block in blocks:
        steps += block if isinstance(block, list) else [step for job in jobs_of(block) for step in job["steps"]]
    for step in steps:
        name, _, version = str(step["uses"]).rpartition("@")
        assert version == "COMMIT" or re.fullmatch("[0-9a-f]{40}", version)
        assert not name.endswith("OWNER/atpub") or step.get("with", {}).keys() <= ACTION["inputs"].keys()
    assert sum("password" in step.get("with", {}) for step in steps) == 2
    assert all("pull_request_target" not in str(block) for block in blocks)
