"""CAR files: what is written is read back, and nothing that is damaged, cut short or forged gets through."""

import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from itertools import chain
from pathlib import Path

import libipld
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.repository.samples import OTHER, at, note

from atpub.atproto.data import JsonObject, cid_of, encode
from atpub.atproto.repo import block, mst
from atpub.atproto.repo.car import Snapshot, read_car, read_car_file, snapshot_of, write_car
from atpub.atproto.repo.commit import parse_commit, sign_commit
from atpub.atproto.repo.signing import SigningKey
from atpub.atproto.syntax import RAW, Did, RecordPath, Tid
from atpub.errors import OversizedResponse, RepositoryError

DID = Did("did:plc:ewvi7nxzyoun6zhxrhs64oiz")
REV = Tid.of(1_700_000_000_000_000)
KEY = SigningKey.generate()
VALUES: dict[RecordPath, JsonObject] = {
    **{at(f"n{number}"): note(f"note {number}") for number in range(20)},
    at("one", OTHER): {"$type": OTHER, "text": "other"},
}


def parts(values: Mapping[RecordPath, JsonObject]) -> tuple[bytes, dict[bytes, bytes]]:
    """The root and the blocks of a repository."""
    stored = {str(path).encode(): encode(value) for path, value in values.items()}
    tree = mst.update(mst.EMPTY, {key: block.cid_of(content) for key, content in stored.items()})
    commit = sign_commit(KEY, DID, tree.cid, REV)
    root = block.cid_of(commit)
    records = ((block.cid_of(content), content) for content in stored.values())
    return root, dict(chain([(root, commit)], mst.blocks(tree), records))


def pack(root: bytes, blocks: Mapping[bytes, bytes]) -> bytes:
    return b"".join(write_car(root, blocks.items()))


def snapshot(content: bytes) -> Snapshot:
    return snapshot_of(read_car(content), DID)


ROOT, BLOCKS = parts(VALUES)
WHOLE = pack(ROOT, BLOCKS)


def test_the_records_come_back() -> None:
    found = snapshot(WHOLE)
    assert (found.did, found.root, found.rev) == (DID, ROOT, REV)
    assert found.entries == {str(path).encode(): bytes(cid_of(value)) for path, value in VALUES.items()}
    assert all(found.blocks[bytes(cid_of(value))] == encode(value) for value in VALUES.values())


def test_a_file_is_read_in_pieces() -> None:
    assert read_car_file(BytesIO(WHOLE)) == read_car(WHOLE)
    with pytest.raises(RepositoryError, match="in the middle"):
        read_car_file(BytesIO(WHOLE[:-1]))


