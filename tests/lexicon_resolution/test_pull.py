"""`atpub lex pull`, from accounts on this machine to files and lock."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.playground import Ran, tree, write_files
from tests.lexicon_resolution.network import ALICE, BOB, Network, cid, lexicon, lock_of, record

from atpub.lexicon_tools.layout import format_json

Atpub = Callable[..., Ran]
NOTE = lexicon("org.lab.note", "org.lab.defs#part", "com.other.link")
DEFS = {"lexicon": 1, "id": "org.lab.defs", "defs": {"part": {"type": "object", "properties": {}}}}
LINK = lexicon("com.other.link", "org.lab.note")
FILES = ("lexicons/com/other/link.json", "lexicons/org/lab/defs.json", "lexicons/org/lab/note.json")


def publish(network: Network) -> None:
    network.publish(ALICE, NOTE, DEFS)
    network.publish(BOB, LINK)


def test_a_lexicon_and_what_it_refers_to(folder: Path, atpub: Atpub, network: Network) -> None:
    publish(network)
    ran = atpub("lex", "pull", "org.lab.note")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == "3 lexicons written; 0 as locked."
    assert [line.split()[:2] for line in ran.out.splitlines()[:-1]] == [["new", name] for name in FILES]
    assert {name for name in tree(folder) if name.endswith("json")} == {*FILES, "lexicons.lock.json"}
    text = (folder / "lexicons/org/lab/note.json").read_text()
    assert json.loads(text) == record(NOTE)
    assert format_json(text) == text
    assert network.asked() == [
        *("_lexicon.lab.org", "_lexicon.other.com"),
        *(f"/{ALICE}", "org.lab.note", f"/{BOB}", "com.other.link", "org.lab.defs"),
    ]
    assert atpub("lex", "lint").code == 0
    assert atpub("lex", "format", "--check").code == 0


def test_what_is_locked_is_not_asked_for_again(folder: Path, atpub: Atpub, network: Network) -> None:
    publish(network)
    assert atpub("lex", "pull", "org.lab.note").code == 0
    before = tree(folder)
    network.asked()
    for arguments in ([], ["org.lab.note"], ["--frozen"], ["--for", "lexicons"], ["--frozen", "org.lab.note"]):
        ran = atpub("lex", "pull", *arguments)
        assert (ran.code, ran.err, network.asked()) == (0, "", [])
    assert tree(folder) == before


def test_the_lock_is_that_of_lex_install(folder: Path, atpub: Atpub, network: Network) -> None:
    network.publish(ALICE, NOTE, DEFS, LINK)
    assert atpub("lex", "pull", "org.lab.note", "--lock", "lexicons.json").code == 0
    assert (folder / "lexicons.json").read_text() == lock_of(ALICE, NOTE, DEFS, LINK, roots=("org.lab.note",))
