"""Which repository is meant: what is named by a call, the environment and the manifest."""

from dataclasses import replace
from pathlib import Path

import pytest

from atpub.errors import Refused
from atpub.manifest.load import load_manifest
from atpub.manifest.model import Manifest
from atpub.syntax import Did
from atpub.where import Where, find

DID = Did("did:web:lab.example")
URL = "https://pds.example"
ENVIRON = {"ATPUB_ACCOUNT": "env.example", "ATPUB_PDS": "https://env.example"}


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    file = tmp_path / "atpub.yaml"
    file.write_text(f"atpub: 1\nproject: lab\naccount: lab.example\ndid: {DID}\npds: {URL}\n")
    return load_manifest([file], environ={})


def test_a_call_goes_before_the_environment_and_that_before_the_manifest(manifest: Manifest) -> None:
    assert find(manifest, "a.example", "https://a.example", ENVIRON) == Where("a.example", DID, "https://a.example")
    assert find(manifest, None, None, ENVIRON) == Where("env.example", DID, "https://env.example")
    assert find(manifest, None, None, {}) == Where("lab.example", DID, URL)
    assert find(None, None, None, ENVIRON) == Where("env.example", None, "https://env.example")


def test_nobody_is_meant_where_nobody_is_named(manifest: Manifest) -> None:
    assert find(None, None, URL, {"ATPUB_ACCOUNT": ""}) is None
    assert find(replace(manifest, account=None), "", None, {}) is None


def test_a_folder_is_beside_the_manifest_or_where_it_is_said(manifest: Manifest, tmp_path: Path) -> None:
    assert find(manifest, "local", URL, {}) == Where("local", DID, None, tmp_path / ".atpub/local")
    assert find(manifest, "local:a:b", None, {}) == Where("local:a:b", DID, None, Path("a:b"))
    assert find(None, "local", None, {}) == Where("local", None, None, Path(".atpub/local"))


def test_another_identity_is_refused() -> None:
    Where("lab.example").check(DID)
    Where("lab.example", DID).check(DID)
    with pytest.raises(Refused, match=r"lab\.example is did:web:other\.example, and not did:web:lab\.example"):
        Where("lab.example", DID).check(Did("did:web:other.example"))
