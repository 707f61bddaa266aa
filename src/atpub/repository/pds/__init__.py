"""A repository on a PDS, over XRPC."""

from atpub.repository.pds.connect import connect
from atpub.repository.pds.journal import FileJournal, open_journal
from atpub.repository.pds.repository import BODY, SMALL_BODY, WRITES, PdsRepository

__all__ = ["BODY", "SMALL_BODY", "WRITES", "FileJournal", "PdsRepository", "connect", "open_journal"]
