"""The parts of datasets: a record that belongs to a dataset of several parts stands for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.atproto.syntax import AtUri, Did, RecordPath, SyntaxViolation
from atpub.errors import InvalidRecord, RecordNotFound
from atpub.generated.dev.atpub import parts as lexicon
from atpub.generated.science.alt.dataset import entry
from atpub.repository.model import Record
from atpub.storage.parts import KEY, Links, read_links, read_parts
from atpub.verifying.model import Finding, PublishedRecord, Reading, Steps
from atpub.verifying.repositories import Repositories
from atpub.verifying.shards import judge_sizes

_LINKS: Final[Steps] = (entry.Entry.WIRE["content_metadata"], KEY)


def follow_parts(
    items: Sequence[PublishedRecord], repositories: Repositories
) -> tuple[Sequence[PublishedRecord], Sequence[Finding]]:
    """Return the records with the other parts of their datasets, and findings where parts do not fit together.

    The parts have the address of the record that leads to them. A missing part is no finding here: it is one of the
    reference to it.
    """
    found = {item.uri: item for item in items}
    findings: list[Finding] = []
    listed: dict[AtUri, Set[AtUri]] = {}
    for item in items:
        try:
            first = _find_first(item, repositories)
            if first is None:
                continue
            others = [] if first.uri in listed else list(_find_others(first, repositories))
        except InvalidRecord as error:
            findings += _report_broken(item, error)
            continue
        if first.uri not in listed:
            listed[first.uri] = {first.uri, *(part.uri for part in others)}
            for part in (first, *others):
                found.setdefault(part.uri, part)
            findings += _judge_links(first, repositories)
        if item.uri not in listed[first.uri]:
            message = f"it says that it is a part of {first.uri}, which does not list it"
            hint = "it is left over: the publisher can apply the dataset again"
            findings.append(item.finding("broken-parts", message, hint, _LINKS))
    return list(found.values()), findings


def _find_first(item: PublishedRecord, repositories: Repositories) -> PublishedRecord | None:
    """Return the first part of a record's dataset; None where it is not one of several, or its first is not there.

    Raises InvalidRecord.
    """
    links = _links(item)
    if isinstance(links, lexicon.Part):
        return next(_fetch(item, [links.first], repositories), None)
    return item if links else None


def _find_others(first: PublishedRecord, repositories: Repositories) -> Iterator[PublishedRecord]:
    links = read_links(first.record.value)
    return _fetch(first, links.parts if isinstance(links, lexicon.Parts) else (), repositories)


def _links(item: PublishedRecord) -> Links | None:
    return read_links(item.record.value) if item.uri.collection == entry.NSID else None


def _fetch(item: PublishedRecord, texts: Sequence[str], repositories: Repositories) -> Iterator[PublishedRecord]:
    """Yield the records at these URIs, as far as they are there, and datasets of the same repository."""
    uris = [uri for text in texts if (uri := _parse(text)) is not None and uri.authority == item.uri.authority]
    repositories.fetch(uris)
    for uri in uris:
        if isinstance(record := repositories.find(uri), Record):
            yield replace(item, uri=uri, record=record)


def _parse(text: str) -> AtUri | None:
    try:
        uri = AtUri.parse(text)
    except SyntaxViolation:
        return None
    return uri if uri.path is not None and uri.collection == entry.NSID else None


def _judge_links(first: PublishedRecord, repositories: Repositories) -> Iterator[Finding]:
    """Yield what is wrong with the links between a first part and the others, which are fetched."""

    def read(path: RecordPath) -> JsonObject:
        record = repositories.find(AtUri.of(Did(first.uri.authority), path))
        if not isinstance(record, Record):
            raise RecordNotFound(str(path))
        return record.value

    try:
        read_parts(first.uri, first.record.value, read)
    except RecordNotFound:
        return
    except InvalidRecord as error:
        yield from _report_broken(first, error)


def _report_broken(item: PublishedRecord, error: InvalidRecord) -> Iterator[Finding]:
    hint = "the publisher can apply the dataset again"
    for problem in error.problems:
        yield item.finding("broken-parts", problem.message, problem.hint or hint, _LINKS)


def judge_all_parts(item: PublishedRecord, readings: Mapping[AtUri, Sequence[Reading]]) -> Iterator[Finding]:
    """Yield where the size that a first part states of all parts differs from what was found of their shards."""
    try:
        links = _links(item)
    except InvalidRecord:
        return
    if isinstance(links, lexicon.Parts) and links.size is not None:
        uris = [item.uri, *filter(None, map(_parse, links.parts))]
        if all(uri in readings for uri in uris) and len(uris) == len(links.parts) + 1:
            shards = [reading for uri in uris for reading in readings[uri]]
            yield from judge_sizes(item, links.size.to_json(), shards, (*_LINKS, "size"))
