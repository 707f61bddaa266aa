"""Random JSON: of the data model, near it, and of the Lexicon language gone wrong."""

from hypothesis import strategies as st

from atpub.atproto.data import INTEGER_MAX, INTEGER_MIN, Json, bytes_json, looks_like_link
from atpub.atproto.lexicon.formats import FORMATS
from atpub.atproto.syntax import Cid

CIDS = st.builds(Cid.of_digest, st.binary(min_size=32, max_size=32), st.sampled_from([0x55, 0x71]))
BYTES = st.binary(max_size=40).filter(lambda raw: not looks_like_link(raw))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=5).filter(lambda name: not name.startswith("$"))

LEAVES: st.SearchStrategy[Json] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(INTEGER_MIN, INTEGER_MAX),
    st.text(st.characters(exclude_categories=["Cs"])),
    BYTES.map(bytes_json),
    CIDS.map(lambda cid: {"$link": str(cid)}),
)
DATA: st.SearchStrategy[Json] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)
RECORDS = st.dictionaries(NAMES, DATA, max_size=5)
"""What a repository can hold."""

SPECIAL = st.sampled_from(
    ["$type", "$link", "$bytes", "ref", "mimeType", "size", "cid", "blob", "com.example.thing", ""]
)
JSON: st.SearchStrategy[Json] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.text(st.characters(codec=None), max_size=5),
        SPECIAL,
        CIDS.map(str),
        st.binary(max_size=40).map(lambda raw: bytes_json(raw)["$bytes"]),
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(SPECIAL | st.text(st.characters(codec=None), max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)
"""Any JSON, with the names and values that mean something thrown in."""

WORDS = (
    *("lexicon", "id", "defs", "main", "a", "b", "type", "description", "key", "record", "properties", "required"),
    *("nullable", "items", "refs", "ref", "closed", "const", "default", "enum", "format", "knownValues", "minimum"),
    *("maximum", "minLength", "maxLength", "minGraphemes", "maxGraphemes", "accept", "maxSize", "parameters", "input"),
    *("output", "encoding", "schema", "errors", "name", "message", "permissions", "resource", "title", "title:lang"),
)
VALUES = (
    *("record", "query", "procedure", "subscription", "permission-set", "permission", "params", "token", "unknown"),
    *("object", "array", "string", "integer", "boolean", "bytes", "cid-link", "blob", "ref", "union", "null"),
    *("#a", "#", "com.example.thing", "com.example.thing#b", "tid", "literal:x", "..", "../x", "application/json"),
    *FORMATS,
)
LEXICON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | st.sampled_from(VALUES) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=3)
        | st.fixed_dictionaries({"type": st.sampled_from(VALUES)}, optional=dict.fromkeys(WORDS[7:], inner))
    ),
    max_leaves=40,
)
"""What looks like a part of a lexicon, more or less."""
