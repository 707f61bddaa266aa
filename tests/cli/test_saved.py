"""`atpub plan --out FILE`, `atpub apply FILE` and `atpub plan --markdown`."""

import json
import os
import re

import pytest
from tests.cli.lab import Lab

from atpub.engine.plan.serialize import seal
from atpub.report.folds import LIMIT


def test_a_saved_plan_is_applied(lab: Lab) -> None:
    planned = lab.plan("--out", "plan.json", "--json")
    saved = json.loads((lab.folder / "plan.json").read_text())
    assert {**saved, "renames": [], "warnings": []} == {
        **json.loads(planned.out),
        "folder": ".atpub/local",
        "warnings": [],
        "checksum": saved["checksum"],
    }
    applied = lab.run("apply", "plan.json", "--json")
    assert applied.code == 0, applied.err
    cids = {item["uri"]: item["cid"] for item in json.loads(applied.out)["outcomes"]}
    assert cids == {item["uri"]: item["after_cid"] for item in saved["changes"]}
    assert lab.plan("--detailed-exitcode").code == 0


def test_a_digest_does_not_let_a_plan_choose_its_folder(lab: Lab) -> None:
    digest = lab.plan("--out", "plan.json", "--json").json["digest"]
    saved = json.loads((lab.folder / "plan.json").read_text())
    elsewhere = (lab.folder / "elsewhere").absolute()
    for account, folder in (("local", str(elsewhere)), ("local:elsewhere", "elsewhere")):
        (lab.folder / "moved.json").write_text(json.dumps(seal({**saved, "account": account, "folder": folder})))
        refused = lab.run("apply", "moved.json", "--digest", digest)
        assert refused.code == 7
        assert f"the plan is for the repository in {folder}, which its digest does not cover" in refused.err
        assert not elsewhere.exists()
    assert lab.run("apply", "moved.json", "--digest", digest, "--account", "local").code == 7
    assert lab.run("apply", "moved.json", "--digest", digest, "--account", f"local:{elsewhere}").code == 0
    assert lab.run("apply", "plan.json", "--digest", digest).code == 0


def test_it_can_be_run_again(lab: Lab) -> None:
    lab.plan("--out", "plan.json")
    lab.run("apply", "plan.json")
    again = lab.run("apply", "plan.json")
    assert again.code == 0
    assert "Nothing to do" in again.out


def test_what_the_manifest_says_by_then_does_not_matter(lab: Lab) -> None:
    lab.plan("--out", "plan.json")
    lab.change(("name: Digits", "name: Others"))
    assert lab.run("apply", "plan.json").code == 0
    assert lab.plan("--detailed-exitcode").code == 2


def test_it_is_stale_once_a_record_has_changed(lab: Lab) -> None:
    lab.apply()
    lab.change(("name: Digits", "name: Numbers"))
    lab.plan("--out", "plan.json")
    lab.change(("name: Numbers", "name: Ciphers"))
    lab.apply()
    stale = lab.run("apply", "plan.json", "--json")
    assert stale.code == 5
    assert json.loads(stale.out)["error"]["code"] == "stale-plan"


def test_it_needs_the_bytes_of_its_blobs(lab: Lab) -> None:
    lab.plan("--out", "plan.json")
    for name in ("data/digits-0.tar", "data/digits-1.tar"):
        (lab.folder / name).unlink()
    failed = lab.run("apply", "plan.json")
    assert failed.code == 1
    assert "data/digits-0.tar" in failed.err
    assert "data/digits-1.tar" in failed.err
    assert not (lab.folder / ".atpub").exists()


def test_no_other_bytes_are_sent_than_were_planned(lab: Lab) -> None:
    lab.plan("--out", "plan.json")
    second = lab.folder / "data/digits-1.tar"
    content = second.read_bytes()
    second.write_bytes(content[:-1] + b"x")
    failed = lab.run("apply", "plan.json")
    assert failed.code == 5
    assert "data/digits-1.tar has changed since the plan was made [stale-plan]" in failed.err
    assert "uploaded" not in failed.err
    assert not (lab.folder / ".atpub").exists()
    second.write_bytes(content)
    assert lab.run("apply", "plan.json").code == 0


def test_a_refused_plan_is_not_applied(lab: Lab) -> None:
    lab.apply()
    lab.change(("fields: {image: ndarray, label: integer}", "fields: {image: ndarray}"))
    assert lab.plan("--out", "plan.json").code == 7
    assert lab.run("apply", "plan.json").code == 7


def test_other_options_are_refused(lab: Lab) -> None:
    lab.plan("--out", "plan.json")
    for option in (["-m", "atpub.yaml"], ["--env", "x"], ["--prune-versions"], ["--locked"]):
        assert lab.run("apply", "plan.json", *option).code == 64


def test_a_file_that_is_no_plan(lab: Lab) -> None:
    lab.plan("--out", "plan.json")
    saved = json.loads((lab.folder / "plan.json").read_text())
    for value in ({}, {**saved, "folder": 5}, {**saved, "folder": None}, {**saved, "account": "no-one"}):
        (lab.folder / "plan.json").write_text(json.dumps(seal(value) if value else value))
        failed = lab.run("apply", "plan.json", "--json")
        assert failed.code == 3
        assert json.loads(failed.out)["error"]["problems"][0]["code"] == "bad-plan"
    assert lab.run("apply", "absent.json").code == 64


@pytest.mark.parametrize("text", ["[1]", "null", '"plan"', "1"])
def test_json_that_is_no_object_is_told_in_plain_words(lab: Lab, text: str) -> None:
    (lab.folder / "plan.json").write_text(text)
    failed = lab.run("apply", "plan.json")
    assert failed.code == 3
    assert "it is not a JSON object [bad-plan]" in failed.err


