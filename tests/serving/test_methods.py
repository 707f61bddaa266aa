"""Each method: what it answers, page by page, and what it refuses."""

import shutil
import sqlite3
from contextlib import closing
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.repository.samples import NOTE, at, note, swap
from tests.serving.running import Served, fill

from atpub.atproto.repo.car import read_car, snapshot_of
from atpub.atproto.repo.commit import parse_commit
from atpub.atproto.repo.mst import keys_of_changes
from atpub.atproto.syntax import Cid, Tid
from atpub.repository.local import LocalRepository
from atpub.repository.model import Create, Delete
from atpub.serving.methods import METHODS

REPO, SYNC = "com.atproto.repo", "com.atproto.sync"


def pages(served: Served, **params: object) -> list[list[str]]:
    """The record keys of each page of a list."""
    found: list[list[str]] = []
    cursor: dict[str, object] = {}
    while True:
        page = served.get(f"{REPO}.listRecords", repo=served.did, **params, **cursor).json()
        found.append([record["uri"].rpartition("/")[2] for record in page["records"]])
        if "cursor" not in page:
            return found
        cursor = {"cursor": page["cursor"]}


@pytest.mark.parametrize("reverse", ["false", "true"])
@pytest.mark.parametrize("limit", [1, 7, 50, 100])
def test_records_come_in_pages_each_once_and_in_order(served: Served, limit: int, reverse: str) -> None:
    found = pages(served, collection=NOTE, limit=limit, reverse=reverse)
    keys = [key for page in found for key in page]
    assert keys == sorted(["blobs", *(f"n{number:04d}" for number in range(120))], reverse=reverse == "false")
    assert {len(page) for page in found[:-1]} <= {limit}


def test_a_page_has_50_records_by_default_and_its_collection_alone(served: Served) -> None:
    assert len(served.get(f"{REPO}.listRecords", repo=served.did, collection=NOTE).json()["records"]) == 50
    assert pages(served, collection="com.example.note2") == [["x"]]
    assert pages(served, collection="com.example.not") == [[]]
    assert pages(served, collection=NOTE, cursor="\U0010ffff", reverse="true") == [[]]


def test_a_record_by_its_key_and_by_its_cid(served: Served) -> None:
    where = {"repo": "local.invalid", "collection": NOTE, "rkey": "n0003"}
    found = served.get(f"{REPO}.getRecord", **where).json()
    assert found["uri"] == f"at://{served.did}/{NOTE}/n0003"
    assert found["value"] == note("№ 3")
    assert served.get(f"{REPO}.getRecord", **where, cid=found["cid"]).json() == found
    other = served.get(f"{REPO}.getRecord", **where, cid=Cid.of_block(b"another"))
    assert (other.status_code, other.json()["error"]) == (400, "RecordNotFound")


def test_describe_repo_and_identity(served: Served) -> None:
    found = served.get(f"{REPO}.describeRepo", repo=served.did).json()
    assert (found["did"], found["handle"], found["handleIsCorrect"]) == (served.did, "local.invalid", True)
    assert found["collections"] == [NOTE, "com.example.note2"]
    assert found["didDoc"] == served.http.get("/.well-known/did.json").json()
    assert found["didDoc"]["service"][0]["serviceEndpoint"] == served.url
    assert served.get("com.atproto.identity.resolveDid", did=served.did).json()["didDoc"] == found["didDoc"]
    assert served.get("com.atproto.identity.resolveHandle", handle="LOCAL.invalid").json() == {"did": served.did}
    assert served.http.get("/.well-known/atproto-did").text == served.did
    assert served.get("com.atproto.server.describeServer").json()["availableUserDomains"] == []
    assert served.get("_health").json() == {"version": "atpub"}


def test_the_newest_commit_everywhere(served: Served) -> None:
    head = served.get(f"{SYNC}.getLatestCommit", did=served.did).json()
    assert served.get(f"{SYNC}.getRepoStatus", did=served.did).json() == {
        "did": served.did,
        "active": True,
        "rev": head["rev"],
    }
    repository = {"did": served.did, "head": head["cid"], "rev": head["rev"], "active": True}
    assert served.get(f"{SYNC}.listRepos").json() == {"repos": [repository]}
    assert served.get(f"{SYNC}.listRepos", cursor="x").json() == {"repos": []}
    assert read_car(served.get(f"{SYNC}.getRepo", did=served.did).content).roots == (bytes(Cid(head["cid"])),)


