"""The embedded repository: a true AT Protocol repository in a folder."""

from atpub.repository.local.repository import LocalRepository

__all__ = ["LocalRepository"]
