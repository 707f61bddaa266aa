"""The tools of `atpub mcp`, called in this process: what they answer, and that nothing is written unapproved."""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.cli.lab import CATS, DIGITS, ENTRY, Lab, edited
from tests.cli.playground import write_files

from atpub.agents.answers import LARGEST, LONGEST_TEXT, Answer
from atpub.agents.approvals import Approval, ApprovalStore, name_repository
from atpub.agents.tools import TOOLS
from atpub.cli.connect import TargetOptions
from atpub.cli.run.agent_tools import ProjectTools, manifest_files
from atpub.repository.model import LOCAL_DID, Head

READING = [tool.name for tool in TOOLS if not tool.writes]
CALLS, FEW = 10_000, 100


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> ApprovalStore:
    return ApprovalStore(tmp_path_factory.mktemp("state") / "approvals")


@pytest.fixture
def tools(lab: Lab, store: ApprovalStore) -> ProjectTools:
    return ProjectTools((), TargetOptions(None, None, None), os.environ, store)


def call(tools: ProjectTools, tool: str, **arguments: Any) -> Any:
    """Call a tool that succeeds; gives its JSON."""
    answer = tools.call(tool, arguments)
    assert not answer.is_error, answer.text
    return answer.data


def fail(tools: ProjectTools, tool: str, **arguments: Any) -> Any:
    """Call a tool that fails; gives the code."""
    answer = tools.call(tool, arguments)
    assert answer.is_error, answer.text
    error: Any = answer.data["error"]
    return error["code"]


def approve(
    store: ApprovalStore, digest: str, *, folder: str = ".atpub/local", hours: float = 1, file: str = ""
) -> None:
    files, repository = (file,) if file else manifest_files(()), name_repository(LOCAL_DID, Path(folder))
    store.save(Approval(files, repository, digest, datetime.now(UTC) + timedelta(hours=hours)))


def head(lab: Lab) -> Head | None:
    repository = lab.repository()
    try:
        return repository.head()
    finally:
        repository.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_answers_are_the_json_of_the_commands(lab: Lab, tools: ProjectTools) -> None:
    assert lab.apply().code == 0
    lab.write_elsewhere(edited(lab, CATS))
    assert call(tools, "validate") == lab.run("validate", "--json").json
    assert call(tools, "plan") == lab.run("plan", "--json").json
    assert call(tools, "drift") == lab.run("drift", "--json").json
    assert call(tools, "show", name="datasets/digits") == lab.run("show", "datasets/digits", "--json").json
    assert call(tools, "explain", code="[not-owned]") == lab.run("explain", "not-owned", "--json").json
    lab.change(("label: integer", "label: int"))
    for name in ("validate", "plan", "drift"):
        answer = tools.call(name, {})
        assert answer.is_error
        assert answer.data == lab.run(name, "--json").json
        assert "atpub.yaml:" in answer.text


def test_lint_reads_the_lexicons_of_the_project(lab: Lab, tools: ProjectTools, tmp_path_factory: Any) -> None:
    assert fail(tools, "lint") == "usage"
    lab.run("lex", "new", "org.lab.note")
    assert call(tools, "lint") == lab.run("lex", "lint", "--json").json
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (lab.folder / "lexicons").rename(elsewhere / "lexicons")
    (lab.folder / "lexicons").symlink_to(elsewhere / "lexicons")
    assert fail(tools, "lint") == "refused"


def test_show_reads_the_records_of_this_account_alone(lab: Lab, tools: ProjectTools) -> None:
    assert fail(tools, "show", name="datasets/digits") == "repository-not-found"
    assert lab.apply().code == 0
    uri = f"at://{LOCAL_DID}/{ENTRY}/{DIGITS.rkey}"
    assert call(tools, "show", name=uri) == call(tools, "show", name="datasets/digits")
    assert fail(tools, "show", name=f"{uri}x") == "record-not-found"
    for other in ("did:web:evil.example", "did:plc:ewvi7nxzyoun6zhxrhs64oiz", "evil.example"):
        assert fail(tools, "show", name=f"at://{other}/{ENTRY}/{DIGITS.rkey}") == "refused"
    for name in ("nothing", "../atpub.yaml", "/etc/passwd", "at://", "https://evil.example", "\u202e"):
        assert fail(tools, "show", name=name) == "usage"


