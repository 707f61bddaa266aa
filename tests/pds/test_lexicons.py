"""Lexicons from one project to another: published on the reference PDS, found by DNS, verified and pulled."""

import json
from pathlib import Path

import pytest
from tests.atproto.identity.dns_server import dns_server
from tests.pds.reference import Account, ReferencePds

import atpub
from atpub.cli.main import run

pytestmark = pytest.mark.pds
NAME = "_lexicon.lab.example"
MANIFEST = "atpub: 1\nproject: lab\nlexicons: {path: lexicons/, publish: true}\n"


def test_a_lexicon_is_published_and_pulled(
    reference_pds: ReferencePds,
    pds_account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ATPUB_PASSWORD", pds_account.password)
    monkeypatch.setenv("ATPUB_PLC", reference_pds.plc_url)
    monkeypatch.chdir(tmp_path)
    Path("atpub.yaml").write_text(MANIFEST)
    target = ["--account", pds_account.did]
    assert run(["lex", "new", "example.lab.note"]) == 0
    with dns_server() as dns:
        monkeypatch.setenv("ATPUB_DNS", dns.address)
        dns.says = {NAME: ["did=did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"]}
        assert run(["apply", "--yes", *target]) == 7
        assert "[lexicon-publisher]" in capsys.readouterr().err

        assert [item.code for item in atpub.plan("atpub.yaml", account=pds_account.did).plan.refusals] == [
            "lexicon-publisher"
        ]

        dns.says = {}
        assert run(["plan", "--out", "plan.json", *target]) == 0
        dns.says = {NAME: ["did=did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"]}
        assert run(["apply", "plan.json", *target]) == 7
        dns.says = {}
        capsys.readouterr()
        assert run(["apply", "--yes", *target]) == 0
        assert f'{NAME}. TXT "did={pds_account.did}"' in capsys.readouterr().err
        assert run(["lex", "status", *target]) == 2

        dns.says = {NAME: [f"did={pds_account.did}"]}
        assert run(["lex", "status", *target]) == 0
        dns.asked.clear()
        assert run(["plan", "--detailed-exitcode", *target]) == 0
        assert dns.asked == []

        assert run(["lex", "pull", "example.lab.note", "--lexicons", "elsewhere"]) == 0
        pulled = json.loads(Path("elsewhere/example/lab/note.json").read_text())
        own = json.loads(Path("lexicons/example/lab/note.json").read_text())
        assert pulled == {"$type": "com.atproto.lexicon.schema", **own}
        assert run(["lex", "pull", "--frozen", "--lexicons", "elsewhere"]) == 0
