"""Random values of a type of the Lexicon language: valid ones, and ones in which something was changed."""

import string
from collections.abc import Iterator, Mapping

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from tests.atproto.lexicon.strategies import JSON, NAMES

from atpub.atproto.data import Json

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "at-identifier": (DID, "lab.example"),
    "at-uri": (f"at://{DID}", "at://lab.example/com.example.thing/self"),
    "cid": ("bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a",),
    "datetime": ("2024-05-01T12:00:00.000Z", "1985-04-12T23:20:50.123+01:00"),
    "did": (DID, "did:web:lab.example"),
    "handle": ("lab.example",),
    "language": ("en", "pt-BR"),
    "nsid": ("com.example.thing",),
    "record-key": ("self", "a:b~c"),
    "tid": ("3jzfcijpj2z2a",),
    "uri": ("https://lab.example/a?b#c", "mailto:a@b"),
}
CHARACTERS = st.sampled_from([*string.ascii_letters, " ", "\r\n", "é", "e\u0301", "名", "👩‍💻", "🇩🇪", "\U0001f600"])
TELLING: list[Json] = [None, True, 0, 1.5, "", [], {}, {"$link": "x"}, {"$bytes": "=="}, {"$type": "blob"}]
"""What is often mistaken for something else."""


@st.composite
def changed(draw: DrawFn, value: Json) -> Json:
    """The value with something in it taken away, added or replaced; it may be valid still."""
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(_paths(value))))
        value = _at(value, path, draw)
    return value


def _paths(value: Json) -> Iterator[tuple[str | int, ...]]:
    yield ()
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from ((key, *path) for path in _paths(part))


def _at(value: Json, path: tuple[str | int, ...], draw: DrawFn) -> Json:
    """A copy of the value in which the part at the path is another."""
    if not path:
        return draw(_another(value))
    key, *rest = path
    if isinstance(value, dict):
        if not rest and draw(st.booleans()):
            return {name: part for name, part in value.items() if name != key}
        return {name: _at(part, tuple(rest), draw) if name == key else part for name, part in value.items()}
    assert isinstance(value, list)
    return [_at(part, tuple(rest), draw) if index == key else part for index, part in enumerate(value)]


def _another(value: Json) -> SearchStrategy[Json]:
    """Something else in place of a value, most of it of the same type."""
    near: SearchStrategy[Json]
    match value:
        case bool():
            near = st.just(not value)
        case int():
            near = st.sampled_from([value - 1, value + 1, -value, value * 100, 2**63, -(2**63) - 1])
        case str():
            longer = CHARACTERS.map(lambda character: value + character * 9)
            near = st.one_of(longer, st.just(value[:-1]), st.just(f"{value}\ud800"))
        case list():
            near = st.one_of(st.just(value * 4), st.just(value[:-1]), JSON.map(lambda item: [*value, item]))
        case dict():
            keys = st.one_of(st.sampled_from(["$type", "$link", "$bytes", "size", "ref", "x"]), NAMES)
            more = st.tuples(keys, st.one_of(st.sampled_from(TELLING), JSON))
            near = more.map(lambda item: {**value, item[0]: item[1]})
        case _:
            near = st.none()
    return st.one_of(near, st.sampled_from(TELLING), JSON)
