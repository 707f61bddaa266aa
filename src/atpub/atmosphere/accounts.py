"""The accounts that a client works on: the local repository in a folder, or an account's repository on its PDS."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from atpub.atproto.syntax import Cid, Did, Handle
from atpub.errors import InvalidArgument, NotLoggedIn
from atpub.problems import Problem
from atpub.pulling.download import Source, Url
from atpub.redact import redact_urls
from atpub.repository.interface import BlobJournal, MemoryJournal, Repository
from atpub.repository.model import LOCAL_DID
from atpub.target import Target
from atpub.user_folders import cache_folder

if TYPE_CHECKING:
    from atpub.atproto.auth.session import Session
    from atpub.atproto.xrpc.client import XrpcClient
    from atpub.repository.applied import AppliedRecords
    from atpub.repository.pds import PdsRepository

_SEPARATOR: Final = ":::"


def applied_records() -> AppliedRecords:
    """Return the store of applied records in the user's folder for caches."""
    from atpub.repository.applied import AppliedRecords  # brings SQLite

    return AppliedRecords(cache_folder())


class Account(Protocol):
    """A repository, and what is known of whose it is."""

    @property
    def name(self) -> str:
        """What plans and messages call it."""
        ...

    @property
    def server(self) -> str:
        """The URL of its server, or its folder; no secret in it."""
        ...

    @property
    def repository(self) -> Repository:
        """Its records and blobs."""
        ...

    @property
    def journal(self) -> BlobJournal:
        """The blobs that were uploaded and that no record refers to yet."""
        ...

    @property
    def handle(self) -> Handle:
        """Its handle."""
        ...

    def blob_source(self, cid: Cid) -> Source:
        """Return where the bytes of a blob are that a record refers to."""
        ...

    def reopen(self, password: str | None) -> Account:
        """Open the same repository again, where its name leads now; writing takes the password."""
        ...

    def log_in(self) -> None:
        """Open a session; raises AuthenticationFailed."""
        ...

    def export_session(self) -> str:
        """Return the session as text; raises NotLoggedIn where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class LocalAccount:
    """The local repository in a folder; file permissions decide who may write."""

    repository: Repository
    folder: Path
    name: str = "local"
    journal: BlobJournal = field(default_factory=MemoryJournal)

    @classmethod
    def open(cls, folder: Path, did: Did = LOCAL_DID) -> LocalAccount:
        """Open the repository in a folder; the first write creates it."""
        from atpub.repository.local import LocalRepository  # brings SQLite, which a PDS needs not

        return cls(LocalRepository(folder, did), folder.absolute())

    @property
    def server(self) -> str:
        """Its folder."""
        return str(self.folder)

    @property
    def handle(self) -> Handle:
        """A reserved name that no account has."""
        return Handle("local.invalid")

    def blob_source(self, cid: Cid) -> Path:
        """Return the blob's file."""
        return self.folder / "blobs" / cid

    def reopen(self, password: str | None) -> LocalAccount:
        """Open the repository in the same folder; no password is needed."""
        return self.open(self.folder, self.repository.did)

    def log_in(self) -> None:
        """Do nothing: a local repository has no login."""

    def export_session(self) -> str:
        """Raise NotLoggedIn."""
        raise NotLoggedIn("a local repository has no sessions", hint="open it again with its path")


@dataclass(frozen=True)
class PdsAccount:
    """An account on its PDS, and the login that writing takes."""

    repository: PdsRepository
    name: str
    session: Session
    xrpc: XrpcClient

    @classmethod
    def connect(cls, account: str, pds: str | None, password: str | None = None) -> PdsAccount:
        """Connect to an account by its handle or DID, on the server `pds` or the one that its identity names.

        A line break that a file ends with is no part of the password. Raises Usage, RepositoryNotFound or Unavailable.
        """
        from atpub.atproto.auth.session import Session
        from atpub.atproto.identity.handles import ResolverConfig
        from atpub.atproto.identity.resolve import resolve
        from atpub.atproto.xrpc.client import XrpcClient
        from atpub.atproto.xrpc.http import HttpClient
        from atpub.atproto.xrpc.transport import new_client
        from atpub.repository.pds import PdsRepository  # brings httpx, which a local repository needs not

        http = HttpClient(new_client())
        try:
            identity = resolve(account, http, pds=pds, config=ResolverConfig.of(os.environ))
        except BaseException:
            http.close()
            raise
        xrpc = XrpcClient(identity.pds, http)
        secret = (password or "").rstrip("\r\n") or None
        session = Session(xrpc, identity.did, lambda: secret)
        return cls(PdsRepository(identity.did, xrpc, session), account.removeprefix("@"), session, xrpc)

    @classmethod
    def resume(cls, session_string: str, pds: str | None) -> PdsAccount:
        """Connect to the account of an exported session; raises InvalidArgument, which does not repeat its text."""
        from atpub.atproto.auth.session_store import SessionTokens

        parts = session_string.split(_SEPARATOR)
        if len(parts) not in (4, 5) or not Did.accepts(parts[1]):
            hint = "give what export_session returned"
            raise InvalidArgument((Problem("bad-argument", "session_string: this is no saved session", hint=hint),))
        handle, did, access, refresh, *server = parts
        account = cls.connect(did, pds or (server[0] if server else None))
        url = account.repository.url
        account.session.resume(SessionTokens(account.repository.did, handle, url, url, access, refresh))
        return replace(account, name=handle)

    @property
    def server(self) -> str:
        """The server's URL."""
        return redact_urls(self.repository.url)

    @property
    def journal(self) -> BlobJournal:
        """The journal in the user's folder for caches."""
        return self._journal

    @cached_property
    def _journal(self) -> BlobJournal:
        from atpub.repository.pds import open_journal

        return open_journal(self.repository, cache_folder())

    @property
    def handle(self) -> Handle:
        """The handle that it is named by, else the one that its server knows (com.atproto.repo.describeRepo).

        It is asked once. Raises RepositoryNotFound, Unavailable or RateLimited.
        """
        return self._handle

    @cached_property
    def _handle(self) -> Handle:
        if Handle.accepts(self.name):
            return Handle(self.name.lower())
        from atpub.generated.com.atproto.repo import describe_repo

        params = describe_repo.DescribeRepoParams(repo=self.repository.did)
        return Handle(self.xrpc.query(describe_repo.METHOD, params).handle)

    def blob_source(self, cid: Cid) -> Url:
        """Return the blob's public URL on the account's server (com.atproto.sync.getBlob)."""
        return Url(self.repository.blob_source(cid))

    def reopen(self, password: str | None) -> PdsAccount:
        """Connect to the same DID on the same server."""
        return replace(self.connect(self.repository.did, self.repository.url, password), name=self.name)

    def log_in(self) -> None:
        """Open a session (com.atproto.server.createSession); raises AuthenticationFailed."""
        self.session.open()

    def export_session(self) -> str:
        """Return the session in the form of the atproto SDK: handle, DID, access and refresh token, server."""
        opened = self.session.open()
        return _SEPARATOR.join((opened.handle, opened.did, opened.access, opened.refresh, opened.server))


def open_account(account: str, pds: str | None, password: str | None = None) -> Account:
    """Open an account by its name: a handle, a DID, `local`, or `local:PATH`."""
    return open_target(Target.parse(account, pds), password)


def open_target(target: Target, password: str | None = None) -> Account:
    """Open the account or the local repository of a target."""
    if target.folder is not None:
        return LocalAccount.open(target.folder, target.did or LOCAL_DID)
    return PdsAccount.connect(target.account, target.pds, password)
