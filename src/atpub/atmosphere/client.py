"""AtmosphereClient: an account, its records and its blobs."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from atpub.atmosphere.accounts import Account, LocalAccount, PdsAccount, open_account, open_target
from atpub.atmosphere.arguments import Call
from atpub.atmosphere.blobs import BlobInput, open_blob
from atpub.atmosphere.outbox import Batch, Outbox
from atpub.atmosphere.ready_plan import OnEvent, ignore
from atpub.atmosphere.records import RecordValue, check_integers, put_value, read_all, write_record
from atpub.atmosphere.typed_records import TypedRecords
from atpub.atproto.data import JsonObject
from atpub.atproto.lexicon.validate import validate_record
from atpub.atproto.syntax import AtUri, Cid, Did, Handle, Nsid, RecordPath, Rkey, Tid
from atpub.errors import (
    InvalidArgument,
    InvalidRecord,
    NotLoggedIn,
    OversizedResponse,
    RecordNotFound,
    RepositoryNotFound,
    Usage,
)
from atpub.generated import LEXICONS
from atpub.generated.science.alt.dataset import entry, label, lens, schema
from atpub.login.credentials import password_in
from atpub.problems import Problem
from atpub.pulling.download import url_of
from atpub.redact import redact_urls
from atpub.report.html import client_html
from atpub.repository.model import LOCAL_DID, Create, Delete, is_local
from atpub.target import FOLDER, Target, pds_in

LARGEST_BLOB: Final = 256 * 1024 * 1024
"""The most bytes of a blob that is read into memory, unless a call says otherwise."""

_ACCOUNT_OF: Final = Call("account_of")


class AtmosphereClient(TypedRecords):
    """An account of the AT Protocol, for publishers and loaders; without a login, it reads what is public.

    >>> client = AtmosphereClient()
    >>> client.login("local", "")  # or your handle and an app password
    """

    def __init__(self, base_url: str | None = None) -> None:
        """Take the URL of the PDS that everything is asked of, else `ATPUB_PDS`, else where identities say."""
        self._base_url = base_url or None
        self._environ = {"ATPUB_PDS": os.environ.get("ATPUB_PDS", "")}
        self._own: Account | None = None
        self._others: dict[str, Account] = {}
        self.outbox = Outbox(self._new_batch)

    @classmethod
    def local(cls, path: str | os.PathLike[str] = FOLDER, *, did: str = LOCAL_DID) -> Self:
        """Return a client of the local repository in a folder; the first write creates it.

        Raises InvalidArgument where `did` is no DID.
        """
        checked = Call("AtmosphereClient.local").identifier("did", did, Did)
        client = cls()
        client._own = LocalAccount.open(Path(path), checked)
        return client

    @classmethod
    def from_env(cls) -> Self:
        """Return a client of the account in `ATPUB_ACCOUNT`, with `ATPUB_PASSWORD` and `ATPUB_PDS`; raises Usage.

        Without a password it reads and plans. The first write logs in.
        """
        account = os.environ.get("ATPUB_ACCOUNT")
        if not account:
            raise Usage("ATPUB_ACCOUNT is not set", hint="set it to your handle, or to local")
        client = cls()
        client._own = client._open(account, password_in(os.environ))
        return client

    def _server(self) -> str | None:
        """Return the server that everything is asked of, if one is named; raises Usage, which names the variable."""
        return self._base_url or pds_in(self._environ)

    def _open(self, account: str, password: str | None) -> Account:
        return open_account(account, None if is_local(account) else self._server(), password)

    # Whose it is

    def login(self, handle: str, password: str) -> None:
        """Log in with a handle or DID and an app password; `local` and `local:PATH` need none.

        Raises AuthenticationFailed, RepositoryNotFound, Unavailable or Usage.
        """
        self._enter(self._open(handle, password))

    def login_with_session(self, session_string: str) -> None:
        """Go on with a session that `export_session` has saved, here or in the atproto SDK."""
        self._enter(PdsAccount.resume(session_string, self._server()))

    login_session = login_with_session

    def _enter(self, account: Account) -> None:
        try:
            account.log_in()
        except BaseException:
            account.repository.close()
            raise
        self.close()
        self._own = account

    def export_session(self) -> str:
        """Return the session as text for later use; anyone who has it can write to the account."""
        return self.account.export_session()

    @property
    def is_authenticated(self) -> bool:
        """Whether the client has an account."""
        return self._own is not None

    @property
    def account(self) -> Account:
        """The client's account; raises NotLoggedIn."""
        if self._own is None:
            raise NotLoggedIn("not logged in", hint="call login(handle, password), or use AtmosphereClient.local()")
        return self._own

    @property
    def did(self) -> Did:
        """The account's DID; raises NotLoggedIn."""
        return self.account.repository.did

    @property
    def handle(self) -> Handle:
        """The account's handle; raises NotLoggedIn."""
        return self.account.handle

    def account_of(self, repo: str | None, call: Call = _ACCOUNT_OF, argument: str = "repo") -> Account:
        """Return the account of a DID or handle, a call's argument of that name; None is the client's own."""
        if repo is None or (self._own is not None and repo in (self._own.repository.did, self._own.name)):
            return self.account
        name = call.repo(argument, repo)
        if name not in self._others:
            self._others[name] = self._other(name)
        return self._others[name]

    def _other(self, name: Did | Handle) -> Account:
        """Open another account: on the client's server where it serves all accounts, else on that of its identity.

        `did:web:local.invalid` is the local repository in `./.atpub/local`.
        """
        target = Target.of_authority(name)
        if target.folder is not None:
            account = open_target(target)
            target.check_exists(account.repository)
            return account
        server = self._server()
        if server is None:
            return open_account(name, None)
        try:
            account = open_account(name, server)
        except RepositoryNotFound:
            return open_account(name, None)
        try:
            account.repository.head()
        except RepositoryNotFound:
            account.repository.close()
            return open_account(account.repository.did, None)
        return account

    def close(self) -> None:
        """Let go of connections and files."""
        for account in [*self._others.values(), *([self._own] if self._own else [])]:
            account.repository.close()
        self._others.clear()
        self._own = None

    def __repr__(self) -> str:
        if self._own is None:
            named = self._base_url or self._environ["ATPUB_PDS"]
            return f"AtmosphereClient(not logged in{f', {redact_urls(named)!r}' if named else ''})"
        return f"AtmosphereClient({self._own.name!r}, {self._own.server!r})"

    def _repr_html_(self) -> str:
        account = self._own
        if account is None:
            named = self._base_url or self._environ["ATPUB_PDS"] or "as identities say"
            facts = {"account": "not logged in", "server": redact_urls(named)}
        else:
            facts = {"account": account.name, "DID": account.repository.did, "server": account.server}
        return client_html("AtmosphereClient", facts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def still(self, account: Account) -> Generator[Account]:
        """Yield the account that a plan was made for; raises Usage unless it is still the client's own."""
        if account is not self._own:
            message = f"the client has logged in anew, or was closed, since this was planned for {account.name}"
            raise Usage(message, hint="plan again")
        yield account

    # Publishing together

    def batch(self, *, on_event: OnEvent = ignore) -> AbstractContextManager[Batch]:
        """Publish what all publishers of this client publish in the block in one atomic commit at its end.

        Where it does not fit in one (200 writes, or the server's limit of bytes), in as few as it takes. Nothing is
        published where the block fails.
        """
        return self.outbox.batch(on_event)

    def _new_batch(self, on_event: OnEvent) -> Batch:
        account = self.account
        return Batch(account, partial(self.still, account), on_event)

    # Records

    def get_record(self, uri: str | AtUri) -> RecordValue:
        """Return the record at a URI, of any account; raises RecordNotFound."""
        found = Call("get_record").uri("uri", uri)
        assert found.path is not None
        repository = self.account_of(found.authority).repository
        record = repository.get_record(found.path)
        if record is None:
            hint = f"list_records shows those of a collection: {found.collection}"
            raise RecordNotFound(f"there is no record {found}", hint=hint)
        return RecordValue(record.value, AtUri.of(repository.did, found.path), record.cid)

    def list_records(
        self, collection: str, *, repo: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> tuple[list[RecordValue], str | None]:
        """Return the records of a collection, newest key first, and a cursor to more; all of them without a `limit`.

        `cursor` is what the last call gave, `repo` the DID or handle of another account. Raises InvalidArgument,
        NotLoggedIn without a `repo`, and RepositoryNotFound.
        """
        call = Call("list_records")
        nsid = call.identifier("collection", collection, Nsid)
        most, after = call.limit("limit", limit), None if cursor is None else call.text("cursor", cursor)
        repository = self.account_of(repo, call).repository
        everything = most is None and after is None
        page = read_all(repository, nsid) if everything else repository.list_records(nsid, most, after)
        values = [RecordValue(item.value, AtUri.of(repository.did, item.path), item.cid) for item in page.records]
        return values, page.cursor

    def list_schemas(self, repo: str | None = None, limit: int | None = None) -> list[RecordValue]:
        """Return the schema records of an account."""
        return self.list_records(schema.NSID, repo=repo, limit=limit)[0]

    def list_datasets(self, repo: str | None = None, limit: int | None = None) -> list[RecordValue]:
        """Return the dataset entries of an account."""
        return self.list_records(entry.NSID, repo=repo, limit=limit)[0]

    def list_lenses(self, repo: str | None = None, limit: int | None = None) -> list[RecordValue]:
        """Return the lenses of an account."""
        return self.list_records(lens.NSID, repo=repo, limit=limit)[0]

    def list_labels(self, repo: str | None = None, limit: int | None = None) -> list[RecordValue]:
        """Return the labels of an account."""
        return self.list_records(label.NSID, repo=repo, limit=limit)[0]

    def create_record(
        self, collection: str, record: Mapping[str, Any], *, rkey: str | None = None, validate: bool | None = None
    ) -> AtUri:
        """Write a record where none is; without a key, at a new TID. Raises RecordConflict.

        It is judged by its lexicon where atpub has that; `validate` says that it must be, or must not.
        """
        key = Tid.of(time.time_ns() // 1000) if rkey is None else rkey
        path, value = self._record("create_record", collection, key, record, validate)
        return write_record(self.account, path, lambda _: Create(path, value))

    def put_record(
        self,
        collection: str,
        rkey: str,
        record: Mapping[str, Any],
        *,
        validate: bool | None = None,
        swap_commit: str | None = None,
    ) -> AtUri:
        """Write a record at a key, over the one there; nothing where it is the same. Raises Refused, HeadMoved.

        A published lexicon is written as it is given, even where it breaks others: this call, like `delete_record`, is
        for one record, while what it breaks shows beside all lexicons of the account. `atpub.plan` compares those, and
        only a manifest's plan may change the lexicons that it has published.
        """
        path, value = self._record("put_record", collection, rkey, record, validate)
        swap = _swap("put_record", swap_commit)
        return put_value(self.account, path, value, swap)

    def delete_record(self, uri: str | AtUri, *, swap_commit: str | None = None) -> None:
        """Delete a record of one's own; none there is well, too. Raises Refused, HeadMoved."""
        call = Call("delete_record", self.did)
        found = call.uri("uri", uri)
        if found.authority not in (self.did, self.account.name):
            raise call.refuse("uri", f"{found} is not a record of {self.did}")
        path = found.path
        assert path is not None
        swap = _swap("delete_record", swap_commit)
        write_record(self.account, path, lambda there: Delete(path) if there else None, swap)

    def _record(
        self, name: str, collection: str, rkey: str, record: Mapping[str, Any], validate: bool | None
    ) -> tuple[RecordPath, JsonObject]:
        call = Call(name, self.did)
        path = RecordPath(call.identifier("collection", collection, Nsid), call.identifier("rkey", rkey, Rkey))
        value = {"$type": collection, **(call.json("record", record) or {})}
        known = LEXICONS.lexicons.record(path.collection) is not None
        if known if validate is None else validate:
            problems = tuple(violation.problem() for violation in validate_record(LEXICONS.lexicons, value))
            if problems:
                raise InvalidRecord(problems)
        check_integers(self.account, value)
        return path, value

    # Blobs

    def upload_blob(self, data: BlobInput, mime_type: str = "application/octet-stream") -> dict[str, Any]:
        """Upload bytes, a file or an open file; gives the blob object to put into a record, soon.

        Until a record refers to it, the server may throw it away. Raises InvalidArgument, NotLoggedIn, BlobRejected.
        """
        opened = open_blob("data", data)
        if isinstance(opened, Problem):
            raise InvalidArgument((opened,))
        return dict(self.account.repository.upload_blob(opened.source, mime_type).to_json())

    def get_blob(self, did: str, cid: str, *, max_bytes: int = LARGEST_BLOB) -> bytes:
        """Return the bytes of a blob that a record of the account refers to, checked.

        Raises BlobNotFound, and OversizedResponse for more than `max_bytes`.
        """
        call = Call("get_blob")
        checked = call.identifier("cid", cid, Cid)
        content = bytearray()
        for chunk in self.account_of(did, call, "did").repository.get_blob(checked):
            content += chunk
            if len(content) > max_bytes:
                raise OversizedResponse(f"the blob {cid} has more than {max_bytes:,} bytes", hint="raise max_bytes")
        return bytes(content)

    def get_blob_url(self, did: str, cid: str) -> str:
        """Return the public URL of a blob; for the local repository, that of its file. Raises InvalidArgument."""
        call = Call("get_blob_url")
        checked = call.identifier("cid", cid, Cid)
        return url_of(self.account_of(did, call, "did").blob_source(checked))


def _swap(name: str, swap_commit: str | None) -> Cid | None:
    """Parse the commit that a write is to be made on, where the call gives it."""
    return None if swap_commit is None else Call(name).identifier("swap_commit", swap_commit, Cid)


def reading_client(
    call: Call, uri: AtUri, client: AtmosphereClient | None, repository: str | os.PathLike[str] | None
) -> AbstractContextManager[AtmosphereClient]:
    """Return the client of a call that reads a URI: the given one, which stays open, or a new one."""
    if repository is None:
        return AtmosphereClient() if client is None else nullcontext(client)
    if client is not None:
        raise call.refuse("repository", "the client names the repository already", "give one of the two")
    target = Target.of_authority(uri.authority, folder=Path(repository))
    reader = AtmosphereClient.local(repository, did=target.did or LOCAL_DID)
    try:
        target.check_exists(reader.account.repository)
    except BaseException:
        reader.close()
        raise
    return reader
