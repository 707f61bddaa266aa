"""What people and programs are shown, as snapshots: times are pinned, and what is random is masked."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from tests.cli.lab import CATS, DIGITS, ENTRY, LABEL, SCHEMA, Lab, edited, path, uploads_in_order
from tests.cli.playground import Ran

from atpub.atproto.syntax import Nsid, deterministic_tid
from atpub.cli.commands import COMMANDS
from atpub.cli.lexicon_commands import lex
from atpub.cli.publishing_commands import inventory
from atpub.repository.model import Create, Delete

IMAGE = path(SCHEMA, "org.lab.image:1.0.0")


def masked(text: str) -> str:
    """The text without what a random key or the clock decides: commits."""
    text = re.sub(r'"head": "bafy[a-z2-7]+"', '"head": "(commit)"', text)
    return uploads_in_order(re.sub(r"(committed .* as )[2-7a-z]{13}", r"\1(rev)", text))


def shown(ran: Ran) -> str:
    """All that a run shows, as a snapshot keeps it."""
    return masked(f"{ran.out}--- stderr\n{ran.err}--- exit {ran.code}\n")


# Each state of the project: what is done to it, and which flags the plan is made with.


def fresh(lab: Lab) -> list[str]:
    return []


def applied(lab: Lab) -> list[str]:
    assert lab.apply().code == 0
    return []


def changed(lab: Lab) -> list[str]:
    applied(lab)
    lab.change(
        ("Ten of them.", "Ten of them, written by hand, scanned, and cut into squares of eight by eight pixels. Old."),
        ("tags: [digits]", "tags: [digits, small]\n    license: CC0-1.0"),
        ("{0..2}", "{0..3}"),
    )
    assert lab.apply().code == 0
    lab.change(
        ("Old.", "New."),
        ("tags: [digits, small]", "tags: [small]"),
        ("    license: CC0-1.0\n", ""),
        ("{0..3}", "{1..4}"),
        ("labels:\n", "labels:\n  digits-2: {name: digits, dataset: digits, version: 2.0.0}\n"),
    )
    return []


def fewer(lab: Lab) -> list[str]:
    applied(lab)
    lab.without("labels:")
    lab.change(
        ('  cats:\n    schema: image\n    urls: "https://cdn.lab.example/cats-{0..2}.tar"\n    checksums: none', "")
    )
    return []


def pruned(lab: Lab) -> list[str]:
    fewer(lab)
    return ["--prune-versions"]


def drifted(lab: Lab) -> list[str]:
    applied(lab)
    lab.write_elsewhere(edited(lab, DIGITS), Delete(CATS))
    return []


def drifted_and_gone(lab: Lab) -> list[str]:
    fewer(lab)
    lab.write_elsewhere(edited(lab, CATS))
    return []


def drifted_and_deleted(lab: Lab) -> list[str]:
    drifted_and_gone(lab)
    return ["--delete-drifted"]


def forgotten(lab: Lab) -> list[str]:
    fewer(lab)
    return ["--forget", "datasets/cats"]


def unrelated(lab: Lab) -> list[str]:
    applied(lab)
    theirs = {**lab.live(ENTRY)[CATS], "name": "Cats of old"}
    lab.change(("  cats:\n", "  dogs:\n"))
    lab.write_elsewhere(Create(path(ENTRY, deterministic_tid(Nsid(ENTRY), "dogs")), theirs))
    return []


def adopted(lab: Lab) -> list[str]:
    unrelated(lab)
    lab.change(("  dogs:\n", "  dogs:\n    adopt: true\n"))
    return []


def of_another_project(lab: Lab) -> list[str]:
    applied(lab)
    lab.change(("project: lab", "project: other"))
    return []


def protected(lab: Lab) -> list[str]:
    lab.change(("  cats:\n", "  cats:\n    protect: true\n"))
    applied(lab)
    lab.change(("  cats:\n    protect: true\n", "  dogs:\n"))
    return []


def of_another_content(lab: Lab) -> list[str]:
    applied(lab)
    lab.change(("label: integer", "label: string"))
    return []


def replaced(lab: Lab) -> list[str]:
    lab.without("labels:", "schemas:")
    lab.change(("  digits:\n    schema: image\n", f"  digits:\n    schema: at://lab.example/{SCHEMA}/x\n"))
    lab.change(("  cats:\n    schema: image\n", f"  cats:\n    schema: at://lab.example/{SCHEMA}/x\n"))
    applied(lab)
    lab.change(("  digits:\n", "  numbers:\n"), ("  cats:\n", "  dogs:\n"))
    return []


def too_many_deletes(lab: Lab) -> list[str]:
    applied(lab)
    lab.without("datasets:", "labels:")
    lab.write(lab.manifest.replace("account: local\n", "account: local\npolicy: {max_delete: 1}\n"))
    return []


def only_protect(lab: Lab) -> list[str]:
    applied(lab)
    lab.change(("  cats:\n", "  cats:\n    protect: true\n"))
    return []


def renamed(lab: Lab) -> list[str]:
    applied(lab)
    lab.change(("  cats:\n", "  felines:\n    id: cats\n    protect: true\n    license: CC0-1.0\n"))
    return []


def beside_others(lab: Lab) -> list[str]:
    applied(lab)
    record = lab.live(ENTRY)[CATS]
    lab.write_elsewhere(
        *(Create(path(ENTRY, deterministic_tid(Nsid(ENTRY), name)), record) for name in ("dogs", "mice"))
    )
    return []


def a_part(lab: Lab) -> list[str]:
    return ["--only", "datasets/digits"]


def with_warnings(lab: Lab) -> list[str]:
    lab.change(("https://cdn.lab.example/", "s3://lab/"))
    return []


STATES = [
    fresh,
    applied,
    changed,
    fewer,
    pruned,
    drifted,
    drifted_and_gone,
    drifted_and_deleted,
    forgotten,
    unrelated,
    adopted,
    of_another_project,
    protected,
    of_another_content,
    replaced,
    too_many_deletes,
    only_protect,
    renamed,
    beside_others,
    a_part,
    with_warnings,
]
REFUSED = {
    drifted_and_gone,
    unrelated,
    of_another_project,
    protected,
    of_another_content,
    replaced,
    too_many_deletes,
}
State = Callable[[Lab], list[str]]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_plan(state: State, lab: Lab, snapshot: SnapshotAssertion) -> None:
    flags = state(lab)
    plan = lab.plan(*flags)
    assert plan.code == (7 if state in REFUSED else 0)
    assert shown(plan) == snapshot


IN_JSON = [fresh, changed, drifted, of_another_content, beside_others, a_part]


@pytest.mark.parametrize("state", IN_JSON, ids=lambda state: state.__name__)
def test_plan_json(state: State, lab: Lab, snapshot: SnapshotAssertion) -> None:
    flags = state(lab)
    assert shown(lab.plan("--json", *flags)) == snapshot


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_plan_json_has_what_it_must(state: State, lab: Lab) -> None:
    flags = state(lab)
    plan = lab.plan("--json", *flags).json
    assert plan["format_version"].startswith("2.")
    assert re.fullmatch("[0-9a-f]{64}", plan["digest"])
    assert (plan["account"], plan["did"]) == ("local", "did:web:local.invalid")
    for change in plan["changes"]:
        assert change["uri"].startswith("at://did:web:local.invalid/")
        assert {"address", "action", "before_cid", "after_cid"} <= change.keys()
    drifts = sum(change["drift"] is not None for change in plan["changes"])
    actions = [change["action"] for change in plan["changes"]]
    assert {**{action: actions.count(action) for action in plan["summary"]}, "drift": drifts} == plan["summary"]
    assert {"points", "writes", "commits", "bytes"} <= plan["cost"].keys()
    assert all({"cid", "size"} <= upload.keys() for upload in plan["uploads"])


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_after_apply_nothing_is_left_to_do(state: State, lab: Lab) -> None:
    flags = state(lab)
    pending = lab.plan("--json", *flags).json["pending"]
    if state in REFUSED:
        assert lab.plan("--detailed-exitcode", *flags).code == 7
        assert lab.apply(*flags).code == 7
        return
    assert lab.plan("--detailed-exitcode", *flags).code == (2 if pending else 0)
    ran = lab.apply(*flags)
    assert ran.code == 0, ran.err
    after = lab.plan("--detailed-exitcode", "--json", *(flags if state is a_part else []))
    assert after.code == 0
    assert {change["action"] for change in after.json["changes"]} <= {"unchanged", "keep"}


@pytest.mark.parametrize("state", [fresh, applied, changed, of_another_content], ids=lambda state: state.__name__)
def test_apply(state: State, lab: Lab, snapshot: SnapshotAssertion) -> None:
    flags = state(lab)
    assert shown(lab.apply(*flags)) == snapshot


@pytest.mark.parametrize("state", [fresh, of_another_content], ids=lambda state: state.__name__)
def test_apply_json(state: State, lab: Lab, snapshot: SnapshotAssertion) -> None:
    flags = state(lab)
    ran = lab.apply("--json", *flags)
    assert ran.json
    assert shown(ran) == snapshot


def test_apply_json_says_what_became_of_each_record(lab: Lab) -> None:
    planned = {change["address"]: change for change in lab.plan("--json").json["changes"]}
    outcomes = lab.apply("--json").json["outcomes"]
    assert {outcome["address"] for outcome in outcomes} == planned.keys()
    for outcome in outcomes:
        assert outcome.keys() == {"address", "action", "uri", "cid", "status", "error"}
        assert outcome["cid"] == planned[outcome["address"]]["after_cid"]
        assert (outcome["status"], outcome["error"]) == ("applied", None)
    assert {outcome["status"] for outcome in lab.apply("--json").json["outcomes"]} == {"unchanged"}


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["text", "json"])
def test_validate(flags: tuple[str, ...], lab: Lab, snapshot: SnapshotAssertion) -> None:
    assert shown(lab.run("validate", *flags)) == snapshot(name="valid")
    with_warnings(lab)
    assert shown(lab.run("validate", *flags)) == snapshot(name="with warnings")
    lab.change(("label: integer", "label: int"), ("tags: [digits]", "tag: [digits]"), ("digits-*", "cats-*"))
    assert shown(lab.run("validate", *flags)) == snapshot(name="with errors")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command: str, atpub: Callable[..., Ran], snapshot: SnapshotAssertion) -> None:
    ran = atpub(*filter(None, [command]), "--help")
    assert ran.code == 0
    assert max(map(len, ran.out.splitlines())) <= 80
    assert ran.out == snapshot


def test_each_summary_is_one_line_of_help(atpub: Callable[..., Ran]) -> None:
    for group, commands in (((), COMMANDS), (("lex",), lex.commands), (("inventory",), inventory.commands)):
        listed = atpub(*group, "--help").out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in listed] == [*commands]


def test_manifest_schema(atpub: Callable[..., Ran]) -> None:
    found: dict[str, Any] = atpub("manifest-schema").json
    assert found["required"] == ["atpub", "project"]
    assert {"schemas", "datasets", "labels", "lenses", "records"} <= found["properties"].keys()
    assert "# Generated by atpub" not in json.dumps(found)


def test_the_same_plan_has_the_same_bytes(lab: Lab) -> None:
    assert lab.plan("--json") == lab.plan("--json")
    changed(lab)
    assert lab.plan("--json") == lab.plan("--json")


def test_no_label_is_lost(lab: Lab) -> None:
    applied(lab)
    fewer_labels = len(lab.live(LABEL))
    lab.without("labels:")
    assert lab.apply().code == 0
    assert len(lab.live(LABEL)) == fewer_labels
