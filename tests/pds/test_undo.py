"""Records that were deleted on the reference PDS, which deletes a blob with its last record, come back as they were."""

import secrets

import pytest
from tests.cli.lab import Lab
from tests.pds.reference import VERSIONS, Account, ReferencePds

pytestmark = pytest.mark.pds


def test_blobs_are_uploaded_again(pds_lab: Lab, reference_pds: ReferencePds, pds_account: Account) -> None:
    lab = pds_lab
    assert lab.run("apply", "--yes").code == 0
    published = reference_pds.cids(pds_account.did)
    assert len(published) == 5
    assert lab.run("undo", "--yes").code == 0  # of the first apply
    assert not reference_pds.cids(pds_account.did)
    shard = lab.folder / "data/digits-0.tar"
    shard.rename(lab.folder / "away.tar")
    refused = lab.run("undo", "--yes")
    assert (refused.code, "[blob-gone]" in refused.err) == (7, True), refused.err
    (lab.folder / "away.tar").rename(shard)
    undone = lab.run("undo", "--yes")
    assert undone.code == 0, undone.err
    assert "uploaded 2/2" in undone.err
    assert "4 restore (undo of" in lab.run("undo", "--list").out
    assert reference_pds.cids(pds_account.did) == published
    assert lab.run("verify", "--deep", "datasets/digits").code == 0
    assert "Nothing to do" in lab.run("plan").out


@pytest.mark.parametrize("reference_pds", VERSIONS[:1], indirect=True)
def test_a_change_of_each_kind_and_back(pds_lab: Lab, reference_pds: ReferencePds, pds_account: Account) -> None:
    lab = pds_lab
    assert lab.run("apply", "--yes").code == 0
    before = reference_pds.cids(pds_account.did)
    lab.change(("name: Digits", "name: Numbers"), ("  cats:", "  dogs:"), ("tags: [digits]", "tags: []"))
    applied = lab.run("apply", "--yes")
    assert "1 to create, 1 to update, 1 to delete" in applied.err
    after = reference_pds.cids(pds_account.did)
    for expected in (before, after):
        undone = lab.run("undo", "--yes")
        assert undone.code == 0, undone.err
        assert reference_pds.cids(pds_account.did) == expected


def test_entries_that_come_back_keep_their_times(
    pds_lab: Lab, reference_pds: ReferencePds, pds_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = pds_lab
    assert lab.run("apply", "--yes").code == 0
    published = reference_pds.cids(pds_account.did)
    manifest = lab.manifest
    lab.without("labels:")
    lab.write(f"{lab.manifest.partition('  cats:')[0]}")
    assert lab.run("apply", "--yes", "--prune-versions").code == 0
    assert len(reference_pds.cids(pds_account.did)) == 3
    lab.write(manifest)  # the mistake is corrected in the manifest, without an undo
    assert lab.run("apply", "--yes").code == 0
    assert reference_pds.cids(pds_account.did) == published

    other = reference_pds.create_account(f"m{secrets.token_hex(6)}.test")
    monkeypatch.setenv("ATPUB_PASSWORD", other.password)
    lab.write(manifest.replace(pds_account.did, other.did))
    assert lab.run("apply", "--yes").code == 0
    assert _times(reference_pds, other.did) == _times(reference_pds, pds_account.did)


def _times(pds: ReferencePds, did: str) -> dict[str, str]:
    """The createdAt of each record, by its place in the repository."""
    return {
        uri.removeprefix(f"at://{did}/"): record["value"]["createdAt"]
        for uri, record in pds.records(did).items()
        if "createdAt" in record["value"]
    }
