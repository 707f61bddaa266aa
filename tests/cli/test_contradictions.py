"""Options that contradict each other, or that a command would ignore, are usage errors."""

import pytest
from tests.cli.lab import Lab
from tests.cli.playground import write_files

URI = "at://did:web:local.invalid/science.alt.dataset.entry/digits"
PDS = "--pds https://pds.example"
NO_PDS = "which has no PDS"
URI_NAMES = "an at:// URI names its account itself"
FOR_URIS = "--repository is about at:// URIs"

CONTRADICTIONS = {
    f"plan {PDS}": NO_PDS,  # the manifest has `account: local`
    f"plan --account local:there {PDS}": NO_PDS,
    f"apply --yes {PDS}": NO_PDS,
    f"drift {PDS}": NO_PDS,
    f"list {PDS}": NO_PDS,
    f"show datasets/digits {PDS}": NO_PDS,
    f"import --all {PDS}": NO_PDS,
    f"export --car all.car {PDS}": NO_PDS,
    f"inventory verify {PDS}": NO_PDS,
    f"undo --yes {PDS}": NO_PDS,
    f"login {PDS}": NO_PDS,
    f"catalog {PDS}": NO_PDS,
    f"verify {PDS}": NO_PDS,
    f"pull {URI} --out there --repository .atpub/local {PDS}": NO_PDS,
    f"show {URI} --repository .atpub/local {PDS}": NO_PDS,
    f"inspect {URI} --repository .atpub/local {PDS}": NO_PDS,
    f"show {URI} --account local": URI_NAMES,
    f"open {URI} -m atpub.yaml --print": URI_NAMES,
    f"export {URI} --format croissant --account local": URI_NAMES,
    f"verify {URI} --account local": URI_NAMES,
    "show datasets/digits --repository .atpub/local": FOR_URIS,
    "open --repository .atpub/local --print": FOR_URIS,
    "croissant --repository .atpub/local": FOR_URIS,
    "verify datasets/digits --repository .atpub/local": FOR_URIS,
    "inspect data --repository .atpub/local": "are about at:// URIs",
    f"inspect data {PDS}": "are about at:// URIs",
    "export --format croissant --overwrite": "--overwrite is an option of --out",
    "croissant --overwrite": "--overwrite is an option of --out",
    "croissant --check --overwrite": "--check reads the manifest alone",
    "croissant --check --repository .atpub/local": "--check reads the manifest alone",
    "import --all --overwrite": "--overwrite is an option of --out and --download",
    "verify --max-bytes 5": "--max-bytes is an option of --deep",
    "undo --list 2024": "--list undoes nothing",
    "undo --list --force": "--list undoes nothing",
    "plan --only datasets/cats --exclude datasets/cats": "--only and --exclude name the same entry",
    "apply --digest 0123": "'0123' is not the digest of a plan",
    "approve 0123": "'0123' is not the digest of a plan",
    "validate --samples 0": "'0' is neither a number of samples nor `all`",
}


@pytest.mark.parametrize("line", CONTRADICTIONS)
def test_a_contradiction(line: str, lab: Lab) -> None:
    write_files(lab.folder, {".atpub/local": {"folder": True}})
    ran = lab.run(*line.split())
    message, hint, *_ = ran.err.split("\n")
    assert (ran.code, ran.out) == (64, ""), ran.err
    assert CONTRADICTIONS[line] in message
    assert hint.startswith("  hint: ")


def test_a_pds_of_the_environment_and_of_the_manifest_is_of_other_accounts(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATPUB_PDS", "https://pds.example")
    assert lab.plan().code == 0
    lab.change(("account: local", "account: local\npds: https://pds.example"))
    assert lab.plan().code == 0


def test_a_pds_for_a_saved_plan_of_a_folder(lab: Lab) -> None:
    assert lab.plan("--out", "plan.json").code == 0
    ran = lab.run("apply", "plan.json", *PDS.split())
    assert (ran.code, ran.out) == (64, "")
    assert NO_PDS in ran.err


@pytest.mark.parametrize(
    "line",
    [
        "init data --out - --json",
        "plan --json --out -",
        "lex lint nowhere --format json",
        "lex breaking a b --format=json",
        "validate --json extra",
    ],
)
def test_an_error_is_json_where_json_is_asked_for(line: str, lab: Lab) -> None:
    ran = lab.run(*line.split())
    assert ran.code == 64
    assert ran.json["error"]["code"] == "usage"
    assert ran.json["error"]["hint"]
