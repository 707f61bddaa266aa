"""The language servers of editors, each started once, with the schemas that atpub prints."""

import json
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.editors.language_server import JSON_SERVER, YAML_SERVER, LanguageServer, serve
from tests.pds.reference import Unreachable

from atpub.generated import LEXICONS
from atpub.lexicon_tools.file_schema import lexicon_schema
from atpub.manifest.lexicon_files import read_unlinked
from atpub.manifest.load import find_lexicons
from atpub.manifest.record_schema import schema_with_records

EXAMPLE = Path(__file__).parents[2] / "manifests/records/atpub.yaml"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the schemas of the manifest, its records included, and of lexicons."""
    found = tmp_path_factory.mktemp("editor")
    lexicons = read_unlinked(find_lexicons([EXAMPLE]))[0].and_also(LEXICONS.lexicons)
    (found / "atpub.schema.json").write_text(json.dumps(schema_with_records(lexicons)))
    (found / "lexicon.schema.json").write_text(json.dumps(lexicon_schema()))
    return found


@pytest.fixture(scope="session")
def yaml_server() -> Iterator[LanguageServer]:
    yield from started(YAML_SERVER, {"yaml": {"validate": True, "hover": True, "completion": True}})


@pytest.fixture(scope="session")
def json_server(folder: Path) -> Iterator[LanguageServer]:
    schema = {"fileMatch": ["*.json"], "url": (folder / "lexicon.schema.json").as_uri()}
    yield from started(JSON_SERVER, {"json": {"validate": {"enable": True}, "schemas": [schema]}})


def started(program: str, settings: dict[str, object]) -> Iterator[LanguageServer]:
    """Run a server; tests are skipped where it cannot be installed."""
    try:
        with serve(program, settings) as server:
            yield server
    except Unreachable as reason:
        if os.environ.get("ATPUB_REQUIRE_PDS") == "1":
            raise
        pytest.skip(f"language servers: {reason}")


NUMBERS = count()


@pytest.fixture
def manifest(folder: Path) -> Path:
    """The path of a new manifest."""
    return folder / f"manifest-{next(NUMBERS)}.yaml"


@pytest.fixture
def lexicon_file(folder: Path) -> Path:
    """The path of a new lexicon."""
    return folder / f"lexicon-{next(NUMBERS)}.json"