def test_an_approved_plan_is_applied_once(lab: Lab, tools: ProjectTools, store: ApprovalStore) -> None:
    digest = call(tools, "plan")["digest"]
    assert digest in tools.call("plan", {}).text.split("\n")[0]
    assert fail(tools, "apply", digest=digest) == "not-approved"
    assert not (lab.folder / ".atpub").exists()
    approve(store, digest)
    assert {item["status"] for item in call(tools, "apply", digest=digest)["outcomes"]} == {"applied"}
    before = head(lab)
    assert fail(tools, "apply", digest=digest) == "not-approved"
    lab.change(("name: Digits", "name: Numbers"))
    assert fail(tools, "apply", digest=digest) == "not-approved"
    assert head(lab) == before


def test_an_approved_plan_that_has_changed_is_stale(lab: Lab, tools: ProjectTools, store: ApprovalStore) -> None:
    digest = call(tools, "plan")["digest"]
    approve(store, digest)
    manifest = lab.manifest
    lab.change(("name: Digits", "name: Numbers"))
    assert fail(tools, "apply", digest=digest) == "stale-plan"
    lab.write(manifest)
    write_files(lab.folder, {"data/digits-1.tar": {"tar": 4}})
    assert fail(tools, "apply", digest=digest) == "stale-plan"
    assert not (lab.folder / ".atpub").exists()


def test_an_approved_plan_goes_to_no_other_folder(lab: Lab, tools: ProjectTools, store: ApprovalStore) -> None:
    digest = call(tools, "plan")["digest"]
    approve(store, digest)
    lab.change(("account: local", "account: local:elsewhere"))
    assert call(tools, "plan")["digest"] == digest
    assert fail(tools, "apply", digest=digest) == "not-approved"
    assert not (lab.folder / "elsewhere").exists()


def test_a_refused_plan_is_not_applied_even_if_approved(lab: Lab, tools: ProjectTools, store: ApprovalStore) -> None:
    lab.change(("checksums: none", "checksums: none\n    protect: true"))
    assert lab.apply().code == 0
    before = head(lab)
    lab.without("datasets", "labels")
    plan = tools.call("plan", {})
    digest: Any = plan.data["digest"]
    assert plan.data["refusals"]
    assert "atpub approve" not in plan.text
    approve(store, digest)
    answer = tools.call("apply", {"digest": digest})
    assert answer.is_error
    assert answer.data["refusals"]
    assert "[protected]" in answer.text
    assert head(lab) == before


@pytest.mark.parametrize("of", [{"folder": "other"}, {"hours": -1}, {"hours": 25}, {"file": "/other/atpub.yaml"}])
def test_other_approvals(lab: Lab, tools: ProjectTools, store: ApprovalStore, of: Mapping[str, Any]) -> None:
    digest = call(tools, "plan")["digest"]
    approve(store, digest, **of)
    assert fail(tools, "apply", digest=digest) == "not-approved"
    assert not (lab.folder / ".atpub").exists()


def test_approvals_within_the_project_are_none(lab: Lab) -> None:
    store = ApprovalStore(lab.folder / "state" / "approvals")
    tools = ProjectTools((), TargetOptions(None, None, None), os.environ, store)
    digest = lab.run("plan", "--json").json["digest"]
    approve(store, digest)
    assert fail(tools, "apply", digest=digest) == "usage"
    assert not (lab.folder / ".atpub").exists()


