"""The embedded repository: a true AT Protocol repository in a folder."""

from atpub.repository.local.repository import LOCAL_DID, LocalRepository

__all__ = ["LOCAL_DID", "LocalRepository"]
