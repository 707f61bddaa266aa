"""What of the lexicons has changed since a package was generated so that it breaks those who use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from atpub.atproto.data import Json, JsonObject
from atpub.atproto.evolution.compare import compare_versions
from atpub.atproto.evolution.model import breaks_words
from atpub.atproto.evolution.versions import version_of
from atpub.atproto.lexicon.model import Lexicons
from atpub.atproto.lexicon.violation import json_path
from atpub.atproto.syntax import Nsid
from atpub.problems import Problem
from atpub_codegen import recorded_documents


def find_breaking_changes(documents: Mapping[Nsid, Json], package: Path) -> tuple[Problem, ...]:
    """Return a warning for each breaking change from the lexicons that a generated package holds to new ones.

    Lexicons that only one of them has are no change: the settings may have selected others.
    """
    source = package / "_lexicons.py"
    old = recorded_documents(source.read_text("utf-8", errors="replace") if source.is_file() else "")
    both = documents.keys() & old.keys()
    versions = [version_of(values, Lexicons({}), both) for values in (old.values(), _objects(documents))]
    return tuple(
        Problem(
            change.code,
            f"{change.nsid} {json_path(change.path)}: {change.message}: breaks {breaks_words(change)}",
            None,
            change.way_out,
            "warning",
        )
        for change in compare_versions(versions[0], versions[1])
        if change.is_breaking
    )


def _objects(documents: Mapping[Nsid, Json]) -> Iterator[JsonObject]:
    return (value for value in documents.values() if isinstance(value, dict))
