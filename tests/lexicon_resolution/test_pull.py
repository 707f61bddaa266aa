"""`atpub lex pull`, from accounts on this machine to files and lock."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.playground import Ran, tree, write_files
from tests.lexicon_resolution.network import ALICE, BOB, Network, cid, document, lexicon, lock_of, record

from atpub.atomic_files import write_text
from atpub.atproto.data import Json, JsonObject
from atpub.lexicon_tools.layout import format_json

Atpub = Callable[..., Ran]
NOTE = lexicon("org.lab.note", "org.lab.defs#part", "com.other.link")
DEFS: JsonObject = {"lexicon": 1, "id": "org.lab.defs", "defs": {"part": {"type": "object", "properties": {}}}}
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


def test_the_files_of_lex_install(folder: Path, atpub: Atpub, network: Network) -> None:
    """Another layout, and `lexicons.json`, which is the lock if there is no other."""
    files = {
        f"lexicons/{name}.json": json.dumps(record(item)) for name, item in (("a", NOTE), ("b", DEFS), ("c", LINK))
    }
    lock = lock_of(ALICE, NOTE, DEFS, LINK, roots=("org.lab.note",))
    write_files(folder, {**files, "lexicons.json": lock})
    before = tree(folder)
    assert atpub("lex", "pull", "--frozen").out == "3 lexicons, all as locked.\n"
    assert atpub("lex", "pull", "org.lab.note").code == 0
    assert (tree(folder), network.asked()) == (before, [])


def test_frozen_names_each_difference(folder: Path, atpub: Atpub, network: Network) -> None:
    publish(network)
    assert atpub("lex", "pull", "org.lab.note").code == 0
    (folder / FILES[0]).unlink()
    write_files(folder, {FILES[1]: json.dumps({**DEFS, "description": "new"}), FILES[2]: "{"})
    before = tree(folder)
    ran = atpub("lex", "pull", "--frozen", "com.other.more")
    assert (ran.code, tree(folder)) == (1, before)
    assert ran.err.splitlines()[:-1] == [
        "error: lexicons is not as lexicons.lock.json says: [stale]",
        f"  com.other.link: there is no file {FILES[0]}",
        f"  org.lab.defs: {FILES[1]} has the CID {cid({**DEFS, 'description': 'new'})}, and the lock {cid(DEFS)}",
        f"  org.lab.note: there is no file {FILES[2]}",
        "  com.other.more: the lock does not have it",
    ]
    assert atpub("lex", "pull", "--frozen", "--update").code == 64


def test_frozen_misses_what_is_referred_to(folder: Path, atpub: Atpub, network: Network) -> None:
    write_files(folder, {FILES[2]: json.dumps(NOTE), FILES[1]: json.dumps(DEFS)})
    write_files(folder, {"lexicons.lock.json": lock_of(ALICE, NOTE, roots=("org.lab.note",))})
    ran = atpub("lex", "pull", "--frozen")
    assert (ran.code, "com.other.link: the lock does not have it, and org.lab.note refers to it" in ran.err) == (
        1,
        True,
    )
    assert "org.lab.defs" not in ran.err, "it is a file of the user's own"
    assert network.asked() == []


def test_files_that_were_changed_are_kept(folder: Path, atpub: Atpub, network: Network) -> None:
    publish(network)
    assert atpub("lex", "pull", "org.lab.note").code == 0
    edited = json.dumps({**DEFS, "description": "mine"})
    write_files(folder, {FILES[1]: edited})
    network.publish(ALICE, {**DEFS, "description": "theirs"})
    for options in ([], ["--update"]):
        ran = atpub("lex", "pull", *options)
        assert (ran.code, "[in-the-way]" in ran.err) == (1, True), ran.err
        assert (folder / FILES[1]).read_text() == edited
    assert atpub("lex", "pull", "--update", "--force").code == 0
    assert json.loads((folder / FILES[1]).read_text())["description"] == "theirs"


def test_update_asks_again_for_those_named(folder: Path, atpub: Atpub, network: Network) -> None:
    publish(network)
    network.publish(BOB, lexicon("com.other.page"))
    assert atpub("lex", "pull", "org.lab.defs", "com.other.page").code == 0
    network.publish(ALICE, {**DEFS, "description": "new"})
    network.publish(BOB, lexicon("com.other.page", description="new"))
    network.asked()
    assert atpub("lex", "pull", "com.other.page", "--update").out.split()[:2] == [
        "changed",
        "lexicons/com/other/page.json",
    ]
    assert "org.lab.defs" not in network.asked()
    assert atpub("lex", "pull", "--update").out.split()[:2] == ["changed", FILES[1]]
    assert "com.other.page" in network.asked()


def test_what_is_no_longer_referred_to(folder: Path, atpub: Atpub, network: Network) -> None:
    publish(network)
    assert atpub("lex", "pull", "org.lab.note").code == 0
    network.publish(ALICE, lexicon("org.lab.note", "org.lab.defs#part"))
    ran = atpub("lex", "pull", "--update")
    assert f"{FILES[0]}: no longer needed" in ran.out
    assert (folder / FILES[0]).exists()
    assert "com.other.link" not in (folder / "lexicons.lock.json").read_text()


def test_what_others_refer_to(folder: Path, atpub: Atpub, network: Network) -> None:
    """Of what is not at hand: a file of the user's own and a lexicon that atpub brings are."""
    publish(network)
    mine = lexicon("my.own.thing", "my.own.part", "com.other.link", "com.atproto.repo.strongRef")
    write_files(folder, {"own/thing.json": json.dumps(mine), "own/part.json": json.dumps(lexicon("my.own.part"))})
    assert atpub("lex", "pull", "--for", "own").code == 0
    assert {name for name in tree(folder / "lexicons") if name.endswith("json")} == {
        name.removeprefix("lexicons/") for name in FILES
    }
    assert json.loads((folder / "lexicons.lock.json").read_text())["lexicons"] == ["com.other.link"]
    assert atpub("lex", "pull", "--for", "own", "--frozen").code == 0
    write_files(folder, {"own/thing.json": json.dumps(lexicon("my.own.thing", "org.lab.new"))})
    ran = atpub("lex", "pull", "--for", "own", "--frozen")
    assert (ran.code, "org.lab.new: the lock does not have it" in ran.err) == (1, True)
    write_files(folder, {"record.json": json.dumps({"$type": "my.own.thing"})})
    assert "com.other.link" not in atpub("check", "record.json", "--lexicons", "lexicons").err


