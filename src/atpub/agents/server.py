"""The server of the Model Context Protocol (MCP), on stdin and stdout: a client starts it as a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any, Final, TypeAlias

import anyio
import mcp_types as types
from anyio.to_thread import run_sync
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from atpub.agents.answers import Answer
from atpub.agents.tools import INSTRUCTIONS, TOOLS, Tool

CallTool: TypeAlias = Callable[[str, Mapping[str, Any]], Answer]
"""Calls a tool with arguments; raises nothing: errors are answers, too."""

_INTERRUPTED: Final = 130


def run_server(call_tool: CallTool) -> None:
    """Answer the requests on stdin until it ends; one tool runs at a time, in a thread."""
    anyio.run(_serve, call_tool)


async def _serve(call_tool: CallTool) -> None:
    one_at_a_time = anyio.CapacityLimiter(1)
    server = _build_server(call_tool, one_at_a_time)
    async with anyio.create_task_group() as tasks:
        if os.name == "posix":  # Windows has no such handlers; clients end a process there
            tasks.start_soon(_exit_on_signal, one_at_a_time)
        async with stdio_server() as (requests, responses):
            await server.run(requests, responses, server.create_initialization_options())
        tasks.cancel_scope.cancel()


async def _exit_on_signal(one_at_a_time: anyio.CapacityLimiter) -> None:
    """End the process on a signal, after the tool that runs: the thread that waits for stdin holds up any other end."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for _ in signals:
            async with one_at_a_time:
                os._exit(_INTERRUPTED)


def _build_server(call_tool: CallTool, one_at_a_time: anyio.CapacityLimiter) -> Server[Any]:
    async def list_tools(_context: Any, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_tool(tool) for tool in TOOLS])

    async def call(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        work = partial(call_tool, params.name, params.arguments or {})
        answer = await run_sync(work, limiter=one_at_a_time)
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=answer.text)],
            structured_content=answer.data,
            is_error=answer.is_error,
        )

    return Server(
        "atpub",
        version=version("atpub"),
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call,
    )


def _tool(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.input_schema(),
        annotations=types.ToolAnnotations(
            read_only_hint=not tool.writes,
            destructive_hint=tool.writes,
            idempotent_hint=not tool.writes,
            open_world_hint=tool.reads_network,
        ),
    )
