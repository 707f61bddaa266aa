"""The tutorial, the how-to guides and the README do what they show. `--snapshot-update` writes what commands print."""

from pathlib import Path

import pytest

from tests.pages import ROOT, normalize, run_page

pytestmark = pytest.mark.slow

PAGES = [ROOT / "README.md", ROOT / "docs/tutorial.md", *sorted((ROOT / "docs/how-to").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    folder = tmp_path / "squares"
    folder.mkdir()
    shown = page.read_text("utf-8")
    printed = run_page(shown, folder)
    assert printed.count("Traceback") == shown.count("Traceback")
    if pytestconfig.getoption("update_snapshots") and normalize(printed) != normalize(shown):
        page.write_text(printed, "utf-8")
        return
    assert normalize(printed) == normalize(shown)
