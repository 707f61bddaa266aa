"""`help(atpub)`: every exported name says what it is, and every call that refuses says what it raises."""

from __future__ import annotations

import ast
import inspect
import pydoc
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import atpub


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The exported functions, and the public methods of exported classes."""
    for name in atpub.__all__:
        exported: Any = getattr(atpub, name)
        if inspect.isfunction(exported):
            yield name, exported
        elif isinstance(exported, type):
            for attribute, found in inspect.getmembers(exported):
                function: object = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
                is_public = not attribute.startswith("_")
                if is_public and inspect.isfunction(function) and function.__module__.startswith("atpub."):
                    yield f"{name}.{attribute}", inspect.unwrap(function)


PLAIN: Any = vars(pydoc)["plaintext"]  # its stubs leave it out
FUNCTIONS = dict(functions())


@pytest.mark.parametrize("name", atpub.__all__)
def test_every_exported_name_has_a_docstring(name: str) -> None:
    exported = getattr(atpub, name)
    doc = inspect.getdoc(exported)
    assert doc
    assert not doc.startswith(f"{name}("), "the docstring that dataclasses make"
    assert doc.splitlines()[0].endswith((".", ":", "`"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_has_a_docstring(name: str) -> None:
    assert inspect.getdoc(FUNCTIONS[name]), name


def refuses(function: Callable[..., Any]) -> bool:
    """Return whether a function raises, or checks an argument, which raises InvalidArgument."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Raise) and node.exc is not None:
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Call":
            return True
    return False


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items() if refuses(function)])
def test_a_function_that_refuses_says_what_it_raises(name: str) -> None:
    doc = inspect.getdoc(FUNCTIONS[name]) or ""
    assert re.search(r"\b[Rr]aises\b", doc), doc


def test_help_of_the_package() -> None:
    text = pydoc.render_doc(atpub, renderer=PLAIN)
    assert "Publish datasets to the AT Protocol" in text
    for name in ("open_fs", "load", "AtmosphereClient"):
        assert name in text
