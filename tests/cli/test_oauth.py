"""`atpub login --oauth` on the reference PDS, confirmed in a real browser; and what the login permits.

The browser is the system's Chromium; where there is none, the tests are skipped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.cli.lab import Lab
from tests.cli.playground import write_files
from tests.pds.reference import PASSWORD, Account, ReferencePds
from tests.repository.samples import InMemory, at, note

from atpub.atproto.auth.session import refresh
from atpub.atproto.auth.session_store import SessionStore
from atpub.atproto.syntax import Did
from atpub.atproto.xrpc.http import HttpClient
from atpub.atproto.xrpc.transport import new_client
from atpub.errors import AuthorizationDenied, InsufficientScope
from atpub.repository.model import Create
from atpub.repository.pds import connect

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.pds,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def me(reference_pds: ReferencePds, pds_account: Account, state: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The flags for an account that its directory knows."""
    del state
    monkeypatch.setenv("ATPUB_PLC", reference_pds.plc_url)
    return ["--account", pds_account.did]


def log_in(browser: Browser, button: str, *options: str) -> tuple[int, str, str, str]:
    """Log in with a browser that presses a button at the end; also return what `ps` showed meanwhile."""
    command = [str(Path(sys.executable).with_name("atpub")), "login", "--oauth", *options]
    environ = {**os.environ, "BROWSER": "true"}  # a program that opens nothing
    with subprocess.Popen(command, text=True, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr
        said: list[str] = []
        for line in process.stderr:
            said.append(line)
            if "request_uri=" in line:
                break
        else:
            return process.wait(), "", "".join(said), ""
        shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        confirm(browser, said[-1].strip(), button)
        out, err = process.communicate(timeout=30)
    return process.returncode, out, "".join(said) + err, shown


def confirm(browser: Browser, url: str, button: str) -> None:
    """Log in at the authorization server, and press a button of the page that asks for consent."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        page.locator("input[type=password]").fill(PASSWORD)
        page.get_by_role("button", name=re.compile("sign in", re.IGNORECASE)).click()
        page.get_by_role("button", name=button).click()
        page.wait_for_url("http://127.0.0.1:*/callback?*")
        assert "go back to the terminal" in page.inner_text("body")


def test_a_login_permits_what_the_manifest_needs(
    browser: Browser,
    lab: Lab,
    me: list[str],
    reference_pds: ReferencePds,
    pds_account: Account,
    state: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    code, out, err, shown = log_in(browser, "Authorize", "--verbose", *me)
    assert code == 0, err
    assert f"Logged in to {reference_pds.url} as {pds_account.handle}" in out
    assert "create, update, delete records of science.alt.dataset.entry" in err
    (file,) = state.rglob("*.json")
    stored = json.loads(file.read_text())
    secrets = [stored["access"], stored["refresh"], *stored["grant"]["key"].splitlines()[1:-1]]
    assert not [secret for secret in secrets if secret in out + err + shown]
    asked = lab.run("whoami", "--verbose", *me)
    assert f"scope    {stored['grant']['scope']}" in asked.out

    applied = lab.apply("--verbose", *me)
    assert applied.code == 0, applied.err
    assert any("POST" in line for line in caplog.messages)
    shown = asked.out + asked.err + applied.out + applied.err + caplog.text
    assert not [secret for secret in secrets if secret in shown]
    found = {record["uri"].split("/")[3] for record in reference_pds.content(pds_account.did)}
    assert found == {"dev.atpub.inventory", *(f"science.alt.dataset.{name}" for name in ("entry", "label", "schema"))}

    narrow = {**stored["grant"], "scope": "atproto repo:dev.atpub.inventory"}
    file.write_text(json.dumps({**json.loads(file.read_text()), "grant": narrow}))
    caplog.clear()
    undone = lab.run("undo", "--yes", "--verbose", *me)
    assert undone.code == 4
    assert "this login may not write science.alt.dataset.entry" in undone.err
    assert not any("POST" in line for line in caplog.messages)
    file.write_text(json.dumps(stored))

    write_files(lab.folder, {"lexicons/org/lab/note.json": json.dumps(LEXICON)})
    lab.write(NOTES)
    caplog.clear()
    refused = lab.apply("--verbose", *me)
    assert refused.code == 4
    assert any("GET" in line for line in caplog.messages)
    assert not any("POST" in line for line in caplog.messages), "nothing was sent"
    assert "this login may not write org.lab.note" in refused.err
    assert "--scope repo:org.lab.note" in refused.err
    assert {record["uri"].split("/")[3] for record in reference_pds.content(pds_account.did)} == found

    sessions = SessionStore(file.parent)
    repository = connect(pds_account.did, pds=reference_pds.url, sessions=sessions)
    head = repository.head()
    assert head
    with pytest.raises(InsufficientScope, match="ScopeMissingError"):
        repository.apply_writes([Create(at("1"), note())], head.cid)
    with pytest.raises(InsufficientScope, match="ScopeMissingError") as denied:
        repository.upload_blob(InMemory(b"text"), "text/plain")
    assert "atpub login --oauth --scope" in denied.value.hint
    repository.close()

    tokens = sessions.read(Did(pds_account.did))
    assert tokens
    assert lab.run("logout", "--account", pds_account.handle).code == 0
    with new_client() as client, pytest.raises(AuthorizationDenied, match="invalid_grant"):
        refresh(HttpClient(client), tokens)


@pytest.mark.parametrize("reference_pds", ["0.5"], indirect=True)  # the page of 0.4 has the same button
def test_a_denied_login_is_none(browser: Browser, me: list[str], state: Path) -> None:
    code, out, err, _ = log_in(browser, "Deny access", *me, "--scope", "repo:org.lab.note")
    assert (code, out) == (4, "")
    assert "did not authorize the login: access_denied" in err
    assert list(state.rglob("*.json")) == []


LEXICON = {
    "lexicon": 1,
    "id": "org.lab.note",
    "defs": {
        "main": {
            "type": "record",
            "key": "any",
            "record": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
        }
    },
}
NOTES = """\
atpub: 1
project: notes
account: local
lexicons: {path: lexicons/}
records:
  first: {collection: org.lab.note, rkey: first, value: {text: hello}}
"""
