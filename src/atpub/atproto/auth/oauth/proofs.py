"""The proofs of an OAuth client: PKCE (RFC 7636), and DPoP (RFC 9449) with ES256, on top of `cryptography`.

One kind of JWT is signed here, and none is verified: a JOSE library would replace twenty lines, and add a dependency
that knows neither the nonces of servers nor the hash of the access token.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from atpub.atproto.data import loads
from atpub.redact import hide

_SIZE: Final = 32  # bytes of a coordinate of P-256, and of what is random
_NONCE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,1024}")  # RFC 9449, section 8.1
_CHALLENGE: Final = re.compile(r'\bDPoP\b.*\berror="?use_dpop_nonce\b', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pkce:
    """A secret of one authorization, which the token request shows to be the one whose hash was sent before."""

    verifier: str = field(repr=False)

    @property
    def challenge(self) -> str:
        """The hash of the secret (method S256)."""
        return _base64(sha256(self.verifier.encode()).digest())


def random_token() -> str:
    """Return a random text that cannot be guessed, registered as a secret."""
    token = secrets.token_urlsafe(_SIZE)
    hide(token)
    return token


class DpopKey:
    """A key that tokens are bound to, and the newest nonce of each server that it was used at."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        numbers = key.public_key().public_numbers()
        x, y = (_base64(number.to_bytes(_SIZE, "big")) for number in (numbers.x, numbers.y))
        self.jwk: Mapping[str, str] = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
        self.nonces: dict[str, str] = {}

    @classmethod
    def new(cls) -> DpopKey:
        """Return a new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @property
    def pem(self) -> str:
        """The private key as text, to be stored."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def sign(self, payload: Mapping[str, str | int]) -> str:
        """Return a DPoP proof: a JWT whose header holds the public key."""
        header = {"alg": "ES256", "jwk": self.jwk, "typ": "dpop+jwt"}
        text = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, payload))
        r, s = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_base64(r.to_bytes(_SIZE, 'big') + s.to_bytes(_SIZE, 'big'))}"


@cache
def load_key(pem: str) -> DpopKey:
    """Return a stored key, the same object each time: it knows the nonces. Raises ValueError."""
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (TypeError, UnsupportedAlgorithm):
        raise ValueError("not a key that can be read") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not a key of P-256")
    return DpopKey(key)


@dataclass(frozen=True, slots=True)
class DpopSigner:
    """The signature of each request with a key, and with the access token that is bound to it, if there is one."""

    key: DpopKey = field(repr=False)
    token: str | None = field(default=None, repr=False)

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        """Return the headers of one request: no two requests have the same."""
        proof = self.key.sign(proof_payload(method, url, self.key.nonces.get(_origin(url)), self.token))
        return {"DPoP": proof} if self.token is None else {"Authorization": f"DPoP {self.token}", "DPoP": proof}

    def learn(self, url: str, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Note the nonce of a reply; return whether the server refused the request for the lack of it alone."""
        nonce = headers.get("dpop-nonce", "")
        if not _NONCE.fullmatch(nonce):
            return False
        self.key.nonces[_origin(url)] = nonce
        return status in (400, 401) and _asks_for_nonce(headers, body)


def proof_payload(
    method: str, url: str, nonce: str | None, token: str | None, *, clock: float | None = None
) -> dict[str, str | int]:
    """Return the claims of a proof (RFC 9449, section 4.2); the URL is that of the request without its query."""
    claims: dict[str, str | int] = {
        "jti": secrets.token_urlsafe(16),
        "htm": method,
        "htu": urlsplit(url)._replace(query="", fragment="").geturl(),
        "iat": int(time.time() if clock is None else clock),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if token is not None:
        claims["ath"] = _base64(sha256(token.encode()).digest())
    return claims


def _asks_for_nonce(headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether a refusal asks for a nonce, as resource servers and authorization servers do (sections 8, 9)."""
    if _CHALLENGE.search(headers.get("www-authenticate", "")[:4096]):
        return True
    try:
        match loads(body):
            case {"error": "use_dpop_nonce"}:
                return True
            case _:
                return False
    except ValueError:
        return False


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
