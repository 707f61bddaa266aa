"""The page about Python: its examples run in order, in a folder with its manifest and the classes of its lexicon."""

from __future__ import annotations

import ast
import doctest
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.codegen.packages import generated

from atpub.atproto.syntax import Nsid

PAGE = (Path(__file__).parents[2] / "docs/python.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def _records(tmp_path: Path) -> Iterator[None]:
    (lexicon,) = map(json.loads, blocks("json"))
    generated({Nsid(lexicon["id"]): lexicon}, "records", tmp_path)
    yield
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "records"]:
        del sys.modules[name]


@pytest.mark.usefixtures("_records")
def test_the_examples_run(monkeypatch: pytest.MonkeyPatch) -> None:
    (manifest,) = blocks("yaml")
    Path("atpub.yaml").write_text(manifest, "utf-8")
    monkeypatch.setenv("COLUMNS", "80")
    text = "\n".join(block for block in blocks("python") if block.startswith(">>>"))
    names: dict[str, object] = {}
    test = doctest.DocTestParser().get_doctest(text, names, "python.md", "docs/python.md", 0)
    done = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert done.failed == 0
    assert done.attempted > 30


def test_the_other_examples_are_python() -> None:
    for block in blocks("python"):
        if not block.startswith(">>>"):
            ast.parse(block)
