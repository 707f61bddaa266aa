"""The key file of a local repository: 64 hexadecimal digits, for the owner's eyes only."""

from __future__ import annotations

from pathlib import Path

from atpub.atomic_files import write_text
from atpub.atproto.repo.signing import SigningKey
from atpub.errors import RepositoryError, Unavailable


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
    try:
        write_text(file, f"{key.hex}\n", private=True)
    except OSError as error:
        raise Unavailable(f"cannot write the signing key {file}: {error.strerror}") from error
    return key
