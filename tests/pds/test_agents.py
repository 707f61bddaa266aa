"""An agent on the reference PDS: it reads without credentials, and applies what was approved, for this account only."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cli.lab import MANIFEST
from tests.pds.reference import Account, ReferencePds
from tests.pds.test_drift import edit

from atpub.agents.approvals import Approval, ApprovalStore
from atpub.cli.connect import TargetOptions
from atpub.cli.run.agent_tools import ProjectTools, manifest_files

pytestmark = [pytest.mark.pds, pytest.mark.slow]

ENTRY = "science.alt.dataset.entry"


def test_an_agent(
    reference_pds: ReferencePds,
    pds_account: Account,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATPUB_PDS", reference_pds.url)
    monkeypatch.setenv("ATPUB_PLC", reference_pds.plc_url)
    start, _, rest = MANIFEST.partition("  digits:")
    manifest = tmp_path / "atpub.yaml"
    manifest.write_text(f"{start}  cats:{rest.partition('  cats:')[2].partition('labels:')[0]}")
    store = ApprovalStore(tmp_path_factory.mktemp("state") / "approvals")
    tools = ProjectTools((), TargetOptions(pds_account.did, None, None), os.environ, store)
    answers = [str(tools.call("validate", {}))]

    def call(tool: str, **arguments: str) -> Any:
        answer = tools.call(tool, arguments)
        answers.append(str(answer))
        data: Any = answer.data
        return data["error"]["code"] if answer.is_error else data

    def approve(digest: str) -> None:
        expires = datetime.now(UTC) + timedelta(minutes=5)
        store.save(Approval(manifest_files(()), pds_account.did, digest, expires))

    digest = call("plan")["digest"]
    assert call("apply", digest=digest) == "not-approved"
    approve(digest)
    assert call("apply", digest=digest) == "authentication-failed"
    monkeypatch.setenv("ATPUB_PASSWORD", pds_account.password)
    assert call("apply", digest=digest) == "not-approved"  # the approval is used up
    approve(digest)
    assert {item["status"] for item in call("apply", digest=digest)["outcomes"]} == {"applied"}
    assert not call("plan")["pending"]

    uri = call("show", name="datasets/cats")["uri"]
    assert call("show", name=uri)["uri"] == uri
    assert call("show", name=f"at://did:web:other.example/{ENTRY}/x") == "refused"

    manifest.write_text(manifest.read_text().replace("checksums: none", "checksums: none\n    description: Cats."))
    digest = call("plan")["digest"]
    approve(digest)
    edit(reference_pds, pds_account, description="Edited by hand.")
    assert call("apply", digest=digest) == "stale-plan"
    assert call("drift")["summary"] == {"modified": 1, "deleted": 0}
    assert pds_account.password not in "".join(answers)
    assert pds_account.access_jwt not in "".join(answers)
