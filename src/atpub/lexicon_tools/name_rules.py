"""Rules about names: of lexicons, definitions, fields, errors and values, and their names in Python."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from atpub.atproto.lexicon.model import MAIN, Name
from atpub.lexicon_tools.parts import LexiconPart, RuleMatch
from atpub_codegen.names import pascal_case, snake_case

_CAMEL: Final = re.compile(r"[a-z][a-zA-Z0-9]{0,254}")
_PASCAL: Final = re.compile(r"[A-Z][a-zA-Z0-9]*")
_KEBAB: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_RESERVED: Final = ("type", "id")  # as goat has it
_GENERIC: Final = frozenset(
    (
        *("class", "default", "delete", "function", "import", "length", "new"),
        *("null", "object", "return", "string", "this"),
    )
)
_VERB: Final = re.compile(r"[a-z]+[A-Z].*")
_WRITING_VERBS: Final = ("create", "update", "delete", "upsert", "put")
_SINGULAR: Final = re.compile(r"(ss|us|is|ics|news|series|species|status|settings|preferences)$", re.IGNORECASE)


def check_definition_name(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find definitions whose names other languages may not be able to use."""
    if part.is_definition and (reason := _unusual(part.name)):
        yield RuleMatch(f"the definition {part.name[:80]!r} {reason}")


def check_field_names(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find fields and parameters whose names are not in lowerCamelCase, or reserved."""
    for name in part.fields():
        if reason := _unusual(name):
            yield RuleMatch(f"the field {name[:80]!r} {reason}", ("properties", name))


def _unusual(name: str) -> str:
    if name in _RESERVED:
        return "has a name that many programs reserve"
    return "" if _CAMEL.fullmatch(name) else "is not in lowerCamelCase, with ASCII letters and digits alone"


def check_generic_name(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find lexicons and definitions named by a keyword of popular languages."""
    name = part.nsid.name if part.is_main else part.name
    if part.is_definition and name in _GENERIC:
        yield RuleMatch(f"the name {name!r} is a keyword or a built-in name of popular languages")


def check_error_names(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find errors of methods that are not in UpperCamelCase."""
    errors = part.value.get("errors")
    for index, error in enumerate(errors if isinstance(errors, list) else ()):
        name = error.get("name") if isinstance(error, dict) else None
        if isinstance(name, str) and not _PASCAL.fullmatch(name):
            yield RuleMatch(f"the error {name[:80]!r} is not in UpperCamelCase", ("errors", index, "name"))


def check_known_values(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find fixed strings that are not in kebab-case; names of tokens are not meant."""
    for key in ("knownValues", "enum"):
        for index, text in enumerate(part.texts(key)):
            if not _KEBAB.fullmatch(text) and not {*"#.:/!"} & {*text}:
                yield RuleMatch(f"the value {text[:80]!r} is not in kebab-case", (key, index))


def check_record_name(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find records named by a plural."""
    name = part.nsid.name
    if name.endswith("s") and not _SINGULAR.search(name):
        yield RuleMatch(
            f"the record {name!r} has the name of many", hint="name it in the singular: post, like, profile"
        )


def check_method_name(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find queries and procedures that are not named by a verb and a noun."""
    name = part.nsid.name
    if not _VERB.fullmatch(name):
        hint = "getPost, listLikes, searchPosts; createPost, putProfile, deletePost"
        yield RuleMatch(f"the {part.kind} {name!r} is not named by a verb and a noun", hint=hint)
    elif part.kind == "query" and (verb := re.match(r"[a-z]+", name)) and verb[0] in _WRITING_VERBS:
        yield RuleMatch(
            f"the query {name!r} has the name of a procedure", hint="a query writes nothing: get, list, search"
        )


def check_subscription_name(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find subscriptions that are not named subscribe and a plural."""
    name = part.nsid.name
    if not (name.startswith("subscribe") and name.endswith("s")):
        yield RuleMatch(
            f"the subscription {name!r} is not named subscribe and a plural", hint="such as subscribeLabels"
        )


def check_group_conflict(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find lexicons whose name is also the beginning of others' names."""
    if str(part.nsid) in part.corpus.groups:
        message = f"{part.nsid} is a lexicon, and also the group of other lexicons"
        yield RuleMatch(message, ("id",), "give the group another name")


def check_defs_main(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find a main definition in a lexicon of shared definitions."""
    if part.is_main and part.nsid.name == "defs":
        yield RuleMatch("a lexicon named defs holds shared definitions, and no main one")


def check_unused(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find definitions beside a main one that no lexicon refers to; tokens are for others."""
    names = part.fields()
    tokens = {name for name, item in names.items() if isinstance(item, dict) and item.get("type") == "token"}
    for name in names if MAIN in names else ():
        if name != MAIN and name not in tokens and str(Name(part.nsid, name)) not in part.corpus.used:
            yield RuleMatch(f"no lexicon here uses the definition {name[:80]!r}", ("defs", name))


def check_python_fields(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find fields whose attributes in Python would have the same name."""
    yield from _collisions(part.fields(), snake_case, ("properties",), "attribute")


def check_python_definitions(part: LexiconPart) -> Iterator[RuleMatch]:
    """Find definitions whose classes in Python would have the same name."""
    yield from _collisions((name for name in part.fields() if name != MAIN), pascal_case, ("defs",), "class")


def _collisions(
    names: Iterable[str], python_name: Callable[[str], str], steps: tuple[str, ...], noun: str
) -> Iterator[RuleMatch]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        found[python_name(name)].append(name)
    for python, (first, *others) in found.items():
        for other in others:
            message = f"{first[:80]!r} and {other[:80]!r} are the same {noun} in Python, {python}: one gets a number"
            yield RuleMatch(message, (*steps, other), "rename one of them")
