"""Signing keys of repositories (AT Protocol specification: Cryptography).

atpub signs with the curve secp256k1 ("K-256"), and verifies P-256, too; a signature is r and s, 32 bytes each, over the
SHA-256 of the message, and s is the lower of the two values that would do ("low-S").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libipld

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_MULTICODEC = b"\xe7\x01"  # secp256k1-pub
_P256_ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551
_P256_MULTICODEC = b"\x80\x24"  # p256-pub
_DID_KEY = "did:key:"

# `cryptography` is imported where it is used: most commands never sign.


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key."""

    _key: ec.EllipticCurvePrivateKey

    @classmethod
    def generate(cls) -> SigningKey:
        """Return a new random key."""
        from cryptography.hazmat.primitives.asymmetric import ec

        return cls(ec.generate_private_key(ec.SECP256K1()))

    @classmethod
    def of_hex(cls, text: str) -> SigningKey:
        """Return the key with these 32 secret bytes; raises ValueError."""
        from cryptography.hazmat.primitives.asymmetric import ec

        secret = bytes.fromhex(text)
        if len(secret) != 32:
            raise ValueError("a signing key has 32 bytes")
        return cls(ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256K1()))

    @property
    def hex(self) -> str:
        """The 32 secret bytes, in the form that a PDS's settings take."""
        return f"{self._key.private_numbers().private_value:064x}"

    @property
    def did_key(self) -> str:
        """The public key as a `did:key:z…` (section "Public Keys and did:key")."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        return _DID_KEY + libipld.encode_multibase("z", _MULTICODEC + point)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of the message (section "ECDSA Signature Malleability": low-S)."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        r, s = utils.decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + min(s, _ORDER - s).to_bytes(32, "big")


def verify(did_key: str, message: bytes, signature: bytes) -> bool:
    """Return whether it is the key's low-S signature of the message; raises ValueError for another kind of key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    key, order = _public_key(did_key)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or s > order // 2:
        return False
    try:
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def did_key_of(suite: str, multibase: str) -> str:
    """Return the did:key of a key in a DID document, in any of the forms that the AT Protocol has had.

    Raises ValueError for another kind of key.
    """
    codecs = {
        "EcdsaSecp256k1VerificationKey2019": _MULTICODEC,
        "EcdsaSecp256r1VerificationKey2019": _P256_MULTICODEC,
        "Multikey": b"",
    }
    if suite not in codecs:
        raise ValueError(f"{suite[:80]!r} is not a kind of key that the AT Protocol has")
    did_key = _DID_KEY + libipld.encode_multibase("z", codecs[suite] + libipld.decode_multibase(multibase)[1])
    _public_key(did_key)
    return did_key


def _public_key(did_key: str) -> tuple[ec.EllipticCurvePublicKey, int]:
    """Return the key and the order of its curve; raises ValueError."""
    from cryptography.hazmat.primitives.asymmetric import ec

    base, raw = libipld.decode_multibase(did_key.removeprefix(_DID_KEY))
    if did_key.startswith(_DID_KEY) and base == "z":
        if raw.startswith(_MULTICODEC):
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), raw[2:]), _ORDER
        if raw.startswith(_P256_MULTICODEC):
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw[2:]), _P256_ORDER
    raise ValueError(f"{did_key!r} is not the did:key of a secp256k1 or P-256 key")
