"""The local repository: a true AT Protocol repository in a folder."""

from atpub.repository.local.repository import BlockNotFound, LocalRepository

__all__ = ["BlockNotFound", "LocalRepository"]
