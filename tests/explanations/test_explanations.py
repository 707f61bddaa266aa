"""The table of explanations has a row for each code in the source, and for no other."""

from pathlib import Path
from typing import get_args

import pytest
from tests.explanations.codes import Codes, find_codes

from atpub import explanations as package
from atpub.explanations.table import RULES_TITLE, THEMES, Explanation, explanations, normalize_code
from atpub.manifest.kinds import KINDS
from atpub.redact import UrlSecret
from atpub.shards.notes import NOTES
from atpub.verifying.model import UNKNOWN, Fault

ROOT = Path(__file__).parents[2]

# The places that compose or hand over a code. Look at a new one, and add what it gives to COMPOSED.
COMPOSERS = {
    "named_records.py: f'{kind}-not-found'",
    "shards.py: f'{held.kind}-unchecked'",
    "shards.py: f'{held.kind}-{found.fault}'",
    "shards.py: f'{what}-checksum'",
    "shards.py: f'{what}-size'",
}
CARRIERS = {
    "differences.py: after.loosened",
    "differences.py: after.tightened",
    "model.py: str(value['code'])",
    "reading.py: value['code']",
    "serialize.py: (_is(str, found[name]) for name in ('address', 'code', 'message', 'hint'))",
    "shards.py: found.tar",
    "structure.py: _describe(found, place)",
    "transport.py: _code(error, patience)",
    "urls.py: find_url_secret(url)",
}
NO_CODES_OF_ATPUB = {
    "array_headers.py: descr[1]",
    "array_headers.py: head[1:code_end].decode('latin-1')",
    "published.py: item.getter",
    "published.py: item.putter",
    "settings.py: f'expected {kind}'",
    "settings.py: f'there is no rule {code!r}'",
    "settings.py: f'{path!r} leads out of the folder of {PYPROJECT}'",
}
FAULTS = set(get_args(Fault)) - UNKNOWN - {"", "oversized"}
COMPOSED = {
    *(f"{kind}-{fault}" for kind in ("blob", "shard") for fault in (*FAULTS, "size", "checksum", "unchecked")),
    *(f"{kind.singular}-not-found" for kind in KINDS),
    *get_args(UrlSecret),
    *NOTES,
    "swap-ignored",  # of a warning of Python, which has no code: it stands in the text
}


@pytest.fixture(scope="module")
def codes() -> Codes:
    """The codes of the source; found once, and not in each process that collects tests."""
    return find_codes(ROOT / "src/atpub")


@pytest.mark.slow
def test_every_code_is_explained_and_no_other(codes: Codes) -> None:
    assert explanations().keys() == codes.found | COMPOSED


def test_every_code_is_a_literal_but_these(codes: Codes) -> None:
    assert codes.elsewhere == COMPOSERS | CARRIERS | NO_CODES_OF_ATPUB


def test_each_file_is_a_theme_with_codes_of_its_own() -> None:
    names = {path.stem for path in Path(*package.__path__).glob("*.toml")}
    assert names == set(THEMES)
    texts = [(Path(*package.__path__) / f"{name}.toml").read_text("utf-8") for name in THEMES]
    own = [item for item in explanations().values() if item.theme != RULES_TITLE]
    assert len(own) == sum(text.count("\n[") for text in texts)


@pytest.mark.parametrize("item", explanations().values(), ids=lambda item: item.code)
def test_a_row_is_in_whole_sentences(item: Explanation) -> None:
    for text in (item.summary, item.cause, item.remedy):
        assert text.endswith("."), text
        assert not text[0].islower() or text.startswith(("atpub", "atdata")), text
        assert "\n" not in text
        assert "  " not in text
    assert len(item.summary) <= 160


def test_an_example_ends_with_its_code() -> None:
    for item in explanations().values():
        assert not item.example or item.example.endswith(f"[{item.code}]")


@pytest.mark.parametrize("text", ["not-owned", "[not-owned]", " NOT-OWNED "])
def test_a_code_may_be_copied_with_its_brackets(text: str) -> None:
    assert normalize_code(text) in explanations()
