"""Whatever is put into a manifest, it is valid, or each problem has its place: nothing else can happen."""

import contextlib
import copy
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cli.playground import write_files

from atpub.atproto.data import Json
from atpub.cli.main import run
from atpub.text.spans import Steps

WHOLE: dict[str, Any] = {
    "atpub": 1,
    "project": "lab",
    "account": "local",
    "did": "did:web:lab.example",
    "pds": "https://pds.lab.example",
    "environments": {"staging": {"account": "local:staging"}},
    "defaults": {"datasets": {"license": "CC0-1.0"}, "schemas": {"version": "1.0.0"}},
    "policy": {"max_delete": "30%"},
    "lexicons": {"path": "lexicons", "publish": True},
    "schemas": {
        "image": {"nsid": "org.lab.image", "version": "1.0.0", "fields": {"image": "ndarray", "label": "integer"}},
        "audio": {"nsid": "org.lab.audio", "version": "1.0.0", "file": "audio.json"},
        "text": {
            "nsid": "org.lab.text",
            "version": "1.0.0",
            "json_schema": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
        },
    },
    "datasets": {
        "digits": {"schema": "image", "blobs": ["data/*.tar"], "tags": ["a"], "metadata": {"a": 1}, "protect": True},
        "cats": {
            "schema": "image",
            "urls": "https://cdn.lab.example/{0..2}.tar",
            "checksums": {f"{number}.tar": str(number) * 64 for number in range(3)},
        },
        "dogs": {"schema": "audio", "urls": ["s3://lab/1.tar"], "checksums": "none", "s3": {"endpoint": "https://s3"}},
    },
    "labels": {"one": {"name": "digits", "dataset": "digits", "version": "1.0.0"}},
    "lenses": {
        "seen": {
            "source": "image",
            "target": "audio",
            "getter": {"repository": "https://git.lab.example", "commit": "abc", "path": "lens.py"},
            "putter": {"repository": "https://git.lab.example", "commit": "abc", "path": "lens.py"},
        }
    },
    "records": {
        "about": {
            "collection": "org.lab.note",
            "rkey": "self",
            "value": {"text": "x", "best": {"$ref": "datasets/digits"}, "pin": {"$strongRef": "schemas/image"}},
        },
        "face": {"collection": "org.lab.note", "value": {"text": "x", "image": {"$blob": "data/1.tar"}}},
    },
}
FILES = {
    "data/1.tar": {"tar": 1},
    "audio.json": '{"type": "object", "required": ["wave"], "properties": {"wave": {"type": "string"}}}',
    "lexicons/note.json": json.dumps(
        {
            "lexicon": 1,
            "id": "org.lab.note",
            "defs": {
                "main": {
                    "type": "record",
                    "key": "any",
                    "record": {
                        "type": "object",
                        "required": ["text"],
                        "properties": {
                            "text": {"type": "string", "maxLength": 9},
                            "pin": {"type": "ref", "ref": "com.atproto.repo.strongRef"},
                            "image": {"type": "blob"},
                        },
                    },
                }
            },
        }
    ),
}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2**70),
    st.floats(allow_nan=True),
    st.text(max_size=5),
    st.sampled_from(
        [
            "",
            ".",
            "..",
            "/",
            "a/b",
            "../x",
            "*",
            "data/*.tar",
            "{",
            "{0..9}",
            "${X}",
            "$",
            "at://x",
            "did:x",
            "none",
            "1.0.0",
            "org.lab.image",
            "org.lab.note",
            "image",
            "digits",
            "datasets/digits",
            "https://",
            "s3://",
            "a" * 4000,
        ]
    ),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$ref", "$blob", "$type", "$link", "$bytes", "type", "a"]), inner, max_size=2
        )
    ),
    max_leaves=6,
)


def places(value: Json, path: Steps = ()) -> list[Steps]:
    """The path of every part of a value but the whole."""
    found = [path] if path else []
    if isinstance(value, dict):
        return found + [inner for key, item in value.items() for inner in places(item, (*path, key))]
    if isinstance(value, list):
        return found + [inner for index, item in enumerate(value) for inner in places(item, (*path, index))]
    return found


def part(value: Any, path: Steps) -> Any:
    for step in path:
        value = value[step]
    return value


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """The whole manifest with up to three parts replaced, removed, renamed or put elsewhere."""
    value = copy.deepcopy(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(value)))
        holder, last = part(value, path[:-1]), path[-1]
        match draw(st.sampled_from(["replace", "remove", "rename", "copy"])):
            case "remove":
                del holder[last]
            case "rename" if isinstance(last, str):
                holder[draw(st.text(max_size=4) | st.just(f"{last}s"))] = part(holder, (last,))
                del holder[last]
            case "copy":
                holder[last] = copy.deepcopy(part(value, draw(st.sampled_from(places(value)))))
            case _:
                holder[last] = draw(ANYTHING)
    return value


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("mutations")
    write_files(made, FILES)
    return made


def validate(folder: Path, text: str) -> tuple[int, str, str]:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, suffix=".yaml") as file:
        file.write(text)
        file.flush()
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
            code = run(["validate", "-m", file.name, "--json"])
    return code, out.getvalue(), err.getvalue()


def test_the_whole_is_valid(folder: Path) -> None:
    code, out, err = validate(folder, yaml.safe_dump(WHOLE, allow_unicode=True))
    assert (code, json.loads(out)["records"]) == (0, 11), err


@pytest.mark.slow
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutated())
def test_mutations(folder: Path, value: Any) -> None:
    code, out, err = validate(folder, yaml.safe_dump(value, allow_unicode=True, sort_keys=False))
    assert code in (0, 3), err
    found = json.loads(out)
    if code == 3:
        problems = found["error"]["problems"]
        assert problems
        assert [problem for problem in problems if not problem["message"] or problem["line"] is None] == []
