"""Keys and signatures, with the vectors of github.com/bluesky-social/atproto, interop-test-files/crypto."""

from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atpub.atproto.repo.signing import SigningKey, did_key_of, verify

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

PUBLIC_KEYS = [  # the secret bytes, and the multibase of the public key
    (
        "9085d2bef69286a6cbb51623c8fa258629945cd55ca705cc4e66700396894e0c",
        "zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
    ),
    (
        "f0f4df55a2b3ff13051ea814a8f24ad00f2e469af73c363ac7e9fb999a9072ed",
        "zQ3shtxV1FrJfhqE1dvxYRcCknWNjHc3c5X1y3ZSoPDi2aur2",
    ),
    (
        "6b0b91287ae3348f8c2f2552d766f30e3604867e34adc37ccbb74a8e6b893e02",
        "zQ3shZc2QzApp2oymGvQbzP8eKheVshBHbU4ZYjeXqwSKEn6N",
    ),
    (
        "c0a6a7c560d37d7ba81ecee9543721ff48fea3e0fb827d42c1868226540fac15",
        "zQ3shadCps5JLAHcZiuX5YUtWHHL8ysBJqFLWvjZDKAWUBGzy",
    ),
    (
        "175a232d440be1e0788f25488a73d9416c04b6f924bea6354bf05dd2f1a75133",
        "zQ3shptjE6JwdkeKN4fcpnYQY3m9Cet3NiHdAfpvSUZBFoKBj",
    ),
]
MESSAGE = b64decode("oWVoZWxsb2V3b3JsZA==")
SIGNER = "did:key:zQ3shqwJEJyMBsBXCWyCBpUBMqxcon9oHB7mCvx4sSpMdLJwc"
LOW_S = b64decode("5WpdIuEUUfVUYaozsi8G0B3cWO09cgZbIIwg1t2YKdUn/FEznOndsz/qgiYb89zwxYCbB71f7yQK5Lr7NasfoA==")
HIGH_S = b64decode("5WpdIuEUUfVUYaozsi8G0B3cWO09cgZbIIwg1t2YKdXYA67MYxYiTMAVfdnkDCMN9S5B3vHosRe07aORmoshoQ==")
P256 = "did:key:zDnaembgSGUhZULN2Caob4HLJPaxBh92N7rtH21TErzqf8HQo"
P256_LOW_S = b64decode("2vZNsG3UKvvO/CDlrdvyZRISOFylinBh0Jupc6KcWoJWExHptCfduPleDbG3rko3YZnn9Lw0IjpixVmexJDegg==")
P256_HIGH_S = b64decode("2vZNsG3UKvvO/CDlrdvyZRISOFylinBh0Jupc6KcWoKp7O4WS9giSAah8klIUbXIW00SuOrjfEqQ9HEkN9JGzw==")

ED25519 = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"

KEY = SigningKey.generate()


@pytest.mark.parametrize(("secret", "public"), PUBLIC_KEYS)
def test_known_keys(secret: str, public: str) -> None:
    key = SigningKey.of_hex(secret)
    assert key.did_key == f"did:key:{public}"
    assert key.hex == secret


def test_known_signatures() -> None:
    assert verify(SIGNER, MESSAGE, LOW_S)
    assert not verify(SIGNER, MESSAGE, HIGH_S)
    assert not verify(SIGNER, MESSAGE + b"!", LOW_S)


def test_known_signatures_of_the_other_curve() -> None:
    assert verify(P256, MESSAGE, P256_LOW_S)
    assert not verify(P256, MESSAGE, P256_HIGH_S)
    assert not verify(P256, MESSAGE, LOW_S)


@pytest.mark.parametrize(
    ("suite", "multibase", "did_key"),
    [
        ("Multikey", SIGNER.removeprefix("did:key:"), SIGNER),
        ("Multikey", P256.removeprefix("did:key:"), P256),
        ("EcdsaSecp256r1VerificationKey2019", "zxdM8dSstjrpZaRUwBmDvjGXweKuEMVN95A9oJBFjkWMh", P256),
        ("EcdsaSecp256k1VerificationKey2019", "z25z9DTpsiYYJKGsWmSPJK2NFN8PcJtZig12K59UgW7q5t", SIGNER),
    ],
)
def test_the_keys_of_did_documents(suite: str, multibase: str, did_key: str) -> None:
    assert did_key_of(suite, multibase) == did_key


@given(st.binary(max_size=100))
@settings(max_examples=50)
def test_every_signature_is_low_and_verifies(message: bytes) -> None:
    signature = KEY.sign(message)
    r, s = signature[:32], int.from_bytes(signature[32:], "big")
    assert len(signature) == 64
    assert 0 < s <= ORDER // 2
    assert verify(KEY.did_key, message, signature)
    assert not verify(KEY.did_key, message, r + (ORDER - s).to_bytes(32, "big"))
    assert not verify(KEY.did_key, message + b"\0", signature)


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(63), LOW_S + b"\0", LOW_S[:63], b"\xff" * 64])
def test_what_is_no_signature_does_not_verify(signature: bytes) -> None:
    assert not verify(SIGNER, MESSAGE, signature)


def test_a_key_comes_back_from_its_digits() -> None:
    assert SigningKey.of_hex(KEY.hex).did_key == KEY.did_key
    assert SigningKey.generate().did_key != KEY.did_key


@pytest.mark.parametrize("digits", ["", "00", "zz" * 32, "00" * 32, "ff" * 32])
def test_what_is_no_key_is_refused(digits: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SigningKey.of_hex(digits)


@pytest.mark.parametrize("did_key", [ED25519, SIGNER.removeprefix("did:key:"), "did:web:lab.example", f"{SIGNER}1", ""])
def test_what_is_no_public_key_is_refused(did_key: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        verify(did_key, MESSAGE, LOW_S)
