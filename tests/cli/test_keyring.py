"""Passwords in the system's keyring, and systems without one: a keyring of the library's own kind, in memory."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.core import load_keyring
from tests.cli.playground import Ran
from tests.login.keyrings import Memory
from tests.pds.reference import Account, ReferencePds

pytestmark = pytest.mark.pds

RECORDS = Path(__file__).parents[2] / "manifests" / "records"


@pytest.fixture
def use() -> Iterator[Callable[[KeyringBackend], None]]:
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.fixture
def memory(use: Callable[[KeyringBackend], None]) -> Memory:
    memory = Memory()
    use(memory)
    return memory


@pytest.fixture
def me(reference_pds: ReferencePds, pds_account: Account, state: Path) -> list[str]:
    return ["--account", pds_account.did, "--pds", reference_pds.url]


def log_in(atpub: Callable[..., Ran], me: list[str], account: Account, monkeypatch: pytest.MonkeyPatch) -> Ran:
    with monkeypatch.context() as patch:
        patch.setenv("ATPUB_PASSWORD", account.password)
        return atpub("login", "--keyring", *me)


def way(ran: Ran) -> str:
    found: str = ran.json["login"]["way"]
    return found


def test_it_keeps_the_password(
    atpub: Callable[..., Ran],
    me: list[str],
    memory: Memory,
    reference_pds: ReferencePds,
    pds_account: Account,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert atpub("whoami", "--json", *me).json["login"]["way"] == "none"
    ran = log_in(atpub, me, pds_account, monkeypatch)
    assert ran.code == 0, ran.err
    assert "the password is in the system's keyring" in ran.out
    assert memory.held == {(f"atpub {reference_pds.url}", pds_account.did): pds_account.password}
    assert way(atpub("whoami", "--json", *me)) == "session"
    (file,) = state.rglob("*.json")
    file.unlink()
    assert way(atpub("whoami", "--json", *me)) == "keyring"
    assert atpub("apply", "--yes", "-m", str(RECORDS), *me).code == 0
    assert "was removed from the keyring." in atpub("logout", *me).out
    assert memory.held == {}


def test_logout_empties_it(
    atpub: Callable[..., Ran], me: list[str], memory: Memory, pds_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(atpub, me, pds_account, monkeypatch)
    assert "was removed from the keyring." in atpub("logout", *me).out
    assert memory.held == {}
    assert way(atpub("whoami", "--json", *me)) == "none"


def test_another_server_gets_no_password(
    atpub: Callable[..., Ran], me: list[str], memory: Memory, pds_account: Account
) -> None:
    memory.held["atpub https://other.example", pds_account.did] = pds_account.password
    assert way(atpub("whoami", "--json", *me)) == "none"


def test_one_that_is_locked_is_as_if_it_held_nothing(
    atpub: Callable[..., Ran], me: list[str], memory: Memory, reference_pds: ReferencePds, pds_account: Account
) -> None:
    memory.held[f"atpub {reference_pds.url}", pds_account.did] = pds_account.password
    memory.locked = True
    assert way(atpub("whoami", "--json", *me)) == "none"


def test_a_system_without_one(
    atpub: Callable[..., Ran],
    me: list[str],
    use: Callable[[KeyringBackend], None],
    pds_account: Account,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(load_keyring("keyring.backends.fail.Keyring"))
    assert way(atpub("whoami", "--json", *me)) == "none"
    refused = log_in(atpub, me, pds_account, monkeypatch)
    assert refused.code == 64
    assert "there is no keyring on this system" in refused.err
    assert list(state.rglob("*.json")) == []
    assert atpub("logout", *me).code == 0


def test_one_that_forgets(
    atpub: Callable[..., Ran],
    me: list[str],
    use: Callable[[KeyringBackend], None],
    pds_account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(load_keyring("keyring.backends.null.Keyring"))
    refused = log_in(atpub, me, pds_account, monkeypatch)
    assert refused.code == 64
    assert "the keyring does not store the password" in refused.err


def test_without_the_library(
    atpub: Callable[..., Ran], me: list[str], pds_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "keyring"]:
        monkeypatch.setitem(sys.modules, name, None)
    assert way(atpub("whoami", "--json", *me)) == "none"
    refused = log_in(atpub, me, pds_account, monkeypatch)
    assert refused.code == 64
    assert "pip install 'atpub[keyring]'" in refused.err
    assert atpub("logout", *me).code == 0