def test_secrets_and_invisible_characters_are_in_no_answer(lab: Lab, tools: ProjectTools) -> None:
    lab.change(("description: Ten of them.", 'description: "a\\U000E0049b\\u202Ec"'))
    answer = tools.call("plan", {})
    assert not {"\U000e0049", "\u202e"} & set(f"{answer.text}{json.dumps(answer.data, ensure_ascii=False)}")
    lab.change(("https://cdn.lab.example/", "https://me:hunter2@cdn.lab.example/"))
    answer = tools.call("plan", {})
    assert answer.is_error
    assert "hunter2" not in f"{answer.text}{answer.data}"


# Any calls


def arguments(random: Random, digests: list[str]) -> dict[str, Any]:
    """Arguments of any kind: the digests and near ones, addresses, wrong types, and names of other arguments."""
    digest = random.choice(digests)
    near = [digest, digest.upper(), f" sha256:{digest}\n", digest[:-1], f"{digest}0", digest[::-1], f"{digest}.json"]
    texts = [
        *near,
        "datasets/digits",
        f"at://{LOCAL_DID}/{ENTRY}/x",
        "not-owned",
        "",
        "../..",
        "x" * 2_000,
        "\ud800",
        "yes",
    ]
    others: list[Any] = [None, True, 1, -0.5, [digest], {"digest": digest}, [[]] * 9]
    name = random.choice(["digest", "digest", "name", "code", "yes", "manifest", "force"])
    value = random.choice(texts) if random.random() < 0.8 else random.choice(others)
    more = {random.choice(["yes", "approved", "pds", "digest"]): random.choice([True, digest])}
    return {name: value, **(more if random.random() < 0.1 else {})}


def any_call(random: Random, digests: list[str]) -> tuple[str, dict[str, Any]]:
    """A call: mostly of `apply`; seldom one of the tools that read all, which take a while."""
    if random.random() < 0.01:
        return random.choice(READING), {}
    if random.random() < 0.6:
        return "apply", {"digest": random.choice(digests)} if random.random() < 0.5 else arguments(random, digests)
    name = random.choice(["explain", "validate", "plan", "drift", "lint", "destroy", "approve", "", "apply "])
    return name, {"x": 1, **arguments(random, digests)} if name in READING[:4] else arguments(random, digests)


@pytest.mark.slow
def test_no_calls_write_without_an_approval(
    lab: Lab, tools: ProjectTools, store: ApprovalStore, atpub: Callable[..., Any]
) -> None:
    assert lab.apply().code == 0
    lab.change(("name: Digits", "name: Numbers"))
    digest = call(tools, "plan")["digest"]
    others = ["0" * 64, digest[:32] + "0" * 32, "f" * 64]
    approve(store, digest, file="/other/atpub.yaml")
    forged = Approval(
        manifest_files(()),
        name_repository(LOCAL_DID, Path(".atpub/local")),
        digest,
        datetime.now(UTC) + timedelta(hours=1),
    )
    write_files(lab.folder, {f"approvals/{digest}.json": json.dumps(forged.to_json())})
    before, files = head(lab), contents(lab.folder)
    random, codes = Random(20260501), Counter[str]()
    for number in range(CALLS):
        if number == CALLS - FEW:  # each use of these makes a plan
            approve(store, others[0])
            approve(store, digest, folder="other")
        elif number == CALLS - FEW // 2:
            approve(store, digest, hours=-1)
        name, values = any_call(random, [digest, digest, *others])
        answer = tools.call(name, values)
        codes[code_of(answer)] += 1
        assert len(answer.text) <= LONGEST_TEXT + 100
        assert len(json.dumps(answer.data)) <= LARGEST
    assert (head(lab), contents(lab.folder)) == (before, files)
    assert codes["not-approved"] > CALLS // 5
    assert codes["usage"] > CALLS // 5
    assert codes["stale-plan"]
    assert not codes["internal-error"]
    approve(store, digest)
    call(tools, "apply", digest=digest)
    assert head(lab) != before


def code_of(answer: Answer) -> str:
    error: Any = answer.data.get("error")
    return error["code"] if answer.is_error else "answered"
