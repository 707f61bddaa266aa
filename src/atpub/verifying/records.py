"""Records against their lexicons, and what they refer to: values in, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal, TypeAlias

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.lexicon.formats import valid_key
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.lexicon.validate import violations
from atpub.atproto.syntax import AtUri, SyntaxViolation
from atpub.generated.science.alt.dataset import entry, label, lens, schema
from atpub.manifest.atdata_shape import SHAPE, lexicon_shape, shape_warning
from atpub.repository.model import Record
from atpub.verifying.model import Finding, PublishedRecord, Steps

MOST_VIOLATIONS: Final = 20
"""The most broken rules that are reported of one record."""

_KINDS: Final[Mapping[tuple[str, Steps], str]] = {
    (entry.NSID, (entry.Entry.WIRE["schema_ref"],)): schema.NSID,
    (entry.NSID, (entry.Entry.WIRE["metadata_schema_ref"],)): schema.NSID,
    (label.NSID, (label.Label.WIRE["dataset_uri"],)): entry.NSID,
    (lens.NSID, (lens.Lens.WIRE["source_schema"],)): schema.NSID,
    (lens.NSID, (lens.Lens.WIRE["target_schema"],)): schema.NSID,
}
"""The collection that a field of a record must refer to."""


@dataclass(frozen=True, slots=True)
class RecordReference:
    """A reference in a record to another one; `cid` is that of a strong reference."""

    path: Steps
    uri: AtUri
    cid: str | None = None


Unread: TypeAlias = Literal["no-repository", "unreadable", "too-many"]
"""Why the record that a reference names was not read."""


def judge_record(item: PublishedRecord, lexicons: Lexicons) -> Iterator[Finding]:
    """Yield what is wrong with a record by its lexicon, and a note where that is not at hand."""
    value, nsid = item.record.value, item.record.path.collection
    known = lexicons.record(nsid)
    if value.get("$type") != nsid:
        yield item.finding("invalid-record", f"its $type is not its collection, {nsid}", path=("$type",))
        return
    if known is None:
        hint = "name a manifest with `lexicons:`: -m PATH"
        yield item.finding("no-lexicon", f"no lexicon for {nsid} is at hand: not validated", hint, severity="note")
        return
    if not valid_key(known.key, item.record.path.rkey):
        yield item.finding("invalid-record", f"its record key is not one of the type {known.key}")
    shaped = lexicon_shape(value)
    if shaped is not value:
        hint = "import it and apply it with `adopt: true`: it is written in the lexicon's shape"
        yield item.finding(SHAPE, shape_warning("it").message, hint, severity="note")
    for broken in islice(violations(lexicons, shaped), MOST_VIOLATIONS):
        yield item.finding("invalid-record", str(broken), "publish it again, from a manifest", broken.path)


def references_in(value: JsonObject) -> Iterator[RecordReference]:
    """Yield every at:// URI of a record that stands in a value, as a text or as a strong reference."""
    stack: list[tuple[Steps, Json]] = [((), value)]
    while stack:
        steps, part = stack.pop()
        match part:
            case str() if part.startswith("at://"):
                if (uri := _parse(part)) is not None:
                    yield RecordReference(steps, uri)
            case dict():
                strong = _strong_ref(part)
                if strong is not None:
                    yield RecordReference((*steps, "uri"), *strong)
                stack += [((*steps, key), inner) for key, inner in part.items() if not strong or key != "uri"]
            case list():
                stack += [((*steps, index), inner) for index, inner in enumerate(part)]
            case _:
                pass


def _strong_ref(value: JsonObject) -> tuple[AtUri, str] | None:
    """Return the URI and the CID where this is a strong reference."""
    match value:
        case {"uri": str(text), "cid": str(cid)} if (uri := _parse(text)) is not None:
            return uri, cid
        case _:
            return None


def _parse(text: str) -> AtUri | None:
    """Parse the URI of a record; None for anything else."""
    try:
        uri = AtUri.parse(text)
    except SyntaxViolation:
        return None
    return uri if uri.path is not None else None


def judge_reference(
    item: PublishedRecord, reference: RecordReference, target: Record | Unread | None
) -> Iterator[Finding]:
    """Yield what is wrong with a reference, given the record that it names (None: there is none)."""
    uri, path = reference.uri, reference.path
    wanted = _KINDS.get((item.record.path.collection, path))
    if wanted is not None and uri.collection != wanted:
        yield item.finding("reference-kind", f"{uri} is no record of {wanted}", "correct the reference", path)
    match target:
        case Record():
            if reference.cid is not None and reference.cid != target.cid:
                message = f"{uri} is {target.cid} now, not {reference.cid}"
                hint = "the record was changed after it was referred to: apply again to refer to what it is now"
                yield item.finding("reference-changed", message, hint, path)
        case None | "no-repository":
            what = "there is no record" if target is None else "there is no such repository"
            hint = "it was deleted, or never published: publish it, or correct the reference"
            yield item.finding("reference-missing", f"{uri}: {what}", hint, path)
        case "unreadable":
            message = f"{uri} could not be checked: its repository cannot be read"
            yield item.finding("reference-unchecked", message, "try again", path, "unchecked")
        case "too-many":
            message = f"{uri} was not checked: the records refer to too much, or to slow servers"
            yield item.finding("reference-unchecked", message, "verify fewer records", path, "unchecked")
