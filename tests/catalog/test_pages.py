"""Pages: complete, small, and inert, whatever the texts of records are."""

from __future__ import annotations

import csv
import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.datasets import CID, DID, dataset, entry, uri

from atpub.catalog.model import Catalog
from atpub.catalog.pages import file_paths, page_paths, render_catalog
from atpub.published.model import PublisherView, ShardView, Size

TRAPS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "<!--",
    "-->",
    "]]>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)",
    "` onclick=`alert(1)",
    "javascript:alert(1)",
    " javascript:alert(1)",
    "jav\tascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "//x.example/a",
    "https://user:secret@x.example/",
    'https://x.example/"onload="x',
    "https://x.example/\u202e",
    "at://x.example/javascript:",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "&lt;script&gt;",
    "&#x6a;avascript:",
    "\0",
    "\x1b[2J",
    "\ud800",
    "\u2028",
    "</textarea></title></svg><b>",
    "=cmd|' /C calc'!A0",
)
TEXTS = st.one_of(
    st.sampled_from(TRAPS),
    st.lists(st.one_of(st.sampled_from(TRAPS), st.text(max_size=9)), max_size=4).map("".join),
)
SCHEMES = re.compile(r"(?:https?://[^\s@]+|at://[^\s]+)", re.IGNORECASE)
OWN_LINK = re.compile(
    r"(?:\.\./)?(?:index\.html)?(?:#[\w.~%+=*!'()-]*)?|(?:datasets/)?[\w-]+\.(?:html|json|csv|croissant\.json)"
)
DATA = re.compile(r"data:(?:image/(?:png|jpeg)|audio/\w+);base64,[A-Za-z0-9+/=]+")


