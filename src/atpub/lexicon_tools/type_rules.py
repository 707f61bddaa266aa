"""Rules about types: limits, descriptions, and constraints that cannot be taken back later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from atpub.atproto.lexicon.keywords import unexpected_words
from atpub.lexicon_tools.parts import MAPS, LexiconPart, RuleMatch

LARGE: Final = 20 * 1024
"""The most bytes that a field of a record should have: as goat has it."""
_LEAST_BYTES: Final = 10  # for one grapheme, says the style guide
_LENGTHS: Final = ("maxLength", "minLength", "maxGraphemes", "minGraphemes")


def check_unexpected(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find words that the language does not have here, and that resemble none of its own."""
    for word in unexpected_words(part.value, part.kind):
        value = part.value[word]
        is_field = MAPS.get(part.kind) == "properties" and isinstance(value, dict) and "type" in value
        hint = "put it into `properties`" if is_field else "a name of your own begins with $"
        yield RuleMatch(f"{word[:80]!r} means nothing in Lexicon", (word,), hint)


def check_description(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find main definitions without a description."""
    if part.is_main and not part.value.get("description"):
        yield RuleMatch(f"the {part.kind} has no description")


def check_token(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find tokens without a description: it is all that says what they mean."""
    if not part.value.get("description"):
        yield RuleMatch("the token has no description, and nothing else says what it means")


def check_output(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find methods that do not say what they return."""
    if "output" not in part.value:
        yield RuleMatch(
            f"the {part.kind} has no output", hint='if it returns nothing yet: {"encoding": "application/json", …}'
        )


def check_messages(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find subscriptions without types of messages."""
    message = part.value.get("message")
    schema = message.get("schema") if isinstance(message, dict) else None
    if isinstance(schema, dict) and not schema.get("refs"):
        yield RuleMatch("the subscription defines no messages", ("message", "schema", "refs"))


def check_title(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find permission sets without a title, which users see when they allow it."""
    if not part.value.get("title"):
        yield RuleMatch("the permission set has no title", hint="users see it when they are asked to allow it")


def check_permissions(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find permission sets that grant nothing."""
    if not part.value.get("permissions"):
        yield RuleMatch("the permission set grants nothing", ("permissions",))


def check_large(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find strings and bytes that may be larger than a record should be."""
    most = part.number("maxLength")
    if most is not None and most > LARGE:
        message = f"{part.kind} of up to {most:,} bytes: more than {LARGE:,}"
        yield RuleMatch(message, ("maxLength",), "use a blob for large content")


def check_unlimited_string(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find strings of any length."""
    if not any(key in part.value for key in ("format", "maxLength", "maxGraphemes", "enum", "const")):
        yield RuleMatch("a string of any length", hint="add maxLength, or a format")


def check_unlimited_bytes(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find byte strings of any length."""
    if "maxLength" not in part.value:
        yield RuleMatch("a byte string of any length", hint="add maxLength")


def check_graphemes(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find limits of graphemes without a limit of bytes, or with one that is too small for them."""
    graphemes, most = part.number("maxGraphemes"), part.number("maxLength")
    if graphemes is None:
        return
    if most is None:
        hint = f"add maxLength: {graphemes * _LEAST_BYTES}, for 10 bytes a grapheme"
        yield RuleMatch(
            "maxGraphemes without maxLength: a grapheme may have any number of bytes", ("maxGraphemes",), hint
        )
    elif most < graphemes:
        message = f"maxLength {most} is less than maxGraphemes {graphemes}: no text reaches it"
        yield RuleMatch(
            message, ("maxLength",), f"maxLength counts bytes: {graphemes * _LEAST_BYTES} allows for 10 a grapheme"
        )


def check_redundant_length(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find lengths beside a format, which has its own."""
    if part.value.get("format") not in (None, "uri"):
        for key in _LENGTHS:
            if key in part.value:
                yield RuleMatch(f"{key} beside the format {part.value['format']}, which has its own limits", (key,))


def check_handle(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find handles in records: accounts change them."""
    if part.is_of_record and part.value.get("format") in ("handle", "at-identifier"):
        message = f"a record with the format {part.value['format']}: a handle can change, or pass to another account"
        yield RuleMatch(message, ("format",), "use the format did")


def check_local_known_value(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find known values that look like references within the lexicon, which values never are."""
    for index, text in enumerate(part.texts("knownValues")):
        if text.startswith("#"):
            hint = f"write the token's whole name: {part.nsid}{text[:80]}"
            yield RuleMatch(f"the known value {text[:80]!r} looks like a local reference", ("knownValues", index), hint)


def check_enum(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find closed sets of strings, to which no value can be added later."""
    if part.value.get("enum"):
        yield RuleMatch("an enum is closed: no value can be added to it later", ("enum",), "use knownValues")


def check_union(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find closed unions, to which no type can be added later."""
    if part.value.get("closed") is True:
        yield RuleMatch("a closed union: no type can be added to it later", ("closed",), "leave out closed")


def check_boolean(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find booleans that are true where they are absent."""
    if part.value.get("default") is True:
        yield RuleMatch("a boolean that is true where it is absent", ("default",), "name the opposite, which is false")


def check_nullable(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find fields that may both be absent and be null."""
    required = part.texts("required")
    for index, name in enumerate(part.texts("nullable")):
        if name not in required:
            hint = "leave it out of nullable, or require it"
            yield RuleMatch(f"{name[:80]!r} may both be absent and be null", ("nullable", index), hint)


def check_pages(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find methods that take a cursor without returning one, or without a limit (a stream has none)."""
    given = _names(part, "parameters")
    returned = _names(part, "output", "schema")
    if "cursor" in given and returned and "cursor" not in returned:
        yield RuleMatch("takes a cursor and returns none", ("output", "schema"), "add an optional cursor to the output")
    if "cursor" in given and "limit" not in given and part.kind != "subscription":
        yield RuleMatch("takes a cursor and no limit", ("parameters",), "add the integer parameter limit")


def _names(part: LexiconPart, *steps: str) -> frozenset[str]:
    value: object = part.value
    for step in (*steps, "properties"):
        value = value.get(step) if isinstance(value, dict) else None
    return frozenset(value) if isinstance(value, dict) else frozenset()
