"""A dataset of several parts on the reference PDS: the records that one more shard writes are counted there."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.pds.reference import Account, ReferencePds

from atpub.cli.main import run

pytestmark = pytest.mark.pds

COLLECTIONS = ("science.alt.dataset.entry", "dev.atpub.inventory")
SCHEMA = "at://did:plc:a/science.alt.dataset.schema/org.lab.image:1.0.0"


def records(pds: ReferencePds, account: Account) -> dict[str, str]:
    """The CID of every record, by URI."""
    found: dict[str, str] = {}
    for collection in COLLECTIONS:
        params = {"repo": account.did, "collection": collection, "limit": "100"}
        listed: Any = pds.xrpc("com.atproto.repo.listRecords", params=params)
        found.update({record["uri"]: record["cid"] for record in listed["records"]})
    return found


@pytest.mark.parametrize(("before", "after", "parts", "writes"), [(1_500, 1_501, 400, 2), (1_600, 1_601, 400, 3)])
def test_one_more_shard(
    reference_pds: ReferencePds,
    pds_account: Account,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    before: int,
    after: int,
    parts: int,
    writes: int,
) -> None:
    monkeypatch.setenv("ATPUB_PASSWORD", pds_account.password)
    manifest = tmp_path / "atpub.yaml"
    seen: list[dict[str, str]] = []
    for count in (before, after):
        digests = (f"{sha256(str(n).encode()).hexdigest()}  x-{n:05}.tar\n" for n in range(count))
        (tmp_path / "x.sha256").write_text("".join(digests))
        urls = f"https://a.test/x-{{00000..{count - 1:05}}}.tar"
        manifest.write_text(
            f"atpub: 1\nproject: lab\ndatasets:\n  big: {{schema: '{SCHEMA}', urls: '{urls}', checksums: x.sha256, "
            f"parts: {parts}}}\n"
        )
        target = ["-m", str(manifest), "--account", pds_account.handle, "--pds", reference_pds.url]
        assert run(["apply", *target, "--yes"]) == 0, capsys.readouterr().err
        seen.append(records(reference_pds, pds_account))
        capsys.readouterr()
        assert run(["plan", *target, "--json", "--detailed-exitcode"]) == 0
        assert {change["action"] for change in json.loads(capsys.readouterr().out)["changes"]} == {"unchanged"}
    assert len(seen[1].items() - seen[0].items()) == writes
