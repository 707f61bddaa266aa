"""Many lexicons together: each NSID once, and every reference resolvable.

A reference to a token is passed over with a warning, as one to a type that atpub does not know is: the language does
not allow it any more, and its own test files have it. Such a value is the token's name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from atpub.atproto.lexicon.model import (
    Array,
    BodyType,
    Definition,
    Lexicon,
    Lexicons,
    Name,
    Object,
    ProcedureType,
    QueryType,
    RecordType,
    Ref,
    SubscriptionType,
    Token,
    Union,
    Unsupported,
)
from atpub.atproto.lexicon.violation import Path, json_path
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidInput
from atpub.problems import Place, Problem, Severity

NONE = Lexicons({})


def link(
    files: Iterable[tuple[str, Lexicon]], known: Lexicons = NONE, *, allow_missing: bool = False, complete: bool = True
) -> Lexicons:
    """Return the lexicons of some files by NSID, with what was passed over between them; raises InvalidInput.

    Takes pairs of file name and lexicon. References may also go to the known lexicons. Where they may be missing, what
    is not at hand takes any value. Where the files are not `complete`, a missing lexicon is no error.
    """
    pairs = list(files)
    linked = Lexicons({lexicon.id: lexicon for _, lexicon in pairs})
    missing: Severity | None = "warning" if allow_missing else "error" if complete else None
    problems = [
        *_duplicates(pairs),
        *_find_unresolved(pairs, known.and_also(linked), missing),
    ]
    if any(problem.severity == "error" for problem in problems):
        raise InvalidInput(tuple(problems))
    return Lexicons({**linked.by_nsid, **_stand_ins(linked, known)}, tuple(problems)) if problems else linked


def _find_unresolved(
    pairs: list[tuple[str, Lexicon]], lexicons: Lexicons, missing: Severity | None
) -> Iterator[Problem]:
    for file, lexicon in pairs:
        for path, name, owner in references(lexicon):
            message = f"{json_path(path)}: {lexicon.id} refers to {name}, which "
            if name.nsid not in lexicons.by_nsid:
                if missing is None:
                    continue
                what = f"{message}is not at hand: add the lexicon {name.nsid}"
                yield Problem("missing-ref", what, Place(file), _meant(name, lexicons), missing, path)
            elif what := _wrong(lexicons.find(name), owner, name):
                yield Problem("missing-ref", f"{message}{what}", Place(file), path=path)
            elif isinstance(owner, Ref) and isinstance(lexicons.find(name), Token):
                hint = "a string with the token among its knownValues says the same"
                yield Problem("token-ref", f"{message}is a token, no type of value", Place(file), hint, "warning", path)


def _meant(name: Name, lexicons: Lexicons) -> str:
    """Return a hint for a reference that has a dot where it needs a `#`."""
    above, _, last = name.nsid.rpartition(".")
    found = Nsid.accepts(above) and lexicons.find(Name(Nsid(above), last))
    return f"did you mean '{above}#{last}'?" if found else ""


def _stand_ins(linked: Lexicons, known: Lexicons) -> Mapping[Nsid, Lexicon]:
    """Lexicons in place of those that are not at hand, in which what is referred to is of an unknown type."""
    absent: defaultdict[Nsid, dict[str, Definition]] = defaultdict(dict)
    for lexicon in linked.by_nsid.values():
        for _, name, _ in references(lexicon):
            if name.nsid not in linked.by_nsid and name.nsid not in known.by_nsid:
                absent[name.nsid][name.fragment] = Unsupported()
    return {nsid: Lexicon(nsid, definitions) for nsid, definitions in absent.items()}


def _duplicates(pairs: list[tuple[str, Lexicon]]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for file, lexicon in pairs:
        if lexicon.id in first:
            yield Problem(
                "duplicate-lexicon", f"$.id: {lexicon.id} is also in {first[lexicon.id]}", Place(file), path=("id",)
            )
        first.setdefault(lexicon.id, file)


def _wrong(definition: Definition | None, owner: Ref | Union, name: Name) -> str:
    match definition:
        case None:
            return f"{name.nsid} does not define"
        case Object() | RecordType() | Unsupported():
            return ""
        case _ if isinstance(owner, Union):
            return "is not an object or record: a union holds nothing else"
        case QueryType() | ProcedureType() | SubscriptionType():
            return "is not a type that a value can have"
        case _:
            return ""


def references(lexicon: Lexicon) -> Iterator[tuple[Path, Name, Ref | Union]]:
    """Every reference in a lexicon: its path, the name, and the type that holds it."""
    stack: list[tuple[Path, object]] = [(("defs", name), item) for name, item in lexicon.definitions.items()]
    while stack:
        path, item = stack.pop()
        match item:
            case Ref(target=target):
                yield (*path, "ref"), target, item
            case Union(refs=refs):
                yield from (((*path, "refs", index), ref, item) for index, ref in enumerate(refs))
            case Array(items=items):
                stack.append(((*path, "items"), items))
            case Object(properties=properties):
                stack.extend(((*path, "properties", name), part) for name, part in properties.items())
            case RecordType(record=record):
                stack.append(((*path, "record"), record))
            case QueryType() | ProcedureType():
                stack.extend([((*path, "parameters"), item.parameters), ((*path, "output"), item.output)])
                stack.append(((*path, "input"), item.input if isinstance(item, ProcedureType) else None))
            case SubscriptionType(parameters=parameters, message=message):
                stack.extend([((*path, "parameters"), parameters), ((*path, "message", "schema"), message)])
            case BodyType(schema=schema):
                stack.append(((*path, "schema"), schema))
            case _:
                pass


def select(lexicons: Mapping[Nsid, Lexicon], include: Sequence[str], exclude: Sequence[str]) -> frozenset[Nsid]:
    """Return the NSIDs that match a pattern of `include` (none: all) and none of `exclude`, with all references.

    In a pattern such as `org.lab.*`, the asterisk stands for any segments.
    """
    if not include and not exclude:
        return frozenset(lexicons)
    found = {nsid for nsid in lexicons if is_selected(nsid, include, exclude)}
    waiting = list(found)
    while waiting:
        needed = {name.nsid for _, name, _ in references(lexicons[waiting.pop()])} & lexicons.keys()
        waiting.extend(needed - found)
        found |= needed
    return frozenset(found)


def is_selected(nsid: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Return whether an NSID matches a pattern of `include` (none: all) and none of `exclude`."""
    return _matches(nsid, include or ("*",)) and not _matches(nsid, exclude)


def idle(nsids: Iterable[str], patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns that match nothing."""
    known = list(nsids)
    return tuple(pattern for pattern in patterns if not any(fnmatchcase(nsid, pattern) for nsid in known))


def _matches(nsid: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(nsid, pattern) for pattern in patterns)
