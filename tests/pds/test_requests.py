"""How many requests a command makes of a PDS."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pds.counting import Counting, counting
from tests.pds.reference import Account, ReferencePds

from atpub.cli.main import run

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.pds


@pytest.fixture
def server(reference_pds: ReferencePds) -> Iterator[Counting]:
    with counting(reference_pds.url) as found:
        yield found


@pytest.mark.parametrize("example", ["quickstart", "records"])
def test_planning_with_nothing_changed_is_one_request(
    server: Counting,
    reference_pds: ReferencePds,
    pds_account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    example: str,
) -> None:
    monkeypatch.setenv("ATPUB_PASSWORD", pds_account.password)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = shutil.copytree(ROOT / "manifests" / example, tmp_path / example, ignore=shutil.ignore_patterns(".atpub"))
    target = ["-m", str(folder), "--account", pds_account.did, "--pds", server.url]

    def plan() -> list[str]:
        assert run(["plan", "--detailed-exitcode", *target]) == 0
        return server.methods()

    assert run(["apply", "--yes", *target]) == 0
    methods = server.methods()
    uploads = methods.count("uploadBlob")
    settled = ["describeServer"] if uploads else []
    assert methods[0] == "getRepo", "and no getLatestCommit of what was planned just now"
    assert sorted(methods[1:]) == sorted([*settled, "createSession", *["uploadBlob"] * uploads, "applyWrites"])
    assert methods[-1] == "applyWrites"
    assert plan() == ["getLatestCommit", "getRepo"]
    assert plan() == ["getLatestCommit"]
    assert run(["drift", *target]) == 0
    assert server.methods() == ["getLatestCommit"]
    capsys.readouterr()

    record = {"$type": "org.example.note", "text": "another client's"}
    body = {"repo": pds_account.did, "collection": "org.example.note", "record": record}
    reference_pds.xrpc("com.atproto.repo.createRecord", body, token=pds_account.access_jwt)
    assert plan() == ["getLatestCommit", "getRepo"]
    warm = capsys.readouterr().out
    shutil.rmtree(tmp_path / "cache")
    assert plan() == ["getRepo"]
    assert capsys.readouterr().out == warm
