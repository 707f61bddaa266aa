"""Lexicon JSON → the model, or every problem found (specification: Lexicon).

A lexicon file is untrusted input: each problem names the file and the JSON path, and nothing here trusts a type, a name
or a reference that it has not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from atpub.atproto.data import Json
from atpub.atproto.lexicon.constraints import check_choices, check_mime_types
from atpub.atproto.lexicon.formats import FORMATS
from atpub.atproto.lexicon.json_node import JsonNode, kind_of, step
from atpub.atproto.lexicon.keywords import check_words, suggest_format, suggest_type
from atpub.atproto.lexicon.model import (
    MAIN,
    Array,
    BlobType,
    BodyType,
    Boolean,
    Bytes,
    CidLinkType,
    Definition,
    Integer,
    Lexicon,
    Name,
    Null,
    Object,
    ProcedureType,
    QueryType,
    RecordType,
    Ref,
    String,
    SubscriptionType,
    Token,
    Type,
    Union,
    Unknown,
    Unsupported,
)
from atpub.atproto.lexicon.permissions import check_permission_set
from atpub.atproto.syntax import Nsid, Rkey
from atpub.errors import InvalidInput

DEEPEST = 64
KEY_TYPES: Final = ("tid", "nsid", "any")  # and literal:…
LONGEST_AUTHORITY: Final = 253  # as a domain name
FRAGMENT: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,127}")


def parse(document: Json, file: str) -> Lexicon:
    """Return the lexicon in a JSON value, with what of it was passed over; raises InvalidInput with every problem."""
    node = JsonNode(document, file)
    lexicon = _lexicon(node)
    if lexicon is None or any(problem.severity == "error" for problem in node.problems):
        raise InvalidInput(tuple(node.problems))
    return replace(lexicon, warnings=tuple(node.problems)) if node.problems else lexicon


def _lexicon(node: JsonNode) -> Lexicon | None:
    if not isinstance(node.value, dict):
        node.problem(f"expected an object, found {kind_of(node.value)}")
        return None
    if "lexicon" not in node and "defs" not in node:
        node.problem("expected a lexicon: an object with lexicon, id and defs", hint=_suggest_inner(node.value))
        return None
    if node["lexicon"].value is True or node["lexicon"].value != 1:
        node["lexicon"].problem("expected 1, the only version of the language that there is")
    text = node.text("id") or ""
    if node["id"].value is None:
        node["id"].problem("is required and missing", hint="the NSID, such as org.example.note")
    elif isinstance(node["id"].value, str) and not Nsid.accepts(text):
        node["id"].problem(f"{text[:80]!r} is not a valid NSID")
    if not Nsid.accepts(text):
        return None
    if len(text.rpartition(".")[0]) > LONGEST_AUTHORITY:
        node["id"].problem(f"the authority of an NSID, all but its name, has at most {LONGEST_AUTHORITY} characters")
    node.number("revision")
    check_words(node, "lexicon")
    if node.value.get("defs") == {}:
        node["defs"].problem("expected at least one definition")
    reader = _Reader(Nsid(text))
    definitions = {name: reader.definition(name, item) for name, item in node["defs"].fields()}
    found = {name: item for name, item in definitions.items() if item is not None}
    return Lexicon(Nsid(text), found, node.text("description") or "")


def _suggest_inner(value: Mapping[str, Json]) -> str:
    """Return a hint where a lexicon is one of the values, as it is in what servers answer."""
    inner = [key for key, item in value.items() if isinstance(item, dict) and "lexicon" in item and "defs" in item]
    return f"it is in {step(inner[0])[:80]}: save that alone" if inner else ""


class _Reader:
    """Reads the definitions of one lexicon; its NSID makes local references absolute."""

    def __init__(self, nsid: Nsid) -> None:
        self.nsid = nsid

    def definition(self, name: str, node: JsonNode) -> Definition | None:
        """Return a definition of any kind; None with a problem where it is none."""
        if not FRAGMENT.fullmatch(name):
            node.problem(f"{name[:80]!r} is not a name for a definition")
        kind = node["type"].value
        if isinstance(kind, str) and kind in PRIMARY_TYPES:
            if name != MAIN:
                node.problem(f"a {kind} can only be the main definition")
            check_words(node, kind)
            return PRIMARY_TYPES[kind](self, node)
        if kind == "token":
            return Token(_description(node))
        if kind in PARTS_ONLY:
            node.problem(f"the type {kind} has no name of its own: it is part of another type")
        return self.type(node)

    def type(self, node: JsonNode) -> Type | None:
        """Return a type that a field can have; None with a problem where it is none."""
        if node.depth > DEEPEST:
            node.problem(f"nested deeper than {DEEPEST} levels")
            return None
        if not isinstance(node.value, dict):
            node.problem(f"expected a type, found {kind_of(node.value)}")
            return None
        kind = node["type"].value
        read = VALUE_TYPES.get(kind) if isinstance(kind, str) else None
        if read is not None:
            check_words(node, str(kind))
            return read(self, node)
        if isinstance(kind, str) and kind and kind not in NO_VALUES:
            hint = suggest_type(kind, [*VALUE_TYPES, *NO_VALUES])
            if _is_reference(kind):
                hint = f'write {{"type": "ref", "ref": "{kind}"}}'
            node["type"].warn(f"{kind[:80]!r} is a type that atpub does not know: passed over", "unknown-type", hint)
            return Unsupported(kind, _description(node))
        shown = repr(kind[:80]) if isinstance(kind, str) else kind_of(kind)
        hint = suggest_type(kind, VALUE_TYPES) if isinstance(kind, str) else ""
        node["type"].problem(f"{shown} is not a type that a value can have", "unknown-type", hint)
        return None

    def record(self, node: JsonNode) -> RecordType:
        """Return a record, its key type checked."""
        key = node.text("key") or ""
        kind, _, literal = key.partition(":")
        if node["key"].value is None:
            node["key"].problem("is required and missing", hint="tid, nsid, any or literal:…")
        elif key not in KEY_TYPES and not (kind == "literal" and Rkey.accepts(literal)):
            node["key"].problem(f"{key[:80]!r} is not a key type: tid, nsid, any or literal:…")
        record = node["record"]
        if isinstance(record.value, dict) and "type" not in record:
            # Of two records without it, the public test files hold one to be valid: that which requires a field.
            say = record.warn if "required" in record else record.problem
            say("a record has the type object, which is not said here", "lexicon")
        elif isinstance(record.value, dict) and record["type"].value != "object":
            record["type"].problem("expected object")
        else:
            check_words(record, "object")
        return RecordType(key, self.own_type(record, self.object(record)), _description(node))

    def own_type(self, node: JsonNode, kind: Object) -> Object:
        """Return a record's object without its `$type`, of which there is nothing to say: it is the record's NSID."""
        if "$type" not in kind.properties:
            return kind
        match kind.properties["$type"]:
            case String(const=const, enum=enum) if const in (None, self.nsid) and (not enum or self.nsid in enum):
                pass
            case _:
                node["properties"]["$type"].problem(f"the $type of a record is its NSID, {self.nsid}")
        properties = {name: item for name, item in kind.properties.items() if name != "$type"}
        return replace(
            kind, properties=properties, required=kind.required - {"$type"}, nullable=kind.nullable - {"$type"}
        )

    def query(self, node: JsonNode) -> QueryType:
        """Return a query with its parameters, output and errors."""
        return QueryType(self.parameters(node), self.body(node, "output"), _errors(node), _description(node))

    def procedure(self, node: JsonNode) -> ProcedureType:
        """Return a procedure with its parameters, input, output and errors."""
        taken, given = self.body(node, "input"), self.body(node, "output")
        return ProcedureType(self.parameters(node), taken, given, _errors(node), _description(node))

    def subscription(self, node: JsonNode) -> SubscriptionType:
        """Return an event stream with its parameters, messages and errors."""
        check_words(node["message"], "message")
        schema = node["message"]["schema"]
        message: Union | None = None
        if schema["type"].value == "union":
            check_words(schema, "union")
            message = self.union(schema)
        elif "message" in node:
            schema.problem("expected a union")
        else:
            node["message"].problem("is required and missing", hint='{"schema": {"type": "union", "refs": […]}}')
        return SubscriptionType(self.parameters(node), message, _errors(node), _description(node))

    def permission_set(self, node: JsonNode) -> None:
        """Check a bundle of permissions, and keep nothing of it: nothing here asks for them."""
        check_permission_set(node, self.nsid)

    def parameters(self, node: JsonNode) -> Object:
        """Return the parameters of a method: an empty object where there are none."""
        if "parameters" not in node:
            return Object()
        node = node["parameters"]
        if node["type"].value != "params":
            node["type"].problem("expected params")
        check_words(node, "params")
        found = self.object(node)
        for name, item in found.properties.items():
            simple = item.items if isinstance(item, Array) else item
            if not isinstance(simple, Boolean | Integer | String | Unknown | Unsupported):
                node["properties"][name].problem("a parameter is a boolean, integer or string, or an array of one")
        return found

    def body(self, node: JsonNode, key: str) -> BodyType | None:
        """Return a method's input or output; None where it is absent."""
        if key not in node:
            return None
        node = node[key]
        check_words(node, "body")
        schema = self.type(node["schema"]) if "schema" in node else None
        if isinstance(schema, Unsupported):
            schema = Object(description=schema.description)  # a body is an object, whatever it holds
        if schema is not None and not isinstance(schema, Object | Ref | Union):
            node["schema"].problem("expected an object, ref or union")
            schema = None
        encoding = node.text("encoding")
        if not encoding:
            node["encoding"].problem("expected a MIME type")
        else:
            check_mime_types(node["encoding"], [encoding])
        return BodyType(encoding or "", schema, _description(node))

    def object(self, node: JsonNode) -> Object:
        """Return an object, its required and nullable names checked against its properties."""
        if not isinstance(node.value, dict):
            node.problem(f"expected an object, found {kind_of(node.value)}")
            return Object()
        read = {name: self.type(item) for name, item in node["properties"].fields()} if "properties" in node else {}
        properties = {name: item for name, item in read.items() if item is not None}
        required, nullable = node.texts("required"), node.texts("nullable")
        for key, names in (("required", required), ("nullable", nullable)):
            for name in names:
                if name not in read:
                    node[key].problem(f"{name[:80]!r} is not one of the properties")
        return Object(properties, frozenset(required), frozenset(nullable), _description(node))

    def array(self, node: JsonNode) -> Array:
        """Return an array of one type of item."""
        low, high = _lengths(node, "minLength", "maxLength")
        return Array(self.type(node["items"]) or Unknown(), low, high, _description(node))

    def ref(self, node: JsonNode) -> Ref:
        """Return a reference, made absolute."""
        return Ref(self.name(node["ref"], node.text("ref") or ""), _description(node))

    def union(self, node: JsonNode) -> Union:
        """Return a union of references, made absolute."""
        if "refs" not in node:
            node["refs"].problem("expected a list, each item a string")
        refs = tuple(self.name(node["refs"], ref) for ref in node.texts("refs"))
        closed = node.flag("closed") or False
        if closed and not refs:
            node.problem("a closed union needs at least one ref")
        return Union(refs, closed, _description(node))

    def name(self, node: JsonNode, text: str) -> Name:
        """Return the absolute name that a reference means."""
        if not _is_reference(text):
            node.problem(f"{text[:80]!r} is not a reference: #name, an NSID, or NSID#name")
            return Name(self.nsid)
        nsid, _, fragment = text.partition("#")
        return Name(Nsid(nsid) if nsid else self.nsid, fragment or MAIN)


