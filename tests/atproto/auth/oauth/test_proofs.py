"""Proofs: their claims and their signatures, as another library verifies them, and the nonces of servers."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from atpub.atproto.auth.oauth.proofs import DpopKey, DpopSigner, Pkce, load_key, proof_payload, random_token
from atpub.redact import redact

URL = "https://pds.example/xrpc/com.atproto.repo.applyWrites"


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(proof: str) -> tuple[Any, Any]:
    """The header and the claims of a proof, whose signature fits the key in its header."""
    head, payload, signature = proof.split(".")
    header = json.loads(decoded(head))
    x, y = (int.from_bytes(decoded(header["jwk"][name]), "big") for name in "xy")
    raw = decoded(signature)
    assert len(raw) == 64
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public.verify(pair, f"{head}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
    return header, json.loads(decoded(payload))


def test_pkce_is_as_in_its_specification() -> None:
    assert (
        Pkce("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )
    tokens = {random_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {43}


def test_a_proof_is_for_one_request() -> None:
    key = DpopKey.new()
    header, claims = verified(DpopSigner(key).headers("POST", f"{URL}?a=b#c")["DPoP"])
    assert (header["typ"], header["alg"]) == ("dpop+jwt", "ES256")
    assert header["jwk"].keys() == {"kty", "crv", "x", "y"}, "and not the private key"
    assert (claims["htm"], claims["htu"]) == ("POST", URL)
    assert claims.keys() == {"jti", "htm", "htu", "iat"}
    again = verified(DpopSigner(key).headers("POST", URL)["DPoP"])[1]
    assert again["jti"] != claims["jti"]


def test_a_proof_names_its_token_and_the_server_s_nonce() -> None:
    key = DpopKey.new()
    signer = DpopSigner(key, "token")
    assert not signer.learn(URL, 200, {"dpop-nonce": "one"}, b"")
    headers = signer.headers("GET", URL)
    assert headers["Authorization"] == "DPoP token"
    claims = verified(headers["DPoP"])[1]
    assert decoded(claims["ath"]) == sha256(b"token").digest()
    assert claims["nonce"] == "one"
    elsewhere = verified(signer.headers("GET", "https://auth.example/oauth/token")["DPoP"])[1]
    assert "nonce" not in elsewhere, "each server has its own"


def test_a_changed_proof_is_none() -> None:
    proof = DpopSigner(DpopKey.new()).headers("GET", URL)["DPoP"]
    head, _, signature = proof.split(".")
    payload = base64.urlsafe_b64encode(b'{"htm":"POST"}').rstrip(b"=").decode()
    with pytest.raises(InvalidSignature):
        verified(f"{head}.{payload}.{signature}")


BODY = b'{"error": "use_dpop_nonce"}'
CHALLENGE = 'DPoP error="use_dpop_nonce", error_description="..."'


@pytest.mark.parametrize(
    ("status", "headers", "body", "again"),
    [
        (400, {"dpop-nonce": "n"}, BODY, True),
        (401, {"dpop-nonce": "n"}, BODY, True),
        (401, {"dpop-nonce": "n", "www-authenticate": CHALLENGE}, b"", True),
        (401, {"dpop-nonce": "n", "www-authenticate": 'DPoP error="invalid_token"'}, b"", False),
        (401, {"dpop-nonce": "n"}, b'{"error": "invalid_token"}', False),
        (401, {}, BODY, False),
        (401, {"dpop-nonce": 'a "quoted" one'}, BODY, False),
        (401, {"dpop-nonce": "n" * 2000}, BODY, False),
        (200, {"dpop-nonce": "n"}, BODY, False),
        (500, {"dpop-nonce": "n"}, BODY, False),
        (400, {"dpop-nonce": "n"}, b"\xff", False),
        (400, {"dpop-nonce": "n"}, b"[" * 10_000, False),
    ],
)
def test_only_a_lack_of_the_nonce_is_tried_again(
    status: int, headers: dict[str, str], body: bytes, again: bool
) -> None:
    assert DpopSigner(DpopKey.new()).learn(URL, status, headers, body) is again


def test_a_key_is_stored_as_text() -> None:
    key = DpopKey.new()
    loaded = load_key(key.pem)
    assert loaded.jwk == key.jwk
    assert loaded is load_key(key.pem), "so that nonces are remembered"
    with pytest.raises(ValueError, match=r"P-256"):
        load_key(pem_of(ec.generate_private_key(ec.SECP384R1())))
    with pytest.raises(ValueError, match=r"."):
        load_key("no key")


def pem_of(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def test_no_representation_holds_a_secret() -> None:
    key, token = DpopKey.new(), random_token()
    shown = f"{Pkce(token)!r} {DpopSigner(key, token)!r} {key!r}"
    assert token not in shown
    assert "PRIVATE" not in shown
    assert token not in redact(f"a server repeats {token}")


def test_the_clock_can_be_given() -> None:
    assert proof_payload("GET", URL, None, None, clock=1.5)["iat"] == 1
