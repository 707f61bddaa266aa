"""The blobs and shards of records, and what was found of their bytes: values in, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from atpub.atproto.data import Json
from atpub.engine.desired.sample_check import check_sample
from atpub.generated.science.alt.dataset import entry
from atpub.storage.parts import total
from atpub.suggest import pluralize
from atpub.verifying.model import UNKNOWN, Fault, Finding, FindingSeverity, Held, PublishedRecord, Reading, Steps

_SIZE: Final = entry.Entry.WIRE["size"]
_HINTS: Final[dict[Fault, str]] = {
    "missing": "put it back, or publish the dataset again",
    "refused": "is it public?",
    "web-page": "readers get a page, perhaps of a login, in place of the bytes",
    "redirect-loop": "correct the server",
    "oversized": "raise the limit: --max-bytes",
    "unreachable": "try again",
    "skipped": "try again",
    "unreadable": "read it yourself",
}


def judge_bytes(held: Held, found: Reading) -> Iterator[Finding]:
    """Yield what is wrong with a blob or a shard."""
    what, name, size = held.kind, held.location.name, held.location.size
    if found.fault:
        yield _fault(held, found)
        return
    if size is not None and found.size is not None and found.size != size:
        message = f"{name} has {found.size:,} bytes, not the {size:,} of its record"
        yield _finding(held, f"{what}-size", message, "upload its bytes again")
    elif held.sha256 is not None and found.sha256 not in (None, held.sha256):
        hint = "it was changed after it was published, or damaged: do not trust it"
        yield _finding(held, f"{what}-checksum", f"{name} is not what its checksum says", hint)
    if found.tar is not None:
        code, message = found.tar
        yield _finding(held, code, message, "publish the shard again")
    if found.first is not None and held.content is not None:
        for item in check_sample(held.content, found.first):
            severity: FindingSeverity = "note" if item.severity == "warning" else "error"
            message = f"{name}: the sample {found.first.key!r} {item.message}"
            yield _finding(held, item.code, message, item.hint, severity)


def _fault(held: Held, found: Reading) -> Finding:
    severity: FindingSeverity = "unchecked" if found.fault in UNKNOWN or found.fault == "oversized" else "error"
    code = f"{held.kind}-unchecked" if severity == "unchecked" else f"{held.kind}-{found.fault}"
    return _finding(held, code, f"{held.location.name}: {found.reason}", found.hint or _HINTS[found.fault], severity)


def _finding(held: Held, code: str, message: str, hint: str, severity: FindingSeverity = "error") -> Finding:
    return held.owner.finding(code, message, hint, held.path, severity)


def judge_size(item: PublishedRecord, shards: Sequence[Reading]) -> Iterator[Finding]:
    """Yield where the `size` of a dataset's record differs from what was found of its shards."""
    yield from judge_sizes(item, item.record.value.get(_SIZE), shards, (_SIZE,))


def judge_sizes(item: PublishedRecord, stated: Json, shards: Sequence[Reading], path: Steps) -> Iterator[Finding]:
    """Yield where the size that a record states at a path differs from what was found of shards."""
    if not isinstance(stated, dict):
        return
    for name, number in (
        ("shards", len(shards)),
        ("bytes", total([found.size for found in shards])),
        ("samples", total([found.samples for found in shards])),
    ):
        said = stated.get(name)
        if isinstance(said, int) and number not in (None, said):
            message = f"it states {pluralize(said, name[:-1])}, and its shards have {number:,}"
            if name == "shards":
                message = f"it states {pluralize(said, 'shard')}, and lists {number:,}"
            yield item.finding("size-mismatch", message, "publish it again, or correct `size`", (*path, name))
