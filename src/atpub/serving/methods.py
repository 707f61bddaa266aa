"""The XRPC queries that are served: each takes the parameters of a query string and returns a response.

The records, blobs or blocks of a response are read in one transaction, so that they are of one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryFile
from typing import BinaryIO, Final, TypeVar

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.mime_types import ANY_BYTES
from atpub.atproto.runtime import Value
from atpub.atproto.syntax import AtUri, Cid, Did, Nsid, RecordPath, Rkey
from atpub.errors import InvalidRecord, RepositoryNotFound
from atpub.generated.com.atproto.identity import resolve_did, resolve_handle
from atpub.generated.com.atproto.repo import describe_repo, get_record, list_records
from atpub.generated.com.atproto.sync import get_blob, get_latest_commit, get_repo, list_blobs
from atpub.generated.com.atproto.sync import get_record as get_proof
from atpub.repository.local import LocalRepository
from atpub.repository.model import Head, Record
from atpub.serving.files import FileChunks, file_response
from atpub.serving.identity import ServedAccount
from atpub.serving.messages import RequestError, Response, invalid, parse_query, parse_range

_CAR: Final = "application/vnd.ipld.car"
_PAGE, _PAGE_OF_BLOBS = 50, 500  # the lexicons' defaults
_MOST_BLOCKS, _MOST_REPOS = 1_000, 1_000
_BOOLEANS: Final = {"true": True, "false": False}
_SANDBOX: Final = "default-src 'none'; sandbox"

P = TypeVar("P", bound=Value)


@dataclass(frozen=True, slots=True)
class QueryString:
    """The query string of a request, and its headers: a range changes what is sent of a blob."""

    text: str
    headers: Mapping[str, str]

    def read(self, kind: type[P]) -> P:
        """Return the parameters as the lexicon has them; raises RequestError for what breaks it."""
        values: JsonObject = {}
        for name, text in parse_query(self.text):
            if name in values:
                raise invalid(f"the parameter {name} is given twice")
            values[name] = _parse(name, text)
        try:
            return kind.from_json(values)
        except InvalidRecord as error:
            raise invalid("; ".join(problem.message for problem in error.problems)) from None

    def all(self, name: str) -> list[str]:
        """Return every value of a parameter that may be given more than once."""
        return [text for given, text in parse_query(self.text) if given == name]


def _parse(name: str, text: str) -> Json:
    match name:
        case "limit":
            return _whole(name, text)
        case "reverse" if text in _BOOLEANS:
            return _BOOLEANS[text]
        case "reverse":
            raise invalid(f"the parameter {name} must be true or false")
        case _:
            return text


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise invalid(f"the parameter {name} must be a whole number")
    return int(text)


@dataclass(frozen=True, slots=True)
class Methods:
    """The queries about one account."""

    repository: LocalRepository
    account: ServedAccount

    def find(self, nsid: str) -> Callable[[QueryString], Response] | None:
        """Return the query of that name; None where it is not served."""
        method = METHODS.get(nsid)
        return partial(method, self) if method else None

    def document(self) -> JsonObject:
        """Return the account's DID document, with the key of the repository that is there now."""
        return self.account.document(self.repository.public_key)

    # com.atproto.repo

    def describe_repo(self, query: QueryString) -> Response:
        """Return the account's identity and the collections that have records."""
        self._check(query.read(describe_repo.DescribeRepoParams).repo)
        self._head()
        collections: list[Json] = list(self.repository.list_collections())
        return Response.of_json(
            {
                "handle": self.account.handle,
                "did": self.account.did,
                "didDoc": self.document(),
                "collections": collections,
                "handleIsCorrect": self.account.is_named(self.account.handle),
            }
        )

    def get_record(self, query: QueryString) -> Response:
        """Return a record."""
        params = query.read(get_record.GetRecordParams)
        self._check(params.repo)
        path = RecordPath(Nsid(params.collection), Rkey(params.rkey))
        record = self.repository.get_record(path)
        if record is None or params.cid not in (None, record.cid):
            message = f"Could not locate record: {AtUri.of(self.account.did, path)}"
            raise RequestError(400, "RecordNotFound", message)
        return Response.of_json(self._view(record))

    def list_records(self, query: QueryString) -> Response:
        """Return a page of a collection."""
        params = query.read(list_records.ListRecordsParams)
        self._check(params.repo)
        page = self.repository.list_records(
            Nsid(params.collection), params.limit or _PAGE, params.cursor or None, reverse=bool(params.reverse)
        )
        return Response.of_json({"records": list(map(self._view, page.records)), **_cursor(page.cursor)})

    def _view(self, record: Record) -> Json:
        return {"uri": str(AtUri.of(self.account.did, record.path)), "cid": record.cid, "value": record.value}

    # com.atproto.sync

    def get_latest_commit(self, query: QueryString) -> Response:
        """Return CID and revision of the newest commit."""
        self._check(query.read(get_latest_commit.GetLatestCommitParams).did)
        head = self._head()
        return Response.of_json({"cid": head.cid, "rev": head.rev})

    def get_repo_status(self, query: QueryString) -> Response:
        """Return that the repository is active, and its revision."""
        did = self._check(query.read(get_latest_commit.GetLatestCommitParams).did)
        return Response.of_json({"did": did, "active": True, "rev": self._head().rev})

    def list_repos(self, query: QueryString) -> Response:
        """Return the one repository, on the first page."""
        for text in query.all("limit"):
            if not 1 <= _whole("limit", text) <= _MOST_REPOS:
                raise invalid(f"the parameter limit must be 1 to {_MOST_REPOS:,}")
        head = None if any(query.all("cursor")) else self.repository.head()
        found: list[Json] = []
        if head:
            found.append({"did": self.account.did, "head": head.cid, "rev": head.rev, "active": True})
        return Response.of_json({"repos": found})

    def list_blobs(self, query: QueryString) -> Response:
        """Return a page of the blobs that records refer to; `since` is not kept to, since no history is stored."""
        params = query.read(list_blobs.ListBlobsParams)
        self._check(params.did)
        self._head()
        limit = params.limit or _PAGE_OF_BLOBS
        found = self.repository.list_blobs(limit + 1, params.cursor or None)
        cids: list[Json] = [*found[:limit]]
        return Response.of_json({"cids": cids, **_cursor(found[limit - 1] if len(found) > limit else None)})

    def get_blob(self, query: QueryString) -> Response:
        """Return the bytes of a blob, or a range of them, with the headers of the reference PDS."""
        params = query.read(get_blob.GetBlobParams)
        self._check(params.did)
        blob = self.repository.find_blob(Cid(params.cid))
        etag = f'"{blob.cid}"'
        headers = {
            "Content-Type": blob.mime_type or ANY_BYTES,
            "Content-Disposition": f'attachment; filename="{blob.cid}"',
            "Content-Security-Policy": _SANDBOX,
            "ETag": etag,
            "Accept-Ranges": "bytes",
        }
        part = parse_range(query.headers, blob.size, etag)
        if part is None:
            return Response(200, headers, _hold_back(self.repository.get_blob(blob.cid)), blob.size)
        return file_response(self.repository.blob_source(blob.cid), part, blob.size, headers)

    def get_repo(self, query: QueryString) -> Response:
        """Return the whole repository, also where `since` asks for less: no history is stored."""
        self._check(query.read(get_repo.GetRepoParams).did)
        return _car(self.repository.export_car)

    def get_proof(self, query: QueryString) -> Response:
        """Return the proof that a record is there, or that there is none."""
        params = query.read(get_proof.GetRecordParams)
        self._check(params.did)
        path = RecordPath(Nsid(params.collection), Rkey(params.rkey))
        return _car(lambda stream: self.repository.export_proof(path, stream))

    def get_blocks(self, query: QueryString) -> Response:
        """Return blocks of the newest commit."""
        dids, cids = query.all("did"), query.all("cids")
        if len(dids) != 1 or not Did.accepts(dids[0]):
            raise invalid("the parameter did must be one DID")
        if not (0 < len(cids) <= _MOST_BLOCKS and all(map(Cid.accepts, cids))):
            raise invalid(f"the parameter cids must be given 1 to {_MOST_BLOCKS:,} times, each time with a CID")
        self._check(dids[0])
        return _car(lambda stream: self.repository.export_blocks([Cid(cid) for cid in cids], stream))

    # com.atproto.identity, com.atproto.server

    def resolve_handle(self, query: QueryString) -> Response:
        """Return the DID of the account's handle."""
        if not self.account.is_named(query.read(resolve_handle.ResolveHandleParams).handle):
            raise invalid("Unable to resolve handle")
        return Response.of_json({"did": self.account.did})

    def resolve_did(self, query: QueryString) -> Response:
        """Return the account's DID document."""
        if query.read(resolve_did.ResolveDidParams).did != self.account.did:
            raise RequestError(400, "DidNotFound", "only the served account's DID is known here")
        return Response.of_json({"didDoc": self.document()})

    def describe_server(self, query: QueryString) -> Response:
        """Return that no account can be made here."""
        parse_query(query.text)
        domains: list[Json] = []
        port = self.account.url.rpartition(":")[2]
        described: JsonObject = {"did": f"did:web:localhost%3A{port}", "availableUserDomains": domains}
        return Response.of_json({**described, "inviteCodeRequired": True, "links": {}, "contact": {}})

    def _check(self, repo: str) -> Did:
        """Return the account's DID; raises RequestError for another's."""
        if not self.account.is_named(repo):
            raise RequestError(400, "RepoNotFound", f"Could not find repo for DID or handle: {repo}")
        return self.account.did

    def _head(self) -> Head:
        head = self.repository.head()
        if head is None:
            raise RepositoryNotFound("there is no repository any more")
        return head


