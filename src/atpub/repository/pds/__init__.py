"""A repository on a PDS, over XRPC."""

from atpub.repository.pds.repository import BODY, SMALL_BODY, WRITES, PdsRepository, connect

__all__ = ["BODY", "SMALL_BODY", "WRITES", "PdsRepository", "connect"]
