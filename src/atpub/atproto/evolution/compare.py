"""Two versions of lexicons → every change between them, with whom it breaks and the proof of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from atpub.atproto.data import Json
from atpub.atproto.evolution.differences import BOTH, Divergence, compare_descriptions, compare_types
from atpub.atproto.evolution.methods import compare_methods, compare_permissions
from atpub.atproto.evolution.model import (
    DIRECTIONS,
    EFFECTS,
    Example,
    Gap,
    LexiconChange,
    LexiconVersion,
    Use,
    largest,
)
from atpub.atproto.evolution.rules import BY_CODE
from atpub.atproto.evolution.samples import Sampler
from atpub.atproto.evolution.uses import find_uses
from atpub.atproto.evolution.witness import Root, Search, Work, find_example, type_of
from atpub.atproto.lexicon.formats import FORMATS, valid_key
from atpub.atproto.lexicon.model import Integer, Lexicons, Name, RecordType, String, Type
from atpub.atproto.lexicon.validate import validate
from atpub.atproto.lexicon.violation import Path
from atpub.atproto.syntax import Nsid


def compare_versions(old: LexiconVersion, new: LexiconVersion) -> Iterator[LexiconChange]:
    """Yield every change between two versions of lexicons, by NSID and in the order of the new files."""
    comparison = _Comparison(old, new, find_uses(old, new), Work())
    for nsid in sorted({*old.documents, *new.documents}):
        yield from comparison.lexicon(nsid)


@dataclass(frozen=True, slots=True)
class _Comparison:
    old: LexiconVersion
    new: LexiconVersion
    uses: Mapping[Name, frozenset[Use]]
    work: Work

    @property
    def linked(self) -> Mapping[Gap, Lexicons]:
        return {"old": self.old.lexicons, "new": self.new.lexicons}

    def lexicon(self, nsid: Nsid) -> Iterator[LexiconChange]:
        if nsid not in self.new.documents:
            yield self.removal(Name(nsid), "lexicon-removed", (), "the lexicon is gone")
        elif nsid not in self.old.documents:
            yield self.plain(nsid, Divergence("lexicon-added", "the lexicon is new"))
        else:
            texts = [str(json_at(item.documents[nsid], ("description",)) or "") for item in (self.old, self.new)]
            yield from (self.plain(nsid, found) for found in compare_descriptions(texts[0], texts[1]))
            yield from self.definitions(nsid)

    def definitions(self, nsid: Nsid) -> Iterator[LexiconChange]:
        before, after = (_definitions(item.documents[nsid]) for item in (self.old, self.new))
        for fragment in dict.fromkeys((*before, *after)):
            name, steps = Name(nsid, fragment), ("defs", fragment)
            if fragment not in after:
                yield self.removal(name, "definition-removed", steps, f"the definition {fragment!r} is gone")
            elif fragment not in before:
                yield self.plain(nsid, Divergence("definition-added", f"the definition {fragment!r} is new", steps))
            elif before[fragment] != after[fragment] and (_is_primary(before[fragment], after[fragment])):
                yield self.kind_change(name, before[fragment], after[fragment])
            else:
                yield from self.definition(name, after[fragment])

    def definition(self, name: Name, kind: str) -> Iterator[LexiconChange]:
        old, new = self.old.lexicons.find(name), self.new.lexicons.find(name)
        steps = ("defs", name.fragment)
        if kind == "permission-set":
            documents = [json_at(item.documents[name.nsid], steps) for item in (self.old, self.new)]
            for found in compare_permissions(documents[0], documents[1]):
                yield self.plain(name.nsid, found, steps, "input")
            return
        types = type_of(old), type_of(new)
        if types[0] is not None and types[1] is not None:
            is_record = isinstance(old, RecordType)
            if isinstance(old, RecordType) and isinstance(new, RecordType):
                yield from self.record(name, old, new)
            inner = (*steps, "record") if is_record else steps
            both: dict[Gap, Type] = {"old": types[0], "new": types[1]}
            root = Root(name, inner, both, self.linked, str(name), is_record)
            yield from self.judge(root, compare_types(types[0], types[1]), self.uses_of(name))
            return
        for part in compare_methods(name, old, new, self.linked):
            if part.root is None:
                yield from (self.plain(name.nsid, found, steps, part.use) for found in part.findings)
            else:
                yield from self.judge(part.root, part.findings, frozenset({part.use}))

    def uses_of(self, name: Name) -> frozenset[Use]:
        """Return where values of a definition are; those that nothing refers to may be in records of others."""
        is_record = any(isinstance(item.lexicons.find(name), RecordType) for item in (self.old, self.new))
        kept: frozenset[Use] = frozenset({"record"})
        return self.uses.get(name, kept) | kept if is_record else self.uses.get(name, kept)

    def judge(self, root: Root, findings: Iterable[Divergence], uses: frozenset[Use]) -> Iterator[LexiconChange]:
        for found in (*findings, *self._unknown_formats(root)):
            searches: dict[Gap, Search] = {gap: find_example(root, found, gap, self.work) for gap in found.gaps}
            shown = [search.example for search in searches.values() if search.example]
            gaps: list[Gap] = [
                gap for gap in searches if searches[gap].example or _is_likely(found, gap, searches[gap])
            ]
            yield self.make_change(root.name.nsid, found, root.steps, gaps, shown, uses)

    def _unknown_formats(self, root: Root) -> Iterator[Divergence]:
        """Yield changes between formats that atpub does not know: it can neither prove nor refute them."""
        before, after = (json_at(item.documents[root.name.nsid], root.steps) for item in (self.old, self.new))
        for path, was in _formats(before):
            becomes = json_at(after, path)
            if becomes != was and isinstance(becomes, str) and not {was, becomes} & FORMATS.keys():
                yield Divergence(
                    "format-changed", f"the format was {was} and is {becomes}", path, gaps=BOTH, certain=True
                )

    def plain(
        self, nsid: Nsid, found: Divergence, steps: Path = (), use: Use = "record", examples: Iterable[Example] = ()
    ) -> LexiconChange:
        return self.make_change(nsid, found, steps, found.gaps, [*examples], frozenset({use}))

    def make_change(
        self,
        nsid: Nsid,
        found: Divergence,
        root: Path,
        gaps: Iterable[Gap],
        examples: list[Example],
        uses: Iterable[Use],
    ) -> LexiconChange:
        """Return the change that a finding is, with whom its gaps break."""
        opened: list[Gap] = [*gaps]
        path = (*root, *found.steps)
        effects = [EFFECTS[use, gap] for use in uses for gap in opened]
        breaks = {direction for _, directions in effects for direction in directions}
        before, after = (json_at(item.documents.get(nsid), path) for item in (self.old, self.new))
        return LexiconChange(
            code=found.code,
            nsid=nsid,
            path=path,
            message=found.message,
            way_out=BY_CODE[found.code].way_out,
            bump=largest([found.bump, *(bump for bump, _ in effects)]),
            breaks=tuple(direction for direction in DIRECTIONS if direction in breaks),
            examples=tuple(examples),
            is_proven={example.accepted_by for example in examples} >= {*opened},
            is_in_new=nsid in self.new.documents and (after is not None or before is None),
            before=before,
            after=after,
        )

    def removal(self, name: Name, code: str, steps: Path, message: str) -> LexiconChange:
        """Return the removal of a definition; the proof is a value of it, if it has values."""
        found = Divergence(code, message, steps, gaps=("old",), bump="major")
        if type_of(self.old.lexicons.find(name)) is None:
            return self.plain(name.nsid, found, use="input")
        return self.make_change(name.nsid, found, (), found.gaps, [*self._removal_example(name)], self.uses_of(name))

    def _removal_example(self, name: Name) -> Iterator[Example]:
        value = Sampler(self.old.lexicons, self.new.lexicons).named(name)
        refused = validate(self.new.lexicons, name, value)
        if refused and not validate(self.old.lexicons, name, value):
            yield Example("old", str(name), value, str(refused[0]))

    def kind_change(self, name: Name, before: str, after: str) -> LexiconChange:
        message = f"it was of the kind {before} and is of the kind {after}"
        examples = [*self._removal_example(name)] if type_of(self.old.lexicons.find(name)) is not None else []
        found = Divergence("kind-changed", message, ("type",), gaps=("old",))
        use: Use = "record" if type_of(self.old.lexicons.find(name)) is not None else "input"
        return self.plain(name.nsid, found, ("defs", name.fragment), use, examples)

    def record(self, name: Name, old: RecordType, new: RecordType) -> Iterator[LexiconChange]:
        steps = ("defs", name.fragment)
        yield from (
            self.plain(name.nsid, found, steps) for found in compare_descriptions(old.description, new.description)
        )
        if old.key != new.key:
            keys: dict[Gap, str] = {"old": old.key, "new": new.key}
            examples = [*_key_examples(keys)]
            gaps: tuple[Gap, ...] = tuple(example.accepted_by for example in examples)
            found = Divergence("key-changed", f"the key was {old.key} and is {new.key}", ("key",), gaps=gaps)
            yield self.plain(name.nsid, found, steps, examples=examples)


_KEYS = ("3jzfcijpj2z2a", "self", "a:b", "com.example.thing")


def _key_examples(keys: Mapping[Gap, str]) -> Iterator[Example]:
    literals = [key.partition(":")[2] for key in keys.values() if key.startswith("literal:")]
    for gap in BOTH:
        mine, theirs = keys[gap], keys["new" if gap == "old" else "old"]
        for rkey in (*literals, *_KEYS):
            if valid_key(mine, rkey) and not valid_key(theirs, rkey):
                yield Example(gap, "record key", rkey, f"{rkey!r} is no key of the type {theirs}")
                break


def _is_likely(found: Divergence, gap: Gap, search: Search) -> bool:
    """Tell whether a gap exists though no example shows it.

    An enum, a constant or a format says so much of a type that a gap which no sample shows is none.
    """
    kind = found.old if gap == "old" else found.new
    is_listed = isinstance(kind, Integer | String) and bool(kind.enum or kind.const is not None)
    is_listed = is_listed or (isinstance(kind, String) and kind.format is not None)
    return not search.is_conclusive or (found.certain and not is_listed)


def _definitions(document: Json) -> dict[str, str]:
    """Return the kind of each definition."""
    listed = json_at(document, ("defs",))
    items = listed.items() if isinstance(listed, dict) else ()
    return {name: str(json_at(item, ("type",)) or "") for name, item in items}


_PRIMARY = ("record", "query", "procedure", "subscription", "permission-set")


def _is_primary(*kinds: str) -> bool:
    return any(kind in _PRIMARY for kind in kinds)


def _formats(value: Json, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield each format in the JSON of a type, with its path."""
    for key, item in value.items() if isinstance(value, dict) else ():
        if key == "format" and isinstance(item, str):
            yield (*path, key), item
        yield from _formats(item, (*path, key))


def json_at(value: Json, path: Path) -> Json:
    """Return what a JSON value has at a path; None where it has nothing."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
