"""How the commands go together: digests, accounts, environments, several manifests, and what is left on the disk."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.lab import MANIFEST, Lab
from tests.cli.playground import Ran, tree, write_files


def without_repository(folder: Path) -> dict[str, str]:
    return {name: held for name, held in tree(folder).items() if not name.startswith(".atpub")}


def test_plan_and_validate_write_nothing(lab: Lab) -> None:
    before = tree(lab.folder)
    assert lab.plan().code == 0
    assert lab.run("validate").code == 0
    assert tree(lab.folder) == before


def test_apply_writes_the_repository_and_nothing_else(lab: Lab) -> None:
    before = tree(lab.folder)
    assert lab.apply().code == 0
    assert without_repository(lab.folder) == before
    assert (lab.folder / ".atpub/local/.gitignore").read_text() == "*\n"


def test_apply_again_changes_no_byte(lab: Lab) -> None:
    assert lab.apply().code == 0
    before = tree(lab.folder)
    assert lab.apply().code == 0
    assert {name for name, held in tree(lab.folder).items() if before.get(name) != held} <= {
        ".atpub/local/repo.sqlite-shm",
        ".atpub/local/repo.sqlite-wal",
    }


@pytest.mark.parametrize("form", ["{}", "sha256:{}", " {} "])
def test_a_digest_applies_that_plan_and_no_other(lab: Lab, form: str) -> None:
    digest = lab.plan("--json").json["digest"]
    wrong = lab.run("apply", "--digest", "0" * 64)
    assert (wrong.code, wrong.out) == (5, "")
    assert f"the plan's digest is {digest} now, not {'0' * 64} [stale-plan]" in wrong.err
    assert not (lab.folder / ".atpub").exists()
    assert lab.run("apply", "--digest", form.format(digest)).code == 0
    lab.change(("Ten of them.", "Eleven of them."))
    assert lab.run("apply", "--digest", digest).code == 5
    assert lab.run("apply", "--yes", "--digest", digest).code == 5


def test_the_digest_does_not_depend_on_the_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    first = lab.plan("--json").json
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    second = lab.plan("--json").json
    assert first["digest"] == second["digest"]
    assert first["changes"] != second["changes"]


def test_accounts_by_flag_environment_and_manifest(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lab.plan("--json").json["account"] == "local"
    monkeypatch.setenv("ATPUB_ACCOUNT", "local:from-environment")
    assert lab.plan("--json").json["account"] == "local:from-environment"
    assert lab.plan("--json", "--account", "local:from-flag").json["account"] == "local:from-flag"
    assert lab.apply("--account", "local:from-flag").code == 0
    assert (lab.folder / "from-flag/repo.sqlite").is_file()
    monkeypatch.setenv("ATPUB_ACCOUNT", "")
    assert lab.plan("--json").json["account"] == "local"


def test_environments(lab: Lab) -> None:
    lab.write(lab.manifest.replace("account: local\n", "account: local\nenvironments: {staging: {account: local:s}}\n"))
    assert lab.apply("--env", "staging").code == 0
    assert (lab.folder / "s/repo.sqlite").is_file()
    assert lab.plan("--detailed-exitcode").code == 2
    assert lab.plan("--detailed-exitcode", "--env", "staging").code == 0


def test_variables_are_declared_on_the_command_line(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TITLE", "MARKER")
    lab.change(("name: Digits\n", "name: ${TITLE}\n"))
    refused = lab.plan()
    assert (refused.code, "[variable-not-declared]" in refused.err, "MARKER" in refused.err) == (3, True, False)
    assert "MARKER" in lab.plan("--var", "TITLE", "--json").out
    assert "OTHER" in lab.plan("--var", "TITLE=OTHER", "--json").out
    assert lab.plan("--var", "A B").code == 64


def test_variables_of_other_environments_need_not_be_set(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATPUB_VARS", "NO_SUCH_ACCOUNT")
    environments = "environments: {staging: {account: local:s}, prod: {account: '${NO_SUCH_ACCOUNT}'}}"
    lab.change(("account: local\n", f"account: local\n{environments}\n"))
    assert lab.plan().code == 0
    assert lab.plan("--env", "staging").code == 0
    unset = lab.plan("--env", "prod")
    assert unset.code == 3
    assert "the environment variable NO_SUCH_ACCOUNT is not set" in unset.err
    assert "1 error\n" in unset.err  # and not that it is no account
    assert lab.apply().code == 0
    assert lab.run("import", "--all", "--out", "atpub.yaml", "--overwrite").code == 0
    assert "account: ${NO_SUCH_ACCOUNT}" in (lab.folder / "atpub.yaml").read_text()
    assert lab.plan("--env", "staging").code == 0


def test_the_same_identities_everywhere(lab: Lab) -> None:
    here = lab.plan("--json").json
    lab.write(lab.manifest.replace("account: local\n", "account: local\ndid: did:web:other.example\n"))
    there = lab.plan("--json", "--account", "local:other").json
    assert there["did"] == "did:web:other.example"
    paths = [change["uri"].split("/", 3)[3] for change in here["changes"]]
    assert paths == [change["uri"].split("/", 3)[3] for change in there["changes"]]


def test_several_manifests_and_folders(lab: Lab, atpub: Callable[..., Ran]) -> None:
    head, schemas, datasets, labels = lab.manifest.split("\n\n")
    (lab.folder / "atpub.yaml").unlink()
    write_files(
        lab.folder,
        {"one.yaml": f"{head}\n{schemas}\n", "two.yaml": f"{datasets}\n", "more/labels.yaml": f"{labels}\n"},
    )
    args = ("-m", "one.yaml", "-m", "two.yaml", "-m", "more", "-m", "./one.yaml")
    assert atpub("validate", *args).out == "lab: 4 records, all valid.\n"
    digest = atpub("plan", "--json", *args).json["digest"]
    (lab.folder / "atpub.yaml").write_text(MANIFEST)
    assert lab.plan("--json").json["digest"] == digest


def test_manifests_in_a_folder_are_found(lab: Lab) -> None:
    (lab.folder / "manifests").mkdir()
    (lab.folder / "atpub.yaml").rename(lab.folder / "manifests/atpub.yaml")
    (lab.folder / "data").rename(lab.folder / "manifests/data")
    assert lab.plan("--json").json["pending"]
    assert lab.apply().code == 0
    assert (lab.folder / "manifests/.atpub/local/repo.sqlite").is_file()


def test_a_manifest_named_by_its_folder(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert lab.plan("-m", "..", "--json").json["digest"] == lab.plan("-m", "../atpub.yaml", "--json").json["digest"]
    assert list(elsewhere.iterdir()) == []


def test_forgetting_what_is_not_owned_is_a_warning(lab: Lab) -> None:
    assert lab.apply().code == 0
    ran = lab.plan("--forget", "datasets/typo", "--forget", "datasets/cats")
    assert ran.code == 0
    assert re.findall(r"warning: --forget (\S+): the project owns no such record", ran.err) == [
        "datasets/cats",
        "datasets/typo",
    ]


def test_warnings_are_told_once_and_are_in_the_json(lab: Lab) -> None:
    lab.change(("https://cdn.lab.example/", "s3://lab/"))
    ran = lab.apply("--json")
    assert (ran.code, ran.err.count("[s3-endpoint]")) == (0, 1)
    (warning,) = lab.plan("--json").json["warnings"]
    assert (warning["code"], warning["severity"], warning["line"]) == ("s3-endpoint", "warning", 21)


def test_a_shard_that_changes_is_uploaded_again(lab: Lab) -> None:
    assert lab.apply().code == 0
    write_files(lab.folder, {"data/digits-1.tar": {"tar": 9}})
    plan = lab.plan("--json").json
    assert [upload["file"] for upload in plan["uploads"]] == ["data/digits-1.tar"]
    assert [change["address"] for change in plan["changes"] if change["action"] == "update"] == ["datasets/digits"]
    assert lab.apply().code == 0
    assert lab.plan("--detailed-exitcode").code == 0


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("publish", "apply"),
        ("upload", "apply"),
        ("push", "apply"),
        ("up", "apply"),
        ("diff", "plan"),
        ("paln", "plan"),
        ("rollback", "undo"),
        ("format", "lex format"),
        ("plan --output x", "--out"),
        ("plan -f x", "-m"),
        ("login --handle x", "--account"),
        ("lock --locked", "--check"),
        ("-V", "--version"),
    ],
)
def test_another_tools_word_for_a_command_or_an_option(name: str, meant: str, lab: Lab) -> None:
    ran = lab.run(*name.split())
    assert ran.code == 64
    assert f"hint: did you mean '{meant}'?" in ran.err


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("help plan", "atpub [COMMAND] --help"),
        ("version", "atpub --version"),
        ("apply --dry-run", "without --yes, atpub apply shows the changes, as atpub plan does, and asks before"),
        ("undo --dry-run", "without --yes, atpub undo shows the changes, and asks before it makes them"),
        ("plan --dry-run", "atpub plan --help lists the options"),
    ],
)
def test_what_other_tools_have_and_atpub_has_otherwise(line: str, hint: str, lab: Lab) -> None:
    ran = lab.run(*line.split())
    assert ran.code == 64
    assert f"  hint: {hint}" in ran.err


def test_an_argument_too_many_is_no_manifest_where_the_command_has_arguments(lab: Lab) -> None:
    assert "name a manifest with -m: atpub plan -m other.yaml" in lab.run("plan", "other.yaml").err
    assert "-m" not in lab.run("rename", "datasets/d", "e", "f").err


def test_a_path_that_is_missing_is_named_without_the_form_of_the_argument(lab: Lab) -> None:
    assert lab.run("lex", "lint", "nowhere").err.startswith("error: path 'nowhere' does not exist [usage]\n")
    assert "invalid value for '--lexicons'" in lab.run("check", "a.json", "--lexicons", "nowhere").err


def test_a_word_for_a_command_of_another_group_is_none_here(lab: Lab) -> None:
    assert "did you mean 'apply'" not in lab.run("inventory", "push").err


def test_a_trial_can_be_thrown_away(lab: Lab) -> None:
    assert lab.apply().code == 0
    lab.change(("label: integer", "label: string"))
    ran = lab.plan()
    assert ran.code == 7
    assert "; to start a trial again, rm -r .atpub/local\n" in ran.err + ran.out


def test_a_file_name_where_a_blob_belongs(lab: Lab) -> None:
    lexicon = """{"lexicon": 1, "id": "org.lab.dish", "defs": {"main": {"type": "record", "key": "any", "record":
        {"type": "object", "properties": {"photo": {"type": "blob"}, "version": {"type": "string"}}}}}}"""
    write_files(lab.folder, {"lexicons/org/lab/dish.json": lexicon, "soup.jpg": "x"})
    record = "records:\n  soup: {collection: org.lab.dish, value: {photo: soup.jpg, version: 010}}\n"
    lab.write(f"atpub: 1\nproject: lab\naccount: local\nlexicons: {{path: lexicons}}\n{record}")
    ran = lab.run("validate")
    assert "hint: for a file, write {$blob: soup.jpg}\n" in ran.err
    assert 'hint: put it in quotes: "010"\n' in ran.err
    lab.change(("version: 010", "version: 1.10"))
    assert 'hint: put it in quotes: "1.10"\n' in lab.run("validate").err
    for meant in ("{file: soup.jpg}", "{path: soup.jpg}"):
        lab.write(
            f"atpub: 1\nproject: lab\naccount: local\nlexicons: {{path: lexicons}}\n{record}".replace("soup.jpg", meant)
        )
        assert "hint: for a file, write {$blob: soup.jpg}\n" in lab.run("validate").err
