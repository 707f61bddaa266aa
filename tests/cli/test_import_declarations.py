"""Schemas published from `fields:` and `members:`, imported, and planned: each comes back as it was written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from tests.cli.playground import Ran
from tests.importing.test_declarations import FIELDS, MEMBERS

from atpub.atproto.data import Json
from atpub.manifest.fields import TYPES


def test_publish_import_plan(folder: Path, atpub: Callable[..., Ran]) -> None:
    schemas: dict[str, Any] = {
        "fields": {"nsid": "org.lab.fields", "version": "1.0.0", "fields": dict(named(FIELDS[: len(TYPES)]))},
        "members": {"nsid": "org.lab.members", "version": "1.0.0", "members": dict(named(MEMBERS))},
    }
    (folder / "atpub.yaml").write_text(json.dumps({"atpub": 1, "project": "lab", "schemas": schemas}))
    assert atpub("apply", "--account", "local", "--yes").code == 0
    (folder / "atpub.yaml").unlink()
    ran = atpub("import", "--all", "--account", "local", "--project", "lab", "--out", "atpub.yaml")
    assert ran.code == 0, ran.err
    written = yaml.safe_load((folder / "atpub.yaml").read_text())["schemas"]
    declared = [(kind, entry[kind]) for entry in written.values() for kind in ("fields", "members") if kind in entry]
    assert sorted(declared) == [(kind, schemas[kind][kind]) for kind in ("fields", "members")]
    assert atpub("plan", "--account", "local", "--detailed-exitcode").code == 0


def named(kinds: list[Json]) -> list[tuple[str, Json]]:
    return [(f"x{number:02}", kind) for number, kind in enumerate(kinds)]
