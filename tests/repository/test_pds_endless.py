"""Lists and blobs that do not end: each ends at a limit, with an error that names it."""

from collections.abc import Callable
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.repository.small_server import small_server

from atpub.atproto.data import Blob, cid_of
from atpub.atproto.syntax import RAW, Cid, Did, Nsid
from atpub.atproto.xrpc.client import XrpcClient
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.errors import AtpubError, EndlessPages, OversizedResponse
from atpub.importing.download import download_blobs
from atpub.importing.model import BlobDownload
from atpub.repository.pds import connect, listing
from atpub.repository.pds.listing import Lister

DID = Did("did:plc:" + "a" * 24)
NOTE = Nsid("org.example.note")


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
