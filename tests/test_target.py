"""Which repository is meant: what is named by a call, the environment and the manifest."""

from dataclasses import replace
from pathlib import Path

import pytest

from atpub.atproto.syntax import Did
from atpub.errors import Refused, Usage
from atpub.manifest.load import load_manifest
from atpub.manifest.model import Manifest
from atpub.target import Target

DID = Did("did:web:lab.example")
URL = "https://pds.example"
ENVIRON = {"ATPUB_ACCOUNT": "env.example", "ATPUB_PDS": "https://env.example"}


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    file = tmp_path / "atpub.yaml"
    file.write_text(f"atpub: 1\nproject: lab\naccount: lab.example\ndid: {DID}\npds: {URL}\n")
    return load_manifest([file], environ={})


def test_a_call_goes_before_the_environment_and_that_before_the_manifest(manifest: Manifest) -> None:
    assert Target.resolve(manifest, "a.example", "https://a.example", ENVIRON) == Target(
        "a.example", DID, "https://a.example"
    )
    assert Target.resolve(manifest, None, None, ENVIRON) == Target("env.example", DID, "https://env.example")
    assert Target.resolve(manifest, None, None, {}) == Target("lab.example", DID, URL, is_pds_suggested=True)
    assert Target.resolve(None, None, None, ENVIRON) == Target("env.example", None, "https://env.example")


def test_no_target_without_an_account(manifest: Manifest) -> None:
    assert Target.resolve(None, None, URL, {"ATPUB_ACCOUNT": ""}) is None
    assert Target.resolve(replace(manifest, account=None), "", None, {}) is None


def test_a_folder_is_beside_the_manifest_or_where_it_is_said(manifest: Manifest, tmp_path: Path) -> None:
    assert Target.resolve(manifest, "local", None, ENVIRON) == Target("local", DID, None, tmp_path / ".atpub/local")
    assert Target.resolve(manifest, "local:a:b", None, {}) == Target("local:a:b", DID, None, Path("a:b"))
    assert Target.resolve(None, "local", None, {}) == Target("local", None, None, Path(".atpub/local"))


def test_a_folder_has_no_pds(manifest: Manifest) -> None:
    with pytest.raises(Usage, match="local is a repository in a folder, which has no PDS"):
        Target.resolve(manifest, "local", URL, {})
    with pytest.raises(Usage, match="a is a repository in a folder"):
        Target.of_authority("did:web:local.invalid", URL, Path("a"))


def test_a_server_of_the_environment_is_named_by_its_variable() -> None:
    environ = {"ATPUB_PDS": "nowhere"}
    with pytest.raises(Usage, match="ATPUB_PDS: 'nowhere' is not the address of a server"):
        Target.resolve(None, "lab.example", None, environ)
    with pytest.raises(Usage, match="ATPUB_PDS: 'nowhere'"):
        Target.of_authority("lab.example", environ=environ)
    assert Target.resolve(None, "lab.example", URL, environ) == Target("lab.example", None, URL)
    assert Target.resolve(None, "local", None, environ) is not None


def test_another_identity_is_refused() -> None:
    Target("lab.example").check(DID)
    Target("lab.example", DID).check(DID)
    with pytest.raises(Refused, match=r"lab\.example is did:web:other\.example, and not did:web:lab\.example"):
        Target("lab.example", DID).check(Did("did:web:other.example"))


@pytest.mark.parametrize("account", ["@lab.example", "lab.example"])
def test_a_handle_may_begin_with_an_at_sign(account: str, manifest: Manifest) -> None:
    assert Target.parse(account) == Target("lab.example")
    assert Target.resolve(None, None, None, {"ATPUB_ACCOUNT": account}) == Target("lab.example")
    assert Target.resolve(replace(manifest, account=account, pds=None), None, None, {}) == Target("lab.example", DID)


def test_only_the_manifest_s_server_is_suggested(manifest: Manifest) -> None:
    named = [Target.resolve(manifest, None, pds, environ) for pds, environ in ((URL, {}), (None, ENVIRON))]
    assert not any(target.is_pds_suggested for target in named if target)


def test_a_local_did_is_in_the_folder_unless_the_call_names_a_server() -> None:
    local, folder = "did:web:local.invalid", Path(".atpub/local")
    assert Target.of_authority(local) == Target(f"local:{folder}", Did(local), folder=folder)
    assert Target.of_authority(local, environ=ENVIRON).folder == folder
    assert Target.of_authority(local, URL, environ=ENVIRON) == Target(local, pds=URL)
    assert Target.of_authority(local, folder=Path("a"), environ=ENVIRON).folder == Path("a")
    assert Target.of_authority(DID, environ=ENVIRON) == Target(DID, pds="https://env.example")
    assert Target.of_authority(DID, URL, environ=ENVIRON) == Target(DID, pds=URL)
