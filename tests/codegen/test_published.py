"""All the lexicons that the lexrpc package ships, of Bluesky and others: generated, imported, and every record kept."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import lexrpc  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # only its lexicons are used
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from tests.codegen.packages import GeneratedPackage, generated, linked, read

from atpub.atproto import data
from atpub.atproto.lexicon.model import MAIN, Array, Name, Object, Type, Unknown
from atpub.atproto.runtime import RecordBase, Value
from atpub.atproto.runtime.lexicons import type_at
from atpub.atproto.syntax import Nsid
from atpub.errors import InvalidRecord
from atpub.testing import documents, instances

OTHERS = Path(lexrpc.__file__).parent / "lexicons"
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> GeneratedPackage:
    return generated(read(OTHERS), "all_published", tmp_path_factory.mktemp("published"))


def records(package: GeneratedPackage) -> list[type[RecordBase]]:
    return [kind for kind in package.classes if issubclass(kind, RecordBase)]


@pytest.mark.slow
def test_all_are_generated_and_imported(published: GeneratedPackage) -> None:
    assert len(published.lexicons.by_nsid) == len(list(OTHERS.rglob("*.json"))) == 576
    assert linked(published.module().LEXICONS.documents) == published.lexicons
    assert len(published.classes) > 1000
    assert {kind.NSID for kind in records(published)} == {
        nsid for nsid in published.lexicons.by_nsid if published.lexicons.record(nsid)
    }
    for kind in published.classes:
        assert {*kind.WIRE} <= {*kind.__slots__}


@pytest.mark.slow
def test_only_what_is_unknown_is_any(published: GeneratedPackage) -> None:
    """Any stands for JSON that goes in, and in no field: there it is JsonObject, of the type unknown."""
    for path, text in published.files.items():
        for line in text.splitlines():
            if path.suffix == ".py" and re.search(r"\bAny\b", line):
                assert re.search(
                    r"^from typing |\(\w*,? ?data: Any\)|^ +(value: Any|data: Any,)$|-> list\[Any\]:$|^def load\(value",
                    line,
                ), line
    for kind in published.classes:
        for name, wire in kind.WIRE.items():
            if "JsonObject" in kind.__init__.__annotations__[name]:
                assert isinstance(innermost(object_of(published, kind).properties[wire]), Unknown)


@pytest.mark.slow
def test_the_formatter_changes_nothing(published: GeneratedPackage) -> None:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--line-length=120", "--check"]
    done = subprocess.run([*command, *published.module().__path__], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    sources = [text for path, text in published.files.items() if path.name != "_lexicons.py"]  # it holds JSON
    row = re.compile(r' +"[\w.-]+": "[\w.]+",')  # of the table of records: long names stay on one line
    assert max(len(line) for text in sources for line in text.splitlines() if not row.fullmatch(line)) <= 120


def object_of(package: GeneratedPackage, kind: type[Value]) -> Object:
    nsid, _, fragment = kind.NSID.partition("#")
    found = type_at(package.lexicons, Name(Nsid(nsid), fragment or MAIN), kind.WITHIN)
    assert isinstance(found, Object)
    return found


def innermost(kind: Type) -> Type:
    return innermost(kind.items) if isinstance(kind, Array) else kind


@pytest.mark.slow
def test_annotations_can_be_evaluated(published: GeneratedPackage) -> None:
    for kind in published.classes:
        assert {*get_type_hints(kind.__init__)} == {*kind.WIRE, "return"}


@pytest.mark.slow
def test_any_module_can_be_imported_first(published: GeneratedPackage) -> None:
    """And then every annotation in it has its value, whatever other modules that one needs first."""
    program = """
import gc, importlib, os, sys, typing
import atpub.atproto.runtime
gc.disable()  # a child ends before it has garbage
for name in sys.argv[1:]:
    if not os.fork():
        for item in vars(importlib.import_module(name)).values():
            if getattr(item, "__module__", "") == name:
                typing.get_type_hints(item.__init__ if isinstance(item, type) else item)
        os._exit(0)
    assert os.wait()[1] == 0, name
"""
    path = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", program, *(f"{published.name}.{name}" for name in published.modules if name)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=True)


@pytest.mark.slow
@settings(max_examples=300, suppress_health_check=SLOW, deadline=None)
@given(drawn=st.data())
def test_a_record_that_is_loaded_and_written_has_the_same_cid(published: GeneratedPackage, drawn: DataObject) -> None:
    kind = drawn.draw(st.sampled_from(records(published)), label="class")
    value = drawn.draw(documents(kind), label="value")
    assert data.cid_of(kind.from_json(value).to_json()) == data.cid_of(value)


@pytest.mark.slow
def test_each_record_has_examples_that_keep_their_cid(published: GeneratedPackage) -> None:
    for kind in records(published):
        keeps_its_cid(kind)


def keeps_its_cid(kind: type[Value]) -> None:
    @settings(max_examples=5, suppress_health_check=SLOW, deadline=None, database=None)
    @given(value=instances(kind))
    def check(value: Value) -> None:
        written = value.to_json()
        again = kind.from_json(written)
        assert again == value
        assert data.cid_of(again.to_json()) == data.cid_of(written)

    check()


@pytest.mark.slow
def test_a_wrong_record_is_refused(published: GeneratedPackage) -> None:
    for kind in records(published):
        with pytest.raises(InvalidRecord):
            kind.from_json({"$type": "com.example.unheard"})
