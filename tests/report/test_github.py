"""What GitHub Actions shows of a plan: annotations, each on one line, and the summary of a job."""

import re
from dataclasses import replace

from hypothesis import given
from tests.report.plans import CID, change, plan, update
from tests.report.test_escape import OWN_TAGS, TEXTS, UNSAFE_HTML, Rendered, inert, render

from atpub.engine.plan.model import Drift, Refusal
from atpub.errors import InvalidInput, Unavailable
from atpub.problems import Place, Problem
from atpub.report.github import annotation_lines, error_markdown, error_problems, plan_problems


def place(steps: tuple[str, str]) -> Place:
    return Place("atpub.yaml", 3, 1) if steps[1] == "gone" else Place("atpub.yaml", 12, 3)


def test_refusals_come_first_then_deletes_and_drift() -> None:
    gone = change("delete", "gone", before={})
    refusal = Refusal(gone.address, gone.uri, "protected", "datasets/gone is protected", "set protect: false")
    edited, lost = update("edited", drift=Drift(CID, CID)), update("lost", drift=Drift(CID, None))
    warning = Problem("some-code", "doubtful", Place("b.yaml", 1, 1), severity="warning")
    shown = replace(plan(edited, gone, lost, update("other"), refusals=(refusal,)), warnings=(warning,))
    found = [(item.severity, item.code, item.place and item.place.line) for item in plan_problems(shown, place)]
    assert found == [
        ("error", "protected", 3),
        ("warning", "record-drifted", 12),
        ("warning", "record-deleted", 3),
        ("warning", "record-drifted", 12),
        ("warning", "some-code", 1),
    ]
    first, second, *_ = annotation_lines(plan_problems(shown, place)).splitlines()
    assert first == (
        "::error file=atpub.yaml,line=3,col=1,title=protected::datasets/gone is protected (set protect: false)"
    )
    assert second.endswith("(applying this plan undoes that; to keep it: atpub import --take datasets/edited)")


@given(TEXTS, TEXTS)
def test_a_text_makes_no_other_annotation(first: str, second: str) -> None:
    gone = replace(change("delete", "gone", before={}), address=f"datasets/{first}", uri=second)  # type: ignore[arg-type]
    shown = plan(gone, refusals=(Refusal(gone.address, None, "protected", first, second),))
    lines = annotation_lines(plan_problems(shown, lambda _: Place(first, 1, 1))).split("\n")
    assert len(lines) == 2
    assert all(re.match("::(error|warning) file=[^:,]*,line=1,col=1,title=[a-z-]+::", line) for line in lines)
    error = InvalidInput((Problem("some-code", first, Place(second, 1, 1), second),))
    text = error_markdown(error)
    inert(text)
    assert Rendered(render(text, options=UNSAFE_HTML)).tags <= OWN_TAGS


def test_an_error_of_any_kind_is_told() -> None:
    assert error_problems(Unavailable("no answer", hint="try later")) == (
        Problem("unavailable", "no answer", None, "try later"),
    )
    many = InvalidInput(tuple(Problem("x", str(number)) for number in range(300)))
    assert "- … and 100 more problems" in error_markdown(many)
