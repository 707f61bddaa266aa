"""Reading a repository by its collections and single records, each CID recomputed, where it is not read whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from atpub.atproto.data import JsonObject, NotInDataModel, cid_of, encode
from atpub.atproto.syntax import AtUri, Did, Nsid, RecordPath, SyntaxViolation
from atpub.atproto.xrpc.client import XrpcClient
from atpub.errors import EndlessPages, OversizedResponse, RecordNotFound, Unavailable
from atpub.generated.com.atproto.repo import get_record, list_records
from atpub.repository.filter import RecordFilter
from atpub.repository.model import Page, Record

_PAGE = 100  # the most that the reference PDS gives at once
MOST_PAGES = 20_000  # of one collection
MOST_BYTES = 256 * 1024 * 1024  # of the records of one collection
_WORTH = 4  # single records that a page of their collection must be expected to hold


@dataclass(frozen=True, slots=True)
class Lister:
    """The records of one repository, whatever its newest commit is just then."""

    xrpc: XrpcClient
    did: Did

    def records(self, wanted: RecordFilter) -> dict[RecordPath, Record]:
        """Return the records that a filter selects; raises RepositoryNotFound or Unavailable."""
        found = {record.path: record for name in sorted(wanted.collections) for record in self.some(name).records}
        single: dict[Nsid, set[RecordPath]] = defaultdict(set)
        for path in sorted(wanted.paths):
            if path.collection not in wanted.collections:
                single[path.collection].add(path)
        for collection, paths in single.items():
            found |= self._single(collection, paths)
        return found

    def some(self, collection: Nsid, limit: int | None = None, cursor: str | None = None) -> Page:
        """Return the records of a collection, or so many from where the server's cursor leads.

        Raises RepositoryNotFound or Unavailable.
        """
        records: list[Record] = []
        for page in self._pages(collection, limit, cursor):
            records += page.records
            cursor = page.cursor
        if limit is not None and len(records) > limit:
            raise Unavailable(f"{self.xrpc.base} gives more records of {collection} than it was asked for")
        return Page(records, cursor)

    def _single(self, collection: Nsid, paths: set[RecordPath]) -> dict[RecordPath, Record]:
        """Single records of a collection that may have any number: of its newest, as they are listed; then one by one.

        Never takes many more requests than the better of the two ways, wherever the records are.
        """
        found: dict[RecordPath, Record] = {}
        pages = self._pages(collection)
        for _ in range(len(paths) // _WORTH):
            page = next(pages, None)
            if page is None:
                return found
            found |= {record.path: record for record in page.records if record.path in paths}
            if len(found) == len(paths):
                return found
        one_by_one = (self.one(path) for path in sorted(paths - found.keys()))
        return found | {record.path: record for record in one_by_one if record is not None}

    def one(self, path: RecordPath) -> Record | None:
        """Return the record there (com.atproto.repo.getRecord); None where there is none.

        Raises RepositoryError where there is no such repository, and Unavailable.
        """
        params = get_record.GetRecordParams(repo=self.did, collection=path.collection, rkey=path.rkey)
        try:
            item = self.xrpc.query(get_record.METHOD, params)
        except RecordNotFound:
            return None
        record = self._check(item.uri, item.cid, item.value)
        if record.path != path:
            raise self._other(item.uri)
        return record

    def _pages(self, collection: Nsid, limit: int | None = None, cursor: str | None = None) -> Iterator[Page]:
        """Yield the records of a collection, newest first, or so many from a cursor on (com.atproto.repo.listRecords).

        A page that is not full need not be the last: a server may have a smaller limit than the reference PDS.
        """
        seen, size = {cursor}, 0
        while limit is None or limit > 0:
            most = _PAGE if limit is None else min(limit, _PAGE)
            params = list_records.ListRecordsParams(repo=self.did, collection=collection, limit=most, cursor=cursor)
            found = self.xrpc.query(list_records.METHOD, params)
            if len(found.records) > most:
                raise OversizedResponse(f"{self.xrpc.base} gives more than {most} records in a page")
            page = Page([self._check(item.uri, item.cid, item.value) for item in found.records], found.cursor)
            size += sum(len(encode(record.value)) for record in page.records)
            if size > MOST_BYTES:
                raise OversizedResponse(f"{self.xrpc.base}: the records of {collection} exceed {MOST_BYTES:,} bytes")
            strange = next((record for record in page.records if record.path.collection != collection), None)
            if strange is not None:
                raise self._other(str(AtUri.of(self.did, strange.path)))
            yield page if page.records else Page((), None)
            if not page.records or page.cursor is None:
                return
            if page.cursor in seen:
                raise EndlessPages(f"{self.xrpc.base} gives the same page of {collection} again and again")
            if len(seen) == MOST_PAGES:
                raise EndlessPages(f"{self.xrpc.base} gives more than {MOST_PAGES:,} pages of {collection}")
            cursor = page.cursor
            seen.add(cursor)
            limit = limit and limit - len(page.records)

    def _check(self, uri: str, cid: str | None, value: JsonObject) -> Record:
        try:
            path = AtUri.parse(uri).path
            found = cid_of(value)
        except (SyntaxViolation, NotInDataModel) as error:
            raise Unavailable(f"{self.xrpc.base}: the record {uri} is malformed: {error}") from None
        if path is None or found != cid:
            raise self._other(uri)
        return Record(path, found, value)

    def _other(self, uri: str) -> Unavailable:
        return Unavailable(f"{self.xrpc.base}: the record {uri} does not match its address and CID")
