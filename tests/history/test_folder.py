"""The folder of the history: its limits, its names, and files that are damaged or made to harm."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from atpub.atproto.data import Encoded, JsonObject
from atpub.atproto.syntax import Did, Nsid, RecordPath, Rkey
from atpub.engine.inventory import Owned
from atpub.engine.plan.model import Action
from atpub.errors import InvalidInput, OSFailure
from atpub.history import folder
from atpub.history.folder import History, relative_file
from atpub.history.model import Heading, PastApply, PastChange
from atpub.repository.model import Record

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DID = Did("did:plc:ewvi7nxzyoun6zhxrhs64oiz")
PATH = RecordPath(Nsid("com.example.note"), Rkey("a"))
VALUE: JsonObject = {"text": "“hello”", "made": "2020-01-01T00:00:00.000Z", "raw": {"$bytes": "AAH/"}}
CID = Encoded.of(VALUE).cid


def change(action: Action = "update", path: RecordPath = PATH, **fields: str) -> PastChange:
    before = None if action == "create" else Record(path, CID, VALUE)
    owned = Owned("a", path, CID, protect=True, part=2, extra={"later": 1})
    return PastChange("records/a", action, "a", path, before, owned, None, None, is_open=True, times=fields)


def past(name: str, *changes: PastChange, account: str = "lab.example.org", did: Did = DID) -> PastApply:
    heading = Heading(name, NOW, "lab", account, did, {"update": len(changes)}, None, {"bafkrei": "data/a.tar"})
    return PastApply(heading, changes)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def write(history: History, *changes: PastChange, account: str = "lab.example.org", did: Did = DID) -> str:
    name = history.new_name(NOW)
    history.write(past(name, *changes, account=account, did=did))
    return name


def test_what_is_written_is_read(history: History) -> None:
    name = write(history, change(), change("create", RecordPath(PATH.collection, Rkey("b")), made="2021"))
    found = history.read(name)
    assert found == past(name, *found.changes)
    assert found.changes == (change(), change("create", RecordPath(PATH.collection, Rkey("b")), made="2021"))
    assert found.changes[0].owned_before is not None
    assert found.changes[0].owned_before.extra == {"later": 1}
    assert history.files() == {"bafkrei": history.base / "data/a.tar"}


def test_names_rise_even_where_the_clock_goes_back(history: History) -> None:
    names = [write(history, change()) for _ in range(3)]
    assert names == sorted(set(names))
    assert names[:2] == ["20260301-120000-000000", "20260301-120000-000001"]
    assert history.new_name(datetime(1999, 1, 1, tzinfo=UTC)) == "20260301-120000-000003"


@pytest.mark.parametrize(("limit", "value"), [("MOST_FILES", 2), ("MOST_BYTES", 1_000)])
def test_the_oldest_go_first(history: History, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(folder, limit, value)
    names = [write(history, change()) for _ in range(5)]
    assert history.names() == names[-2:]


def test_the_newest_stays_whatever_its_size(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MOST_BYTES", 1)
    names = [write(history, change()) for _ in range(2)]
    assert history.names() == names[-1:]


def test_times_are_the_latest_of_the_account_else_of_another(history: History) -> None:
    other = Did("did:web:other.example.org")
    write(history, change("create", made="2021"))
    write(history, change("delete"))
    write(history, change("create", made="2022"), account="other.example.org", did=other)
    write(history, change("create", made="2023"), account="local:a", did=other)

    def made(account: str, did: Did) -> object:
        return history.times("lab", account, did, [PATH]).get(PATH, {}).get("made")

    assert made("lab.example.org", DID) == VALUE["made"]
    assert made("other.example.org", other) == "2022"
    assert made("third.example.org", Did("did:web:third.example.org")) == "2022"
    assert made("local", Did("did:web:local.invalid")) == "2023"
    assert history.times("another project", "lab.example.org", DID, [PATH]) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not gzip",
        gzip.compress(b""),
        gzip.compress(b"[]\n"),
        gzip.compress(b"{}\n"),
        gzip.compress(b'{"atpub_history": 2}\n'),
        gzip.compress(b"x" * 10_000)[:-20],
        gzip.compress(b"\xff\n"),
    ],
    ids=range(8),
)
def test_damaged_files_are_named(history: History, content: bytes) -> None:
    name = write(history, change())
    (history.folder / f"{name}.jsonl.gz").write_bytes(content)
    with pytest.raises(InvalidInput, match=name):
        history.read(name)


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        (1, "path", "com.example.note"),
        (1, "action", "destroy"),
        (1, "before_cid", "bafy"),
        (1, "owned_before", {"id": "a"}),
        (1, "times", 3),
        (2, "text", "another"),
    ],
)
def test_no_edit_goes_unnoticed(history: History, line: int, field: str, value: object) -> None:
    name = write(history, change())
    file = history.folder / f"{name}.jsonl.gz"
    rows = [json.loads(row) for row in gzip.decompress(file.read_bytes()).splitlines()]
    rows[line][field] = value
    file.write_bytes(gzip.compress("".join(f"{json.dumps(row)}\n" for row in rows).encode()))
    with pytest.raises(InvalidInput, match=name):
        history.read(name)


def test_a_bomb_is_not_read(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "_LONGEST_LINE", 5_000)
    name = write(history, change())
    (history.folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(b" " * 10_000))
    assert history.headings() == []
    (problem,) = history.damaged()
    assert (problem.code, "too large" in problem.message) == ("bad-history", True)


def test_other_files_are_left_alone(history: History) -> None:
    write(history, change())
    for name in ("note.txt", ".atpub-0123", "x.jsonl.gz"):
        (history.folder / name).write_text("mine")
    assert len(history.names()) == 1
    assert (history.folder / ".gitignore").read_text() == "*\n"


def test_where_it_cannot_be_written(history: History) -> None:
    history.folder.parent.write_text("a file")
    assert history.names() == []
    with pytest.raises(OSFailure, match="cannot write") as caught:
        history.write(past(history.new_name(NOW), change()))
    assert "--no-history" in caught.value.hint


@pytest.mark.parametrize(
    ("file", "expected"), [("base/data/a.tar", "data/a.tar"), ("/elsewhere/a.tar", "/elsewhere/a.tar")]
)
def test_files_are_named_from_the_manifest(file: str, expected: str) -> None:
    assert relative_file(Path(file), Path("base")) == expected
