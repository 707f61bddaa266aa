"""The documentation site: Sphinx reads the Markdown pages in docs/, and `make docs` builds it."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

project = "atpub"
html_title = "atpub"
extensions = ["myst_parser"]
myst_heading_anchors = 4  # the anchors of headings are those of GitHub
smartquotes = False  # commands are copied from the pages
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

NAVIGATION = {
    "Start": ["tutorial"],
    "How-to guides": [
        "Overview <how-to/index>",
        "how-to/blobs",
        "how-to/urls",
        "how-to/github-actions",
        "how-to/pull-request",
        "how-to/other-ci",
        "how-to/agents",
        "how-to/python",
        "how-to/lexicons",
        "how-to/move-accounts",
        "how-to/rename",
        "how-to/undo",
        "how-to/drift",
        "how-to/recover",
        "how-to/large-datasets",
        "how-to/editors",
    ],
    "Reference": [
        "manifest",
        "reference/commands",
        "reference/exit-codes",
        "reference/codes",
        "reference/python",
        "reference/lexicons",
        "lexicon-tools",
        "data",
        "applying",
        "reading",
        "python",
        "verifying",
        "metadata",
        "catalog",
        "serving",
        "accounts",
        "migration",
        "glossary",
    ],
    "Explanation": [
        "explanation/inventory",
        "explanation/three-way-plans",
        "explanation/record-keys",
        "explanation/readers",
        "security",
        "architecture",
    ],
}
"""The pages of the sidebar, by heading. A page that is in no list is a warning."""

_LOADED = re.compile(
    r"""<(?:script|img|iframe)\b[^>]*\bsrc="(?:https?:)?//[^"]*|<link\b[^>]*\bhref="(?:https?:)?//[^"]*"""
)


def add_navigation(_app: Sphinx, page: str, source: list[str]) -> None:
    """Add the sidebar to the first page, which is plain Markdown for readers of the source."""
    if page == "index":
        for title, pages in NAVIGATION.items():
            listed = "\n".join(pages)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{listed}\n```\n"


def refuse_other_servers(app: Sphinx, exception: Exception | None) -> None:
    """Raise an error if a page loads a script, a style or a picture from another server."""
    for page in () if exception else Path(app.outdir).rglob("*.html"):
        if found := _LOADED.search(page.read_text("utf-8")):
            raise ExtensionError(f"{page.name} loads from another server: {found[0]}")


def setup(app: Sphinx) -> None:
    """Register the two functions with Sphinx."""
    app.connect("source-read", add_navigation)
    app.connect("build-finished", refuse_other_servers)
