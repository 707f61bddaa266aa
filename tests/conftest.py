"""Fixtures that every test may use."""

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# No test fails for being slow on a busy machine. CI draws the same examples in every run.
settings.register_profile(
    "ours", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ours")

pytest_plugins = ["tests.pds.plugin"]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what is collected to itself: a million objects stay to the end, and hold no garbage to look for."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(100_000, 20, 50)  # parsing a module alone makes hundreds of the usual collections
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that are slow as a whole, so that no worker is left alone with them at the end."""
    items.sort(key=lambda item: not any(mark.name == "slow" for mark in module_marks(item)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start a process more than there are cores: a quarter of a run is waiting for servers and commands."""
    return 1 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def module_marks(item: pytest.Item) -> list[pytest.Mark]:
    module = item.getparent(pytest.Module)
    return list(module.iter_markers()) if module else []


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the passwords of other tests, which would be redacted in the output of this one."""
    monkeypatch.setattr("atpub.redact._hidden", set[str]())


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Isolate tests from the user's caches, state and settings."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
    for name in ("ATPUB_ACCOUNT", "ATPUB_PDS", "ATPUB_PASSWORD", "NO_COLOR", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ATPUB_PLC", "ATPUB_RESOLVER", "ATPUB_DNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