def test_no_more_of_a_file_is_read_than_it_takes_to_refuse_it(tmp_path: Path) -> None:
    file = tmp_path / "huge.car"
    file.write_bytes(WHOLE)
    with file.open("r+b") as stream:
        stream.truncate(1 << 40)  # sparse
    with file.open("rb") as stream, pytest.raises(RepositoryError):
        read_car_file(stream)
    blocks = WHOLE[1 + WHOLE[0] :]
    with pytest.raises(OversizedResponse, match="more than 2,000,000 bytes"):
        read_car_file(BytesIO(WHOLE + blocks * (3_000_000 // len(blocks))), largest=2_000_000)


def test_an_empty_repository_comes_back() -> None:
    assert not snapshot(pack(*parts({}))).entries


def test_another_reader_sees_the_same_blocks() -> None:
    header, blocks = libipld.decode_car(WHOLE)
    assert header == {"version": 1, "roots": [ROOT]}
    assert blocks == {cid: libipld.decode_dag_cbor(content) for cid, content in BLOCKS.items()}


def test_equal_records_share_a_block() -> None:
    twice = {at("one"): note(), at("two"): note()}
    root, blocks = parts(twice)
    content = pack(root, {**blocks})
    assert content == b"".join(write_car(root, [*blocks.items(), *blocks.items()]))
    assert {*snapshot(content).entries} == {str(path).encode() for path in twice}


def test_the_commit_is_signed() -> None:
    commit = parse_commit(BLOCKS[ROOT])
    assert commit.signed_by(KEY.did_key)
    assert not commit.signed_by(SigningKey.generate().did_key)
    assert libipld.decode_dag_cbor(BLOCKS[ROOT])["prev"] is None


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_no_changed_byte_gets_through(position: int, difference: int) -> None:
    changed = bytearray(WHOLE)
    changed[position] ^= difference
    with pytest.raises(RepositoryError):
        snapshot(bytes(changed))


@given(st.integers(0, len(WHOLE) - 1))
def test_no_shortened_file_gets_through(length: int) -> None:
    with pytest.raises(RepositoryError):
        snapshot(WHOLE[:length])


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(RepositoryError):
        snapshot(noise)


@pytest.mark.parametrize("missing", BLOCKS, ids=range(len(BLOCKS)))
def test_every_block_is_needed(missing: bytes) -> None:
    with pytest.raises(RepositoryError):
        snapshot(pack(ROOT, {cid: content for cid, content in BLOCKS.items() if cid != missing}))


def test_further_blocks_do_no_harm() -> None:
    stray = b"a blob, perhaps"
    raw = bytes((1, RAW, 0x12, 0x20)) + sha256(stray).digest()
    assert snapshot(pack(ROOT, {raw: stray, **BLOCKS})) == snapshot(WHOLE)


def test_another_account_s_repository_is_refused() -> None:
    with pytest.raises(RepositoryError, match=r"did:plc:ewvi7nxzyoun6zhxrhs64oiz, not of did:web:lab\.example"):
        snapshot_of(read_car(WHOLE), Did("did:web:lab.example"))


def test_a_block_that_is_not_its_cid_is_refused() -> None:
    blocks = {**BLOCKS, ROOT: BLOCKS[ROOT] + b"\0"}
    with pytest.raises(RepositoryError, match="does not match its CID"):
        read_car(pack(ROOT, blocks))


COMMIT = libipld.decode_dag_cbor(BLOCKS[ROOT])


@pytest.mark.parametrize(
    "changed",
    [{"version": 2}, {"version": 4}, {"did": "x"}, {"data": b"x"}, {"rev": "now"}, {"sig": "x"}, {"prev": 1}],
    ids=str,
)
def test_an_ill_formed_commit_is_refused(changed: dict[str, object]) -> None:
    commit = libipld.encode_dag_cbor({**COMMIT, **changed})
    with pytest.raises(RepositoryError, match=r"version|fields"):
        snapshot(pack(block.cid_of(commit), {block.cid_of(commit): commit, **BLOCKS}))


@pytest.mark.parametrize("missing", COMMIT)
def test_a_commit_without_a_field_is_refused(missing: str) -> None:
    commit = libipld.encode_dag_cbor({name: value for name, value in COMMIT.items() if name != missing})
    with pytest.raises(RepositoryError, match="fields"):
        snapshot(pack(block.cid_of(commit), {block.cid_of(commit): commit, **BLOCKS}))


@pytest.mark.parametrize("roots", [[], [ROOT, ROOT], [b"x"], ["x"], None], ids=["none", "two", "bytes", "text", "null"])
def test_a_file_without_one_root_is_refused(roots: object) -> None:
    header = libipld.encode_dag_cbor({"version": 1, "roots": roots})
    start = 1 + WHOLE[0]  # the header of a whole file is shorter than 128 bytes, so its length is one
    with pytest.raises(RepositoryError):
        snapshot(bytes((len(header),)) + header + WHOLE[start:])


def test_it_loads_the_protocol_alone() -> None:
    """No manifest, inventory or dataset, nor a repository's interface: in a new process, as here all are loaded."""
    code = "import sys, atpub.atproto.repo.car; print(*(name for name in sys.modules if name.startswith('atpub.')))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = ran.stdout.split()
    assert "atpub.atproto.repo.car" in loaded
    others = {name for name in loaded if not name.startswith("atpub.atproto")}
    assert others == {"atpub.errors", "atpub.problems", "atpub.redact"}
