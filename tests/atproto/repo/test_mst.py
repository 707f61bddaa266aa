"""The tree: against an oracle, against the AT Protocol's interoperability tests, and against nonsense."""

import random
from collections.abc import Iterable
from hashlib import sha256

import libipld
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.atproto.repo import slow_mst

from atpub.atproto.repo import mst
from atpub.atproto.repo.block import cid_of
from atpub.atproto.syntax import Cid
from atpub.errors import RepositoryError


def record_cid(number: int) -> bytes:
    return b"\x01\x71\x12\x20" + sha256(str(number).encode()).digest()


def tall_keys() -> list[bytes]:
    """Keys of every height up to seven, in equal parts: chance alone would make three in four of height 0."""
    found: dict[int, list[bytes]] = {}
    for number in range(60_000):
        key = b"com.example.note/%x" % (number * 2654435761)
        same = found.setdefault(mst.height_of(key), [])
        if len(same) < 12:
            same.append(key)
    return [key for same in found.values() for key in same]


KEYS = tall_keys()
CHANGES = st.dictionaries(st.sampled_from(KEYS), st.none() | st.integers(0, 3).map(record_cid))


def tree_of(keys: Iterable[str | bytes], value: bytes) -> mst.Node:
    names = [key.encode() if isinstance(key, str) else key for key in keys]
    return mst.update(mst.EMPTY, dict.fromkeys(names, value))


@pytest.mark.slow
@given(st.lists(CHANGES, max_size=6))
def test_the_tree_is_that_of_the_oracle_after_every_batch(batches: list[dict[bytes, bytes | None]]) -> None:
    tree, items = mst.EMPTY, dict[bytes, bytes]()
    for changes in batches:
        tree = mst.update(tree, changes)
        items |= {key: value for key, value in changes.items() if value is not None}
        items = {key: value for key, value in items.items() if changes.get(key, value) is not None}
        assert tree.cid == slow_mst.root_cid(items)
        assert list(mst.entries(tree)) == sorted(items.items())


