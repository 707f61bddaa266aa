"""Fields that are named much like one of the lexicon's."""

import pytest
from tests.atproto.lexicon.tables import THING, lexicon

from atpub.atproto.data import Json
from atpub.atproto.lexicon.link import link
from atpub.atproto.lexicon.parse import parse
from atpub.engine.desired.model import Steps
from atpub.engine.desired.typos import find_typos

RUN = lexicon(
    {
        "main": {
            "type": "record",
            "key": "any",
            "record": {
                "type": "object",
                "properties": {
                    "title": {"type": "string"},
                    "metrics": {"type": "array", "items": {"type": "ref", "ref": "#metric"}},
                    "from": {"type": "union", "refs": ["#metric", "#note"]},
                    "extra": {"type": "unknown"},
                },
            },
        },
        "metric": {"type": "object", "properties": {"name": {"type": "string"}, "value": {"type": "integer"}}},
        "note": {"type": "object", "properties": {"text": {"type": "string"}}},
    }
)
LEXICONS = link([(THING, parse(RUN, THING))])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"titel": "x"}, [(("titel",), "title")]),
        ({"title": "x", "titel": "x"}, []),  # the one that it is like is there
        ({"$titel": "x", "other": 1}, []),
        ({"metrics": [{"value": 1}, {"valeu": 1}, 5]}, [(("metrics", 1, "valeu"), "value")]),
        ({"metrics": {"valeu": 1}}, []),
        ({"from": {"$type": "com.example.thing#note", "txt": "x", "valeu": 1}}, [(("from", "txt"), "text")]),
        ({"from": {"$type": "com.example.thing#other", "txt": "x"}}, []),
        ({"from": {"txt": "x"}}, []),
        ({"extra": {"titel": "x"}}, []),
    ],
)
def test_misspelt(value: Json, expected: list[tuple[Steps, str]]) -> None:
    found = list(find_typos(LEXICONS, LEXICONS.record(THING), value))
    assert found == [(steps, f"did you mean {name!r}?") for steps, name in expected]
