"""Pulls from servers, names and locks that lie: a clear error, an end, and no file written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.atproto.identity.dns_server import Said
from tests.cli.playground import Ran, tree, write_files
from tests.lexicon_resolution.network import (
    ALICE,
    BOB,
    GET,
    KEYS,
    Network,
    cid,
    document,
    lexicon,
    lock_of,
    proof,
    record,
)

from atpub.atproto.data import JsonObject, encode
from atpub.atproto.repo.block import cid_of as block_cid
from atpub.atproto.repo.car import read_car, write_car
from atpub.lexicon_resolution import closure
from atpub.manifest.lexicon_lock import COLLECTION

Atpub = Callable[..., Ran]
NOTE = lexicon("org.lab.note")
NAME = "_lexicon.lab.org"
FOUND = proof(ALICE, {"org.lab.note": record(NOTE)}, "org.lab.note")
ANSWERS = read_car(FOUND)
MANY = {f"org.lab.other{index}": record(lexicon(f"org.lab.other{index}")) for index in range(200)}


def without(cid: bytes) -> bytes:
    """The proof, but for one block."""
    return b"".join(write_car(ANSWERS.roots[0], [item for item in ANSWERS.blocks.items() if item[0] != cid]))


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ([f"did={ALICE}", f"did={BOB}"], f"name several DIDs: {BOB}, {ALICE}"),
        (["did=did:nonsense"], "names no DID"),
        (["did=did:web:../../etc"], "names no DID"),
        (["did=did:key:zQ3sh"], "is not a did:plc or did:web of the AT Protocol"),
        ([f"did={ALICE}{'x' * 200}"], "is not a did:plc or did:web of the AT Protocol"),
        (["x" * 250] * 200, "names no DID"),
        ([f"did=did:web:host{index}.example" for index in range(100)], "name several DIDs"),
        ([], "DNS has no TXT record"),
    ],
)
def test_names(folder: Path, atpub: Atpub, network: Network, says: Said, error: str) -> None:
    network.names[NAME] = says
    ran = atpub("lex", "pull", "org.lab.note")
    assert (ran.code, error in ran.err, len(ran.err) < 4000) == (1, True, True), ran.err
    assert tree(folder) == {}


WRONG: dict[str, tuple[object, str]] = {
    "a page": (b"<!doctype html><title>Welcome</title>", "CAR file"),
    "nothing": (b"", "CAR file"),
    "huge": (bytes(5 * 1024 * 1024), "4,194,304 bytes"),
    "cut off": (FOUND[:-10], "CAR file"),
    "another's": (proof(BOB, {"org.lab.note": record(NOTE)}, "org.lab.note"), f"the repository of {BOB}, not of"),
    "signed by another": (
        proof(ALICE, {"org.lab.note": record(NOTE)}, "org.lab.note", KEYS[BOB]),
        "the commit is not signed with the key of",
    ),
    "another lexicon": (
        proof(ALICE, {"org.lab.note": record(lexicon("org.lab.other"))}, "org.lab.note"),
        "is not the lexicon org.lab.note: it says 'org.lab.other'",
    ),
    "another collection": (
        proof(ALICE, {"org.lab.note": {**NOTE, "$type": "org.lab.note"}}, "org.lab.note"),
        "is not the lexicon org.lab.note: it says 'org.lab.note'",
    ),
    "no record": (
        without(block_cid(encode(record(NOTE)))),
        "the record com.atproto.lexicon.schema/org.lab.note is missing",
    ),
    "no commit": (without(ANSWERS.roots[0]), "does not hold the commit"),
    "no tree": (
        without(next(cid for cid in ANSWERS.blocks if cid not in (*ANSWERS.roots, block_cid(encode(record(NOTE)))))),
        "a node of the repository's tree is missing",
    ),
    "absent": (proof(ALICE, MANY, "org.lab.note"), f"{ALICE} has not published org.lab.note"),
    "changed bytes": (FOUND.replace(b"org.lab.note", b"org.lab.nota"), "does not match its CID"),
}


@pytest.mark.parametrize("case", WRONG)
def test_proofs(folder: Path, atpub: Atpub, network: Network, case: str) -> None:
    network.publish(ALICE, NOTE)
    answer, error = WRONG[case]
    network.server.answers[GET] = (200, answer)
    ran = atpub("lex", "pull", "org.lab.note")
    assert (ran.code, error in ran.err, "org.lab.note" in ran.err) == (1, True, True), ran.err
    assert tree(folder) == {}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"verificationMethod": []}, "has no signing key"),
        ({"verificationMethod": "none"}, "has no signing key"),
        ({"verificationMethod": [{"id": "#atproto", "type": "Multikey", "publicKeyMultibase": "zz"}]}, "no usable"),
        ({"verificationMethod": [{"id": "#atproto", "type": "Rsa", "publicKeyMultibase": "z6Mk"}]}, "no usable"),
        ({"service": []}, "has no server"),
        ({"id": BOB}, "is not the document of"),
    ],
)
def test_identities(folder: Path, atpub: Atpub, network: Network, changes: JsonObject, error: str) -> None:
    network.publish(ALICE, NOTE)
    network.server.answers[f"/{ALICE}"] = (200, {**document(ALICE, network.server.url), **changes})
    ran = atpub("lex", "pull", "org.lab.note")
    assert (ran.code, error in ran.err) == (1, True), ran.err
    assert tree(folder) == {}


def test_an_invalid_lexicon(folder: Path, atpub: Atpub, network: Network) -> None:
    network.publish(ALICE, {**NOTE, "defs": {"main": {"type": "record"}}})
    ran = atpub("lex", "pull", "org.lab.note")
    assert (ran.code, f"at://{ALICE}/{COLLECTION}/org.lab.note: error:" in ran.err) == (3, True), ran.err
    assert tree(folder) == {}


def test_lexicons_without_end(folder: Path, atpub: Atpub, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closure, "MOST_STEPS", 5)
    network.publish(ALICE, *(lexicon(f"org.lab.n{index}", f"org.lab.n{index + 1}") for index in range(9)))
    ran = atpub("lex", "pull", "org.lab.n0")
    assert (ran.code, "more than 5 references lead to it" in ran.err) == (1, True), ran.err
    monkeypatch.setattr(closure, "MOST_LEXICONS", 3)
    ran = atpub("lex", "pull", "org.lab.n0")
    assert (ran.code, "more than 3 lexicons" in ran.err) == (1, True), ran.err
    monkeypatch.setattr(closure, "MOST_SECONDS", -1.0)
    ran = atpub("lex", "pull", "org.lab.n0")
    assert (ran.code, "[too-slow]" in ran.err) == (1, True), ran.err
    assert tree(folder) == {}


ENTRY = {"uri": f"at://{ALICE}/{COLLECTION}/org.lab.note", "cid": cid(NOTE)}
LOCKS: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "[json-syntax]"),
    "a list": ("[]", "expected an object"),
    "no version": ("{}", "the lock has the version None, not 1"),
    "a later version": ({"version": 2}, "this atpub reads version 1"),
    "true": ({"version": True, "lexicons": [], "resolutions": {}}, "the lock has the version True"),
    "no lists": ({"version": 1, "lexicons": {}, "resolutions": []}, "expected a list of NSIDs"),
    "a path": ({"version": 1, "lexicons": ["../../x"], "resolutions": {}}, "'../../x' is not an NSID"),
    "a path as key": (
        {"version": 1, "lexicons": [], "resolutions": {"../../x": ENTRY}},
        "'../../x' is not an NSID",
    ),
    "another record": (
        {"version": 1, "lexicons": [], "resolutions": {"org.lab.other": ENTRY}},
        "expected an object with uri and cid of that lexicon",
    ),
    "no CID": (
        {"version": 1, "lexicons": [], "resolutions": {"org.lab.note": {**ENTRY, "cid": "x"}}},
        "expected an object with uri and cid of that lexicon",
    ),
    "a file without its source": (
        {"version": 1, "lexicons": [], "resolutions": {}, "files": {"org.lab.note": {"cid": cid(NOTE)}}},
        "expected an object with from and cid of that lexicon",
    ),
    "twice": (
        {
            "version": 1,
            "lexicons": [],
            "resolutions": {"org.lab.note": ENTRY},
            "files": {"org.lab.note": {"from": "x", "cid": cid(NOTE)}},
        },
        "org.lab.note is in resolutions, too",
    ),
}


@pytest.mark.parametrize("case", LOCKS)
def test_locks(folder: Path, atpub: Atpub, network: Network, case: str) -> None:
    content, error = LOCKS[case]
    write_files(folder, {"lexicons.lock.json": content if isinstance(content, str) else json.dumps(content)})
    before = tree(folder)
    for arguments in ([], ["--frozen"], ["org.lab.note"]):
        ran = atpub("lex", "pull", *arguments)
        assert (ran.code, error in ran.err, "lexicons.lock.json:1:" in ran.err) == (3, True, True), ran.err
    assert (tree(folder), network.asked()) == (before, [])


def test_nothing_is_written_outside_of_the_folder(folder: Path, atpub: Atpub, network: Network) -> None:
    network.publish(ALICE, NOTE)
    write_files(folder, {"elsewhere/a.txt": "", "lexicons/a.txt": ""})
    (folder / "lexicons/org").symlink_to(folder / "elsewhere")
    before = tree(folder)
    for options in ([], ["--force"]):
        ran = atpub("lex", "pull", "org.lab.note", *options)
        assert (ran.code, "outside the folder" in ran.err) == (1, True), ran.err
    assert tree(folder) == before
    assert atpub("lex", "pull", "org.lab.note", "--lock", "lexicons/lock.json").code == 64


@pytest.mark.parametrize("made", ["file", "folder", "link", "file above"])
def test_what_is_in_the_way(folder: Path, atpub: Atpub, network: Network, made: str) -> None:
    network.publish(ALICE, lexicon("org.lab.a"), NOTE)
    write_files(folder, {"lexicons/org/lab/a.txt": ""})
    file = folder / "lexicons/org/lab/note.json"
    match made:
        case "file":
            file.write_text("not a lexicon")
        case "folder":
            file.mkdir()
        case "file above":
            shutil.rmtree(file.parent)
            file.parent.write_text("")
        case _:
            file.symlink_to("a.txt")
    before = tree(folder)
    ran = atpub("lex", "pull", "org.lab.a", "org.lab.note")
    assert (ran.code, "[in-the-way]" in ran.err) == (1, True), ran.err
    assert tree(folder) == before


def test_a_record_that_was_changed_after_it_was_locked(folder: Path, atpub: Atpub, network: Network) -> None:
    write_files(folder, {"lexicons.lock.json": lock_of(ALICE, NOTE, roots=("org.lab.note",))})
    newer = lexicon("org.lab.note", description="newer")
    network.publish(ALICE, newer)
    before = tree(folder)
    ran = atpub("lex", "pull")
    assert (ran.code, "[lexicon-changed]" in ran.err, cid(NOTE) in ran.err, cid(newer) in ran.err) == (3, *[True] * 3)
    assert tree(folder) == before
    assert atpub("lex", "pull", "--update").code == 0
    assert (folder / "lexicons.lock.json").read_text() == lock_of(ALICE, newer, roots=("org.lab.note",))
