"""The commits of a local repository: their trees, their signatures, and CAR files of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import BinaryIO

from atpub.atproto.repo import mst
from atpub.atproto.repo.block import cid_of
from atpub.atproto.repo.car import write_car
from atpub.atproto.repo.commit import parse_commit, sign_commit
from atpub.atproto.repo.signing import SigningKey
from atpub.atproto.syntax import Cid, RecordPath, Tid
from atpub.errors import HeadMoved
from atpub.repository.interface import Limits
from atpub.repository.local.key import create_key, read_key
from atpub.repository.local.store import Store
from atpub.repository.local.tables import StoredHead, Tables
from atpub.repository.local.writes import Batch, Changes, carry_out, prepare
from atpub.repository.model import Write


class Commits:
    """The newest commit of a local repository, with its tree in memory, and the next one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tree: tuple[bytes, mst.Node] | None = None

    def public_key(self) -> str | None:
        """Return the key that signs the commits, as a `did:key`; None before the first."""
        key = read_key(self._store.key)
        return key.did_key if key else None

    def prepare(self, writes: Sequence[Write], limits: Limits) -> Batch:
        """Return the writes with what each will store; raises RequestTooLarge, RecordConflict or InvalidInput."""
        return prepare(writes, limits)

    def add(self, batch: Batch, swap_commit: Cid | None, tables: Tables, now: int) -> tuple[StoredHead, Changes]:
        """Make a batch one commit on top of `swap_commit`; raises HeadMoved, RecordConflict or an error of a blob."""
        last = tables.head()
        self._check_head(last, swap_commit)
        tree = self._tree_at(last, tables)
        changes = carry_out(batch, tables)
        return self._commit(last, mst.update(tree, changes.tree), tables, now), changes

    def write_all(self, head: StoredHead, tables: Tables, stream: BinaryIO) -> None:
        """Write a CAR file of everything."""
        self._write(head, chain(mst.blocks(self._tree_at(head, tables)), tables.values()), stream)

    def write_proof(self, head: StoredHead, tables: Tables, path: RecordPath, stream: BinaryIO) -> None:
        """Write a CAR file of the nodes on the way to a record, and of the record."""
        way = mst.way(self._tree_at(head, tables), str(path).encode())
        self._write(head, chain(way, ((cid, block) for _, cid, block in tables.records((), (path,)))), stream)

    def find_blocks(self, head: StoredHead, tables: Tables, wanted: Collection[bytes]) -> Mapping[bytes, bytes]:
        """Return those of the blocks that are of the newest commit, its tree and its records."""
        known = chain([(head.cid, head.block)], mst.blocks(self._tree_at(head, tables)))
        return {**tables.blocks(wanted), **{cid: block for cid, block in known if cid in wanted}}

    def write_blocks(self, head: StoredHead, blocks: Iterable[tuple[bytes, bytes]], stream: BinaryIO) -> None:
        """Write a CAR file of these blocks."""
        for piece in write_car(head.cid, blocks):
            stream.write(piece)

    def _write(self, head: StoredHead, blocks: Iterable[tuple[bytes, bytes]], stream: BinaryIO) -> None:
        self.write_blocks(head, chain([(head.cid, head.block)], blocks), stream)

    def _check_head(self, last: StoredHead | None, swap_commit: Cid | None) -> None:
        found = last and Cid.of_bytes(last.cid)
        if found != swap_commit:
            raise HeadMoved(
                f"the newest commit in {self._store.folder} is {found or 'none'}, not {swap_commit or 'none'}",
                hint="read the records again",
            )

    def _commit(self, last: StoredHead | None, tree: mst.Node, tables: Tables, now: int) -> StoredHead:
        rev = Tid.of(max(now, last.rev.microseconds + 1 if last else 0))  # the clock may have gone back
        block = sign_commit(self._signing_key(last), self._store.did, tree.cid, rev)
        head = StoredHead(cid_of(block), rev, block)
        tables.set_head(head)
        self._tree = (head.cid, tree)
        return head

    def _tree_at(self, head: StoredHead | None, tables: Tables) -> mst.Node:
        """Return the tree of the newest commit: the one in memory, or a new one where others have written since."""
        if head is None:
            return mst.EMPTY
        if self._tree is None or self._tree[0] != head.cid:
            tree = mst.update(mst.EMPTY, tables.tree())
            if tree.cid != parse_commit(head.block).data:
                raise self._store.damaged("its records are not those of its newest commit")
            self._tree = (head.cid, tree)
        return self._tree[1]

    def _signing_key(self, last: StoredHead | None) -> SigningKey:
        key = read_key(self._store.key)
        if key is None and last is not None:
            raise self._store.damaged(f"{self._store.key} is missing")
        return key or create_key(self._store.key)