def test_the_users_own_lexicons_stay(folder: Path, atpub: Atpub, network: Network) -> None:
    publish(network)
    own = json.dumps({**LINK, "description": "mine"})
    write_files(folder, {"lexicons/mine.json": own})
    assert atpub("lex", "pull", "org.lab.note").code == 0
    assert (folder / "lexicons/mine.json").read_text() == own
    assert not (folder / FILES[0]).exists()
    ran = atpub("lex", "pull", "com.other.link")
    assert (ran.code, "lexicons/mine.json is another lexicon com.other.link" in ran.err) == (1, True)


def test_the_style_of_others_is_not_linted(folder: Path, atpub: Atpub, network: Network) -> None:
    publish(network)
    assert atpub("lex", "pull", "org.lab.note").code == 0
    write_files(folder, {"lexicons/mine.json": json.dumps(lexicon("my.own.thing", "org.lab.note", "org.lab.none"))})
    ran = atpub("lex", "lint", "--json")
    assert ran.json["files"] == 1
    assert {problem["file"] for problem in ran.json["problems"]} == {"lexicons/mine.json"}
    assert [item["code"] for item in ran.json["problems"] if item["severity"] == "error"] == ["missing-ref"]
    assert atpub("lex", "lint", "lexicons", "--json").json["files"] == 4


