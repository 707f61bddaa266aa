"""The server of the Model Context Protocol (MCP), on stdin and stdout: a client starts it as a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any, TypeAlias

import anyio
import mcp_types as types
from anyio.to_thread import run_sync
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from atpub.agents.answers import Answer
from atpub.agents.tools import INSTRUCTIONS, TOOLS, Tool

CallTool: TypeAlias = Callable[[str, Mapping[str, Any]], Answer]
"""Calls a tool with arguments; raises nothing: errors are answers, too."""


def run_server(call_tool: CallTool) -> None:
    """Answer the requests on stdin until it ends; one tool runs at a time, in a thread."""
    anyio.run(_serve, build_server(call_tool))


def build_server(call_tool: CallTool) -> Server[Any]:
    """Return the server that offers the tools."""
    one_at_a_time = anyio.CapacityLimiter(1)

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


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (requests, responses):
        await server.run(requests, responses, server.create_initialization_options())
