"""Fixtures that every test may use."""

import os

import pytest
from hypothesis import HealthCheck, settings

# Nothing fails for taking long on a busy machine; in CI a run tries what the last one did.
settings.register_profile(
    "ours", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ours")

pytest_plugins = ["tests.pds.plugin"]


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the passwords of other tests: what they hid would be hidden in the texts of this one."""
    monkeypatch.setattr("atpub.atproto.xrpc.redact._hidden", set[str]())


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what is remembered between runs out of the user's own folders, and the user's settings out of tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
    for name in ("ATPUB_ACCOUNT", "ATPUB_PDS", "ATPUB_PASSWORD", "NO_COLOR", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ATPUB_PLC", "ATPUB_RESOLVER", "ATPUB_DNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
