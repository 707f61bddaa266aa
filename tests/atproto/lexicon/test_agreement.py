"""Our verdicts beside those of @atproto/lexicon, the reference implementation, on records of published lexicons.

Both judge examples that keep the lexicons, and one mutation for each constraint in them. Where they disagree, the table
`cases/disagreements.yaml` says why; it holds nothing on which they agree.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import lexrpc  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # only its lexicons are used
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.atproto.lexicon.mutations import Mutation, mutations
from tests.atproto.lexicon.tables import table
from tests.codegen.edges import one
from tests.codegen.packages import linked
from tests.pds.reference import VERSIONS, Unreachable, install, node

from atpub.atproto.data import Json
from atpub.atproto.lexicon.model import Lexicons, Name, Ref
from atpub.atproto.lexicon.validate import validate
from atpub.atproto.syntax import Nsid
from atpub.testing import records

pytestmark = pytest.mark.slow

JUDGE = Path(__file__).parents[2] / "pds" / "judge.mjs"
UNKNOWN_TO_IT = "space"  # a type of lexicon that neither knows


def published() -> Iterator[tuple[Nsid, Any]]:
    """The lexicons as plain JSON, since every collection of tests reads them."""
    for path in sorted((Path(lexrpc.__file__).parent / "lexicons").rglob("*.json")):
        document = json.loads(path.read_bytes())
        if f'"type": "{UNKNOWN_TO_IT}"' not in json.dumps(document):
            yield Nsid(document["id"]), document


DOCUMENTS = dict(published())
RECORDS = sorted(nsid for nsid, found in DOCUMENTS.items() if found["defs"].get("main", {}).get("type") == "record")
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
DRAWING = settings(max_examples=8, derandomize=True, phases=[Phase.generate], suppress_health_check=SLOW)
DISAGREEMENTS = table("disagreements.yaml")


class Case(NamedTuple):
    """A record, whether it keeps its lexicon, and what it is an example of."""

    value: Json
    valid: bool
    what: str


@cache
def lexicons() -> Lexicons:
    return linked(DOCUMENTS)


@cache
def examples(nsid: Nsid) -> list[Case]:
    """Records that keep a lexicon: the smallest, and some that are drawn, always the same."""
    drawn = [one(Ref(Name(nsid)), lexicons())]

    @DRAWING
    @given(records(lexicons(), nsid))
    def draw(value: Json) -> None:
        drawn.append(value)

    draw()
    return [Case(value, True, f"an example of {nsid}") for value in drawn]


@cache
def broken(nsid: Nsid) -> list[Mutation]:
    return list(mutations(lexicons(), nsid))


@cache
def cases() -> list[Case]:
    return [case for nsid in RECORDS for case in (*examples(nsid), *map(as_case, broken(nsid)))]


def as_case(mutation: Mutation) -> Case:
    return Case(mutation.value, False, mutation.what or mutation.rule)


def verdicts(version: str, values: list[Json]) -> list[str | None]:
    """What the reference implementation says of each record; None where it has nothing to say."""
    try:
        modules = install(version)
    except Unreachable as reason:
        if os.environ.get("ATPUB_REQUIRE_PDS") == "1":
            raise
        pytest.skip(f"reference PDS {version}: {reason}")
    asked = json.dumps({"lexicons": list(DOCUMENTS.values()), "records": values})
    done = subprocess.run([node(), JUDGE, modules], input=asked, capture_output=True, text=True, check=True)
    found: list[str | None] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("nsid", RECORDS)
def test_each_mutation_breaks_its_rule_and_examples_break_none(nsid: Nsid) -> None:
    for mutation in broken(nsid):
        found = {violation.rule for violation in validate(lexicons(), Name(nsid), mutation.value)}
        assert mutation.rule in found, mutation
    for case in examples(nsid):
        assert validate(lexicons(), Name(nsid), case.value) == ()


@pytest.mark.pds
@pytest.mark.parametrize("version", VERSIONS)
def test_the_reference_implementation_agrees_but_for_the_table(version: str) -> None:
    found = verdicts(version, [case.value for case in cases()])
    differing = {case.what for case, verdict in zip(cases(), found, strict=True) if case.valid is not (verdict is None)}
    assert differing == {what for what, case in DISAGREEMENTS.items() if version in case["versions"]}
    assert len(cases()) > 4000


def test_the_records_are_those_of_the_lexicons() -> None:
    assert [nsid for nsid in sorted(lexicons().by_nsid) if lexicons().record(nsid)] == RECORDS


def test_each_disagreement_is_explained() -> None:
    assert all(len(case["because"]) > 40 and {*case["versions"]} <= {*VERSIONS} for case in DISAGREEMENTS.values())
