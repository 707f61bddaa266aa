"""Blocks: pieces of DAG-CBOR, named by CIDs in their binary form (AT Protocol specification: Data Model)."""

from __future__ import annotations

from hashlib import sha256
from typing import TypeAlias

import libipld

from atpub.atproto.syntax import DAG_CBOR, RAW
from atpub.errors import RepositoryError

Native: TypeAlias = "bool | int | str | bytes | list[Native] | dict[str, Native] | None"

CID_LENGTH = 36
_CID_STARTS = frozenset(bytes((1, codec, 0x12, 0x20)) for codec in (DAG_CBOR, RAW))


def cid_of(block: bytes) -> bytes:
    """Return the binary CID of a DAG-CBOR block."""
    return bytes((1, DAG_CBOR, 0x12, 0x20)) + sha256(block).digest()


def is_cid(raw: object) -> bool:
    """Whether the value is a binary CID of the AT Protocol's form: version 1, dag-cbor or raw, SHA-256."""
    return isinstance(raw, bytes) and len(raw) == CID_LENGTH and raw[:4] in _CID_STARTS


def matches(cid: bytes, block: bytes) -> bool:
    """Whether the block is what the CID stands for."""
    return is_cid(cid) and sha256(block).digest() == cid[4:]


def decode(block: bytes, what: str) -> Native:
    """Decode a block, links as binary CIDs; raises RepositoryError, which names the block as `what`."""
    try:
        value: Native = libipld.decode_dag_cbor(block)
    except (ValueError, RecursionError) as error:
        raise RepositoryError(f"{what} is not DAG-CBOR: {error}") from None
    return value