def _is_reference(text: str) -> bool:
    """Return whether a text is #name, an NSID, or NSID#name."""
    nsid, hash_sign, fragment = text.partition("#")
    return bool(text) and (not nsid or Nsid.accepts(nsid)) and (not hash_sign or bool(FRAGMENT.fullmatch(fragment)))


def _description(node: JsonNode) -> str:
    return node.text("description") or ""


def _errors(node: JsonNode) -> Mapping[str, str]:
    errors = node["errors"]
    if errors.value is None:
        return {}
    listed = errors.value if isinstance(errors.value, list) else [None]
    found = [item for item in listed if isinstance(item, dict) and isinstance(item.get("name"), str)]
    if len(found) != len(listed):
        errors.problem("expected a list of errors, each with a name")
    for item in errors if isinstance(errors.value, list) else ():
        name = item["name"].value
        if isinstance(name, str) and (not name or any(map(str.isspace, name))):
            item["name"].problem(f"{name[:80]!r} is not a name for an error", hint="one word, such as NotFound")
    return {str(item["name"]): str(item.get("description") or "") for item in found}


def _range(node: JsonNode, low: str, high: str) -> tuple[int | None, int | None]:
    least, most = node.number(low), node.number(high)
    if least is not None and most is not None and least > most:
        node.problem(f"{low} {least} is more than {high} {most}")
    return least, most


