"""`atpub import`: what it writes, what it leaves out, and what it refuses."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion
from tests.cli.lab import CATS, ENTRY, LABEL, SCHEMA, Lab, path
from tests.cli.playground import Ran, tree, write_files

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import RecordPath
from atpub.repository.model import Create, Delete

NOTE = """\
{"lexicon": 1, "id": "org.lab.note", "defs": {"main": {"type": "record", "key": "any", "record":
  {"type": "object", "properties": {"text": {"type": "string"}}}}}}
"""
DID = "did:web:local.invalid"
POST = path("com.example.post", "a")


def uri(record: RecordPath) -> str:
    return f"at://{DID}/{record}"


@pytest.fixture
def old(lab: Lab) -> Lab:
    """The project, applied, and its manifest gone; another client has posted something."""
    assert lab.apply().code == 0
    (lab.folder / "atpub.yaml").unlink()
    lab.write_elsewhere(Create(POST, {"text": "x"}))
    return lab


def bring(lab: Lab, *args: str, project: str = "lab") -> Ran:
    return lab.run("import", "--account", "local", "--project", project, *args)


def shown(ran: Ran) -> str:
    return f"{ran.out}--- stderr\n{ran.err}--- exit {ran.code}\n"


WAYS = {
    "all of it": ["--all"],
    "one record": [uri(CATS)],
    "a collection": [f"at://{DID}/{LABEL}"],
    "a record and its schema": [uri(CATS), f"at://{DID}/{SCHEMA}"],
    "into a file": ["--all", "--out", "atpub.yaml"],
    "with blobs": ["--all", "--out", "atpub.yaml", "--download"],
}


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("way", WAYS)
def test_what_is_shown(old: Lab, way: str, flags: list[str], snapshot: SnapshotAssertion) -> None:
    ran = bring(old, *WAYS[way], *flags)
    assert ran.code == 0
    assert shown(ran) == snapshot
    if "--out" in WAYS[way]:
        assert (old.folder / "atpub.yaml").read_text() == snapshot
        assert old.plan("--detailed-exitcode").code == 0


def test_for_another_project(old: Lab, snapshot: SnapshotAssertion) -> None:
    assert shown(bring(old, "--all", "--out", "new.yaml", project="other")) == snapshot
    assert not (old.folder / "new.yaml").exists()


def test_adopted(old: Lab) -> None:
    old.write_elsewhere(*(Delete(found) for found in old.live("dev.atpub.inventory")))
    bring(old, "--all", "--out", "atpub.yaml", "--adopt", project="new")
    plan = old.run("plan", "--json").json
    assert {change["action"] for change in plan["changes"]} == {"adopt"}
    assert plan["uploads"] == []
    assert old.run("apply", "--yes").code == 0
    assert old.run("plan", "--detailed-exitcode").code == 0
    found = old.run("inventory", "verify", "--json").json
    assert (found["owned"], found["exact"]) == (4, True)


def test_beside_a_manifest_that_has_some_of_it(old: Lab) -> None:
    old.write()
    old.without("labels:")
    (old.folder / "manifests").mkdir()
    (old.folder / "atpub.yaml").rename(old.folder / "manifests" / "a.yaml")
    (old.folder / "data").rename(old.folder / "manifests" / "data")
    (old.folder / ".atpub").rename(old.folder / "manifests" / ".atpub")
    made = old.run("import", "--all", "--out", "manifests/b.yaml", "--json").json
    assert [entry["address"] for entry in made["entries"]] == ["labels/digits-1.0.0"]
    assert [problem["code"] for problem in made["warnings"]] == ["in-manifest", "unknown-lexicon"]
    assert old.run("plan", "--detailed-exitcode", "--reproducible").code == 0
    # Again, in its place: what the file has is not "there already".
    again = old.run("import", "--all", "--out", "manifests/b.yaml", "--overwrite", "--json").json
    assert again == made


def test_defaults_of_the_manifest_change_nothing(old: Lab) -> None:
    manifest = "atpub: 1\nproject: lab\naccount: local\ndefaults: {datasets: {license: CC0-1.0}}\n"
    (old.folder / "atpub.yaml").write_text(manifest)
    made = old.run("import", uri(CATS), "--json").json
    assert [entry["address"] for entry in made["entries"]] == ["records/cats"]


def test_many_checksums_go_into_a_file(lab: Lab) -> None:
    digests = "".join(f"{number:064x}  cats-{number}.tar\n" for number in range(9))
    (lab.folder / "cats.txt").write_text(digests)
    lab.change(("{0..2}", "{0..8}"), ("checksums: none", "checksums: cats.txt"))
    lab.apply()
    (lab.folder / "new").mkdir()
    account = f"local:{lab.folder / '.atpub' / 'local'}"
    made = lab.run("import", uri(CATS), "-m", "atpub.yaml", "--account", account)
    assert "in the manifest already" not in made.out
    (lab.folder / "atpub.yaml").unlink()
    lab.run("import", "--all", "--project", "lab", "--account", account, "--out", "new/atpub.yaml")
    assert (lab.folder / "new" / "cats.sha256").read_text() == digests
    assert lab.run("plan", "-m", "new", "--detailed-exitcode", "--account", account).code == 0
    refused = lab.run("import", "--all", "--project", "lab", "--account", account, "--out", "new/other.yaml")
    assert refused.code == 1
    assert "cats.sha256" in refused.err
    assert not (lab.folder / "new" / "other.yaml").exists()


WRONG: dict[str, tuple[list[str], int, str]] = {
    "nothing": ([], 64, "nothing to import is named"),
    "everything and one": (["--all", uri(CATS)], 64, "--all"),
    "no URI": (["cats"], 64, "not a valid AT URI"),
    "no collection": ([f"at://{DID}"], 64, "--all"),
    "an inventory": ([f"at://{DID}/dev.atpub.inventory/lab"], 64, "atpub manages itself"),
    "another account": (["at://did:plc:another/org.lab.note/a"], 64, "--account did:plc:another"),
    "a missing record": ([uri(CATS), uri(path(ENTRY, "2222222222222"))], 1, "2222222222222"),
    "a missing collection": ([f"at://{DID}/org.lab.note"], 1, "org.lab.note"),
    "files and nowhere to put them": (["--all", "--download"], 64, "--out"),
    "lexicons elsewhere": (["--all", "--lexicons", "..", "--out", "x.yaml"], 64, "outside"),
    "a file in the way": (["--all", "--out", "taken.yaml"], 1, "--overwrite"),
    "no repository": (["--all", "--account", "local:nowhere"], 1, "no repository"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong(old: Lab, name: str) -> None:
    (old.folder / "taken.yaml").write_text("mine")
    args, code, said = WRONG[name]
    before = tree(old.folder)
    ran = bring(old, *args, "--json")
    assert ran.code == code
    assert said in ran.err
    assert ran.json["error"]["hint"]
    assert tree(old.folder) == before


def test_a_project_is_needed(old: Lab) -> None:
    ran = old.run("import", "--all", "--account", "local", "--json")
    assert (ran.code, ran.json["error"]["hint"]) == (64, "name the project: --project NAME")
    ran = old.run("import", "--all", "--project", "lab", "--json")
    assert (ran.code, ran.json["error"]["message"]) == (64, "no account is given")
    old.write()
    refused = bring(old, "--all", "-m", "atpub.yaml", "--json", project="other")
    assert refused.json["error"]["hint"] == "leave out --project"
    # A manifest that was not named, and of another project, is not meant.
    assert bring(old, "--all", "--json", project="other").code == 0


def test_a_manifest_that_is_replaced_keeps_what_is_no_entry(old: Lab) -> None:
    policy = "policy:\n  max_delete: 10\n"
    (old.folder / "atpub.yaml").write_text(f"atpub: 1\nproject: lab\naccount: local\n{policy}records: {{}}\n")
    assert old.run("import", "--all", "--out", "atpub.yaml").code == 1
    assert old.run("import", "--all", "--out", "atpub.yaml", "--overwrite").code == 0
    text = (old.folder / "atpub.yaml").read_text()
    assert text.startswith(f"atpub: 1\nproject: lab\naccount: local\n{policy}\nschemas:\n")
    assert old.plan("--detailed-exitcode").code == 0


def test_blobs_are_not_saved_over_other_files(old: Lab) -> None:
    target = old.folder / "data" / "datasets" / "digits"
    target.mkdir(parents=True)
    (target / "digits-000001.tar").write_text("mine")
    flags = ["--all", "--out", "atpub.yaml", "--download"]
    ran = bring(old, *flags)
    assert ran.code == 1
    assert "exists and is not the blob" in ran.err
    assert sorted(found.name for found in target.iterdir()) == ["digits-000001.tar"]
    assert not (old.folder / "atpub.yaml").exists()
    assert bring(old, *flags, "--overwrite").code == 0
    assert (target / "digits-000001.tar").read_bytes() == (old.folder / "data" / "digits-1.tar").read_bytes()
    # What is there is not read from the repository again.
    assert "saved" not in bring(old, *flags, "--overwrite").err


def test_a_damaged_inventory_is_no_obstacle(old: Lab) -> None:
    damaged: JsonObject = {"project": "theirs", "entries": [{}]}
    old.write_elsewhere(Create(path("dev.atpub.inventory", "theirs"), damaged))
    ran = bring(old, "--all", "--json")
    assert len(ran.json["entries"]) == 4
    assert "damaged-inventory" in {problem["code"] for problem in ran.json["warnings"]}


def test_a_published_lexicon_and_its_records(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATPUB_VARS", "VAR")
    write_files(lab.folder, {"lexicons/note.json": NOTE})
    lab.change(("account: local\n", "account: local\nlexicons: {path: lexicons/, publish: true}\n"))
    lab.write(f"{lab.manifest}records:\n  a: {{collection: org.lab.note, value: {{text: '${{VAR:-x}} $$ $'}}}}\n")
    assert lab.apply().code == 0
    (lab.folder / "atpub.yaml").unlink()
    without = bring(lab, "--all", "--json").json
    assert [problem["code"] for problem in without["warnings"]] == ["unknown-lexicon", "not-all"]
    assert "resolve the warnings above that leave them out" in without["warnings"][1]["hint"]
    made = bring(lab, "--all", "--lexicons", "lexicons", "--out", "atpub.yaml", "--json").json
    assert made["warnings"] == []
    assert {"records/org.lab.note", "records/a"} < {entry["address"] for entry in made["entries"]}
    assert lab.plan("--detailed-exitcode").code == 0


def test_a_blob_whose_bytes_are_others_is_not_kept(old: Lab) -> None:
    for file in (old.folder / ".atpub" / "local" / "blobs").iterdir():
        file.write_bytes(b"others" * 100)
    ran = bring(old, "--all", "--out", "atpub.yaml", "--download", "--json")
    assert ran.code == 1
    assert ran.json["error"]["code"] == "blob-damaged"
    assert not list((old.folder / "data").rglob("digits-00000*"))
    assert not (old.folder / "atpub.yaml").exists()
