"""The table of all rules: what each finds, how grave it is, an example, and the names that goat has for it.

Rules without a function are held wherever atpub reads lexicons; `atpub lex lint` reports them, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from atpub.lexicon_tools import name_rules as names
from atpub.lexicon_tools import type_rules as types
from atpub.lexicon_tools.parts import METHODS, PRIMARY, LexiconPart, RuleMatch
from atpub.problems import Severity

Check = Callable[[LexiconPart], Iterable[RuleMatch]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its code, a line that explains it, an example of what it finds, and the kinds of parts it looks at.

    No kinds: every part. `goat` are the names of the rules of `goat lex lint` that find the same.
    """

    code: str
    severity: Severity
    summary: str
    example: str
    kinds: tuple[str, ...] = ()
    check: Check | None = None
    goat: tuple[str, ...] = ()


_WARNING: Final[Severity] = "warning"
_ERROR: Final[Severity] = "error"
_INVALID: Final = ("lexicon-schema", "invalid-nsid", "lexicon-version", "non-main-primary", "unspecified-encoding")

RULES: Final = (
    # Files and the language
    Rule("json-syntax", _ERROR, "The file is JSON.", '{"lexicon": 1,}', goat=("schema-json-parse",)),
    Rule("duplicate-key", _ERROR, "An object has each key once.", '{"id": "a.b.c", "id": "a.b.d"}'),
    Rule("lexicon", _ERROR, "The lexicon is valid.", '{"lexicon": 2}', goat=_INVALID),
    Rule(
        "unknown-type",
        _WARNING,
        "The language has the type; a value of type number or record is an error.",
        '{"type": "colour"}',
    ),
    Rule("unknown-format", _WARNING, "The language has the format.", '{"format": "date-time"}'),
    Rule(
        "unknown-word",
        _WARNING,
        "The type has the word: not one misspelt, of another type, or of JSON Schema.",
        '{"type": "array", "minItems": 1}',
        goat=("unexpected-field",),
    ),
    Rule(
        "unexpected-field",
        _WARNING,
        "The language has the word.",
        '{"type": "string", "example": "…"}',
        check=types.check_unexpected,
        goat=("unexpected-field",),
    ),
    # Between lexicons
    Rule("missing-ref", _ERROR, "The definition that a reference names exists.", '{"type": "ref", "ref": "#none"}'),
    Rule("token-ref", _WARNING, "A reference names no token.", '{"type": "ref", "ref": "#someToken"}'),
    Rule("duplicate-lexicon", _ERROR, "One file defines an NSID.", "a.json and b.json: org.lab.note"),
    Rule(
        "group-conflict",
        _WARNING,
        "A lexicon does not have the name of a group of others.",
        "org.lab.note and org.lab.note.part",
        ("lexicon",),
        names.check_group_conflict,
    ),
    Rule(
        "unused-definition",
        _WARNING,
        "A definition beside a main one is used.",
        "#part, to which nothing refers",
        ("lexicon",),
        names.check_unused,
    ),
    # Names
    Rule(
        "def-name-syntax",
        _WARNING,
        "Definitions are named in lowerCamelCase.",
        '{"defs": {"my-part": …}}',
        check=names.check_definition_name,
        goat=("def-name-syntax",),
    ),
    Rule(
        "field-name-syntax",
        _WARNING,
        "Fields and parameters are named in lowerCamelCase, and not type or id.",
        '{"properties": {"created_at": …}}',
        ("object", "params"),
        names.check_field_names,
        ("field-name-syntax",),
    ),
    Rule(
        "generic-name",
        _WARNING,
        "No lexicon or definition has the name of a keyword.",
        "org.lab.default",
        check=names.check_generic_name,
    ),
    Rule(
        "error-name-case",
        _WARNING,
        "Errors are named in UpperCamelCase.",
        '{"errors": [{"name": "not_found"}]}',
        METHODS,
        names.check_error_names,
    ),
    Rule(
        "known-value-case",
        _WARNING,
        "Fixed strings are in kebab-case.",
        '{"knownValues": ["inReview"]}',
        ("string",),
        names.check_known_values,
    ),
    Rule(
        "plural-record",
        _WARNING,
        "Records are named in the singular.",
        "org.lab.notes",
        ("record",),
        names.check_record_name,
    ),
    Rule(
        "method-name",
        _WARNING,
        "Queries and procedures are named by a verb and a noun.",
        "org.lab.notes, a query",
        ("query", "procedure"),
        names.check_method_name,
    ),
    Rule(
        "subscription-name",
        _WARNING,
        "Subscriptions are named subscribe and a plural.",
        "org.lab.noteStream",
        ("subscription",),
        names.check_subscription_name,
    ),
    Rule(
        "defs-main-definition",
        _WARNING,
        "A lexicon named defs has no main definition.",
        "org.lab.defs#main",
        check=names.check_defs_main,
        goat=("defs-main-definition",),
    ),
    Rule(
        "python-field-collision",
        _WARNING,
        "Fields of an object have different names in Python.",
        "banType and ban_type",
        ("object", "params"),
        names.check_python_fields,
    ),
    Rule(
        "python-class-collision",
        _WARNING,
        "Definitions of a lexicon have different names in Python.",
        "#myPart and #my-part",
        ("lexicon",),
        names.check_python_definitions,
    ),
    # Descriptions
    Rule(
        "missing-description",
        _WARNING,
        "Main definitions are described.",
        '{"main": {"type": "record", …}}',
        PRIMARY,
        types.check_description,
        ("missing-primary-description",),
    ),
    Rule(
        "undescribed-token",
        _WARNING,
        "Tokens are described.",
        '{"type": "token"}',
        ("token",),
        types.check_token,
        ("undescribed-token",),
    ),
    # Methods and permission sets
    Rule(
        "endpoint-output-undefined",
        _WARNING,
        "Queries and procedures have an output.",
        '{"type": "procedure", "input": …}',
        ("query", "procedure"),
        types.check_output,
        ("endpoint-output-undefined",),
    ),
    Rule(
        "subscription-no-messages",
        _WARNING,
        "Subscriptions define messages.",
        '{"message": {"schema": {"type": "union", "refs": []}}}',
        ("subscription",),
        types.check_messages,
        ("subscription-no-messages",),
    ),
    Rule(
        "pages",
        _WARNING,
        "What takes a cursor takes a limit, and returns a cursor.",
        "the parameter cursor alone",
        METHODS,
        types.check_pages,
    ),
    Rule(
        "permissionset-no-title",
        _WARNING,
        "Permission sets have a title.",
        '{"type": "permission-set", "permissions": …}',
        ("permission-set",),
        types.check_title,
        ("permissionset-no-title",),
    ),
    Rule(
        "permissionset-no-permissions",
        _WARNING,
        "Permission sets grant something.",
        '{"permissions": []}',
        ("permission-set",),
        types.check_permissions,
        ("permissionset-no-permissions",),
    ),
    Rule(
        "outside-namespace",
        _WARNING,
        "A permission set names NSIDs of its own namespace.",
        'org.lab.authBasic: {"collection": ["app.bsky.feed.post"]}',
    ),
    # Limits
    Rule(
        "unlimited-string",
        _WARNING,
        "Strings have a largest size, or a format.",
        '{"type": "string"}',
        ("string",),
        types.check_unlimited_string,
        ("unlimited-string",),
    ),
    Rule(
        "large-string",
        _WARNING,
        "Strings have at most 20 KiB.",
        '{"type": "string", "maxLength": 100000}',
        ("string",),
        types.check_large,
        ("large-string",),
    ),
    Rule(
        "unlimited-bytes",
        _WARNING,
        "Byte strings have a largest size.",
        '{"type": "bytes"}',
        ("bytes",),
        types.check_unlimited_bytes,
        ("unlimited-bytes",),
    ),
    Rule(
        "large-bytes",
        _WARNING,
        "Byte strings have at most 20 KiB.",
        '{"type": "bytes", "maxLength": 100000}',
        ("bytes",),
        types.check_large,
        ("large-bytes",),
    ),
    Rule(
        "grapheme-limit",
        _WARNING,
        "A limit of graphemes stands beside a limit of bytes that allows for them.",
        '{"type": "string", "maxGraphemes": 64}',
        ("string",),
        types.check_graphemes,
    ),
    Rule(
        "redundant-length",
        _WARNING,
        "A string with a format has no lengths (a uri may).",
        '{"format": "did", "maxLength": 100}',
        ("string",),
        types.check_redundant_length,
    ),
    # Evolution
    Rule(
        "closed-enum", _WARNING, "Strings have knownValues, no enum.", '{"enum": ["a"]}', ("string",), types.check_enum
    ),
    Rule("closed-union", _WARNING, "Unions are open.", '{"refs": […], "closed": true}', ("union",), types.check_union),
    Rule(
        "default-true",
        _WARNING,
        "Booleans are false where they are absent.",
        '{"type": "boolean", "default": true}',
        ("boolean",),
        types.check_boolean,
    ),
    Rule(
        "nullable-and-optional",
        _WARNING,
        "A field that can be null is required.",
        '{"nullable": ["note"], "required": []}',
        ("object",),
        types.check_nullable,
        ("nullable-and-optional",),
    ),
    Rule(
        "handle-in-record",
        _WARNING,
        "Records name accounts by their DIDs.",
        '{"type": "string", "format": "handle"}',
        ("string",),
        types.check_handle,
    ),
    Rule(
        "known-string-local-ref",
        _WARNING,
        "Known values name tokens in full.",
        '{"knownValues": ["#open"]}',
        ("string",),
        types.check_local_known_value,
        ("known-string-local-ref",),
    ),
)

CODES: Final = tuple(rule.code for rule in RULES)
