"""The strategies of atpub.testing: what they draw keeps its lexicon, and they reach what a lexicon allows."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from atpub.atproto.data import JsonObject
from atpub.atproto.lexicon.formats import FORMATS as TESTS
from atpub.atproto.lexicon.link import link
from atpub.atproto.lexicon.model import Lexicons, Name
from atpub.atproto.lexicon.parse import parse
from atpub.atproto.lexicon.validate import validate, validate_record
from atpub.atproto.syntax import Nsid
from atpub.generated import LEXICONS
from atpub.generated.science.alt.dataset.entry import Entry
from atpub.generated.science.alt.dataset.storage_blobs import StorageBlobs
from atpub.testing import FORMATS, documents, instances, records, values

pytestmark = pytest.mark.slow

PROPERTIES = {
    "long": {"type": "string", "minLength": 30, "maxLength": 40},
    "wide": {"type": "string", "minGraphemes": 3, "maxGraphemes": 5},
    "fixed": {"type": "string", "minLength": 2, "maxLength": 2},
    "raw": {"type": "bytes", "minLength": 4, "maxLength": 4},
    "few": {"type": "array", "items": {"type": "integer", "minimum": 3, "maximum": 4}, "minLength": 2, "maxLength": 3},
    "null": {"type": "boolean"},
    "sound": {"type": "blob", "accept": ["audio/*"], "maxSize": 5},
}


@pytest.fixture(scope="module")
def lexicons() -> Lexicons:
    record: Any = {"type": "object", "required": ["long", "fixed"], "nullable": ["null"], "properties": PROPERTIES}
    main: Any = {"type": "record", "key": "tid", "record": record}
    document: Any = {"lexicon": 1, "id": "com.example.thing", "defs": {"main": main, "word": {"type": "token"}}}
    return link([("thing.json", parse(document, "thing.json"))])


@given(drawn=st.data())
def test_records_keep_their_lexicon(lexicons: Lexicons, drawn: st.DataObject) -> None:
    value = drawn.draw(records(lexicons, "com.example.thing"))
    assert validate_record(lexicons, value) == ()


@pytest.mark.slow
def test_every_field_and_the_edges_are_reached(lexicons: Lexicons) -> None:
    drawn = records(lexicons, "com.example.thing")
    seen: list[JsonObject] = []

    @settings(max_examples=300, derandomize=True, phases=[Phase.generate], deadline=None)
    @given(drawn)
    def collect(value: JsonObject) -> None:
        seen.append(value)

    collect()
    assert {name for value in seen for name in value} >= PROPERTIES.keys()
    assert any(value.get("null", 0) is None for value in seen)
    assert {len(str(value["long"])) for value in seen} >= {30, 40}
    assert any(not str(value.get("wide", "")).isascii() for value in seen)
    assert any(value.keys() - PROPERTIES.keys() != {"$type"} for value in seen)


@given(values(LEXICONS.lexicons, "science.alt.dataset.entry#datasetSize"))
def test_values_of_a_definition(value: Any) -> None:
    assert isinstance(value, dict)


@pytest.mark.slow
@given(instances(Entry))
def test_instances_of_a_class(entry: Entry) -> None:
    assert Entry.from_json(entry.to_json()) == entry


@given(documents(StorageBlobs))
def test_documents_of_a_class(value: Any) -> None:
    StorageBlobs.from_json(value)


@pytest.mark.parametrize("name", TESTS)
@given(drawn=st.data())
def test_texts_of_a_format_keep_it(name: str, drawn: st.DataObject) -> None:
    assert TESTS[name](drawn.draw(FORMATS[name]))


@pytest.mark.parametrize("name", ["com.example.other", "com.example.thing#nothing", "thing"])
def test_what_is_not_at_hand_is_named(lexicons: Lexicons, name: str) -> None:
    with pytest.raises(LookupError, match=name):
        values(lexicons, name)


def test_only_records_are_records() -> None:
    with pytest.raises(LookupError, match=r"com\.atproto\.repo\.strongRef is not a record"):
        records(LEXICONS.lexicons, "com.atproto.repo.strongRef")


def test_the_rest_of_atpub_does_without_hypothesis() -> None:
    program = (
        "import sys; sys.modules['hypothesis'] = None; import atpub.cli.main, atpub.generated, atpub.atproto.runtime"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "limits",
    [
        {"minLength": 5, "maxGraphemes": 2},
        {"format": "datetime", "maxLength": 20},
        {"format": "uri", "minLength": 100},
        {"format": "at-uri", "maxLength": 12},
        {"format": "handle", "minLength": 60},
    ],
)
def test_texts_of_odd_lengths_are_drawn(limits: JsonObject) -> None:
    main: Any = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", **limits}}}
    document: Any = {"lexicon": 1, "id": "com.example.odd", "defs": {"main": main}}
    odd = link([("odd.json", parse(document, "odd.json"))])

    @settings(max_examples=10, database=None, phases=[Phase.generate])
    @given(values(odd, "com.example.odd"))
    def check(value: Any) -> None:
        assert not validate(odd, Name(Nsid("com.example.odd")), value)

    check()
