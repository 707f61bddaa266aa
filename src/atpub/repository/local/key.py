"""The key file of a local repository: 64 hexadecimal digits, for the owner's eyes only."""

from __future__ import annotations

import os
from pathlib import Path

from atpub.atproto.repo.signing import SigningKey
from atpub.errors import RepositoryError, Unavailable
from atpub.repository.local.blobs import sync_folder


def read_key(file: Path) -> SigningKey | None:
    """Return the key in the file; None where there is no file. Raises RepositoryError where it holds no key."""
    try:
        return SigningKey.of_hex(file.read_text().strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RepositoryError(f"{file} holds no signing key: {error}") from None


def create_key(file: Path) -> SigningKey:
    """Make a key and write it to the file, whole or not at all; raises Unavailable."""
    key = SigningKey.generate()
    partial = file.with_name(f"{file.name}-partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as target:
            target.write(f"{key.hex}\n")
            target.flush()
            os.fsync(target.fileno())
        partial.replace(file)
        sync_folder(file.parent)
    except OSError as error:
        raise Unavailable(f"cannot write the signing key {file}: {error.strerror}") from error
    return key
