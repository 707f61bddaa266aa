"""The safety rules hold on the state at the time of apply, not only on that of the plan; else nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from tests.cli.lab import Lab, path
from tests.cli.playground import Ran

from atpub import atmosphere
from atpub.atmosphere import ReadyPlan
from atpub.atproto.syntax import Nsid, deterministic_tid
from atpub.errors import AtpubError
from atpub.repository.model import Update

ENTRY = "science.alt.dataset.entry"
X = path(ENTRY, deterministic_tid(Nsid(ENTRY), "x"))


def manifest(names: Sequence[str], extra: str = "", fields: str = "") -> str:
    """A manifest of datasets; `fields` are those of the first."""
    entries = [
        f'  {name}: {{schema: "at://did:plc:other/org.test.schema/x", urls: "https://cdn.lab.example/{name}.tar", '
        f"checksums: none{fields if name == names[0] else ''}}}"
        for name in names
    ]
    return "\n".join(["atpub: 1", "project: lab", "account: local", extra, "datasets:", *entries, ""])


SCHEMA = "schemas:\n  text: {nsid: org.lab.text, version: 1.0.0, fields: {text: string}}\n"
MANY = [f"d{number}" for number in range(11)]
USER = '  user: {schema: text, urls: "https://cdn.lab.example/u.tar", checksums: none}\n'


def revert(lab: Lab) -> None:
    """The project updates x; then another program writes the former value."""
    before = lab.live(ENTRY)[X]
    lab.write(manifest(["x", "y"], fields=", license: MIT"))
    assert lab.apply().code == 0
    lab.write_elsewhere(Update(X, before))


def applied(text: str) -> Callable[[Lab], None]:
    def apply(lab: Lab) -> None:
        lab.write(text)
        assert (ran := lab.apply()).code == 0, ran.err

    return apply


@dataclass(frozen=True)
class Case:
    """The manifest that is applied first, the one that is planned, what happens then, and the rule that it breaks."""

    first: str
    planned: str
    between: Callable[[Lab], None]
    code: str
    flags: tuple[str, ...] = ()


CASES = {
    "protected": Case(
        manifest(["x", "y"]), manifest(["y"]), applied(manifest(["x", "y"], fields=", protect: true")), "protected"
    ),
    "a referenced version": Case(
        manifest(["x"], SCHEMA),
        manifest(["x"]),
        applied(manifest(["x"], SCHEMA) + USER),
        "referenced-version",
        ("--prune-versions",),
    ),
    "max_delete": Case(
        manifest([*MANY, "z"], "policy: {max_delete: 25%}"),
        manifest([*MANY[3:], "z"], "policy: {max_delete: 25%}"),
        applied(manifest(MANY, "policy: {max_delete: 25%}")),
        "max-delete",
    ),
    "drifted": Case(manifest(["x", "y"]), manifest(["y"]), revert, "drifted-delete"),
    "replace all": Case(manifest(["x", "y"]), manifest(["new", "y"]), applied(manifest(["x"])), "replace-all"),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, lab: Lab) -> Case:
    found = CASES[request.param]
    applied(found.first)(lab)
    lab.write(found.planned)
    return found


def disturb(lab: Lab, case: Case) -> object:
    """Let it happen, and return the head from then on."""
    case.between(lab)
    lab.write(case.planned)
    return lab.repository().head()


def test_without_it_the_plan_can_be_applied(lab: Lab, case: Case) -> None:
    assert lab.plan("--out", "plan.json", *case.flags).code == 0
    assert (ran := lab.run("apply", "plan.json")).code == 0, ran.err


def test_a_saved_plan(lab: Lab, case: Case) -> None:
    lab.plan("--out", "plan.json", *case.flags)
    head = disturb(lab, case)
    refused = lab.run("apply", "plan.json", "--json")
    assert refused.code == 7, refused.err
    assert [item["code"] for item in json.loads(refused.out)["refusals"]] == [case.code]
    assert lab.repository().head() == head


def test_a_digest(lab: Lab, case: Case) -> None:
    digest = json.loads(lab.plan("--json", *case.flags).out)["digest"]
    head = disturb(lab, case)
    stale: Ran = lab.run("apply", "--reproducible", "--digest", digest, "--json", *case.flags)
    assert stale.code == 5, stale.err
    assert lab.repository().head() == head


def test_the_python_api(lab: Lab, case: Case) -> None:
    ready: ReadyPlan = atmosphere.plan(prune_versions=bool(case.flags))
    head = disturb(lab, case)
    with pytest.raises(AtpubError) as caught:
        ready.apply()
    assert caught.value.exit_code in (5, 7)
    assert lab.repository().head() == head
