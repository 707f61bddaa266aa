"""The account of a repository in a folder: its name in a manifest, and its DID."""

from __future__ import annotations

from typing import Final

from atpub.atproto.syntax import Did

LOCAL_DID: Final = Did("did:web:local.invalid")
"""The default DID of a local repository: known before the repository exists, so that a plan knows every URI."""


def is_local(account: str) -> bool:
    """Return whether an account is a repository in a folder: `local`, or `local:PATH`."""
    return account == "local" or account.startswith("local:")
