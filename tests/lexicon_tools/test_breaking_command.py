"""`atpub lex breaking`: where versions come from, formats, approvals, real records; and the plan that refuses."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.playground import Ran, write_files
from tests.cli.terminal import terminal

from atpub import plan
from atpub.agents.approvals import ApprovalStore
from atpub.atproto.evolution.rules import RULES
from atpub.cli.connect import TargetOptions
from atpub.cli.run.agent_tools import ProjectTools
from atpub.errors import InvalidArgument

Atpub = Callable[..., Ran]
PAGE = (Path(__file__).parents[2] / "docs/lexicon-tools.md").read_text("utf-8")
GOAT = {  # of `goat lex breaking`
    *(
        "type-change",
        "record-key-type",
        "body-encoding",
        "const-value",
        "enum-values",
        "integer-range",
        "string-length",
    ),
    *(
        "string-format",
        "bytes-length",
        "array-length",
        "object-required",
        "object-nullable",
        "blob-accept",
        "blob-size",
    ),
    *("params-required", "ref-change", "union-open-closed", "union-closed-refs"),
}
MANIFEST = "atpub: 1\nproject: lab\naccount: local\nlexicons: {path: lexicons, publish: true}\n"


def note(**text: Any) -> dict[str, Any]:
    properties = {"text": {"type": "string", **text}, "title": {"type": "string"}}
    record = {"type": "object", "required": ["text"], "properties": properties}
    main = {"type": "record", "description": "A note.", "key": "any", "record": record}
    return {"lexicon": 1, "id": "org.lab.note", "defs": {"main": main}}


def write(folder: Path, document: dict[str, Any], name: str = "lexicons/org/lab/note.json") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2), "utf-8")
    return file


@pytest.fixture
def versions(folder: Path) -> Path:
    """A folder with an old version of a lexicon in `old`, and a new one, which breaks others, in `lexicons`."""
    write(folder, note(maxLength=100), "old/note.json")
    write(folder, note(maxLength=50))
    return folder


def approval(atpub: Atpub, old: str | Path = "old") -> str:
    found = re.search(r"approve: (.+)", atpub("lex", "breaking", str(old)).out)
    assert found is not None
    return found[1]


def test_a_breaking_change_is_shown_at_its_place_with_a_way_out(versions: Path, atpub: Atpub) -> None:
    ran = atpub("lex", "breaking", "old", "--examples")
    assert ran.code == 1
    assert "lexicons/org/lab/note.json:17:13: error: $.defs.main.record.properties.text.maxLength" in ran.out
    assert "breaks readers of old records and writers (major) [max-length-tightened]" in ran.out
    assert "hint: keep the old limit" in ran.out
    assert f'{{"$type": "org.lab.note", "text": "{"a" * 100}"}} is valid by OLD' in ran.out
    assert "1 lexicon compared: 1 change, 1 breaking, 0 compatible; version: major." in ran.out


def test_an_account_is_on_the_server_of_the_environment(
    versions: Path, atpub: Atpub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATPUB_PDS", "nonsense")
    ran = atpub("lex", "breaking", "at://did:plc:ewvi7nxzyoun6zhxrhs64oiz")
    assert (ran.code, "ATPUB_PDS: 'nonsense' is not the address" in ran.err) == (64, True)


def test_equal_versions_differ_in_nothing(versions: Path, atpub: Atpub) -> None:
    ran = atpub("lex", "breaking", "old", "old")
    assert (ran.code, ran.out) == (0, "1 lexicon compared: nothing differs.\n")


def test_formats(versions: Path, atpub: Atpub) -> None:
    found = json.loads(atpub("lex", "breaking", "old", "--json").out)
    assert (found["breaking"], found["bump"], found["changes"][0]["proven"]) == (1, "major", True)
    assert atpub("lex", "breaking", "old", "--format", "github").out.startswith(
        "::error file=lexicons/org/lab/note.json"
    )
    table = atpub("lex", "breaking", "old", "--format", "markdown").out
    assert "| `max-length-tightened` | `org.lab.note` |" in table


@pytest.mark.parametrize("command", ["breaking old", "lint"])
def test_two_formats_are_wrong_usage(versions: Path, atpub: Atpub, command: str) -> None:
    ran = atpub("lex", *command.split(), "--json", "--format", "text")
    found = json.loads(ran.out)["error"]
    assert (ran.code, found["message"]) == (64, "--json and --format text exclude each other")
    same = atpub("lex", *command.split(), "--json", "--format", "json")
    assert (same.out, same.code) == (atpub("lex", *command.split(), "--json").out, same.code)


def test_an_approval_silences_one_change_and_not_the_next(versions: Path, atpub: Atpub) -> None:
    line = approval(atpub)
    Path("pyproject.toml").write_text(f'[tool.atpub.breaking]\napproved = ["{line}"]\n', "utf-8")
    ran = atpub("lex", "breaking", "old")
    assert (ran.code, ran.err) == (0, "")
    assert "1 approved" in ran.out
    write(versions, note(maxLength=40))
    again = atpub("lex", "breaking", "old")
    assert again.code == 1
    assert "[unused-approval]" in again.err


def test_a_revision_of_git(versions: Path, atpub: Atpub) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=lab", "-c", "user.email=lab@example.org")
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)

    new = (versions / "lexicons/org/lab/note.json").read_bytes()
    write(versions, note(maxLength=100))
    git("init", "-q")
    git("add", "lexicons")
    git("commit", "-qm", "first")
    (versions / "lexicons/org/lab/note.json").write_bytes(new)
    ran = atpub("lex", "breaking", "HEAD:lexicons")
    assert ran.code == 1
    assert "max-length-tightened" in ran.out
    assert atpub("lex", "breaking", "lexicons", "HEAD:lexicons").out.count("max-length-loosened") == 2
    missing = atpub("lex", "breaking", "HEAD~1:lexicons")
    assert (missing.code, "no revision" in missing.err) == (64, True)


def test_an_invalid_old_lexicon_is_a_warning_and_an_invalid_new_one_an_error(versions: Path, atpub: Atpub) -> None:
    write(versions, {"lexicon": 2}, "old/broken.json")
    assert "[lexicon]" in atpub("lex", "breaking", "old").err
    assert atpub("lex", "breaking", "lexicons", "old").code == 3


def referring(target: str) -> dict[str, Any]:
    """A lexicon with a record that refers to a definition."""
    record = {"type": "object", "properties": {"to": {"type": "ref", "ref": target}, "n": {"type": "integer"}}}
    return {"lexicon": 1, "id": "org.lab.link", "defs": {"main": {"type": "record", "key": "any", "record": record}}}


def test_a_wrong_reference_in_old_is_a_warning_and_in_new_an_error(versions: Path, atpub: Atpub) -> None:
    write(versions, referring("org.lab.note#gone"), "old/link.json")
    write(versions, referring("org.lab.note"), "lexicons/org/lab/link.json")
    ran = atpub("lex", "breaking", "old")
    assert "old/link.json:" in ran.err
    assert ("[missing-ref]" in ran.err, ran.code) == (True, 1)
    assert "ref-changed org.lab.link" in ran.out
    assert "max-length-tightened org.lab.note" in ran.out
    assert atpub("lex", "breaking", "lexicons", "old").code == 3


def test_what_old_refers_to_and_does_not_have_is_as_in_new(versions: Path, atpub: Atpub) -> None:
    write(versions, referring("org.lab.thing"), "old/link.json")
    changed = referring("org.lab.thing")
    changed["defs"]["main"]["record"]["properties"]["to"] = {"type": "string"}
    write(versions, changed, "lexicons/org/lab/link.json")
    thing = {"type": "object", "required": ["name"], "properties": {"name": {"type": "integer"}}}
    write(versions, {"lexicon": 1, "id": "org.lab.thing", "defs": {"main": thing}}, "lexicons/org/lab/thing.json")
    ran = atpub("lex", "breaking", "old", "--examples")
    assert '{"$type": "org.lab.link", "to": {"name": 0}} is valid by OLD' in ran.out


def test_real_records(versions: Path, atpub: Atpub) -> None:
    records = [{"$type": "org.lab.note", "text": "a" * size} for size in (10, 60, 200)]
    Path("notes.jsonl").write_text("\n".join(map(json.dumps, records)), "utf-8")
    ran = atpub("lex", "breaking", "old", "--against-data", "notes.jsonl")
    assert "1 of 3 records in notes.jsonl affected; 1 invalid by both." in ran.out
    assert "notes.jsonl:2:" in ran.out


def test_records_of_a_lexicon_that_is_gone_are_affected(versions: Path, atpub: Atpub) -> None:
    page = json.loads((versions / "old/note.json").read_text("utf-8")) | {"id": "org.lab.page"}
    write(versions, page, "old/page.json")
    write_files(versions, {"records/page.json": json.dumps({"$type": "org.lab.page", "text": "a"})})
    for new, counted in (("lexicons", "1 of 1 record in records affected."), ("lexicons/org/lab/note.json", "0 of 0")):
        assert counted in atpub("lex", "breaking", "old", new, "--against-data", "records").out


def test_data_that_cannot_be_read_is_counted(versions: Path, atpub: Atpub) -> None:
    write_files(
        versions, {"notes.jsonl": '{"$type": "org.lab.note", "text": "a"}\n{\n{"text": "a"}\n', "a.yaml": "a: 1\n"}
    )
    found = json.loads(atpub("lex", "breaking", "old", "--against-data", "notes.jsonl", "--json").out)["data"]
    assert found == {"source": "notes.jsonl", "records": 1, "affected": 0, "invalid": 0, "unread": 2}
    ran = atpub("lex", "breaking", "old", "--against-data", "a.yaml")
    assert "0 of 0 records in a.yaml affected; 1 more cannot be read, or do not say their type ($type)." in ran.out
    for name in ("lost.car", "lost.json"):
        missing = atpub("lex", "breaking", "old", "--against-data", name)
        assert (missing.code, f"error: {name} does not exist" in missing.err) == (64, True)
    (versions / "lab.car").write_bytes(b"\x00")
    assert "error: lab.car: " in atpub("lex", "breaking", "old", "--against-data", "lab.car").err
    with (versions / "lab.car").open("r+b") as stream:
        stream.truncate(1 << 40)  # sparse
    assert "error: lab.car: " in atpub("lex", "breaking", "old", "--against-data", "lab.car").err


def test_published_lexicons_and_the_plan_that_would_break_them(versions: Path, atpub: Atpub) -> None:
    new = (versions / "lexicons/org/lab/note.json").read_bytes()
    write(versions, note(maxLength=100))
    records = 'records:\n  one: {collection: org.lab.note, rkey: one, value: {text: "' + "a" * 60 + '"}}\n'
    Path("atpub.yaml").write_text(MANIFEST + records, "utf-8")
    assert atpub("apply", "--yes").code == 0
    Path("atpub.yaml").write_text(MANIFEST + records.replace("a" * 60, "b"), "utf-8")
    (versions / "lexicons/org/lab/note.json").write_bytes(new)
    ran = atpub("lex", "breaking", "published", "--against-data", "published")
    assert (ran.code, "1 of 1 record in published affected" in ran.out) == (1, True)
    assert atpub("lex", "breaking", "at://did:web:local.invalid").code == 1
    atpub("export", "--car", "lab.car")
    ran = atpub("lex", "breaking", "published", "--against-data", "lab.car")
    assert "1 of 1 record in lab.car" in ran.out
    assert "\nat://did:web:local.invalid/org.lab.note/one: error: $.text: " in ran.out
    planned = atpub("plan")
    assert planned.code == 7
    assert "max-length-tightened at $.defs.main.record.properties.text.maxLength" in planned.out
    assert "[breaking-lexicon]" in planned.out
    assert atpub("apply", "--yes").code == 7
    assert atpub("plan", "--allow-breaking").code == 0
    assert atpub("apply", "--yes", "--allow-breaking").code == 0


def published(rkey: str, document: dict[str, Any]) -> str:
    """A manifest that publishes a lexicon as any other record, so that the record key may be another one."""
    record = {"collection": "com.atproto.lexicon.schema", "rkey": rkey, "value": document}
    return json.dumps({"atpub": 1, "project": "lab", "account": "local", "records": {"one": record}})


def test_a_record_under_another_name_than_its_own_is_no_version_of_a_lexicon(versions: Path, atpub: Atpub) -> None:
    Path("atpub.yaml").write_text(published("org.lab.other", note(maxLength=100)), "utf-8")
    assert atpub("apply", "--yes").code == 0
    ran = atpub("lex", "breaking", "published", "--all")
    assert "org.lab.other:2:9: warning: the record is not the lexicon org.lab.other, its record key" in ran.err
    assert "[lexicon-id]" in ran.err
    assert (ran.code, "[lexicon-added]" in ran.out) == (0, True)
    assert atpub("lex", "breaking", "lexicons", "published").code == 3


def test_a_lexicon_that_takes_the_name_of_another_is_gone(versions: Path, atpub: Atpub) -> None:
    Path("atpub.yaml").write_text(published("org.lab.note", note()), "utf-8")
    assert atpub("apply", "--yes").code == 0
    Path("atpub.yaml").write_text(published("org.lab.note", {**note(), "id": "org.lab.other"}), "utf-8")
    planned = atpub("plan")
    assert (planned.code, "lexicon-removed at $" in planned.out) == (7, True)


def test_a_plan_deletes_a_published_lexicon_only_if_that_is_allowed_or_approved(versions: Path, atpub: Atpub) -> None:
    other = {**note(), "id": "org.lab.page"}
    write(versions, other, "lexicons/org/lab/page.json")
    Path("atpub.yaml").write_text(MANIFEST, "utf-8")
    assert atpub("apply", "--yes").code == 0
    before = shutil.copytree("lexicons", "before")
    (versions / "lexicons/org/lab/page.json").unlink()
    planned = atpub("plan")
    assert planned.code == 7
    assert "lexicon-removed at $ (the lexicon is gone: breaks readers of old records and writers)" in planned.out
    assert "hint: keep it, and describe it as deprecated; if it is meant: --allow-breaking" in planned.out
    assert atpub("plan", "--allow-breaking").code == 0
    line = approval(atpub, before)
    Path("pyproject.toml").write_text(f'[tool.atpub.breaking]\napproved = ["{line}"]\n', "utf-8")
    assert atpub("plan").code == 0
    assert atpub("apply", "--yes").code == 0
    assert atpub("lex", "breaking", "published").code == 0


def test_an_approval_counts_for_the_plan_and_for_the_change_that_it_names(versions: Path, atpub: Atpub) -> None:
    new = (versions / "lexicons/org/lab/note.json").read_bytes()
    write(versions, note(maxLength=100))
    Path("atpub.yaml").write_text(MANIFEST, "utf-8")
    assert atpub("apply", "--yes").code == 0
    (versions / "lexicons/org/lab/note.json").write_bytes(new)
    line = approval(atpub, "published")
    Path("pyproject.toml").write_text(f'[tool.atpub.breaking]\napproved = ["{line}"]\n', "utf-8")
    planned = atpub("plan", "--json")
    assert planned.code == 0
    tools = ProjectTools((), TargetOptions(None, None, None), os.environ, ApprovalStore(versions / "approvals"))
    assert tools.call("plan", {}).data == planned.json, "an agent's plan is the same"
    assert [refusal.code for refusal in plan("atpub.yaml").refusals] == ["breaking-lexicon"]
    assert not plan("atpub.yaml", approved=[f"  {line.replace(' ', '  ', 1)}"]).refusals
    with pytest.raises(InvalidArgument, match=r"plan\(approved=…\): expected a list of lines"):
        plan("atpub.yaml", approved=line)
    write(versions, note(maxLength=40))
    assert plan("atpub.yaml", approved=[line]).refusals
    assert atpub("plan").code == 7


@pytest.mark.slow
def test_a_person_who_approves_a_plan_is_told_what_pyproject_approves(
    versions: Path, atpub: Atpub, tmp_path_factory: pytest.TempPathFactory
) -> None:
    new = (versions / "lexicons/org/lab/note.json").read_bytes()
    write(versions, note(maxLength=100))
    Path("atpub.yaml").write_text(MANIFEST, "utf-8")
    assert atpub("apply", "--yes").code == 0
    (versions / "lexicons/org/lab/note.json").write_bytes(new)
    line = approval(atpub, "published")
    Path("pyproject.toml").write_text(
        f'[tool.atpub.breaking]\napproved = ["{line}", "other org.lab.page $ 0"]\n', "utf-8"
    )
    digest, state = atpub("plan", "--json").json["digest"], str(tmp_path_factory.mktemp("state"))
    with terminal("approve", digest, cwd=versions, NO_COLOR="1", XDG_STATE_HOME=state) as asked:
        asked.until("Let an agent apply this once")
        asked.type("yes\n")
        assert asked.end() == 0, asked.text
    assert asked.text.count("pyproject.toml approves") == 1
    assert f"a change that breaks others: {line}" in asked.text


def test_destroy_deletes_lexicons_too(versions: Path, atpub: Atpub) -> None:
    Path("atpub.yaml").write_text(MANIFEST, "utf-8")
    assert atpub("apply", "--yes").code == 0
    assert atpub("destroy", "--yes").code == 0
    assert atpub("lex", "breaking", "published").code == 64


def test_a_compatible_update_of_a_published_lexicon_is_planned(versions: Path, atpub: Atpub) -> None:
    Path("atpub.yaml").write_text(MANIFEST, "utf-8")
    assert atpub("apply", "--yes").code == 0
    changed = note(maxLength=50)
    changed["defs"]["main"]["record"]["properties"]["colour"] = {"type": "string"}
    write(versions, changed)
    assert atpub("plan").code == 0


def test_the_page_has_every_change() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+?) \| (?:[^|]+) \| ([^|`]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert [(code, summary, way_out, names) for code, summary, way_out, names in rows] == [
        (rule.code, rule.summary, rule.way_out or "–", ", ".join(f"`{name}`" for name in rule.goat) or "–")
        for rule in RULES
    ]


def test_every_rule_of_goat_has_one_here() -> None:
    assert {name for rule in RULES for name in rule.goat} == GOAT
