"""Commits: the signed block at the top of a repository (AT Protocol specification: Repository, "Commit Objects")."""

from __future__ import annotations

from dataclasses import dataclass

import libipld

from atpub.atproto.repo.block import Native, decode, is_cid
from atpub.atproto.repo.signing import SigningKey, verify
from atpub.atproto.syntax import Did, Tid
from atpub.errors import RepositoryError

VERSION = 3


@dataclass(frozen=True, slots=True)
class SignedCommit:
    """A commit block: the repository's DID, the binary CID of its tree, the revision, and the signature."""

    did: Did
    data: bytes
    rev: Tid
    prev: bytes | None
    signature: bytes

    def signed_by(self, did_key: str) -> bool:
        """Whether the signature is that key's; raises ValueError where it is no did:key."""
        fields = _fields(self.did, self.data, self.rev, self.prev)
        return verify(did_key, libipld.encode_dag_cbor(fields), self.signature)


def sign_commit(key: SigningKey, did: Did, data: bytes, rev: Tid) -> bytes:
    """Return the block of a new commit; `prev` is null, as is usual in version 3."""
    fields = _fields(did, data, rev, None)
    return libipld.encode_dag_cbor({**fields, "sig": key.sign(libipld.encode_dag_cbor(fields))})


def parse_commit(block: bytes) -> SignedCommit:
    """Return the commit in a block, its signature not checked; raises RepositoryError."""
    match decode(block, "the repository's commit"):
        case {"version": int(version)} if version != VERSION:
            raise RepositoryError(f"the repository is of version {version}; atpub reads version {VERSION}")
        case {
            "did": str(did),
            "version": int(),
            "data": bytes(data),
            "rev": str(rev),
            "prev": None | bytes() as prev,
            "sig": bytes(signature),
        } if is_cid(data) and Did.accepts(did) and Tid.accepts(rev):
            return SignedCommit(Did(did), data, Tid(rev), prev, signature)
        case _:
            raise RepositoryError("the repository's commit has other fields than the specification's")


def _fields(did: Did, data: bytes, rev: Tid, prev: bytes | None) -> dict[str, Native]:
    return {"did": did, "version": VERSION, "data": data, "rev": rev, "prev": prev}
