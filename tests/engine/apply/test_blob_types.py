"""The MIME types of `$blob` files: stated, sniffed, from the table of names, and as the server decides them."""

import gzip
import json
import mimetypes
from pathlib import Path

import pytest
from tests.engine.apply.publishing import LEXICONS, NOTE, everything, prepare, publish
from tests.engine.apply.wrappers import Around

from atpub.atproto.data import Blob, JsonObject, blobs_in
from atpub.atproto.syntax import Cid
from atpub.engine.apply import apply_plan
from atpub.engine.plan.serialize import read_plan, saved_document
from atpub.errors import InvalidInput, Refused
from atpub.repository.interface import BlobSource
from atpub.repository.local import LocalRepository

SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>\n'
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(30)


class Renaming(Around):
    """A repository that decides on another MIME type than it is told."""

    def upload_blob(self, source: BlobSource, mime_type: str, *, cid: Cid | None = None) -> Blob:
        blob = super().upload_blob(source, mime_type, cid=cid)
        return Blob(blob.cid, "application/x-other", blob.size)


def manifest(folder: Path, accept: list[str], **blobs: object) -> Path:
    lexicon: JsonObject = json.loads(json.dumps(LEXICONS[NOTE]))
    (folder / "lexicons").mkdir(exist_ok=True)
    text = json.dumps(lexicon).replace('{"type": "blob"}', json.dumps({"type": "blob", "accept": accept}))
    (folder / f"lexicons/{NOTE}.json").write_text(text, "utf-8")
    records = {
        key: {"collection": NOTE, "rkey": key, "value": {"text": key, "file": {"$blob": blob}}}
        for key, blob in blobs.items()
    }
    content = {"atpub": 1, "project": "ours", "lexicons": {"path": "lexicons"}, "records": records}
    file = folder / "types.yaml"
    file.write_text(json.dumps(content), "utf-8")
    return file


def types(repository: LocalRepository) -> list[str]:
    return [blob.mime_type for record in everything(repository).values() for blob in blobs_in(record.value)]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("table.csv.gz", gzip.compress(b"a,b", mtime=0), "application/gzip"),
        ("picture.svg", SVG, "application/xml"),
        ("picture.svg", b"\xef\xbb\xbf" + SVG, "application/xml"),
        ("picture.csv", WEBP, "image/webp"),
        ("table.csv.gz", b"not packed", "application/gzip"),
    ],
)
def test_a_type_that_the_lexicon_refuses_is_an_error(
    folder: Path, repository: LocalRepository, name: str, content: bytes, found: str
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        prepare(manifest(folder, ["text/csv", "image/svg+xml"], x=name), repository)
    (problem,) = caught.value.problems
    assert problem.code == "type-not-accepted"
    assert f"{name} is {found}" in problem.message
    assert "text/csv" in problem.message


def test_what_the_server_decides_is_checked_before_the_commit(folder: Path, repository: LocalRepository) -> None:
    (folder / "a.csv").write_text("a,b")
    prepared = prepare(manifest(folder, ["text/csv"], x="a.csv"), repository)
    plan, _ = read_plan(json.dumps(saved_document(prepared.plan, folder)), "plan.json")
    for each in (prepared.plan, plan):
        with pytest.raises(InvalidInput) as caught:
            apply_plan(each, Renaming(repository), prepared.sources)
        (problem,) = caught.value.problems
        assert problem.code == "type-not-accepted"
        assert "text/csv here and application/x-other on the server" in problem.message
    assert everything(repository) == {}


def test_a_live_blob_of_another_type_is_refused(folder: Path, repository: LocalRepository) -> None:
    (folder / "a.txt").write_text("a,b")
    publish(manifest(folder, ["*/*"], x="a.txt"), repository)
    (folder / "a.csv").write_text("a,b")
    (folder / "a.txt").unlink()
    prepared = prepare(manifest(folder, ["text/csv"], y="a.csv"), repository)
    assert "type-not-accepted" in [refusal.code for refusal in prepared.plan.refusals]
    with pytest.raises(Refused):
        apply_plan(prepared.plan, repository, prepared.sources)


def test_the_same_bytes_get_one_type_that_all_accept(folder: Path, repository: LocalRepository) -> None:
    for name in ("a.txt", "b.csv"):
        (folder / name).write_text("a,b")
    publish(manifest(folder, ["text/csv", "text/plain"], x="a.txt", y="b.csv"), repository)
    assert types(repository) == ["text/plain", "text/plain"]


def test_the_same_bytes_under_a_name_that_is_accepted(folder: Path, repository: LocalRepository) -> None:
    for name in ("a.txt", "b.csv"):
        (folder / name).write_text("a,b")
    publish(manifest(folder, ["text/csv"], x="a.txt", y="b.csv"), repository)
    assert types(repository) == ["text/csv", "text/csv"]


@pytest.mark.parametrize("accept", ["application/octet-stream", "*/*"])
def test_any_bytes_fit_where_only_the_name_says_more(folder: Path, repository: LocalRepository, accept: str) -> None:
    (folder / "a.parquet").write_bytes(b"nearly")
    publish(manifest(folder, [accept], x="a.parquet"), repository)
    assert types(repository) == ["application/vnd.apache.parquet" if accept == "*/*" else accept]


def test_the_manifest_states_the_type(folder: Path, repository: LocalRepository) -> None:
    (folder / "a.dat").write_text("a,b")
    publish(manifest(folder, ["text/csv"], x={"file": "a.dat", "mimeType": "text/csv"}), repository)
    assert types(repository) == ["text/csv"]


@pytest.mark.parametrize("argument", [5, {}, {"file": 5}, {"file": "a", "mimeType": "csv"}, {"file": "a", "x": 1}])
def test_another_argument_is_an_error(folder: Path, repository: LocalRepository, argument: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        prepare(manifest(folder, [], x=argument), repository)
    assert [problem.code for problem in caught.value.problems] == ["dangling-reference"]


def test_the_table_of_the_machine_does_not_matter(
    folder: Path, repository: LocalRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mimetypes, "types_map", {})
    (folder / "a.csv").write_text("a,b")
    publish(manifest(folder, ["text/csv"], x="a.csv"), repository)
    assert types(repository) == ["text/csv"]