def test_the_repository_is_whole_and_signed(served: Served) -> None:
    car = served.get(f"{SYNC}.getRepo", did=served.did, since=Tid.of(1))
    assert car.headers["content-type"] == "application/vnd.ipld.car"
    snapshot = snapshot_of(read_car(car.content), served.did)
    assert len(snapshot.entries) == 122
    assert is_signed(served)


def is_signed(served: Served) -> bool:
    """Whether the newest commit is signed with the key in the DID document."""
    car = read_car(served.get(f"{SYNC}.getRepo", did=served.did).content)
    (key,) = served.http.get("/.well-known/did.json").json()["verificationMethod"]
    return parse_commit(car.blocks[car.roots[0]]).signed_by(f"did:key:{key['publicKeyMultibase']}")


@pytest.mark.parametrize("rkey", ["n0000", "n0077", "n0119", "blobs"])
def test_a_proof_holds_the_record_and_the_way_to_it_alone(served: Served, rkey: str) -> None:
    car = read_car(served.get(f"{SYNC}.getRecord", did=served.did, collection=NOTE, rkey=rkey).content)
    data = parse_commit(car.blocks[car.roots[0]]).data
    assert list(keys_of_changes(data, car.blocks)) == [f"{NOTE}/{rkey}".encode()]
    assert len(car.blocks) < 10


def test_a_proof_of_absence(served: Served) -> None:
    car = read_car(served.get(f"{SYNC}.getRecord", did=served.did, collection=NOTE, rkey="n00005").content)
    assert list(keys_of_changes(parse_commit(car.blocks[car.roots[0]]).data, car.blocks)) == []
    assert len(car.blocks) > 1


def test_blocks_by_their_cids(served: Served) -> None:
    whole = read_car(served.get(f"{SYNC}.getRepo", did=served.did).content)
    some = sorted(whole.blocks)[::9]
    query = "&".join(f"cids={Cid.of_bytes(cid)}" for cid in some)
    found = read_car(served.http.get(f"/xrpc/{SYNC}.getBlocks?did={served.did}&{query}").content)
    assert found.blocks == {cid: whole.blocks[cid] for cid in some}
    missing = served.get(f"{SYNC}.getBlocks", did=served.did, cids=Cid.of_block(b"x"))
    assert (missing.status_code, missing.json()["error"]) == (400, "BlockNotFound")


def test_blobs_in_pages(served: Served) -> None:
    used = sorted(blob.cid for blob in served.blobs[:3])
    assert served.get(f"{SYNC}.listBlobs", did=served.did).json() == {"cids": used}
    first = served.get(f"{SYNC}.listBlobs", did=served.did, limit=2).json()
    assert first == {"cids": used[:2], "cursor": used[1]}
    assert served.get(f"{SYNC}.listBlobs", did=served.did, limit=2, cursor=used[1]).json() == {"cids": used[2:]}


def test_a_blob_cannot_run_in_a_browser(served: Served) -> None:
    _, page, large, unused = served.blobs
    found = served.blob(page)
    assert found.content == b"<script>alert(1)</script>"
    assert found.headers["content-type"] == "text/html"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert found.headers["content-disposition"] == f'attachment; filename="{page.cid}"'
    assert len(served.blob(large).content) == large.size
    missing = served.blob(unused)
    assert (missing.status_code, missing.json()["error"]) == (400, "BlobNotFound")


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=5-9", 5, 10), ("bytes=20-", 20, 25), ("bytes=-5", 20, 25), ("bytes=3-999", 3, 25)],
)
def test_a_range_of_a_blob(served: Served, asked: str, start: int, stop: int) -> None:
    page = served.blobs[1]
    part, whole = served.blob(page, Range=asked), served.blob(page).content
    assert (part.status_code, part.content) == (206, whole[start:stop])
    assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=a-", "bytes=-", "bytes=9-5", "bytes=0-1,3-4", "lines=1-2", ""])
