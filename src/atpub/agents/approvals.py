"""Approvals of plans: a person gives one in a terminal, and one apply takes it.

They are stored in the user's state folder, outside of the project that an agent works on. An approval names the files
of the manifest, the repository, the plan's digest and a time at which it ends.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from atpub.atomic_files import sync_folder, write_text
from atpub.atproto.data import Json
from atpub.atproto.syntax import Did
from atpub.errors import NotApproved, Usage

LONGEST: Final = timedelta(hours=24)
"""The longest time that an approval is good for."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FORMAT_VERSION: Final = "1.0"
_MOST_BYTES: Final = 65_536
_READ: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's approval of one plan: its digest, of these manifest files, for this repository, until a time."""

    manifest: tuple[str, ...]
    repository: str
    digest: str
    expires: datetime

    def to_json(self) -> dict[str, Json]:
        """Return the approval as JSON."""
        return {
            "format_version": _FORMAT_VERSION,
            "manifest": [*self.manifest],
            "repository": self.repository,
            "digest": self.digest,
            "expires": self.expires.isoformat(),
        }


def name_repository(did: Did, folder: Path | None) -> str:
    """Return the name of a repository in approvals: its DID and, as all in folders may have the same, its folder."""
    return did if folder is None else f"{did} in {folder.absolute()}"


def parse_digest(text: str) -> str:
    """Return the digest of a plan, 64 hexadecimal digits in lower case; raises Usage."""
    digest = text.strip().lower().removeprefix("sha256:")
    if not _DIGEST.fullmatch(digest):
        raise Usage(f"{text[:100]!r} is not the digest of a plan", hint="64 hexadecimal digits, as `atpub plan` shows")
    return digest


class ApprovalStore:
    """The approvals in a folder of the user's own, each in a file that only its owner may read and write.

    `command` is the command line that approves, without the digest; errors name it.
    """

    def __init__(self, folder: Path, command: str = "atpub approve") -> None:
        self._folder = folder
        self.command = command

    def require_outside(self, project: Path) -> None:
        """Raise Usage where the folder is within a project's: an agent that may write there could approve."""
        if self._folder.resolve().is_relative_to(project.resolve()):
            message = f"approvals would be stored in {self._folder}, within the project's folder"
            raise Usage(
                message, hint="move the project to a folder of its own, or set XDG_STATE_HOME to one outside it"
            )

    def save(self, approval: Approval) -> None:
        """Store an approval; it replaces an earlier one of the same plan."""
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        file = self._file(approval.manifest, approval.digest)
        write_text(file, f"{json.dumps(approval.to_json())}\n", private=True)

    def find(self, manifest: tuple[str, ...], digest: str, now: datetime) -> Approval:
        """Return the approval of a plan; raises NotApproved where there is none, or its time is over."""
        file = self._file(manifest, digest)
        approval = _read(file)
        if approval is None or (approval.manifest, approval.digest) != (manifest, digest):
            raise self._missing(digest)
        if not now < approval.expires <= now + LONGEST:
            file.unlink(missing_ok=True)
            raise NotApproved(f"the approval of {digest} has expired", hint=self._hint(digest))
        return approval

    def take(self, manifest: tuple[str, ...], repository: str, digest: str, now: datetime) -> None:
        """Use up the approval of a plan for a repository; raises NotApproved, also where another process was first."""
        if self.find(manifest, digest, now).repository != repository:
            raise self._missing(digest)
        try:
            self._file(manifest, digest).unlink()
        except FileNotFoundError:
            raise self._missing(digest) from None
        sync_folder(self._folder)  # a crash does not bring it back

    def _file(self, manifest: tuple[str, ...], digest: str) -> Path:
        name = sha256(json.dumps([*manifest, digest]).encode()).hexdigest()
        return self._folder / f"{name}.json"

    def _missing(self, digest: str) -> NotApproved:
        return NotApproved(f"no person has approved the plan {digest}", hint=self._hint(digest))

    def _hint(self, digest: str) -> str:
        return f"a person reviews and approves it in a terminal: {self.command} {digest}"


def _read(file: Path) -> Approval | None:
    """Read an approval; None where there is none. Raises NotApproved where others may have written the file."""
    try:
        number = os.open(file, _READ)
    except OSError:
        return None
    with open(number, "rb") as stream:  # noqa: PTH123 - it is open already
        _require_own(file, os.fstat(number))
        text = stream.read(_MOST_BYTES)
    try:
        return _parse(json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _require_own(file: Path, status: os.stat_result) -> None:
    """Raise NotApproved unless the file is a regular one of this user's alone (POSIX: others have no bit)."""
    is_own = os.name != "posix" or (status.st_uid == os.geteuid() and not status.st_mode & 0o077)
    if not (is_own and stat.S_ISREG(status.st_mode)):
        raise NotApproved(f"others may have written the approval in {file}", hint="remove it, and approve again")


def _parse(document: Mapping[str, Json]) -> Approval | None:
    manifest = document["manifest"]
    if document["format_version"] != _FORMAT_VERSION or not isinstance(manifest, list):
        return None
    expires = datetime.fromisoformat(str(document["expires"])).astimezone(UTC)
    return Approval(tuple(map(str, manifest)), str(document["repository"]), str(document["digest"]), expires)
