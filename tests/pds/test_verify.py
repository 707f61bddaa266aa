"""Verifying and pulling what is on the reference PDS: blobs, in as few requests as it takes."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.lab import MANIFEST
from tests.cli.playground import Ran, capture_runs, write_files
from tests.pds.reference import Account, ReferencePds
from tests.pulling.lines import CutLine

from atpub.atproto.syntax import Cid
from atpub.atproto.xrpc.exchange import HttpRequest
from atpub.cli.main import run
from atpub.pulling.download import Url, new_client
from atpub.repository.pds import connect
from atpub.verifying.batches import BatchReader
from atpub.verifying.model import DataLocation

pytestmark = pytest.mark.pds


@pytest.fixture
def atpub(pds_manifest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the command line on a dataset of blobs, which is published."""
    write_files(tmp_path, {"data/digits-0.tar": {"tar": 2}, "data/digits-1.tar": {"tar": 3}})
    paragraphs = pds_manifest.split("\n  cats:")
    (tmp_path / "atpub.yaml").write_text(paragraphs[0] + "\n")
    atpub = capture_runs(capsys)
    applied = atpub("apply", "--yes")
    assert applied.code == 0, applied.err
    return atpub


def dataset_uri(pds: ReferencePds, account: Account) -> str:
    params = {"repo": account.did, "collection": "science.alt.dataset.entry"}
    found: str = pds.xrpc("com.atproto.repo.listRecords", params=params)["records"][0]["uri"]
    return found


def test_blobs_are_verified(atpub: Callable[..., Ran], reference_pds: ReferencePds, pds_account: Account) -> None:
    for args in ((), ("--deep",), (f"at://{pds_account.did}",), (dataset_uri(reference_pds, pds_account), "--deep")):
        ran = atpub("verify", "--json", *args)
        assert (ran.code, ran.json["findings"], ran.json["shards"]) == (0, [], 2), ran


def test_a_deleted_record_is_noticed(
    atpub: Callable[..., Ran], reference_pds: ReferencePds, pds_account: Account
) -> None:
    uri = dataset_uri(reference_pds, pds_account)
    body = {"repo": pds_account.did, "collection": "science.alt.dataset.entry", "rkey": uri.rpartition("/")[2]}
    reference_pds.xrpc("com.atproto.repo.deleteRecord", body, token=pds_account.access_jwt)
    ran = atpub("verify", "--json")
    assert (ran.code, [item["code"] for item in ran.json["findings"]]) == (2, ["record-missing"])


def test_blobs_that_are_not_there(
    reference_pds: ReferencePds,
    pds_account: Account,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A repository that was moved to the server without its blobs."""
    monkeypatch.setenv("ATPUB_PDS", reference_pds.url)
    write_files(tmp_path, {"data/digits-0.tar": {"tar": 2}, "data/digits-1.tar": {"tar": 3}, "me.txt": "It's me."})
    text = MANIFEST.split("\n  cats:")[0].replace("account: local", f"account: local\ndid: {pds_account.did}")
    note = "records: {me: {collection: org.lab.note, rkey: me, value: {photo: {$blob: me.txt}}}}"
    lexicon = {"type": "record", "key": "any", "record": {"type": "object", "properties": {"photo": {"type": "blob"}}}}
    (tmp_path / "lexicons").mkdir()
    document = {"lexicon": 1, "id": "org.lab.note", "defs": {"main": lexicon}}
    (tmp_path / "lexicons/note.json").write_text(json.dumps(document))
    manifest = tmp_path / "atpub.yaml"
    manifest.write_text(f"{text}\nlexicons: {{path: lexicons/}}\n{note}\n")
    assert run(["apply", "-m", str(manifest), "--yes"]) == 0, capsys.readouterr().err
    assert run(["export", "-m", str(manifest), "--car", str(tmp_path / "all.car")]) == 0, capsys.readouterr().err
    content = (tmp_path / "all.car").read_bytes()
    kind = "application/vnd.ipld.car"
    reference_pds.xrpc("com.atproto.repo.importRepo", content, token=pds_account.access_jwt, content_type=kind)
    capsys.readouterr()
    assert run(["verify", f"at://{pds_account.did}", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    codes = [item["code"] for item in found["findings"] if item["severity"] == "error"]
    assert sorted(codes) == ["blob-missing", "shard-missing", "shard-missing"]
    blob = (tmp_path / "me.txt").read_bytes()
    stored = reference_pds.xrpc("com.atproto.repo.uploadBlob", blob, token=pds_account.access_jwt)["blob"]
    with closing(connect(pds_account.did, pds=reference_pds.url)) as repository:
        source = repository.blob_source(Cid(stored["ref"]["$link"]))
    place = DataLocation(Url(source), "blob", "head", 1, len(blob))
    assert BatchReader().look_at([place])[place].fault == ""
    with new_client() as client, client.send(HttpRequest("HEAD", source)) as reply:
        assert (reply.status, reply.headers["content-length"]) == (200, str(len(blob)))


def test_blobs_are_pulled(atpub: Callable[..., Ran], reference_pds: ReferencePds, pds_account: Account) -> None:
    uri = dataset_uri(reference_pds, pds_account)
    ran = atpub("pull", uri, "--out", "copy", "--json")
    assert ran.code == 0, ran.err
    files = sorted(Path("copy").iterdir())
    assert [file.read_bytes() for file in files] == [
        file.read_bytes() for file in sorted(Path("data").glob("digits-*.tar"))
    ]
    assert {item["status"] for item in json.loads(atpub("pull", uri, "--out", "copy", "--json").out)["shards"]} == {
        "present"
    }


def test_blobs_are_pulled_over_a_line_that_is_cut(
    atpub: Callable[..., Ran], reference_pds: ReferencePds, pds_account: Account
) -> None:
    """Blobs have no ranges: each starts anew."""
    uri = dataset_uri(reference_pds, pds_account)
    with closing(CutLine(reference_pds.url)) as line:
        line.cuts = [8_000, 8_000]
        ran = atpub("pull", uri, "--out", "copy", "--json", "--pds", line.url)
        assert line.cuts == []
    assert (ran.code, [item["status"] for item in ran.json["shards"]]) == (0, ["saved", "saved"]), ran.err
    assert [file.read_bytes() for file in sorted(Path("copy").iterdir())] == [
        file.read_bytes() for file in sorted(Path("data").glob("digits-*.tar"))
    ]