def test_other_ranges_are_ignored(served: Served, asked: str) -> None:
    assert served.blob(served.blobs[1], Range=asked).status_code == 200


def test_a_range_behind_the_end_and_one_of_another_blob(served: Served) -> None:
    page = served.blobs[1]
    behind = served.blob(page, Range="bytes=25-")
    assert (behind.status_code, behind.headers["content-range"]) == (416, "bytes */25")
    etag = served.blob(page).headers["etag"]
    assert served.blob(page, Range="bytes=1-2", **{"If-Range": etag}).status_code == 206
    assert served.blob(page, Range="bytes=1-2", **{"If-Range": '"other"'}).status_code == 200


def test_head_has_the_headers_of_get(served: Served) -> None:
    for blob in served.blobs[:3]:
        head, got = served.blob(blob, "HEAD"), served.blob(blob)
        assert head.content == b""
        assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
        assert int(head.headers["content-length"]) == blob.size


REFUSED: list[tuple[str, int, str, dict[str, object]]] = [
    ("getRecord", 400, "InvalidRequest", {}),
    ("app.bsky.feed.getTimeline", 501, "MethodNotImplemented", {}),
    ("com.atproto.repo.applyWrites", 501, "MethodNotImplemented", {}),
    (f"{REPO}.getRecord", 400, "InvalidRequest", {"repo": "local.invalid"}),
    (f"{REPO}.listRecords", 400, "InvalidRequest", {"repo": "local.invalid", "collection": "x"}),
    (f"{REPO}.listRecords", 400, "InvalidRequest", {"repo": "local.invalid", "collection": NOTE, "limit": 101}),
    (f"{REPO}.listRecords", 400, "InvalidRequest", {"repo": "local.invalid", "collection": NOTE, "limit": "١"}),
    (f"{REPO}.listRecords", 400, "InvalidRequest", {"repo": "local.invalid", "collection": NOTE, "limit": ""}),
    (f"{REPO}.listRecords", 400, "InvalidRequest", {"repo": "local.invalid", "collection": NOTE, "reverse": "1"}),
    (f"{REPO}.listRecords", 400, "RepoNotFound", {"repo": "did:web:other.example", "collection": NOTE}),
    (f"{REPO}.describeRepo", 400, "RepoNotFound", {"repo": "other.example"}),
    (f"{SYNC}.getRepo", 400, "RepoNotFound", {"did": "did:web:other.example"}),
    (f"{SYNC}.getRepo", 400, "InvalidRequest", {"did": "local.invalid"}),
    (f"{SYNC}.getRepo", 400, "InvalidRequest", {"did": "did:web:local.invalid", "since": "yesterday"}),
    (f"{SYNC}.getBlob", 400, "InvalidRequest", {"did": "did:web:local.invalid", "cid": "../../key"}),
    (f"{SYNC}.getBlocks", 400, "InvalidRequest", {"did": "did:web:local.invalid"}),
    (f"{SYNC}.listRepos", 400, "InvalidRequest", {"limit": 0}),
    ("com.atproto.identity.resolveHandle", 400, "InvalidRequest", {"handle": "other.example"}),
    ("com.atproto.identity.resolveDid", 400, "DidNotFound", {"did": "did:web:other.example"}),
]


@pytest.mark.parametrize(("nsid", "status", "name", "params"), REFUSED)
def test_errors_are_in_the_form_of_xrpc(
    served: Served, nsid: str, status: int, name: str, params: dict[str, object]
) -> None:
    found = served.get(nsid, **params)
    assert (found.status_code, found.json()["error"]) == (status, name)
    assert set(found.json()) == {"error", "message"}
    assert found.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("query", ["repo=%zz", "repo=%", "repo=%ff%fe", "repo=a&repo=b", "%00=%00", "a=%ed%a0%80"])
def test_malformed_query_strings(served: Served, query: str) -> None:
    found = served.http.get(f"{served.url}/xrpc/{REPO}.describeRepo?{query}")
    assert (found.status_code, found.json()["error"]) == (400, "InvalidRequest")


