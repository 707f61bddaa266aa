"""The accounts that lexicons are published by (AT Protocol specification: Lexicon, "Publication and Resolution").

The DNS of an NSID's authority names the account: `_lexicon.example.org` has that of org.example.note, and subdomains
have records of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from atpub.atproto.data import JsonObject
from atpub.atproto.identity.dns import Unresolved, did_in_txt
from atpub.atproto.identity.handles import ResolverConfig
from atpub.atproto.identity.resolve import read_document, server_named
from atpub.atproto.repo.signing import did_key_of
from atpub.atproto.syntax import Did, Nsid
from atpub.atproto.xrpc.http import HttpClient
from atpub.errors import RepositoryNotFound

_SEVERAL: Final = "its owner has to leave one of them"


@dataclass(frozen=True, slots=True)
class Signer:
    """An account that signs what it publishes: its DID, the URL of its server, and its key as a did:key."""

    did: Did
    pds: str
    did_key: str


def authority_of(nsid: Nsid) -> str:
    """Return the domain that the authority of an NSID is: example.org of org.example.note."""
    return ".".join(reversed(nsid.segments[:-1])).lower()


def txt_name(nsid: Nsid) -> str:
    """Return the name of the TXT record that says who publishes a lexicon."""
    return f"_lexicon.{authority_of(nsid)}"


def publisher_of(nsid: Nsid, server: str | None = None) -> Did | Unresolved:
    """Return the DID of the account that publishes a lexicon, as the DNS says; see `did_in_txt`."""
    return did_in_txt(txt_name(nsid), server, hint=_SEVERAL)


@dataclass(slots=True)
class PublisherLookup:
    """The accounts that the DNS names for lexicons; each authority is asked for once.

    `server` is the DNS server (None: the system's).
    """

    server: str | None
    _found: dict[str, Did | Unresolved] = field(default_factory=dict[str, Did | Unresolved])

    def __call__(self, nsid: Nsid) -> Did | Unresolved:
        """Return the account; several that are named are none."""
        authority = authority_of(nsid)
        if authority not in self._found:
            try:
                self._found[authority] = publisher_of(nsid, self.server)
            except RepositoryNotFound as error:
                self._found[authority] = Unresolved(error.message)
        return self._found[authority]


def find_signer(did: Did, http: HttpClient, config: ResolverConfig) -> Signer:
    """Return the server and the key of an account, as its DID document has them.

    Raises RepositoryNotFound where it has none, and Unavailable.
    """
    document = read_document(did, http, config)
    return Signer(did, server_named(did, document), signing_key(did, document))


def signing_key(did: Did, document: JsonObject) -> str:
    """Return the key of a DID document as a did:key (DID page: the method `#atproto`); raises RepositoryNotFound."""
    methods = document.get("verificationMethod")
    for method in methods if isinstance(methods, list) else []:
        match method:
            case {"id": str(name), "type": str(suite), "publicKeyMultibase": str(key)}:
                if name in ("#atproto", f"{did}#atproto"):
                    return _usable_key(did, suite, key)
            case _:
                pass
    raise RepositoryNotFound(f"{did} has no signing key: its DID document names none")


def _usable_key(did: Did, suite: str, key: str) -> str:
    try:
        return did_key_of(suite, key)
    except ValueError as error:
        raise RepositoryNotFound(f"the DID document of {did} names no usable signing key: {error}") from None
