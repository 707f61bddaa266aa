"""A plan as a page: in a real browser, and with the texts of others."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from tests.catalog.test_pages import TRAPS
from tests.cataloging.test_browser import AXE, SCHEMES, WIDTHS, Visit, browser, shared
from tests.cataloging.test_browser import pytestmark as pytestmark
from tests.report.plans import CID, change, plan, update

from atpub.engine.plan.model import Drift, Plan, Refusal
from atpub.problems import Place, Problem
from atpub.report.html import plan_html
from atpub.report.plan_page import PAGE_START, plan_page

__all__ = ["browser", "shared"]

TEXT = " ".join(TRAPS)


def hostile() -> Plan:
    gone = change("delete", "gone", before={})
    name = {"name": TEXT, TEXT: "x" * 400}
    found = change("update", "a" * 200, before={"name": "old"}, after=name)  # type: ignore[arg-type]
    refusal = Refusal(TEXT, gone.uri, "protected", TEXT, TEXT)
    warning = Problem("some-code", TEXT, Place(TEXT, 1, 1), TEXT, "warning")
    changes = (gone, found, replace(found, address=TEXT, id=TEXT), update("edited", drift=Drift(CID, None)))
    return replace(plan(*changes, refusals=(refusal,)), project=TEXT, account=TEXT, warnings=(warning,))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_page_is_accessible_fits_and_runs_nothing(shared: Page, tmp_path: Path, scheme: Any) -> None:
    file = tmp_path / "plan.html"
    file.write_text(plan_page(hostile()), "utf-8")
    visit = Visit(shared, file, scheme)
    assert visit.page.locator("summary").all_inner_texts() == [
        "1 refused: this plan cannot be applied",
        "1 to delete",
        "Drift: 1 record deleted outside this project",
        "2 to update",
        "1 warning",
    ]
    assert visit.page.locator("details[open]").count() == 3
    visit.page.evaluate("document.querySelectorAll('details').forEach(item => item.open = true)")
    for width in WIDTHS:
        visit.page.set_viewport_size({"width": width, "height": 900})
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.page.locator("script, img, iframe, a, form, base").count() == 0
    assert visit.logged == []
    assert visit.requests == [file.as_uri()]
    visit.page.evaluate(AXE.read_text("utf-8"))
    found = visit.page.evaluate("axe.run()")
    assert [(item["id"], item["nodes"][0]["html"]) for item in found["violations"]] == []


def test_every_field_is_there() -> None:
    values = [{f"field-{number}": side for number in range(200)} for side in "ab"]
    changed = change("update", "new", before=values[0], after=values[1])  # type: ignore[arg-type]
    drifted = replace(changed, drift=Drift(CID, CID))
    for shown in (changed, drifted):
        page = plan_page(plan(shown))
        assert all(f"<code>field-{number}</code>: " in page for number in range(200))
        assert "more field" not in page
        assert "… and 150 more fields" in plan_html(plan(shown))


def test_it_begins_as_a_page_of_atpub() -> None:
    assert plan_page(plan()).startswith(f'{PAGE_START}\n<html lang="en">')
