"""The calls of tools: which arguments they take."""

from collections.abc import Mapping
from typing import Any

import pytest

from atpub.agents.tools import LONGEST_ARGUMENT, TOOLS, read_call
from atpub.errors import Usage


def test_one_tool_writes() -> None:
    assert [tool.name for tool in TOOLS if tool.writes] == ["apply"]


def test_no_tool_takes_a_path_or_an_address_of_a_server() -> None:
    assert {tool.argument for tool in TOOLS} == {"", "name", "code", "digest"}


@pytest.mark.parametrize(
    ("name", "arguments", "found"),
    [("plan", {}, ""), ("show", {"name": "datasets/digits"}, "datasets/digits"), ("explain", {"code": "x"}, "x")],
)
def test_calls(name: str, arguments: Mapping[str, Any], found: str) -> None:
    assert read_call(name, arguments) == found


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("destroy", {}, "there is no tool 'destroy'"),
        ("", {}, "there is no tool ''"),
        ("x" * 9_999, {}, "there is no tool"),
        ("plan", {"manifest": "/etc/passwd"}, "plan has no argument manifest"),
        ("apply", {}, "apply needs the argument digest"),
        ("apply", {"digest": None}, "apply needs"),
        ("apply", {"digest": ["a"]}, "apply needs"),
        ("apply", {"digest": "a" * 64, "yes": True}, "apply has no argument yes"),
        ("show", {"name": ""}, "show needs"),
        ("show", {"name": "x" * (LONGEST_ARGUMENT + 1)}, "show needs"),
    ],
)
def test_other_calls(name: str, arguments: Mapping[str, Any], message: str) -> None:
    with pytest.raises(Usage, match=message):
        read_call(name, arguments)
