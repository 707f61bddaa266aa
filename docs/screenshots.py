"""Make the pictures of the documentation: python -m docs.screenshots. Needs Chromium and Pillow."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Publish the quickstart to a repository in a folder, and show the page of its dataset."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    atpub = Path(sys.executable).with_name("atpub")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "quickstart")
        shutil.copytree(ROOT / "manifests/quickstart", folder, ignore=shutil.ignore_patterns(".atpub"))
        for command in ("apply --yes", "catalog --out site"):
            environ = {name: value for name, value in os.environ.items() if not name.startswith("ATPUB_")}
            subprocess.run([atpub, *command.split()], cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)
        (page_file,) = (folder / "site/datasets").glob("*.html")
        picture = Path(temporary, "page.png")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1100, "height": 640})
            page.goto(page_file.as_uri())
            page.screenshot(path=picture)
            browser.close()
        Image.open(picture).convert("RGB").quantize(64).save(ROOT / "docs/_static/catalog.png", optimize=True)


if __name__ == "__main__":
    main()
