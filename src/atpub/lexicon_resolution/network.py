"""Lexicons that accounts publish, each verified by the signed commit of its repository."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from atpub.atproto.identity.dns import Unresolved
from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.lexicons import PublisherLookup, Signer, authority_of, find_signer, txt_name
from atpub.atproto.repo.proof import ProvenRecord, verify_proof
from atpub.atproto.syntax import AtUri, Did, Nsid, RecordPath, Rkey
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.exchange import Timeouts
from atpub.atproto.xrpc.http import HttpClient
from atpub.errors import OversizedResponse, RecordNotFound, RepositoryError, RepositoryNotFound
from atpub.generated.com.atproto.sync import get_record
from atpub.lexicon_resolution.sources import FoundLexicon, parse_named
from atpub.manifest.lexicon_lock import COLLECTION, Resolution

LARGEST_PROOF: Final = 4 * 1024 * 1024
"""The most bytes of a record with its proof: a record of the reference PDS has one million at most."""
_TIMEOUTS: Final = Timeouts.of(20.0)


@dataclass(slots=True)
class NetworkSource:
    """Accounts that publish lexicons: each is the one that the DNS of the authority names.

    `account` and `pds`, if given, take the place of the DNS and of the account's own server: for the authorities of
    `own`, and no others.
    """

    http: HttpClient
    config: ResolverConfig
    own: frozenset[str] = frozenset()
    account: Did | None = None
    pds: str | None = None
    _publishers: PublisherLookup = field(init=False)
    _signers: dict[Did, Signer] = field(default_factory=dict[Did, Signer])

    def __post_init__(self) -> None:
        """Begin with no answer of the DNS."""
        self._publishers = PublisherLookup(self.config.dns)

    def fetch(self, nsid: Nsid, known: Resolution | None) -> FoundLexicon:
        """Return the lexicon in its account's repository, with the commit's signature verified."""
        uri = known.uri if known else None
        did = uri.authority if uri and isinstance(uri.authority, Did) else self._publisher(nsid)
        signer = self._signer(did)
        path = RecordPath(COLLECTION, Rkey(nsid))
        server = self.pds if self.pds and authority_of(nsid) in self.own else signer.pds
        try:
            content = self._read(server, did, path)
            proven = _verify(server, content, signer, path)
        except RecordNotFound:
            hint = "check the spelling, or ask its owner to publish it; a file of it can be pulled: --from DIR"
            message = f"{did} has not published {nsid}: {server} has no such record"
            raise RecordNotFound(message, hint=hint) from None
        found = AtUri.of(did, path)
        return FoundLexicon(proven.value, parse_named(proven.value, nsid, str(found)), Resolution(proven.cid, found))

    def _publisher(self, nsid: Nsid) -> Did:
        authority = authority_of(nsid)
        if self.account and authority in self.own:
            return self.account
        found = self._publishers(nsid)
        if isinstance(found, Unresolved):
            hint = f"its owner has to set a TXT record at {txt_name(nsid)}; or name the account: --from at://DID"
            raise RepositoryNotFound(f"{authority} names no account: {found.reason}", hint=hint)
        return found

    def _signer(self, did: Did) -> Signer:
        if did not in self._signers:
            self._signers[did] = find_signer(did, self.http, self.config)
        return self._signers[did]

    def _read(self, server: str, did: Did, path: RecordPath) -> bytes:
        params = get_record.GetRecordParams(did=did, collection=path.collection, rkey=path.rkey)
        content = bytearray()
        with XrpcClient(server, self.http, timeouts=_TIMEOUTS).stream(get_record.METHOD, params) as pieces:
            for piece in pieces:
                content += piece
                if len(content) > LARGEST_PROOF:
                    raise OversizedResponse(f"{server} answers with more than {LARGEST_PROOF:,} bytes for {path}")
        return bytes(content)


def _verify(server: str, content: bytes, signer: Signer, path: RecordPath) -> ProvenRecord:
    """Return the record that a server's answer proves; errors name the server."""
    try:
        return verify_proof(content, signer.did, signer.did_key, path)
    except RepositoryError as error:
        raise type(error)(f"{server} does not prove the record: {error.message}") from None
