"""What `--from` and the lock name as the source of lexicons: an account, a server, a folder, a git revision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.lexicons import authority_of
from atpub.atproto.identity.resolve import resolve
from atpub.atproto.syntax import AtUri, Did, Nsid, SyntaxViolation
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import base_url
from atpub.errors import Usage
from atpub.lexicon_resolution.files import FilesSource, read_folder, read_revision_files
from atpub.lexicon_resolution.network import NetworkSource
from atpub.lexicon_resolution.sources import FoundLexicon, LexiconSource
from atpub.lexicon_tools.git import is_revision
from atpub.manifest.lexicon_lock import Resolution


@dataclass(slots=True)
class AnySource:
    """The source of each lexicon: where the lock has it from, else what `--from` names, else the account in the DNS."""

    network: NetworkSource
    named: FilesSource | None = None
    _read: dict[str, FilesSource] = field(default_factory=dict[str, FilesSource])

    def fetch(self, nsid: Nsid, known: Resolution | None) -> FoundLexicon:
        """Return a lexicon from its source."""
        if known and known.source:
            if known.source not in self._read:
                self._read[known.source] = read_files(known.source)
            return self._read[known.source].fetch(nsid, known)
        return (self.network if known or self.named is None else self.named).fetch(nsid, known)


def read_files(name: str) -> FilesSource:
    """Read the lexicons in a folder, or at the git revision `REV:PATH`; raises Usage where there is none."""
    if is_revision(name):
        return read_revision_files(name)
    if not Path(name).is_dir():
        hint = "a folder, REV:PATH of this git repository, https://PDS or at://ACCOUNT"
        raise Usage(f"there is no folder {name} to take lexicons from", hint=hint)
    return read_folder(Path(name))


def open_source(name: str | None, wanted: Iterable[Nsid], http: HttpClient, config: ResolverConfig) -> LexiconSource:
    """Return the source that `--from` names; raises Usage.

    An account or a PDS that is named has the lexicons wanted, and all others of the same authorities.
    """
    own = frozenset(map(authority_of, wanted))
    if name is None:
        return AnySource(NetworkSource(http, config))
    if name.startswith("at://"):
        return AnySource(NetworkSource(http, config, own, account=_account(name, http, config)))
    if name.startswith(("https://", "http://")):
        return AnySource(NetworkSource(http, config, own, pds=base_url(name)))
    return AnySource(NetworkSource(http, config), read_files(name))


def _account(name: str, http: HttpClient, config: ResolverConfig) -> Did:
    try:
        uri = AtUri.parse(name)
    except SyntaxViolation as error:
        raise Usage(f"--from {error}", hint="such as at://lab.example.org or at://did:plc:…") from None
    if uri.collection:
        raise Usage(f"--from {name}: name the account alone", hint=f"at://{uri.authority}, and the NSID before it")
    return uri.authority if isinstance(uri.authority, Did) else resolve(uri.authority, http, config=config).did
