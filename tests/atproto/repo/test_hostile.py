"""Hostile CAR files take less than ten seconds and 500 MB; a tree that goes round in circles ends."""

import re
import subprocess
import sys
from pathlib import Path

import libipld
import pytest
from tests.atproto.repo.hostile import CASES

from atpub.atproto.repo import mst
from atpub.atproto.repo.block import cid_of
from atpub.errors import OversizedResponse, RepositoryError

ROOT = Path(__file__).parents[3]
OVERSIZED = OversizedResponse.code
DAMAGED = RepositoryError.code
SAID = {
    "short_blocks": DAMAGED,
    "endless": OVERSIZED,
    "endless_block": OVERSIZED,
    "large_header": OVERSIZED,
    "nested_commit": DAMAGED,
    "wide_commit": DAMAGED,
    "deep_tree": DAMAGED,
    "branching_tree": DAMAGED,
    "long_keys": "20000 records",
    "many_long_keys": OVERSIZED,
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_hostile_file_takes_little(case: str) -> None:
    command = [sys.executable, "-m", "tests.atproto.repo.hostile", case]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    found = re.fullmatch(r"(.*); ([0-9.]+) ([0-9]+)\n", result.stdout)
    assert found
    assert found[1] == SAID[case]
    assert float(found[2]) < 10
    assert int(found[3]) < 500


def test_a_tree_in_a_circle_ends() -> None:
    """No hash allows one, but `walk` does not check hashes."""
    cid = cid_of(b"")
    circle = libipld.encode_dag_cbor({"e": [], "l": cid})
    key = next(key for key in (b"a/%d" % number for number in range(999)) if mst.height_of(key) == 2)
    top = libipld.encode_dag_cbor({"e": [{"k": key, "p": 0, "t": cid, "v": cid}], "l": None})
    with pytest.raises(RepositoryError, match="at the bottom"):
        mst.walk(cid_of(top), {cid_of(top): top, cid: circle}.get)
    assert [*mst.keys_of_changes(cid_of(top), {cid_of(top): top, cid: circle})] == [key]


def test_the_records_of_a_tree_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mst, "MOST_ENTRIES", 2)
    tree = mst.update(mst.EMPTY, {b"a/%d" % number: cid_of(b"") for number in range(3)})
    with pytest.raises(OversizedResponse, match="more than 2 records"):
        mst.walk(tree.cid, dict(mst.blocks(tree)).get)


def test_the_bytes_of_keys_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = mst.update(mst.EMPTY, {b"a/%d" % number: cid_of(b"") for number in range(3)})
    blocks = {**dict(mst.blocks(tree)), cid_of(b""): b""}
    monkeypatch.setattr(mst, "MOST_KEY_BYTES", 9)
    assert len(mst.walk(tree.cid, blocks.get)) == 3
    monkeypatch.setattr(mst, "MOST_KEY_BYTES", 8)
    with pytest.raises(OversizedResponse, match="more than 8 bytes"):
        mst.walk(tree.cid, blocks.get)
    with pytest.raises(OversizedResponse, match="more than 8 bytes"):
        list(mst.keys_of_changes(tree.cid, blocks))
