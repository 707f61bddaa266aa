"""Pages in a real browser: layout, accessibility, search, and no request, error or script but their own.

The browser is the system's Chromium; where there is none, the tests are skipped.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.catalog.datasets import dataset, entry
from tests.catalog.test_pages import TRAPS

from atpub.catalog.model import Catalog, CatalogEntry
from atpub.catalog.pages import file_paths, render_catalog
from atpub.cataloging.files import write_pages

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")]

WIDTHS = (360, 800, 1440)
SCHEMES = ("light", "dark")
PAGES = ("index.html", "datasets/one.html", "datasets/long.html", "datasets/traps.html", "datasets/empty.html")
LONG = "Averyveryveryverylongwordthatnobrowserbreaksbyitself" * 3
AXE = files("axe_core_python").joinpath("axe.min.js")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[Page]:
    """A page for all tests that leave nothing in it: a browser starts a process for each new one."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    catalog = Catalog("Datasets of lab.example", [*entries()])
    write_pages(folder, render_catalog(catalog), file_paths(catalog))
    return folder


def entries() -> Iterator[CatalogEntry]:
    yield entry("Plain words", rkey="one", license="MIT", tags=("vision", "a b&c=d"))
    yield entry(LONG, rkey="long")
    yield entry(" ".join(TRAPS), rkey="traps")
    yield entry("", rkey="empty")
    cats = dataset(title="Cats", rkey="cats", license="CC0-1.0", tags=("animals",), storage="blobs")
    yield replace(entry(), dataset=cats, samples=None)


class Visit:
    """A page, and what it has logged and requested."""

    def __init__(self, page: Page, file: Path, scheme: Any = "light") -> None:
        self.page = page
        self.logged: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.logged.append(message.text))
        page.on("pageerror", lambda error: self.logged.append(str(error)))
        page.on("dialog", lambda dialog: self.logged.append(dialog.message))
        page.on("request", lambda request: self.requests.append(request.url))
        page.emulate_media(color_scheme=scheme)
        page.goto(file.as_uri())

    @property
    def shown(self) -> list[str]:
        """The titles of the cards that the index shows."""
        return self.page.locator("#cards > li:visible h2").all_inner_texts()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_and_asks_for_nothing(shared: Page, site: Path, path: str) -> None:
    visit = Visit(shared, site / path)
    for width in WIDTHS:
        visit.page.set_viewport_size({"width": width, "height": 900})
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.logged == []
    assert [url for url in visit.requests if not url.startswith("data:")] == [(site / path).as_uri()]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible(shared: Page, site: Path, path: str, scheme: Any) -> None:
    shared.set_viewport_size({"width": WIDTHS[0], "height": 900})
    visit = Visit(shared, site / path, scheme)
    visit.page.evaluate(AXE.read_text("utf-8"))
    found = visit.page.evaluate("axe.run()")
    assert [(item["id"], item["nodes"][0]["html"]) for item in found["violations"]] == []


def test_no_text_of_a_record_runs(shared: Page, site: Path) -> None:
    for path in PAGES:
        visit = Visit(shared, site / path)
        attributes = "[...document.querySelectorAll('*')].flatMap(item => item.getAttributeNames())"
        assert {name for name in visit.page.evaluate(attributes) if name.startswith("on") or name == "style"} == set()
        assert visit.page.evaluate("document.querySelectorAll('iframe, object, embed, base, form[action]').length") == 0
        assert visit.logged == []


def test_a_policy_stops_other_scripts_and_requests(browser: Browser, site: Path) -> None:
    visit = Visit(browser.new_page(), site / "index.html")
    visit.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=https://x.example/a onerror=alert(1)>')"
        "; document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    )
    visit.page.wait_for_timeout(200)
    assert visit.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in visit.logged)
    visit.page.close()


def test_search_and_filters(browser: Browser, site: Path) -> None:
    visit = Visit(browser.new_page(), site / "index.html")
    assert len(visit.shown) == 5
    visit.page.get_by_label("Search").fill("CATS")
    assert visit.shown == ["Cats"]
    assert visit.page.locator("#count").inner_text() == "1 of 5 shown"
    visit.page.reload()
    assert visit.shown == ["Cats"], "the address remembers the search"
    visit.page.get_by_role("button", name="Clear").click()
    expect(visit.page.locator("#cards > li:not([hidden])")).to_have_count(5)
    visit.page.get_by_label("License").select_option("MIT")
    assert visit.shown == ["Plain words"]
    visit.page.get_by_label("Storage").select_option("blobs")
    assert visit.shown == []
    assert visit.logged == []
    visit.page.close()


def test_a_tag_of_a_page_leads_to_its_datasets(browser: Browser, site: Path) -> None:
    visit = Visit(browser.new_page(), site / "datasets/one.html")
    visit.page.get_by_role("link", name="a b&c=d").click()
    assert visit.shown == ["Plain words"]
    visit.page.get_by_role("link", name="Plain words").click()
    assert visit.page.locator("h1").inner_text() == "Plain words"
    visit.page.close()


def test_an_index_works_without_scripts(browser: Browser, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    visit = Visit(context.new_page(), site / "index.html")
    assert len(visit.shown) == 5
    assert not visit.page.get_by_label("Search").is_visible()
    visit.page.get_by_role("link", name="Cats").click()
    assert visit.page.locator("h1").inner_text() == "Cats"
    context.close()
