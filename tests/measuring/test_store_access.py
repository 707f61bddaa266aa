"""Which variables lead to credentials, and what a newcomer reads where there are none; nothing is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from atpub.measuring.measure import measure_shard
from atpub.measuring.model import FailedShard, ShardTask
from atpub.measuring.store_access import access_hint, allows_http, signature_options

ABFSS = "abfss://lab@account.dfs.core.windows.net/d.tar"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without variables of Google and Azure, and an empty home."""
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "AZURE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("url", "name", "signs"),
    [
        ("gs://b/d", "GOOGLE_APPLICATION_CREDENTIALS", True),
        ("gcs://b/d", "GOOGLE_SERVICE_ACCOUNT", True),
        ("gs://b/d", "GOOGLE_CLOUD_PROJECT", False),
        ("gs://b/d", "AZURE_STORAGE_ACCOUNT_KEY", False),
        ("az://c/d", "AZURE_STORAGE_ACCOUNT_KEY", True),
        (ABFSS, "AZURE_STORAGE_SAS_TOKEN", True),
        ("az://c/d", "AZURE_STORAGE_ACCOUNT_NAME", False),
        ("az://c/d", "AZURE_CONFIG_DIR", False),
    ],
)
def test_what_leads_to_credentials(url: str, name: str, signs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert signature_options(url) == {"skip_signature": True}
    monkeypatch.setenv(name, "x")
    assert signature_options(url) == {"skip_signature": not signs}


def test_the_login_of_gcloud(home: Path) -> None:
    file = home / ".config/gcloud/application_default_credentials.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    assert signature_options("gs://b/d") == {"skip_signature": False}
    assert signature_options("az://c/d") == {"skip_signature": True}


@pytest.mark.parametrize(("url", "name"), [("gs://b/d", "GOOGLE_SKIP_SIGNATURE"), ("az://c/d", "AZURE_SKIP_SIGNATURE")])
def test_the_store_s_own_switch(url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "false")
    assert signature_options(url) == {}


@pytest.mark.parametrize(
    ("url", "given"),
    [("s3://b/d", "AWS_ACCESS_KEY_ID"), ("gs://b/d", "gcloud auth"), (ABFSS, "AZURE_STORAGE_SAS_TOKEN")],
)
def test_hints(url: str, given: str) -> None:
    assert given in access_hint(url, is_public=True)
    assert given not in access_hint(url, is_public=False)


def test_plain_http_only_where_the_endpoint_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", "https://store.example.org")
    assert not allows_http("az://c/d")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:10000/lab")
    assert allows_http("az://c/d")
    assert not allows_http("gs://b/d")


@pytest.mark.parametrize("url", ["az://container/d-0.tar", "az://container/d@2x.tar"])
def test_azure_without_an_account(url: str) -> None:
    found = measure_shard(ShardTask(url, None))
    assert isinstance(found, FailedShard)
    assert (found.problem.code, found.problem.message) == (
        "azure-account",
        f"the storage account of {url} is not known",
    )
    assert "set AZURE_STORAGE_ACCOUNT_NAME" in found.problem.hint
