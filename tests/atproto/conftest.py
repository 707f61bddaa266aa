"""The servers and accounts of the repository tests, for the tests of the protocol."""

from tests.repository.conftest import account, new_repository, on, repository, server

__all__ = ["account", "new_repository", "on", "repository", "server"]