def _lengths(node: JsonNode, low: str, high: str) -> tuple[int | None, int | None]:
    least, most = _range(node, low, high)
    for key, limit in ((low, least), (high, most)):
        if limit is not None and limit < 0:
            node[key].problem("a length cannot be less than 0")
    return least, most


def _null(_: _Reader, node: JsonNode) -> Null:
    node["type"].warn("the language has no type null any more", "lexicon", "let a field be nullable")
    return Null(_description(node))


def _boolean(_: _Reader, node: JsonNode) -> Boolean:
    return check_choices(node, Boolean(node.flag("const"), node.flag("default"), _description(node)))


def _integer(_: _Reader, node: JsonNode) -> Integer:
    low, high = _range(node, "minimum", "maximum")
    const, default = node.number("const"), node.number("default")
    return check_choices(node, Integer(low, high, node.numbers("enum"), const, default, _description(node)))


def _string(_: _Reader, node: JsonNode) -> String:
    const, default, named = node.text("const"), node.text("default"), node.text("format")
    node["const"].unicode(const)
    node["default"].unicode(default)
    if named is not None and named not in FORMATS:
        message = f"{named[:80]!r} is a format that atpub does not know: any text has it"
        node["format"].warn(message, "unknown-format", suggest_format(named, FORMATS))
        named = None
    found = String(
        named,
        *_lengths(node, "minLength", "maxLength"),
        *_lengths(node, "minGraphemes", "maxGraphemes"),
        node.texts("enum"),
        node.texts("knownValues"),
        const,
        default,
        _description(node),
    )
    return check_choices(node, found)