def test_a_plan_that_is_not_json_is_told_with_its_place(lab: Lab) -> None:
    (lab.folder / "plan.json").write_text('{"digest": "0",\n "changes": [1,]}')
    failed = lab.run("apply", "plan.json")
    assert failed.code == 3
    assert "plan.json:2:15: " in failed.err
    assert "a comma after the last item" in failed.err
    (lab.folder / "plan.json").write_bytes(b'{"digest":\n"\xff"}')
    (problem,) = json.loads(lab.run("apply", "plan.json", "--json").out)["error"]["problems"]
    assert (problem["code"], problem["line"], problem["column"]) == ("bad-plan", 2, 2)


def test_a_change_of_protection_is_told(lab: Lab) -> None:
    lab.apply()
    lab.change(("name: Digits", "name: Digits\n    protect: true"))
    for flags in ((), ("--markdown",), ("--html", "-")):
        told = lab.plan(*flags).out
        assert "No record changes, only the inventory, 4 unchanged." in told
        assert "datasets/digits is protected from now on." in told
    lab.apply()
    lab.change(("\n    protect: true", "\n    license: MIT"))
    assert "datasets/digits is no longer protected." in lab.plan().out


def test_a_manifest_is_no_plan_and_is_never_written_over(lab: Lab) -> None:
    before = (lab.folder / "atpub.yaml").read_text()
    failed = lab.run("apply", "atpub.yaml")
    assert failed.code == 64
    assert "atpub apply -m atpub.yaml" in failed.err
    assert "atpub apply -m ." in lab.run("apply", ".").err
    for name in ("atpub.yaml", "data/digits-0.tar", "/dev/null"):
        refused = lab.plan("--out", name)
        assert refused.code == 1
        assert f"{name} exists and is not a saved plan [in-the-way]" in refused.err
    assert (lab.folder / "atpub.yaml").read_text() == before
    (lab.folder / "plan.json").touch()  # as mktemp leaves it
    for _ in range(2):
        assert lab.plan("--out", "plan.json").code == 0


def test_a_plan_is_printed_in_one_form(lab: Lab) -> None:
    both = lab.plan("--json", "--markdown")
    assert both.code == 64
    assert both.json["error"]["hint"] == "give one of them"


def test_a_page_replaces_only_pages(lab: Lab) -> None:
    for _ in range(2):
        assert lab.plan("--html", "plan.html").code == 0
    assert "<h1>Plan: lab → local</h1>" in (lab.folder / "plan.html").read_text("utf-8")
    refused = lab.plan("--html", "atpub.yaml")
    assert (refused.code, refused.out) == (1, "")
    assert "atpub.yaml exists and is not a page of a plan [in-the-way]" in refused.err


def test_a_link_to_a_plan_is_replaced_and_not_written_through(lab: Lab) -> None:
    (lab.folder / "latest.json").symlink_to("plan.json")
    assert lab.plan("--out", "latest.json").code == 0
    assert not (lab.folder / "latest.json").is_symlink()
    assert not (lab.folder / "plan.json").exists()
    assert lab.run("apply", "latest.json").code == 0


def test_a_file_in_place_of_the_folder_is_told_by_its_name(lab: Lab) -> None:
    failed = lab.plan("--out", "atpub.yaml/plan.json")
    assert failed.code == 1
    assert "error: atpub.yaml: File exists [system-error]" in failed.err


def test_a_plan_is_written_whole_or_not_at_all(lab: Lab) -> None:
    failed = lab.plan("--out", f"{'n' * 250}-plan.json/plan.json")
    assert failed.code == 1
    assert [name for name in os.listdir(lab.folder) if "plan" in name] == []  # noqa: PTH208 - hidden ones too


def test_markdown(lab: Lab) -> None:
    lab.apply()
    lab.change(("name: Digits", "name: '`Digits` ```'"), ("tags: [digits]", "tags: [digits, small]"))
    text = lab.plan("--markdown").out
    assert text.startswith("<!-- atpub-plan: lab -->\n### atpub plan: `lab` → `local`\n")
    assert "**1 to update, 3 unchanged.**" in text
    assert '+ name: "`Digits` ```"' in text
    assert "````diff" in text  # nothing in a value closes the fence
    assert "<details><summary>1 to update</summary>\n\n- `datasets/digits`<br>" in text


def test_markdown_is_cut_in_a_way_that_says_so(lab: Lab) -> None:
    entries = "".join(
        f'  d{n}: {{schema: image, urls: "https://x.example/{n}.tar", checksums: none}}\n' for n in range(700)
    )
    lab.change(("datasets:\n", f"datasets:\n{entries}"))
    text = lab.plan("--markdown").out
    assert LIMIT - 1000 < len(text) <= LIMIT + 1
    assert "`datasets/d699`" in text
    assert len(re.findall("`at://", text)) < 704, "names go before details"
    assert text.count("Digest `") == 1


def test_a_shard_elsewhere_is_named_with_its_target(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    shard, target = lab.folder / "data/digits-0.tar", tmp_path_factory.mktemp("disk") / "a.tar"
    target.write_bytes(shard.read_bytes())
    shard.unlink()
    shard.symlink_to(target)
    arrow = f"data/digits-0.tar -> {target}"
    assert arrow in lab.plan().out
    assert f"- `{arrow}` (10.2 kB)" in lab.plan("--markdown").out
    assert [item.get("target") for item in lab.plan("--json").json["uploads"]] == [str(target), None]
    assert lab.plan("--out", "plan.json").code == 0
    assert lab.run("apply", "plan.json").code == 0
