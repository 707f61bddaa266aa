"""Arguments that a command does not take: the hint names the option that their looks tell."""

from pathlib import Path

import pytest
from tests.cli.lab import Lab

from atpub.cli.commands import cli
from atpub.cli.failures import classify

MEANT = {
    "plan atpub.yaml": "name a manifest with -m: atpub plan -m atpub.yaml",
    "plan a.yaml b.yml": "name a manifest with -m: atpub plan -m a.yaml -m b.yml",
    "plan manifests": "name a manifest with -m: atpub plan -m manifests",
    "plan -": "name a manifest with -m: atpub plan -m -",
    "plan lab.example": "name an account with --account: atpub plan --account lab.example",
    "plan local": "name an account with --account: atpub plan --account local",
    "list local:there": "name an account with --account: atpub list --account local:there",
    "login @lab.example": "name an account with --account: atpub login --account @lab.example",
    "login did:plc:abc": "name an account with --account: atpub login --account did:plc:abc",
    "whoami at://lab.example/org.lab.note/1": "name an account with --account: atpub whoami --account lab.example",
    "logout https://pds.example": "name a server with --pds: atpub logout --pds https://pds.example",
    "plan datasets/digits": "name an entry with --only: atpub plan --only datasets/digits",
    "plan atpub.yaml lab.example": "name a manifest with -m and an account with --account: "
    "atpub plan -m atpub.yaml --account lab.example",
    f"apply plan.json {'0' * 64}": f"name a plan's digest with --digest: --digest {'0' * 64}",
    "export datasets/digits all.car": "name a CAR file with --car: --car all.car",
    "export datasets/digits digits.json": "name a file with --out: --out digits.json",
    "generate manifests": "name a folder of lexicons with --lexicons: atpub generate --lexicons manifests",
    # No option of the command takes what these look like.
    "generate lab.example": "atpub generate --help says how to use it",
    "validate datasets/digits": "atpub validate --help says how to use it",
    "plan digits": "atpub plan --help says how to use it",
    "plan lab.example digits": "atpub plan --help says how to use it",
    f"plan {'long' * 99}": "atpub plan --help says how to use it",
    f"plan {'long.' * 60}yaml": f"name a manifest with -m: atpub plan -m {'long.' * 60}yaml",
    f"plan datasets/{'long' * 99}": f"name an entry with --only: atpub plan --only datasets/{'long' * 99}",
    "rename datasets/d e f": "atpub rename --help says how to use it",
}


@pytest.mark.parametrize("line", MEANT)
def test_a_stray_argument(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifests").mkdir()
    args = line.split()
    with pytest.raises(Exception, match="got unexpected extra argument") as caught:
        cli.main(args, prog_name="atpub", standalone_mode=False)
    assert classify(caught.value, args).hint == MEANT[line]


@pytest.mark.parametrize(
    ("argument", "hint"),
    [
        ("lab.example", "name an account with --account: atpub apply --account lab.example"),
        ("plan.json", "save a plan first: atpub plan --out plan.json"),
        ("atpub.yaml", "a manifest is named with -m: atpub apply -m atpub.yaml"),
    ],
)
def test_an_argument_that_is_no_saved_plan(argument: str, hint: str, lab: Lab) -> None:
    ran = lab.run("apply", argument)
    assert (ran.code, ran.err.splitlines()[1]) == (64, f"  hint: {hint}")
