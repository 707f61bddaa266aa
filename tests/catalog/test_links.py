"""Links and file names made of records' texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.datasets import uri

from atpub.atproto.syntax import Did
from atpub.catalog.links import license_links, license_url, link, page_stems, web_url


@pytest.mark.parametrize(
    "text", ["https://x.example", "http://x.example:80/a?b=c#d", "HTTPS://x.example/ü", "https://[::1]/a(b)"]
)
def test_a_web_address_is_a_link(text: str) -> None:
    assert web_url(text) == text == link(text).url


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "javascript:alert(1)", "data:text/html,x", "ftp://x.example", "//x.example", "https:x", "https://"),
        *("https://x.example/a b", "https://x.example/\n", " https://x.example", "https://me:pw@x.example/"),
        *('https://x.example/"', "https://x.example/<b>", "https://x.example\\@y.example", "https://x.example/\u202e"),
    ],
)
def test_no_other_text_is(text: str) -> None:
    assert link(text).url is None


def test_an_at_uri_is_a_link() -> None:
    text = "at://did:plc:abc/org.lab.note/self"
    assert link(text).url == text
    assert link("at://x.example/a/b/c").url is None
    assert link("at://x\nexample").url is None


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("MIT", {"MIT": "https://spdx.org/licenses/MIT.html"}),
        (
            "CC-BY-4.0 OR MIT",
            {
                "CC-BY-4.0": "https://spdx.org/licenses/CC-BY-4.0.html",
                "MIT": "https://spdx.org/licenses/MIT.html",
            },
        ),
        ("LicenseRef-ours", {}),
        ("free for all", {}),
        ("https://x.example/terms", {"https://x.example/terms": "https://x.example/terms"}),
        ("javascript://x", {}),
    ],
)
def test_a_license_links_to_its_text(text: str, linked: dict[str, str]) -> None:
    found = [*license_links(text)]
    assert "".join(piece.text for piece in found) == text
    assert {piece.text: piece.url for piece in found if piece.url} == linked


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("CC0-1.0", "https://spdx.org/licenses/CC0-1.0.html"),
        ("https://a.test/@lab/license", "https://a.test/@lab/license"),
        *((text, None) for text in ("MIT OR Apache-2.0", "LicenseRef-own", "mit", "javascript:alert(1)", "")),
    ],
)
def test_the_address_of_a_license(text: str, url: str | None) -> None:
    assert license_url(text) == url


def test_a_page_is_named_by_its_record_key() -> None:
    assert page_stems([uri("3jzfcijpj2z2a"), uri("my_data-2")]) == ["3jzfcijpj2z2a", "my_data-2"]


def test_names_that_file_systems_confuse_get_digests() -> None:
    stems = page_stems([uri("a"), uri("A"), uri("con"), uri("b:c"), uri("x" * 500), uri("-"), uri("..a")])
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*-[0-9a-f]{10}", stem) for stem in stems)
    assert len({stem.lower() for stem in stems}) == len(stems)
    assert max(map(len, stems)) < 100


def test_two_accounts_may_have_one_key() -> None:
    stems = page_stems([uri("a"), uri("a", did=Did("did:web:other.example"))])
    assert len({*stems}) == 2


@given(st.lists(st.from_regex(r"[A-Za-z0-9._:~-]{1,40}", fullmatch=True), unique=True, max_size=9))
def test_names_are_distinct_plain_and_independent_of_order(keys: list[str]) -> None:
    uris = [uri(key) for key in keys if key not in (".", "..")]
    stems = page_stems(uris)
    assert len({stem.lower() for stem in stems}) == len(uris)
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}", stem) for stem in stems)
    assert page_stems(uris[::-1]) == stems[::-1]
