"""The repository that a command or a call is about, named by its arguments, the environment or the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from atpub.atproto.syntax import Did
from atpub.errors import Refused, RepositoryNotFound, Usage
from atpub.manifest.model import Manifest
from atpub.repository.interface import Repository
from atpub.repository.model import LOCAL_DID, is_local

FOLDER: Final = Path(".atpub", "local")
"""The default folder of the local repository, relative to the manifest's."""

_NAME_ANOTHER: Final = (
    "the first `atpub apply` creates it; name another folder with --account local:PATH, with --repository PATH beside "
    "a URI, or in Python with repository=PATH or AtmosphereClient.local(PATH)"
)


@dataclass(frozen=True, slots=True)
class Target:
    """A repository: its account, the DID that it must have, and its folder or its PDS, where they are known.

    `is_pds_suggested` says that only the manifest names the PDS: it is good for reading, but gets no password.
    """

    account: str
    did: Did | None = None
    pds: str | None = None
    folder: Path | None = None
    is_pds_suggested: bool = False

    @classmethod
    def parse(cls, account: str, pds: str | None = None, *, did: Did | None = None, beside: Path = Path()) -> Target:
        """Parse an account: a handle, a DID, `local` (the default folder in `beside`), or `local:PATH`."""
        if not is_local(account):
            return cls(account.removeprefix("@"), did, pds)
        path = account.partition(":")[2]
        return cls(account, did, folder=Path(path) if path else beside / FOLDER)

    @classmethod
    def resolve(
        cls, manifest: Manifest | None, account: str | None, pds: str | None, environ: Mapping[str, str]
    ) -> Target | None:
        """Find the target of a run; None where no account is given. Raises Usage for a `pds` of a local repository.

        Precedence: the arguments, then ATPUB_ACCOUNT and ATPUB_PDS of the environment, then the manifest. A local
        repository leaves the PDS of the environment and of the manifest, which are those of other accounts, aside.
        """
        name = account or environ.get("ATPUB_ACCOUNT") or (manifest.account if manifest else None)
        if not name:
            return None
        if is_local(name):
            refuse_pds(name, pds)
        server = pds or (None if is_local(name) else pds_in(environ))
        if manifest is None:
            return cls.parse(name, server)
        target = cls.parse(name, server or manifest.pds, did=manifest.did, beside=manifest.folder)
        return replace(target, is_pds_suggested=target.pds is not None and not server)

    @classmethod
    def of_authority(
        cls,
        authority: str,
        pds: str | None = None,
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Target:
        """Return the repository that a URI's authority names, to read from it.

        `folder` is that of a local repository. Without it, `did:web:local.invalid` is in the default folder, unless
        `pds` names a server; ATPUB_PDS of the environment is the server of other accounts only. Raises Usage for both.
        """
        if folder is not None:
            refuse_pds(str(folder), pds)
        if folder is None and (pds or authority != LOCAL_DID):
            return cls.parse(authority, pds or pds_in(environ or {}))
        did = Did(authority) if Did.accepts(authority) else None
        return cls(f"local:{folder or FOLDER}", did, folder=folder or FOLDER)

    def check(self, did: Did) -> None:
        """Raise Refused where the account's DID is not the one that the manifest or the saved plan names."""
        if self.did and did != self.did:
            hint = "correct one of them: the DID is there to keep records from going to another account"
            raise Refused(f"{self.account} is {did}, and not {self.did} as the manifest or the plan says", hint=hint)

    def check_exists(self, repository: Repository) -> None:
        """Raise RepositoryNotFound where this is a folder that holds no repository yet."""
        if self.folder is not None and repository.head() is None:
            raise RepositoryNotFound(f"there is no repository in {self.folder}", hint=_NAME_ANOTHER)


def pds_in(environ: Mapping[str, str]) -> str | None:
    """Return the server that ATPUB_PDS names, if it is set; raises Usage for what is no address of a server."""
    if not environ.get("ATPUB_PDS"):
        return None
    from atpub.atproto.identity.handles import server_in  # httpx

    return server_in("ATPUB_PDS", environ)


def refuse_pds(account: str, pds: str | None) -> None:
    """Raise Usage if a PDS is named for a repository in a folder."""
    if pds:
        hint = "leave out the PDS, or name an account on a server: --account HANDLE"
        raise Usage(f"{account} is a repository in a folder, which has no PDS", hint=hint)


def require_target(
    manifest: Manifest | None, account: str | None, pds: str | None, environ: Mapping[str, str]
) -> Target:
    """Resolve the target of a run; raises Usage if no account is given."""
    target = Target.resolve(manifest, account, pds, environ)
    if target is None:
        hint = "name it: --account HANDLE, or a manifest that does: -m PATH"
        if manifest is not None:
            hint = "try it first with --account local; then with your handle, or `account:` in the manifest"
        raise Usage("no account is given", hint=hint)
    return target