def _cursor(cursor: str | None) -> JsonObject:
    return {} if cursor is None else {"cursor": cursor}


def _hold_back(chunks: Iterator[bytes]) -> Generator[bytes]:
    """Yield chunks one step late: where the source finds damage at its end, the last of them is never sent."""
    last = b""
    for chunk in chunks:
        if last:
            yield last
        last = chunk
    yield last


def _car(write: Callable[[BinaryIO], None]) -> Response:
    """Return a CAR file, written to the disk first: however slowly it is read, no transaction stays open for that."""
    with ExitStack() as stack:
        stream = stack.enter_context(TemporaryFile())
        write(stream)
        size = stream.tell()
        stream.seek(0)
        stack.pop_all()  # the response closes it
    return Response(200, {"Content-Type": _CAR}, FileChunks(stream, size), size)


METHODS: Final[Mapping[str, Callable[[Methods, QueryString], Response]]] = {
    "com.atproto.identity.resolveDid": Methods.resolve_did,
    "com.atproto.identity.resolveHandle": Methods.resolve_handle,
    "com.atproto.repo.describeRepo": Methods.describe_repo,
    "com.atproto.repo.getRecord": Methods.get_record,
    "com.atproto.repo.listRecords": Methods.list_records,
    "com.atproto.server.describeServer": Methods.describe_server,
    "com.atproto.sync.getBlob": Methods.get_blob,
    "com.atproto.sync.getBlocks": Methods.get_blocks,
    "com.atproto.sync.getLatestCommit": Methods.get_latest_commit,
    "com.atproto.sync.getRecord": Methods.get_proof,
    "com.atproto.sync.getRepo": Methods.get_repo,
    "com.atproto.sync.getRepoStatus": Methods.get_repo_status,
    "com.atproto.sync.listBlobs": Methods.list_blobs,
    "com.atproto.sync.listRepos": Methods.list_repos,
}