@pytest.mark.parametrize("seed", range(4))
def test_large_batches_make_the_tree_of_the_oracle(seed: int) -> None:
    chance = random.Random(seed)
    tree, items = mst.EMPTY, dict[bytes, bytes]()
    for _ in range(10):
        changes = {key: record_cid(chance.randrange(3)) for key in chance.sample(KEYS, len(KEYS) // 3)}
        gone = dict.fromkeys(chance.sample(KEYS, chance.choice([0, len(KEYS) // 3, len(KEYS) - 2])))
        tree = mst.update(tree, changes | gone)
        items = {key: value for key, value in (items | changes).items() if key not in gone}
        assert tree.cid == slow_mst.root_cid(items)
        assert list(mst.walk(tree.cid, dict(mst.blocks(tree)).get)) == sorted(items.items())


@given(st.dictionaries(st.sampled_from(KEYS), st.integers(0, 3).map(record_cid)))
def test_a_walk_sees_every_entry_and_needs_every_node(items: dict[bytes, bytes]) -> None:
    tree = mst.update(mst.EMPTY, items)
    blocks = dict(mst.blocks(tree))
    assert list(mst.walk(tree.cid, blocks.get)) == sorted(items.items())
    for missing in blocks:
        partial = {cid: block for cid, block in blocks.items() if cid != missing}
        with pytest.raises(RepositoryError, match="incomplete"):
            list(mst.walk(tree.cid, partial.get))


def test_what_does_not_change_is_kept() -> None:
    tree = tree_of((b"com.example.note/%d" % number for number in range(2000)), record_cid(0))
    after = mst.update(tree, {b"com.example.note/1000": record_cid(1)})
    new = {cid for cid, _ in mst.blocks(after)} - {cid for cid, _ in mst.blocks(tree)}
    assert 0 < len(new) <= tree.height + 1
    assert after.children[-1] is tree.children[-1]


# Vectors: github.com/bluesky-social/atproto, packages/repo/tests/mst.test.ts and mst/key_heights.json of
# github.com/bluesky-social/atproto-interop-tests.

HEIGHTS = {
    "": 0,
    "asdf": 0,
    "blue": 1,
    "2653ae71": 0,
    "88bfafc7": 2,
    "2a92d355": 4,
    "884976f5": 6,
    "app.bsky.feed.post/454397e440ec": 4,
    "app.bsky.feed.post/9adeb165882c": 8,
}
VALUE = bytes(Cid("bafyreie5cvv4h45feadgeuwhbcutmh6t2ceseocckahdoe6uat64zmz454"))
ROOTS = {
    "": "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm",
    "3fo": "bafyreibj4lsc3aqnrvphp5xmrnfoorvru4wynt6lwidqbm2623a6tatzdu",
    "3fx": "bafyreih7wfei65pxzhauoibu3ls7jgmkju4bspy4t2ha2qdjnzqvoy33ai",
    "3fp 3fr 3fs 3ft 4fc": "bafyreicmahysq4n6wfuxo522m6dpiy7z7qzym3dzs756t5n7nfdgccwq7m",
}
STEPS = {  # keys, then keys to add (+) and delete (-), each with the root that it leads to
    "trims the top": [
        ("+3fn +3fo +3fp +3fs +3ft +3fu", "bafyreifnqrwbk6ffmyaz5qtujqrzf5qmxf7cbxvgzktl4e3gabuxbtatv4"),
        ("-3fs", "bafyreie4kjuxbwkhzg2i5dljaswcroeih4dgiqq6pazcmunwt2byd725vi"),
    ],
    "splits two layers down": [
        (
            "+3fo +3fp +3fr +3fs +3ft +3fz +4fc +4fd +4ff +4fg +4fh",
            "bafyreiettyludka6fpgp33stwxfuwhkzlur6chs4d2v4nkmq2j3ogpdjem",
        ),
        ("+3fx", "bafyreid2x5eqs4w4qxvc5jiwda4cien3gw2q6cshofxwnvv7iucrmfohpm"),
        ("-3fx", "bafyreiettyludka6fpgp33stwxfuwhkzlur6chs4d2v4nkmq2j3ogpdjem"),
    ],
    "two layers higher": [
        ("+3ft +3fz", "bafyreidfcktqnfmykz2ps3dbul35pepleq7kvv526g47xahuz3rqtptmky"),
        ("+3fx", "bafyreiavxaxdz7o7rbvr3zg2liox2yww46t7g6hkehx4i4h3lwudly7dhy"),
        ("-3fx", "bafyreidfcktqnfmykz2ps3dbul35pepleq7kvv526g47xahuz3rqtptmky"),
        ("+3fx +4fd", "bafyreig4jv3vuajbsybhyvb7gggvpwh2zszwfyttjrj6qwvcsp24h6popu"),
        ("-4fd", "bafyreiavxaxdz7o7rbvr3zg2liox2yww46t7g6hkehx4i4h3lwudly7dhy"),
    ],
}


def vector_key(short: str) -> bytes:
    return f"com.example.record/3jqfcqzm{short}2j".encode()


@pytest.mark.parametrize(("key", "height"), HEIGHTS.items())
def test_known_heights(key: str, height: int) -> None:
    assert mst.height_of(key.encode()) == height == slow_mst.height_of(key.encode())


@pytest.mark.parametrize(("keys", "root"), ROOTS.items())
def test_known_trees(keys: str, root: str) -> None:
    items = dict.fromkeys(map(vector_key, keys.split()), VALUE)
    assert Cid.of_bytes(mst.update(mst.EMPTY, items).cid) == root
    assert Cid.of_bytes(slow_mst.root_cid(items)) == root


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_known_changes(steps: list[tuple[str, str]]) -> None:
    tree = mst.EMPTY
    for changes, root in steps:
        tree = mst.update(
            tree, {vector_key(change[1:]): VALUE if change[0] == "+" else None for change in changes.split()}
        )
        assert Cid.of_bytes(tree.cid) == root


# Nonsense: trees that no repository may have.

LOW, LOWER, HIGH = b"asdf", b"2653ae71", b"blue"  # heights 0, 0 and 1


def entry(key: bytes, shared: int = 0, right: object = None, value: object = VALUE) -> dict[str, object]:
    return {"k": key[shared:], "p": shared, "t": right, "v": value}


def node(*entries: object, left: object = None) -> bytes:
    return libipld.encode_dag_cbor({"e": list(entries), "l": left})


BOTTOM = node(entry(LOW))
EMPTY_NODE = node()
NONSENSE = {
    "not CBOR": (b"\xff",),
    "not a map": (libipld.encode_dag_cbor([]),),
    "too few fields": (libipld.encode_dag_cbor({"e": []}),),
    "too many fields": (libipld.encode_dag_cbor({"e": [], "l": None, "x": 1}),),
    "entries are no list": (libipld.encode_dag_cbor({"e": 1, "l": None}),),
    "an entry is no map": (node(1),),
    "an entry has too few fields": (node({"k": LOW, "p": 0, "v": VALUE}),),
    "an entry has too many fields": (node({**entry(LOW), "x": 1}),),
    "a record is no CID": (node(entry(LOW, value=b"x")),),
    "a link is no CID": (node(entry(LOW, right=b"x")),),
    "the left is no CID": (node(entry(HIGH), left=b"x"),),
    "empty at the top": (node(left=cid_of(BOTTOM)), BOTTOM),
    "empty at the bottom": (node(entry(HIGH), left=cid_of(EMPTY_NODE)), EMPTY_NODE),
    "out of order": (node(entry(LOW), entry(LOWER)),),
    "twice the same": (node(entry(LOW), entry(LOW, shared=4)),),
    "out of order across nodes": (node(entry(HIGH, right=cid_of(BOTTOM))), BOTTOM),
    "another height beside it": (node(entry(LOW), entry(HIGH)),),
    "another height below it": (node(entry(HIGH), left=cid_of(node(entry(b"88bfafc7")))), node(entry(b"88bfafc7"))),
    "below the bottom": (node(entry(LOW, right=cid_of(BOTTOM))), BOTTOM),
    "a prefix of nothing": (node({**entry(LOW), "p": 3}),),
    "a negative prefix": (node({**entry(LOW), "p": -1}),),
    "a prefix not taken": (node(entry(b"com/c"), entry(b"com/d", shared=2)),),
}


@pytest.mark.parametrize("blocks", NONSENSE.values(), ids=NONSENSE)
def test_an_ill_formed_tree_is_refused(blocks: tuple[bytes, ...]) -> None:
    held = {cid_of(block): block for block in blocks}
    with pytest.raises(RepositoryError, match=r"malformed|not DAG-CBOR"):
        list(mst.walk(cid_of(blocks[0]), held.get))


def test_the_pieces_of_nonsense_make_sense_apart() -> None:
    sound = node(entry(HIGH), left=cid_of(BOTTOM))
    held = {cid_of(block): block for block in (sound, BOTTOM)}
    assert [key for key, _ in mst.walk(cid_of(sound), held.get)] == [LOW, HIGH]
    assert not list(mst.walk(cid_of(EMPTY_NODE), {cid_of(EMPTY_NODE): EMPTY_NODE}.get))
