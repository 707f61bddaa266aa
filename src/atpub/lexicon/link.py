"""Many lexicons together: each NSID once, and every reference resolvable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from atpub.errors import InvalidInput, Place, Problem
from atpub.lexicon.model import (
    Array,
    Body,
    Lexicon,
    Lexicons,
    Name,
    Object,
    Procedure,
    Query,
    Record,
    Ref,
    Token,
    Union,
)
from atpub.lexicon.node import step

NONE = Lexicons({})


def link(files: Iterable[tuple[str, Lexicon]], known: Lexicons = NONE) -> Lexicons:
    """The lexicons of some files by NSID; raises InvalidInput.

    Takes pairs of file name and lexicon. References may also go to the known lexicons.
    """
    pairs = list(files)
    problems = list(_duplicates(pairs))
    linked = Lexicons({lexicon.id: lexicon for _, lexicon in pairs})
    everything = known.and_also(linked)
    for file, lexicon in pairs:
        for place, name, owner in references(lexicon):
            problem = _problem(everything, name, owner)
            if problem:
                message = f"{place}: {lexicon.id} refers to {name}, which {problem}"
                problems.append(Problem("missing-ref", message, Place(file)))
    if problems:
        raise InvalidInput(tuple(problems))
    return linked


def _duplicates(pairs: list[tuple[str, Lexicon]]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for file, lexicon in pairs:
        if lexicon.id in first:
            yield Problem("duplicate-lexicon", f"$.id: {lexicon.id} is also in {first[lexicon.id]}", Place(file))
        first.setdefault(lexicon.id, file)


def _problem(lexicons: Lexicons, name: Name, owner: Ref | Union) -> str:
    if name.nsid not in lexicons.by_nsid:
        return f"is not at hand: add the lexicon {name.nsid}"
    match lexicons.find(name):
        case None:
            return f"{name.nsid} does not define"
        case Object() | Record():
            return ""
        case _ if isinstance(owner, Union):
            return "is not an object or record: a union holds nothing else"
        case Query() | Procedure() | Token():
            return "is not a type that a value can have"
        case _:
            return ""


def references(lexicon: Lexicon) -> Iterator[tuple[str, Name, Ref | Union]]:
    """Every reference in a lexicon: the JSON path that it stands at, the name, and the type that holds it."""
    stack: list[tuple[str, object]] = [(f"$.defs.{name}", item) for name, item in lexicon.definitions.items()]
    while stack:
        path, item = stack.pop()
        match item:
            case Ref(target=target):
                yield f"{path}.ref", target, item
            case Union(refs=refs):
                yield from ((f"{path}.refs[{index}]", ref, item) for index, ref in enumerate(refs))
            case Array(items=items):
                stack.append((f"{path}.items", items))
            case Object(properties=properties):
                stack.extend((f"{path}.properties{step(name)}", part) for name, part in properties.items())
            case Record(record=record):
                stack.append((f"{path}.record", record))
            case Query() | Procedure():
                stack.extend([(f"{path}.parameters", item.parameters), (f"{path}.output", item.output)])
                stack.append((f"{path}.input", item.input if isinstance(item, Procedure) else None))
            case Body(schema=schema):
                stack.append((f"{path}.schema", schema))
            case _:
                pass
