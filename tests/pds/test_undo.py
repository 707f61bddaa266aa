"""Undoing a delete on the reference PDS, which deletes a blob with its last record."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.playground import Ran, capture_runs, write_files
from tests.pds.reference import Account, ReferencePds

pytestmark = pytest.mark.pds


@pytest.fixture
def atpub(pds_manifest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the command line on the small project."""
    write_files(tmp_path, {"data/digits-0.tar": {"tar": 2}, "data/digits-1.tar": {"tar": 3}})
    (tmp_path / "atpub.yaml").write_text(pds_manifest)
    return capture_runs(capsys)


def records(pds: ReferencePds, account: Account) -> dict[str, str]:
    """The CID of each record by its URI, those of the inventory included."""
    names = ("schema", "entry", "label")
    found = [
        pds.xrpc("com.atproto.repo.listRecords", params={"repo": account.did, "collection": name})["records"]
        for name in (*(f"science.alt.dataset.{name}" for name in names), "dev.atpub.inventory")
    ]
    return {record["uri"]: record["cid"] for listed in found for record in listed}


def test_blobs_are_uploaded_again(
    atpub: Callable[..., Ran], reference_pds: ReferencePds, pds_account: Account, tmp_path: Path
) -> None:
    assert atpub("apply", "--yes").code == 0
    published = records(reference_pds, pds_account)
    assert len(published) == 5
    assert atpub("undo", "--yes").code == 0  # of the first apply
    assert not records(reference_pds, pds_account)
    shard = tmp_path / "data/digits-0.tar"
    shard.rename(tmp_path / "away.tar")
    refused = atpub("undo", "--yes")
    assert (refused.code, "[blob-gone]" in refused.err) == (7, True), refused.err
    (tmp_path / "away.tar").rename(shard)
    undone = atpub("undo", "--yes")
    assert undone.code == 0, undone.err
    assert "uploaded 2/2" in undone.err
    assert records(reference_pds, pds_account) == published
    assert atpub("verify", "--deep", "datasets/digits").code == 0
    assert "Nothing to do" in atpub("plan").out