def test_an_interrupted_pull_is_continued(
    folder: Path, atpub: Atpub, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(network)
    with monkeypatch.context() as patched:
        patched.setattr("atpub.lexicon_resolution.run.write_text", stop_after(write_text, 2))
        assert atpub("lex", "pull", "org.lab.note").code != 0
    written = [name for name in tree(folder) if name.endswith("json")]
    assert written == ["lexicons.lock.json", FILES[0]] or written == [FILES[0], "lexicons.lock.json"]
    assert atpub("lex", "pull", "--frozen").code == 1
    assert atpub("lex", "pull").out.splitlines()[-1] == "2 lexicons written; 1 as locked."
    assert atpub("lex", "pull", "--frozen").code == 0


def stop_after(write: Callable[..., None], count: int) -> Callable[..., None]:
    calls = count

    def stopping(*arguments: object) -> None:
        nonlocal calls
        if not calls:
            raise OSError(28, "No space left on device")
        calls -= 1
        write(*arguments)

    return stopping


def test_what_is_only_mentioned_may_be_missing(folder: Path, atpub: Atpub, network: Network) -> None:
    values: list[Json] = ["org.lab.defs#token", "org.nowhere.defs#token", "plain", "#local"]
    field: JsonObject = {"type": "string", "knownValues": values}
    defs: JsonObject = {"main": {"type": "object", "properties": {"a": {"type": "array", "items": field}}}}
    network.publish(ALICE, {"lexicon": 1, "id": "org.lab.note", "defs": defs}, DEFS)
    ran = atpub("lex", "pull", "org.lab.note")
    assert (ran.code, "[lexicon-not-published]" in ran.err) == (0, True), ran.err
    assert sorted(json.loads((folder / "lexicons.lock.json").read_text())["resolutions"]) == [
        "org.lab.defs",
        "org.lab.note",
    ]
    network.asked()
    assert (atpub("lex", "pull").err, network.asked()) == ("", [])


def test_from_an_account_or_a_server(folder: Path, atpub: Atpub, network: Network) -> None:
    publish(network)
    network.names["_lexicon.lab.org"] = []
    ran = atpub("lex", "pull", "org.lab.note", "--from", f"at://{ALICE}")
    assert (ran.code, "_lexicon.lab.org" in network.asked()) == (0, False), ran.err
    lock = json.loads((folder / "lexicons.lock.json").read_text())
    assert lock["resolutions"]["com.other.link"]["uri"].startswith(f"at://{BOB}/")
    network.publish(BOB, lexicon("com.other.page"))
    network.server.answers[f"/{BOB}"] = (200, document(BOB, "http://localhost:9"))
    ran = atpub("lex", "pull", "com.other.page", "--from", network.server.url)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("kind", ["folder", "revision"])
def test_from_files(folder: Path, atpub: Atpub, network: Network, kind: str) -> None:
    write_files(folder, {"other/x.json": json.dumps(NOTE), "other/y.json": json.dumps(DEFS), "other/z.json": "[]"})
    write_files(folder, {"other/link.json": json.dumps(LINK), "other/notes.txt": "…"})
    source = "other"
    if kind == "revision":
        settings = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        for arguments in (["init", "-q"], ["add", "other"], [*settings, "commit", "-qm", "lexicons"]):
            subprocess.run(["git", *arguments], check=True, capture_output=True)
        (folder / "other/x.json").unlink()
        source = "HEAD:other"
    ran = atpub("lex", "pull", "org.lab.note", "--from", source)
    assert (ran.code, ran.err) == (0, "")
    lock = json.loads((folder / "lexicons.lock.json").read_text())
    assert (lock["lexicons"], lock["resolutions"]) == ([], {})
    assert lock["files"]["org.lab.note"] == {"from": source, "cid": cid(NOTE)}
    assert atpub("lex", "pull", "--frozen").code == 0
    (folder / FILES[0]).unlink()
    assert atpub("lex", "pull").out.splitlines()[0] == f"new      {FILES[0]}  {source}"
    ran = atpub("lex", "pull", "org.lab.none", "--from", source)
    assert (ran.code, f"there is no lexicon org.lab.none in {source}" in ran.err) == (1, True)
    assert network.asked() == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["note"],
        ["org.lab.note", "--from", "nowhere"],
        ["org.lab.note", "--from", "HEAD:nowhere"],
        ["org.lab.note", "--from", "--output=x:y"],
        ["org.lab.note", "--from", "at://nonsense"],
        ["org.lab.note", "--from", f"at://{ALICE}/org.lab.note"],
        ["org.lab.note", "--from", "https://a.example/path"],
        ["--frozen", "--force"],
    ],
)
def test_wrong_usage(folder: Path, atpub: Atpub, network: Network, arguments: list[str]) -> None:
    ran = atpub("lex", "pull", *arguments)
    assert (ran.code, tree(folder), network.asked()) == (64, {}, []), ran.err
