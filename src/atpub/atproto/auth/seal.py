"""Sessions whose file holds no readable secret: the secrets are encrypted with a key that is stored elsewhere.

The key is stored in a keyring, and not the tokens: Windows limits an item to 2,560 bytes, and an access token alone may
have more. Nor does a renewal write to the keyring, so that the file and the keyring never differ.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from atpub.atproto.data import JsonObject

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class SealKey:
    """A key (AES-256) that seals one session, and the name that it is stored by."""

    name: str
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls, account: str) -> SealKey:
        """Return a new key: no other session, of the same account even, has its name."""
        return cls(f"{account} {secrets.token_hex(4)}", secrets.token_bytes(32))


def seal(session: JsonObject, key: SealKey) -> JsonObject:
    """Return a session's JSON with its tokens and its DPoP key encrypted, and the rest authenticated with them."""
    public = {name: value for name, value in session.items() if name not in ("access", "refresh")}
    hidden = {"access": session["access"], "refresh": session["refresh"]}
    grant = session.get("grant")
    if isinstance(grant, dict):
        public["grant"] = {name: value for name, value in grant.items() if name != "key"}
        hidden["key"] = grant["key"]
    public["seal"] = key.name
    nonce = secrets.token_bytes(_NONCE_BYTES)
    text = _cipher(key).encrypt(nonce, json.dumps(hidden).encode(), _canonical(public))
    return {**public, "sealed": base64.b64encode(nonce + text).decode()}


def unseal(sealed: JsonObject, key: SealKey) -> JsonObject | None:
    """Return the session's JSON; None if it is damaged, was altered, or was sealed with another key."""
    from cryptography.exceptions import InvalidTag

    public = {name: value for name, value in sealed.items() if name != "sealed"}
    try:
        data = base64.b64decode(str(sealed.get("sealed")), validate=True)
        text = _cipher(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _canonical(public))
        hidden = json.loads(text)
    except (ValueError, InvalidTag):
        return None
    grant = public.get("grant")
    if isinstance(grant, dict):
        public["grant"] = {**grant, "key": hidden.pop("key", None)}
    return {**public, **hidden}


def _cipher(key: SealKey) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # sessions in plain files do not need it

    return AESGCM(key.secret)


def _canonical(public: JsonObject) -> bytes:
    return json.dumps(public, sort_keys=True).encode()
