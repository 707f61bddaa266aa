"""`atpub mcp`, driven by the official client over stdio, and `atpub approve` in a terminal."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from tests.cli.lab import Lab
from tests.cli.terminal import ATPUB, interruptible, terminal

from atpub.agents.tools import TOOLS

if TYPE_CHECKING:  # half a second to import, in every collection of tests
    from mcp import ClientSession

DIGEST = "ab" * 32


@asynccontextmanager
async def session(folder: Path, *args: str) -> AsyncGenerator[ClientSession]:
    """A client of a server that it has started in a folder."""
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    environ = {name: value for name, value in os.environ.items() if name.startswith("XDG_")}
    server = StdioServerParameters(command=ATPUB[0], args=["mcp", *args], cwd=folder, env=environ)
    errors = sys.__stderr__ or sys.stderr  # the latter is none of the system while a test runs
    async with stdio_client(server, errors) as (read, write), ClientSession(read, write) as client:
        await client.initialize()
        yield client


async def call(client: ClientSession, name: str, **arguments: Any) -> tuple[bool, Any]:
    from mcp_types import CallToolResult

    found = await client.call_tool(name, arguments)
    assert isinstance(found, CallToolResult)
    assert found.content
    return not found.is_error, found.structured_content


def approve(folder: Path, answer: str, *args: str) -> tuple[int, str]:
    """Approve in a terminal; gives the exit code and what was shown."""
    with terminal("approve", *args, cwd=folder, NO_COLOR="1") as shown:
        shown.until("Let an agent apply this once")
        shown.type(answer)
        return shown.end(), shown.text


async def use(lab: Lab) -> None:
    """Plan, be refused, be approved, apply once, and be refused again."""
    from mcp_types import CallToolResult, TextContent

    async with session(lab.folder) as client:
        listed = await client.list_tools()
        assert [tool.name for tool in listed.tools] == [tool.name for tool in TOOLS]
        assert [tool.name for tool in listed.tools if not (tool.annotations and tool.annotations.read_only_hint)] == [
            "apply"
        ]
        assert await call(client, "validate") == (True, lab.run("validate", "--json").json)
        is_planned, plan = await call(client, "plan")
        assert is_planned
        told = lab.run("plan", "--json").json
        assert plan.keys() == told.keys()
        assert (plan["digest"], plan["summary"]) == (told["digest"], told["summary"])  # which no time is a part of
        digest = plan["digest"]
        found = await client.call_tool("plan")
        assert isinstance(found, CallToolResult)
        assert isinstance(found.content[0], TextContent)
        command = shlex.split(found.content[0].text.split("\n")[0].partition(": ")[2])
        is_applied, refused = await call(client, "apply", digest=digest)
        assert (is_applied, refused["error"]["code"]) == (False, "not-approved")
        assert not (lab.folder / ".atpub").exists()

        assert approve(lab.folder, "n\n", digest)[0] == 1
        assert not (await call(client, "apply", digest=digest))[0]
        code, shown = approve(Path("/"), f"{digest[:6]}\n", *command[2:])
        assert code == 0, shown
        assert "4 to create" in shown
        is_applied, outcomes = await call(client, "apply", digest=digest)
        assert is_applied, outcomes
        assert {item["status"] for item in outcomes["outcomes"]} == {"applied"}
        is_applied, refused = await call(client, "apply", digest=digest)
        assert (is_applied, refused["error"]["code"]) == (False, "not-approved")
        assert not (await call(client, "plan"))[1]["pending"]


@pytest.mark.slow
def test_a_client_validates_plans_and_applies_what_a_person_approves(lab: Lab) -> None:
    anyio.run(use, lab)


@pytest.mark.slow
def test_it_ends_with_its_input_and_on_a_signal(lab: Lab) -> None:
    with subprocess.Popen([*ATPUB, "mcp"], cwd=lab.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as idle:
        out, _ = idle.communicate(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\nno JSON\n', timeout=20)
    assert idle.returncode == 0
    assert out.startswith(b'{"jsonrpc"')
    with interruptible():
        idle = subprocess.Popen([*ATPUB, "mcp"], cwd=lab.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with idle:
        assert idle.stdin
        assert idle.stdout
        idle.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        idle.stdin.flush()
        assert idle.stdout.readline()
        idle.send_signal(signal.SIGTERM)
        assert idle.wait(10) == 130


@pytest.mark.slow
def test_approve_asks_after_it_has_shown_this_plan(lab: Lab) -> None:
    digest = lab.run("plan", "--json").json["digest"]
    state = Path(os.environ["XDG_STATE_HOME"], "atpub", "approvals")
    before = sorted(state.glob("*"))
    for answer in ("\n", f"{digest[:5]}\n"):
        code, shown = approve(lab.folder, answer, digest)
        assert (code, shown.splitlines()[-1]) == (1, "Nothing was approved.")
    with terminal("approve", DIGEST, cwd=lab.folder, NO_COLOR="1") as other:
        assert other.end() == 5
    assert "[stale-plan]" in other.text
    assert sorted(state.glob("*")) == before


def test_approve_needs_a_terminal(lab: Lab) -> None:
    digest = lab.run("plan", "--json").json["digest"]
    found = lab.run("approve", digest)
    assert (found.code, found.out) == (64, "")
    assert "needs a terminal" in found.err


@pytest.mark.parametrize("time", ["", "0m", "1", "25h", "1441m", "1 h", "-1h", "99999h", "１h"])
def test_times_that_an_approval_is_not_good_for(lab: Lab, time: str) -> None:
    found = lab.run("approve", DIGEST, "--for", time)
    assert found.code == 64
    assert re.search("at most 24 hours|is no time", found.err)


def test_without_the_library(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp_types", None)
    monkeypatch.delitem(sys.modules, "atpub.agents.server", raising=False)
    found = lab.run("mcp")
    assert found.code == 64
    assert "pip install 'atpub[mcp]'" in found.err


def test_a_manifest_on_stdin(lab: Lab) -> None:
    assert "not stdin" in lab.run("mcp", "-m", "-").err
