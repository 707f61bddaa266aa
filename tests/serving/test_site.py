"""What is at which URL, which pages of a browser may read it, and the folder of pages."""

import os
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serving.running import Served, running

HEALTH = "/xrpc/_health"
HERE = ["http://localhost:5173", "http://127.0.0.1", "http://[::1]:80", "http://app.localhost"]
ELSEWHERE = ["https://evil.example", "https://localhost.evil.example", "null", "http://[", "https://app.example:444"]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with pages, among them links to the outside; a site may read it."""
    top = tmp_path_factory.mktemp("catalog")
    folder = top / "pages"
    (folder / "a b/c").mkdir(parents=True)
    for name in ("index.html", "a b/index.html", "ü.json", "style.css", ".hidden", "data.tar", "empty.txt"):
        (folder / name).write_text("" if name == "empty.txt" else f"this is {name}")
    (top / "secret.txt").write_text("secret")
    (folder / "inside.html").symlink_to("index.html")
    (folder / "outside.html").symlink_to(top / "secret.txt")
    (folder / "up").symlink_to(top)
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe.txt")
    origins = frozenset(("https://app.example",))
    with running(top / "repository", catalog=folder, origins=origins) as found:
        yield found


def test_the_front_page_and_the_unknown(served: Served) -> None:
    assert "did:web:local.invalid" in served.http.get("/").text
    assert (served.http.get("/other").status_code, served.http.get("/other").json()["error"]) == (404, "NotFound")


@pytest.mark.parametrize("origin", HERE)
def test_pages_of_this_machine_may_read(served: Served, origin: str) -> None:
    for path in (HEALTH, "/nothing"):
        headers = served.http.get(path, headers={"Origin": origin}).headers
        assert (headers["access-control-allow-origin"], headers["vary"]) == (origin, "Origin")


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_other_pages_may_not(catalog: Served, origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        headers = catalog.http.request(method, HEALTH, headers={"Origin": origin}).headers
        assert "access-control-allow-origin" not in headers
        assert headers["vary"] == "Origin"


def test_pages_of_a_named_origin_may_read(catalog: Served) -> None:
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "atproto-accept-labelers, authorization",
        "Access-Control-Request-Private-Network": "true",
    }
    found = catalog.http.options(HEALTH, headers=asked)
    assert found.status_code == 204
    assert found.headers["access-control-allow-origin"] == "https://app.example"
    assert found.headers["access-control-allow-headers"] == "atproto-accept-labelers, authorization"
    assert found.headers["access-control-allow-private-network"] == "true"


def test_all_origins_may_be_allowed(tmp_path: Path) -> None:
    with running(tmp_path / "repository", origins=frozenset("*")) as found:
        for origin in ("https://evil.example", "null"):
            assert found.http.get(HEALTH, headers={"Origin": origin}).headers["access-control-allow-origin"] == origin


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:2583", "[::1]:1", "x.localhost", "LOCAL.invalid"])
def test_names_of_this_machine(served: Served, host: str) -> None:
    assert served.http.get(HEALTH, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("/", "this is index.html", "text/html; charset=utf-8"),
        ("/a%20b/", "this is a b/index.html", "text/html; charset=utf-8"),
        ("/%C3%BC.json", "this is ü.json", "application/json"),
        ("/style.css", "this is style.css", "text/css; charset=utf-8"),
        ("/inside.html?x=1", "this is index.html", "text/html; charset=utf-8"),
        ("/data.tar", "this is data.tar", "application/x-tar"),
        ("/empty.txt", "", "text/plain; charset=utf-8"),
    ],
)
def test_pages(catalog: Served, path: str, text: str, kind: str) -> None:
    found = catalog.http.get(path)
    assert (found.status_code, found.text, found.headers["content-type"]) == (200, text, kind)
    assert found.headers["x-content-type-options"] == "nosniff"
    assert catalog.http.head(path).headers["content-length"] == str(len(text.encode()))


def test_methods_stay_before_pages(catalog: Served) -> None:
    assert catalog.http.get(HEALTH).json() == {"version": "atpub"}
    assert catalog.http.get("/.well-known/atproto-did").text == catalog.did
    assert catalog.http.post("/style.css").status_code == 405


def test_a_folder_is_named_with_a_slash(catalog: Served) -> None:
    found = catalog.http.get("/a%20b")
    assert (found.status_code, found.headers["location"]) == (308, "/a%20b/")


def test_a_range_of_a_page(catalog: Served) -> None:
    assert catalog.http.get("/style.css", headers={"Range": "bytes=5-6"}).text == "is"
    assert catalog.http.get("/empty.txt", headers={"Range": "bytes=0-"}).status_code == 416


OUTSIDE = [
    *("/outside.html", "/up/secret.txt", "/up/", "/loop", "/pipe.txt", "/.hidden", "/a%20b/c/", "/none"),
    *("/index.html/", "//index.html", "//evil.example/", "/a%20b//index.html", "/./index.html", "/a%20b/../index.html"),
    *("/%2e%2e/secret.txt", "/..%2fsecret.txt", "/../secret.txt", "/%2e%2e%5csecret.txt", "/a%20b/%2e%2e/index.html"),
    *("/index.html%00.css", "/%2fetc%2fpasswd", "/C:%5cx", "/" + "x" * 5000),
]


def fetch(served: Served, path: str) -> tuple[int, str]:
    """Status and text at a path that the client does not tidy up."""
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=20)) as connection:
        connection.request("GET", path)
        found = connection.getresponse()
        return found.status, found.read().decode()


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: path[:40])
def test_what_is_hidden_or_outside_is_not_there(catalog: Served, path: str) -> None:
    status, text = fetch(catalog, path)
    assert (status, "this is" in text) == (404, False)


PARTS = ["..", "%2e%2e", "up", "/", "%2f", "secret.txt", "a%20b", "%5c", ".", "%00"]


@given(st.lists(st.sampled_from(PARTS), max_size=8))
@settings(max_examples=100)
def test_no_path_leads_outside(catalog: Served, parts: list[str]) -> None:
    status, text = fetch(catalog, "/" + "/".join(parts))
    assert status in (200, 308, 404)
    assert "secret" not in text