class Page(HTMLParser):
    """The elements and links of a page, and the texts of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.inline: dict[str, list[str]] = {"script": [], "style": []}
        self.policy = ""
        self.texts: list[str] = []
        self._within = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        found = dict(attrs)
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.sources += [value or "" for name, value in attrs if name in ("src", "srcset", "poster", "action")]
        if found.get("http-equiv"):
            self.policy = found.get("content") or ""
        self._within = tag if tag in self.inline else ""
        if self._within:
            self.inline[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within:
            self.inline[self._within][-1] += data
        else:
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", ()))


def rendered(*texts: str) -> dict[str, str]:
    """The files of a catalog of datasets with these texts."""
    entries = [entry(text, rkey=f"d{number}") for number, text in enumerate(texts)]
    return dict(render_catalog(Catalog(texts[0], entries)))


PLAIN = rendered("A text")
"""The catalog whose texts do nothing: no text may add to its elements and attributes."""


@pytest.mark.slow
@given(TEXTS)
def test_no_text_adds_an_element_an_attribute_or_a_link(text: str) -> None:
    for path, page in rendered(text).items():
        if not path.endswith(".html"):
            page.encode("utf-8")
            continue
        found, plain = Page(page), Page(PLAIN[path])
        assert {*found.tags} <= {*plain.tags, *OPTIONAL}
        assert {tag for tag, _ in found.tags} <= {tag for tag, _ in plain.tags} | {"a", "p", "br", "code"}
        assert [link for link in found.links if not (SCHEMES.fullmatch(link) or OWN_LINK.fullmatch(link))] == []
        assert [source for source in found.sources if not DATA.fullmatch(source)] == []
        assert found.policy == plain.policy
        assert found.inline["style"] == plain.inline["style"]
        assert len(found.inline["script"]) == len(plain.inline["script"])
        assert not re.search("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", page)


OPTIONAL = {("a", ("href", "rel")), ("code", ()), ("p", ()), ("br", ()), ("code", ("class", "title"))}
"""What a text may have: it is a link where it is a URL, and has paragraphs and lines."""


@pytest.mark.slow
@given(TEXTS)
def test_json_ld_stays_within_its_script(text: str) -> None:
    page = Page(rendered(text)["datasets/d0.html"])
    assert json.loads(page.inline["script"][0])["@type"].endswith("Dataset")


def test_a_policy_allows_exactly_the_style_and_script_of_the_page() -> None:
    page = Page(PLAIN["index.html"])
    for kind, name in (("style", "style-src"), ("script", "script-src")):
        digest = b64encode(sha256(page.inline[kind][-1].encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}';" in page.policy
    assert page.policy.startswith("default-src 'none';")
    assert "unsafe" not in page.policy


def test_a_page_shows_what_a_record_says() -> None:
    shown = " ".join(Page(rendered("Some words")["datasets/d0.html"]).texts)
    for text in (str(uri("d0")), CID, DID, "Some words", "2.0 MB", "BibTeX", "atpub.load("):
        assert text in shown


def test_an_index_has_all_without_a_script() -> None:
    page = PLAIN["index.html"].replace(Page(PLAIN["index.html"]).inline["script"][0], "")
    shown = " ".join(Page(page).texts)
    for text in ("A text", "vision", "2.0 MB", "http"):
        assert text in shown
    assert "datasets/d0.html" in Page(page).links


def test_a_link_to_a_tag_is_read_by_the_search() -> None:
    found = entry(rkey="a")
    found = replace(found, dataset=replace(found.dataset, tags=("a b&c=d",)))
    pages = dict(render_catalog(Catalog("T", [found])))
    assert "#tag=a+b%26c%3Dd" in Page(pages["index.html"]).links
    assert "../index.html#tag=a+b%26c%3Dd" in Page(pages["datasets/a.html"]).links


@pytest.mark.slow
def test_25_000_shards_make_a_small_page_and_a_table() -> None:
    shards = [
        ShardView(f"s-{n:06}.tar", f"https://cdn.lab.example/data/s-{n:06}.tar", None, f"{n:064x}", n + 1)
        for n in range(25_000)
    ]
    found = dataset(shards=shards, size=Size(1, 1, 25_000), record={"storage": {"shards": [s.url for s in shards]}})
    pages = dict(render_catalog(Catalog("T", [replace(entry(), dataset=found)])))
    assert len(pages["datasets/one.html"].encode()) < 100_000
    assert "and 24,980 more" in pages["datasets/one.html"]
    rows = [*csv.reader(StringIO(pages["datasets/one.csv"]))]
    assert len(rows) == 25_001
    assert rows[1] == ["0", "s-000000.tar", "1", "0" * 64, "https://cdn.lab.example/data/s-000000.tar"]
    assert len(json.loads(pages["datasets/one.json"])["value"]["storage"]["shards"]) == 25_000


def test_a_dataset_that_states_little() -> None:
    found = dataset(
        publisher=PublisherView(DID),
        description="",
        license="",
        tags=(),
        created_at="",
        shards=(),
        size=Size(None, None, 0),
        schema=None,
        labels=(),
        lenses=(),
    )
    pages = dict(render_catalog(Catalog("T", [replace(entry(), dataset=found, address=None, samples=None)])))
    assert "None" not in pages["datasets/one.html"]
    assert "None" not in pages["index.html"]


def test_a_catalog_of_nothing() -> None:
    pages = dict(render_catalog(Catalog("T", [])))
    assert [*pages] == ["index.html"]
    assert "No datasets" in pages["index.html"]


def test_paths_are_known_before_the_pages() -> None:
    catalog = Catalog("T", [entry(rkey="a"), entry(rkey="A"), entry(rkey="b.c")])
    assert sorted(path for path, _ in render_catalog(catalog)) == sorted(file_paths(catalog))
    assert {path for _, path in page_paths(catalog)} <= {*file_paths(catalog)}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x"])
def test_no_cell_of_a_table_is_a_formula(text: str) -> None:
    table = rendered(text)["datasets/d0.csv"]
    assert {row[1] for row in csv.reader(StringIO(table))} == {"name", f"'{text}"}
