"""A repository on a PDS, over XRPC."""

from atpub.repository.pds.repository import BODY, PLC, SMALL_BODY, WRITES, PdsRepository, connect

__all__ = ["BODY", "PLC", "SMALL_BODY", "WRITES", "PdsRepository", "connect"]
