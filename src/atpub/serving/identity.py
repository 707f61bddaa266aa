"""The identity of the served account: its handle and its DID document (AT Protocol specification: DID, Handle)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.syntax import Did, Handle

INVALID_HANDLE: Final = Handle("handle.invalid")
"""What stands for the handle of an account that has none (Handle page)."""
_DID_KEY: Final = "did:key:"


@dataclass(frozen=True, slots=True)
class ServedAccount:
    """An account, and the URL at which it is served."""

    did: Did
    url: str

    @property
    def handle(self) -> Handle:
        """The domain of a did:web; a DID of another kind does not tell its handle."""
        method, _, domain = self.did.removeprefix("did:").partition(":")
        return Handle(domain.lower()) if method == "web" and Handle.accepts(domain) else INVALID_HANDLE

    def is_named(self, name: str) -> bool:
        """Return whether a DID or handle is that of the account."""
        return name == self.did or (self.handle != INVALID_HANDLE and name.lower() == self.handle)

    def document(self, did_key: str) -> JsonObject:
        """Return the DID document: handle, the key that signs commits, and the URL as that of the account's server."""
        key: JsonObject = {
            "id": f"{self.did}#atproto",
            "type": "Multikey",
            "controller": self.did,
            "publicKeyMultibase": did_key.removeprefix(_DID_KEY),
        }
        server: JsonObject = {
            "id": "#atproto_pds",
            "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": self.url,
        }
        contexts: list[Json] = [
            "https://www.w3.org/ns/did/v1",
            "https://w3id.org/security/multikey/v1",
            "https://w3id.org/security/suites/secp256k1-2019/v1",
        ]
        names: list[Json] = [] if self.handle == INVALID_HANDLE else [f"at://{self.handle}"]
        return {
            "@context": contexts,
            "id": self.did,
            "alsoKnownAs": names,
            "verificationMethod": [key],
            "service": [server],
        }
