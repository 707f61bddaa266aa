"""Lists and blobs that do not end: each ends at a limit, with an error that names it."""

from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.repository.small_server import Asked, small_server

from atpub.atmosphere import AtmosphereClient
from atpub.atproto.data import Blob, cid_of, encode
from atpub.atproto.repo import block, mst
from atpub.atproto.repo.car import write_car
from atpub.atproto.repo.commit import sign_commit
from atpub.atproto.repo.signing import SigningKey
from atpub.atproto.syntax import DAG_CBOR, RAW, Cid, Did, Nsid, Tid
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.errors import AtpubError, EndlessPages, OversizedResponse
from atpub.importing.download import download_blobs
from atpub.importing.model import BlobDownload
from atpub.repository.filter import RecordFilter
from atpub.repository.pds import connect, listing
from atpub.repository.pds import repository as pds_repository
from atpub.repository.pds.listing import Lister

DID = Did("did:plc:" + "a" * 24)
NOTE = Nsid("org.example.note")
REV = Tid.of(1_700_000_000_000_000)


def page(cursor: str, records: int = 1) -> tuple[int, Any]:
    value: dict[str, Any] = {"$type": NOTE, "text": cursor}
    items = [{"uri": f"at://{DID}/{NOTE}/{cursor}{at}", "cid": cid_of(value), "value": value} for at in range(records)]
    return 200, {"records": items, "cursor": cursor}


def listed(answer: Callable[[int], tuple[int, Any]]) -> AtpubError:
    numbers = count()
    with (
        small_server({"com.atproto.repo.listRecords": lambda _: answer(next(numbers))}) as server,
        new_client() as client,
        pytest.raises(AtpubError) as error,
    ):
        Lister(XrpcClient(server.url, HttpClient(client)), DID).some(NOTE)
    return error.value


@pytest.mark.parametrize("period", [1, 2, 3])
def test_a_cursor_that_comes_again_is_an_error(period: int) -> None:
    assert type(listed(lambda number: page(f"c{number % period}"))) is EndlessPages


def test_pages_without_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_PAGES", 20)
    error = listed(lambda number: page(f"c{number}"))
    assert error.code == "too-many-pages"
    assert "more than 20 pages" in error.message


def test_records_without_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_BYTES", 1000)
    assert listed(lambda number: page(f"c{number}")).code == "response-too-large"


def test_a_page_of_more_records_than_were_asked_for_is_an_error() -> None:
    assert type(listed(lambda _: page("c", 101))) is OversizedResponse


def test_a_blob_in_memory_is_bounded() -> None:
    content = bytes(2000)
    cid = Cid.of_digest(sha256(content).digest(), RAW)
    head = {"cid": str(cid), "rev": REV}
    answers = {"com.atproto.sync.getBlob": (200, content), "com.atproto.sync.getLatestCommit": (200, head)}
    with small_server(answers) as server, AtmosphereClient(server.url) as client:
        assert client.get_blob(DID, cid) == content
        with pytest.raises(OversizedResponse, match="more than 1,999 bytes"):
            client.get_blob(DID, cid, max_bytes=1999)


def test_an_export_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pds_repository, "LARGEST_EXPORT", 1999)
    stream = BytesIO()
    with (
        small_server({"com.atproto.sync.getRepo": (200, bytes(2000))}) as server,
        closing(connect(DID, pds=server.url)) as repository,
        pytest.raises(OversizedResponse, match="more than 1,999 bytes"),
    ):
        repository.export_car(stream)
    assert len(stream.getvalue()) < 2000


def test_a_new_repository_is_read_once_its_head_was_asked_for() -> None:
    """Cirrus makes it then."""
    value: dict[str, Any] = {"$type": NOTE, "text": "first"}
    key = f"{NOTE}/first".encode()
    tree = mst.update(mst.EMPTY, {key: bytes(cid_of(value))})
    commit = sign_commit(SigningKey.generate(), DID, tree.cid, REV)
    head = block.cid_of(commit)
    blocks = [(head, commit), *mst.blocks(tree), (bytes(cid_of(value)), encode(value))]
    made: list[bool] = []

    def repo(_: Asked) -> tuple[int, object]:
        return (200, b"".join(write_car(head, blocks))) if made else (404, {"error": "RepoNotFound", "message": "?"})

    def latest(_: Asked) -> tuple[int, object]:
        made.append(True)
        return 200, {"cid": str(Cid.of_digest(head[4:], DAG_CBOR)), "rev": REV}

    answers = {"com.atproto.sync.getRepo": repo, "com.atproto.sync.getLatestCommit": latest}
    with small_server(answers) as server, closing(connect(DID, pds=server.url)) as repository:
        live = repository.read(RecordFilter(frozenset((NOTE,))))
    assert [record.value for record in live.records.values()] == [value]


def test_a_blob_ends_at_the_size_that_its_record_states(tmp_path: Path) -> None:
    content = bytes(20_000_000)
    cid = Cid.of_digest(sha256(content).digest(), RAW)
    item = BlobDownload(Blob(cid, "text/plain", 30), Path("blob.bin"))
    with small_server({"com.atproto.sync.getBlob": (200, content)}) as server:
        repository = connect(DID, pds=server.url)
        with pytest.raises(OversizedResponse, match="more than the 30 bytes"):
            list(download_blobs(repository, [item], tmp_path))
        repository.close()
    assert [*tmp_path.iterdir()] == []
