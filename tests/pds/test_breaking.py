"""Lexicons that the reference PDS holds: compared with new ones, and not updated so that they break others."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.pds.reference import Account, ReferencePds

from atpub.cli.main import run

pytestmark = pytest.mark.pds


def write(folder: Path, limit: int, text: str) -> None:
    record = {"type": "object", "properties": {"text": {"type": "string", "maxLength": limit}}}
    main = {"type": "record", "key": "any", "record": record}
    document = {"lexicon": 1, "id": "org.lab.note", "defs": {"main": main}}
    (folder / "lexicons").mkdir(exist_ok=True)
    (folder / "lexicons/note.json").write_text(json.dumps(document), "utf-8")
    note = {"collection": "org.lab.note", "value": {"text": text}}
    manifest = {
        "atpub": 1,
        "project": "lab",
        "lexicons": {"path": "lexicons", "publish": True},
        "records": {"one": note},
    }
    (folder / "atpub.yaml").write_text(json.dumps(manifest), "utf-8")


def test_published_lexicons_and_live_records(
    reference_pds: ReferencePds,
    pds_account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATPUB_PASSWORD", pds_account.password)

    def atpub(*args: str) -> tuple[int, Any]:
        code = run([*args, "--pds", reference_pds.url, "--json"])
        return code, json.loads(capsys.readouterr().out)

    account = ("--account", pds_account.handle)
    write(tmp_path, 100, "a" * 60)
    assert atpub("apply", *account, "--yes")[0] == 0
    write(tmp_path, 50, "a")
    code, found = atpub("lex", "breaking", "published", "--against-data", "published", *account)
    assert (code, [change["code"] for change in found["changes"]]) == (1, ["max-length-tightened"])
    assert (found["data"]["records"], found["data"]["affected"]) == (1, 1)
    assert atpub("lex", "breaking", f"at://{pds_account.did}")[1]["changes"] == found["changes"]
    code, plan = atpub("plan", *account)
    assert (code, [refusal["code"] for refusal in plan["refusals"]]) == (7, ["breaking-lexicon"])
    assert atpub("plan", *account, "--allow-breaking")[0] == 0