def _bytes(_: _Reader, node: JsonNode) -> Bytes:
    return Bytes(*_lengths(node, "minLength", "maxLength"), _description(node))


def _blob(_: _Reader, node: JsonNode) -> BlobType:
    accept = node.texts("accept")
    check_mime_types(node["accept"], accept)
    return BlobType(accept, node.number("maxSize"), _description(node))


VALUE_TYPES: Final[Mapping[str, Callable[[_Reader, JsonNode], Type]]] = {
    "array": _Reader.array,
    "blob": _blob,
    "boolean": _boolean,
    "bytes": _bytes,
    "cid-link": lambda _, node: CidLinkType(_description(node)),
    "integer": _integer,
    "null": _null,
    "object": _Reader.object,
    "ref": _Reader.ref,
    "string": _string,
    "union": _Reader.union,
    "unknown": lambda _, node: Unknown(_description(node)),
}
PRIMARY_TYPES: Final[Mapping[str, Callable[[_Reader, JsonNode], Definition | None]]] = {
    "permission-set": _Reader.permission_set,
    "procedure": _Reader.procedure,
    "query": _Reader.query,
    "record": _Reader.record,
    "subscription": _Reader.subscription,
}
NO_VALUES: Final = frozenset({*PRIMARY_TYPES, "params", "permission", "token", "float", "number"})
"""Types that no value has; types that the language does not have are those of a later version."""
PARTS_ONLY: Final = ("ref", "union", "unknown")
"""Types that a definition cannot have: they are parts of others."""
