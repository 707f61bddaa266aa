"""AT Protocol clients read what is served: the Python SDK, @atproto/api, and atpub itself."""

import json
import os
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import libipld
import pytest
from tests.cli.lab import DIGITS, Lab
from tests.pds.reference import Unreachable, install_in, node
from tests.repository.samples import NOTE
from tests.serving.running import Served, serving

from atpub.atproto.syntax import Cid
from atpub.repository.model import LOCAL_DID
from atpub.serving.server import listen, url_of


class Module:
    """A module, without types, that is imported on first use: this one takes a second, in each process of a run."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # as pytest asks each name of a test module for, which is no use of it
            raise AttributeError(name)
        return getattr(import_module(self._name), name)


SDK = Module("atproto")
ERRORS = Module("atproto_client.exceptions")
CRYPTO = Module("atproto_crypto.verify")
NPM = Path(__file__).parent / "npm"


@pytest.fixture
def sdk(served: Served) -> Iterator[Any]:
    """The methods of com.atproto in the Python SDK."""
    client = SDK.Client(served.url)
    yield client.com.atproto
    client.request.close()


@pytest.mark.slow
def test_the_python_sdk_lists_gets_and_pages(served: Served, sdk: Any) -> None:
    repo = sdk.repo
    described = repo.describe_repo({"repo": served.did})
    assert (described.did, described.handle, described.collections[0]) == (served.did, "local.invalid", NOTE)
    first = repo.list_records({"repo": served.did, "collection": NOTE, "limit": 100})
    second = repo.list_records({"repo": served.did, "collection": NOTE, "limit": 100, "cursor": first.cursor})
    assert (len(first.records), len(second.records), second.cursor) == (100, 21, None)
    record = repo.get_record({"repo": "local.invalid", "collection": NOTE, "rkey": "n0001"})
    assert (record.cid, record.value["text"]) == (second.records[-3].cid, "№ 1")
    with pytest.raises(ERRORS.BadRequestError) as refused:
        repo.get_record({"repo": served.did, "collection": NOTE, "rkey": "none"})
    assert refused.value.response.content.error == "RecordNotFound"


@pytest.mark.slow
def test_the_python_sdk_fetches_blobs(served: Served, sdk: Any) -> None:
    listed = sdk.sync.list_blobs({"did": served.did})
    assert set(listed.cids) == {blob.cid for blob in served.blobs[:3]}
    for blob in served.blobs[:3]:
        found = sdk.sync.get_blob({"did": served.did, "cid": blob.cid})
        assert sha256(found).hexdigest() == blob.cid.sha256


@pytest.mark.slow
def test_the_python_sdk_verifies_the_repository(served: Served, sdk: Any) -> None:
    car = SDK.CAR.from_bytes(sdk.sync.get_repo({"did": served.did}))
    blocks: dict[str, Any] = {str(cid): block for cid, block in car.blocks.items()}
    for cid, block in blocks.items():
        assert str(Cid.of_block(libipld.encode_dag_cbor(block))) == cid
    root = str(car.root)
    assert root == sdk.sync.get_latest_commit({"did": served.did}).cid
    commit = dict(blocks[root])
    signature = commit.pop("sig")
    key = SDK.DidDocument.from_dict(served.http.get("/.well-known/did.json").json()).get_did_key()
    assert key is not None
    assert CRYPTO.verify_signature(key, libipld.encode_dag_cbor(commit), signature)
    found = dict(entries_below(commit["data"], blocks))
    assert sorted(found) == list(found)
    assert len(found) == 122
    assert blocks[found[f"{NOTE}/n0007"]]["text"] == "№ 7"


def entries_below(node: bytes | None, blocks: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys and CIDs in a subtree, as the specification has it, in order."""
    if node is None:
        return
    found, key = blocks[Cid.of_bytes(node)], b""
    yield from entries_below(found["l"], blocks)
    for entry in found["e"]:
        key = key[: entry["p"]] + entry["k"]
        yield key.decode(), Cid.of_bytes(entry["v"])
        yield from entries_below(entry["t"], blocks)


@pytest.mark.pds
def test_the_typescript_sdk_reads_and_verifies(served: Served) -> None:
    try:
        install_in(NPM, "@atproto/api")
    except Unreachable as reason:
        if os.environ.get("ATPUB_REQUIRE_PDS") == "1":
            raise
        pytest.skip(f"@atproto/api: {reason}")
    page = served.blobs[1]
    asked = {"url": served.url, "did": served.did, "collection": NOTE, "rkey": "n0042", "cid": page.cid}
    done = subprocess.run(
        [node(), NPM / "read.mjs"], input=json.dumps(asked), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "keys": [*(f"n{number:04d}" for number in range(119, -1, -1)), "blobs"],
        "writes": 122,
        "commit": [True, True],
        "claims": [[NOTE, "n0042", "№ 42"]],
        "absent": [],
        "text": "№ 42",
        "blob": ["text/html", page.cid.sha256],
        "blobs": sorted(blob.cid for blob in served.blobs[:3]),
        "resolved": served.did,
        "errors": [[400, "RecordNotFound"], [501, "MethodNotImplemented"]],
    }


def test_the_npm_lock_file_names_no_registry() -> None:
    packages = json.loads((NPM / "package-lock.json").read_text())["packages"]
    assert len(packages) > 2
    assert not [name for name, package in packages.items() if "resolved" in package]


# atpub itself, from another folder than that of the repository


def test_atpub_reads_it_as_a_pds(
    lab: Lab, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lab.apply().code == 0
    plan = lab.plan("--json").json
    folder = lab.folder / ".atpub/local"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with serving(folder) as url:
        there = ("--account", LOCAL_DID, "--pds", url)
        monkeypatch.setenv("XDG_CACHE_HOME", str(elsewhere / "cache"))
        found = lab.plan("--json", *there).json
        assert [change["action"] for change in found["changes"]] == ["unchanged"] * 4
        assert [change["uri"] for change in found["changes"]] == [change["uri"] for change in plan["changes"]]
        monkeypatch.chdir(elsewhere)
        assert {dataset["title"] for dataset in lab.run("list", "--json", *there).json["datasets"]} == {
            "Digits",
            "cats",
        }
        digits = f"at://{LOCAL_DID}/{DIGITS}"
        assert "Digits" in lab.run("show", digits, "--pds", url).out
        assert lab.run("pull", digits, "--out", "data", "--pds", url).code == 0
        pulled = sorted(file.read_bytes() for file in (elsewhere / "data").iterdir())
        assert pulled == sorted(file.read_bytes() for file in (lab.folder / "data").iterdir())
        assert lab.run("verify", "--deep", digits, "--pds", url).code == 0
        assert lab.run("import", "--all", "--project", "lab", *there, "--out", "atpub.yaml").code == 0
        assert lab.run("inspect", digits, "--pds", url).code == 0
        assert lab.run("list", "--account", "local.invalid", "--pds", url).code == 0


def test_a_did_of_localhost_leads_to_the_server(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    with listen(0) as found:
        port = int(url_of(found).rpartition(":")[2])
    did = f"did:web:localhost%3A{port}"
    lab.change(("account: local\n", f"account: local\ndid: {did}\n"))
    assert lab.apply().code == 0
    with serving(lab.folder / ".atpub/local", port=port):
        listed = lab.run("list", "--account", did, "--json").json
        assert (listed["did"], len(listed["datasets"])) == (did, 2)
