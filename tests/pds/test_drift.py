"""Drift on the reference PDS: an edit by another client is found, taken over, and seen as it is made."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.playground import capture_runs
from tests.pds.reference import Account, ReferencePds

pytestmark = [pytest.mark.pds, pytest.mark.slow]

ENTRY = "science.alt.dataset.entry"
SECONDS = 20
WITHIN = 5  # 0.3 s where the machine has nothing else to do
COMMAND = (Path(sys.executable).with_name("atpub"), "drift", "--watch", "--json")


def edit(pds: ReferencePds, account: Account, **fields: str) -> None:
    """Another client edits the one dataset of an account."""
    params = {"repo": account.did, "collection": ENTRY}
    (record,) = pds.xrpc("com.atproto.repo.listRecords", params=params)["records"]
    body = {**params, "rkey": record["uri"].rpartition("/")[2], "record": {**record["value"], **fields}}
    pds.xrpc("com.atproto.repo.putRecord", body, token=account.access_jwt)


def test_drift(
    reference_pds: ReferencePds,
    pds_account: Account,
    pds_manifest: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    start, _, rest = pds_manifest.partition("  digits:")
    manifest = tmp_path / "atpub.yaml"
    manifest.write_text(f"{start}  cats:{rest.partition('  cats:')[2].partition('labels:')[0]}")
    atpub = capture_runs(capsys)
    assert atpub("apply", "--yes").code == 0
    assert atpub("drift").code == 0

    edit(reference_pds, pds_account, description="Edited by hand.")
    ran = atpub("drift", "--json", "--changes-only")
    assert ran.code == 2
    assert [item["fields"] for item in ran.json] == [[{"path": "description", "live": "Edited by hand."}]]
    assert atpub("import", "--take", "datasets/cats").code == 0
    assert "No record changes, only the inventory" in atpub("plan").out

    with (tmp_path / "events").open("w") as out, subprocess.Popen(COMMAND, stdout=out, stderr=subprocess.PIPE) as watch:
        events = read_events(tmp_path / "events")
        try:
            assert watch.stderr is not None
            assert b"watching" in watch.stderr.readline()
            manifest.write_text(manifest.read_text().replace("Edited by hand.", "Edited by us."))
            assert atpub("apply", "--yes").code == 0  # the project's own, hence no event
            begun = time.monotonic()
            edit(reference_pds, pds_account, description="Edited again.")
            event = next(events)
            took = time.monotonic() - begun
            (field,) = event["fields"]
            assert (event["event"], event["address"], field["live"]) == ("drift", "datasets/cats", "Edited again.")
            assert took < WITHIN
            assert atpub("apply", "--yes").code == 0
            assert next(events)["event"] == "settled"
        finally:
            watch.send_signal(signal.SIGTERM)
        assert watch.wait(SECONDS) == 2, watch.stderr.read()


def read_events(file: Path) -> Iterator[Any]:
    """Yield the lines that a watch prints as they come, as JSON."""
    until = time.monotonic() + SECONDS
    with file.open() as stream:
        while time.monotonic() < until:
            if line := stream.readline():
                yield json.loads(line)
            time.sleep(0.02)
    raise AssertionError("no event")
