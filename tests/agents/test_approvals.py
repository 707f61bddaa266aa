"""Approvals: good for one plan, one account, one apply, and a time."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from atpub.agents.approvals import LONGEST, Approval, ApprovalStore, name_repository, parse_digest
from atpub.atproto.data import Json
from atpub.atproto.syntax import Did
from atpub.errors import NotApproved, Usage

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FILES = ("/lab/atpub.yaml",)
DID = "did:web:lab.example"
DIGEST = "ab" * 32
APPROVAL = Approval(FILES, DID, DIGEST, NOW + timedelta(hours=1))


@pytest.fixture
def store(tmp_path: Path) -> ApprovalStore:
    return ApprovalStore(tmp_path / "state" / "approvals")


def only_file(tmp_path: Path) -> Path:
    (file,) = (tmp_path / "state" / "approvals").iterdir()
    return file


def test_an_approval_is_taken_once(store: ApprovalStore) -> None:
    store.save(APPROVAL)
    assert store.find(FILES, DIGEST, NOW) == APPROVAL
    store.take(FILES, DID, DIGEST, NOW)
    with pytest.raises(NotApproved, match="no person has approved"):
        store.take(FILES, DID, DIGEST, NOW)


def test_of_many_that_take_it_one_gets_it(store: ApprovalStore) -> None:
    store.save(APPROVAL)

    def take(_: int) -> bool:
        try:
            store.take(FILES, DID, DIGEST, NOW)
        except NotApproved:
            return False
        return True

    with ThreadPoolExecutor(8) as workers:
        assert sum(workers.map(take, range(64))) == 1


@pytest.mark.parametrize(
    ("files", "repository", "digest"),
    [
        (("/other/atpub.yaml",), DID, DIGEST),
        ((*FILES, "/lab/more.yaml"), DID, DIGEST),
        ((), DID, DIGEST),
        (FILES, "did:web:other.example", DIGEST),
        (FILES, name_repository(Did(DID), Path("folder")), DIGEST),
        (FILES, DID, "cd" * 32),
        (FILES, DID, DIGEST[:-1]),
        (FILES, DID, ""),
    ],
)
def test_it_is_for_these_files_this_account_and_this_digest(
    store: ApprovalStore, files: tuple[str, ...], repository: str, digest: str
) -> None:
    store.save(APPROVAL)
    with pytest.raises(NotApproved):
        store.take(files, repository, digest, NOW)
    store.take(FILES, DID, DIGEST, NOW)


@pytest.mark.parametrize(
    "now", [NOW + timedelta(hours=1), NOW + timedelta(days=9), NOW + timedelta(hours=1) - LONGEST * 2]
)
def test_its_time_is_over(store: ApprovalStore, now: datetime) -> None:
    """Also where the clock was set back by more than an approval may be good for."""
    store.save(APPROVAL)
    with pytest.raises(NotApproved, match="expired"):
        store.take(FILES, DID, DIGEST, now)
    with pytest.raises(NotApproved):
        store.take(FILES, DID, DIGEST, NOW)


def test_a_new_approval_replaces_an_older_one(store: ApprovalStore) -> None:
    store.save(APPROVAL)
    later = replace(APPROVAL, expires=NOW + timedelta(hours=2))
    store.save(later)
    assert store.find(FILES, DIGEST, NOW) == later


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_others_can_neither_read_nor_write_it(store: ApprovalStore, tmp_path: Path) -> None:
    store.save(APPROVAL)
    file = only_file(tmp_path)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    for mode in (0o620, 0o604, 0o666):
        file.chmod(mode)
        with pytest.raises(NotApproved, match="others may have written"):
            store.take(FILES, DID, DIGEST, NOW)


def test_a_link_is_no_approval(store: ApprovalStore, tmp_path: Path) -> None:
    store.save(APPROVAL)
    file = only_file(tmp_path)
    file.rename(tmp_path / "elsewhere.json")
    file.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(NotApproved):
        store.take(FILES, DID, DIGEST, NOW)


DOCUMENT = APPROVAL.to_json()


@pytest.mark.parametrize(
    "document",
    [
        {**DOCUMENT, "digest": "cd" * 32},
        {**DOCUMENT, "manifest": "/lab/atpub.yaml"},
        {**DOCUMENT, "manifest": ["/other/atpub.yaml"]},
        {**DOCUMENT, "format_version": "2.0"},
        {**DOCUMENT, "expires": "always"},
        {**DOCUMENT, "expires": None},
        {**DOCUMENT, "repository": None},
        [DOCUMENT],
        None,
        {},
    ],
)
def test_a_damaged_approval_is_none(store: ApprovalStore, tmp_path: Path, document: Json) -> None:
    store.save(APPROVAL)
    only_file(tmp_path).write_text(json.dumps(document))
    with pytest.raises(NotApproved):
        store.take(FILES, DID, DIGEST, NOW)


@pytest.mark.parametrize("content", [b"", b"\xff", b"{" * 70_000, b"[" * 60_000])
def test_a_file_of_other_bytes_is_none(store: ApprovalStore, tmp_path: Path, content: bytes) -> None:
    store.save(APPROVAL)
    only_file(tmp_path).write_bytes(content)
    with pytest.raises(NotApproved):
        store.find(FILES, DIGEST, NOW)


@pytest.mark.parametrize(("project", "is_outside"), [("lab", True), ("state", False), (".", False), ("link", False)])
def test_approvals_are_not_within_the_project(
    store: ApprovalStore, tmp_path: Path, project: str, is_outside: bool
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "state")
    if is_outside:
        store.require_outside(tmp_path / project)
        return
    with pytest.raises(Usage, match="within the project"):
        store.require_outside(tmp_path / project)


def test_digests() -> None:
    assert parse_digest(f" SHA256:{DIGEST.upper()}\n") == DIGEST
    for text in ("", DIGEST[1:], f"{DIGEST}0", "g" * 64, "é" * 64, f"../{DIGEST}"):
        with pytest.raises(Usage):
            parse_digest(text)