NAMES = ["repo", "did", "collection", "rkey", "cid", "cids", "limit", "cursor", "reverse", "since", "x"]
VALUES = ["did:web:local.invalid", "local.invalid", NOTE, "n0001", "1", "true", "%", "+", "bafkrei"]
PARAMETERS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES) | st.text(max_size=30)), max_size=6)


@pytest.mark.slow
@given(st.sampled_from(sorted(METHODS)), PARAMETERS)
@settings(max_examples=150, deadline=None)
def test_no_query_string_breaks_a_method(served: Served, nsid: str, params: list[tuple[str, str]]) -> None:
    found = served.http.get(f"/xrpc/{nsid}?{urlencode(params)}")
    assert found.status_code in (200, 400)
    if found.status_code == 400:
        assert set(found.json()) == {"error", "message"}


@pytest.mark.slow
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=60))
@settings(max_examples=150, deadline=None)
def test_no_raw_query_string_breaks_a_method(served: Served, query: str) -> None:
    found = served.http.get(served.http.base_url.copy_with(raw_path=f"/xrpc/{REPO}.listRecords?{query}".encode()))
    assert found.status_code == 400


# A repository that changes under the server


def test_a_damaged_blob_is_never_received_whole(own: Served) -> None:
    _, page, large, _ = own.blobs
    for blob in (page, large):
        file = own.folder / "blobs" / blob.cid
        file.write_bytes(b"y" * blob.size)
    assert own.blob(page).status_code == 500
    with pytest.raises(httpx.RemoteProtocolError, match=r"without sending complete message body|peer closed"):
        own.blob(large)


@pytest.mark.parametrize("content", [None, b"short"])
def test_a_blob_without_its_file_is_not_found(own: Served, content: bytes | None) -> None:
    file = own.folder / "blobs" / own.blobs[0].cid
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    found = own.blob(own.blobs[0])
    assert (found.status_code, found.json()["error"]) == (400, "BlobNotFound")


def test_a_damaged_record_is_an_error_that_tells_no_path(own: Served, caplog: pytest.LogCaptureFixture) -> None:
    with closing(sqlite3.connect(own.folder / "repo.sqlite")) as db, db:
        db.execute("update record set value = x'a0' where key = ?", (f"{NOTE}/n0001".encode(),))
    found = own.get(f"{REPO}.getRecord", repo=own.did, collection=NOTE, rkey="n0001")
    assert (found.status_code, found.json()["error"]) == (500, "InternalServerError")
    assert str(own.folder) not in found.text
    assert "does not match its CID" in caplog.text


def test_later_commits_are_served(own: Served) -> None:
    with closing(LocalRepository(own.folder)) as repository:
        repository.apply_writes([Create(at("later"), note("later")), Delete(at("n0000"))], swap(repository))
    assert own.get(f"{REPO}.getRecord", repo=own.did, collection=NOTE, rkey="later").json()["value"]["text"] == "later"
    assert own.get(f"{REPO}.getRecord", repo=own.did, collection=NOTE, rkey="n0000").status_code == 400
    assert len(snapshot_of(read_car(own.get(f"{SYNC}.getRepo", did=own.did).content), own.did).entries) == 122


def test_a_new_repository_in_the_same_place_is_served(own: Served) -> None:
    before = own.get(f"{SYNC}.getLatestCommit", did=own.did).json()
    shutil.rmtree(own.folder)
    for nsid in (f"{SYNC}.getLatestCommit", f"{SYNC}.getRepo", f"{SYNC}.getRepoStatus", f"{SYNC}.listBlobs"):
        assert own.get(nsid, did=own.did).json()["error"] == "RepoNotFound"
    assert own.get(f"{SYNC}.listRepos").json() == {"repos": []}
    with closing(LocalRepository(own.folder)) as repository:
        fill(repository, 3)
    assert own.get(f"{SYNC}.getLatestCommit", did=own.did).json() != before
    assert len(pages(own, collection=NOTE)[0]) == 4
    assert is_signed(own)
