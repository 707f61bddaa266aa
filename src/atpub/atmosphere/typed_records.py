"""Records as objects of generated classes: those of atpub's own lexicons, or of yours."""

from __future__ import annotations

import builtins
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from atpub.atmosphere.accounts import Account
from atpub.atmosphere.arguments import Call, warn
from atpub.atmosphere.records import check_integers, put_value, read_all, write_record
from atpub.atproto.lexicon.formats import valid_key
from atpub.atproto.runtime import RecordBase
from atpub.atproto.runtime.checked import checked_json
from atpub.atproto.syntax import AtUri, Cid, Nsid, RecordPath, Rkey, Tid
from atpub.errors import InvalidRecord, RecordNotFound
from atpub.repository.model import Delete, Record

R = TypeVar("R", bound=RecordBase)

_LITERAL: Final = "literal:"
_EXAMPLE: Final = "such as Recipe, which `atpub generate` writes for the lexicon of a record"


@dataclass(frozen=True, slots=True)
class TypedRecord(Generic[R]):
    """A record that was read: its URI, its CID, and its value as an object of a generated class."""

    uri: AtUri
    cid: Cid
    value: R

    @property
    def rkey(self) -> str:
        """The record's key."""
        assert self.uri.rkey is not None
        return self.uri.rkey

    def __repr__(self) -> str:
        return f"TypedRecord({str(self.uri)!r}, {self.value!r})"


class TypedRecords(ABC):
    """The calls of a client that take generated record classes of any lexicon."""

    @property
    @abstractmethod
    def account(self) -> Account:
        """The client's account; raises NotLoggedIn."""

    @abstractmethod
    def account_of(self, repo: str | None, call: Call, argument: str = "repo") -> Account:
        """Return the account of a DID or handle."""

    def put(self, record: RecordBase, *, rkey: str | None = None) -> AtUri:
        """Write a record at a key, over the one there; nothing where it is the same. Return its URI.

        Without a key: at a new TID, or at the only key that the lexicon allows (`literal:self`). Aware datetimes are
        written in UTC with milliseconds. Raises InvalidArgument; InvalidRecord with each field that is wrong, such as
        `$.steps[0]: expected Step, found str`; Refused where a project owns the record; HeadMoved. A published
        lexicon is not compared with the one there: see `AtmosphereClient.put_record`.
        """
        call = Call("put")
        _check_record(call, record)
        key = str(Tid.of(time.time_ns() // 1000)) if rkey is None and record.KEY == "tid" else rkey
        path = _path(call, type(record), key)
        value = checked_json(record)
        check_integers(self.account, value)
        return put_value(self.account, path, value)

    def get(self, record_type: type[R], rkey: str | None = None, *, repo: str | None = None) -> TypedRecord[R]:
        """Return the record at a key, of the client's account, or of the DID or handle `repo`.

        Raises InvalidArgument, RecordNotFound, and InvalidRecord where the record breaks its lexicon.
        """
        call = Call("get")
        path = _path(call, record_type, rkey)
        repository = self.account_of(repo, call).repository
        record = repository.get_record(path)
        if record is None:
            hint = f"list shows those of the class: list({record_type.__name__})"
            raise RecordNotFound(f"there is no record {AtUri.of(repository.did, path)}", hint=hint)
        return _load_typed(record_type, AtUri.of(repository.did, path), record)

    def list(
        self, record_type: type[R], *, repo: str | None = None, limit: int | None = None
    ) -> builtins.list[TypedRecord[R]]:
        """Return the records of a class, newest key first: of the client's account, or of the DID or handle `repo`.

        Records that break their lexicon are left out, each with an AtpubWarning; `list_records` returns them as dicts.
        Raises InvalidArgument, RepositoryNotFound.
        """
        call = Call("list")
        _check_record_type(call, record_type)
        nsid = Nsid(record_type.NSID)
        most = call.limit("limit", limit)
        repository = self.account_of(repo, call).repository
        page = read_all(repository, nsid) if most is None else repository.list_records(nsid, most)
        found: builtins.list[TypedRecord[R]] = []
        for record in page.records:
            uri = AtUri.of(repository.did, record.path)
            try:
                found.append(_load_typed(record_type, uri, record))
            except InvalidRecord as error:
                warn(f"{uri} is left out: {error.problems[0].message}")
        return found

    def delete(self, record_type: type[RecordBase], rkey: str | None = None) -> None:
        """Delete a record of the client's account; none there is well, too.

        Raises InvalidArgument, Refused where a project owns the record, and HeadMoved.
        """
        call = Call("delete")
        path = _path(call, record_type, rkey)
        write_record(self.account, path, lambda there: Delete(path) if there else None)


def _load_typed(record_type: type[R], uri: AtUri, record: Record) -> TypedRecord[R]:
    return TypedRecord(uri, record.cid, record_type.from_json(record.value))


def _check_record(call: Call, given: object) -> None:
    if not isinstance(given, RecordBase):
        raise call.refuse("record", f"expected a generated record, found {_type_name(given)}", _EXAMPLE)


def _check_record_type(call: Call, given: object) -> None:
    found = _type_name(given)
    if not (isinstance(given, type) and issubclass(given, RecordBase) and hasattr(given, "NSID")):
        raise call.refuse("record_type", f"expected a generated record class, found {found}", _EXAMPLE)


def _type_name(given: object) -> str:
    return f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__


def _path(call: Call, record_type: type[RecordBase], rkey: str | None) -> RecordPath:
    """Return where a record is; raises InvalidArgument for another class, and a key that the lexicon does not allow."""
    _check_record_type(call, record_type)
    kind = record_type.KEY
    key = kind.removeprefix(_LITERAL) if rkey is None and kind.startswith(_LITERAL) else rkey
    if key is None:
        raise call.refuse("rkey", f"{record_type.__name__} needs a record key of the type {kind}", "give rkey=…")
    if not valid_key(kind, parsed := call.identifier("rkey", key, Rkey)):
        raise call.refuse("rkey", f"{key!r} is not a record key of the type {kind}, as {record_type.NSID} requires")
    return RecordPath(Nsid(record_type.NSID), parsed)
